/** How far a period that still runs is from its commit: what may be used until its end. */
import {
  type BillingBins,
  type BillingPlan,
  billedOctets,
  billedVolume,
  measured,
  OCTETS_PER_MBIT,
} from './billing-charge.ts';
import { discardedBins, percentileOf } from './billing-percentile.ts';

export interface CommitDistance {
  readonly binsPast: number;
  readonly binsLeft: number;
  /** What the bill would be by, had the period ended now: Mbit/s, or GB. */
  readonly soFar: number;
  /** The same when nothing more is used: the bill cannot get less. */
  readonly atLeast: number;
  /** The same when the rest of the period is as what is past of it. */
  readonly expected: number;
  readonly commit: number;
  readonly state: 'within' | 'expected' | 'exceeded';
  /** Of a percentile: how many bins above the commit do no harm, and how many there are already. */
  readonly allowedAbove?: number;
  readonly binsAbove?: number;
  /**
   * What may be used in each of the bins that are left, in Mbit/s; Infinity when so few are left that they do not
   * matter. Zero when the commit is exceeded whatever comes.
   */
  readonly mayUseMbit: number;
}

/** Fewer days tell nothing of the rest of a month. */
const BINS_FOR_EXPECTATION = 3 * 288;
const BIN_SECONDS = 300;

/** `bins` has those that are past; `binsAll` is how many the period has. */
export function commitDistance(bins: BillingBins, plan: BillingPlan, binsAll: number): CommitDistance {
  const binsPast = bins.in.length;
  const binsLeft = Math.max(0, binsAll - binsPast);
  return plan.kind === 'volume'
    ? volumeDistance(bins, plan, binsPast, binsLeft)
    : percentileDistance(bins, plan, binsPast, binsLeft);
}

function volumeDistance(
  bins: BillingBins,
  plan: BillingPlan,
  binsPast: number,
  binsLeft: number,
): CommitDistance {
  const commit = Number(plan.commit);
  const soFar = billedVolume(bins, plan) / 1e9;
  const expected = binsPast === 0 ? 0 : (soFar * (binsPast + binsLeft)) / binsPast;
  const left = Math.max(0, commit - soFar) * 8000; // Mbit
  return {
    binsPast,
    binsLeft,
    soFar,
    atLeast: soFar,
    expected,
    commit,
    state: stateOf(soFar, expected, commit, binsPast),
    mayUseMbit: binsLeft === 0 ? 0 : left / (binsLeft * BIN_SECONDS),
  };
}

function percentileDistance(
  bins: BillingBins,
  plan: BillingPlan,
  binsPast: number,
  binsLeft: number,
): CommitDistance {
  const { percentile, convention, measure } = plan;
  const commit = Number(plan.commit);
  const binsAll = binsPast + binsLeft;
  const allowedAbove = discardedBins(binsAll, percentile, convention);
  const above = (values: ArrayLike<number>): number =>
    Array.from(values).filter((value) => value > commit * OCTETS_PER_MBIT).length;
  const binsAbove = measured(bins, measure, above);
  const withRest = (values: ArrayLike<number>): number => {
    const all = new Float64Array(binsAll);
    all.set(Array.from(values));
    return percentileOf(all, percentile, convention);
  };
  const atLeast = measured(bins, measure, withRest) / OCTETS_PER_MBIT;
  const soFar = billedOctets(bins, plan) / OCTETS_PER_MBIT;
  const mayExceed = allowedAbove - binsAbove;
  return {
    binsPast,
    binsLeft,
    soFar,
    atLeast,
    expected: soFar,
    commit,
    state: stateOf(atLeast, soFar, commit, binsPast),
    allowedAbove,
    binsAbove,
    mayUseMbit: mayExceed < 0 ? 0 : binsLeft <= mayExceed ? Number.POSITIVE_INFINITY : commit,
  };
}

function stateOf(
  atLeast: number,
  expected: number,
  commit: number,
  binsPast: number,
): CommitDistance['state'] {
  if (atLeast > commit) return 'exceeded';
  return binsPast >= BINS_FOR_EXPECTATION && expected > commit ? 'expected' : 'within';
}
