/** `/performance`: round trips, retransmissions and loss, over time and by path, service, peer and network. */
import {
  HEAT_ENDS_MS,
  LOSS_GROUPS,
  lossCoverageSql,
  lossSql,
  PERFORMANCE_GROUPS,
  type PerformanceAsked,
  performanceGroupsSql,
  performanceHeatSql,
  performanceSeriesSql,
  performanceSql,
  performanceTotalsSql,
  serviceText,
} from '@weir/analysis';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { rowFilterOf } from '../access/identity.ts';
import type { AnalysisQueue, AnalysisStore } from '../analyses/analysis-queue.ts';
import type { ApiTopic } from '../analyses/api-topic.ts';
import {
  askedRange,
  filterAsked,
  limitSchema,
  type ReadList,
  rangeAsked,
  stepOf,
  stepsOf,
} from '../analyses/asked-range.ts';
import { columnsOfFlows } from '../analyses/flow-columns.ts';
import { clientSignal } from '../client-signal.ts';
import type { ProfileKeeper } from '../profile/profile-keeper.ts';
import { usualOf } from '../profile/usual-value.ts';
import { describeRoute } from '../query-routes.ts';

export interface PerformanceTopicOptions {
  readonly queue: AnalysisQueue;
  /** What round trips are usual; without it nothing is compared. */
  readonly keeper?: ProfileKeeper;
  readonly readList?: ReadList;
  readonly nowMs: () => number;
}

const figures = {
  samples: z.number().describe('Connections with a measured handshake'),
  ...Object.fromEntries(
    ['roundTrip', 'client', 'server'].flatMap((name) =>
      [50, 95, 99].map((share) => [`${name}P${share}`, z.number().nullable().describe('Milliseconds')]),
    ),
  ),
  packets: z.number().describe('TCP packets of records that count retransmissions'),
  retransmitted: z.number().nullable(),
  outOfOrder: z.number().nullable(),
  zeroWindows: z.number().nullable(),
};
const overviewParameters = z.strictObject({
  ...askedRange,
  steps: limitSchema(400, 120).describe('Steps at most'),
});
const overviewAnswer = z.object({
  from: z.number(),
  to: z.number(),
  stepMs: z.number(),
  elements: z.array(z.string()).describe('Elements that the answer comes from'),
  why: z.string().nullable().describe('Why there is nothing, where there is nothing'),
  totals: z.object({
    ...figures,
    records: z.number(),
    recordsWithTimes: z.number(),
    recordsWithCounts: z.number(),
  }),
  times: z.array(z.number()),
  series: z.object(
    Object.fromEntries(
      [
        'roundTripP50',
        'roundTripP95',
        'roundTripP99',
        'retransmittedShare',
        'outOfOrderShare',
        'samples',
      ].map((name) => [name, z.array(z.number().nullable())]),
    ),
  ),
  heat: z.object({ endsMs: z.array(z.number()), rows: z.array(z.array(z.number())) }),
  tookMs: z.number(),
});

const groupsParameters = z.strictObject({
  ...askedRange,
  by: z.enum(PERFORMANCE_GROUPS).default('path'),
  orderBy: z.enum(['roundTrip', 'retransmitted', 'samples']).default('roundTrip').describe('The worst first'),
  samplesMin: limitSchema(1000, 5).describe('Connections that a group needs'),
  limit: limitSchema(500, 25),
});
const groupsAnswer = z.object({
  from: z.number(),
  to: z.number(),
  by: z.enum(PERFORMANCE_GROUPS),
  rows: z.array(
    z.object({
      key: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
      label: z.string(),
      filter: z.string(),
      ...figures,
      usualRoundTrip: z.number().nullable().describe('Median of the hours known, of services'),
    }),
  ),
  tookMs: z.number(),
});

const lossParameters = z.strictObject({
  ...askedRange,
  by: z.enum(LOSS_GROUPS).default('path'),
  limit: limitSchema(500, 25),
});
const lossAnswer = z.object({
  from: z.number(),
  to: z.number(),
  by: z.enum(LOSS_GROUPS),
  coverage: z.object({
    runs: z.number().describe('Runs of flows that exporters sent'),
    packets: z.number(),
    matchedRuns: z.number().describe('Those that another exporter received, too'),
    matchedPackets: z.number(),
  }),
  why: z.string().nullable(),
  rows: z.array(
    z.object({
      key: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
      label: z.string(),
      filter: z.string(),
      runs: z.number(),
      compared: z.number(),
      sentPackets: z.number(),
      receivedPackets: z.number(),
      sentOctets: z.number(),
      receivedOctets: z.number(),
      lost: z.number(),
      surplus: z.number(),
      lossShare: z.number().nullable(),
      skewMs: z.number().nullable(),
    }),
  ),
  tookMs: z.number(),
});

export function createPerformanceTopic(options: PerformanceTopicOptions): ApiTopic {
  return {
    addRoutes(api) {
      addOverview(api, options);
      addGroups(api, options);
      addLoss(api, options);
    },
  };
}

const NARROWED = { config: { narrowed: true } } as const;
type Row = Readonly<Record<string, unknown>>;

function addOverview(api: FastifyInstance, options: PerformanceTopicOptions): void {
  const route = describeRoute(
    'Round trips and retransmissions over time',
    overviewParameters,
    overviewAnswer,
  );
  api.get('/performance', { ...route, ...NARROWED }, (request, reply) => {
    const parameters = overviewParameters.parse(request.query);
    return ask(options, request, parameters, clientSignal(reply), async (store, asked) => {
      const { range } = asked;
      const stepMs = stepOf(range, parameters.steps);
      const times = stepsOf(range, stepMs);
      const { elements } = performanceSql(asked.columns);
      const [totals = {}] = (await store.sql(performanceTotalsSql(asked), { range })).rows;
      const counters = JSON.parse(String(totals['counters'] ?? '{}')) as Row;
      const hasAny = elements.length > 0;
      const steps = hasAny ? (await store.sql(performanceSeriesSql(asked, stepMs), { range })).rows : [];
      const heat = hasAny ? (await store.sql(performanceHeatSql(asked, stepMs), { range })).rows : [];
      return {
        stepMs,
        elements,
        why: whyNothing(elements, counters),
        totals: { ...figuresOf({ ...totals, ...counters }), ...recordCounts(counters) },
        times,
        series: seriesOf(times, steps),
        heat: heatOf(times, heat),
      };
    });
  });
}

function whyNothing(elements: readonly string[], counters: Row): string | null {
  if (Number(counters['records'] ?? 0) === 0) return 'There is no TCP traffic in this time range.';
  if (elements.length === 0)
    return 'No exporter tells how connections perform. Weir’s own do with "TcpPerformance": true in their profile; nProbe, Flowmon, Cisco AVC, YAF and NetScaler have elements of their own.';
  if (Number(counters['recordsWithTimes'] ?? 0) + Number(counters['recordsWithCounts'] ?? 0) === 0)
    return 'None of the TCP records of this time range tells how its connection performed; others do.';
  return null;
}

const recordCounts = (counters: Row) => ({
  records: Number(counters['records'] ?? 0),
  recordsWithTimes: Number(counters['recordsWithTimes'] ?? 0),
  recordsWithCounts: Number(counters['recordsWithCounts'] ?? 0),
});

function seriesOf(times: readonly number[], rows: readonly Row[]) {
  const byStep = new Map(rows.map((row) => [Number(row['step']), row]));
  const line = (value: (row: Row) => number | null) =>
    times.map((time) => {
      const row = byStep.get(time);
      return row === undefined ? null : value(row);
    });
  return {
    roundTripP50: line((row) => numberOrNull(row['roundTripP50'])),
    roundTripP95: line((row) => numberOrNull(row['roundTripP95'])),
    roundTripP99: line((row) => numberOrNull(row['roundTripP99'])),
    retransmittedShare: line((row) => shareOf(row['retransmitted'], row['packets'])),
    outOfOrderShare: line((row) => shareOf(row['outOfOrder'], row['packets'])),
    samples: line((row) => numberOrNull(row['samples']) ?? 0),
  };
}

function heatOf(times: readonly number[], rows: readonly Row[]) {
  const indexOf = new Map(times.map((time, index) => [time, index]));
  const cells = Array.from({ length: HEAT_ENDS_MS.length + 1 }, () => times.map(() => 0));
  for (const row of rows) {
    const line = cells[Number(row['row'])];
    const at = indexOf.get(Number(row['step']));
    if (line !== undefined && at !== undefined) line[at] = Number(row['count']);
  }
  return { endsMs: [...HEAT_ENDS_MS], rows: cells };
}

function addGroups(api: FastifyInstance, options: PerformanceTopicOptions): void {
  const route = describeRoute(
    'The slowest or lossiest paths, services, peers …',
    groupsParameters,
    groupsAnswer,
  );
  api.get('/performance/groups', { ...route, ...NARROWED }, (request, reply) => {
    const { by, orderBy, samplesMin, limit, ...rest } = groupsParameters.parse(request.query);
    // What is usual is known of all traffic only.
    const keeper = rowFilterOf(request) === '' ? options.keeper : undefined;
    return ask(options, request, rest, clientSignal(reply), async (store, asked) => {
      const sql = performanceGroupsSql({ ...asked, by, orderBy, samplesMin, limit });
      const { rows } = await store.sql(sql, { range: asked.range });
      return {
        by,
        rows: rows.map((row) => ({
          ...keyOf(row),
          ...figuresOf(row),
          usualRoundTrip:
            by === 'service' && keeper !== undefined
              ? usualOf(keeper, 'roundTrip', keyOf(row).label, asked.range.toMs)
              : null,
        })),
      };
    });
  });
}

function addLoss(api: FastifyInstance, options: PerformanceTopicOptions): void {
  const route = describeRoute(
    'Loss on the way, from flows that both ends export under one flowId',
    lossParameters,
    lossAnswer,
  );
  api.get('/performance/loss', { ...route, ...NARROWED }, (request, reply) => {
    const { by, limit, ...rest } = lossParameters.parse(request.query);
    return ask(options, request, rest, clientSignal(reply), async (store, asked) => {
      const { range } = asked;
      const [coverage = {}] = (await store.sql(lossCoverageSql({ ...asked, by, limit }), { range })).rows;
      const { rows } = await store.sql(lossSql({ ...asked, by, limit }), { range });
      const sent = Number(coverage['runs'] ?? 0);
      return {
        by,
        coverage: {
          runs: sent,
          packets: Number(coverage['packets'] ?? 0),
          matchedRuns: Number(coverage['matchedRuns'] ?? 0),
          matchedPackets: Number(coverage['matchedPackets'] ?? 0),
        },
        why: whyNoLoss(sent, Number(coverage['matchedRuns'] ?? 0)),
        rows: rows.map((row) => ({
          ...keyOf(row),
          ...Object.fromEntries(LOSS_FIGURES.map((name) => [name, Number(row[name] ?? 0)])),
          lossShare: shareOf(row['lost'], row['sentPackets']),
          skewMs: numberOrNull(row['skewMs']),
        })),
      };
    });
  });
}

const LOSS_FIGURES = [
  'runs',
  'compared',
  'sentPackets',
  'receivedPackets',
  'sentOctets',
  'receivedOctets',
  'lost',
  'surplus',
] as const;

function whyNoLoss(sent: number, matched: number): string | null {
  if (sent === 0)
    return 'No exporter tells flowIds with a direction. Weir’s own do with the same "FlowIdKey" in the profiles of both ends.';
  if (matched === 0)
    return 'Of no flow both ends are known: either only one end exports, or their profiles have different FlowIdKeys, or addresses are translated on the way.';
  return null;
}

/** Runs a question with the range, filter and columns that were asked for. */
function ask<Answer extends object>(
  { queue, readList, nowMs }: PerformanceTopicOptions,
  request: FastifyRequest,
  parameters: {
    last?: number | undefined;
    from?: number | undefined;
    to?: number | undefined;
    filter: string;
  },
  signal: AbortSignal,
  work: (store: AnalysisStore, asked: PerformanceAsked) => Promise<Answer>,
) {
  const range = rangeAsked(parameters, nowMs());
  const filter = filterAsked(request, parameters.filter, readList);
  return queue.run(
    'performance',
    async (store) => {
      const startMs = performance.now();
      const columns = await columnsOfFlows(store, range);
      const answer = await work(store, { range, filter, columns });
      return {
        from: range.fromMs,
        to: range.toMs,
        ...answer,
        tookMs: Math.round(performance.now() - startMs),
      };
    },
    signal,
  );
}

function figuresOf(row: Row) {
  const times = ['roundTrip', 'client', 'server'].flatMap((name) =>
    [50, 95, 99].map((share) => [`${name}P${share}`, numberOrNull(row[`${name}P${share}`])]),
  );
  return {
    samples: Number(row['samples'] ?? 0),
    ...Object.fromEntries(times),
    packets: Number(row['packets'] ?? 0),
    retransmitted: countOrNull(row['retransmitted']),
    outOfOrder: countOrNull(row['outOfOrder']),
    zeroWindows: countOrNull(row['zeroWindows']),
  };
}

const KEY_FIELDS: Readonly<Record<string, readonly string[]>> = {
  client: ['srcAddr', 'dstAddr'],
  server: ['srcAddr', 'dstAddr'],
  src: ['srcAddr'],
  dst: ['dstAddr'],
  clientPeer: ['srcPeer', 'dstPeer'],
  serverPeer: ['srcPeer', 'dstPeer'],
  srcPeer: ['srcPeer'],
  dstPeer: ['dstPeer'],
  clientNetwork: ['srcNetwork', 'dstNetwork'],
  serverNetwork: ['srcNetwork', 'dstNetwork'],
  application: ['application'],
  exporter: ['exporter'],
  protocol: ['protocol'],
  port: ['port'],
};
const PLAIN = new Set(['client', 'server', 'src', 'dst', 'protocol', 'port']);

/** The keys of a row, as people read them, and as a filter. */
function keyOf(row: Row) {
  const names = [...Object.keys(KEY_FIELDS), 'sender', 'receiver'].filter((name) => name in row);
  const key = Object.fromEntries(
    names.map((name) => {
      const value = row[name];
      return [name, typeof value === 'number' || typeof value === 'string' ? value : null];
    }),
  );
  const label =
    'protocol' in key
      ? serviceText(numberOrNull(key['protocol']), numberOrNull(key['port']))
      : names.map((name) => key[name] ?? 'not known').join(' → ');
  const filter = names
    .filter((name) => key[name] !== null && KEY_FIELDS[name] !== undefined)
    .map((name) => {
      const value = PLAIN.has(name) ? String(key[name]) : JSON.stringify(key[name]);
      const terms = (KEY_FIELDS[name] ?? []).map((field) => `${field} = ${value}`);
      return terms.length > 1 ? `(${terms.join(' or ')})` : (terms[0] ?? '');
    })
    .join(' and ');
  return { key, label, filter };
}

const numberOrNull = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;
/** Sums in a struct come as text. */
const countOrNull = (value: unknown): number | null =>
  value === null || value === undefined ? null : Number(value);

function shareOf(part: unknown, whole: unknown): number | null {
  const [a, b] = [countOrNull(part), countOrNull(whole)];
  return a === null || b === null || b === 0 ? null : a / b;
}
