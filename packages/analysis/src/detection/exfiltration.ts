/** Data that leaves: a host sends far more to the outside in a day than it ever does. */

import { formatAddress, parseAddress } from '../address.ts';
import type { AlertFinding } from '../alert.ts';
import type { AnswerRow } from '../query-result.ts';
import { median, medianAbsoluteDeviation } from './beacon-score.ts';
import {
  type AskFlows,
  DAY_MS,
  type Detection,
  type DetectionContext,
  excessScore,
  findingOf,
  HOUR_MS,
  setting,
} from './detection.ts';
import type { DetectionMemory } from './detection-memory.ts';
import {
  addressOf,
  DESTINATION,
  destinationOf,
  inNetworks,
  isOneOf,
  isOutside,
  numberOf,
  OCTETS,
  octetsText,
  SOURCE,
  sourceOf,
} from './flow-sql.ts';

/** Days that a baseline is made of, and how many it needs. */
const DAYS = 14;
const DAYS_MIN = 3;
/** Makes a median absolute deviation comparable with a standard deviation. */
const MAD_SCALE = 1.4826;
/** Hosts that sent less in an hour are no loss, and would fill the memory. */
const HOUR_OCTETS_MIN = 1_000_000;
const HOSTS_MAX = 20_000;

export const exfiltration: Detection = {
  id: 'exfiltration',
  title: 'Unusual upload',
  what: 'A host of ours sent far more to the outside today than on its other days.',
  formula:
    'today ≥ max(floorOctets, median + deviations × 1.4826 × MAD, factor × median) of its own days, at ' +
    'least 3 of the last 14; without so many days: today ≥ elephantOctets',
  source:
    'Own baseline: ours (Stealthwatch does the like, its numbers are not public); 5 GB: ntopng, ' +
    'elephant flow',
  misses:
    'Slow uploads within the usual, hosts in the first three days of learning that send less than ' +
    'elephantOctets, data carried inside the network only. The first backup of a host to a service ' +
    'outside fires once.',
  stepMs: HOUR_MS,
  chunkMs: HOUR_MS,
  enabledByDefault: true,
  isBySource: true,
  memoryRowsMax: 20_000,
  parameters: [
    {
      name: 'floorOctets',
      default: 500_000_000,
      min: 1_000_000,
      max: 1e15,
      unit: 'octets',
      meaning: 'Less in a day is never told',
      source: 'ours',
    },
    {
      name: 'deviations',
      default: 6,
      min: 1,
      max: 100,
      unit: 'σ',
      meaning: 'Above the median of its days',
      source: 'ours; six sigma as in trafiz.tr',
    },
    {
      name: 'factor',
      default: 3,
      min: 1,
      max: 1000,
      unit: '×',
      meaning: 'Times the median of its days',
      source: 'ours',
    },
    {
      name: 'elephantOctets',
      default: 5_000_000_000,
      min: 1_000_000,
      max: 1e15,
      unit: 'octets',
      meaning: 'In a day, of a host that is not known yet',
      source: 'ntopng: elephant flow 5 GB',
    },
  ],
  async run(ask, context) {
    const { range, memory, home, counted } = context;
    memory.begin(range.fromMs);
    const day = Math.floor(range.fromMs / DAY_MS);
    const sql = `SELECT ${SOURCE}, sum(${OCTETS}) AS octetSum FROM flows
WHERE ${counted} AND ${inNetworks('src', home)} AND ${isOutside('dst', home)} GROUP BY ${SOURCE}
HAVING sum(${OCTETS}) >= ${HOUR_OCTETS_MIN} ORDER BY octetSum DESC LIMIT ${HOSTS_MAX}`;
    const unusual: Upload[] = [];
    for (const row of await ask(sql, range)) {
      const upload = learn(context, row, day);
      if (upload !== undefined) unusual.push(upload);
    }
    return unusual.length === 0 ? [] : findings(ask, context, unusual);
  },
};

interface Upload {
  readonly host: string;
  readonly today: number;
  readonly threshold: number;
  readonly median: number;
  readonly mad: number;
  readonly days: number;
}

/** Remembered of a host: the day, its octets until now, then those of up to 14 days before it. */
function learn({ memory, parameters }: DetectionContext, row: AnswerRow, day: number): Upload | undefined {
  const host = sourceOf(row);
  const { before, past } = daysOf(memory, host, day);
  const today = before + numberOf(row, 'octetSum');
  memory.set(host, [day, today, ...past]);
  const sorted = [...past].sort((one, other) => one - other);
  const isKnown = past.length >= DAYS_MIN;
  const [middle, mad] = isKnown ? [median(sorted), medianAbsoluteDeviation(sorted)] : [0, 0];
  const threshold = isKnown
    ? Math.max(
        setting(parameters, 'floorOctets'),
        middle + setting(parameters, 'deviations') * MAD_SCALE * mad,
        setting(parameters, 'factor') * middle,
      )
    : setting(parameters, 'elephantOctets');
  if (today < threshold) return undefined;
  return { host, today, threshold, median: middle, mad, days: past.length };
}

/** What a host sent today until now, and on the days before: on those of which nothing is remembered, next to nothing. */
function daysOf(
  memory: DetectionMemory,
  host: string,
  day: number,
): { before: number; past: readonly number[] } {
  const firstDay = Math.ceil(memory.sinceMs / DAY_MS);
  const [lastDay, sent = 0, ...past] = memory.get(host) ?? [];
  if (lastDay === day) return { before: sent, past };
  const silent = new Array<number>(
    Math.min(DAYS, Math.max(0, day - (lastDay === undefined ? firstDay : lastDay + 1))),
  ).fill(0);
  return { before: 0, past: [...silent, ...(lastDay === undefined ? [] : [sent]), ...past].slice(0, DAYS) };
}

/** Whom each of the hosts sent most to in the newest hour. */
async function findings(
  ask: AskFlows,
  context: DetectionContext,
  uploads: Upload[],
): Promise<AlertFinding[]> {
  const hosts = uploads.flatMap(({ host }) => parseAddress(host) ?? []);
  const { counted, home, range } = context;
  const sql = `SELECT ${SOURCE}, ${DESTINATION}, sum(${OCTETS}) AS octetSum FROM flows
WHERE ${counted} AND ${isOneOf('src', hosts)} AND ${isOutside('dst', home)} GROUP BY ${SOURCE}, ${DESTINATION}
QUALIFY row_number() OVER (PARTITION BY ${SOURCE} ORDER BY octetSum DESC) = 1`;
  const most = new Map<string, AnswerRow>();
  for (const row of await ask(sql, range))
    most.set(formatAddress(addressOf(row, 'srcAddrHi', 'srcAddrLo')), row);
  return uploads.map((upload) => finding(upload, most.get(upload.host), context));
}

function finding(upload: Upload, most: AnswerRow | undefined, { range }: DetectionContext): AlertFinding {
  const { host, today, threshold, median: middle, mad, days } = upload;
  const target = most === undefined ? '' : destinationOf(most);
  const targetOctets = most === undefined ? 0 : numberOf(most, 'octetSum');
  const day = { fromMs: Math.floor(range.fromMs / DAY_MS) * DAY_MS, toMs: range.toMs };
  const usual =
    days >= DAYS_MIN
      ? `on its other days it sent ${octetsText(middle)}`
      : 'it is not known for three days yet';
  return findingOf(exfiltration, {
    subject: { kind: 'host', value: host },
    score: excessScore(today, threshold, 0.5),
    range: day,
    firstMs: day.fromMs,
    lastMs: day.toMs,
    filter: target === '' ? `src host ${host}` : `src host ${host} and dst host ${target}`,
    numbers: [
      {
        name: 'today',
        value: Math.round(today),
        unit: 'octets',
        threshold: Math.round(threshold),
        meaning: 'sent to the outside since midnight UTC',
      },
      { name: 'median', value: Math.round(middle), unit: 'octets', meaning: `of its ${days} days before` },
      { name: 'MAD', value: Math.round(mad), unit: 'octets', meaning: 'how much its days differ' },
      { name: 'days', value: days, unit: 'days', threshold: DAYS_MIN, meaning: 'that are known of it' },
      {
        name: 'mostTo',
        value: Math.round(targetOctets),
        unit: 'octets',
        meaning: `in the newest hour to ${target === '' ? 'nobody' : target}`,
      },
    ],
    explanation:
      `${host} sent ${octetsText(today)} to the outside today; ${usual}. Most of the newest hour went to ` +
      `${target === '' ? 'several addresses' : target}. That is a new backup, a big upload, or data that ` +
      'is being carried off. Ask who works on that host.',
  });
}
