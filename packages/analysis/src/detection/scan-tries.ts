/**
 * Tries that came to nothing, counted: different ports of a host, different hosts on a port. Of TCP by its flags; of UDP
 * and ICMP, which have none, by what nobody answered: few pairs are tried so often, and only those are looked at again.
 */
import type { Address } from '../address.ts';
import type { AnswerRow } from '../query-result.ts';
import type { AskFlows, DetectionContext } from './detection.ts';
import {
  addressOf,
  BY_CLIENT,
  DESTINATION,
  DROPPED,
  END_MS,
  FAILED,
  isOneOf,
  REFUSAL,
  SOURCE,
  START_MS,
  stepOf,
} from './flow-sql.ts';

const ROWS_MAX = 1000;
/** A probe of UDP is a packet, sent again once or twice; what goes on longer has somebody at the other end. */
const PROBE_PACKETS_MAX = 3;
/** Programs ask from a port of their own; from below, servers answer. */
const CLIENT_PORTS_FROM = 1024;
/** Where traceroute by UDP counts up, and wants no answer. */
const TRACEROUTE = '33434 AND 33534';

const UDP_PROBE = `("protocol" = 17 AND ${BY_CLIENT} AND "srcPort" >= ${CLIENT_PORTS_FROM} AND NOT ${DROPPED}
  AND "packets" <= ${PROBE_PACKETS_MAX} AND "dstPort" NOT BETWEEN ${TRACEROUTE})`;
/** Echo requests of ICMP and of ICMPv6. */
const PING = `(("protocol" = 1 AND "icmpTypeCode" = 2048) OR ("protocol" = 58 AND "icmpTypeCode" = 32768)) AND NOT ${DROPPED}`;

/** Counted in steps of so long; told from `min` different ones on. */
interface CountOptions {
  readonly stepMs: number;
  readonly min: number;
}

type Rows = readonly AnswerRow[];

/** Rows of source, destination, step: ports tried in vain, first by TCP (and of what we dropped), then by UDP. */
export async function portsInVain(
  ask: AskFlows,
  context: DetectionContext,
  options: CountOptions,
): Promise<AnswerRow[]> {
  const tcp = await ask(refusedPortsSql(context, options), context.range);
  const candidates = await ask(udpPortsSql(context, options), context.range);
  const udp =
    candidates.length === 0 ? [] : await ask(silentPortsSql(context, options, candidates), context.range);
  return [...tcp, ...udp];
}

function refusedPortsSql({ counted }: DetectionContext, { stepMs, min }: CountOptions): string {
  const step = `${stepOf(stepMs)} AS step, ${START_MS} AS startMs, ${END_MS} AS endMs`;
  return `WITH tries AS (
  SELECT ${SOURCE}, ${DESTINATION}, "dstPort" AS port, ${DROPPED} AS isDropped, false AS isReply, ${step}
  FROM flows WHERE ${counted} AND ${FAILED}
  UNION ALL
  SELECT ${DESTINATION}, ${SOURCE}, "srcPort", false, true, ${step} FROM flows WHERE ${counted} AND ${REFUSAL})
SELECT ${SOURCE}, ${DESTINATION}, 6 AS protocol, step, count(DISTINCT port) AS different,
  greatest(count(*) FILTER (WHERE NOT isReply), count(*) FILTER (WHERE isReply)) AS tries,
  count(*) FILTER (WHERE isDropped) AS dropped, min(startMs) AS firstMs, max(endMs) AS lastMs
FROM tries GROUP BY ${SOURCE}, ${DESTINATION}, step HAVING different >= ${min}
ORDER BY step, different DESC LIMIT ${ROWS_MAX}`;
}

/** Pairs that may have tried so many ports; which they did is counted of those alone. */
function udpPortsSql({ counted }: DetectionContext, { stepMs, min }: CountOptions): string {
  return `SELECT ${SOURCE}, ${DESTINATION}, ${stepOf(stepMs)} AS step, count(*) AS tries
FROM flows WHERE ${counted} AND ${UDP_PROBE} GROUP BY ${SOURCE}, ${DESTINATION}, step
HAVING tries >= ${min} AND max("dstPort") - min("dstPort") >= ${min - 1} ORDER BY step, tries DESC LIMIT ${ROWS_MAX}`;
}

function silentPortsSql(
  { counted }: DetectionContext,
  { stepMs, min }: CountOptions,
  candidates: Rows,
): string {
  const [sources, targets] = [sourcesOf(candidates), targetsOf(candidates)];
  return `WITH tried AS (SELECT ${SOURCE}, ${DESTINATION}, "dstPort", ${stepOf(stepMs)} AS step, count(*) AS tries,
  min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs
  FROM flows WHERE ${counted} AND ${UDP_PROBE} AND ${isOneOf('src', sources)} AND ${isOneOf('dst', targets)} GROUP BY ALL),
answers AS (SELECT DISTINCT ${SOURCE}, ${DESTINATION}, "srcPort" FROM flows
  WHERE "protocol" = 17 AND ${isOneOf('src', targets)} AND ${isOneOf('dst', sources)})
SELECT tried."srcAddrHi", tried."srcAddrLo", tried."dstAddrHi", tried."dstAddrLo", 17 AS protocol, step,
  count(*) AS different, sum(tries)::BIGINT AS tries, 0 AS dropped, min(firstMs) AS firstMs, max(lastMs) AS lastMs
FROM tried ANTI JOIN answers ON answers."srcAddrHi" = tried."dstAddrHi" AND answers."srcAddrLo" = tried."dstAddrLo"
  AND answers."dstAddrHi" = tried."srcAddrHi" AND answers."dstAddrLo" = tried."srcAddrLo" AND answers."srcPort" = tried."dstPort"
GROUP BY ALL HAVING different >= ${min} ORDER BY step, different DESC LIMIT ${ROWS_MAX}`;
}

interface SweepOptions extends CountOptions {
  /** Of all hosts on which a port was tried, so many have to have been tried in vain: 0 … 1. */
  readonly share: number;
}

/** Of TCP a failed try, of UDP and ICMP any, until it is known who answered. */
const SWEEP = `(${FAILED} OR ${UDP_PROBE} OR ${PING})`;
/** What of the source shows that there is somebody: it acknowledged, so it was answered. */
const TALKED = `("protocol" = 6 AND ("tcpFlags" & 16) = 16 AND NOT ${DROPPED})`;

/**
 * Rows of source, destination port, protocol, step: hosts on which the port was tried in vain (`different`), of all on
 * which it was tried (`hosts`). Where the source talked by TCP on the same port in the step it was not in vain: a SYN was
 * lost, or QUIC dropped and TCP let through.
 */
export async function hostsInVain(
  ask: AskFlows,
  context: DetectionContext,
  options: SweepOptions,
): Promise<Rows> {
  const candidates = await ask(sweptSql(context, options), context.range);
  return candidates.length === 0
    ? []
    : ask(hostsInVainSql(context, options, sourcesOf(candidates)), context.range);
}

function sweptSql({ counted }: DetectionContext, { stepMs, min }: CountOptions): string {
  return `SELECT ${SOURCE}, "dstPort", "protocol", ${stepOf(stepMs)} AS step, count(DISTINCT hash(${DESTINATION})) AS different
FROM flows WHERE ${counted} AND ${SWEEP} GROUP BY ${SOURCE}, "dstPort", "protocol", step HAVING different >= ${min}
ORDER BY step, different DESC LIMIT ${ROWS_MAX}`;
}

function hostsInVainSql(
  { counted }: DetectionContext,
  { stepMs, min, share }: SweepOptions,
  sources: readonly Address[],
): string {
  return `WITH sent AS (SELECT ${SOURCE}, ${DESTINATION}, "dstPort", "protocol", ${stepOf(stepMs)} AS step, count(*) AS tries,
  count(*) FILTER (WHERE ${DROPPED}) AS dropped, bool_or(${SWEEP}) AS isTry, bool_or(${TALKED}) AS talked,
  min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs
  FROM flows WHERE ${counted} AND ${isOneOf('src', sources)} GROUP BY ALL),
reached AS (SELECT DISTINCT ${SOURCE}, ${DESTINATION}, "dstPort", step FROM sent WHERE talked),
answers AS (SELECT DISTINCT ${DESTINATION}, ${SOURCE}, "protocol", CASE WHEN "protocol" = 17 THEN "srcPort" END AS port FROM flows
  WHERE "protocol" IN (1, 17, 58) AND coalesce("icmpTypeCode" // 256, 0) IN (0, 129) AND ${isOneOf('dst', sources)}),
tried AS (SELECT sent.*, reached.step IS NULL AND answers."srcAddrHi" IS NULL AND isTry AS inVain FROM sent
  LEFT JOIN reached ON reached."srcAddrHi" = sent."srcAddrHi" AND reached."srcAddrLo" = sent."srcAddrLo"
    AND reached."dstAddrHi" = sent."dstAddrHi" AND reached."dstAddrLo" = sent."dstAddrLo" AND reached.step = sent.step
    AND reached."dstPort" = sent."dstPort"
  LEFT JOIN answers ON answers."dstAddrHi" = sent."srcAddrHi" AND answers."dstAddrLo" = sent."srcAddrLo"
    AND answers."srcAddrHi" = sent."dstAddrHi" AND answers."srcAddrLo" = sent."dstAddrLo" AND answers."protocol" = sent."protocol"
    AND (answers.port IS NULL OR answers.port = sent."dstPort"))
SELECT "srcAddrHi", "srcAddrLo", "dstPort", "protocol", step, count(*) FILTER (WHERE inVain) AS different, count(*) AS hosts,
  coalesce(sum(tries) FILTER (WHERE inVain), 0)::BIGINT AS tries,
  coalesce(sum(dropped) FILTER (WHERE inVain), 0)::BIGINT AS dropped,
  min(firstMs) FILTER (WHERE inVain) AS firstMs, max(lastMs) FILTER (WHERE inVain) AS lastMs
FROM tried GROUP BY "srcAddrHi", "srcAddrLo", "dstPort", "protocol", step
HAVING different >= ${min} AND different >= hosts * ${share}
ORDER BY step, different DESC LIMIT ${ROWS_MAX}`;
}

const sourcesOf = (rows: Rows) => distinct(rows, 'srcAddrHi', 'srcAddrLo');
const targetsOf = (rows: Rows) => distinct(rows, 'dstAddrHi', 'dstAddrLo');

function distinct(rows: Rows, hi: string, lo: string) {
  return [...new Map(rows.map((row) => [`${row[hi]} ${row[lo]}`, addressOf(row, hi, lo)])).values()];
}
