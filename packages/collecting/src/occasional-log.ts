import type { Clock, Logger } from '@weir/base';

/** Strangers cause these lines, and may not fill a disk with them. */
const LOG_EVERY_MS = 1000;

/** Logs at most one warning of a kind a second; the next one says how many were left out. */
export type OccasionalLog = (kind: string, facts: object, message: string) => void;

/** `kind`s are a fixed set: each is remembered. */
export function createOccasionalLog(clock: Clock, logger: Logger): OccasionalLog {
  const kinds = new Map<string, { dueMs: number; leftOut: number }>();
  return (kind, facts, message) => {
    const nowMs = clock.monotonicMs();
    const state = kinds.get(kind) ?? { dueMs: nowMs, leftOut: 0 };
    kinds.set(kind, state);
    if (nowMs < state.dueMs) {
      state.leftOut += 1;
      return;
    }
    logger.warn(state.leftOut === 0 ? facts : { ...facts, leftOut: state.leftOut }, message);
    state.leftOut = 0;
    state.dueMs = nowMs + LOG_EVERY_MS;
  };
}
