/** What each interface carried in the 5-minute bins of some hours, from the records. */
import { BIN_MS, type SeriesPlan, type TimeRange } from '@weir/analysis';
import type { AnalysisStore } from '../analyses/analysis-queue.ts';

export interface InterfaceBins {
  readonly exporter: string;
  readonly ifIndex: number;
  /** Octets by bin of the range. */
  readonly in: Float64Array;
  readonly out: Float64Array;
}

export interface HoursRead {
  readonly interfaces: readonly InterfaceBins[];
  /** By bin: whether anything was received at all. */
  readonly observed: readonly boolean[];
  /** Octets were of interfaces beyond INTERFACES_MAX. */
  readonly otherOctets: number;
}

/** A router has some hundred; each has a file of 70 KB. With both directions of each, and those told apart by point. */
export const INTERFACES_MAX = 500;
const EGRESS = 1;

/**
 * Reads `range` (whole bins). Records are multiplied by their sampling rate. An exporter that meters both what comes in
 * and what goes out tells of a packet twice: of an interface and direction the records of one kind of point count, those
 * that have more octets.
 */
export async function readHours(store: AnalysisStore, range: TimeRange): Promise<HoursRead> {
  const count = (range.toMs - range.fromMs) / BIN_MS;
  const bySource = new Map<string, InterfaceBins>();
  const observed = Array<boolean>(count).fill(false);
  let otherOctets = 0;
  for (const [field, way] of [
    ['inIf', 'in'],
    ['outIf', 'out'],
  ] as const) {
    const plan: SeriesPlan = {
      kind: 'series',
      timeRange: range,
      scaled: true,
      groupBy: [{ name: 'exporter' }, { name: field }, { name: 'direction' }],
      orderBy: 'octets',
      limit: INTERFACES_MAX * 2,
      stepMs: BIN_MS,
    };
    const { rows } = await store.query(plan);
    const points = new Map<string, Float64Array>();
    for (const row of rows) {
      const bin = (Date.parse(String(row['time'])) - range.fromMs) / BIN_MS;
      const [octets, exporter, ifIndex] = [Number(row['octets']), row['exporter'], row[field]];
      observed[bin] = true;
      if (row['other'] === true) otherOctets += octets;
      if (typeof exporter !== 'string' || typeof ifIndex !== 'number') continue;
      const point = `${exporter}|${ifIndex}|${row['direction'] === EGRESS ? 1 : 0}`;
      const bins = points.get(point) ?? new Float64Array(count);
      points.set(point, bins);
      bins[bin] = (bins[bin] ?? 0) + octets;
    }
    keepLargerPoint(points, way, count, bySource);
  }
  return { interfaces: [...bySource.values()], observed, otherOctets };
}

function keepLargerPoint(
  points: ReadonlyMap<string, Float64Array>,
  way: 'in' | 'out',
  count: number,
  bySource: Map<string, InterfaceBins>,
): void {
  for (const [point, bins] of points) {
    const [exporter = '', ifIndex = '', egress] = point.split('|');
    const other = points.get(`${exporter}|${ifIndex}|${egress === '1' ? 0 : 1}`);
    if (other !== undefined && sum(other) > sum(bins)) continue;
    const key = interfaceKey(exporter, Number(ifIndex));
    const known = bySource.get(key) ?? {
      exporter,
      ifIndex: Number(ifIndex),
      in: new Float64Array(count),
      out: new Float64Array(count),
    };
    bySource.set(key, known);
    known[way].set(bins);
  }
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

export const interfaceKey = (exporter: string, ifIndex: number): string => `interface:${exporter}|${ifIndex}`;

/** Names of interfaces as records have them, by their keys. */
export async function readInterfaceNames(
  store: AnalysisStore,
  range: TimeRange,
): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const [field, label] of [
    ['inIf', 'inIfName'],
    ['outIf', 'outIfName'],
  ] as const) {
    const { rows } = await store.query({
      kind: 'groups',
      timeRange: range,
      filter: `${label} exists`,
      groupBy: [{ name: 'exporter' }, { name: field }, { name: label }],
      orderBy: 'octets',
      descending: true,
      limit: INTERFACES_MAX,
    });
    for (const row of rows) {
      const key = interfaceKey(String(row['exporter']), Number(row[field]));
      if (!names.has(key)) names.set(key, String(row[label]));
    }
  }
  return names;
}
