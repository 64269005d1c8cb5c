/** Hours of the week in UTC: 0 is Monday from 00:00 to 01:00. No daylight saving: UTC has none. */
export const HOUR_MS = 3_600_000;
export const WEEK_HOURS = 168;
export const WEEK_MS = WEEK_HOURS * HOUR_MS;
/** 1970-01-01 was a Thursday. */
const THURSDAY_HOURS = 72;

export const hourStartOf = (timeMs: number): number => Math.floor(timeMs / HOUR_MS) * HOUR_MS;

export function hourOfWeek(timeMs: number): number {
  return (Math.floor(timeMs / HOUR_MS) + THURSDAY_HOURS) % WEEK_HOURS;
}

/** Weeks since the one that held the epoch, each beginning on Monday. */
export function weekNumber(timeMs: number): number {
  return Math.floor((Math.floor(timeMs / HOUR_MS) + THURSDAY_HOURS) / WEEK_HOURS);
}

const DAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
const SATURDAY_HOURS = 120;

export const isWeekendHour = (hour: number): boolean => hour >= SATURDAY_HOURS;

/** `Sunday 03:00`. */
export function hourOfWeekText(hour: number): string {
  return `${DAYS[Math.floor(hour / 24)]} ${String(hour % 24).padStart(2, '0')}:00`;
}
