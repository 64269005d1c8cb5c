/**
 * What was lost on the way: the packets that one end sent of a flow, minus those that the other end received, where both
 * ends export the flow under the same keyed flowId (148).
 *
 * A flowId says addresses, ports and protocol, not when. So the records of one exporter and direction become *runs*: times
 * without a gap longer than GAP_MS. A sender's run is held against the receiver's run that began nearest to it. Clocks
 * differ: the median difference of the beginnings on a path is taken as its skew (delay included) and removed. Only runs
 * that begin and end together then are compared; of others one end saw a part only, and they are counted as partial.
 * Sampled records say nothing of loss and are left out; so are records of dropped frames, which were never sent.
 */
import { timestamp } from '../duckdb-expression.ts';
import type { TimeRange } from '../query-plan.ts';
import { DROPPED, endedWithin, type FlowFilter, filterSql, SERVICE_PORT } from '../traffic-sql.ts';

export const LOSS_GROUPS = ['path', 'peer', 'host', 'service'] as const;
export type LossGroup = (typeof LOSS_GROUPS)[number];

/** A longer silence ends a run: the same addresses and ports are used again for something else. */
const GAP_MS = 60_000;
/** Clocks that differ by more are wrong, not skewed. */
const SKEW_MAX_MS = 300_000;
/** Ends that lie so near to each other are the same, once the skew is removed; or within a tenth of the run. */
const TOGETHER_MS = 5000;

export interface LossAsked {
  readonly range: TimeRange;
  readonly filter: FlowFilter;
  readonly columns: readonly string[];
  readonly by: LossGroup;
  readonly limit: number;
}

const KEYS: Readonly<Record<LossGroup, string>> = {
  path: '"sender", "receiver"',
  peer: '"srcPeer", "dstPeer"',
  host: '"src", "dst"',
  service: '"protocol", "port"',
};

/**
 * A row a group, the largest loss first: runs sent, compared, partial and unmatched; packets and octets of those compared,
 * sent and received; `lost` of runs that lost, `surplus` of runs of which more came than was sent.
 */
export function lossSql(asked: LossAsked): string {
  const keys = KEYS[asked.by];
  return `WITH ${runsSql(asked)},
pairs AS (
  SELECT sent.*, received."exporter" AS "receiver", received."packets" AS "gotPackets", received."octets" AS "gotOctets",
    received."startMs" AS "gotStartMs", received."endMs" AS "gotEndMs"
  FROM runs sent JOIN runs received
    ON sent."flowId" = received."flowId" AND sent."isSent" AND NOT received."isSent" AND sent."exporter" <> received."exporter"
    AND received."startMs" < sent."endMs" + ${SKEW_MAX_MS} AND received."endMs" > sent."startMs" - ${SKEW_MAX_MS}
  QUALIFY row_number() OVER (
    PARTITION BY sent."flowId", sent."exporter", sent."run", received."exporter"
    ORDER BY abs(received."startMs" - sent."startMs"), received."startMs"
  ) = 1
),
skews AS (
  SELECT "exporter", "receiver", median("gotStartMs" - "startMs") AS "skewMs" FROM pairs GROUP BY ALL
),
judged AS (
  SELECT pairs.*, "exporter" AS "sender", "skewMs",
    abs("gotStartMs" - "skewMs" - "startMs") <= ${TOGETHER_MS}
      AND abs("gotEndMs" - "skewMs" - "endMs") <= greatest(${TOGETHER_MS}, ("endMs" - "startMs") / 10) AS "together"
  FROM pairs JOIN skews USING ("exporter", "receiver")
)
SELECT ${keys}, count(*) AS "runs", count(*) FILTER (WHERE "together") AS "compared",
  ${sum('"packets"')} AS "sentPackets", ${sum('"gotPackets"')} AS "receivedPackets",
  ${sum('"octets"')} AS "sentOctets", ${sum('"gotOctets"')} AS "receivedOctets",
  ${sum('greatest("packets" - "gotPackets", 0)')} AS "lost", ${sum('greatest("gotPackets" - "packets", 0)')} AS "surplus",
  median("skewMs") AS "skewMs"
FROM judged GROUP BY ${keys} ORDER BY "lost" DESC, "sentPackets" DESC, ${keys} LIMIT ${asked.limit}`;
}

const sum = (value: string): string => `coalesce(sum(${value}) FILTER (WHERE "together"), 0)`;

/** One row: the runs that exporters sent, and of how many of them another exporter received anything. */
export function lossCoverageSql(asked: LossAsked): string {
  return `WITH ${runsSql(asked)},
ids AS (SELECT DISTINCT "flowId", "exporter" FROM runs WHERE NOT "isSent")
SELECT count(*) AS "runs", coalesce(sum("packets"), 0) AS "packets",
  count(*) FILTER (WHERE "matched") AS "matchedRuns", coalesce(sum("packets") FILTER (WHERE "matched"), 0) AS "matchedPackets"
FROM (
  SELECT runs.*, EXISTS (SELECT 1 FROM ids WHERE ids."flowId" = runs."flowId" AND ids."exporter" <> runs."exporter") AS "matched"
  FROM runs WHERE "isSent"
)`;
}

function runsSql({ range, filter, columns }: LossAsked): string {
  const window = 'PARTITION BY "flowId", "exporter", "isSent" ORDER BY "startMs", "endMs"';
  return `sides AS (
  SELECT "flowId", exporters."address" AS "exporter", "direction" = 1 AS "isSent",
    epoch_ms("flowStart") AS "startMs", epoch_ms("flowEnd") AS "endMs",
    "packets"::DOUBLE AS "packets", "octets"::DOUBLE AS "octets", flows."protocol", ${SERVICE_PORT} AS "port", "srcPeer", "dstPeer",
    addr("srcAddrHi", "srcAddrLo") AS "src", addr("dstAddrHi", "dstAddrLo") AS "dst"
  FROM flows JOIN exporters ON exporters."exporterId" = flows."exporterId"
  WHERE "flowId" IS NOT NULL AND "flowId" <> 0 AND "direction" IN (0, 1) AND "flowStart" IS NOT NULL
    AND "flowEnd" >= ${timestamp(range.fromMs)} AND coalesce("samplingRate", 1) <= 1 AND NOT ${DROPPED}
    AND ${endedWithin(range)} AND ${filterSql(filter, columns)}
),
gaps AS (
  SELECT *, coalesce("startMs" > max("endMs") OVER (${window} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) + ${GAP_MS}, true) AS "isFirst"
  FROM sides
),
numbered AS (
  SELECT *, sum("isFirst"::INTEGER) OVER (${window} ROWS UNBOUNDED PRECEDING) AS "run" FROM gaps
),
runs AS MATERIALIZED (
  SELECT "flowId", "exporter", "isSent", "run", min("startMs") AS "startMs", max("endMs") AS "endMs",
    sum("packets") AS "packets", sum("octets") AS "octets", any_value("protocol") AS "protocol", any_value("port") AS "port",
    any_value("srcPeer") AS "srcPeer", any_value("dstPeer") AS "dstPeer", any_value("src") AS "src", any_value("dst") AS "dst"
  FROM numbered GROUP BY "flowId", "exporter", "isSent", "run"
)`;
}
