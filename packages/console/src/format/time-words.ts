/**
 * Moments and ranges as people write and say them. Times without a zone are those of the page's zone.
 */
import { rangeLengthMs, type TimeRange } from '../view-state.ts';
import { formatDuration, formatMoment } from './time.ts';
import { timeOfParts, timeParts } from './time-zone.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const AGO = /^-?\s*(\d+(?:\.\d+)?)\s*(s|sec|second|m|min|minute|h|hour|d|day|w|week)s?(?:\s+ago)?$/;
const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ t]+(.+))?$/;
const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const DAY_WORD = /^(today|yesterday)(?:\s+(?:at\s+)?(.+))?$/;
const HAS_ZONE = /\d(?:z|[+-]\d{2}:?\d{2})$/i;

/**
 * Reads `now`, `2h ago`, `-30m`, `10:30`, `yesterday 10:30`, `2026-05-03`, `2026-05-03 10:30` or ISO 8601 with
 * a zone. Undefined when it is none of them.
 */
export function parseMoment(text: string, nowMs: number): number | undefined {
  const words = text.trim().toLowerCase();
  if (words === 'now') return nowMs;
  const ago = AGO.exec(words);
  if (ago !== null) return nowMs - Number(ago[1]) * (UNIT_MS[ago[2]?.charAt(0) ?? ''] ?? 0);
  if (HAS_ZONE.test(words) && /^\d{4}-/.test(words)) return validTime(Date.parse(text.trim()));
  const today = timeParts(nowMs);
  const day = DAY_WORD.exec(words);
  if (day !== null) {
    const back = day[1] === 'yesterday' ? 1 : 0;
    return momentOf(today.year, today.month, today.day - back, day[2]);
  }
  const date = DATE.exec(words);
  if (date !== null) return momentOf(Number(date[1]), Number(date[2]), Number(date[3]), date[4]);
  return CLOCK.test(words) ? momentOf(today.year, today.month, today.day, words) : undefined;
}

function momentOf(year: number, month: number, day: number, clock: string | undefined): number | undefined {
  if (month < 1 || month > 12 || day > 31) return undefined;
  if (clock === undefined) return timeOfParts(year, month, day);
  const match = CLOCK.exec(clock.trim());
  if (match === null) return undefined;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  if (hour > 24 || minute > 59 || second > 59) return undefined;
  return timeOfParts(year, month, day, hour, minute, second);
}

const validTime = (timeMs: number): number | undefined => (Number.isNaN(timeMs) ? undefined : timeMs);

/** `Last 15 minutes`, `Last hour`; `10:02:00 – 10:31:00` for a fixed range. */
export function rangeTitle(range: TimeRange, nowMs: number): string {
  if (range.kind === 'last') return `Last ${lengthInWords(range)}`;
  return `${formatMoment(range.from, nowMs)} – ${formatMoment(range.to, nowMs)}`;
}

/** Where was looked, in a sentence: `in the last 15 minutes`, `between 10:02:00 and 10:31:00`. */
export function rangeInWords(range: TimeRange, nowMs: number): string {
  if (range.kind === 'last') return `in the last ${lengthInWords(range)}`;
  return `between ${formatMoment(range.from, nowMs)} and ${formatMoment(range.to, nowMs)}`;
}

const UNIT_WORDS: readonly [number, string][] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
];

function lengthInWords(range: TimeRange): string {
  const length = rangeLengthMs(range);
  if (length === 86_400_000) return '24 hours';
  const [unitMs, word] = UNIT_WORDS.find(([unit]) => length % unit === 0) ?? [1, ''];
  if (word === '') return formatDuration(length);
  const count = length / unitMs;
  return count === 1 ? word : `${count} ${word}s`;
}
