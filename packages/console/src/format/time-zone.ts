import type { TimeZone } from '../view-state.ts';

/**
 * The zone in which times are written. One for the whole page: the shell sets it from the URL before it draws
 * anything, and draws everything anew when it changes.
 */
let current: TimeZone = 'local';

export function setTimeZone(zone: TimeZone): void {
  current = zone;
}

/** The parts of a moment in the chosen zone; months from 1. */
export function timeParts(timeMs: number) {
  const date = new Date(timeMs);
  if (current === 'utc') {
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
    };
  }
  return {
    year: date.getFullYear(),
    month: date.getMonth() + 1,
    day: date.getDate(),
    hour: date.getHours(),
    minute: date.getMinutes(),
    second: date.getSeconds(),
  };
}

/** The moment of a date and a time of day in the chosen zone. */
export function timeOfParts(
  year: number,
  month: number,
  day: number,
  hour = 0,
  minute = 0,
  second = 0,
): number {
  return current === 'utc'
    ? Date.UTC(year, month - 1, day, hour, minute, second)
    : new Date(year, month - 1, day, hour, minute, second).getTime();
}

/** `UTC`, or how far local time is from it: `UTC+2`, `UTC−3:30`. */
export function zoneName(zone: TimeZone, timeMs: number): string {
  const minutes = zone === 'utc' ? 0 : -new Date(timeMs).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const rest = Math.abs(minutes) % 60;
  return `UTC${minutes < 0 ? '−' : '+'}${Math.floor(Math.abs(minutes) / 60)}${rest === 0 ? '' : `:${rest}`}`;
}
