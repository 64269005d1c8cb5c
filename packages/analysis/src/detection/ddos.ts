/** Floods of one target: rates by the minute, how many sources and countries, by thresholds that operators published. */
import { formatAddress } from '../address.ts';
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
  countText,
  DESTINATION,
  destinationOf,
  END_MS,
  inNetworks,
  isOneOf,
  numberOf,
  OCTETS,
  PACKETS,
  rangeOfStep,
  START_MS,
  stepOf,
} from './flow-sql.ts';

const STEP_MS = MINUTE_MS;
const STEP_SECONDS = STEP_MS / 1000;
const TARGETS_MAX = 200;
/** Below that no rule speaks, and nothing is grouped further. */
const MBPS_FLOOR = 10;

export const ddos: Detection = {
  id: 'ddos',
  title: 'Flood of one host',
  what: 'One of our hosts gets more packets, octets or flows in a minute than any service should.',
  formula:
    'in a minute, to one host: pps > ppsMax, or Mbps > mbpsMax, or flows/s > flowsMax, or SYN only ' +
    'flows/s > synMax; or of one (host, source port, protocol): UDP > udpMbpsMax, or > manyMbpsMax from ' +
    '> sourcesMax sources, or from > countriesMax countries',
  source:
    'FastNetMon Community (20,000 pps, 1,000 Mbps, 3,500 flows/s); Akvorado blog, DDoS and flowspec ' +
    '(0.2 Gbps of UDP, 0.1 Gbps from 20 sources or 10 countries); Flowtriq (5,000 SYN/s)',
  misses:
    'What stays below the thresholds, floods spread over many of our addresses. A flow counts in the ' +
    'minute in which it ended, so a detection comes one active timeout and two minutes after the begin. ' +
    'Downloads from many edges of a CDN at once can pass the rule of 20 sources.',
  stepMs: STEP_MS,
  chunkMs: HOUR_MS,
  enabledByDefault: true,
  isBySource: false,
  memoryRowsMax: 0,
  parameters: [
    {
      name: 'ppsMax',
      default: 20_000,
      min: 100,
      max: 1e9,
      unit: 'packets/s',
      meaning: 'To one host',
      source: 'FastNetMon threshold_pps',
    },
    {
      name: 'mbpsMax',
      default: 1000,
      min: 1,
      max: 1e7,
      unit: 'Mbps',
      meaning: 'To one host',
      source: 'FastNetMon threshold_mbps; Akvorado blog 1 Gbps',
    },
    {
      name: 'flowsMax',
      default: 3500,
      min: 10,
      max: 1e9,
      unit: 'flows/s',
      meaning: 'To one host',
      source: 'FastNetMon threshold_flows',
    },
    {
      name: 'synMax',
      default: 5000,
      min: 10,
      max: 1e9,
      unit: 'flows/s',
      meaning: 'Flows of SYN only to one host',
      source: 'Flowtriq: 5,000 SYN/s',
    },
    {
      name: 'udpMbpsMax',
      default: 200,
      min: 1,
      max: 1e7,
      unit: 'Mbps',
      meaning: 'UDP from one source port to one host',
      source: 'Akvorado blog: 0.2 Gbps',
    },
    {
      name: 'manyMbpsMax',
      default: 100,
      min: 1,
      max: 1e7,
      unit: 'Mbps',
      meaning: 'From one source port to one host, when the sources are many',
      source: 'Akvorado blog: 0.1 Gbps',
    },
    {
      name: 'sourcesMax',
      default: 20,
      min: 2,
      max: 1e6,
      unit: 'hosts',
      meaning: 'Sources that are many',
      source: 'Akvorado blog: 20',
    },
    {
      name: 'countriesMax',
      default: 10,
      min: 2,
      max: 250,
      unit: 'countries',
      meaning: 'Countries that are many',
      source: 'Akvorado blog: 10',
    },
  ],
  async run(ask, context) {
    const rows = await ask(targetsSql(context), context.range);
    if (rows.length === 0) return [];
    const streams = await worstStreams(ask, context, rows);
    return rows.flatMap((row) => findingFor(row, streams.get(keyOf(row)), context.parameters));
  },
};

type Values = Readonly<Record<string, number>>;
const keyOf = (row: AnswerRow): string => `${row['dstAddrHi']} ${row['dstAddrLo']} ${row['step']}`;
const mbpsOf = (octets: number): number => (octets * 8) / STEP_SECONDS / 1e6;
const octetsAt = (mbps: number): number => (mbps * 1e6 * STEP_SECONDS) / 8;

/** Targets for which any rule may speak. */
function targetsSql({ counted, home, parameters }: DetectionContext): string {
  const mbps = Math.max(
    MBPS_FLOOR,
    Math.min(...['mbpsMax', 'udpMbpsMax', 'manyMbpsMax'].map((name) => setting(parameters, name))),
  );
  return `SELECT ${DESTINATION}, ${stepOf(STEP_MS)} AS step, sum(${OCTETS}) AS octetSum, sum(${PACKETS}) AS packetSum,
  count(*) AS flows, count(*) FILTER (WHERE "protocol" = 6 AND ("tcpFlags" & 63) = 2) AS syn,
  min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs
FROM flows WHERE ${counted} AND ${inNetworks('dst', home)} GROUP BY ${DESTINATION}, step
HAVING octetSum > ${octetsAt(mbps)} OR packetSum > ${setting(parameters, 'ppsMax') * STEP_SECONDS}
  OR flows > ${setting(parameters, 'flowsMax') * STEP_SECONDS} OR syn > ${setting(parameters, 'synMax') * STEP_SECONDS}
ORDER BY octetSum DESC LIMIT ${TARGETS_MAX}`;
}

/** Of each target the stream, by source port and protocol, that has most octets. */
async function worstStreams(
  ask: AskFlows,
  { counted, range }: DetectionContext,
  targets: readonly AnswerRow[],
): Promise<Map<string, AnswerRow>> {
  const addresses = targets.map((row) => addressOf(row, 'dstAddrHi', 'dstAddrLo'));
  const sql = `SELECT ${DESTINATION}, ${stepOf(STEP_MS)} AS step, "srcPort", "protocol", sum(${OCTETS}) AS octetSum,
  count(DISTINCT hash("srcAddrHi", "srcAddrLo")) AS sources, count(DISTINCT "srcCountry") AS countries
FROM flows WHERE ${counted} AND ${isOneOf('dst', addresses)} GROUP BY ${DESTINATION}, step, "srcPort", "protocol"
QUALIFY row_number() OVER (PARTITION BY ${DESTINATION}, step ORDER BY octetSum DESC) = 1`;
  return new Map((await ask(sql, range)).map((row) => [keyOf(row), row]));
}

interface Rule {
  readonly name: string;
  readonly value: number;
  readonly threshold: number;
  readonly unit: string;
  readonly meaning: string;
  readonly applies: boolean;
}

/** Every rule with what it saw. */
function rulesOf(row: AnswerRow, stream: AnswerRow | undefined, values: Values): Rule[] {
  const of = (name: string) => setting(values, name);
  const streamMbps = stream === undefined ? 0 : mbpsOf(numberOf(stream, 'octetSum'));
  const sources = stream === undefined ? 0 : numberOf(stream, 'sources');
  const countries = stream === undefined ? 0 : numberOf(stream, 'countries');
  const isUdp = stream !== undefined && numberOf(stream, 'protocol') === 17;
  const isMany = streamMbps > of('manyMbpsMax');
  return [
    {
      name: 'pps',
      value: numberOf(row, 'packetSum') / STEP_SECONDS,
      threshold: of('ppsMax'),
      unit: 'packets/s',
      meaning: 'to this host',
      applies: true,
    },
    {
      name: 'Mbps',
      value: mbpsOf(numberOf(row, 'octetSum')),
      threshold: of('mbpsMax'),
      unit: 'Mbps',
      meaning: 'to this host',
      applies: true,
    },
    {
      name: 'flowsPerSecond',
      value: numberOf(row, 'flows') / STEP_SECONDS,
      threshold: of('flowsMax'),
      unit: 'flows/s',
      meaning: 'to this host',
      applies: true,
    },
    {
      name: 'synPerSecond',
      value: numberOf(row, 'syn') / STEP_SECONDS,
      threshold: of('synMax'),
      unit: 'flows/s',
      meaning: 'flows of SYN only',
      applies: true,
    },
    {
      name: 'streamMbps',
      value: streamMbps,
      threshold: of(isUdp ? 'udpMbpsMax' : 'manyMbpsMax'),
      unit: 'Mbps',
      meaning: `largest stream of one source port and protocol${isUdp ? ' (UDP)' : ''}`,
      applies: isUdp,
    },
    {
      name: 'sources',
      value: sources,
      threshold: of('sourcesMax'),
      unit: 'hosts',
      meaning: 'that this stream comes from',
      applies: isMany,
    },
    {
      name: 'countries',
      value: countries,
      threshold: of('countriesMax'),
      unit: 'countries',
      meaning: 'that this stream comes from',
      applies: isMany,
    },
  ];
}

function findingFor(row: AnswerRow, stream: AnswerRow | undefined, values: Values): AlertFinding[] {
  const rules = rulesOf(row, stream, values);
  const broken = rules.filter(({ applies, value, threshold }) => applies && value > threshold);
  if (broken.length === 0) return [];
  const target = destinationOf(row);
  const worst = Math.max(...broken.map(({ value, threshold }) => value / threshold));
  const by =
    stream === undefined
      ? ''
      : `, most of it by ${protocolName(numberOf(stream, 'protocol'))} from port ` +
        `${numberOf(stream, 'srcPort')} of ${countText(numberOf(stream, 'sources'))} sources in ` +
        `${numberOf(stream, 'countries')} countries`;
  return [
    findingOf(ddos, {
      subject: { kind: 'host', value: formatAddress(addressOf(row, 'dstAddrHi', 'dstAddrLo')) },
      score: Math.min(1, excessScore(worst, 1, 0.6) + 0.05 * (broken.length - 1)),
      range: rangeOfStep(numberOf(row, 'step'), STEP_MS),
      firstMs: numberOf(row, 'firstMs'),
      lastMs: numberOf(row, 'lastMs'),
      filter: `dst host ${target}`,
      numbers: rules.map(({ name, value, threshold, unit, meaning }) => ({
        name,
        value: Math.round(value * 10) / 10,
        threshold,
        unit,
        meaning,
      })),
      explanation:
        `${target} got ${countText(mbpsOf(numberOf(row, 'octetSum')))} Mbps and ` +
        `${countText(numberOf(row, 'packetSum') / STEP_SECONDS)} packets/s within a minute${by}. The ` +
        `rules for ${broken.map(({ name }) => name).join(', ')} speak. If no big transfer was planned, it ` +
        'is a flood: ask your provider to filter the source port, or drop it at the edge.',
    }),
  ];
}
