/** What of an hour that is being learned is unusual, held against the hours before it. */
import {
  type AlertFinding,
  activityOf,
  baselineAt,
  judgeByCells,
  type ObservedHour,
  retransmissionFinding,
  roundTripFinding,
  trafficFinding,
  unusualHourFinding,
  WEEK_MS,
} from '@weir/analysis';
import type { BaselineTable, BaselineValue } from './baseline-table.ts';
import type { ProfileSettings } from './profile-settings.ts';

const WHO = ['host', 'user', 'peer'] as const;

export function findingsOfHour(
  baselines: BaselineTable,
  hourMs: number,
  values: readonly BaselineValue[],
  asked: ProfileSettings['alerts'],
  weeks: number,
): AlertFinding[] {
  const found: (AlertFinding | undefined)[] = [];
  for (const { kind, key, value } of values) {
    const history = countedHistory(baselines, kind, key, hourMs, weeks);
    if (history === undefined) continue;
    const baseline = baselineAt(hourMs, history);
    const who = WHO.find((each) => each === kind);
    if (asked.unusualHours && who !== undefined)
      found.push(unusualHourFinding(who, key, hourMs, judgeActivity(history, hourMs)));
    if (baseline === undefined) continue;
    const judged = { kind, key, hourMs, value, baseline };
    if (kind === 'roundTrip' && asked.performance) found.push(roundTripFinding(judged));
    else if (kind === 'retransmitted' && asked.performance) found.push(retransmissionFinding(judged));
    else if (kind !== 'roundTrip' && kind !== 'retransmitted' && asked.traffic)
      found.push(trafficFinding(judged));
  }
  return found.filter((each) => each !== undefined);
}

/** The hours of a value that still count; undefined when nothing is known of it. */
export function countedHistory(
  baselines: BaselineTable,
  kind: string,
  key: string,
  hourMs: number,
  weeks: number,
): ObservedHour[] | undefined {
  return baselines.history(kind, key, hourMs)?.filter((each) => each.hourMs >= hourMs - weeks * WEEK_MS);
}

/** Whether activity in the hour is unusual: only hours that are known count, with traffic or without. */
export function judgeActivity(history: readonly ObservedHour[], hourMs: number) {
  const known = new Map(history.map((each) => [each.hourMs, each.value]));
  const cells = activityOf(
    history.filter(({ value }) => value > 0).map((each) => ({ hourMs: each.hourMs, octets: each.value })),
    history[0]?.hourMs ?? hourMs,
    hourMs,
    (each) => known.has(each),
  );
  return judgeByCells(cells, hourMs);
}
