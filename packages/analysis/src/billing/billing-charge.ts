/** From bins to money: what a plan charges for a period, exactly, with every number of the reckoning. */
import { type PercentileConvention, percentileOf } from './billing-percentile.ts';
import {
  currencyPlaces,
  type Decimal,
  excess,
  type Fraction,
  formatDecimal,
  fractionOf,
  isMore,
  parseDecimal,
  rounded,
  sumOf,
  times,
  wholeFraction,
} from './decimal.ts';

export const BIN_MS = 300_000;

/** Octets of each bin of a period, in time order: whole numbers. */
export interface BillingBins {
  readonly in: ArrayLike<number>;
  readonly out: ArrayLike<number>;
}

export const BILLING_MEASURES = ['in', 'out', 'merged', 'greater'] as const;
/** `merged`: the sum of both directions, bin by bin; `greater`: the larger result of the two directions. */
export type BillingMeasure = (typeof BILLING_MEASURES)[number];

export const PLAN_KINDS = ['percentile', 'volume', 'flat'] as const;

/**
 * `percentile`: `rate` for each Mbit/s of the percentile, of `commit` at least; `volume`: `rate` for each GB, of `commit`
 * at least; `flat`: `fee`, and `overageRate` for each Mbit/s of the percentile above `commit`. What is above `commit`
 * costs `overageRate` where that is given. Amounts are decimals as text; a Mbit/s is 10^6 bits a second, a GB 10^9 octets.
 */
export interface BillingPlan {
  readonly kind: (typeof PLAN_KINDS)[number];
  readonly measure: BillingMeasure;
  /** Of all bins, so many percent count. */
  readonly percentile: number;
  readonly convention: PercentileConvention;
  readonly currency: string;
  readonly commit: string;
  readonly rate: string;
  readonly overageRate?: string;
  readonly fee: string;
}

export interface ChargeLine {
  readonly label: 'fee' | 'commit' | 'overage';
  /** In the unit of the plan, to six places; the amount is reckoned with the exact quantity. */
  readonly quantity: string;
  readonly rate: string;
  /** Rounded to the currency's places, halves up. */
  readonly amount: string;
}

export interface Charge {
  readonly unit: 'Mbit/s' | 'GB';
  /** What is billed, before the commit: to six places. */
  readonly billed: string;
  readonly currency: string;
  readonly lines: ChargeLine[];
  readonly total: string;
}

/** Octets a bin for 1 Mbit/s: 10^6 / 8 × 300. */
export const OCTETS_PER_MBIT = 37_500_000;
const OCTETS_PER_GB = 1_000_000_000n;
const QUANTITY_PLACES = 6;

export const mbitOf = (octetsOfBin: number): number => octetsOfBin / OCTETS_PER_MBIT;

/** What the measure makes of both directions. */
export function measured(
  bins: BillingBins,
  measure: BillingMeasure,
  reckon: (bins: ArrayLike<number>) => number,
): number {
  switch (measure) {
    case 'in':
      return reckon(bins.in);
    case 'out':
      return reckon(bins.out);
    case 'merged':
      return reckon(merged(bins));
    case 'greater':
      return Math.max(reckon(bins.in), reckon(bins.out));
  }
}

/** The percentile of a period, in octets a bin. */
export function billedOctets(bins: BillingBins, plan: BillingPlan): number {
  const { measure, percentile, convention } = plan;
  return measured(bins, measure, (values) => percentileOf(values, percentile, convention));
}

/** The octets of a period. */
export function billedVolume(bins: BillingBins, { measure }: BillingPlan): number {
  return measured(bins, measure, (values) => Array.from(values).reduce((sum, value) => sum + value, 0));
}

export function merged(bins: BillingBins): Float64Array {
  return Float64Array.from(bins.in, (value, index) => value + (bins.out[index] ?? 0));
}

/** What a plan charges for the bins of a period. Throws a UserError when an amount of the plan is none. */
export function chargeOf(bins: BillingBins, plan: BillingPlan): Charge {
  const { kind, currency } = plan;
  const used =
    kind === 'volume'
      ? wholeFraction(billedVolume(bins, plan), OCTETS_PER_GB)
      : wholeFraction(billedOctets(bins, plan), BigInt(OCTETS_PER_MBIT));
  const commit = fractionOf(parseDecimal(plan.commit, 'commit'));
  const rate = parseDecimal(plan.rate, 'rate');
  const overageRate = plan.overageRate === undefined ? rate : parseDecimal(plan.overageRate, 'overageRate');
  const lines =
    kind === 'flat'
      ? [feeLine(parseDecimal(plan.fee, 'fee'), currency)]
      : [chargeLine('commit', commit, rate, currency)];
  if (isMore(used, commit)) lines.push(chargeLine('overage', excess(used, commit), overageRate, currency));
  const places = currencyPlaces(currency);
  return {
    unit: kind === 'volume' ? 'GB' : 'Mbit/s',
    billed: formatDecimal(rounded(used, QUANTITY_PLACES)),
    currency,
    lines,
    total: formatDecimal(
      sumOf(
        lines.map(({ amount }) => rounded(fractionOf(parseDecimal(amount, 'amount')), places)),
        places,
      ),
    ),
  };
}

function feeLine(fee: Decimal, currency: string): ChargeLine {
  const amount = formatDecimal(rounded(fractionOf(fee), currencyPlaces(currency)));
  return { label: 'fee', quantity: '1', rate: formatDecimal(fee), amount };
}

function chargeLine(
  label: 'commit' | 'overage',
  quantity: Fraction,
  rate: Decimal,
  currency: string,
): ChargeLine {
  return {
    label,
    quantity: formatDecimal(rounded(quantity, QUANTITY_PLACES)),
    rate: formatDecimal(rate),
    amount: formatDecimal(rounded(times(quantity, fractionOf(rate)), currencyPlaces(currency))),
  };
}
