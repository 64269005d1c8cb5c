/** Cancels a timer; calling it twice is harmless. */
export type CancelTimer = () => void;

/**
 * The only source of time and timers for a component, so that tests advance time instead of sleeping.
 * `nowMs` is wall-clock time in milliseconds since the Unix epoch; `monotonicMs` never goes back.
 */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  every(intervalMs: number, callback: () => void): CancelTimer;
  after(delayMs: number, callback: () => void): CancelTimer;
}

/** The machine's clock. Its timers do not keep the process alive by themselves. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  every(intervalMs, callback) {
    const timer = setInterval(callback, intervalMs);
    unreference(timer);
    return () => clearInterval(timer);
  },
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    unreference(timer);
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until `advance` is called; timers fire in order of their due time. */
export interface ManualClock extends Clock {
  advance(durationMs: number): void;
}

/** Creates a ManualClock whose wall clock starts at `startMs` (milliseconds since the Unix epoch). */
export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let elapsedMs = 0;
  const timers = new Set<{ dueMs: number; repeatMs: number | undefined; callback: () => void }>();

  function schedule(delayMs: number, repeatMs: number | undefined, callback: () => void): CancelTimer {
    const timer = { dueMs: elapsedMs + delayMs, repeatMs, callback };
    timers.add(timer);
    return () => timers.delete(timer);
  }

  function fireNext(untilMs: number): boolean {
    let next: { dueMs: number; repeatMs: number | undefined; callback: () => void } | undefined;
    for (const timer of timers) {
      if (timer.dueMs <= untilMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer;
    }
    if (next === undefined) return false;
    elapsedMs = Math.max(elapsedMs, next.dueMs);
    if (next.repeatMs === undefined) timers.delete(next);
    else next.dueMs += Math.max(1, next.repeatMs);
    next.callback();
    return true;
  }

  return {
    nowMs: () => startMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    every: (intervalMs, callback) => schedule(intervalMs, intervalMs, callback),
    after: (delayMs, callback) => schedule(delayMs, undefined, callback),
    advance(durationMs) {
      const untilMs = elapsedMs + durationMs;
      while (fireNext(untilMs)) {
        // Each pass fires one timer; timers that a callback adds are seen by the next pass.
      }
      elapsedMs = untilMs;
    },
  };
}

/** Node's timers are objects with `unref`; a browser's are numbers. */
function unreference(timer: unknown): void {
  if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function') {
    timer.unref();
  }
}
