/**
 * The bins of one account and period, as state of their own: they outlive the records. Each record is counted once, by
 * its arrival, in whatever bins its flow touches: on the way to `throughMs` in bins that are open, and once an hour, up to
 * `lateThroughMs`, in those that are settled. Bins and these times are written together, so that a process that is killed
 * counts nothing twice and leaves nothing out.
 */
import { BIN_MS, type BillingPeriod, type TimeRange } from '@weir/analysis';
import type { PeriodBins } from './billing-schema.ts';
import type { BinSums } from './bin-reader.ts';

/** A bin is open for so long: what comes later is late, which is counted and said. */
export const BIN_OPEN_MS = 3 * 3_600_000;

export function emptyPeriod({ name, fromMs, toMs }: BillingPeriod, nowMs: number): PeriodBins {
  const count = (toMs - fromMs) / BIN_MS;
  return {
    version: 1,
    period: name,
    fromMs,
    toMs,
    in: Array<number>(count).fill(0),
    out: Array<number>(count).fill(0),
    throughMs: nowMs,
    lateThroughMs: nowMs,
    splitMs: binStart(nowMs - BIN_OPEN_MS),
    pendingFromMs: null,
    observedFromMs: fromMs,
    lateRecords: 0,
    lateOctets: 0,
    sampledOctets: 0,
    sampledPackets: 0,
    rateMax: 1,
    closed: null,
  };
}

export const binStart = (timeMs: number): number => Math.floor(timeMs / BIN_MS) * BIN_MS;

/** Clocks of exporters that are a little ahead: what they tell of the next bin counts. */
export const openEnd = (timeMs: number): number => binStart(timeMs) + 2 * BIN_MS;

/** The bins of `range` that are in the period; undefined when none are. */
export function partOf({ fromMs, toMs }: PeriodBins, range: TimeRange): TimeRange | undefined {
  const part = { fromMs: Math.max(fromMs, range.fromMs), toMs: Math.min(toMs, range.toMs) };
  return part.fromMs < part.toMs ? part : undefined;
}

/** Adds what records brought to the bins that begin at `fromMs`. */
export function addSums(bins: PeriodBins, fromMs: number, sums: BinSums, isLate: boolean): PeriodBins {
  const first = (fromMs - bins.fromMs) / BIN_MS;
  const octets =
    sums.in.reduce((sum, value) => sum + value, 0) + sums.out.reduce((sum, value) => sum + value, 0);
  return {
    ...bins,
    in: added(bins.in, first, sums.in),
    out: added(bins.out, first, sums.out),
    lateRecords: bins.lateRecords + (isLate ? sums.records : 0),
    lateOctets: bins.lateOctets + (isLate ? Math.round(octets) : 0),
    sampledOctets: bins.sampledOctets + Math.round(sums.sampledOctets),
    sampledPackets: bins.sampledPackets + Math.round(sums.sampledPackets),
    rateMax: Math.max(bins.rateMax, sums.rateMax),
  };
}

function added(bins: readonly number[], first: number, more: Float64Array): number[] {
  const sums = [...bins];
  for (const [index, value] of more.entries()) {
    if (value > 0) sums[first + index] = toThousandth((sums[first + index] ?? 0) + value);
  }
  return sums;
}

/** Spreading leaves fractions of octets; more places than three say nothing. */
const toThousandth = (value: number): number => Math.round(value * 1000) / 1000;
