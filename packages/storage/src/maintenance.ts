/**
 * What a store does beside taking and answering, one thing at a time and when nobody asks: files past the
 * retention go, small files of hours that are over are merged, and their records are summed up; small files
 * of days that are over are merged again.
 */
import type { Clock, Logger } from '@weir/base';
import type { Lake } from './lake.ts';
import { chooseMerge } from './merge-choice.ts';
import type { TakenFiles } from './parquet-catalogue.ts';
import type { Retention } from './retention.ts';
import { LEVELS, type RollUpLevel } from './roll-up-cube.ts';
import type { RollUpFile } from './roll-up-file.ts';
import { DAY_MS, dayOf, type RollUps } from './roll-ups.ts';
import type { SealedFile } from './sealed-file.ts';
import { formatSegmentId, HOUR_MS } from './segment.ts';
import type { StoreOptions } from './store-options.ts';
import type { StoreCounters } from './store-status.ts';

/** How long after its end the files of an hour are merged: what was on its way has been sealed by then. */
const MERGE_DELAY_MS = 120_000;
/** Turns (of 5 s) that the work leaves to running questions before it goes on beside them. */
const TURNS_LEFT_MAX = 12;

export interface MaintenanceConfig {
  readonly lake: Lake;
  readonly rollUps: RollUps;
  readonly options: StoreOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: StoreCounters;
  /** A number for the name of a new file. */
  readonly nextSequence: () => number;
  /** Resolves when the database has every key of the dimension tables. */
  readonly dimensionsWritten: () => Promise<void>;
  readonly retention: Retention;
  readonly isDiskFull: () => boolean;
  /** Whether questions are being answered, or segments wait to be sealed. */
  readonly isBusy: () => boolean;
}

export class Maintenance {
  readonly #config: MaintenanceConfig;
  #running: Promise<void> | undefined;
  #turnsLeft = 0;
  #stopped = false;

  constructor(config: MaintenanceConfig) {
    this.#config = config;
  }

  /** Begins a turn unless one is under way, or the store has something better to do. */
  tick(): void {
    if (this.#running !== undefined || this.#stopped || this.#shallWait()) return;
    void this.#run(() => this.#turn().catch((error: unknown) => this.#failed(error)));
  }

  /** Merges whatever can be merged now, open hours included. Rejects when a file cannot be written. */
  async compact(): Promise<{ readonly filesMerged: number }> {
    while (this.#running !== undefined) await this.#running.catch(() => {});
    const before = this.#config.counters.filesMerged;
    await this.#run(() => this.#tidy(Number.MAX_SAFE_INTEGER));
    return { filesMerged: this.#config.counters.filesMerged - before };
  }

  /** Resolves when nothing is under way; nothing begins after that. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running?.catch(() => {});
  }

  /** One thing at a time: two that choose the same files would have their records twice. */
  #run(work: () => Promise<void>): Promise<void> {
    this.#running = Promise.resolve()
      .then(work)
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  #shallWait(): boolean {
    if (!this.#config.isBusy() || this.#turnsLeft >= TURNS_LEFT_MAX) {
      this.#turnsLeft = 0;
      return false;
    }
    this.#turnsLeft += 1;
    return true;
  }

  async #turn(): Promise<void> {
    const endedBeforeMs = this.#config.clock.nowMs() - MERGE_DELAY_MS;
    try {
      // Without room, nothing but the retention helps.
      if (!this.#config.isDiskFull()) {
        await this.#tidy(endedBeforeMs);
      }
    } finally {
      await this.#config.retention.apply();
    }
  }

  /** Hours are summed up before their files become those of days: the values kept are by file. */
  async #tidy(endedBeforeMs: number): Promise<void> {
    await this.#mergeAll(HOUR_MS, endedBeforeMs);
    await this.#rollUpAll(endedBeforeMs);
    await this.#mergeAll(DAY_MS, Math.min(endedBeforeMs, this.#config.clock.nowMs()));
  }

  async #rollUpAll(endedBeforeMs: number): Promise<void> {
    if (!this.#config.options.rollUps) return;
    const { lake } = this.#config;
    while (!this.#stopped) {
      const next = this.#nextRollUp(endedBeforeMs);
      if (next.length === 0) break;
      const taken = lake.take((file) => next.includes(file));
      try {
        await this.#rollUp(next);
      } finally {
        taken.release();
      }
    }
    for (const { level } of LEVELS) await this.#mergeDays(level, endedBeforeMs);
  }

  #awaitsRollUp(file: SealedFile, endedBeforeMs: number): boolean {
    if (file.id.hourMs + HOUR_MS > endedBeforeMs) return false;
    return this.#config.rollUps.levelsOf(file).length < LEVELS.length;
  }

  /** Files of one day that miss the same levels: of many small ones as many as are quickly summed up at once. */
  #nextRollUp(endedBeforeMs: number): SealedFile[] {
    const { lake, rollUps, options } = this.#config;
    const chosen: SealedFile[] = [];
    let [key, rows] = ['', 0];
    for (const file of lake.files()) {
      if (!this.#awaitsRollUp(file, endedBeforeMs)) continue;
      const own = `${dayOf(file.id)} ${rollUps.levelsOf(file).join(' ')}`;
      if (chosen.length > 0 && (own !== key || rows + file.rowCount > options.segmentRowsMax)) continue;
      chosen.push(file);
      key = own;
      rows += file.rowCount;
    }
    return chosen;
  }

  async #rollUp(files: readonly SealedFile[]): Promise<void> {
    const { rollUps, counters, nextSequence, dimensionsWritten } = this.#config;
    await dimensionsWritten();
    counters.rollUpsWritten += await rollUps.add(files, nextSequence);
    for (const { rowCount } of files) counters.rowsRolledUp += rowCount;
  }

  /** The files of a level for a day that is over become one: a month is then 30 files to open. */
  async #mergeDays(level: RollUpLevel, endedBeforeMs: number): Promise<void> {
    const { rollUps, nextSequence } = this.#config;
    const days = new Map<string, RollUpFile[]>();
    for (const file of rollUps.catalogue(level).files()) {
      const day = dayOf(file.id);
      // Those of an earlier version have other cubes, and a merged file has the same of all its records.
      const key = `${day} ${Object.keys(file.cubes).sort().join(' ')}`;
      if (day + DAY_MS <= endedBeforeMs) days.set(key, [...(days.get(key) ?? []), file]);
    }
    for (const files of days.values()) {
      if (files.length < 2 || this.#stopped) continue;
      const taken = rollUps.catalogue(level).take((file) => files.includes(file));
      try {
        await rollUps.merge(level, files, nextSequence());
      } finally {
        taken.release();
      }
    }
  }

  async #mergeAll(spanMs: number, endedBeforeMs: number): Promise<void> {
    while (!this.#stopped) {
      const taken = this.#takeMerge(spanMs, endedBeforeMs);
      if (taken === undefined) return;
      try {
        await this.#merge(taken);
      } finally {
        taken.release();
      }
    }
  }

  #takeMerge(spanMs: number, endedBeforeMs: number): TakenFiles<SealedFile> | undefined {
    const { lake, rollUps, options } = this.#config;
    const { segmentRowsMax } = options;
    // What a roll-up has and what none has must not become one file.
    const groupOf = (file: SealedFile) => rollUps.levelsOf(file).join(' ');
    const chosen = chooseMerge(lake.files(), { segmentRowsMax, spanMs, endedBeforeMs, groupOf });
    return chosen === undefined ? undefined : lake.take((file) => chosen.includes(file));
  }

  async #merge({ files }: TakenFiles<SealedFile>): Promise<void> {
    const { lake, counters, nextSequence, logger } = this.#config;
    const merged = await lake.merge(files, nextSequence());
    await lake.catalogue.replace(files, merged);
    counters.filesMerged += files.length;
    counters.rowsMerged += merged.rowCount;
    const facts = { files: files.length, rows: merged.rowCount, into: formatSegmentId(merged.id) };
    logger.debug(facts, 'files of an hour were merged');
  }

  #failed(error: unknown): void {
    this.#config.counters.maintenanceFailures += 1;
    this.#config.logger.error({ error: String(error) }, 'the store could not tidy up; trying again');
  }
}
