import { medianOf } from '@weir/analysis';
import { countedHistory } from './hour-judgement.ts';
import type { ProfileKeeper } from './profile-keeper.ts';

/** The median of all known hours of a value before a time; null when there is none. */
export function usualOf(keeper: ProfileKeeper, kind: string, key: string, beforeMs: number): number | null {
  const { weeks } = keeper.settings();
  const history = countedHistory(keeper.baselines, kind, key, beforeMs, weeks) ?? [];
  return history.length === 0 ? null : medianOf(history.map(({ value }) => value));
}
