/**
 * Questions about round trips, retransmissions and the like, as SQL. A connection counts once: both its records, its
 * interim ones, and those of a second observation point tell of the same handshake (the one with the lowest exporter key
 * is taken). Counters are summed over records that no other point told of before. Percentiles are exact, interpolated
 * between neighbours (quantile_cont).
 */
import { identifier } from '../duckdb-expression.ts';
import type { TimeRange } from '../query-plan.ts';
import {
  COUNTED_ONCE,
  ENDED_AT,
  endedWithin,
  type FlowFilter,
  filterSql,
  ofClient,
  ofServer,
  SERVICE_PORT,
} from '../traffic-sql.ts';
import { type PerformanceSql, performanceSql } from './performance-element.ts';

export const PERFORMANCE_GROUPS = [
  'service',
  'application',
  'path',
  'server',
  'peer',
  'network',
  'exporter',
] as const;
export type PerformanceGroup = (typeof PERFORMANCE_GROUPS)[number];

export interface PerformanceAsked {
  readonly range: TimeRange;
  readonly filter: FlowFilter;
  /** Columns of the relation `flows`. */
  readonly columns: readonly string[];
}

/** Upper ends of the rows of the heat map, in milliseconds; the last row has no end. */
export const HEAT_ENDS_MS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] as const;

const GROUP_KEYS: Readonly<Record<PerformanceGroup, Readonly<Record<string, string>>>> = {
  service: { protocol: 'flows."protocol"', port: SERVICE_PORT },
  application: { application: 'flows."application"' },
  path: {
    clientHi: ofClient('AddrHi'),
    clientLo: ofClient('AddrLo'),
    serverHi: ofServer('AddrHi'),
    serverLo: ofServer('AddrLo'),
  },
  server: { serverHi: ofServer('AddrHi'), serverLo: ofServer('AddrLo') },
  peer: { clientPeer: ofClient('Peer'), serverPeer: ofServer('Peer') },
  network: { clientNetwork: ofClient('Network'), serverNetwork: ofServer('Network') },
  exporter: { exporterId: 'flows."exporterId"' },
};

/** What a group's keys are in the answer. */
const GROUP_SHOWN: Readonly<Record<PerformanceGroup, string>> = {
  service: '"protocol", "port"',
  application: '"application"',
  path: 'addr("clientHi", "clientLo") AS "client", addr("serverHi", "serverLo") AS "server"',
  server: 'addr("serverHi", "serverLo") AS "server"',
  peer: '"clientPeer", "serverPeer"',
  network: '"clientNetwork", "serverNetwork"',
  exporter:
    '(SELECT "address" FROM exporters WHERE exporters."exporterId" = grouped."exporterId") AS "exporter"',
};

/** One row: all connections together, and how many records say anything. */
export function performanceTotalsSql(asked: PerformanceAsked): string {
  return `WITH ${baseSql(asked, {})}
SELECT ${SAMPLE_FIGURES}, (SELECT struct_pack(${COUNTER_FIELDS}) FROM records) AS "counters" FROM samples`;
}

/** A row a step: percentiles and counters; steps without traffic have none. */
export function performanceSeriesSql(asked: PerformanceAsked, stepMs: number): string {
  const step = stepSql(stepMs);
  return `WITH ${baseSql(asked, {})},
sampled AS (SELECT ${step} AS "step", ${SAMPLE_FIGURES} FROM samples GROUP BY ALL),
counted AS (SELECT ${step} AS "step", ${COUNTERS} FROM records GROUP BY ALL)
SELECT coalesce(sampled."step", counted."step") AS "step", * EXCLUDE ("step")
FROM sampled FULL JOIN counted ON sampled."step" = counted."step" ORDER BY 1`;
}

/** A row for each step and heat-map row that has connections. */
export function performanceHeatSql(asked: PerformanceAsked, stepMs: number): string {
  const row = HEAT_ENDS_MS.map((end, index) => `WHEN "roundTripMs" < ${end} THEN ${index}`).join(' ');
  return `WITH ${baseSql(asked, {})}
SELECT ${stepSql(stepMs)} AS "step", CASE ${row} ELSE ${HEAT_ENDS_MS.length} END AS "row", count(*) AS "count"
FROM samples WHERE "roundTripMs" IS NOT NULL GROUP BY ALL ORDER BY 1, 2`;
}

export type PerformanceOrder = 'roundTrip' | 'retransmitted' | 'samples';

export interface GroupsAsked extends PerformanceAsked {
  readonly by: PerformanceGroup;
  readonly orderBy: PerformanceOrder;
  /** Groups with fewer connections are left out: one slow handshake makes no slow path. */
  readonly samplesMin: number;
  readonly limit: number;
}

const ORDERS: Readonly<Record<PerformanceOrder, string>> = {
  roundTrip: '"roundTripP95" DESC NULLS LAST',
  retransmitted: '"retransmitted" / nullif("packets", 0) DESC NULLS LAST',
  samples: '"samples" DESC',
};

/** The groups, the worst first. */
export function performanceGroupsSql(asked: GroupsAsked): string {
  const keys = GROUP_KEYS[asked.by];
  const names = Object.keys(keys).map(identifier).join(', ');
  const same = Object.keys(keys)
    .map((key) => `sampled.${identifier(key)} IS NOT DISTINCT FROM counted.${identifier(key)}`)
    .join(' AND ');
  return `WITH ${baseSql(asked, keys)},
sampled AS (SELECT ${names}, ${SAMPLE_FIGURES} FROM samples GROUP BY ${names}),
counted AS (SELECT ${names}, ${COUNTERS} FROM records GROUP BY ${names}),
grouped AS (
  SELECT counted.*, sampled.* EXCLUDE (${names}) FROM counted LEFT JOIN sampled ON ${same}
)
SELECT ${GROUP_SHOWN[asked.by]}, grouped.* EXCLUDE (${names}) FROM grouped
WHERE coalesce("samples", 0) >= ${asked.samplesMin} OR (coalesce("retransmitted", 0) > 0 AND "packets" >= ${asked.samplesMin * PACKETS_PER_SAMPLE})
ORDER BY ${ORDERS[asked.orderBy]}, "samples" DESC NULLS LAST, "packets" DESC NULLS LAST LIMIT ${asked.limit}`;
}

/** A group without handshakes counts when it has as many packets as so many small connections would. */
const PACKETS_PER_SAMPLE = 10;

const stepSql = (stepMs: number): string => `epoch_ms("at") // ${stepMs} * ${stepMs}`;

/** `records`: TCP records that say how they performed; `samples`: one row a connection with a handshake. */
function baseSql(asked: PerformanceAsked, keys: Readonly<Record<string, string>>): string {
  const { columns, filter, range } = asked;
  const measures = performanceSql(columns);
  const names = Object.keys(keys).map(identifier);
  const listed = Object.entries(keys).map(([name, sql]) => `${sql} AS ${identifier(name)}`);
  const list = (parts: readonly string[]) => parts.map((part) => `${part}, `).join('');
  return `records AS MATERIALIZED (
  SELECT ${list(listed)}${ENDED_AT} AS "at", flows."sessionId", flows."exporterId" AS "observer", ${measureList(measures)},
    "packets"::DOUBLE + coalesce("reversePackets", 0) AS "packets"
  FROM flows WHERE ${COUNTED_ONCE} AND flows."protocol" = 6 AND ${endedWithin(range)} AND ${filterSql(filter, columns)}
),
samples AS (
  SELECT ${list(names)}min("at") AS "at", ${MEASURED_TIMES.map((name) => `arg_min("${name}", "observer") AS "${name}"`).join(', ')}
  FROM records WHERE "sessionId" IS NOT NULL AND ${HAS_TIME} GROUP BY ${list(names)}"sessionId"
  UNION ALL
  SELECT ${list(names)}"at", ${MEASURED_TIMES.map(identifier).join(', ')} FROM records WHERE "sessionId" IS NULL AND ${HAS_TIME}
)`;
}

const MEASURED_TIMES = ['clientMs', 'serverMs', 'roundTripMs'] as const;
const HAS_TIME = `coalesce(${MEASURED_TIMES.map(identifier).join(', ')}) IS NOT NULL`;

function measureList(measures: PerformanceSql): string {
  const names = [...MEASURED_TIMES, 'retransmitted', 'outOfOrder', 'zeroWindows'] as const;
  return names.map((name) => `${measures[name] ?? 'NULL::DOUBLE'} AS ${identifier(name)}`).join(', ');
}

const percentile = (name: string, share: number, as: string) =>
  `quantile_cont("${name}", ${share}) AS "${as}"`;

const SAMPLE_FIGURES = [
  'count(*) AS "samples"',
  ...(['roundTrip', 'client', 'server'] as const).flatMap((name) =>
    [50, 95, 99].map((share) => percentile(`${name}Ms`, share / 100, `${name}P${share}`)),
  ),
].join(', ');

/** Packets are those of records that count retransmissions: a share of others would be too small. */
const COUNTER_SQL: Readonly<Record<string, string>> = {
  records: 'count(*)',
  recordsWithTimes: `count(*) FILTER (WHERE ${HAS_TIME})`,
  recordsWithCounts: 'count("retransmitted")',
  packets: 'sum("packets") FILTER (WHERE "retransmitted" IS NOT NULL)',
  retransmitted: 'sum("retransmitted")',
  outOfOrder: 'sum("outOfOrder")',
  zeroWindows: 'sum("zeroWindows")',
};
const COUNTERS = Object.entries(COUNTER_SQL)
  .map(([name, sql]) => `${sql} AS "${name}"`)
  .join(', ');
const COUNTER_FIELDS = Object.entries(COUNTER_SQL)
  .map(([name, sql]) => `"${name}" := ${sql}`)
  .join(', ');
