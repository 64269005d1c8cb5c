/** Traffic to and from addresses that somebody warns of. */
import { formatAddress, formatNetwork } from '../address.ts';
import type { AlertFinding } from '../alert.ts';
import type { AnswerRow } from '../query-result.ts';
import {
  DAY_MS,
  type Detection,
  type DetectionContext,
  findingOf,
  HOUR_MS,
  MINUTE_MS,
  setting,
} from './detection.ts';
import {
  addressOf,
  countText,
  DESTINATION,
  DROPPED,
  END_MS,
  inNetworks,
  numberOf,
  OCTETS,
  octetsText,
  rangeOfStep,
  SOURCE,
  START_MS,
  stepOf,
} from './flow-sql.ts';

const STEP_MS = 5 * MINUTE_MS;
const ROWS_MAX = 1000;
/** RITA: what is on a list is high, more octets make it graver. */
const SCORE_LISTED = 0.75;
const SCORE_MANY_OCTETS = 0.15;
/** All of it was dropped by us: it is known, and did not get through. */
const SCORE_DROPPED = 0.3;
const SCORE_FROM_OUTSIDE = 0.35;

export const listedAddress: Detection = {
  id: 'listedAddress',
  title: 'Listed address',
  what: 'A host of ours talks with an address that is on a list of bad ones.',
  formula:
    'the other address is in a feed; 0.75, +0.15 from manyOctets on; 0.35 when only the listed address ' +
    'sent, 0.3 when all of it was dropped',
  source: 'RITA: threat intelligence is high, and +0.15 from 25,000,000 octets',
  misses:
    'What no feed lists. Old feeds list addresses that others have now: the age of the feed is with the ' +
    'alert.',
  stepMs: STEP_MS,
  chunkMs: 6 * HOUR_MS,
  enabledByDefault: true,
  isBySource: false,
  memoryRowsMax: 0,
  parameters: [
    {
      name: 'manyOctets',
      default: 25_000_000,
      min: 0,
      max: 1e15,
      unit: 'octets',
      meaning: 'From which it is graver',
      source: 'RITA: 25,000,000',
    },
    {
      name: 'ageMaxDays',
      default: 30,
      min: 1,
      max: 3650,
      unit: 'days',
      meaning: 'Feeds that are older are not used',
      source: 'ours',
    },
  ],
  async run(ask, context) {
    const { feeds, range, parameters } = context;
    const networks = feeds.networks();
    if (networks.length === 0) return [];
    const [fromUs, toUs] = [sidesSql(context, 'src'), sidesSql(context, 'dst')];
    const sql = `WITH seen AS (${fromUs} UNION ALL ${toUs})
SELECT homeHi, homeLo, otherHi, otherLo, step, sum(sent) AS sent, sum(received) AS received, sum(flows) AS flows,
  sum(dropped) AS dropped, min(firstMs) AS firstMs, max(lastMs) AS lastMs
FROM seen GROUP BY ALL ORDER BY sent DESC LIMIT ${ROWS_MAX}`;
    const ageMaxMs = setting(parameters, 'ageMaxDays') * DAY_MS;
    return (await ask(sql, range)).flatMap((row) => findingFor(row, context, ageMaxMs));
  },
};

/** Records that a host of ours sent (`src`), or got (`dst`), summed by the two addresses. */
function sidesSql({ counted, home, feeds }: DetectionContext, side: 'src' | 'dst'): string {
  const other = side === 'src' ? 'dst' : 'src';
  const octets = (is: boolean) => (is ? `sum(${OCTETS})` : '0');
  const [mine, theirs] = side === 'src' ? [SOURCE, DESTINATION] : [DESTINATION, SOURCE];
  const named = (pair: string, prefix: string) =>
    pair
      .split(', ')
      .map((column, index) => `${column} AS ${prefix}${index === 0 ? 'Hi' : 'Lo'}`)
      .join(', ');
  return `SELECT ${named(mine, 'home')}, ${named(theirs, 'other')}, ${stepOf(STEP_MS)} AS step,
  ${octets(side === 'src')} AS sent, ${octets(side === 'dst')} AS received, count(*) AS flows,
  count(*) FILTER (WHERE ${DROPPED}) AS dropped, min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs
FROM flows WHERE ${counted} AND ${inNetworks(side, home)} AND ${inNetworks(other, feeds.networks())} GROUP BY ALL`;
}

function scoreOf(row: AnswerRow, manyOctets: number): number {
  const [sent, received, flows, dropped] = ['sent', 'received', 'flows', 'dropped'].map((name) =>
    numberOf(row, name),
  );
  if (dropped === flows) return SCORE_DROPPED;
  if (sent === 0) return SCORE_FROM_OUTSIDE;
  return SCORE_LISTED + ((sent ?? 0) + (received ?? 0) >= manyOctets ? SCORE_MANY_OCTETS : 0);
}

function findingFor(row: AnswerRow, context: DetectionContext, ageMaxMs: number): AlertFinding[] {
  const other = addressOf(row, 'otherHi', 'otherLo');
  const listed = context.feeds.find(other);
  const ageMs = listed === undefined ? 0 : context.range.toMs - listed.feed.changedMs;
  if (listed === undefined || ageMs > ageMaxMs) return [];
  const [host, address] = [formatAddress(addressOf(row, 'homeHi', 'homeLo')), formatAddress(other)];
  const { feed, network } = listed;
  const ageDays = Math.max(0, Math.round((ageMs / DAY_MS) * 10) / 10);
  const [sent, received, dropped] = [
    numberOf(row, 'sent'),
    numberOf(row, 'received'),
    numberOf(row, 'dropped'),
  ];
  const manyOctets = setting(context.parameters, 'manyOctets');
  return [
    findingOf(listedAddress, {
      title: dropped === numberOf(row, 'flows') ? 'Listed address, blocked' : 'Listed address',
      subject: { kind: 'pair', value: `${host} → ${address}` },
      score: scoreOf(row, manyOctets),
      range: rangeOfStep(numberOf(row, 'step'), STEP_MS),
      firstMs: numberOf(row, 'firstMs'),
      lastMs: numberOf(row, 'lastMs'),
      filter: `host ${host} and host ${address}`,
      numbers: [
        {
          name: 'octets',
          value: Math.round(sent + received),
          unit: 'octets',
          threshold: manyOctets,
          meaning: `${octetsText(sent)} sent, ${octetsText(received)} received`,
        },
        { name: 'flows', value: numberOf(row, 'flows'), unit: 'flows', meaning: 'between the two' },
        { name: 'dropped', value: dropped, unit: 'flows', meaning: 'of these dropped by our rules' },
        {
          name: 'feedAge',
          value: ageDays,
          unit: 'days',
          threshold: setting(context.parameters, 'ageMaxDays'),
          meaning: `age of the feed ${feed.name}`,
        },
      ],
      explanation:
        `${host} talked with ${address}, which the feed ${feed.name} lists (as ${formatNetwork(network)}; ` +
        `the feed is ${ageDays} days old). ${countText(dropped)} of ${countText(numberOf(row, 'flows'))} ` +
        'flows were dropped by our rules. ' +
        `${sent === 0 ? 'Our host sent nothing back: it was only tried.' : 'Look at what the host does there, and when it began.'}`,
    }),
  ];
}
