/**
 * The percentile that bandwidth is billed by: of all 5-minute bins of a period, in descending order, the top 5 % are
 * left out, and the next one counts. Exact: every bin is sorted, none is sampled. Bins without traffic count as zero.
 */

/** How the number of bins that are left out is made whole; they differ by at most one bin. */
export const PERCENTILE_CONVENTIONS = ['nearest-rank', 'rrdtool'] as const;
export type PercentileConvention = (typeof PERCENTILE_CONVENTIONS)[number];

/**
 * How many of `count` bins are left out. `nearest-rank`: `count` × (100 − percentile) / 100, rounded down, so never more
 * than that share (8,640 bins: 432). `rrdtool`: what `VDEF:v=…,95,PERCENT` leaves out: it takes the bin at the place
 * round((count − 1) × percentile / 100) in ascending order from 0 (of 29 days one bin more).
 */
export function discardedBins(count: number, percentile: number, convention: PercentileConvention): number {
  if (count === 0) return 0;
  if (convention === 'nearest-rank') return Math.floor((count * (100 - percentile)) / 100);
  return count - 1 - Math.round(((count - 1) * percentile) / 100);
}

/** The bin that counts: 0 when there are none. */
export function percentileOf(
  bins: ArrayLike<number>,
  percentile: number,
  convention: PercentileConvention = 'nearest-rank',
): number {
  const ascending = Float64Array.from(bins).sort();
  return ascending[ascending.length - 1 - discardedBins(ascending.length, percentile, convention)] ?? 0;
}
