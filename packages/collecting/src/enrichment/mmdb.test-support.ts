/** Writes small MaxMind databases for IPv4 (format 2.0): https://maxmind.github.io/MaxMind-DB/ */
import { parsePrefix } from '../addresses/address-ranges.ts';

type Value = string | number | { readonly [key: string]: Value };

const RECORD_OCTETS = 4;
const SEPARATOR_OCTETS = 16;
const TYPE_STRING = 2;
const TYPE_MAP = 7;
const TYPE_UINT32 = 6;

export function mmdbOf(entries: readonly (readonly [prefix: string, value: Value])[]): Buffer {
  const nodes: [number, number][] = [[-1, -1]];
  const data: Buffer[] = [];
  const dataOffsets: number[] = [];
  for (const [text, value] of entries) {
    const prefix = parsePrefix(text, 1);
    if (prefix === undefined) throw new Error(text);
    dataOffsets.push(data.reduce((sum, { length }) => sum + length, 0));
    data.push(encode(value));
    let node = 0;
    for (let bit = 31; bit >= 32 - prefix.length; bit -= 1) {
      const side = Number((prefix.first >> BigInt(bit)) & 1n) as 0 | 1;
      const place = nodes[node] as [number, number];
      if (bit === 32 - prefix.length) place[side] = -1 - dataOffsets.length;
      else {
        if (place[side] === -1) place[side] = nodes.push([-1, -1]) - 1;
        node = place[side];
      }
    }
  }
  const count = nodes.length;
  const tree = Buffer.alloc(count * 2 * RECORD_OCTETS);
  for (const [index, records] of nodes.entries()) {
    for (const [side, record] of records.entries()) {
      const offset = dataOffsets[-record - 2] ?? 0;
      const written = record === -1 ? count : record < -1 ? count + SEPARATOR_OCTETS + offset : record;
      tree.writeUInt32BE(written, (index * 2 + side) * RECORD_OCTETS);
    }
  }
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 0,
    database_type: 'test',
    ip_version: 4,
    node_count: count,
    record_size: RECORD_OCTETS * 8,
  });
  const marker = Buffer.concat([Buffer.from('abcdef', 'hex'), Buffer.from('MaxMind.com')]);
  return Buffer.concat([tree, Buffer.alloc(SEPARATOR_OCTETS), ...data, marker, metadata]);
}

function encode(value: Value): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([control(TYPE_STRING, value.length), Buffer.from(value)]);
  if (typeof value === 'number') {
    const octets = Buffer.alloc(4);
    octets.writeUInt32BE(value);
    return Buffer.concat([control(TYPE_UINT32, 4), octets]);
  }
  const entries = Object.entries(value);
  return Buffer.concat([
    control(TYPE_MAP, entries.length),
    ...entries.flatMap(([key, each]) => [encode(key), encode(each)]),
  ]);
}

/** Sizes here are below 29. */
function control(type: number, size: number): Buffer {
  return Buffer.of((type << 5) | size);
}
