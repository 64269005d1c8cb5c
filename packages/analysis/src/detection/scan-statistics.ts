/** Scans by statistics, also slow ones: SiLK's rwscan, TRW first, then BLR for what it did not decide. */
import type { AlertFinding } from '../alert.ts';
import type { AnswerRow } from '../query-result.ts';
import { protocolName } from '../value-name.ts';
import {
  type AskFlows,
  type Detection,
  type DetectionContext,
  excessScore,
  findingOf,
  HOUR_MS,
  MINUTE_MS,
  setting,
} from './detection.ts';
import {
  addressOf,
  BY_CLIENT,
  countText,
  DESTINATION,
  DROPPED,
  destinationOf,
  END_MS,
  FAILED,
  isOneOf,
  numberOf,
  rangeOfStep,
  SOURCE,
  START_MS,
  sourceOf,
  stepOf,
} from './flow-sql.ts';
import {
  BLR_FLOWS_MIN,
  icmpScanProbability,
  TRW_DEFAULTS,
  type TrwResult,
  tcpScanProbability,
  thresholdRandomWalk,
  udpScanProbability,
} from './scan-score.ts';
import { portsInVain } from './scan-tries.ts';

const STEP_MS = HOUR_MS;
const ROWS_MAX = 500;
/** New destinations of a source that TRW walks along: it decides after four of a kind. */
const WALK_MAX = 64;
/** A logistic model needs more than 53 in a row, or three low ports, to call UDP a scan: less is not computed. */
const UDP_DESTINATIONS_MIN = 32;
const UDP_LOW_PORTS_MIN = 3;
const ICMP_DESTINATIONS_MIN = 10;
/** Zeek's port scan: 15 ports in five minutes. */
const FAST_PORTS = 15;
const FAST_WINDOW_MS = 5 * MINUTE_MS;

export const scanStatistics: Detection = {
  id: 'scanStatistics',
  title: 'Scan by statistics',
  what: 'The flows of one source in an hour are those of a scanner, also of a slow one.',
  formula:
    'TCP, while all its flows are SYN only: TRW, L × (1-θ1)/(1-θ0) for each new destination that is not ' +
    'alive, L × θ1/θ0 for each that is; scan when L > β/α. Else, of 32 flows and more, BLR: p = ' +
    '1/(1+e^-y) > probabilityMin. And ports ≥ portsMin of one protocol that it tried on one host in vain in the hour',
  source:
    'SiLK rwscan (TRW θ0 0.8, θ1 0.2, α 0.01, β 0.99; BLR coefficients of rwscan.h); ' +
    'ports of one host: twice the number that Zeek allows in five minutes',
  misses:
    'Scans of IPv6 by UDP and ICMP (the models count neighbours in an IPv4 /24), scanners that also ' +
    'have good connections within the hour and few failures, sources that try fewer than eight hosts and ' +
    'fewer than portsMin ports of one.',
  stepMs: STEP_MS,
  chunkMs: HOUR_MS,
  enabledByDefault: true,
  isBySource: true,
  memoryRowsMax: 0,
  parameters: [
    {
      name: 'theta0',
      default: TRW_DEFAULTS.theta0,
      min: 0.5,
      max: 0.99,
      unit: '',
      meaning: 'How likely a first try of somebody benign succeeds',
      source: 'rwscan --trw-theta0',
    },
    {
      name: 'theta1',
      default: TRW_DEFAULTS.theta1,
      min: 0.01,
      max: 0.5,
      unit: '',
      meaning: 'How likely a first try of a scanner succeeds',
      source: 'rwscan --trw-theta1',
    },
    {
      name: 'probabilityMin',
      default: 0.5,
      min: 0.5,
      max: 1,
      unit: '',
      meaning: 'Probability from which BLR calls a source a scanner',
      source: 'rwscan: 0.5',
    },
    {
      name: 'destinationsMin',
      default: 8,
      min: 4,
      max: 100_000,
      unit: 'hosts',
      meaning: 'Different hosts tried in vain, so that a program that lost its four servers is no scanner',
      source: 'ours; rwscan: 4',
    },
    {
      name: 'failedShareMin',
      default: 0.25,
      min: 0,
      max: 1,
      unit: '',
      meaning:
        'Share of failed tries of TCP, and of hosts that did not answer to UDP and ICMP, from which BLR judges',
      source: 'ours; rwscan: 0',
    },
    {
      name: 'portsMin',
      default: 30,
      min: 10,
      max: 65_535,
      unit: 'ports',
      meaning: 'Different ports of one host tried in vain in the hour',
      source: 'ours: twice what Zeek allows in five minutes, for a twelfth of the pace',
    },
  ],
  async run(ask, context) {
    const tcp = await ask(tcpSql(context), context.range);
    const walked = await walk(ask, context, tcp.filter(isSynOnly));
    const isLikely = (row: AnswerRow) => probabilityOf(row) > setting(context.parameters, 'probabilityMin');
    const udp = (await ask(udpSql(context), context.range)).filter(isLikely);
    const icmp = (await ask(icmpSql(context), context.range)).filter(isLikely);
    const portsMin = setting(context.parameters, 'portsMin');
    const ports = await portsInVain(ask, context, { stepMs: STEP_MS, min: portsMin });
    return [
      ...ports.filter(isSlow).map((row) => slowPortScanFinding(row, portsMin)),
      ...tcp.flatMap((row) => tcpFinding(row, walked.get(keyOf(row)), context)),
      ...(await mostlyInVain(ask, context, [...udp, ...icmp])).flatMap((row) =>
        regressionFinding(row, probabilityOf(row), context),
      ),
    ];
  },
};

/** Below what portScan counts with its defaults: what it tells is not told again. */
function isSlow(row: AnswerRow): boolean {
  const windows = Math.max(1, (numberOf(row, 'lastMs') - numberOf(row, 'firstMs')) / FAST_WINDOW_MS);
  return numberOf(row, 'different') / windows < FAST_PORTS;
}

const keyOf = (row: AnswerRow): string => `${row['srcAddrHi']} ${row['srcAddrLo']} ${row['step']}`;
const isSynOnly = (row: AnswerRow): boolean => numberOf(row, 'synOnly') === numberOf(row, 'flows');

const COMMON = `count(*) AS flows, count(*) FILTER (WHERE "packets" < 3) AS small,
  count(*) FILTER (WHERE "octets" // greatest("packets", 1) > 60) AS payload,
  min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs, count(*) FILTER (WHERE ${DROPPED}) AS dropped`;

/** The sources that can be scanners: enough hosts tried in vain. */
function tcpSql({ counted, parameters }: DetectionContext): string {
  return `SELECT ${SOURCE}, 6 AS protocol, ${stepOf(STEP_MS)} AS step, ${COMMON},
  count(*) FILTER (WHERE ("tcpFlags" & 63) = 2) AS synOnly, count(*) FILTER (WHERE ${FAILED}) AS failed,
  count(*) FILTER (WHERE ("tcpFlags" & 16) = 0) AS noAck,
  count(*) FILTER (WHERE ("tcpFlags" & 63) IN (4, 18, 20)) AS backscatter,
  count(DISTINCT hash(${DESTINATION})) AS destinations,
  count(DISTINCT hash(${DESTINATION}, "srcPort")) AS sourcePorts
FROM flows WHERE ${counted} AND "protocol" = 6 GROUP BY ${SOURCE}, step
HAVING failed >= ${setting(parameters, 'destinationsMin')} AND destinations >= ${setting(parameters, 'destinationsMin')}
  AND (failed >= flows * ${setting(parameters, 'failedShareMin')})
ORDER BY failed DESC LIMIT ${ROWS_MAX}`;
}

/** Of the sources that sent nothing but SYNs: whether each new destination was alive, in the order of the tries. */
async function walk(
  ask: AskFlows,
  { range, counted, parameters }: DetectionContext,
  rows: readonly AnswerRow[],
): Promise<Map<string, TrwResult>> {
  const walked = new Map<string, TrwResult>();
  if (rows.length === 0) return walked;
  const sources = rows.map((row) => addressOf(row, 'srcAddrHi', 'srcAddrLo'));
  const sql = `WITH tries AS (
  SELECT ${SOURCE}, ${DESTINATION}, ${stepOf(STEP_MS)} AS step, min(${START_MS}) AS firstMs
  FROM flows WHERE ${counted} AND "protocol" = 6 AND ${isOneOf('src', sources)} GROUP BY ALL),
alive AS (SELECT DISTINCT ${SOURCE} FROM flows WHERE "protocol" = 6 AND ("tcpFlags" & 18) = 18)
SELECT tries."srcAddrHi", tries."srcAddrLo", step,
  array_to_string(list(CASE WHEN alive."srcAddrHi" IS NULL THEN '1' ELSE '0' END ORDER BY firstMs)[1:${WALK_MAX}], '') AS walk
FROM tries LEFT JOIN alive ON alive."srcAddrHi" = tries."dstAddrHi" AND alive."srcAddrLo" = tries."dstAddrLo"
GROUP BY tries."srcAddrHi", tries."srcAddrLo", step`;
  const thetas = { theta0: setting(parameters, 'theta0'), theta1: setting(parameters, 'theta1') };
  for (const row of await ask(sql, range)) {
    const misses = [...String(row['walk'])].map((letter) => letter === '1');
    walked.set(keyOf(row), thresholdRandomWalk(misses, { ...TRW_DEFAULTS, ...thetas }));
  }
  return walked;
}

function tcpFinding(
  row: AnswerRow,
  walked: TrwResult | undefined,
  context: DetectionContext,
): AlertFinding[] {
  if (walked?.verdict === 'benign') return [];
  if (walked?.verdict === 'scan') return [scanFinding(row, context, walked, undefined)];
  return regressionFinding(row, tcpProbability(row), context);
}

function regressionFinding(row: AnswerRow, probability: number, context: DetectionContext): AlertFinding[] {
  if (numberOf(row, 'flows') < BLR_FLOWS_MIN) return [];
  if (probability <= setting(context.parameters, 'probabilityMin')) return [];
  return [scanFinding(row, context, undefined, probability)];
}

const share = (row: AnswerRow, name: string): number => numberOf(row, name) / numberOf(row, 'flows');
const portsPerDestination = (row: AnswerRow): number =>
  numberOf(row, 'sourcePorts') / numberOf(row, 'destinations');

function tcpProbability(row: AnswerRow): number {
  return tcpScanProbability({
    noAckRatio: share(row, 'noAck'),
    smallRatio: share(row, 'small'),
    payloadRatio: share(row, 'payload'),
    sourcePortsPerDestination: portsPerDestination(row),
    destinationRatio: share(row, 'destinations'),
    backscatterRatio: share(row, 'backscatter'),
  });
}

/** Runs of neighbouring destinations: what is equal in a run is the address less its place among the sorted ones. */
function runsSql(counted: string, condition: string, further: string): string {
  return `WITH tried AS (
  SELECT ${SOURCE}, try_cast("dstAddrLo" AS BIGINT) AS dst, ${stepOf(STEP_MS)} AS step, ${further}
  FROM flows WHERE ${counted} AND ${condition} AND "dstAddrHi" = 0 AND "dstAddrLo" >> 32 = 65535
  GROUP BY ALL),
placed AS (SELECT *, dst >> 8 AS net, dst - row_number() OVER (PARTITION BY ${SOURCE}, step ORDER BY dst) AS run FROM tried),
runs AS (SELECT ${SOURCE}, step, net, run, count(*) AS length FROM placed GROUP BY ALL),
longest AS (SELECT ${SOURCE}, step, max(length) AS runMax FROM runs GROUP BY ALL)`;
}

function udpSql({ counted }: DetectionContext): string {
  const condition = `"protocol" = 17 AND ${BY_CLIENT}`;
  return `${runsSql(counted, condition, 'count(*) AS tries')},
low AS (SELECT ${SOURCE}, ${DESTINATION}, "dstPort"::BIGINT AS port, ${stepOf(STEP_MS)} AS step
  FROM flows WHERE ${counted} AND ${condition} AND "dstPort" < 1024 GROUP BY ALL),
lowPlaced AS (SELECT *, port - row_number() OVER (PARTITION BY ${SOURCE}, ${DESTINATION}, step ORDER BY port) AS run FROM low),
lowRuns AS (SELECT ${SOURCE}, step, count(*) AS length FROM lowPlaced GROUP BY ${SOURCE}, ${DESTINATION}, step, run),
lowCounts AS (SELECT ${SOURCE}, step, count(*) AS ports FROM low GROUP BY ${SOURCE}, ${DESTINATION}, step),
lowRunMost AS (SELECT ${SOURCE}, step, max(length) AS lowRunMax FROM lowRuns GROUP BY ALL),
lowCountMost AS (SELECT ${SOURCE}, step, max(ports) AS lowPortsMax FROM lowCounts GROUP BY ALL),
sums AS (SELECT ${SOURCE}, 17 AS protocol, ${stepOf(STEP_MS)} AS step, ${COMMON}, 0 AS failed,
  count(DISTINCT hash(${DESTINATION})) AS destinations, count(DISTINCT hash(${DESTINATION}, "srcPort")) AS sourcePorts,
  count(DISTINCT "srcPort") AS differentPorts
FROM flows WHERE ${counted} AND ${condition} GROUP BY ${SOURCE}, step HAVING flows >= ${BLR_FLOWS_MIN})
SELECT sums.*, runMax, coalesce(lowPortsMax, 0) AS lowPortsMax, coalesce(lowRunMax, 0) AS lowRunMax
FROM sums JOIN longest USING ("srcAddrHi", "srcAddrLo", step)
LEFT JOIN lowRunMost USING ("srcAddrHi", "srcAddrLo", step) LEFT JOIN lowCountMost USING ("srcAddrHi", "srcAddrLo", step)
WHERE destinations >= ${UDP_DESTINATIONS_MIN} OR lowPortsMax >= ${UDP_LOW_PORTS_MIN}
ORDER BY flows DESC LIMIT ${ROWS_MAX}`;
}

function udpProbability(row: AnswerRow): number {
  return udpScanProbability({
    smallRatio: share(row, 'small'),
    destinationRunMax: numberOf(row, 'runMax'),
    lowPortsMax: numberOf(row, 'lowPortsMax'),
    lowPortRunMax: numberOf(row, 'lowRunMax'),
    sourcePortsPerDestination: portsPerDestination(row),
    payloadRatio: share(row, 'payload'),
    sourcePortRatio: share(row, 'differentPorts'),
  });
}

function icmpSql({ counted }: DetectionContext): string {
  const condition = '"protocol" = 1';
  return `${runsSql(counted, condition, 'count(*) AS tries')},
nets AS (SELECT ${SOURCE}, step, net, count(*) AS hosts FROM placed GROUP BY ALL),
netMost AS (SELECT ${SOURCE}, step, max(hosts) AS subnetMax FROM nets GROUP BY ALL),
netPlaced AS (SELECT *, net - row_number() OVER (PARTITION BY ${SOURCE}, step ORDER BY net) AS run FROM nets),
netRuns AS (SELECT ${SOURCE}, step, count(*) AS length FROM netPlaced GROUP BY ${SOURCE}, step, run),
netRunMost AS (SELECT ${SOURCE}, step, max(length) AS subnetRunMax FROM netRuns GROUP BY ALL),
sums AS (SELECT ${SOURCE}, 1 AS protocol, ${stepOf(STEP_MS)} AS step, ${COMMON}, 0 AS failed,
  count(*) FILTER (WHERE "icmpTypeCode" IN (2048, 3328, 3840, 4352)) AS echo,
  count(DISTINCT hash(${DESTINATION})) AS destinations
FROM flows WHERE ${counted} AND ${condition} GROUP BY ${SOURCE}, step
HAVING flows >= ${BLR_FLOWS_MIN} AND destinations >= ${ICMP_DESTINATIONS_MIN})
SELECT sums.*, runMax, subnetMax, subnetRunMax
FROM sums JOIN longest USING ("srcAddrHi", "srcAddrLo", step) JOIN netMost USING ("srcAddrHi", "srcAddrLo", step)
JOIN netRunMost USING ("srcAddrHi", "srcAddrLo", step) ORDER BY flows DESC LIMIT ${ROWS_MAX}`;
}

const probabilityOf = (row: AnswerRow): number =>
  numberOf(row, 'protocol') === 17 ? udpProbability(row) : icmpProbability(row);

/** UDP and ICMP have no flags: who was answered by most of those whom it asked looks for nobody. */
async function mostlyInVain(
  ask: AskFlows,
  { range, counted, parameters }: DetectionContext,
  rows: readonly AnswerRow[],
): Promise<readonly AnswerRow[]> {
  if (rows.length === 0) return [];
  const sources = rows.map((row) => addressOf(row, 'srcAddrHi', 'srcAddrLo'));
  const sql = `SELECT "dstAddrHi" AS "srcAddrHi", "dstAddrLo" AS "srcAddrLo", "protocol", ${stepOf(STEP_MS)} AS step,
  count(DISTINCT hash(${SOURCE})) AS answered
FROM flows WHERE ${counted} AND ${isOneOf('dst', sources)}
  AND (("protocol" = 17 AND NOT ${BY_CLIENT}) OR ("protocol" = 1 AND "icmpTypeCode" < 256)) GROUP BY ALL`;
  const key = (row: AnswerRow) => `${keyOf(row)} ${numberOf(row, 'protocol')}`;
  const answered = new Map((await ask(sql, range)).map((row) => [key(row), numberOf(row, 'answered')]));
  const share = 1 - setting(parameters, 'failedShareMin');
  return rows.filter((row) => (answered.get(key(row)) ?? 0) <= numberOf(row, 'destinations') * share);
}

function icmpProbability(row: AnswerRow): number {
  return icmpScanProbability({
    subnetRunMax: numberOf(row, 'subnetRunMax'),
    destinationRunMax: numberOf(row, 'runMax'),
    destinationsPerSubnetMax: numberOf(row, 'subnetMax'),
    destinations: numberOf(row, 'destinations'),
    echoRatio: share(row, 'echo'),
  });
}

function scanFinding(
  row: AnswerRow,
  { parameters }: DetectionContext,
  walked: TrwResult | undefined,
  probability: number | undefined,
): AlertFinding {
  const [source, protocol] = [sourceOf(row), protocolName(numberOf(row, 'protocol'))];
  const destinations = numberOf(row, 'destinations');
  const byModel =
    walked === undefined
      ? {
          name: 'probability',
          value: Math.round((probability ?? 0) * 1000) / 1000,
          threshold: setting(parameters, 'probabilityMin'),
          meaning: 'BLR: probability of a scan',
        }
      : {
          name: 'likelihood',
          value: Math.round(walked.likelihood * 1000) / 1000,
          threshold: TRW_DEFAULTS.beta / TRW_DEFAULTS.alpha,
          meaning: `TRW: likelihood after ${walked.misses} misses and ${walked.hits} hits`,
        };
  return findingOf(scanStatistics, {
    title: `${protocol.toUpperCase()} scan by statistics`,
    subject: { kind: 'host', value: source },
    score: walked === undefined ? 0.4 + 0.3 * (probability ?? 0) : 0.65,
    range: rangeOfStep(numberOf(row, 'step'), STEP_MS),
    firstMs: numberOf(row, 'firstMs'),
    lastMs: numberOf(row, 'lastMs'),
    filter: `src host ${source} and protocol ${protocol}`,
    numbers: [
      byModel,
      { name: 'destinations', value: destinations, unit: 'hosts', meaning: 'different hosts that it tried' },
      {
        name: 'flows',
        value: numberOf(row, 'flows'),
        unit: 'flows',
        threshold: BLR_FLOWS_MIN,
        meaning: 'its flows in the hour',
      },
      {
        name: 'dropped',
        value: numberOf(row, 'dropped'),
        unit: 'flows',
        meaning: 'of these dropped by our rules',
      },
    ],
    explanation:
      `In an hour ${source} tried ${countText(destinations)} hosts by ${protocol} in ` +
      `${countText(numberOf(row, 'flows'))} flows, and they look like those of a scanner: ` +
      `${walked === undefined ? `the logistic model of rwscan says so with a probability of ${byModel.value}` : `the first ${walked.misses + walked.hits} tries had ${walked.misses} misses, which somebody with good intentions hardly has`}. ` +
      'It may be slow enough to stay below the counters.',
  });
}

function slowPortScanFinding(row: AnswerRow, portsMin: number): AlertFinding {
  const [source, target, ports] = [sourceOf(row), destinationOf(row), numberOf(row, 'different')];
  const protocol = protocolName(numberOf(row, 'protocol'));
  return findingOf(scanStatistics, {
    title: 'Slow port scan',
    subject: { kind: 'pair', value: `${source} → ${target}` },
    score: excessScore(ports, portsMin, 0.45),
    range: rangeOfStep(numberOf(row, 'step'), STEP_MS),
    firstMs: numberOf(row, 'firstMs'),
    lastMs: numberOf(row, 'lastMs'),
    filter: `src host ${source} and dst host ${target}`,
    numbers: [
      {
        name: 'ports',
        value: ports,
        unit: 'ports',
        threshold: portsMin,
        meaning: `different ports that were tried in vain by ${protocol}`,
      },
      { name: 'tries', value: numberOf(row, 'tries'), unit: 'flows', meaning: 'failed tries in the hour' },
      {
        name: 'dropped',
        value: numberOf(row, 'dropped'),
        unit: 'flows',
        meaning: 'of these dropped by our rules',
      },
    ],
    explanation:
      `${source} tried ${countText(ports)} ports of ${target} within an hour and got no connection, slowly enough to ` +
      'stay below the counter of five minutes. That is how somebody looks for services without being noticed. Find out ' +
      `who uses ${source}.`,
  });
}
