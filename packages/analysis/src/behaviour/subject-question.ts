/**
 * What a page about a host, user or peer asks, as SQL. Every record counts once; octets are scaled by the sampling rate.
 * A record in which the subject is on both sides counts as sent and as received.
 */
import { identifier, timestamp } from '../duckdb-expression.ts';
import { performanceSql } from '../performance/performance-element.ts';
import type { TimeRange } from '../query-plan.ts';
import {
  COUNTED_ONCE,
  DROPPED,
  ENDED_AT,
  endedWithin,
  type FlowFilter,
  filterSql,
  isPrivateSql,
  ofClient,
  ofServer,
  SERVICE_PORT,
  WIRE_OCTETS,
} from '../traffic-sql.ts';

import { type Subject, type SubjectKind, subjectSql } from './subject.ts';

export interface SubjectAsked {
  readonly subject: Subject;
  readonly range: TimeRange;
  /** Begins before the range: what is new is not in it before the range. */
  readonly history: TimeRange;
  readonly filter: FlowFilter;
  readonly columns: readonly string[];
}

/** Octets and flows sent and received, a row a step. */
export function subjectSeriesSql(asked: SubjectAsked, stepMs: number): string {
  return `WITH ${mineSql(asked, asked.range)}
SELECT epoch_ms("at") // ${stepMs} * ${stepMs} AS "step", ${TRAFFIC} FROM mine GROUP BY 1 ORDER BY 1`;
}

/** Whom it talked with; those with most octets. */
export function subjectPeersSql(asked: SubjectAsked, limit: number): string {
  return `WITH ${mineSql(asked, asked.range)},
sides AS (${OTHER_SIDES})
SELECT addr("otherHi", "otherLo") AS "address", any_value("otherName") AS "name", any_value("otherPeer") AS "peer",
  any_value("otherUser") AS "user", any_value("otherCountry") AS "country", any_value("otherNetwork") AS "network",
  sum("sentOctets") AS "sent", sum("receivedOctets") AS "received", count(*) AS "flows", count(DISTINCT "sessionId") AS "sessions"
FROM sides GROUP BY "otherHi", "otherLo"
ORDER BY sum("sentOctets") + sum("receivedOctets") DESC, "address" LIMIT ${limit}`;
}

/** Services that it used (`role` client) and offered (`role` server). */
export function subjectServicesSql(asked: SubjectAsked, limit: number): string {
  return `WITH ${mineSql(asked, asked.range)}
SELECT ${ROLE} AS "role", "protocol", "port", any_value("application") AS "application", ${TRAFFIC},
  count(DISTINCT "sessionId") AS "sessions",
  count(DISTINCT CASE WHEN "isClient" THEN ("serverHi", "serverLo") ELSE ("clientHi", "clientLo") END) AS "others"
FROM mine GROUP BY 1, "protocol", "port"
ORDER BY "sent" + "received" DESC, "role", "protocol", "port" LIMIT ${limit}`;
}

const ROLE = `CASE WHEN "isClient" THEN 'client' ELSE 'server' END`;

/** What `subjectHistorySql` gives of one hour, of whom it talked with, or of a service. */
export const HISTORY_SETS = ['hour', 'other', 'service'] as const;

/**
 * The history in one pass, by `set`: octets of each hour in which it was active; whom it talked with, and the services used
 * and offered, in the range: first and last time within the history. `all` counts them, `fresh` those of which there is
 * nothing before the range; rows are those with most octets in the range.
 */
export function subjectHistorySql(asked: SubjectAsked, limit: number): string {
  const { range, history, subject } = asked;
  const from = timestamp(range.fromMs);
  return `WITH mine AS (
  SELECT ${ENDED_AT} AS "at", date_trunc('hour', ${ENDED_AT}) AS "hour", flows."protocol", ${SERVICE_PORT} AS "port", ${WIRE_OCTETS} AS "octets",
    CASE WHEN ${subjectSql(subject, 'src')} THEN "dstAddrHi" ELSE "srcAddrHi" END AS "otherHi",
    CASE WHEN ${subjectSql(subject, 'src')} THEN "dstAddrLo" ELSE "srcAddrLo" END AS "otherLo",
    CASE WHEN ${ofClient('AddrLo')} IS NOT DISTINCT FROM "srcAddrLo" AND ${subjectSql(subject, 'src')} THEN 'client'
      WHEN ${ofClient('AddrLo')} IS NOT DISTINCT FROM "dstAddrLo" AND ${subjectSql(subject, 'dst')} THEN 'client' ELSE 'server' END AS "role"
  FROM flows WHERE ${conditions(asked, history)}
),
sums AS (
  SELECT CASE GROUPING("hour", "otherHi", "role") WHEN 3 THEN 0 WHEN 5 THEN 1 ELSE 2 END AS "set", "hour", "otherHi", "otherLo", "role", "protocol", "port",
    sum("octets") AS "octets", coalesce(sum("octets") FILTER (WHERE "at" >= ${from}), 0) AS "octetsInRange", min("at") AS "first", max("at") AS "last"
  FROM mine GROUP BY GROUPING SETS (("hour"), ("otherHi", "otherLo"), ("role", "protocol", "port"))
),
asked AS (SELECT * FROM sums WHERE "set" = 0 OR "last" >= ${from})
SELECT "set", epoch_ms("hour") AS "hourMs", addr("otherHi", "otherLo") AS "address", "role", "protocol", "port", "octets",
  epoch_ms("first") AS "firstMs", epoch_ms("last") AS "lastMs", count(*) OVER (PARTITION BY "set") AS "all",
  count(*) FILTER (WHERE "first" >= ${from}) OVER (PARTITION BY "set") AS "fresh"
FROM asked QUALIFY "set" = 0 OR row_number() OVER (PARTITION BY "set" ORDER BY "octetsInRange" DESC, "first") <= ${limit}
ORDER BY "set", "hour", "octetsInRange" DESC, "address"`;
}

/** With which countries. */
export function subjectCountriesSql(asked: SubjectAsked, limit: number): string {
  return `WITH ${mineSql(asked, asked.range)}, sides AS (${OTHER_SIDES})
SELECT "otherCountry" AS "country", sum("sentOctets") AS "sent", sum("receivedOctets") AS "received", count(*) AS "flows"
FROM sides WHERE "otherCountry" IS NOT NULL GROUP BY 1 ORDER BY sum("sentOctets" + "receivedOctets") DESC, 1 LIMIT ${limit}`;
}

/** What policy dropped of it (`from`) and to it. */
export function subjectDropsSql(asked: SubjectAsked, limit: number): string {
  return `WITH ${mineSql(asked, asked.range)}
SELECT "rule", "dropReason", "isSource" AS "from", "protocol", "port", count(*) AS "flows", sum("packets")::DOUBLE AS "packets"
FROM mine WHERE "isDropped" GROUP BY ALL ORDER BY "packets" DESC, "rule", "port" LIMIT ${limit}`;
}

/** A name service may give an address many names. */
const NAMES_MAX = 100;

/** Under which names it was seen, each with the octets and the last time. */
export function subjectNamesSql(asked: SubjectAsked): string {
  const kinds = ['Name', 'User', 'Peer', 'Network', 'Site', 'Country'] as const;
  const own = kinds.map((kind) => `{'kind': '${kind.toLowerCase()}', 'value': "own${kind}"}`).join(', ');
  return `WITH ${mineSql(asked, asked.range)}
SELECT "kind", "value", sum("octets") AS "octets", epoch_ms(max("at")) AS "lastMs"
FROM (SELECT unnest([${own}], recursive := true), "octets", "at" FROM mine)
WHERE "value" IS NOT NULL GROUP BY "kind", "value" ORDER BY "kind", "octets" DESC, "value" LIMIT ${NAMES_MAX}`;
}

/** Addresses from which a user or peer came, and users and peers of an address. */
export function subjectAddressesSql(asked: SubjectAsked, limit: number): string {
  return `WITH ${mineSql(asked, asked.range)}
SELECT addr("ownHi", "ownLo") AS "address", any_value("ownName") AS "name", sum("octets") AS "octets", count(*) AS "flows",
  epoch_ms(min("at")) AS "firstMs", epoch_ms(max("at")) AS "lastMs"
FROM mine GROUP BY "ownHi", "ownLo" ORDER BY "octets" DESC, "address" LIMIT ${limit}`;
}

/** Round trips and retransmissions of its connections: one row. */
export function subjectPerformanceSql(asked: SubjectAsked): string | undefined {
  const { roundTripMs, retransmitted } = performanceSql(asked.columns);
  if (roundTripMs === undefined && retransmitted === undefined) return undefined;
  return `SELECT count(DISTINCT CASE WHEN ${roundTripMs ?? 'NULL'} IS NOT NULL THEN "sessionId" END) AS "samples",
  quantile_cont(${roundTripMs ?? 'NULL::DOUBLE'}, 0.5) AS "roundTripP50", quantile_cont(${roundTripMs ?? 'NULL::DOUBLE'}, 0.95) AS "roundTripP95",
  sum(${retransmitted ?? 'NULL::DOUBLE'}) AS "retransmitted",
  sum("packets"::DOUBLE) FILTER (WHERE ${retransmitted ?? 'NULL::DOUBLE'} IS NOT NULL) AS "packets"
FROM flows WHERE flows."protocol" = 6 AND ${conditions(asked, asked.range)}`;
}

const OTHER_SIDES = `SELECT "at", "sessionId", "dstAddrHi" AS "otherHi", "dstAddrLo" AS "otherLo", "dstName" AS "otherName", "dstPeer" AS "otherPeer",
    "dstUser" AS "otherUser", "dstCountry" AS "otherCountry", "dstNetwork" AS "otherNetwork", "octets" AS "sentOctets", 0 AS "receivedOctets"
  FROM mine WHERE "isSource"
  UNION ALL
  SELECT "at", "sessionId", "srcAddrHi", "srcAddrLo", "srcName", "srcPeer", "srcUser", "srcCountry", "srcNetwork", 0, "octets"
  FROM mine WHERE "isDestination"`;

const TRAFFIC = `coalesce(sum("octets") FILTER (WHERE "isSource"), 0) AS "sent",
  coalesce(sum("octets") FILTER (WHERE "isDestination"), 0) AS "received", count(*) AS "flows"`;

function conditions({ subject, filter, columns }: SubjectAsked, range: TimeRange): string {
  return `${COUNTED_ONCE} AND ${endedWithin(range)} AND (${subjectSql(subject, 'src')} OR ${subjectSql(subject, 'dst')}) AND ${filterSql(filter, columns)}`;
}

/** The subject's records, once each, and at which side of them it is. */
function mineSql(asked: SubjectAsked, range: TimeRange): string {
  const { subject } = asked;
  const isClient = `CASE WHEN ${ofClient('AddrHi')} IS NOT DISTINCT FROM "srcAddrHi" AND ${ofClient('AddrLo')} IS NOT DISTINCT FROM "srcAddrLo" THEN "isSource" ELSE "isDestination" END`;
  const own = (['Name', 'User', 'Peer', 'Network', 'Site', 'Country'] as const).map(
    (kind) => `CASE WHEN "isSource" THEN "src${kind}" ELSE "dst${kind}" END AS "own${kind}"`,
  );
  return `found AS (
  SELECT *, coalesce(${subjectSql(subject, 'src')}, false) AS "isSource", coalesce(${subjectSql(subject, 'dst')}, false) AS "isDestination"
  FROM flows WHERE ${conditions(asked, range)}
),
mine AS (
  SELECT ${ENDED_AT} AS "at", "sessionId", "isSource", "isDestination", ${isClient} AS "isClient", ${DROPPED} AS "isDropped",
    ${WIRE_OCTETS} AS "octets", "packets", flows."protocol", ${SERVICE_PORT} AS "port", "application", "rule", "dropReason",
    "srcAddrHi", "srcAddrLo", "dstAddrHi", "dstAddrLo", "srcName", "dstName", "srcPeer", "dstPeer", "srcUser", "dstUser",
    "srcCountry", "dstCountry", "srcNetwork", "dstNetwork",
    ${ofClient('AddrHi')} AS "clientHi", ${ofClient('AddrLo')} AS "clientLo", ${ofServer('AddrHi')} AS "serverHi", ${ofServer('AddrLo')} AS "serverLo",
    CASE WHEN "isSource" THEN "srcAddrHi" ELSE "dstAddrHi" END AS "ownHi", CASE WHEN "isSource" THEN "srcAddrLo" ELSE "dstAddrLo" END AS "ownLo",
    ${own.join(', ')}
  FROM found AS flows
)`;
}

/** The hosts, users or peers of a time range with most octets; hosts may be restricted to those inside. */
export function subjectListSql(asked: {
  readonly kind: SubjectKind;
  readonly range: TimeRange;
  readonly filter: FlowFilter;
  readonly columns: readonly string[];
  readonly insideOnly: boolean;
  readonly search: string;
  readonly limit: number;
}): string {
  const { kind, range, filter, columns, insideOnly, search, limit } = asked;
  const keys =
    kind === 'host' ? (['AddrHi', 'AddrLo'] as const) : ([kind === 'user' ? 'User' : 'Peer'] as const);
  const side = (
    name: 'src' | 'dst',
    sent: boolean,
  ) => `SELECT ${keys.map((key) => `"${name}${key}" AS ${identifier(`own${key}`)}`).join(', ')}, "${name}Name" AS "ownName",
    "${name}Network" AS "ownNetwork", ${ENDED_AT} AS "at", "sessionId", ${sent ? WIRE_OCTETS : '0'} AS "sent", ${sent ? '0' : WIRE_OCTETS} AS "received", ${DROPPED} AS "isDropped"
  FROM flows WHERE ${COUNTED_ONCE} AND ${endedWithin(range)} AND "${name}${keys[0]}" IS NOT NULL AND ${filterSql(filter, columns)}`;
  const own = keys.map((key) => identifier(`own${key}`)).join(', ');
  const shown = kind === 'host' ? 'addr("ownAddrHi", "ownAddrLo")' : own;
  const inside =
    kind === 'host' && insideOnly
      ? `WHERE ${isPrivateSql('"ownAddrHi"', '"ownAddrLo"')} OR "ownNetwork" IS NOT NULL`
      : '';
  const found =
    search === ''
      ? ''
      : `WHERE contains(lower("value"), '${search.toLowerCase().replaceAll("'", "''")}') OR contains(lower("name"), '${search.toLowerCase().replaceAll("'", "''")}')`;
  return `WITH sides AS (${side('src', true)} UNION ALL ${side('dst', false)}),
grouped AS (
  SELECT ${shown} AS "value", any_value("ownName") AS "name", any_value("ownNetwork") AS "network", sum("sent") AS "sent", sum("received") AS "received",
    count(*) AS "flows", count(*) FILTER (WHERE "isDropped") AS "drops", epoch_ms(min("at")) AS "firstMs", epoch_ms(max("at")) AS "lastMs"
  FROM sides ${inside} GROUP BY ${own}
)
SELECT * FROM grouped ${found} ORDER BY "sent" + "received" DESC, "value" LIMIT ${limit}`;
}
