/**
 * Ranges of a MaxMind database (MMDB): all of its networks in order, found by asking for the address behind the
 * last one. Some seconds for a large one, in a thread of its own; look-ups then need the file no more.
 */
import { EXIT_USAGE, UserError } from '@weir/base';
import { formatIPv4, formatIPv6 } from '@weir/ipfix';
import { Reader, type Response } from 'maxmind';
import { type AddressRanges, type Ranges, RangesBuilder } from '../addresses/address-ranges.ts';

/** `valueFrom` makes a number of what the database has for a network; 0 for nothing. */
export function rangesOfMmdb(
  octets: Buffer,
  fileName: string,
  valueFrom: (entry: Response) => number,
): AddressRanges {
  const reader = openReader(octets, fileName);
  const has6 = reader.metadata.ipVersion === 6;
  return {
    v4: rangesOfFamily(reader, 1, 0n, 1n << 32n, valueFrom),
    // Global unicast addresses; the database has IPv4 under ::/96 as well.
    v6: has6 ? rangesOfFamily(reader, 4, 1n << 125n, 1n << 126n, valueFrom) : new RangesBuilder(4).build(),
  };
}

function openReader(octets: Buffer, fileName: string): Reader<Response> {
  try {
    return new Reader<Response>(octets);
  } catch (error) {
    throw new UserError(
      'mmdb_invalid',
      `${fileName}: not a MaxMind database (${(error as Error).message})`,
      EXIT_USAGE,
    );
  }
}

function rangesOfFamily(
  reader: Reader<Response>,
  words: 1 | 4,
  first: bigint,
  end: bigint,
  valueFrom: (entry: Response) => number,
): Ranges {
  const builder = new RangesBuilder(words);
  const bits = words * 32;
  for (let address = first; address < end; ) {
    const [entry, length] = reader.getWithPrefixLength(textOf(address, words));
    builder.add(address, entry === null ? 0 : valueFrom(entry));
    // An IPv4 network of an IPv6 tree may be told with the length that it has there.
    const ownLength = words === 1 && length > 32 ? length - 96 : length;
    const size = 1n << BigInt(bits - ownLength);
    address = (address / size + 1n) * size;
  }
  if (end < 1n << BigInt(bits)) builder.add(end, 0);
  return builder.build();
}

function textOf(address: bigint, words: 1 | 4): string {
  const octets = new Uint8Array(words * 4);
  for (let at = octets.length - 1, rest = address; at >= 0; at -= 1, rest >>= 8n)
    octets[at] = Number(rest & 0xffn);
  return words === 1 ? formatIPv4(octets, 0) : formatIPv6(octets, 0);
}
