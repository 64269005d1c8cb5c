/** How fast counters grow, over the last seconds. */

/** A person who watches wants to see a change soon, and no jitter. */
const WINDOW_MS = 10_000;

export interface RateWindow<Name extends string> {
  /** Notes the counters as they are at `nowMs` (monotonic milliseconds). */
  sample(nowMs: number, counts: Readonly<Record<Name, number>>): void;
  /** Each counter's growth a second; 0 before there are two samples. */
  perSecond(name: Name): number;
}

export function createRateWindow<Name extends string>(): RateWindow<Name> {
  const samples: { readonly atMs: number; readonly counts: Readonly<Record<Name, number>> }[] = [];
  return {
    sample(atMs, counts) {
      samples.push({ atMs, counts: { ...counts } });
      while (samples[1] !== undefined && samples[1].atMs <= atMs - WINDOW_MS) samples.shift();
    },
    perSecond(name) {
      const first = samples[0];
      const last = samples.at(-1);
      if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
      return Math.max(0, ((last.counts[name] - first.counts[name]) * 1000) / (last.atMs - first.atMs));
    },
  };
}
