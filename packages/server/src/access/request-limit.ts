/** How much one client may ask, whatever it asks: a bucket that fills at a steady rate and holds a burst. */
import type { Clock } from '@weir/base';

export interface RequestRate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Somebody who is logged in: a page with all its panels, in several tabs, reloaded in a hurry. */
export const KNOWN_CLIENT: RequestRate = { perSecond: 100, burst: 1000 };
/** An address without a login: the page for logging in and its files, for several people behind one address. */
export const UNKNOWN_CLIENT: RequestRate = { perSecond: 20, burst: 200 };

const CLIENTS_MAX = 10_000;

interface Bucket {
  left: number;
  atMs: number;
}

export interface RequestLimit {
  /** Whether this request may be answered. */
  admit(client: string, rate: RequestRate): boolean;
}

export function createRequestLimit(clock: Clock): RequestLimit {
  const buckets = new Map<string, Bucket>();
  return {
    admit(client, { perSecond, burst }) {
      const nowMs = clock.monotonicMs();
      const known = buckets.get(client) ?? { left: burst, atMs: nowMs };
      const left = Math.min(burst, known.left + ((nowMs - known.atMs) / 1000) * perSecond);
      buckets.delete(client);
      buckets.set(client, { left: Math.max(0, left - 1), atMs: nowMs });
      for (const oldest of buckets.keys()) {
        if (buckets.size <= CLIENTS_MAX) break;
        buckets.delete(oldest);
      }
      return left >= 1;
    },
  };
}
