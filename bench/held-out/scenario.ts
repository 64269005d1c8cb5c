/** What the held-out traffic is made of: scenarios with what is to be said of them, written down before they were ever played. */
import type { FlowRecords } from './flow-records.ts';

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
/** Nothing but what is innocent happens before: the learning of the detections with their defaults. */
export const QUIET_DAYS = 7;
export const HELD_OUT_DAYS = 11;
/** A Thursday, so that a weekend is in the quiet days. */
export const HELD_OUT_FROM_MS = Date.UTC(2026, 7, 6);

export interface Random {
  /** 0 ≤ x < 1. */
  unit(): number;
  /** 0 … below - 1. */
  below(below: number): number;
  /** Of the exponential distribution with this mean. */
  exponential(mean: number): number;
}

/** mulberry32; another generator than that of the synthetic month, so that nothing is shared with it. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return {
    unit,
    below: (below) => Math.floor(unit() * below),
    exponential: (mean) => -mean * Math.log(1 - unit()),
  };
}

/** Scenarios of the first half may be looked at when a detection is mended, those of the second may not. */
export type Half = 'first' | 'second';

export interface Scenario {
  readonly name: string;
  readonly half: Half;
  /** Detections of which one has to speak; empty for what is innocent, of which none may. */
  readonly expected: readonly string[];
  /** Addresses that only this scenario uses as attacker, victim or innocent: an alert that names one is about it. */
  readonly actors: readonly string[];
  readonly startMs: number;
  readonly play: (flows: FlowRecords, random: Random) => void;
}

/** `count` moments from `fromMs`, `gapMs` apart, each up to `jitter` of the gap away from its place. */
export function* moments(
  random: Random,
  { fromMs, count, gapMs, jitter = 0 }: { fromMs: number; count: number; gapMs: number; jitter?: number },
): Generator<number> {
  for (let index = 0; index < count; index++)
    yield fromMs + index * gapMs + (random.unit() * 2 - 1) * jitter * gapMs;
}

/** The time of day of each day from `fromDay` to `toDay`, on working days only when asked. */
export function* days(fromDay: number, toDay: number, isWorkingDays = false): Generator<number> {
  for (let day = fromDay; day < toDay; day++) {
    const startMs = HELD_OUT_FROM_MS + day * DAY_MS;
    if (isWorkingDays && [0, 6].includes(new Date(startMs).getUTCDay())) continue;
    yield startMs;
  }
}

/** A moment: day of the traffic, hour and minute of that day. */
export const at = (day: number, hour: number, minute = 0): number =>
  HELD_OUT_FROM_MS + day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS;
