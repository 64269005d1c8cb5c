/** When a report is made, and of which time: by the clock on a wall of a time zone. */

import type { TimeRange } from '../query-plan.ts';
import { type CalendarDay, instantOf, localTimeOf } from '../zoned-time.ts';

export const REPORT_INTERVALS = ['daily', 'weekly', 'monthly'] as const;

export interface ReportSchedule {
  readonly every: (typeof REPORT_INTERVALS)[number];
  /** Of weekly reports; 0 is Sunday. */
  readonly weekday: number;
  /** Of monthly reports: 1 to 28. */
  readonly day: number;
  /** Minutes past midnight. */
  readonly minute: number;
  /** IANA name. */
  readonly timeZone: string;
}

/** The last time at or before `nowMs` at which a report was to be made. */
export function lastDue(schedule: ReportSchedule, nowMs: number): number {
  const today = localTimeOf(nowMs, schedule.timeZone);
  for (let back = 0; ; back++) {
    const dueMs = dueOn(schedule, { ...today, day: today.day - back });
    if (dueMs !== undefined && dueMs <= nowMs) return dueMs;
  }
}

/** The first time after `nowMs`. */
export function nextDue(schedule: ReportSchedule, nowMs: number): number {
  const today = localTimeOf(nowMs, schedule.timeZone);
  for (let ahead = 0; ; ahead++) {
    const dueMs = dueOn(schedule, { ...today, day: today.day + ahead });
    if (dueMs !== undefined && dueMs > nowMs) return dueMs;
  }
}

function dueOn(schedule: ReportSchedule, { year, month, day }: CalendarDay): number | undefined {
  const date = new Date(Date.UTC(year, month - 1, day));
  if (schedule.every === 'weekly' && date.getUTCDay() !== schedule.weekday) return undefined;
  if (schedule.every === 'monthly' && date.getUTCDate() !== schedule.day) return undefined;
  return instantOf({ year, month, day }, schedule.timeZone, schedule.minute);
}

/**
 * What a report that is due at `dueMs` is of: the whole days, in its time zone, that are over: the day, the seven days,
 * or the month before.
 */
export function reportedRange(schedule: ReportSchedule, dueMs: number): TimeRange {
  const { year, month, day } = localTimeOf(dueMs, schedule.timeZone);
  const at = (calendarDay: CalendarDay) => instantOf(calendarDay, schedule.timeZone);
  const today = { year, month, day };
  switch (schedule.every) {
    case 'daily':
      return { fromMs: at({ ...today, day: day - 1 }), toMs: at(today) };
    case 'weekly':
      return { fromMs: at({ ...today, day: day - 7 }), toMs: at(today) };
    case 'monthly':
      return { fromMs: at({ year, month: month - 1, day }), toMs: at(today) };
  }
}
