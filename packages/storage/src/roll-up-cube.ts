/**
 * What the roll-ups keep. A roll-up sums octets, packets and flows of each minute or hour in several cubes:
 * each has the context of the flows, exactly, and its own columns for the values that were largest in their
 * hour; the rest of each context is summed up in rows with `other` true, whose own columns are NULL. So the
 * sums of every cube are those of the records.
 */
import { STORED_COLUMNS } from './stored-column.ts';

export type RollUpLevel = '1m' | '1h';

export const LEVELS: readonly { readonly level: RollUpLevel; readonly stepMs: number }[] = [
  { level: '1m', stepMs: 60_000 },
  { level: '1h', stepMs: 3_600_000 },
];

export function stepOf(level: RollUpLevel): number {
  return LEVELS.find((each) => each.level === level)?.stepMs ?? 0;
}

export interface RollUpCube {
  readonly name: string;
  /** Columns of `flows` that are ranked together. */
  readonly ranked: readonly string[];
  readonly keep: Readonly<Partial<Record<RollUpLevel, Keep>>>;
  /** Cubes before this one: only values are ranked whose parts were kept there. */
  readonly within?: readonly string[];
  /** Its rows do not tell exporters apart, so that four times as many values can be kept. */
  readonly withoutExporter?: true;
}

/** Values kept of each hour of the files that are summed up at once: the first by octets, by packets and by flows. */
interface Keep {
  readonly most: number;
  readonly least: number;
  /** Between these, one for so many records of an hour. */
  readonly recordsPerValue: number;
}

/** How many values of an hour with so many records are kept. */
export function keptOf(cube: RollUpCube, level: RollUpLevel, recordsPerHour: number): number {
  const keep = cube.keep[level];
  if (keep === undefined) return 0;
  return Math.min(keep.most, Math.max(keep.least, Math.ceil(recordsPerHour / keep.recordsPerValue)));
}

/**
 * Few values each: all combinations are kept. Interfaces are none of them: a network of 50 exporters has 5500
 * combinations in an hour where it has 350 without, and nearly every record is alone in its minute.
 */
const HOUR_CONTEXT: readonly string[] = [
  'exporterId',
  'protocol',
  'direction',
  'forwardingStatus',
  'samplingRate',
  'duplicate',
];
/** Exporters multiply minutes by ten. */
const MINUTE_CONTEXT: readonly string[] = HOUR_CONTEXT.filter((name) => name !== 'exporterId');

/** The context of all cubes, or of one, which lacks what is ranked there. */
export function contextOf(level: RollUpLevel, cube?: RollUpCube): string[] {
  const context = level === '1m' || cube?.withoutExporter === true ? MINUTE_CONTEXT : HOUR_CONTEXT;
  return context.filter((name) => cube?.ranked.includes(name) !== true);
}

const HOUR: Keep = { most: 1000, least: 100, recordsPerValue: 1024 };
/** Coarser groups, as countries out of AS and country, lack what all values have that are not kept. */
const MANY: Keep = { ...HOUR, most: 4000, recordsPerValue: 256 };
const MINUTE: Keep = { most: 100, least: 20, recordsPerValue: 8192 };

/** Rows for a record in a month of 100 million, 50 exporters: 0.27 by the hour, 0.21 by the minute; 7 octets each. */
export const CUBES: readonly RollUpCube[] = [
  { name: 'src', ranked: ['srcAddrHi', 'srcAddrLo'], keep: { '1m': MINUTE, '1h': HOUR } },
  { name: 'dst', ranked: ['dstAddrHi', 'dstAddrLo'], keep: { '1m': MINUTE, '1h': HOUR } },
  {
    name: 'pair',
    ranked: ['srcAddrHi', 'srcAddrLo', 'dstAddrHi', 'dstAddrLo'],
    keep: { '1h': { ...HOUR, most: 2000 } },
    within: ['src', 'dst'],
  },
  { name: 'srcPort', ranked: ['srcPort'], keep: { '1h': HOUR } },
  { name: 'dstPort', ranked: ['dstPort'], keep: { '1m': MINUTE, '1h': HOUR } },
  {
    name: 'srcNet',
    withoutExporter: true,
    ranked: ['srcAs', 'srcCountry', 'srcNetwork', 'srcSite'],
    keep: { '1m': MINUTE, '1h': MANY },
  },
  {
    name: 'dstNet',
    withoutExporter: true,
    ranked: ['dstAs', 'dstCountry', 'dstNetwork', 'dstSite'],
    keep: { '1m': MINUTE, '1h': MANY },
  },
  {
    name: 'path',
    withoutExporter: true,
    ranked: ['srcAs', 'dstAs', 'srcCountry', 'dstCountry'],
    keep: { '1h': MANY },
  },
  { name: 'who', ranked: ['srcUser', 'dstUser', 'srcPeer', 'dstPeer'], keep: { '1h': HOUR } },
  {
    name: 'policy',
    ranked: ['rule', 'application', 'dropReason', 'firewallEvent', 'tos', 'tcpFlags', 'endReason', 'vlanId'],
    keep: { '1m': MINUTE, '1h': HOUR },
  },
  {
    name: 'interface',
    ranked: ['exporterId', 'inIf', 'outIf'],
    keep: { '1m': MINUTE, '1h': { ...HOUR, most: 4000, recordsPerValue: 64 } },
  },
];

export function cubesOf(level: RollUpLevel): RollUpCube[] {
  return CUBES.filter(({ keep }) => keep[level] !== undefined);
}

export function rollUpCube(name: string): RollUpCube | undefined {
  return CUBES.find((cube) => cube.name === name);
}

/** The columns by which a cube can be grouped. */
export function columnsOf(level: RollUpLevel, cube: RollUpCube): string[] {
  return [...contextOf(level, cube), ...cube.ranked];
}

const SQL_TYPES = new Map(STORED_COLUMNS.map(({ name, sqlType }) => [name, sqlType]));

/** All columns by which roll-ups can be grouped, each once. */
export const ROLL_UP_COLUMNS: readonly string[] = [
  ...new Set([...CUBES.flatMap(({ ranked }) => ranked), ...HOUR_CONTEXT]),
];

export function sqlTypeOf(column: string): string {
  return SQL_TYPES.get(column) ?? 'VARCHAR';
}
