/** Moments as people write them on a command line, in the time zone of the machine unless they name one. */
import { EXIT_USAGE, UserError } from '@weir/base';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const AGO = /^-?\s*(\d+(?:\.\d+)?)\s*(s|sec|second|m|min|minute|h|hour|d|day|w|week)s?(?:\s+ago)?$/;
const DAY_WORD = /^(today|yesterday)(?:\s+(?:at\s+)?(\d.*))?$/;
const DATE = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ t](\d.*))?$/;
const CLOCK = /^(\d{1,2})(?::(\d{2})(?::(\d{2}(?:\.\d{1,3})?))?)?$/;
const ALLOWED =
  'now, 2h ago, yesterday 10:30, 10:30, 2026-05-03, 2026-05-03 10:30, ISO 8601, or seconds since 1970';

/** Milliseconds since the Unix epoch. Throws a UserError. */
export function parseMomentMs(text: string, option: string, nowMs: number): number {
  const moment = readMoment(text.trim().toLowerCase(), nowMs);
  if (moment !== undefined && Number.isFinite(moment)) return Math.round(moment);
  throw new UserError('usage_time', `${option}: '${text}' is no time (allowed: ${ALLOWED})`, EXIT_USAGE);
}

function readMoment(text: string, nowMs: number): number | undefined {
  if (text === 'now') return nowMs;
  if (/^\d{13}$/.test(text)) return Number(text);
  if (/^\d{9,10}(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const ago = AGO.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * UNIT_MS[ago[2]!.charAt(0)]!;
  const today = new Date(nowMs);
  const [year, month, day] = [today.getFullYear(), today.getMonth(), today.getDate()];
  const word = DAY_WORD.exec(text);
  if (word !== null) return localTime(year, month, word[1] === 'yesterday' ? day - 1 : day, word[2]);
  if (/\d(z|[+-]\d\d:?\d\d)$/.test(text) && /t/.test(text)) return Date.parse(text.toUpperCase());
  const date = DATE.exec(text);
  if (date !== null) return localTime(Number(date[1]), Number(date[2]) - 1, Number(date[3]), date[4]);
  return CLOCK.test(text) && text.includes(':') ? localTime(year, month, day, text) : undefined;
}

/** A day, at `clock` or at its beginning; undefined for what no calendar has. */
function localTime(year: number, month: number, day: number, clock: string | undefined): number | undefined {
  const match = CLOCK.exec(clock ?? '00:00');
  if (match === null || month > 11 || day > 31) return undefined;
  const [hour, minute, seconds] = [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)];
  if (hour > 24 || minute > 59 || seconds >= 60) return undefined;
  return new Date(year, month, day, hour, minute, 0, Math.round(seconds * 1000)).getTime();
}
