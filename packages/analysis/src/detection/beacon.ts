/**
 * Programs that call home by the clock: RITA's beacon score over 24 hours. Each hour's new records say which pairs talked;
 * only pairs that did in many hours, evenly, are asked for again with every connection.
 */
import { formatAddress } from '../address.ts';
import type { AlertFinding } from '../alert.ts';
import type { AnswerRow } from '../query-result.ts';
import {
  BEACON_IMPACT,
  type BeaconScore,
  beaconScore,
  coefficientOfVariationScore,
  impactScore,
  round3,
} from './beacon-score.ts';
import {
  type AskFlows,
  DAY_MS,
  type Detection,
  type DetectionContext,
  findingOf,
  HOUR_MS,
  setting,
} from './detection.ts';
import {
  addressOf,
  BY_CLIENT,
  countText,
  DESTINATION,
  DROPPED,
  inNetworks,
  isOneOf,
  isOutside,
  numberOf,
  SOURCE,
  START_MS,
  serviceText,
} from './flow-sql.ts';

const HOURS = 24;
/** Pairs of an hour that are remembered: those in most parts of it first, then those with rare destinations. */
const PAIRS_PER_HOUR_MAX = 20_000;
/** Pairs whose connections are asked for in an hour. */
const CANDIDATES_MAX = 200;
/** RITA's DUR needs six hours with connections; a pair with fewer cannot reach a score that is told. */
const HOURS_MIN = 6;
const FLATNESS_MIN = 0.4;
/** RITA: so many connections a day are a strobe, not a beacon. */
const STROBE_CONNECTIONS = 86_400;
const CONNECTIONS_MIN = 4;
const QUERY_PART_MS = 6 * HOUR_MS;
/** Records of one source port that begin within this time are of one connection. */
const SILENCE_MAX_S = 600;
/** NTP and DNS talk by the clock for good reasons; dnsTunnel and oddResolver judge DNS. */
const PORTS_LEFT_OUT = '53, 123';

export const beacon: Detection = {
  id: 'beacon',
  title: 'Beacon',
  what: 'A host of ours calls the same address outside by the clock, as malware asks its master for orders.',
  formula:
    'beacon = round(0.25 TS + 0.25 DS + 0.25 DUR + 0.25 HIST, 3) ≥ scoreMin, over 24 hours; severity by ' +
    'RITA: 50/70/90/100 % are 0.2/0.4/0.6/0.8, +0.15 when at most 2 % of our hosts call it, -0.15 when ' +
    'half of them do, +0.15 when it was first seen within 7 days, -0.15 when 30 days ago; at most 0.6 ' +
    'when all was dropped',
  source: 'RITA v5 (activecm/rita: analysis/beacons.go, default_config.hjson)',
  misses:
    'Beacons that run for less than six hours of the day, whose interval changes by more than half, ' +
    'that go through a proxy or change their address; NTP and DNS are left out. Programs that look for ' +
    'updates and telemetry are beacons too: suppress them by network.',
  stepMs: HOUR_MS,
  chunkMs: HOUR_MS,
  enabledByDefault: true,
  isBySource: true,
  memoryRowsMax: 50_000,
  parameters: [
    {
      name: 'scoreMin',
      default: 0.85,
      min: 0.5,
      max: 1,
      unit: '',
      meaning: 'Beacon score from which it is told',
      source: 'ours: traffic of people reaches 0.8; RITA shows from 0.5',
    },
    {
      name: 'prevalenceRare',
      default: 0.02,
      min: 0,
      max: 1,
      unit: '',
      meaning: 'Share of our hosts that call the same address, up to which it is rare',
      source: 'RITA: 2 %',
    },
    {
      name: 'prevalenceCommon',
      default: 0.5,
      min: 0,
      max: 1,
      unit: '',
      meaning: 'Share from which it is common',
      source: 'RITA: 50 %',
    },
  ],
  async run(ask, context) {
    await learnHour(ask, context);
    const candidates = candidatesOf(context);
    const found: AlertFinding[] = [];
    for (const { key } of candidates) {
      if (numbersOf(context, key).count >= STROBE_CONNECTIONS) found.push(strobeFinding(context, key));
    }
    const connections = await connectionsOf(
      ask,
      context,
      candidates.map(({ key }) => key),
    );
    for (const [key, seen] of connections) {
      const finding = beaconFinding(context, key, seen);
      if (finding !== undefined) found.push(finding);
    }
    return found;
  },
};

/** Remembered of a pair: last and first hour, share of hosts that call it, then the connections of 24 hours by hour of day. */
interface PairNumbers {
  readonly lastHour: number;
  readonly firstHour: number;
  readonly prevalence: number;
  readonly hours: readonly number[];
  readonly count: number;
}

interface Connections {
  /** Of each connection: when it began (s), and what was sent. */
  readonly times: number[];
  readonly octets: number[];
  /** By source port, when the last record began, and which connection it belongs to. */
  readonly open: Map<number, readonly [time: number, index: number]>;
  dropped: number;
}

function numbersOf({ memory }: DetectionContext, key: string): PairNumbers {
  const [lastHour = 0, firstHour = 0, prevalence = 0, ...hours] = memory.get(key) ?? [];
  return { lastHour, firstHour, prevalence, hours, count: hours.reduce((sum, hour) => sum + hour, 0) };
}

const pairCondition = ({ counted, home }: DetectionContext): string =>
  `${counted} AND ${inNetworks('src', home)} AND ${isOutside('dst', home)} AND ${BY_CLIENT}
  AND "protocol" IN (6, 17) AND "dstPort" NOT IN (${PORTS_LEFT_OUT})`;

const keyOf = (row: AnswerRow): string =>
  [
    row['srcAddrHi'],
    row['srcAddrLo'],
    row['dstAddrHi'],
    row['dstAddrLo'],
    row['dstPort'],
    row['protocol'],
  ].join(' ');

async function learnHour(ask: AskFlows, context: DetectionContext): Promise<void> {
  const { range, memory } = context;
  memory.begin(range.fromMs);
  const hour = Math.floor(range.fromMs / HOUR_MS);
  const sql = `WITH pairs AS (SELECT ${SOURCE}, ${DESTINATION}, "dstPort", "protocol", count(*) AS connections,
  count(DISTINCT ${START_MS} // 600000) AS parts FROM flows WHERE ${pairCondition(context)} GROUP BY ALL),
hosts AS (SELECT count(DISTINCT hash(${SOURCE})) AS hosts FROM pairs)
SELECT pairs.*, (SELECT hosts FROM hosts) AS hosts, count(*) OVER (PARTITION BY ${DESTINATION}) AS callers
FROM pairs ORDER BY parts DESC, callers, connections DESC LIMIT ${PAIRS_PER_HOUR_MAX}`;
  for (const row of await ask(sql, range)) {
    const key = keyOf(row);
    const before = numbersOf(context, key);
    const prevalence = round3(numberOf(row, 'callers') / Math.max(1, numberOf(row, 'hosts')));
    const hours = hoursUntil(before, hour);
    hours[hour % HOURS] = numberOf(row, 'connections');
    memory.set(key, [hour, before.firstHour === 0 ? hour : before.firstHour, prevalence, ...hours]);
  }
}

/** The counts of the hours that still are among the last 24. */
function hoursUntil({ lastHour, hours }: PairNumbers, hour: number): number[] {
  return Array.from({ length: HOURS }, (_, index) => {
    const age = ((hour % HOURS) - index + HOURS) % HOURS;
    return age === 0 || hour - age > lastHour ? 0 : (hours[index] ?? 0);
  });
}

/** Pairs that talked in the newest hour and, through the day, evenly. */
function candidatesOf(context: DetectionContext): { readonly key: string; readonly flatness: number }[] {
  const { memory, range } = context;
  const hour = Math.floor(range.fromMs / HOUR_MS);
  const span = Math.min(HOURS, Math.max(1, hour - Math.floor(memory.sinceMs / HOUR_MS) + 1));
  const candidates: { key: string; flatness: number }[] = [];
  for (const [key] of memory.entries()) {
    const { lastHour, hours, count } = numbersOf(context, key);
    if (lastHour !== hour || count < CONNECTIONS_MIN) continue;
    const bars = hours.filter((each) => each > 0);
    if (bars.length < HOURS_MIN) continue;
    const padded = [...bars, ...new Array<number>(Math.max(0, span - bars.length)).fill(0)];
    const flatness = Math.max(coefficientOfVariationScore(padded), coefficientOfVariationScore(bars) / 2);
    if (flatness >= FLATNESS_MIN) candidates.push({ key, flatness });
  }
  return candidates.sort((one, other) => other.flatness - one.flatness).slice(0, CANDIDATES_MAX);
}

/** Every connection of some pairs in the 24 hours, asked in parts so that none takes long. */
async function connectionsOf(
  ask: AskFlows,
  context: DetectionContext,
  keys: readonly string[],
): Promise<Map<string, Connections>> {
  const found = new Map<string, Connections>();
  if (keys.length === 0) return found;
  const wanted = new Set(keys);
  const sources = keys.map((key) => addressOfKey(key, 0));
  const destinations = keys.map((key) => addressOfKey(key, 2));
  const sql = `SELECT ${SOURCE}, ${DESTINATION}, "dstPort", "protocol",
  array_to_string(list(${START_MS} // 1000 ORDER BY "flowStart"), ' ') AS times,
  array_to_string(list("octets" ORDER BY "flowStart"), ' ') AS octetList,
  array_to_string(list("srcPort" ORDER BY "flowStart"), ' ') AS ports, count(*) FILTER (WHERE ${DROPPED}) AS dropped
FROM flows WHERE ${pairCondition(context)} AND ${isOneOf('src', sources)} AND ${isOneOf('dst', destinations)}
GROUP BY ${SOURCE}, ${DESTINATION}, "dstPort", "protocol" HAVING count(*) < ${STROBE_CONNECTIONS}`;
  const { fromMs, toMs } = dayOf(context);
  for (let partMs = fromMs; partMs < toMs; partMs += QUERY_PART_MS) {
    for (const row of await ask(sql, { fromMs: partMs, toMs: Math.min(toMs, partMs + QUERY_PART_MS) })) {
      if (wanted.has(keyOf(row))) addConnections(found, row);
    }
  }
  return found;
}

/** Records of one source port that follow each other are one connection, of which an exporter told by and by. */
function addConnections(found: Map<string, Connections>, row: AnswerRow): void {
  const known: Connections = found.get(keyOf(row)) ?? {
    times: [],
    octets: [],
    open: new Map(),
    dropped: 0,
  };
  const numbers = (name: string) => String(row[name]).split(' ').map(Number);
  const [octets, ports] = [numbers('octetList'), numbers('ports')];
  numbers('times').forEach((time, at) => {
    const [port, sent] = [ports[at] ?? 0, octets[at] ?? 0];
    const [lastTime, index] = known.open.get(port) ?? [Number.NEGATIVE_INFINITY, 0];
    const goesOn = time - lastTime <= SILENCE_MAX_S;
    known.open.set(port, [time, goesOn ? index : known.times.length]);
    if (goesOn) known.octets[index] = (known.octets[index] ?? 0) + sent;
    else {
      known.times.push(time);
      known.octets.push(sent);
    }
  });
  known.dropped += numberOf(row, 'dropped');
  found.set(keyOf(row), known);
}

function addressOfKey(key: string, at: 0 | 2) {
  const parts = key.split(' ');
  return addressOf({ hi: parts[at] ?? '0', lo: parts[at + 1] ?? '0' }, 'hi', 'lo');
}

/** 24 hours to the end of the range, less while it learns for the first day: RITA's data set. */
function dayOf({ range, memory }: DetectionContext) {
  return { fromMs: Math.max(range.toMs - DAY_MS, memory.sinceMs), toMs: range.toMs };
}

function subjectOf(key: string) {
  const [source, destination] = [formatAddress(addressOfKey(key, 0)), formatAddress(addressOfKey(key, 2))];
  const [, , , , port = '0', protocol = '0'] = key.split(' ');
  return {
    source,
    destination,
    service: serviceText(Number(port), Number(protocol)),
    filter: `src host ${source} and dst host ${destination} and dst port ${port}`,
  };
}

/** RITA's modifiers: how many of our hosts call it, and since when. */
function modifiersOf(
  { parameters, range, memory }: DetectionContext,
  { prevalence, firstHour }: PairNumbers,
) {
  const hour = Math.floor(range.fromMs / HOUR_MS);
  const daysKnown = (hour - firstHour) / HOURS;
  const learnsDays = (range.toMs - memory.sinceMs) / DAY_MS;
  const rare = prevalence <= setting(parameters, 'prevalenceRare') ? 0.15 : 0;
  const common = prevalence >= setting(parameters, 'prevalenceCommon') ? -0.15 : 0;
  const isNew = learnsDays > 7 && daysKnown <= 7 ? 0.15 : 0;
  return { prevalence: rare + common, firstSeen: daysKnown >= 30 ? -0.15 : isNew, daysKnown };
}

function beaconFinding(context: DetectionContext, key: string, seen: Connections): AlertFinding | undefined {
  const day = dayOf(context);
  const score = beaconScore(seen.times, seen.octets, day.fromMs / 1000, day.toMs / 1000);
  const scoreMin = setting(context.parameters, 'scoreMin');
  if (score === undefined || score.score < scoreMin) return undefined;
  const { source, destination, service, filter } = subjectOf(key);
  const numbers = numbersOf(context, key);
  const modifiers = modifiersOf(context, numbers);
  const isBlocked = seen.dropped >= seen.times.length;
  const impact = impactScore(score.score * 100, BEACON_IMPACT) + modifiers.prevalence + modifiers.firstSeen;
  const blocked =
    seen.dropped === 0 ? '' : ` ${countText(seen.dropped)} of these tries were dropped by our rules.`;
  const gap = score.times.median;
  return findingOf(beacon, {
    title: isBlocked ? 'Blocked beacon' : 'Beacon',
    subject: { kind: 'pair', value: `${source} → ${destination}` },
    score: round3(isBlocked ? Math.min(0.6, impact) : impact),
    range: day,
    firstMs: (seen.times[0] ?? 0) * 1000,
    lastMs: (seen.times.at(-1) ?? 0) * 1000,
    filter,
    numbers: [
      {
        name: 'beacon',
        value: score.score,
        threshold: scoreMin,
        meaning: 'the score: a quarter of each of the four below',
      },
      ...subScoresOf(score),
      {
        name: 'connections',
        value: seen.times.length,
        unit: 'flows',
        threshold: CONNECTIONS_MIN,
        meaning: 'in the 24 hours',
      },
      { name: 'dropped', value: seen.dropped, unit: 'flows', meaning: 'of these dropped by our rules' },
      { name: 'prevalence', value: numbers.prevalence, meaning: 'share of our hosts that call this address' },
      {
        name: 'daysKnown',
        value: round3(modifiers.daysKnown),
        unit: 'days',
        meaning: 'since it was first seen',
      },
    ],
    explanation:
      `${source} connected to ${destination} (${service}) ${countText(seen.times.length)} times in a day, ` +
      `about every ${countText(gap)} seconds, each time with much the same octets.${blocked} People do ` +
      'not work like that, programs do: updates and telemetry, or malware that asks for orders. ' +
      `${isBlocked ? 'Our firewall let none of it out, but something on the host keeps trying: clean the host.' : 'Find out which program it is and to whom the address belongs.'}`,
  });
}

function subScoresOf({ times, sizes, duration, histogram }: BeaconScore) {
  return [
    {
      name: 'TS',
      value: times.score,
      meaning:
        `how alike the gaps are: skew ${round3(times.skew)}, median ${round3(times.median)} s, MAD ` +
        `${round3(times.mad)} s`,
    },
    {
      name: 'DS',
      value: sizes.score,
      meaning:
        `how alike the octets are: skew ${round3(sizes.skew)}, median ${round3(sizes.median)}, MAD ` +
        `${round3(sizes.mad)}`,
    },
    {
      name: 'DUR',
      value: duration.score,
      meaning: `how long: coverage ${duration.coverage}, consistency ${duration.consistency}`,
    },
    {
      name: 'HIST',
      value: histogram.score,
      meaning:
        `how even over the day: CV score ${histogram.coefficientOfVariation}, bimodal ` +
        `${histogram.bimodal}, ${histogram.bars} hours`,
    },
  ];
}

function strobeFinding(context: DetectionContext, key: string): AlertFinding {
  const { source, destination, service, filter } = subjectOf(key);
  const { count } = numbersOf(context, key);
  const day = dayOf(context);
  return findingOf(beacon, {
    title: 'Strobe',
    subject: { kind: 'pair', value: `${source} → ${destination}` },
    score: 0.8,
    range: day,
    firstMs: day.fromMs,
    lastMs: day.toMs,
    filter,
    numbers: [
      {
        name: 'connections',
        value: count,
        unit: 'flows',
        threshold: STROBE_CONNECTIONS,
        meaning: 'in the 24 hours: more than one a second',
      },
    ],
    explanation:
      `${source} connected to ${destination} (${service}) ${countText(count)} times in a day, more than ` +
      'once a second. RITA calls that a strobe. It is a program that is broken, or one that should not be ' +
      'there.',
  });
}
