/**
 * What of a finished hour is worth an alert: traffic far above the baseline, connections slower or lossier than usual, and
 * activity at an hour at which somebody never is. Each with the numbers of its formula.
 */
import type { AlertFinding, AlertSubject, EvidenceNumber } from '../alert.ts';
import type { HourJudgement } from '../behaviour/activity.ts';
import { filterText } from '../traffic-sql.ts';
import { type Baseline, deviationOf, deviationsAbove } from './baseline.ts';
import { octetsText } from './change-story.ts';
import { HOUR_MS, hourOfWeek, hourOfWeekText } from './hour-of-week.ts';

/** Six deviations and three times the median: what demonstrations of flow detectors use, so that bursts of a day pass. */
export const TRAFFIC_DEVIATIONS_MIN = 6;
export const TRAFFIC_RATIO_MIN = 3;
/** Less than 100 MB in an hour (0.2 Mb/s) harms nobody, however unusual. */
export const TRAFFIC_OCTETS_MIN = 100e6;
/** Connections feel slower when the handshake takes half as long again, and 10 ms more. */
export const ROUND_TRIP_DEVIATIONS_MIN = 4;
export const ROUND_TRIP_RATIO_MIN = 1.5;
export const ROUND_TRIP_MORE_MS_MIN = 10;
/** Of packets sent again, in percent of all: two more than usual, and twice as many. */
export const RETRANSMITTED_MORE_MIN = 2;
export const RETRANSMITTED_RATIO_MIN = 2;
/** ntopng calls 15 % a TCP issue whatever is usual. */
const RETRANSMITTED_GRAVE = 15;

export interface JudgedHour {
  /** host, user, peer, service, or total with an empty key. */
  readonly kind: string;
  readonly key: string;
  readonly hourMs: number;
  readonly value: number;
  readonly baseline: Baseline;
}

const BASIS_WORDS: Readonly<Record<Baseline['basis'], string>> = {
  'hour-of-week': 'this hour of the week',
  'hour-of-day': 'this hour of like days',
  'all-hours': 'all hours known',
};

/** An alert when an hour carried far more than its baseline; a baseline of all hours is too coarse for one. */
export function trafficFinding(judged: JudgedHour): AlertFinding | undefined {
  const { value, baseline, kind, key } = judged;
  if (baseline.basis === 'all-hours' || value < TRAFFIC_OCTETS_MIN) return undefined;
  const deviations = deviationsAbove(value, baseline, TRAFFIC_OCTETS_MIN / TRAFFIC_DEVIATIONS_MIN);
  const ratio = value / baseline.median;
  if (deviations < TRAFFIC_DEVIATIONS_MIN || ratio < TRAFFIC_RATIO_MIN) return undefined;
  const who = kind === 'total' ? 'All traffic' : key;
  return finding(judged, 'traffic-baseline', {
    title: `${who} carried ${ratioText(ratio)} its usual traffic`,
    score: Math.min(0.8, 0.3 + 0.1 * Math.log2(Math.min(ratio, 1024) / TRAFFIC_RATIO_MIN + 1)),
    formula: `deviations = (octets − median) / max(1.4826 × MAD, 0.1 × median, ${TRAFFIC_OCTETS_MIN / TRAFFIC_DEVIATIONS_MIN})`,
    numbers: [
      { name: 'octets', value, unit: 'B', threshold: TRAFFIC_OCTETS_MIN, meaning: 'carried in the hour' },
      ...baselineNumbers(baseline, 'B'),
      {
        name: 'deviations',
        value: deviations,
        threshold: TRAFFIC_DEVIATIONS_MIN,
        meaning: 'above the median',
      },
      { name: 'ratio', value: finite(ratio), threshold: TRAFFIC_RATIO_MIN, meaning: 'times the median' },
    ],
    explanation: `${octetsText(value)} in the hour from ${hourOfWeekText(hourOfWeek(judged.hourMs))} UTC, where the median of ${baseline.samples} values of ${BASIS_WORDS[baseline.basis]} is ${octetsText(baseline.median)}. It may be a backup, an update or a copy of data: What changed tells with whom.`,
  });
}

/** An alert when handshakes of a service took far longer than usual. */
export function roundTripFinding(judged: JudgedHour): AlertFinding | undefined {
  const { value, baseline, key } = judged;
  const deviations = deviationsAbove(value, baseline, ROUND_TRIP_MORE_MS_MIN / ROUND_TRIP_DEVIATIONS_MIN);
  const ratio = value / baseline.median;
  if (
    baseline.basis === 'all-hours' ||
    deviations < ROUND_TRIP_DEVIATIONS_MIN ||
    ratio < ROUND_TRIP_RATIO_MIN
  )
    return undefined;
  return finding({ ...judged, kind: 'service' }, 'slow-handshakes', {
    title: `Connections of ${key} take ${ratioText(ratio)} as long to open`,
    score: Math.min(0.7, 0.3 + 0.1 * Math.log2(ratio)),
    formula: `deviations = (roundTrip − median) / max(1.4826 × MAD, 0.1 × median, ${ROUND_TRIP_MORE_MS_MIN / ROUND_TRIP_DEVIATIONS_MIN})`,
    numbers: [
      { name: 'roundTrip', value, unit: 'ms', meaning: 'median round trip of the handshakes of the hour' },
      ...baselineNumbers(baseline, 'ms'),
      {
        name: 'deviations',
        value: deviations,
        threshold: ROUND_TRIP_DEVIATIONS_MIN,
        meaning: 'above the median',
      },
      { name: 'ratio', value: finite(ratio), threshold: ROUND_TRIP_RATIO_MIN, meaning: 'times the median' },
    ],
    explanation: `The median handshake took ${value.toFixed(1)} ms instead of ${baseline.median.toFixed(1)} ms (${baseline.samples} values of ${BASIS_WORDS[baseline.basis]}). A path may have changed or be full, or servers be busy: Performance shows which paths.`,
  });
}

/** An alert when far more packets of a service were sent again than usual; values are percent. */
export function retransmissionFinding(judged: JudgedHour): AlertFinding | undefined {
  const { value, baseline, key } = judged;
  if (baseline.basis === 'all-hours' || value - baseline.median < RETRANSMITTED_MORE_MIN) return undefined;
  const ratio = value / baseline.median;
  if (ratio < RETRANSMITTED_RATIO_MIN) return undefined;
  return finding({ ...judged, kind: 'service' }, 'retransmissions', {
    title: `${value.toFixed(1)} % of the packets of ${key} were sent again`,
    score: value >= RETRANSMITTED_GRAVE ? 0.7 : 0.45,
    formula: 'retransmitted = 100 × retransmitted packets / packets',
    numbers: [
      { name: 'retransmitted', value, unit: '%', meaning: 'of the packets of the hour' },
      ...baselineNumbers(baseline, '%'),
      {
        name: 'more',
        value: value - baseline.median,
        unit: '%',
        threshold: RETRANSMITTED_MORE_MIN,
        meaning: 'above the median',
      },
      {
        name: 'ratio',
        value: finite(ratio),
        threshold: RETRANSMITTED_RATIO_MIN,
        meaning: 'times the median',
      },
    ],
    explanation: `${value.toFixed(1)} % instead of ${baseline.median.toFixed(1)} %. Packets get lost on the way: a link is full or faulty, or a path loses. Performance shows which.`,
  });
}

/** An alert when somebody was active at an hour at which they hardly ever are. */
export function unusualHourFinding(
  kind: 'host' | 'user' | 'peer',
  key: string,
  hourMs: number,
  { hours, active, chance, unusual }: HourJudgement,
): AlertFinding | undefined {
  if (!unusual) return undefined;
  const hour = hourOfWeekText(hourOfWeek(hourMs));
  return finding({ kind, key, hourMs }, 'unusual-hour', {
    title: `${key} was active on ${hour} UTC, which is unusual`,
    score: 0.35,
    formula: 'chance = (active + 1) / (hours + 2): the rule of succession',
    numbers: [
      {
        name: 'hours',
        value: hours,
        meaning: 'known hours like this one: it and its neighbours in the weeks before',
      },
      { name: 'active', value: active, meaning: 'of them with activity' },
      { name: 'chance', value: chance, threshold: 0.1, meaning: 'of activity at such an hour' },
    ],
    explanation: `In ${hours} hours around ${hour} of the weeks before, ${key} was active in ${active}. Somebody may work late, or something may run on its own.`,
  });
}

interface FindingParts {
  readonly title: string;
  readonly score: number;
  readonly formula: string;
  readonly numbers: readonly EvidenceNumber[];
  readonly explanation: string;
}

function finding(
  judged: Pick<JudgedHour, 'kind' | 'key' | 'hourMs'>,
  detection: string,
  { title, score, formula, numbers, explanation }: FindingParts,
): AlertFinding {
  const [from, to] = [judged.hourMs, judged.hourMs + HOUR_MS].map((timeMs) => new Date(timeMs).toISOString());
  return {
    detection,
    title,
    subject: subjectOfKind(judged.kind, judged.key),
    score,
    firstSeen: from ?? '',
    lastSeen: to ?? '',
    evidence: {
      formula,
      numbers,
      filter: filterOfKey(judged.kind, judged.key),
      from: from ?? '',
      to: to ?? '',
    },
    explanation,
  };
}

function subjectOfKind(kind: string, key: string): AlertSubject {
  if (kind === 'user') return { kind: 'user', value: key };
  if (kind === 'service') return { kind: 'service', value: key };
  return { kind: 'host', value: kind === 'total' ? 'all traffic' : key };
}

/** The flows of a value of the profile in the filter language. */
export function filterOfKey(kind: string, key: string): string {
  switch (kind) {
    case 'host':
      return `(srcAddr = ${key} or dstAddr = ${key})`;
    case 'user':
      return `(srcUser = ${filterText(key)} or dstUser = ${filterText(key)})`;
    case 'peer':
      return `(srcPeer = ${filterText(key)} or dstPeer = ${filterText(key)})`;
    case 'service':
    case 'roundTrip':
    case 'retransmitted': {
      const [protocol = '', port] = key.split('/');
      if (protocol === 'unknown') return '';
      return port === undefined ? `protocol = ${protocol}` : `protocol = ${protocol} and port = ${port}`;
    }
    default:
      return '';
  }
}

function baselineNumbers(baseline: Baseline, unit: string): EvidenceNumber[] {
  return [
    { name: 'median', value: baseline.median, unit, meaning: `of ${BASIS_WORDS[baseline.basis]}` },
    { name: 'MAD', value: baseline.mad, unit, meaning: 'median absolute deviation' },
    { name: 'deviation', value: deviationOf(baseline), unit, meaning: 'the spread that it was held against' },
    { name: 'samples', value: baseline.samples, meaning: 'values that the baseline is of' },
  ];
}

/** JSON knows no infinity: what was nothing before has a thousand times as much. */
const finite = (ratio: number): number => (Number.isFinite(ratio) ? ratio : 1000);
const ratioText = (ratio: number): string =>
  ratio >= 1000 ? 'more than 1000 times' : `${ratio.toFixed(ratio < 10 ? 1 : 0)} times`;
