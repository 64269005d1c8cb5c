/**
 * What each host, user, peer and service carried in each hour of the last weeks: the state from which baselines are
 * computed. Bounded: so many values of each kind; when a larger one comes, the smallest (by its decaying weight) goes.
 *
 * A value is known from the hour in which it entered the table: before that it was too small to be among the largest, or was
 * not there, and nothing is said of it. An hour that was not learned (nobody collected) is unknown, not zero.
 */
import { HOUR_MS, hourOfWeek, type ObservedHour, WEEK_HOURS, WEEK_MS, weekNumber } from '@weir/analysis';
import { z } from 'zod';

/** Beyond, people, devices and habits are others. */
export const WEEKS_KEPT = 8;
const SLOTS = WEEK_HOURS * WEEKS_KEPT;

/** 8 weeks × 168 hours × 4 octets = 5.4 kB a value: 600 are 3.2 MB, 4.3 MB in the file. */
export const VALUES_MAX: Readonly<Record<string, number>> = {
  total: 1,
  host: 200,
  user: 150,
  peer: 100,
  service: 50,
  roundTrip: 50,
  retransmitted: 50,
};
/** The weight halves in a week: what was large long ago makes room. */
const WEIGHT_HALF_MS = WEEK_MS;

export interface BaselineValue {
  readonly kind: string;
  readonly key: string;
  readonly value: number;
}

interface Row {
  readonly sinceMs: number;
  weight: number;
  weightMs: number;
  readonly values: Float32Array;
}

const rowSchema = z.object({
  kind: z.string().max(20),
  key: z.string().max(300),
  sinceMs: z.number(),
  weight: z.number(),
  weightMs: z.number(),
  values: z.base64(),
});
export const baselineStateSchema = z.object({
  version: z.literal(1),
  /** The hour that each slot holds, in hours since the epoch; 0 for none. */
  hours: z.base64(),
  rows: z.array(rowSchema).max(2000),
});
export type BaselineState = z.infer<typeof baselineStateSchema>;

export class BaselineTable {
  /** Hours since the epoch, by slot. */
  readonly #hours = new Uint32Array(SLOTS);
  readonly #kinds = new Map<string, Map<string, Row>>();
  /** Values that made room for larger ones. */
  evicted = 0;

  constructor(state?: BaselineState) {
    if (state === undefined) return;
    this.#hours.set(new Uint32Array(octetsOf(state.hours, SLOTS * 4)));
    for (const { kind, key, values, ...rest } of state.rows) {
      if (VALUES_MAX[kind] === undefined) continue;
      this.#kindOf(kind).set(key, { ...rest, values: new Float32Array(octetsOf(values, SLOTS * 4)) });
    }
  }

  state(): BaselineState {
    const rows = [...this.#kinds].flatMap(([kind, table]) =>
      [...table].map(([key, { values, ...rest }]) => ({ kind, key, ...rest, values: base64Of(values) })),
    );
    return { version: 1, hours: base64Of(this.#hours), rows };
  }

  /**
   * Learns a finished hour: `values` are the largest of each kind. Values that are in the table and not among them get
   * `0` where their kind is summed up, and stay unknown where it is measured (round trips).
   */
  learn(hourMs: number, values: readonly BaselineValue[]): void {
    const slot = slotOf(hourMs);
    this.#hours[slot] = hourMs / HOUR_MS;
    for (const [kind, table] of this.#kinds)
      for (const row of table.values()) row.values[slot] = isMeasured(kind) ? Number.NaN : 0;
    for (const { kind, key, value } of values) {
      const row = this.#rowFor(kind, key, value, hourMs);
      if (row === undefined) continue;
      row.values[slot] = value;
      row.weight = decayed(row, hourMs) + value;
      row.weightMs = hourMs;
    }
  }

  /** Known hours of a value that began before `beforeMs`, oldest first; undefined when it is not in the table. */
  history(kind: string, key: string, beforeMs: number): ObservedHour[] | undefined {
    const row = this.#kinds.get(kind)?.get(key);
    if (row === undefined) return undefined;
    const found: ObservedHour[] = [];
    for (const hourMs of this.learnedHours(beforeMs)) {
      if (hourMs < row.sinceMs) continue;
      const value = row.values[slotOf(hourMs)];
      if (value !== undefined && !Number.isNaN(value)) found.push({ hourMs, value });
    }
    return found;
  }

  /** Hours that were learned, began before `beforeMs` and are not too old to count, oldest first. */
  learnedHours(beforeMs: number): number[] {
    const oldestMs = beforeMs - WEEKS_KEPT * WEEK_MS;
    return Array.from(this.#hours, (hours) => hours * HOUR_MS)
      .filter((hourMs) => hourMs > 0 && hourMs < beforeMs && hourMs >= oldestMs)
      .sort((a, b) => a - b);
  }

  hasLearned(hourMs: number): boolean {
    return this.#hours[slotOf(hourMs)] === hourMs / HOUR_MS;
  }

  /** The values of a kind, those with most weight first. */
  keys(kind: string): string[] {
    const table = this.#kinds.get(kind) ?? new Map<string, Row>();
    return [...table].sort(([, a], [, b]) => b.weight - a.weight).map(([key]) => key);
  }

  forget(kind: string, key: string): boolean {
    return this.#kinds.get(kind)?.delete(key) ?? false;
  }

  get size(): number {
    return [...this.#kinds.values()].reduce((sum, table) => sum + table.size, 0);
  }

  #kindOf(kind: string): Map<string, Row> {
    const known = this.#kinds.get(kind) ?? new Map<string, Row>();
    this.#kinds.set(kind, known);
    return known;
  }

  #rowFor(kind: string, key: string, value: number, hourMs: number): Row | undefined {
    const max = VALUES_MAX[kind];
    if (max === undefined) return undefined;
    const table = this.#kindOf(kind);
    const known = table.get(key);
    if (known !== undefined) return known;
    if (table.size >= max && !this.#makeRoom(table, value, hourMs)) return undefined;
    const row = {
      sinceMs: hourMs,
      weight: 0,
      weightMs: hourMs,
      values: new Float32Array(SLOTS).fill(Number.NaN),
    };
    table.set(key, row);
    return row;
  }

  /** Removes the value of least weight, if that is less than what a new one brings. */
  #makeRoom(table: Map<string, Row>, value: number, hourMs: number): boolean {
    let [least, leastKey] = [Number.POSITIVE_INFINITY, ''];
    for (const [key, row] of table) {
      const weight = decayed(row, hourMs);
      if (weight < least) [least, leastKey] = [weight, key];
    }
    if (least >= value) return false;
    this.evicted += 1;
    return table.delete(leastKey);
  }
}

/** Kinds that are measured have no value in an hour without traffic, not zero. */
const isMeasured = (kind: string): boolean => kind === 'roundTrip' || kind === 'retransmitted';

const decayed = ({ weight, weightMs }: Row, nowMs: number): number =>
  weight * 0.5 ** (Math.max(0, nowMs - weightMs) / WEIGHT_HALF_MS);

const slotOf = (hourMs: number): number =>
  (((weekNumber(hourMs) % WEEKS_KEPT) + WEEKS_KEPT) % WEEKS_KEPT) * WEEK_HOURS + hourOfWeek(hourMs);

function octetsOf(text: string, length: number): ArrayBuffer {
  const octets = Buffer.from(text, 'base64');
  if (octets.length !== length) throw new Error(`${octets.length} octets where ${length} were written`);
  return octets.buffer.slice(octets.byteOffset, octets.byteOffset + length) as ArrayBuffer;
}

const base64Of = (array: Float32Array | Uint32Array): string =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');
