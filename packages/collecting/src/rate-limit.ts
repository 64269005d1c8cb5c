/**
 * How much one exporter may send: two token buckets that hold a second's worth. A datagram is let through while
 * neither is empty; its records are paid for afterwards, when it is known how many they were.
 */
import type { Clock } from '@weir/base';
import type { ExporterRateLimits } from './access-settings.ts';

export interface RateLimiter {
  /** Whether a datagram may come now; counts it when it may not. */
  admit(): boolean;
  /** Takes note of the records that came of an admitted datagram. */
  spend(records: number): void;
  /** Datagrams that were not admitted. */
  readonly limited: number;
}

/** undefined where nothing is limited. */
export function createRateLimiter(
  limits: ExporterRateLimits | undefined,
  clock: Clock,
): RateLimiter | undefined {
  const { datagramsPerSecond, recordsPerSecond } = limits ?? {};
  if (datagramsPerSecond === undefined && recordsPerSecond === undefined) return undefined;
  const datagrams = createBucket(datagramsPerSecond ?? Number.POSITIVE_INFINITY);
  const records = createBucket(recordsPerSecond ?? Number.POSITIVE_INFINITY);
  let filledMs = clock.monotonicMs();
  let limited = 0;

  return {
    get limited() {
      return limited;
    },
    admit() {
      const nowMs = clock.monotonicMs();
      datagrams.fill(nowMs - filledMs);
      records.fill(nowMs - filledMs);
      filledMs = nowMs;
      if (datagrams.tokens >= 1 && records.tokens > 0) {
        datagrams.tokens -= 1;
        return true;
      }
      limited += 1;
      return false;
    },
    spend(count) {
      records.tokens -= count;
    },
  };
}

interface Bucket {
  tokens: number;
  fill(elapsedMs: number): void;
}

/** A bucket for an infinite rate never empties. */
function createBucket(perSecond: number): Bucket {
  return {
    tokens: perSecond,
    fill(elapsedMs) {
      if (this.tokens < perSecond) {
        this.tokens = Math.min(perSecond, this.tokens + (perSecond * elapsedMs) / 1000);
      }
    },
  };
}
