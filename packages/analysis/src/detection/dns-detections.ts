/** DNS that carries something else, and clients that ask resolvers they should not: from flows alone, without names. */
import type { AlertFinding } from '../alert.ts';
import type { AnswerRow } from '../query-result.ts';
import {
  DAY_MS,
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
/** Who is asked by so many is a resolver, and is one for so long, also in the night when nobody asks. */
const CLIENTS_OF_RESOLVER = 3;
const RESOLVER_DAYS = 30;
/** RFC 1035 section 2.3.4: what is longer came with EDNS or TCP. */
const DNS_OCTETS_MAX = 512;

/** Answers to hosts of ours. */
const answers = ({ counted, home }: DetectionContext): string =>
  `${counted} AND "srcPort" = 53 AND "protocol" IN (6, 17) AND NOT ${BY_CLIENT} AND ${inNetworks('dst', home)}`;

const queries = ({ counted, home }: DetectionContext): string =>
  `${counted} AND "dstPort" = 53 AND "protocol" IN (6, 17) AND ${BY_CLIENT} AND ${inNetworks('src', home)}`;

export const dnsTunnel: Detection = {
  id: 'dnsTunnel',
  title: 'DNS tunnel',
  what:
    'A host of ours sends to one resolver, or gets from it, so much in such large packets that it is no looking up ' +
    'of names.',
  formula:
    'packets ≥ packetsMin and minutes ≥ minutesMin in an hour to one resolver, and octets ≥ max(octetsMin, ' +
    'baselineFactor × own mean of an hour) and octets / packet ≥ sizeMin of the queries, or answered ≥ ' +
    'max(answerOctetsMin, baselineFactor × own mean) and answered / packet ≥ answerSizeMin of the answers',
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
      name: 'answerOctetsMin',
      default: 5_000_000,
      min: 10_000,
      max: 1e12,
      unit: 'octets',
      meaning: 'Answered by one resolver in an hour',
      source: 'ours: ten times octetsMin; dns2tcp answered 49 MB in 20 minutes',
    },
    {
      name: 'answerSizeMin',
      default: 350,
      min: 80,
      max: 65_535,
      unit: 'octets',
      meaning: 'Octets of a packet of the answers on average; an answer has 100 to 250',
      source: 'ours: dns2tcp had 459; ntopng: over 512 is a risk',
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
    const found: AlertFinding[] = [];
    for (const row of await ask(talkSql(context), range)) {
      const talk = talkOf(row, learnUsual(memory, row), parameters);
      if (isTunnel(talk, parameters)) found.push(tunnelFinding(talk, parameters));
    }
    return found;
  },
};

function talkSql(context: DetectionContext): string {
  return `WITH asked AS (SELECT ${SOURCE}, ${DESTINATION}, ${stepOf(STEP_MS)} AS step, sum(${OCTETS}) AS octetSum, sum(${PACKETS}) AS packetSum,
  count(DISTINCT ${END_MS} // 60000) AS minutes, count(*) FILTER (WHERE "octets" > ${DNS_OCTETS_MAX + 28} * "packets") AS large,
  min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs
FROM flows WHERE ${queries(context)} GROUP BY ${SOURCE}, ${DESTINATION}, step HAVING octetSum >= 10000),
answered AS (SELECT ${SOURCE}, ${DESTINATION}, ${stepOf(STEP_MS)} AS step, sum(${OCTETS}) AS octetSum, sum(${PACKETS}) AS packetSum
FROM flows WHERE ${answers(context)} GROUP BY ${SOURCE}, ${DESTINATION}, step HAVING octetSum >= 10000)
SELECT asked.*, coalesce(answered.octetSum, 0) AS answerOctets, coalesce(answered.packetSum, 0) AS answerPackets
FROM asked LEFT JOIN answered ON answered."srcAddrHi" = asked."dstAddrHi" AND answered."srcAddrLo" = asked."dstAddrLo"
  AND answered."dstAddrHi" = asked."srcAddrHi" AND answered."dstAddrLo" = asked."srcAddrLo" AND answered.step = asked.step
ORDER BY asked.step, asked.octetSum DESC LIMIT 20000`;
}

/** A client's own means of an hour before this one, 0 until 24 hours are known. */
interface Usual {
  readonly asked: number;
  readonly answered: number;
}

/** What this hour is held against; then it counts too. */
function learnUsual(memory: DetectionContext['memory'], row: AnswerRow): Usual {
  const key = sourceOf(row);
  const [asked = 0, hours = 0, answered = 0] = memory.get(key) ?? [];
  const weight = Math.min(hours + 1, BASELINE_HOURS);
  const moved = (mean: number, value: number) => mean + (value - mean) / weight;
  const means = [
    moved(asked, numberOf(row, 'octetSum')),
    moved(answered, numberOf(row, 'answerOctets')),
  ] as const;
  memory.set(key, [means[0], weight, means[1]]);
  return hours >= BASELINE_HOURS_MIN ? { asked, answered } : { asked: 0, answered: 0 };
}

/** One direction of what a client and a resolver said to each other in an hour. */
interface Direction {
  readonly octets: number;
  readonly size: number;
  readonly usual: number;
  readonly wanted: number;
  readonly sizeMin: number;
}

interface Talk {
  readonly row: AnswerRow;
  readonly asked: Direction;
  readonly answered: Direction;
}

type Values = Readonly<Record<string, number>>;

function talkOf(row: AnswerRow, usual: Usual, values: Values): Talk {
  const direction = (
    octets: string,
    packets: string,
    mean: number,
    least: string,
    size: string,
  ): Direction => ({
    octets: numberOf(row, octets),
    size: numberOf(row, octets) / Math.max(1, numberOf(row, packets)),
    usual: mean,
    wanted: Math.max(setting(values, least), setting(values, 'baselineFactor') * mean),
    sizeMin: setting(values, size),
  });
  return {
    row,
    asked: direction('octetSum', 'packetSum', usual.asked, 'octetsMin', 'sizeMin'),
    answered: direction('answerOctets', 'answerPackets', usual.answered, 'answerOctetsMin', 'answerSizeMin'),
  };
}

const isMuch = ({ octets, size, wanted, sizeMin }: Direction): boolean => octets >= wanted && size >= sizeMin;

function isTunnel({ row, asked, answered }: Talk, values: Values): boolean {
  return (
    (isMuch(asked) || isMuch(answered)) &&
    numberOf(row, 'packetSum') >= setting(values, 'packetsMin') &&
    numberOf(row, 'minutes') >= setting(values, 'minutesMin')
  );
}

function tunnelFinding(talk: Talk, values: Values): AlertFinding {
  const { row, asked, answered } = talk;
  const [source, resolver] = [sourceOf(row), destinationOf(row)];
  const excess = Math.max(...[asked, answered].filter(isMuch).map(({ octets, wanted }) => octets / wanted));
  return findingOf(dnsTunnel, {
    subject: { kind: 'pair', value: `${source} → ${resolver}` },
    score: excessScore(excess, 1, 0.62),
    range: rangeOfStep(numberOf(row, 'step'), STEP_MS),
    firstMs: numberOf(row, 'firstMs'),
    lastMs: numberOf(row, 'lastMs'),
    filter: `src host ${source} and dst host ${resolver} and dst port 53`,
    numbers: tunnelNumbers(talk, values),
    explanation:
      `${source} sent ${octetsText(asked.octets)} to port 53 of ${resolver} within an hour, in packets of ` +
      `${Math.round(asked.size)} octets on average, and got ${octetsText(answered.octets)} in packets of ` +
      `${Math.round(answered.size)}. Looking up names takes a tenth of that. Data can be carried inside DNS queries and ` +
      `answers where nothing else is let through. Look at which names ${source} asks for.`,
  });
}

function tunnelNumbers({ row, asked, answered }: Talk, values: Values): AlertFinding['evidence']['numbers'] {
  const octets = (name: string, value: number, meaning: string, threshold?: number) => ({
    ...{ name, value: Math.round(value), unit: 'octets', meaning },
    ...(threshold === undefined ? {} : { threshold: Math.round(threshold) }),
  });
  return [
    octets('octets', asked.octets, 'sent to this resolver in the hour', asked.wanted),
    octets('usual', asked.usual, "the client's own mean of an hour; 0 until a day is known"),
    octets('size', asked.size, 'of a packet on average', asked.sizeMin),
    octets('answered', answered.octets, 'that this resolver sent back', answered.wanted),
    octets('answerSize', answered.size, 'of a packet of the answers on average', answered.sizeMin),
    {
      name: 'packets',
      value: Math.round(numberOf(row, 'packetSum')),
      unit: 'packets',
      threshold: setting(values, 'packetsMin'),
      meaning: 'sent in the hour',
    },
    {
      name: 'minutes',
      value: numberOf(row, 'minutes'),
      unit: 'minutes',
      threshold: setting(values, 'minutesMin'),
      meaning: 'in which it talked',
    },
    {
      name: 'large',
      value: numberOf(row, 'large'),
      unit: 'flows',
      meaning: 'with packets over 512 octets of DNS (ntopng: a risk)',
    },
  ];
}

export const oddResolver: Detection = {
  id: 'oddResolver',
  title: 'Many resolvers',
  what: 'A host of ours that is no resolver itself asks many different DNS servers.',
  formula:
    'resolvers > resolversMax in an hour, of a host that in no hour of the last 30 days was asked by 3 hosts ' +
    'or more itself',
  source: 'ntopng: more than 5 DNS servers contacted',
  misses:
    'One wrong resolver alone (see listedAddress), DNS over HTTPS or TLS. Hosts that test DNS look the same.',
  stepMs: STEP_MS,
  chunkMs: 6 * HOUR_MS,
  enabledByDefault: true,
  isBySource: false,
  memoryRowsMax: 10_000,
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
    const { memory, range } = context;
    memory.begin(range.fromMs);
    const day = Math.floor(range.fromMs / DAY_MS);
    const sql = `WITH asked AS (SELECT ${SOURCE}, ${DESTINATION}, ${stepOf(STEP_MS)} AS step, count(*) AS queries,
  min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs FROM flows WHERE ${queries(context)} GROUP BY ALL),
resolvers AS (SELECT ${DESTINATION}, max(clients) AS clients FROM (SELECT ${DESTINATION}, step, count(*) AS clients FROM asked GROUP BY ALL)
  GROUP BY ${DESTINATION}),
clients AS (SELECT ${SOURCE}, step, count(*) AS resolvers, sum(queries) AS queries, min(firstMs) AS firstMs, max(lastMs) AS lastMs
  FROM asked GROUP BY ${SOURCE}, step HAVING count(*) > ${resolversMax})
SELECT clients.*, coalesce(resolvers.clients, 0) AS askedBy FROM clients LEFT JOIN resolvers
  ON clients."srcAddrHi" = resolvers."dstAddrHi" AND clients."srcAddrLo" = resolvers."dstAddrLo"
ORDER BY step, resolvers DESC LIMIT ${ROWS_MAX}`;
    const found: AlertFinding[] = [];
    for (const row of await ask(sql, range)) {
      const key = sourceOf(row);
      if (numberOf(row, 'askedBy') >= CLIENTS_OF_RESOLVER) memory.set(key, [day]);
      const [seenDay] = memory.get(key) ?? [];
      if (seenDay === undefined || day - seenDay > RESOLVER_DAYS)
        found.push(resolverFinding(row, resolversMax));
    }
    return found;
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
