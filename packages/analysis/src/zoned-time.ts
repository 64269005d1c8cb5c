/** Days of a time zone (IANA name) as instants: what billing periods, daily figures and schedules are made of. */
import { UserError } from '@weir/base';

/** A day of the calendar; `month` from 1, and days and months may run over: day 32 of March is the 1st of April. */
export interface CalendarDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

export interface LocalTime extends CalendarDay {
  readonly hour: number;
  readonly minute: number;
  /** 0 is Sunday. */
  readonly weekday: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Throws UserError `time_zone_invalid` when there is no such zone. */
export function checkTimeZone(timeZone: string): string {
  try {
    formatOf(timeZone);
    return timeZone;
  } catch {
    const hint = 'an IANA name is allowed, such as Europe/Vienna or UTC';
    throw new UserError('time_zone_invalid', `there is no time zone ${JSON.stringify(timeZone)}; ${hint}`, 2);
  }
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(timeZone, format);
  return format;
}

/** What the clock on the wall says at an instant. */
export function localTimeOf(timeMs: number, timeZone: string): LocalTime {
  const wall = new Date(wallMsOf(timeMs, timeZone));
  return {
    year: wall.getUTCFullYear(),
    month: wall.getUTCMonth() + 1,
    day: wall.getUTCDate(),
    hour: wall.getUTCHours(),
    minute: wall.getUTCMinutes(),
    weekday: wall.getUTCDay(),
  };
}

/** The wall clock's reading as if it were UTC. */
function wallMsOf(timeMs: number, timeZone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(timeMs)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/**
 * The first instant at which the clock shows `minutes` past midnight of a day or, where it leaps over that, the first
 * one after. Of a time that comes twice, the first.
 */
export function instantOf({ year, month, day }: CalendarDay, timeZone: string, minutes = 0): number {
  const wanted = Date.UTC(year, month - 1, day) + minutes * MINUTE_MS;
  const offsetAt = (timeMs: number): number => wallMsOf(timeMs, timeZone) - timeMs;
  const [before, after] = [offsetAt(wanted - DAY_MS), offsetAt(wanted + DAY_MS)];
  const hits = [wanted - before, wanted - after].filter((timeMs) => wallMsOf(timeMs, timeZone) === wanted);
  if (hits.length > 0) return Math.min(...hits);
  return changeBetween(wanted - Math.max(before, after), wanted - Math.min(before, after), offsetAt);
}

/** The instant at which the offset changes, to the minute. */
function changeBetween(fromMs: number, toMs: number, offsetAt: (timeMs: number) => number): number {
  let [low, high] = [Math.floor(fromMs / MINUTE_MS), Math.ceil(toMs / MINUTE_MS)];
  const first = offsetAt(low * MINUTE_MS);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle * MINUTE_MS) === first) low = middle;
    else high = middle;
  }
  return high * MINUTE_MS;
}
