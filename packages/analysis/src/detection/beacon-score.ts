/**
 * How much a series of connections looks like a program that calls home by the clock: the beacon score of RITA v5
 * (activecm/rita, analysis/beacons.go), written from its formula. Times in seconds, octets as the source sent them.
 */

/** RITA's defaults (default_config.hjson). */
const BINS = 24;
const FREQUENCY_BIN_SHARE = 0.05;
const BIMODAL_BARS_MIN = 11;
const BIMODAL_OUTLIERS = 1;
const DURATION_BARS_MIN = 6;
const CONSISTENT_HOURS_IDEAL = 12;
const BOWLEY_DENOMINATOR_MIN = 10;
/** Fewer connections at different seconds, or fewer gaps between them, have no rhythm. */
const TIMES_MIN = 4;
const GAPS_MIN = 3;
const SIZES_MIN = 3;

export interface StatisticalScore {
  readonly score: number;
  /** Bowley's skewness, and the median absolute deviation. */
  readonly skew: number;
  readonly mad: number;
  readonly median: number;
}

export interface HistogramScore {
  readonly score: number;
  readonly coefficientOfVariation: number;
  readonly bimodal: number;
  /** Hours that have a connection, and the most of them in a row, past the end to the beginning. */
  readonly bars: number;
  readonly longestRun: number;
}

export interface DurationScore {
  readonly score: number;
  readonly coverage: number;
  readonly consistency: number;
}

export interface BeaconScore {
  readonly score: number;
  readonly times: StatisticalScore;
  readonly sizes: StatisticalScore;
  readonly histogram: HistogramScore;
  readonly duration: DurationScore;
}

export const round3 = (value: number): number => Math.round(value * 1000) / 1000;
const ceil3 = (value: number): number => Math.ceil(value * 1000) / 1000;

export function median(sorted: readonly number[]): number {
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

/** Q1 and Q3 are the medians of the halves, without the middle one of an odd number. */
function quartiles(sorted: readonly number[]): readonly [q1: number, q2: number, q3: number] {
  const half = sorted.length >> 1;
  return [median(sorted.slice(0, half)), median(sorted), median(sorted.slice(sorted.length - half))];
}

export function bowleySkewness(sorted: readonly number[]): number {
  const [q1, q2, q3] = quartiles(sorted);
  const isUnreliable = q3 - q1 < BOWLEY_DENOMINATOR_MIN || q2 === q1 || q2 === q3;
  return isUnreliable ? 0 : (q1 + q3 - 2 * q2) / (q3 - q1);
}

export function medianAbsoluteDeviation(sorted: readonly number[]): number {
  const middle = median(sorted);
  return median(sorted.map((value) => Math.abs(value - middle)).sort((one, other) => one - other));
}

/** How alike some numbers are; `whenSmall` stands for the share of the deviation when their median is below 1. */
export function statisticalScore(values: readonly number[], whenSmall: 0 | 1): StatisticalScore {
  const sorted = [...values].sort((one, other) => one - other);
  const skew = bowleySkewness(sorted);
  const mad = medianAbsoluteDeviation(sorted);
  const middle = median(sorted);
  const madScore = middle >= 1 ? Math.max(0, (middle - mad) / middle) : whenSmall;
  return { score: round3((1 - Math.abs(skew) + madScore) / 2), skew, mad, median: middle };
}

/** Of the gaps between sorted times; undefined when there are too few that are not 0. */
export function timestampScore(times: readonly number[]): StatisticalScore | undefined {
  if (times.length < TIMES_MIN) return undefined;
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  const positive = gaps.filter((gap) => gap > 0);
  return positive.length < GAPS_MIN ? undefined : statisticalScore(positive, 1);
}

/** Of the octets of each connection; undefined when there are fewer than three. */
export function dataSizeScore(octets: readonly number[]): StatisticalScore | undefined {
  return octets.length < SIZES_MIN ? undefined : statisticalScore(octets, 0);
}

/** Connections of each of 24 equal parts of the time from `from` to `to`; what is outside counts at the edge. */
export function connectionHistogram(times: readonly number[], from: number, to: number): number[] {
  const bins = new Array<number>(BINS).fill(0);
  for (const time of times) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(((time - from) * BINS) / (to - from))));
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return bins;
}

export function coefficientOfVariationScore(bins: readonly number[]): number {
  const mean = bins.reduce((sum, bin) => sum + bin, 0) / bins.length;
  if (mean <= 0) return 0;
  const variance = bins.reduce((sum, bin) => sum + (bin - mean) ** 2, 0) / bins.length;
  return round3(Math.max(0, 1 - Math.sqrt(variance) / mean));
}

/** How many of the bars have one of the two most frequent heights, within 5 % of the largest. */
export function bimodalScore(bins: readonly number[]): number {
  const bars = bins.filter((bin) => bin > 0);
  if (bars.length < BIMODAL_BARS_MIN) return 0;
  const width = Math.ceil(Math.max(...bars) * FREQUENCY_BIN_SHARE);
  const frequencies = new Map<number, number>();
  for (const bar of bars) {
    const bin = Math.floor(bar / width);
    frequencies.set(bin, (frequencies.get(bin) ?? 0) + 1);
  }
  const [largest = 0, second = 0] = [...frequencies.values()].sort((one, other) => other - one);
  return Math.min(1, round3((largest + second) / Math.max(bars.length - BIMODAL_OUTLIERS, 1)));
}

export function longestRun(bins: readonly number[]): number {
  let [run, longest] = [0, 0];
  for (const bin of [...bins, ...bins]) {
    run = bin > 0 ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return Math.min(longest, bins.length);
}

export function histogramScore(bins: readonly number[]): HistogramScore {
  const coefficientOfVariation = coefficientOfVariationScore(bins);
  const bimodal = bimodalScore(bins);
  const score = Math.max(coefficientOfVariation, bimodal);
  const bars = bins.filter((bin) => bin > 0).length;
  return { score, coefficientOfVariation, bimodal, bars, longestRun: longestRun(bins) };
}

/** 0 when fewer than six hours have a connection. `span` is how long the data set is, `seen` from first to last. */
export function durationScore(seen: number, span: number, bars: number, run: number): DurationScore {
  if (bars < DURATION_BARS_MIN) return { score: 0, coverage: 0, consistency: 0 };
  const coverage = Math.min(1, ceil3(seen / span));
  const consistency = Math.min(1, ceil3(run / CONSISTENT_HOURS_IDEAL));
  return { score: Math.max(coverage, consistency), coverage, consistency };
}

/** The four sub-scores, a quarter each. */
export function combinedBeaconScore(ts: number, ds: number, duration: number, histogram: number): number {
  return round3(0.25 * ts + 0.25 * ds + 0.25 * duration + 0.25 * histogram);
}

/** Of sorted times within `from` … `to`, the data set's; undefined when there are too few connections. */
export function beaconScore(
  times: readonly number[],
  octets: readonly number[],
  from: number,
  to: number,
): BeaconScore | undefined {
  const timesScore = timestampScore(times);
  const sizes = dataSizeScore(octets);
  if (timesScore === undefined || sizes === undefined || to <= from) return undefined;
  const histogram = histogramScore(connectionHistogram(times, from, to));
  const seen = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const duration = durationScore(seen, to - from, histogram.bars, histogram.longestRun);
  const score = combinedBeaconScore(timesScore.score, sizes.score, duration.score, histogram.score);
  return { score, times: timesScore, sizes, histogram, duration };
}

/** Thresholds of a measure: what is none, low, medium and high of it. */
export interface ImpactThresholds {
  readonly base: number;
  readonly low: number;
  readonly medium: number;
  readonly high: number;
}

/** RITA: beacons in percent, long connections in seconds. */
export const BEACON_IMPACT: ImpactThresholds = { base: 50, low: 70, medium: 90, high: 100 };
export const LONG_CONNECTION_IMPACT: ImpactThresholds = {
  base: 3600,
  low: 14_400,
  medium: 28_800,
  high: 43_200,
};

/** A measure between its thresholds as a score: 0.2 at the base, 0.4 low, 0.6 medium, 0.8 high and beyond. */
export function impactScore(value: number, { base, low, medium, high }: ImpactThresholds): number {
  if (value >= high) return 0.8;
  const steps = [base, low, medium, high];
  const index = steps.findLastIndex((step) => value >= step);
  const [from, to] = [steps[index], steps[index + 1]];
  if (from === undefined || to === undefined) return 0;
  return round3(0.2 * (index + 1) + (0.2 * (value - from)) / (to - from));
}
