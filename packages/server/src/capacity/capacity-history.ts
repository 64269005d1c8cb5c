/** The history of one subject: means of hours, figures of days, the bins of the day that runs. Pure. */
import { BIN_MS, mbitOf, percentileOf } from '@weir/analysis';
import type { CapacityDay, CapacitySubject } from './capacity-schema.ts';

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
const BINS_OF_DAY = 288;
const BINS_OF_HOUR = 12;
/** What the seasons of hours are made of: eight weeks. */
const HOURS_KEPT = 8 * 168;
/** More than two years: 60 octets each. */
const DAYS_KEPT = 800;
/** Fewer bins say too little of a day's 95th percentile: 18 hours. */
export const BINS_OF_WHOLE_DAY = 216;

/** Octets of both directions in the bins of some hours. */
export interface SubjectBins {
  readonly in: ArrayLike<number>;
  readonly out: ArrayLike<number>;
}

export function emptySubject(
  key: string,
  kind: CapacitySubject['kind'],
  exporter: string,
  ifIndex: number | null,
  name: string,
): CapacitySubject {
  const today = { day: 0, in: [], out: [] };
  const hours = { firstHour: 0, in: [], out: [] };
  return { version: 1, key, kind, exporter, ifIndex, name, throughMs: 0, days: [], today, hours };
}

/** Adds whole hours that follow what the subject has; what it has already is left alone. */
export function addHours(
  subject: CapacitySubject,
  fromMs: number,
  bins: SubjectBins,
  observed: readonly boolean[],
): CapacitySubject {
  let next = subject;
  for (let first = 0; first < bins.in.length; first += BINS_OF_HOUR) {
    const hourMs = fromMs + first * BIN_MS;
    if (hourMs < next.throughMs) continue;
    const wasObserved = observed.slice(first, first + BINS_OF_HOUR).some((each) => each);
    const of = (values: ArrayLike<number>): (number | null)[] =>
      Array.from({ length: BINS_OF_HOUR }, (_, index) =>
        wasObserved ? rate(values[first + index] ?? 0) : null,
      );
    next = addHour(next, hourMs, of(bins.in), of(bins.out));
  }
  return next;
}

/** To a thousandth of a Mbit/s. */
const rate = (octets: number): number => Math.round(mbitOf(octets) * 1000) / 1000;

function addHour(
  subject: CapacitySubject,
  hourMs: number,
  into: (number | null)[],
  out: (number | null)[],
): CapacitySubject {
  const day = Math.floor(hourMs / DAY_MS);
  const closed = subject.today.day === day ? subject : closeDay(subject, day);
  const offset = (hourMs - day * DAY_MS) / BIN_MS;
  const placed = (list: readonly (number | null)[], values: (number | null)[]) => {
    const bins = Array.from({ length: BINS_OF_DAY }, (_, index) => list[index] ?? null);
    for (const [index, value] of values.entries()) bins[offset + index] = value;
    return bins;
  };
  return {
    ...closed,
    throughMs: hourMs + HOUR_MS,
    today: { day, in: placed(closed.today.in, into), out: placed(closed.today.out, out) },
    hours: withHour(closed.hours, hourMs / HOUR_MS, meanOf(into), meanOf(out)),
  };
}

function closeDay(subject: CapacitySubject, day: number): CapacitySubject {
  const { today } = subject;
  const bins = today.in.filter((value) => value !== null).length;
  const figures: CapacityDay = { day: today.day, bins, in: figuresOf(today.in), out: figuresOf(today.out) };
  const days = bins === 0 ? subject.days : [...subject.days, figures].slice(-DAYS_KEPT);
  return { ...subject, days, today: { day, in: [], out: [] } };
}

function figuresOf(bins: readonly (number | null)[]): CapacityDay['in'] {
  const known = bins.filter((value) => value !== null);
  return { p95: percentileOf(known, 95), max: Math.max(0, ...known), mean: meanOf(known) ?? 0 };
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return null;
  return Math.round((known.reduce((sum, value) => sum + value, 0) / known.length) * 1000) / 1000;
}

/** Hours in between, of which nothing is known, are null. */
function withHour(
  hours: CapacitySubject['hours'],
  hour: number,
  into: number | null,
  out: number | null,
): CapacitySubject['hours'] {
  const firstHour = hours.in.length === 0 ? hour : hours.firstHour;
  const gap = Array<null>(Math.max(0, Math.min(HOURS_KEPT, hour - firstHour - hours.in.length))).fill(null);
  const all = { in: [...hours.in, ...gap, into], out: [...hours.out, ...gap, out] };
  const dropped = Math.max(0, all.in.length - HOURS_KEPT);
  // After a gap of more than HOURS_KEPT hours only the new one is of use.
  return {
    firstHour: hour - (all.in.length - dropped) + 1,
    in: all.in.slice(dropped),
    out: all.out.slice(dropped),
  };
}
