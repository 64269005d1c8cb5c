/**
 * What goes, and when: records, minutes and hours by age, each by its own; and when the store has more octets
 * than it may, the oldest records first, then the oldest minutes, then the oldest hours. What will go within a
 * day is told before.
 */
import type { Clock, Logger } from '@weir/base';
import type { Lake } from './lake.ts';
import { DAY_MS, dayOf, type RollUps } from './roll-ups.ts';
import { HOUR_MS, type SegmentId } from './segment.ts';
import type { StoreOptions } from './store-options.ts';

export type RetainedPart = 'records' | '1m' | '1h';

export interface RetentionStatus {
  /** Of files and logs. */
  readonly octets: number;
  readonly octetsMax?: number;
  /** By what arrived in the last day. */
  readonly octetsPerDay: number;
  /** What goes next: everything of the part that arrived before `before`, about at `at` (ISO 8601). */
  readonly next?: {
    readonly part: RetainedPart;
    readonly before: string;
    readonly at: string;
    readonly because: 'age' | 'octets';
  };
}

export interface RetentionConfig {
  readonly lake: Lake;
  readonly rollUps: RollUps;
  readonly options: StoreOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly logOctets: () => number;
}

interface Part {
  readonly part: RetainedPart;
  /** How long it is kept; undefined: for ever. */
  readonly ageMs: number | undefined;
  readonly files: () => Iterable<{ readonly octets: number; readonly endMs: number }>;
  /** Deletes what has arrived until then. */
  expire(untilMs: number): Promise<number>;
}

export class Retention {
  readonly #config: RetentionConfig;
  readonly #parts: readonly Part[];
  /** What was told to go, by part. */
  readonly #told = new Map<RetainedPart, string>();

  constructor(config: RetentionConfig) {
    this.#config = config;
    const { lake, rollUps, options } = config;
    const rollUp = (level: '1m' | '1h', ageMs: number | undefined): Part => ({
      part: level,
      ageMs,
      files: () =>
        [...rollUps.catalogue(level).files()].map((file) => ({ ...file, endMs: endOfDay(file.id) })),
      expire: async (untilMs) =>
        (await rollUps.catalogue(level).expire(({ id }) => endOfDay(id) <= untilMs)).length,
    });
    this.#parts = [
      {
        part: 'records',
        ageMs: options.retentionMs,
        files: () => lake.files(),
        expire: async (untilMs) => (await lake.catalogue.expire(({ endMs }) => endMs <= untilMs)).length,
      },
      rollUp('1m', options.retentionMinutesMs),
      rollUp('1h', options.retentionHoursMs),
    ];
  }

  /** Deletes what is too old and what is too much. */
  async apply(): Promise<void> {
    const nowMs = this.#config.clock.nowMs();
    for (const part of this.#parts) {
      if (part.ageMs !== undefined) await this.#expire(part, 'age', nowMs - part.ageMs);
    }
    await this.#expireOctets(nowMs);
    this.#tell();
  }

  status(): RetentionStatus {
    const { octetsMax } = this.#config.options;
    const octets = this.#octets();
    const octetsPerDay = this.#octetsPerDay();
    const next = [this.#nextByAge(), this.#nextByOctets(octets, octetsPerDay)]
      .filter((each) => each !== undefined)
      .sort((a, b) => a.atMs - b.atMs)[0];
    return {
      octets,
      octetsPerDay,
      ...(octetsMax === undefined ? {} : { octetsMax }),
      ...(next === undefined ? {} : { next: shown(next) }),
    };
  }

  async #expireOctets(nowMs: number): Promise<void> {
    const { octetsMax } = this.#config.options;
    if (octetsMax === undefined) return;
    for (const part of this.#parts) {
      while (this.#octets() > octetsMax) {
        const oldestMs = oldestEnd(part);
        if (oldestMs === undefined || oldestMs > nowMs) break;
        await this.#expire(part, 'octets', oldestMs);
      }
    }
  }

  async #expire(part: Part, because: 'age' | 'octets', untilMs: number): Promise<void> {
    const files = await part.expire(untilMs);
    if (files === 0) return;
    const { retentionMs, octetsMax } = this.#config.options;
    const facts = {
      part: part.part,
      files,
      because,
      ...(because === 'age' ? { retentionMs } : { octetsMax }),
    };
    this.#config.logger.info(facts, 'files past the retention were deleted');
  }

  /** Says once what will go within a day. */
  #tell(): void {
    const { next } = this.status();
    if (next === undefined || Date.parse(next.at) > this.#config.clock.nowMs() + DAY_MS) return;
    const day = next.before.slice(0, 10);
    if (this.#told.get(next.part) === day) return;
    this.#told.set(next.part, day);
    this.#config.logger.info({ ...next }, 'within a day the retention deletes what is older');
  }

  #octets(): number {
    let octets = this.#config.logOctets();
    for (const { files } of this.#parts) for (const file of files()) octets += file.octets;
    return octets;
  }

  #octetsPerDay(): number {
    const nowMs = this.#config.clock.nowMs();
    let [octets, oldestMs] = [0, nowMs];
    for (const { id, octets: size } of this.#config.lake.files()) {
      if (id.hourMs < nowMs - DAY_MS || id.hourMs > nowMs) continue;
      octets += size;
      oldestMs = Math.min(oldestMs, id.hourMs);
    }
    return Math.round((octets / Math.max(HOUR_MS, nowMs - oldestMs)) * DAY_MS);
  }

  #nextByAge(): Coming | undefined {
    const coming = this.#parts.flatMap((part) => {
      const oldestMs = oldestEnd(part);
      if (part.ageMs === undefined || oldestMs === undefined) return [];
      return [{ part: part.part, beforeMs: oldestMs, atMs: oldestMs + part.ageMs, because: 'age' as const }];
    });
    return coming.sort((a, b) => a.atMs - b.atMs)[0];
  }

  #nextByOctets(octets: number, octetsPerDay: number): Coming | undefined {
    const { octetsMax } = this.#config.options;
    if (octetsMax === undefined || octetsPerDay === 0) return undefined;
    for (const part of this.#parts) {
      const beforeMs = oldestEnd(part);
      if (beforeMs === undefined) continue;
      const atMs = this.#config.clock.nowMs() + (Math.max(0, octetsMax - octets) / octetsPerDay) * DAY_MS;
      return { part: part.part, beforeMs, atMs, because: 'octets' };
    }
    return undefined;
  }
}

interface Coming {
  readonly part: RetainedPart;
  readonly beforeMs: number;
  readonly atMs: number;
  readonly because: 'age' | 'octets';
}

function endOfDay(id: SegmentId): number {
  return dayOf(id) + DAY_MS;
}

function oldestEnd(part: Part): number | undefined {
  let oldestMs: number | undefined;
  for (const { endMs } of part.files()) oldestMs = Math.min(oldestMs ?? endMs, endMs);
  return oldestMs;
}

/** The year 3000: a store that grows so slowly needs no date. */
const FAR_MS = 32_503_680_000_000;

function shown({ part, beforeMs, atMs, because }: Coming): NonNullable<RetentionStatus['next']> {
  const text = (ms: number) => new Date(Math.min(Math.round(ms), FAR_MS)).toISOString();
  return { part, before: text(beforeMs), at: text(atMs), because };
}
