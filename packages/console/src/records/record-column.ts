/** The columns of raw records: one for each field of the language, and for whatever else a record has. */
import { FIELDS, fieldNamed } from '@weir/analysis';
import type { FlowRecord } from '../api/contract.ts';
import { dimensionTitle } from '../flows/dimension.ts';

/** What a column's values are, hence how they are drawn. */
export type RecordColumnKind = 'time' | 'octets' | 'count' | 'duration' | 'rate' | 'value';

export interface RecordColumn {
  name: string;
  title: string;
  about: string;
  kind: RecordColumnKind;
  /** In rem. */
  width: number;
}

export const COLUMNS_WIDE: readonly string[] = [
  'flowEnd',
  'protocol',
  'srcAddr',
  'srcPort',
  'dstAddr',
  'dstPort',
  'octets',
  'packets',
  'duration',
  'tcpFlags',
  'direction',
  'exporter',
];
export const COLUMNS_NARROW: readonly string[] = ['flowEnd', 'srcAddr', 'dstAddr', 'dstPort', 'octets'];

const TIMES = new Set(['flowStart', 'flowEnd', 'receivedAt']);
const OCTETS = new Set(['octets', 'reverseOctets']);
const COUNTS = new Set(['packets', 'reversePackets']);
const RATES = new Set(['bps', 'pps', 'bpp']);

export function recordColumn(name: string): RecordColumn {
  const field = fieldNamed(name);
  const kind = kindOf(name);
  return {
    name,
    title: dimensionTitle(name),
    about: field?.description ?? '',
    kind,
    width: widthOf(name, kind),
  };
}

function kindOf(name: string): RecordColumnKind {
  if (TIMES.has(name)) return 'time';
  if (OCTETS.has(name)) return 'octets';
  if (COUNTS.has(name)) return 'count';
  if (RATES.has(name)) return 'rate';
  return name === 'duration' ? 'duration' : 'value';
}

function widthOf(name: string, kind: RecordColumnKind): number {
  if (kind === 'time') return 7;
  if (kind !== 'value') return 5.5;
  if (/Addr$|nextHop/.test(name)) return 11;
  if (/Port$/.test(name)) return 6.5;
  if (/Name$|Network$|User$|Peer$|Site$|Mac$|exporter$|^application$|^rule$/.test(name)) return 9;
  return 7;
}

/** All columns that there are: the fields of the language, then what these records have beside them. */
export function allColumns(records: readonly FlowRecord[]): string[] {
  const names = new Set(FIELDS.map(({ name }) => name));
  for (const record of records.slice(0, 200)) for (const name of Object.keys(record)) names.add(name);
  return [...names];
}

const timeMs = (record: FlowRecord, name: string): number => Date.parse(String(record[name] ?? ''));

/** A field of a record; those that are calculated from others, too. Null where the record has it not. */
export function recordValue(record: FlowRecord, name: string): string | number | null {
  const given = record[name];
  if (given !== undefined && given !== null) {
    return typeof given === 'object' ? JSON.stringify(given) : given;
  }
  const lengthMs = timeMs(record, 'flowEnd') - timeMs(record, 'flowStart');
  const octets = Number(record['octets'] ?? Number.NaN);
  const packets = Number(record['packets'] ?? Number.NaN);
  const known = (value: number): number | null => (Number.isFinite(value) ? value : null);
  switch (name) {
    case 'duration':
      return known(lengthMs);
    case 'bps':
      return lengthMs > 0 ? known((octets * 8000) / lengthMs) : null;
    case 'pps':
      return lengthMs > 0 ? known((packets * 1000) / lengthMs) : null;
    case 'bpp':
      return packets > 0 ? known(octets / packets) : null;
    case 'icmpType':
      return partOf(record['icmpTypeCode'], (both) => both >> 8);
    case 'icmpCode':
      return partOf(record['icmpTypeCode'], (both) => both & 0xff);
    case 'forwardingState':
      return partOf(record['forwardingStatus'], (status) => status >> 6);
    case 'ipVersion': {
      const address = record['srcAddr'];
      return typeof address === 'string' ? (address.includes(':') ? 6 : 4) : null;
    }
    default:
      return null;
  }
}

const partOf = (value: unknown, part: (whole: number) => number): number | null =>
  typeof value === 'number' ? part(value) : null;
