/**
 * When somebody is active, by hour of the week, and whether an hour is unusual for them: how often they were active in that
 * hour of the week and the hours beside it, in the weeks that are known.
 */
import { HOUR_MS, hourOfWeek, WEEK_HOURS } from '../profile/hour-of-week.ts';

export interface ActivityHour {
  readonly hourMs: number;
  readonly octets: number;
}

export interface ActivityCell {
  /** Hours of this kind that are known, and those in which they were active. */
  readonly hours: number;
  readonly active: number;
  readonly octets: number;
}

/** A cell for each hour of the week from the hours in which somebody was active between two times; only known hours count. */
export function activityOf(
  active: readonly ActivityHour[],
  fromMs: number,
  toMs: number,
  isKnown: (hourMs: number) => boolean = () => true,
): readonly ActivityCell[] {
  const cells = Array.from({ length: WEEK_HOURS }, () => ({ hours: 0, active: 0, octets: 0 }));
  for (let hourMs = Math.ceil(fromMs / HOUR_MS) * HOUR_MS; hourMs < toMs; hourMs += HOUR_MS) {
    const cell = cells[hourOfWeek(hourMs)];
    if (cell !== undefined && isKnown(hourMs)) cell.hours += 1;
  }
  for (const { hourMs, octets } of active) {
    const cell = cells[hourOfWeek(hourMs)];
    if (cell === undefined || hourMs < fromMs || hourMs >= toMs) continue;
    cell.active += 1;
    cell.octets += octets;
  }
  return cells;
}

export interface HourJudgement {
  /** Hours of the week like this one (itself and both neighbours, in all known weeks). */
  readonly hours: number;
  /** Those in which they were active. */
  readonly active: number;
  /** (active + 1) / (hours + 2): the chance of activity then, by Laplace's rule of succession. */
  readonly chance: number;
  readonly unusual: boolean;
}

/** With fewer hours nothing is unusual: three weeks of an hour and its neighbours. */
export const ALIKE_HOURS_MIN = 9;
/** An hour is unusual when activity then was less likely. */
export const CHANCE_MAX = 0.1;

/** Whether activity in `hourMs` is unusual, going by the hours known before; `hours` counts the known ones alike. */
export function judgeHour(hours: number, active: number): HourJudgement {
  const chance = (active + 1) / (hours + 2);
  return { hours, active, chance, unusual: hours >= ALIKE_HOURS_MIN && chance < CHANCE_MAX };
}

/** The judgement by cells of the weeks before the hour. */
export function judgeByCells(cells: readonly ActivityCell[], hourMs: number): HourJudgement {
  const at = hourOfWeek(hourMs);
  const alike = [-1, 0, 1].map((offset) => cells[(at + offset + WEEK_HOURS) % WEEK_HOURS]);
  return judgeHour(
    alike.reduce((sum, cell) => sum + (cell?.hours ?? 0), 0),
    alike.reduce((sum, cell) => sum + (cell?.active ?? 0), 0),
  );
}
