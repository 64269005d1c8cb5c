/** Guessing of passwords: many short connections to a service with a log-in, alike each other, not by the clock. */

import type { AlertFinding } from '../alert.ts';
import type { AnswerRow } from '../query-result.ts';
import { median } from './beacon-score.ts';
import { type Detection, excessScore, findingOf, HOUR_MS, MINUTE_MS, setting } from './detection.ts';
import {
  countText,
  DESTINATION,
  DROPPED,
  destinationOf,
  END_MS,
  numberOf,
  rangeOfStep,
  SOURCE,
  START_MS,
  serviceText,
  sourceOf,
  stepOf,
} from './flow-sql.ts';

const WINDOW_MS = 30 * MINUTE_MS;
const ROWS_MAX = 500;
/** FTP, SSH, Telnet, SMTP, POP3, IMAP, LDAP, SMB, submission, IMAPS, POP3S, databases, RDP, VNC, WinRM. */
const LOGIN_PORTS = [
  21, 22, 23, 25, 110, 143, 389, 445, 465, 587, 636, 993, 995, 1433, 1521, 3306, 3389, 5432, 5900, 5985, 6379,
];
/** Gaps within ±30 % of their median, nine of ten: a probe by the clock, which beaconing judges. */
const REGULAR_WITHIN = 0.3;
const REGULAR_SHARE = 0.9;
const REGULAR_GAP_MIN_MS = 10_000;
const STARTS_MAX = 200;

export const bruteForce: Detection = {
  id: 'bruteForce',
  title: 'Password guessing',
  what: 'One source opened many short, similar connections to a service with a log-in.',
  formula:
    'attempts ≥ attemptsMin in 30 minutes, each a connection that began and had at most packetsMax packets, and deviation of octets ' +
    '/ mean ≤ variationMax, and not nine of ten gaps within ±30 % of a median of 10 s or more (a probe)',
  source:
    'Zeek SSH password guessing: 30 failures in 30 minutes; that short flows stand for failures is our ' +
    'extrapolation',
  misses:
    'Guesses within one connection, spread over many sources (password spraying) or slower than the ' +
    'threshold; guessing precisely by the clock. Deployment tools that log in often look the same.',
  stepMs: WINDOW_MS,
  chunkMs: 6 * HOUR_MS,
  enabledByDefault: true,
  isBySource: true,
  memoryRowsMax: 0,
  parameters: [
    {
      name: 'attemptsMin',
      default: 30,
      min: 5,
      max: 100_000,
      unit: 'flows',
      meaning: 'Short connections to one service in 30 minutes',
      source: 'Zeek password_guesses_limit 30, guessing_timeout 30 min',
    },
    {
      name: 'packetsMax',
      default: 40,
      min: 4,
      max: 1000,
      unit: 'packets',
      meaning: 'Packets of the client, above which a log-in succeeded',
      source: 'ours: a refused SSH log-in has 12 to 25',
    },
    {
      name: 'variationMax',
      default: 0.5,
      min: 0.05,
      max: 5,
      unit: '',
      meaning: 'Deviation of the octets by their mean',
      source: 'ours: failed log-ins are alike',
    },
  ],
  async run(ask, context) {
    const { counted, parameters, range } = context;
    const sql = `SELECT ${SOURCE}, ${DESTINATION}, "dstPort", "protocol", ${stepOf(WINDOW_MS)} AS step, count(*) AS attempts,
  avg("packets") AS packets, coalesce(stddev_pop("octets") / nullif(avg("octets"), 0), 0) AS variation,
  min(${START_MS}) AS firstMs, max(${END_MS}) AS lastMs,
  array_to_string(list_sort(list(${START_MS}))[1:${STARTS_MAX}], ' ') AS starts
FROM flows WHERE ${counted} AND "protocol" = 6 AND "dstPort" IN (${LOGIN_PORTS.join(', ')})
  AND ("tcpFlags" & 2) = 2 AND "packets" BETWEEN 3 AND ${setting(parameters, 'packetsMax')} AND ("tcpFlags" & 16) = 16 AND NOT ${DROPPED}
GROUP BY ${SOURCE}, ${DESTINATION}, "dstPort", "protocol", step
HAVING attempts >= ${setting(parameters, 'attemptsMin')} AND variation <= ${setting(parameters, 'variationMax')}
ORDER BY attempts DESC LIMIT ${ROWS_MAX}`;
    const rows = await ask(sql, range);
    return rows.filter((row) => !isProbe(startsOf(row))).map((row) => finding(row, parameters));
  },
};

const startsOf = (row: AnswerRow): number[] =>
  String(row['starts'] ?? '')
    .split(' ')
    .map(Number);

/** Whether starts (ms, sorted) come by the clock. */
export function isProbe(starts: readonly number[]): boolean {
  const gaps = starts.slice(1).map((start, index) => start - (starts[index] ?? start));
  const middle = median([...gaps].sort((one, other) => one - other));
  if (!(middle >= REGULAR_GAP_MIN_MS)) return false;
  const regular = gaps.filter((gap) => Math.abs(gap - middle) <= middle * REGULAR_WITHIN);
  return regular.length >= gaps.length * REGULAR_SHARE;
}

function finding(row: AnswerRow, parameters: Readonly<Record<string, number>>): AlertFinding {
  const [source, target, attempts] = [sourceOf(row), destinationOf(row), numberOf(row, 'attempts')];
  const service = serviceText(numberOf(row, 'dstPort'), numberOf(row, 'protocol'));
  const attemptsMin = setting(parameters, 'attemptsMin');
  return findingOf(bruteForce, {
    title: `Password guessing on ${service}`,
    subject: { kind: 'pair', value: `${source} → ${target}` },
    score: excessScore(attempts, attemptsMin, 0.55),
    range: rangeOfStep(numberOf(row, 'step'), WINDOW_MS),
    firstMs: numberOf(row, 'firstMs'),
    lastMs: numberOf(row, 'lastMs'),
    filter: `src host ${source} and dst host ${target} and dst port ${numberOf(row, 'dstPort')}`,
    numbers: [
      {
        name: 'attempts',
        value: attempts,
        unit: 'flows',
        threshold: attemptsMin,
        meaning: 'short connections in 30 minutes',
      },
      {
        name: 'packets',
        value: Math.round(numberOf(row, 'packets') * 10) / 10,
        unit: 'packets',
        threshold: setting(parameters, 'packetsMax'),
        meaning: 'of the client in each, on average',
      },
      {
        name: 'variation',
        value: Math.round(numberOf(row, 'variation') * 1000) / 1000,
        threshold: setting(parameters, 'variationMax'),
        meaning: 'deviation of their octets by the mean: how alike they are',
      },
    ],
    explanation:
      `${source} opened ${countText(attempts)} short connections to ${service} of ${target} within 30 ` +
      'minutes, each much like the others. That is what guessing passwords looks like. Look at the log of ' +
      `${target}; if a log-in succeeded, treat the account as stolen.`,
  });
}
