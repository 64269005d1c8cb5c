/**
 * What a profile learns of finished hours, as SQL: octets by host, user, peer and service, how connections performed by
 * service, and who used which service. Hosts are those inside: private addresses, and those with a network's name.
 */
import { identifier } from '../duckdb-expression.ts';
import { performanceSql } from '../performance/performance-element.ts';
import type { TimeRange } from '../query-plan.ts';
import {
  COUNTED_ONCE,
  ENDED_AT,
  endedWithin,
  isPrivateSql,
  ofClient,
  SERVICE_PORT,
  serviceText,
  WIRE_OCTETS,
} from '../traffic-sql.ts';

export const TRAFFIC_KINDS = ['total', 'host', 'user', 'peer', 'service'] as const;
export type TrafficKind = (typeof TRAFFIC_KINDS)[number];

/** Columns of the grouping sets; a record counts for both of its hosts, users and peers. */
const SETS: readonly { readonly kind: TrafficKind; readonly keys: readonly string[] }[] = [
  { kind: 'total', keys: [] },
  { kind: 'host', keys: ['srcHi', 'srcLo'] },
  { kind: 'host', keys: ['dstHi', 'dstLo'] },
  { kind: 'user', keys: ['srcUser'] },
  { kind: 'user', keys: ['dstUser'] },
  { kind: 'peer', keys: ['srcPeer'] },
  { kind: 'peer', keys: ['dstPeer'] },
  { kind: 'service', keys: ['protocol', 'port'] },
];
const KEYS = [
  'srcHi',
  'srcLo',
  'dstHi',
  'dstLo',
  'srcUser',
  'dstUser',
  'srcPeer',
  'dstPeer',
  'protocol',
  'port',
] as const;

/** Octets a flow hour, kind and value: of each the `limit` largest of each hour. */
export function hourTrafficSql(range: TimeRange, limit: number): string {
  const insideOf = (side: 'src' | 'dst') =>
    `(${isPrivateSql(`"${side}AddrHi"`, `"${side}AddrLo"`)} OR "${side}Network" IS NOT NULL)`;
  const half = (side: 'src' | 'dst', part: 'Hi' | 'Lo') =>
    `CASE WHEN ${insideOf(side)} THEN "${side}Addr${part}" END AS "${side}${part}"`;
  const names = KEYS.map(identifier).join(', ');
  const sets = SETS.map(({ keys }) => `(${['hour', ...keys].map(identifier).join(', ')})`).join(', ');
  const kindOf = SETS.map(({ kind, keys }) => `WHEN ${maskOf(keys)} THEN '${kind}'`).join(' ');
  const known = SETS.map(
    ({ keys }) =>
      `WHEN ${maskOf(keys)} THEN ${keys[0] === undefined ? 'true' : `${identifier(keys[0])} IS NOT NULL`}`,
  );
  return `WITH parts AS (
  SELECT date_trunc('hour', ${ENDED_AT}) AS "hour", ${half('src', 'Hi')}, ${half('src', 'Lo')}, ${half('dst', 'Hi')}, ${half('dst', 'Lo')},
    "srcUser", "dstUser", "srcPeer", "dstPeer", flows."protocol", ${SERVICE_PORT} AS "port", ${WIRE_OCTETS} AS "octets"
  FROM flows WHERE ${COUNTED_ONCE} AND ${endedWithin(range)}
),
sums AS (
  SELECT "hour", GROUPING(${names}) AS "mask", ${names}, sum("octets") AS "octets"
  FROM parts GROUP BY GROUPING SETS (${sets})
),
named AS (
  SELECT "hour", CASE "mask" ${kindOf} END AS "kind", coalesce("srcHi", "dstHi") AS "hi", coalesce("srcLo", "dstLo") AS "lo",
    coalesce("srcUser", "dstUser", "srcPeer", "dstPeer") AS "name", "protocol", "port", "octets"
  FROM sums WHERE CASE "mask" ${known.join(' ')} END
)
SELECT epoch_ms("hour") AS "hourMs", "kind", addr("hi", "lo") AS "address", "name", "protocol", "port", sum("octets") AS "octets"
FROM named GROUP BY "hour", "kind", "hi", "lo", "name", "protocol", "port"
QUALIFY row_number() OVER (PARTITION BY "hour", "kind" ORDER BY sum("octets") DESC) <= ${limit}
ORDER BY "hourMs", "kind", "octets" DESC`;
}

function maskOf(keys: readonly string[]): number {
  return KEYS.reduce((mask, key) => mask * 2 + (keys.includes(key) ? 0 : 1), 0);
}

export interface HourTraffic {
  readonly hourMs: number;
  readonly kind: TrafficKind;
  /** An address, a name, or a service such as `tcp/443`; empty of the total. */
  readonly key: string;
  readonly octets: number;
}

type Row = Readonly<Record<string, unknown>>;

export function hourTrafficOf(row: Row): HourTraffic | undefined {
  const kind = TRAFFIC_KINDS.find((each) => each === row['kind']);
  if (kind === undefined) return undefined;
  const service = serviceText(numberOrNull(row['protocol']), numberOrNull(row['port']));
  const key =
    kind === 'total'
      ? ''
      : kind === 'service'
        ? service
        : String(kind === 'host' ? row['address'] : row['name']);
  return { hourMs: Number(row['hourMs']), kind, key, octets: Number(row['octets']) };
}

const numberOrNull = (value: unknown): number | null => (typeof value === 'number' ? value : null);

/** Median round trip and share of packets sent again, by hour and service; undefined where no record says. */
export function hourPerformanceSql(
  range: TimeRange,
  columns: readonly string[],
  limit: number,
): string | undefined {
  const { roundTripMs, retransmitted } = performanceSql(columns);
  if (roundTripMs === undefined && retransmitted === undefined) return undefined;
  return `WITH parts AS (
  SELECT date_trunc('hour', ${ENDED_AT}) AS "hour", flows."protocol", ${SERVICE_PORT} AS "port", "sessionId",
    ${roundTripMs ?? 'NULL::DOUBLE'} AS "ms", ${retransmitted ?? 'NULL::DOUBLE'} AS "again", "packets"::DOUBLE AS "packets"
  FROM flows WHERE ${COUNTED_ONCE} AND flows."protocol" = 6 AND ${endedWithin(range)}
),
shaken AS (
  SELECT "hour", "protocol", "port", coalesce("sessionId", -1) AS "session", any_value("ms") AS "ms"
  FROM parts WHERE "ms" IS NOT NULL GROUP BY ALL
),
times AS (
  SELECT "hour", "protocol", "port", count(*) AS "samples", median("ms") AS "roundTripMs" FROM shaken GROUP BY ALL
),
counts AS (
  SELECT "hour", "protocol", "port", sum("again") AS "retransmitted", sum("packets") FILTER (WHERE "again" IS NOT NULL) AS "packets"
  FROM parts GROUP BY ALL
)
SELECT epoch_ms("hour") AS "hourMs", "protocol", "port", "samples", "roundTripMs", "retransmitted", "packets"
FROM counts LEFT JOIN times USING ("hour", "protocol", "port") WHERE "samples" > 0 OR "packets" > 0
QUALIFY row_number() OVER (PARTITION BY "hour" ORDER BY "packets" DESC NULLS LAST) <= ${limit}
ORDER BY "hourMs", "packets" DESC NULLS LAST`;
}

/** Who used which service, with the first and last time of the range; those with most octets. */
export function hourAccessSql(range: TimeRange, limit: number): string {
  const [hi, lo] = [ofClient('AddrHi'), ofClient('AddrLo')];
  return `WITH parts AS (
  SELECT ${ENDED_AT} AS "at", ${ofClient('User')} AS "user", ${ofClient('Peer')} AS "peer", ${hi} AS "hi", ${lo} AS "lo",
    ${ofClient('Network')} AS "network", flows."protocol", ${SERVICE_PORT} AS "port", ${WIRE_OCTETS} AS "octets"
  FROM flows WHERE ${COUNTED_ONCE} AND ${endedWithin(range)}
),
named AS (
  SELECT "at", "user", CASE WHEN "user" IS NULL THEN "peer" END AS "peer",
    CASE WHEN "user" IS NULL AND "peer" IS NULL AND (${isPrivateSql('"hi"', '"lo"')} OR "network" IS NOT NULL) THEN "hi" END AS "hi",
    CASE WHEN "user" IS NULL AND "peer" IS NULL THEN "lo" END AS "lo", "protocol", "port", "octets"
  FROM parts
)
SELECT "user", "peer", addr("hi", "lo") AS "address", "protocol", "port", epoch_ms(min("at")) AS "firstMs", epoch_ms(max("at")) AS "lastMs", sum("octets") AS "octets"
FROM named WHERE "user" IS NOT NULL OR "peer" IS NOT NULL OR "hi" IS NOT NULL
GROUP BY "user", "peer", "hi", "lo", "protocol", "port" ORDER BY sum("octets") DESC LIMIT ${limit}`;
}

/** `user ada`, `peer build-1`, `host 10.0.0.1`: who a row of `hourAccessSql` is about. */
export function accessWhoOf(row: Row): { readonly kind: 'user' | 'peer' | 'host'; readonly key: string } {
  const kind = row['user'] !== null ? 'user' : row['peer'] !== null ? 'peer' : 'host';
  return { kind, key: String(row[kind === 'host' ? 'address' : kind]) };
}
