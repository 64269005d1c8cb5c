/** Records for tests of what questions mean: few values a column, so that filters hit and groups have members. */
import { type FlowRecord, formatAddress, formatMac } from '@weir/analysis';
import { FLOW_COLUMNS } from '@weir/ipfix';
import fc from 'fast-check';
import type { PlainRecord } from './test-batch.ts';

export const NOW_MS = 1_763_000_000_000;
export const EXPORTERS = [
  { address: '192.0.2.1', observationDomainId: 0, source: 'default_Netflow', version: 9 },
  { address: '2001:db8::1', observationDomainId: 42, source: 'ipfix', version: 10 },
];
const V4 = 0xffff_0000_0000n;
export const ADDRESSES: readonly (readonly [bigint, bigint])[] = [
  [0n, V4 | 0x0a00_0001n],
  [0n, V4 | 0x0a00_0002n],
  [0n, V4 | 0x0a01_0001n],
  [0n, V4 | 0xffff_ffffn],
  [0n, V4],
  [0n, 1n],
  [0x2001_0db8_0000_0000n, 1n],
  [0x2001_0db8_0000_0000n, 0xffff_ffff_ffff_ffffn],
  [0xffff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn],
];

export const LABELS = ['ada', 'grace', 'Vienna', 'ssh-in', "o'brien", 'Gi0/1', ''];
/** `DE`, `US`, `AT` as two octets. */
const COUNTRIES = [0x4445, 0x5553, 0x4154];
const meanings = new Map<string, string | undefined>(
  FLOW_COLUMNS.map((column) => [column.name, 'meaning' in column ? column.meaning : undefined]),
);

/** Few values a column, so that filters hit; each column is null in some records. */
export function recordArbitrary(): fc.Arbitrary<PlainRecord> {
  const columns: Record<string, fc.Arbitrary<number | bigint | undefined>> = {};
  for (const { name, type, ...rest } of FLOW_COLUMNS) {
    const meaning = 'meaning' in rest ? rest.meaning : undefined;
    if (meaning === 'addressHi' || meaning === 'addressLo' || meaning === 'layoutIndex') continue;
    const max = type === 'u8' ? 255 : type === 'u16' ? 65_535 : 4_000_000_000;
    const values =
      meaning === 'timeMs'
        ? fc.integer({ min: 0, max: 120_000 }).map((offset) => NOW_MS + offset)
        : meaning === 'exporterIndex'
          ? fc.constantFrom(0, 1)
          : meaning === 'labelIndex'
            ? fc.nat({ max: LABELS.length - 1 })
            : meaning === 'country'
              ? fc.constantFrom(...COUNTRIES)
              : fc.oneof(fc.constantFrom(0, 1, 2, 6, 17, 53, 80, 131, 200), fc.integer({ min: 0, max }));
    columns[name] = name === 'receivedAt' ? values : fc.option(values, { nil: undefined, freq: 5 });
  }
  const address = fc.option(fc.constantFrom(...ADDRESSES), { nil: undefined, freq: 5 });
  return fc.tuple(fc.record(columns), address, address, address).map(([record, src, dst, next]) => ({
    ...(record as PlainRecord),
    ...halves('srcAddr', src),
    ...halves('dstAddr', dst),
    ...halves('nextHop', next),
  }));
}

function halves(name: string, address: readonly [bigint, bigint] | undefined) {
  return address === undefined ? {} : { [`${name}Hi`]: address[0], [`${name}Lo`]: address[1] };
}

export function evaluatorRecord(record: PlainRecord): FlowRecord {
  const result: Record<string, string | number | bigint | undefined> = {};
  for (const [name, value] of Object.entries(record)) {
    if (value === undefined || value instanceof Uint8Array) continue;
    if (name.endsWith('Mac')) result[name] = formatMac(BigInt(value));
    else if (name === 'exporter') {
      const { address, source, observationDomainId, version } = EXPORTERS[Number(value)]!;
      Object.assign(result, { exporter: address, source, observationDomainId, exportVersion: version });
    } else if (meanings.get(name) === 'labelIndex') result[name] = LABELS[Number(value)];
    else if (meanings.get(name) === 'country') {
      result[name] = String.fromCharCode(Number(value) >> 8, Number(value) & 255);
    } else if (!/(Hi|Lo)$/.test(name)) result[name] = value;
  }
  for (const name of ['srcAddr', 'dstAddr', 'nextHop'] as const) {
    const [hi, lo] = [record[`${name}Hi`], record[`${name}Lo`]];
    if (hi !== undefined && lo !== undefined)
      result[name] = formatAddress({ hi: BigInt(hi), lo: BigInt(lo) });
  }
  return result;
}
