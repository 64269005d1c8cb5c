/** Billing periods: months of a time zone that begin on a day of the month. */
import { instantOf, localTimeOf } from '../zoned-time.ts';

export interface BillingCalendar {
  /** 1 to 28, so that every month has it. */
  readonly startDay: number;
  /** IANA name. */
  readonly timeZone: string;
}

export interface BillingPeriod {
  /** The month in which it begins: `2026-10`. */
  readonly name: string;
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

export const START_DAY_MAX = 28;

/** The period that an instant is in. */
export function periodAt(timeMs: number, calendar: BillingCalendar): BillingPeriod {
  const { year, month, day } = localTimeOf(timeMs, calendar.timeZone);
  return periodOf(year, day >= calendar.startDay ? month : month - 1, calendar);
}

/** The period of a name; undefined when that is no month. */
export function periodNamed(name: string, calendar: BillingCalendar): BillingPeriod | undefined {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(name);
  return match === null ? undefined : periodOf(Number(match[1]), Number(match[2]), calendar);
}

export function periodBefore({ fromMs }: BillingPeriod, calendar: BillingCalendar): BillingPeriod {
  return periodAt(fromMs - 1, calendar);
}

function periodOf(year: number, month: number, { startDay, timeZone }: BillingCalendar): BillingPeriod {
  const first = new Date(Date.UTC(year, month - 1, 1));
  const name = first.toISOString().slice(0, 7);
  return {
    name,
    fromMs: instantOf({ year, month, day: startDay }, timeZone),
    toMs: instantOf({ year, month: month + 1, day: startDay }, timeZone),
  };
}
