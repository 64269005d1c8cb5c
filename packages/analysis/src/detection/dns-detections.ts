/** DNS that carries something else, and clients that ask resolvers they should not: from flows alone, without names. */
import type { AlertFinding } from '../alert.ts';
import type { AnswerRow } from '../query-result.ts';
import {
  type Detection,
  type DetectionContext,
  excessScore,
  findingOf,
  HOUR_MS,
  setting,
} from './detection.ts';
import {
  BY_CLIENT,
  countText,
  DESTINATION,
  destinationOf,
  END_MS,
  inNetworks,
  numberOf,
  OCTETS,
  octetsText,
  PACKETS,
  rangeOfStep,
  SOURCE,
  START_MS,
  sourceOf,
  stepOf,
} from './flow-sql.ts';

const STEP_MS = HOUR_MS;
const ROWS_MAX = 500;
/** Hours that a client's own DNS is the mean of, at most. */
const BASELINE_HOURS = 168;
const BASELINE_HOURS_MIN = 24;
/** RFC 1035 section 2.3.4: what is longer came with EDNS or TCP. */
const DNS_OCTETS_MAX = 512;

const queries = ({ counted, home }: DetectionContext): string =>
  `${counted} AND "dstPort" = 53 AND "protocol" IN (6, 17) AND ${BY_CLIENT} AND ${inNetworks('src', home)}`;

export const dnsTunnel: Detection = {
  id: 'dnsTunnel',
  title: 'DNS tunnel',
  what:
    'A host of ours sends so much, in such large queries, to one resolver that it is no looking up of ' +
    'names.',
  formula:
    'octets ≥ max(octetsMin, baselineFactor × own mean of an hour) and packets ≥ packetsMin and octets ' +
    '/ packet ≥ sizeMin and minutes ≥ minutesMin, in an hour to one resolver',
  source:
    'Ours: no published threshold works on flows alone. ntopng: packets over 512 octets are a risk; ' +
    'RITA counts subdomains, for which it needs names',
  misses:
    'Tunnels slower than the thresholds, DNS over HTTPS or TLS, tunnels through your own resolver (look ' +
    'at that resolver then: it is the source). Mail servers that ask block lists may come near.',
  stepMs: STEP_MS,
  chunkMs: 6 * HOUR_MS,
  enabledByDefault: true,
  isBySource: true,
  memoryRowsMax: 20_000,
  parameters: [
    {
      name: 'octetsMin',
      default: 500_000,
      min: 10_000,
      max: 1e12,
      unit: 'octets',
      meaning: 'Sent to one resolver in an hour',
      source: 'ours: a busy client sends 0.1 MB',
    },
    {
      name: 'baselineFactor',
      default: 5,
      min: 1,
      max: 1000,
      unit: '×',
      meaning: "Times the client's own mean, once 24 hours are known",
      source: 'ours',
    },
    {
      name: 'packetsMin',
      default: 600,
      min: 10,
      max: 1e9,
      unit: 'packets',
      meaning: 'Packets to one resolver in an hour',
      source: 'ours: ten a minute',
    },
    {
      name: 'sizeMin',
      default: 110,
      min: 40,
      max: 1500,
      unit: 'octets',
      meaning: 'Octets of a packet on average; a query has 60 to 80',
      source: 'ours: encoded data fills names of up to 255 octets',
    },
    {
      name: 'minutesMin',
      default: 10,
      min: 1,
      max: 60,
      unit: 'minutes',
      meaning: 'Minutes of the hour in which it talked',
      source: 'ours',
    },
  ],
  async run(ask, context) {
    const { parameters, memory, range } = context;
    memory.begin(range.fromMs);
    const sql = `SELECT ${SOURCE}, ${DESTINATION}, ${stepOf(STEP_MS)} AS step, sum(${OCTETS}) AS octetSum, sum(${PACKETS}) AS packetSum,
  count(DISTINCT ${END_MS} // 60000) AS minutes, count(*) FILTER (WHERE "octets" > ${DNS_OCTETS_MAX + 28} * "packets") AS large,
  min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs
FROM flows WHERE ${queries(context)} GROUP BY ${SOURCE}, ${DESTINATION}, step
HAVING octetSum >= 10000 ORDER BY step, octetSum DESC LIMIT 20000`;
    const found: AlertFinding[] = [];
    for (const row of await ask(sql, range)) {
      const usual = learnUsual(context, row);
      const wanted = Math.max(
        setting(parameters, 'octetsMin'),
        setting(parameters, 'baselineFactor') * usual,
      );
      if (isTunnel(row, parameters, wanted)) found.push(tunnelFinding(row, parameters, wanted, usual));
    }
    return found;
  },
};

/** The client's mean octets of an hour before this one, 0 until 24 are known; then this hour counts too. */
function learnUsual({ memory }: DetectionContext, row: AnswerRow): number {
  const key = sourceOf(row);
  const [mean = 0, hours = 0] = memory.get(key) ?? [];
  const weight = Math.min(hours + 1, BASELINE_HOURS);
  memory.set(key, [mean + (numberOf(row, 'octetSum') - mean) / weight, weight]);
  return hours >= BASELINE_HOURS_MIN ? mean : 0;
}

const sizeOf = (row: AnswerRow): number =>
  numberOf(row, 'octetSum') / Math.max(1, numberOf(row, 'packetSum'));

function isTunnel(row: AnswerRow, parameters: Readonly<Record<string, number>>, wanted: number): boolean {
  return (
    numberOf(row, 'octetSum') >= wanted &&
    numberOf(row, 'packetSum') >= setting(parameters, 'packetsMin') &&
    sizeOf(row) >= setting(parameters, 'sizeMin') &&
    numberOf(row, 'minutes') >= setting(parameters, 'minutesMin')
  );
}

function tunnelFinding(
  row: AnswerRow,
  parameters: Readonly<Record<string, number>>,
  wanted: number,
  usual: number,
): AlertFinding {
  const [source, resolver, octets] = [sourceOf(row), destinationOf(row), numberOf(row, 'octetSum')];
  return findingOf(dnsTunnel, {
    subject: { kind: 'pair', value: `${source} → ${resolver}` },
    score: excessScore(octets, wanted, 0.62),
    range: rangeOfStep(numberOf(row, 'step'), STEP_MS),
    firstMs: numberOf(row, 'firstMs'),
    lastMs: numberOf(row, 'lastMs'),
    filter: `src host ${source} and dst host ${resolver} and dst port 53`,
    numbers: [
      {
        name: 'octets',
        value: Math.round(octets),
        unit: 'octets',
        threshold: Math.round(wanted),
        meaning: 'sent to this resolver in the hour',
      },
      {
        name: 'usual',
        value: Math.round(usual),
        unit: 'octets',
        meaning: "the client's own mean of an hour; 0 until a day is known",
      },
      {
        name: 'packets',
        value: Math.round(numberOf(row, 'packetSum')),
        unit: 'packets',
        threshold: setting(parameters, 'packetsMin'),
        meaning: 'sent in the hour',
      },
      {
        name: 'size',
        value: Math.round(sizeOf(row)),
        unit: 'octets',
        threshold: setting(parameters, 'sizeMin'),
        meaning: 'of a packet on average',
      },
      {
        name: 'minutes',
        value: numberOf(row, 'minutes'),
        unit: 'minutes',
        threshold: setting(parameters, 'minutesMin'),
        meaning: 'in which it talked',
      },
      {
        name: 'large',
        value: numberOf(row, 'large'),
        unit: 'flows',
        meaning: 'with packets over 512 octets of DNS (ntopng: a risk)',
      },
    ],
    explanation:
      `${source} sent ${octetsText(octets)} to port 53 of ${resolver} within an hour, in packets of ` +
      `${Math.round(sizeOf(row))} octets on average. Looking up names takes a tenth of that. Data can be ` +
      `carried out inside DNS queries where nothing else is let through. Look at which names ${source} ` +
      'asks for.',
  });
}

export const oddResolver: Detection = {
  id: 'oddResolver',
  title: 'Many resolvers',
  what: 'A host of ours that is no resolver itself asks many different DNS servers.',
  formula: 'resolvers > resolversMax in an hour, of a host that fewer than 3 hosts ask themselves',
  source: 'ntopng: more than 5 DNS servers contacted',
  misses:
    'One wrong resolver alone (see listedAddress), DNS over HTTPS or TLS. Hosts that test DNS look the same.',
  stepMs: STEP_MS,
  chunkMs: 6 * HOUR_MS,
  enabledByDefault: true,
  isBySource: false,
  memoryRowsMax: 0,
  parameters: [
    {
      name: 'resolversMax',
      default: 5,
      min: 1,
      max: 10_000,
      unit: 'hosts',
      meaning: 'Different DNS servers of a client in an hour',
      source: 'ntopng: 5',
    },
  ],
  async run(ask, context) {
    const resolversMax = setting(context.parameters, 'resolversMax');
    const sql = `WITH asked AS (SELECT ${SOURCE}, ${DESTINATION}, ${stepOf(STEP_MS)} AS step, count(*) AS queries,
  min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs FROM flows WHERE ${queries(context)} GROUP BY ALL),
resolvers AS (SELECT ${DESTINATION} FROM asked GROUP BY ALL HAVING count(DISTINCT hash(${SOURCE})) >= 3),
clients AS (SELECT ${SOURCE}, step, count(*) AS resolvers, sum(queries) AS queries, min(firstMs) AS firstMs, max(lastMs) AS lastMs
  FROM asked GROUP BY ${SOURCE}, step HAVING count(*) > ${resolversMax})
SELECT clients.* FROM clients ANTI JOIN resolvers
  ON clients."srcAddrHi" = resolvers."dstAddrHi" AND clients."srcAddrLo" = resolvers."dstAddrLo"
ORDER BY step, resolvers DESC LIMIT ${ROWS_MAX}`;
    return (await ask(sql, context.range)).map((row) => resolverFinding(row, resolversMax));
  },
};

function resolverFinding(row: AnswerRow, resolversMax: number): AlertFinding {
  const [source, resolvers] = [sourceOf(row), numberOf(row, 'resolvers')];
  return findingOf(oddResolver, {
    subject: { kind: 'host', value: source },
    score: excessScore(resolvers, resolversMax, 0.3),
    range: rangeOfStep(numberOf(row, 'step'), STEP_MS),
    firstMs: numberOf(row, 'firstMs'),
    lastMs: numberOf(row, 'lastMs'),
    filter: `src host ${source} and dst port 53`,
    numbers: [
      {
        name: 'resolvers',
        value: resolvers,
        unit: 'hosts',
        threshold: resolversMax,
        meaning: 'different DNS servers in the hour',
      },
      { name: 'queries', value: numberOf(row, 'queries'), unit: 'flows', meaning: 'to all of them' },
    ],
    explanation:
      `${source} asked ${countText(resolvers)} different DNS servers within an hour; a client needs two ` +
      'or three. It may go around your resolver to hide which names it looks up, or have a resolver of ' +
      'its own.',
  });
}
