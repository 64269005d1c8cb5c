/**
 * What is usual at an hour of the week, robustly: the median of that hour in the weeks before, and the median absolute
 * deviation (MAD) as its spread; 1.4826 × MAD estimates the standard deviation of normal values (Rousseeuw and Croux 1993).
 * Where few weeks are known, hours like it stand in, and the basis says so.
 */
import { hourOfWeek, isWeekendHour, WEEK_HOURS } from './hour-of-week.ts';

export interface ObservedHour {
  readonly hourMs: number;
  readonly value: number;
}

export type BaselineBasis =
  /** The same hour of the week. */
  | 'hour-of-week'
  /** The same hour of the day, working days and weekends apart. */
  | 'hour-of-day'
  /** All hours. */
  | 'all-hours';

export interface Baseline {
  readonly basis: BaselineBasis;
  /** Values that it is of. */
  readonly samples: number;
  readonly median: number;
  readonly mad: number;
  readonly low: number;
  readonly high: number;
}

/** Fewer values say nothing about spread. */
export const SAMPLES_MIN = 3;
/** A day: fewer hours of any kind are no baseline. */
const ALL_HOURS_MIN = 24;
/** MAD × this estimates a standard deviation. */
export const MAD_TO_DEVIATION = 1.4826;
/** Of steady traffic the MAD is next to nothing, and any ripple would be far out: the spread is at least so much of the median. */
const SPREAD_SHARE_MIN = 0.1;
/** Beyond so many deviations it is no longer usual: the band that is drawn. */
const BAND_DEVIATIONS = 3;

/** The baseline at `hourMs` from the hours before; undefined where there are too few to say anything. */
export function baselineAt(hourMs: number, history: readonly ObservedHour[]): Baseline | undefined {
  const before = history.filter((each) => each.hourMs < hourMs);
  const hour = hourOfWeek(hourMs);
  const sameHour = before.filter((each) => hourOfWeek(each.hourMs) === hour);
  if (sameHour.length >= SAMPLES_MIN) return baselineOf('hour-of-week', sameHour);
  const alike = before.filter((each) => isAlike(hourOfWeek(each.hourMs), hour));
  if (alike.length >= SAMPLES_MIN) return baselineOf('hour-of-day', alike);
  return before.length < ALL_HOURS_MIN ? undefined : baselineOf('all-hours', before);
}

function isAlike(hour: number, other: number): boolean {
  return (hour - other + WEEK_HOURS) % 24 === 0 && isWeekendHour(hour) === isWeekendHour(other);
}

function baselineOf(basis: BaselineBasis, hours: readonly ObservedHour[]): Baseline {
  const values = hours.map(({ value }) => value);
  const median = medianOf(values);
  const mad = medianOf(values.map((value) => Math.abs(value - median)));
  const spread = BAND_DEVIATIONS * deviationOf({ median, mad });
  return {
    basis,
    samples: values.length,
    median,
    mad,
    low: Math.max(0, median - spread),
    high: median + spread,
  };
}

/** The spread as a standard deviation, at least a share of the median. */
export function deviationOf({ median, mad }: Pick<Baseline, 'median' | 'mad'>): number {
  return Math.max(MAD_TO_DEVIATION * mad, SPREAD_SHARE_MIN * median);
}

/** By how many deviations a value lies above the baseline (below: negative). */
export function deviationsAbove(value: number, baseline: Baseline, deviationMin = 0): number {
  const deviation = Math.max(deviationOf(baseline), deviationMin);
  const above = value - baseline.median;
  return above === 0 ? 0 : deviation === 0 ? Math.sign(above) * Number.POSITIVE_INFINITY : above / deviation;
}

/** The middle value; of an even number the mean of the two in the middle; NaN of none. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
