/**
 * When each host, user, peer and service was seen first and last, and when each of them used a service first and last.
 * Bounded: of each kind so many, those that were not seen for longest go first.
 */
import { z } from 'zod';

/** An entry is some 100 octets in memory and 50 in the file: 60,000 are 6 MB and 3 MB. */
export const ENTRIES_MAX: Readonly<Record<string, number>> = {
  host: 10_000,
  user: 10_000,
  peer: 5000,
  service: 5000,
  access: 30_000,
};
/** So many go at once when a kind is full, so that not every new one looks through all. */
const MADE_ROOM_SHARE = 0.1;
const MINUTE_MS = 60_000;

export interface Sighting {
  readonly firstMs: number;
  readonly lastMs: number;
}

const entrySchema = z.tuple([z.string().max(700), z.number(), z.number()]);
export const firstSeenStateSchema = z.object({
  version: z.literal(1),
  kinds: z.record(z.string(), z.array(entrySchema).max(100_000)),
});
export type FirstSeenState = z.infer<typeof firstSeenStateSchema>;

export class FirstSeenTable {
  readonly #kinds = new Map<string, Map<string, { firstMs: number; lastMs: number }>>();
  /** Entries that made room. */
  evicted = 0;

  constructor(state?: FirstSeenState) {
    for (const [kind, entries] of Object.entries(state?.kinds ?? {})) {
      if (ENTRIES_MAX[kind] === undefined) continue;
      const table = this.#kindOf(kind);
      for (const [key, firstMinute, lastMinute] of entries)
        table.set(key, { firstMs: firstMinute * MINUTE_MS, lastMs: lastMinute * MINUTE_MS });
    }
  }

  state(): FirstSeenState {
    const kinds = [...this.#kinds].map(([kind, table]) => [
      kind,
      [...table].map(([key, { firstMs, lastMs }]) => [
        key,
        Math.floor(firstMs / MINUTE_MS),
        Math.floor(lastMs / MINUTE_MS),
      ]),
    ]);
    return { version: 1, kinds: Object.fromEntries(kinds) };
  }

  /** Notes a sighting; true when it is the first that the table knows of. */
  note(kind: string, key: string, firstMs: number, lastMs: number): boolean {
    const max = ENTRIES_MAX[kind];
    if (max === undefined) return false;
    const table = this.#kindOf(kind);
    const known = table.get(key);
    if (known !== undefined) {
      known.firstMs = Math.min(known.firstMs, firstMs);
      known.lastMs = Math.max(known.lastMs, lastMs);
      return false;
    }
    if (table.size >= max) this.#makeRoom(table, max);
    table.set(key, { firstMs, lastMs });
    return true;
  }

  of(kind: string, key: string): Sighting | undefined {
    return this.#kinds.get(kind)?.get(key);
  }

  /** Entries of a kind, whose keys begin with `prefix`. */
  entries(kind: string, prefix = ''): { readonly key: string; readonly sighting: Sighting }[] {
    return [...(this.#kinds.get(kind) ?? [])]
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, sighting]) => ({ key, sighting }));
  }

  /** Forgets what was not seen since `beforeMs`; returns how many entries that were. */
  forgetBefore(beforeMs: number): number {
    let forgotten = 0;
    for (const table of this.#kinds.values())
      for (const [key, { lastMs }] of table) if (lastMs < beforeMs && table.delete(key)) forgotten += 1;
    return forgotten;
  }

  forget(kind: string, key: string): boolean {
    return this.#kinds.get(kind)?.delete(key) ?? false;
  }

  get size(): number {
    return [...this.#kinds.values()].reduce((sum, table) => sum + table.size, 0);
  }

  #kindOf(kind: string): Map<string, { firstMs: number; lastMs: number }> {
    const known = this.#kinds.get(kind) ?? new Map<string, { firstMs: number; lastMs: number }>();
    this.#kinds.set(kind, known);
    return known;
  }

  #makeRoom(table: Map<string, Sighting>, max: number): void {
    const oldest = [...table].sort(([, a], [, b]) => a.lastMs - b.lastMs);
    for (const [key] of oldest.slice(0, Math.ceil(max * MADE_ROOM_SHARE))) {
      table.delete(key);
      this.evicted += 1;
    }
  }
}

/** The key of who used a service. */
export const accessKey = (kind: string, who: string, service: string): string =>
  `${kind}\t${who}\t${service}`;
