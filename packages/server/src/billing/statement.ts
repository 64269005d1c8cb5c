/** The statement of an account and period: what is billed, how it came about, and what has to be known of it. */
import {
  BIN_MS,
  type BillingAccount,
  type BillingBins,
  billingScopes,
  chargeOf,
  commitDistance,
  discardedBins,
  mbitOf,
  percentileOf,
} from '@weir/analysis';
import { CLOSE_AFTER_MS, correctionOf, totalWith } from './billing-keeper.ts';
import type { Correction, PeriodBins, Statement } from './billing-schema.ts';
import { BIN_OPEN_MS } from './period-ledger.ts';

export interface StatementInput {
  readonly account: BillingAccount;
  readonly bins: PeriodBins;
  /** The other periods of the account. */
  readonly others: readonly PeriodBins[];
  readonly nowMs: number;
}

export function statementOf({ account, bins, others, nowMs }: StatementInput): Statement {
  const past = pastBins(bins, nowMs);
  const { plan } = account;
  const binsAll = (bins.toMs - bins.fromMs) / BIN_MS;
  const charge = bins.closed?.charge ?? chargeOf(past, plan);
  const earlier = others.filter(({ fromMs }) => fromMs < bins.fromMs).toSorted((a, b) => b.fromMs - a.fromMs);
  const corrections = bins.closed?.corrections ?? pendingCorrections(bins, others);
  const percentile = (values: ArrayLike<number>) =>
    mbitOf(percentileOf(values, plan.percentile, plan.convention));
  const both = Float64Array.from(past.in, (value, index) => value + (past.out[index] ?? 0));
  const scopes = billingScopes(account);
  const state = stateOf(bins, nowMs);
  return {
    account: account as Statement['account'],
    period: { name: bins.period, fromMs: bins.fromMs, toMs: bins.toMs },
    state,
    asOfMs: bins.throughMs,
    binsAll,
    binsPast: past.in.length,
    zeroBins: both.filter((value) => value === 0).length,
    discarded: discardedBins(past.in.length, plan.percentile, plan.convention),
    percentileMbit: { in: percentile(past.in), out: percentile(past.out), merged: percentile(both) },
    volumeGb: { in: sumOf(past.in) / 1e9, out: sumOf(past.out) / 1e9 },
    charge,
    corrections,
    total: totalWith(charge.total, corrections),
    distance: state === 'running' || state === 'reading' ? distanceOf(past, account, binsAll) : null,
    lateRecords: bins.lateRecords,
    lateOctets: bins.lateOctets,
    notes: notesOf(account, bins),
    previous: earlier.slice(0, 12).map((each) => previousOf(account, each, nowMs)),
    filters: { in: scopes.in.filter, out: scopes.out.filter },
  };
}

/** The bins that are over, and whose records are counted. */
export function pastBins(bins: PeriodBins, nowMs: number): { readonly in: number[]; readonly out: number[] } {
  const count = Math.max(0, Math.floor((Math.min(bins.toMs, bins.throughMs, nowMs) - bins.fromMs) / BIN_MS));
  return { in: bins.in.slice(0, count), out: bins.out.slice(0, count) };
}

function stateOf(bins: PeriodBins, nowMs: number): Statement['state'] {
  if (bins.closed !== null) return 'closed';
  if (bins.pendingFromMs !== null) return 'reading';
  return nowMs >= bins.toMs ? 'closing' : 'running';
}

/** Corrections go on the statement of the first period that is not closed. */
function pendingCorrections(bins: PeriodBins, others: readonly PeriodBins[]): Correction[] {
  const before = others.filter(({ fromMs }) => fromMs < bins.fromMs);
  if (before.some(({ closed }) => closed === null)) return [];
  return before
    .toSorted((a, b) => a.fromMs - b.fromMs)
    .map((each) => correctionOf(each))
    .filter((correction) => correction !== undefined);
}

function distanceOf(past: BillingBins, account: BillingAccount, binsAll: number): Statement['distance'] {
  const distance = commitDistance(past, account.plan, binsAll);
  return { ...distance, mayUseMbit: Number.isFinite(distance.mayUseMbit) ? distance.mayUseMbit : null };
}

function previousOf(account: BillingAccount, bins: PeriodBins, nowMs: number): Statement['previous'][number] {
  const charge = bins.closed?.charge ?? chargeOf(pastBins(bins, nowMs), account.plan);
  const total = totalWith(charge.total, bins.closed?.corrections ?? []);
  return {
    period: bins.period,
    billed: charge.billed,
    unit: charge.unit,
    total,
    state: stateOf(bins, nowMs),
  };
}

const hours = (milliseconds: number): number => milliseconds / 3_600_000;

function notesOf(account: BillingAccount, bins: PeriodBins): string[] {
  const { plan, direction } = account;
  const rank =
    plan.convention === 'rrdtool'
      ? 'the bin at the place round((n − 1) × percentile / 100) in ascending order counts, as rrdtool has it'
      : `in descending order, the top ${100 - plan.percentile} % (rounded down) are left out, and the next bin counts`;
  const notes = [
    'Octets are those of the IP layer, in bins of 5 minutes (UTC); a flow’s octets are spread evenly over the bins that it touches; bins without traffic count as 0.',
    ...(plan.kind === 'volume'
      ? []
      : [`The percentile is exact: of all n bins, ${rank}. 1 Mbit/s is 10^6 bits a second.`]),
    direction.by === 'interface'
      ? 'Records of one interface count, each direction observed at one point, so that no packet counts twice.'
      : 'Records of packets that another observation point told of before are left out.',
    samplingNote(bins),
    `A bin is open for ${hours(BIN_OPEN_MS)} hours; later records are added when they come (${bins.lateRecords} so far). A period is closed ${hours(CLOSE_AFTER_MS)} hours after it ended; what comes later is a correction on the next statement, for two periods.`,
  ];
  if (bins.observedFromMs > bins.fromMs) {
    const since = new Date(bins.observedFromMs).toISOString().slice(0, 16).replace('T', ' ');
    notes.push(
      `Bins before ${since} UTC count as 0: the store had no records of them when the account was read.`,
    );
  }
  return notes;
}

/** The error of sampling: sFlow's formula, 196 × sqrt(1 / c) percent for c samples, with 95 % confidence. */
function samplingNote({ sampledOctets, sampledPackets, rateMax, in: into, out }: PeriodBins): string {
  if (sampledOctets === 0) return 'No octets are estimates: no record was sampled.';
  const share = (100 * sampledOctets) / Math.max(1, sumOf(into) + sumOf(out));
  const error = 196 * Math.sqrt(1 / Math.max(1, sampledPackets));
  return `${share.toFixed(1)} % of the octets are estimates: packets were sampled (one in ${rateMax} at most) and octets multiplied by the rate. For the whole period that is an error of ${error.toPrecision(2)} % (95 % confidence, ${sampledPackets} samples); single bins have a larger one.`;
}

const sumOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0);
