/** Bins of an account from the records of a store. */
import {
  BIN_MS,
  type BillingAccount,
  type BillingScope,
  billingScopes,
  type SeriesPlan,
  type TimeRange,
} from '@weir/analysis';
import type { AnalysisStore } from '../analyses/analysis-queue.ts';

/** Octets that records add to bins; index 0 is the bin at the start of the range. */
export interface BinSums {
  readonly in: Float64Array;
  readonly out: Float64Array;
  records: number;
  sampledOctets: number;
  sampledPackets: number;
  rateMax: number;
}

/** More rates than a network has; beyond, the rest is one group without a rate, so that it counts as not sampled. */
const RATES_MAX = 64;

/**
 * What the records that were received in `received` add to the bins of `range` (whole bins). A record's octets, times its
 * sampling rate, are spread evenly over the time of its flow; what of it lies outside the range is left out.
 */
export async function readBins(
  store: AnalysisStore,
  account: BillingAccount,
  range: TimeRange,
  received: TimeRange,
): Promise<BinSums> {
  const length = (range.toMs - range.fromMs) / BIN_MS;
  const sums: BinSums = {
    in: new Float64Array(length),
    out: new Float64Array(length),
    records: 0,
    sampledOctets: 0,
    sampledPackets: 0,
    rateMax: 1,
  };
  const scopes = billingScopes(account);
  await addDirection(store, scopes.in, range, received, sums, sums.in);
  await addDirection(store, scopes.out, range, received, sums, sums.out);
  return sums;
}

async function addDirection(
  store: AnalysisStore,
  { filter, deduplicated }: BillingScope,
  range: TimeRange,
  received: TimeRange,
  sums: BinSums,
  bins: Float64Array,
): Promise<void> {
  const plan: SeriesPlan = {
    kind: 'series',
    timeRange: range,
    filter: `(${filter}) and receivedAt >= ${isoText(received.fromMs)} and receivedAt < ${isoText(received.toMs)}`,
    ...(deduplicated ? { deduplicated } : {}),
    scaled: true,
    from: 'raw',
    groupBy: [{ name: 'samplingRate' }],
    orderBy: 'octets',
    limit: RATES_MAX,
    stepMs: BIN_MS,
  };
  const { rows } = await store.query(plan);
  for (const row of rows) {
    const index = (Date.parse(String(row['time'])) - range.fromMs) / BIN_MS;
    const octets = Number(row['octets']);
    const rate = Number(row['samplingRate'] ?? 1);
    bins[index] = (bins[index] ?? 0) + octets;
    sums.records += Number(row['flows']);
    if (rate <= 1) continue;
    sums.sampledOctets += octets;
    sums.sampledPackets += Number(row['packets']) / rate;
    sums.rateMax = Math.max(sums.rateMax, rate);
  }
}

const isoText = (timeMs: number): string => new Date(timeMs).toISOString();

/** When the oldest records that the store still has were received; undefined when it has none. */
export async function recordsSince(store: AnalysisStore): Promise<number | undefined> {
  const { rows } = await store.sql('SELECT epoch_ms(min("receivedAt")) AS since FROM flows');
  const since = rows[0]?.['since'];
  return since === null || since === undefined ? undefined : Number(since);
}

/** Of the records that were received in `received`, when the first flow before `splitMs` began; undefined: none did. */
export async function firstLateStart(
  store: AnalysisStore,
  received: TimeRange,
  splitMs: number,
  horizonMs: number,
): Promise<number | undefined> {
  const start = 'coalesce("flowStart", "flowEnd", "receivedAt")';
  const { rows } = await store.sql(
    `SELECT min(epoch_ms(${start})) AS first FROM flows
     WHERE "receivedAt" >= epoch_ms(${received.fromMs}) AND "receivedAt" < epoch_ms(${received.toMs})
       AND ${start} < epoch_ms(${splitMs})`,
    { range: { fromMs: horizonMs, toMs: received.toMs + BIN_MS } },
  );
  const first = rows[0]?.['first'];
  return first === null || first === undefined ? undefined : Number(first);
}
