/** Which period a period is held against, and how the two are made comparable. */
import { HOUR_MS, hourStartOf, medianOf, type TimeRange, WEEK_MS } from '@weir/analysis';
import { UserError } from '@weir/base';
import type { BaselineTable } from './baseline-table.ts';

export const AGAINST = ['previous', 'week-ago', 'range'] as const;
export type Against = (typeof AGAINST)[number];

/** Throws UserError `range_invalid`. */
export function periodBefore(
  now: TimeRange,
  against: Against,
  given: { fromMs?: number | undefined; toMs?: number | undefined },
): TimeRange {
  if (against === 'previous') return { fromMs: 2 * now.fromMs - now.toMs, toMs: now.fromMs };
  if (against === 'week-ago') {
    const weeks = Math.ceil((now.toMs - now.fromMs) / WEEK_MS);
    return { fromMs: now.fromMs - weeks * WEEK_MS, toMs: now.toMs - weeks * WEEK_MS };
  }
  const { fromMs, toMs } = given;
  if (fromMs === undefined || toMs === undefined || fromMs >= toMs)
    throw new UserError('range_invalid', 'against=range needs againstFrom before againstTo');
  if (fromMs < now.toMs && toMs > now.fromMs)
    throw new UserError('range_invalid', 'the two periods overlap: what is in both cannot change');
  return { fromMs, toMs };
}

export interface Comparability {
  readonly factor: number;
  readonly by: 'length' | 'hour-of-week';
  /** In a sentence. */
  readonly why: string;
}

/** With fewer values of an hour of the week, hours are not held against one another. */
const WEEKS_MIN = 2;

/**
 * What the period before is multiplied by: the ratio of the lengths, or, where the hours of the week of both are known from
 * weeks before, the ratio of what is usual in them; a Monday morning is then no surprise after a Sunday.
 */
export function comparability(now: TimeRange, before: TimeRange, baselines: BaselineTable): Comparability {
  const byLength = (now.toMs - now.fromMs) / (before.toMs - before.fromMs);
  const plain: Comparability = {
    factor: byLength,
    by: 'length',
    why:
      byLength === 1 ? 'Both periods are equally long.' : 'The period before is scaled to the same length.',
  };
  if (isSameHours(now, before)) return { ...plain, why: 'Both periods have the same hours of the week.' };
  const untilMs = Math.min(now.fromMs, before.fromMs);
  const [usualNow, usualBefore] = [now, before].map((range) => usualOctets(range, baselines, untilMs));
  if (usualNow === undefined || usualBefore === undefined || usualBefore === 0 || usualNow === 0)
    return plain;
  return {
    factor: usualNow / usualBefore,
    by: 'hour-of-week',
    why: `By the hours of the week: of both, what is usual is known from the weeks before (× ${(usualNow / usualBefore).toFixed(2)}).`,
  };
}

const isSameHours = (now: TimeRange, before: TimeRange): boolean =>
  now.toMs - now.fromMs === before.toMs - before.fromMs && (now.fromMs - before.fromMs) % WEEK_MS === 0;

/** Medians of the hours of a range, from what was learned before; undefined when an hour is not known well. */
function usualOctets(
  { fromMs, toMs }: TimeRange,
  baselines: BaselineTable,
  untilMs: number,
): number | undefined {
  const history = baselines.history('total', '', untilMs);
  if (history === undefined) return undefined;
  const byHour = new Map<number, number[]>();
  for (const { hourMs, value } of history) {
    const hour = hourMs % WEEK_MS;
    byHour.set(hour, [...(byHour.get(hour) ?? []), value]);
  }
  let sum = 0;
  for (let hourMs = hourStartOf(fromMs); hourMs < toMs; hourMs += HOUR_MS) {
    const values = byHour.get(hourMs % WEEK_MS) ?? [];
    if (values.length < WEEKS_MIN) return undefined;
    const share = (Math.min(toMs, hourMs + HOUR_MS) - Math.max(fromMs, hourMs)) / HOUR_MS;
    sum += medianOf(values) * share;
  }
  return sum;
}
