/**
 * The owner of a store: the only object, in the only thread, that touches its folder.
 *
 * Life of a record: a batch arrives → it is appended to the log of the open segment of its hour and to that
 * segment's blocks in memory, in one synchronous step, and is visible to queries from then on → the segment
 * is closed (hour over, or large enough) → it is written to Parquet once → its log is deleted. Order on disk:
 * Parquet file durable and renamed, then the log deleted; whoever finds both keeps the file.
 *
 * Why a log and memory instead of a DuckDB table for each open hour: measured on 20 elements a record,
 * appending to tables costs 0.45–0.67 CPU s per million records and the Parquet file has to be written all
 * the same; log and memory together cost 0.1.
 */
import { readdirSync, rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { PlanSource, QueryPlan, QueryResult, ReadExtra, StoreCoverage, TimeRange } from '@weir/analysis';
import { assert, type CancelTimer, type Clock, type Logger, UserError } from '@weir/base';
import {
  type FlowBatch,
  type FlowBatchNote,
  flowBatchOctets,
  isPresent,
  u64AsNumber,
  viewFlowBatch,
} from '@weir/ipfix';
import { ADDRESS_MACROS } from './address-macro.ts';
import { closeEngines, type Engines, openEngines } from './database.ts';
import { DimensionTable, EXPORTERS, EXTRA_LAYOUTS } from './dimension-table.ts';
import { DiskSpace } from './disk-space.ts';
import { readExtraFields } from './extra-fields.ts';
import { BLOCK_ROWS, BlockPool } from './flow-block.ts';
import { SEGMENT_LABELS_MAX } from './label-dictionary.ts';
import { type DimensionTables, Lake } from './lake.ts';
import { Maintenance } from './maintenance.ts';
import { OpenFlows } from './open-flows-function.ts';
import { BatchPacker, type PackedBatch } from './packed-batch.ts';
import { QueryRunner, type SqlOptions, type SqlResult } from './query-runner.ts';
import { Retention } from './retention.ts';
import { RollUps, rollUpDirectories } from './roll-ups.ts';
import { bringToVersion } from './schema-version.ts';
import { formatSegmentId, HOUR_MS, OpenSegment, parseSegmentId, type SegmentId } from './segment.ts';
import { replayLog, SegmentLog } from './segment-log.ts';
import { type CheckReport, checkStore } from './store-check.ts';
import { createDirectories, diskFailure, exchangeDirectoryOf, logDirectoryOf } from './store-directories.ts';
import { type ExchangeConfig, type ExchangeReport, exportRecords, importRecords } from './store-exchange.ts';
import type { StoreOptions } from './store-options.ts';
import {
  newCounters,
  newReport,
  type RepairReport,
  type StoreCounters,
  type StoreStatus,
} from './store-status.ts';
import { clearImpossibleTimes, emptyBounds, mergeBounds } from './time-bounds.ts';

/** How long after its end an hour may still get records that were on their way. */
const HOUR_GRACE_MS = 30_000;
/** What a power failure may cost; a killed process loses nothing that was taken. */
const SYNC_INTERVAL_MS = 1000;
const HOUSEKEEPING_INTERVAL_MS = 5000;
/** Closed segments that wait to be sealed; when there are more, producers wait. 4 × 60 MB. */
const SEALING_QUEUE_MAX = 4;
/** More than a record of 40 columns needs in a Parquet file. */
const SEALED_OCTETS_A_ROW = 60;
/**
 * A segment that is full so soon (65,000 records a second) is sealed as it is, and sorted when its hour is over: sorting
 * doubles the cost of sealing, and the time is needed for receiving.
 */
const FILLED_FAST_MS = 15_000;
/** Hours open at a time; listeners are never so far apart, so an older one is closed. */
const OPEN_HOURS_MAX = 4;

export interface StoreOwnerConfig {
  readonly dataDirectory: string;
  readonly options: StoreOptions;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class StoreOwner {
  readonly #config: StoreOwnerConfig;
  readonly #engines: Engines;
  readonly #dimensions: DimensionTables;
  readonly #lake: Lake;
  readonly #rollUps: RollUps;
  readonly #queries: QueryRunner;
  readonly #openFlows: OpenFlows;
  readonly #pool: BlockPool;
  readonly #packer = new BatchPacker();
  readonly #maintenance: Maintenance;
  readonly #retention: Retention;
  readonly #disk: DiskSpace;
  readonly #logDirectory: string;
  /** Segments that take records, by hour. */
  readonly #open = new Map<number, OpenSegment>();
  /** Closed and not yet sealed, oldest first; the first one is being sealed. */
  readonly #closed: OpenSegment[] = [];
  readonly #timers: CancelTimer[] = [];
  #nextSequence = 1;
  #sealing: Promise<void> | undefined;
  #waiting: (() => void)[] = [];
  /** Rows of each segment that are in memory only, for the disk was full. */
  readonly #unlogged = new Map<OpenSegment, number>();
  #logFailing = false;
  #closing = false;
  readonly counters: StoreCounters = newCounters();
  readonly repair: RepairReport = newReport();

  private constructor(
    config: StoreOwnerConfig,
    engines: Engines,
    dimensions: DimensionTables,
    lake: Lake,
    rollUps: RollUps,
  ) {
    const { database } = engines;
    this.#config = config;
    this.#engines = engines;
    this.#dimensions = dimensions;
    this.#lake = lake;
    this.#rollUps = rollUps;
    this.#logDirectory = logDirectoryOf(config.dataDirectory);
    this.#openFlows = new OpenFlows(database.connection);
    this.#pool = new BlockPool(Math.ceil(config.options.segmentRowsMax / BLOCK_ROWS) + 1);
    this.#disk = new DiskSpace(config.dataDirectory, config.clock, config.logger);
    this.#retention = new Retention({
      lake,
      rollUps,
      options: config.options,
      clock: config.clock,
      logger: config.logger,
      logOctets: () => this.#segments().reduce((sum, { log }) => sum + log.octets, 0),
    });
    this.#maintenance = new Maintenance({
      retention: this.#retention,
      isDiskFull: () => this.#disk.isFull,
      lake,
      rollUps,
      options: config.options,
      clock: config.clock,
      logger: config.logger,
      counters: this.counters,
      nextSequence: () => this.#takeSequence(),
      dimensionsWritten: () => this.#writeDimensions(),
      isBusy: () => this.#closed.length > 0 || this.#queries.runningCount > 0,
    });
    this.#queries = new QueryRunner({
      database,
      lake,
      rollUps,
      openFlows: this.#openFlows,
      openSegments: () => this.#segments(),
      readExtra: this.#readExtra,
      dimensionsWritten: () => this.#writeDimensions(),
      options: config.options,
      counters: this.counters,
    });
  }

  /** Opens a store, or creates one, and mends what a killed process left. Throws a UserError. */
  static async open(config: StoreOwnerConfig): Promise<StoreOwner> {
    const { dataDirectory, options, logger } = config;
    const flowsDirectory = join(dataDirectory, 'flows');
    const fileDirectories = [flowsDirectory, ...rollUpDirectories(dataDirectory)];
    createDirectories(dataDirectory, [...fileDirectories, logDirectoryOf(dataDirectory)]);
    rmSync(exchangeDirectoryOf(dataDirectory), { recursive: true, force: true });
    const engines = await openEngines({
      dataDirectory,
      fileDirectories: [...fileDirectories, exchangeDirectoryOf(dataDirectory)],
      memoryLimitOctets: options.memoryLimitOctets,
      workMemoryOctets: options.workMemoryOctets,
      threads: options.threads,
    });
    const { database } = engines;
    try {
      await bringToVersion(database, dataDirectory);
      for (const statement of ADDRESS_MACROS) await database.run(statement);
      const exporters = await DimensionTable.open(database, EXPORTERS);
      const layouts = await DimensionTable.open(database, EXTRA_LAYOUTS);
      const lake = await Lake.open(flowsDirectory, engines, { exporters, layouts }, logger);
      const rollUps = await RollUps.open(dataDirectory, engines, { exporters, layouts }, logger);
      const owner = new StoreOwner(config, engines, { exporters, layouts }, lake, rollUps);
      await owner.#recover();
      owner.#startTimers();
      return owner;
    } catch (error) {
      closeEngines(engines);
      throw diskFailure(dataDirectory, error) ?? error;
    }
  }

  /**
   * Takes a batch; its rows are visible to the next query. The buffer may be reused when the promise
   * resolves, which is at once unless sealing is far behind.
   */
  async take(buffer: ArrayBuffer, note: FlowBatchNote): Promise<void> {
    if (buffer.byteLength !== flowBatchOctets(note.capacity) || note.rowCount > note.capacity) {
      this.counters.batchesRefused += 1;
      return;
    }
    if (this.#closed.length > SEALING_QUEUE_MAX) {
      this.counters.batchesDelayed += 1;
      while (this.#closed.length > SEALING_QUEUE_MAX) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
    }
    if (note.rowCount > 0) this.#append(viewFlowBatch(buffer, note));
  }

  /** For a batch that `take` could not handle: its rows are lost, which must be seen. */
  logRefused(error: unknown): void {
    this.counters.batchesRefused += 1;
    this.#config.logger.error({ error: String(error) }, 'the store lost a batch');
  }

  query(plan: QueryPlan, signal?: AbortSignal): Promise<QueryResult> {
    return this.#queries.plan(plan, signal);
  }

  sql(text: string, options?: SqlOptions): Promise<SqlResult> {
    return this.#queries.sql(text, options);
  }

  /** Resolves when every batch taken before the call is on the disk. */
  async flush(): Promise<void> {
    await Promise.all([...this.#closed, ...this.#open.values()].map((segment) => segment.log.sync()));
    await this.#writeDimensions();
  }

  estimate(plan: QueryPlan): PlanSource {
    return this.#queries.estimate(plan);
  }

  async #sync(): Promise<void> {
    this.#disk.look();
    if (!this.#disk.isFull) await this.flush();
  }

  coverage(): StoreCoverage {
    return this.#queries.coverage({ fromMs: 0, toMs: Number.MAX_SAFE_INTEGER });
  }

  /** Reads every file of the store. */
  async check(repair: boolean, signal?: AbortSignal): Promise<CheckReport> {
    const connection = await this.#engines.database.connect();
    try {
      const [lake, rollUps, { dataDirectory }] = [this.#lake, this.#rollUps, this.#config];
      const stop = signal === undefined ? {} : { signal };
      return await checkStore({ connection, lake, rollUps, dataDirectory, repair, ...stop });
    } finally {
      connection.disconnectSync();
    }
  }

  /** Seals everything and writes what ended in the range into a folder. */
  async exportRecords(range: TimeRange, target: string): Promise<ExchangeReport> {
    await this.sealAll();
    return exportRecords(this.#exchange(), range, target);
  }

  importRecords(paths: readonly string[]): Promise<ExchangeReport> {
    return importRecords(this.#exchange(), paths);
  }

  #exchange(): ExchangeConfig {
    return {
      database: this.#engines.database,
      lake: this.#lake,
      dimensions: this.#dimensions,
      exchangeDirectory: exchangeDirectoryOf(this.#config.dataDirectory),
      nextSequence: () => this.#takeSequence(),
    };
  }

  /** Merges small files now, those of open hours included. */
  compact(): Promise<{ readonly filesMerged: number }> {
    return this.#maintenance.compact();
  }

  /** Closes every open segment and waits until all are Parquet files. */
  async sealAll(): Promise<void> {
    for (const hourMs of [...this.#open.keys()]) this.#closeSegment(hourMs);
    while (this.#closed.length > 0 || this.#sealing !== undefined) {
      const { segmentsSealed } = this.counters;
      this.#startSealing();
      await this.#sealing;
      if (this.#closed.length > 0 && this.counters.segmentsSealed === segmentsSealed) {
        throw new UserError('store_seal', 'a segment could not be written to Parquet; the log says why');
      }
    }
  }

  status(): StoreStatus {
    const bounds = emptyBounds();
    const { exporters, layouts } = this.#dimensions;
    let [rowCount, openRowCount, octets, fileCount] = [0, 0, 0, 0];
    for (const file of this.#lake.files()) {
      rowCount += file.rowCount;
      octets += file.octets;
      fileCount += 1;
      mergeBounds(bounds, file.bounds);
    }
    const segments = [...this.#closed, ...this.#open.values()];
    for (const segment of segments) {
      openRowCount += segment.rowCount;
      octets += segment.log.octets;
      mergeBounds(bounds, segment.bounds);
    }
    const disk = this.#disk.status();
    const hours = new Set(segments.map(({ id }) => new Date(id.hourMs).toISOString()));
    this.counters.keysRefused = exporters.refusedCount + layouts.refusedCount;
    this.counters.filesExpired = this.#lake.catalogue.counters.filesExpired;
    return {
      dataDirectory: this.#config.dataDirectory,
      rowCount: rowCount + openRowCount,
      openRowCount,
      openHours: [...hours].sort(),
      fileCount,
      octetsOnDisk: octets,
      retention: this.#retention.status(),
      ...(disk === undefined ? {} : { disk }),
      ...(rowCount + openRowCount > 0 ? oldestAndNewest(bounds) : {}),
      exporterCount: [...exporters.entries()].length,
      counters: { ...this.counters },
      repair: { ...this.repair },
    };
  }

  /**
   * Makes everything durable and lets go of the folder. Open segments stay in their logs. Throws the UserError
   * `store_records_lost` when a full disk took neither the log nor the Parquet file of some records.
   */
  async close(): Promise<void> {
    this.#closing = true;
    for (const cancel of this.#timers) cancel();
    await this.#maintenance.stop();
    await this.#sealing;
    await this.#queries.close();
    const lost = await this.#sealUnlogged();
    try {
      if (!this.#disk.isFull) await this.flush();
      for (const segment of [...this.#closed, ...this.#open.values()]) await segment.log.close();
    } finally {
      closeEngines(this.#engines);
    }
    if (lost === 0) return;
    const message = `${lost} records are lost: ${this.#config.dataDirectory} could not be written to`;
    throw new UserError('store_records_lost', message);
  }

  /** A Parquet file is a fifth of a log: tries that for what the log did not take. Gives the records lost. */
  async #sealUnlogged(): Promise<number> {
    for (const segment of this.#unlogged.keys()) {
      if (this.#open.get(segment.id.hourMs) === segment) this.#closeSegment(segment.id.hourMs);
    }
    if (this.#unlogged.size > 0) {
      this.#startSealing();
      await this.#sealing;
    }
    return [...this.#unlogged.values()].reduce((sum, rows) => sum + rows, 0);
  }

  /** Everything that is in memory. */
  #segments(): OpenSegment[] {
    return [...this.#closed, ...this.#open.values()];
  }

  async #writeDimensions(): Promise<void> {
    await this.#dimensions.exporters.written();
    await this.#dimensions.layouts.written();
  }

  #append(batch: FlowBatch): void {
    const packed = this.#pack(batch);
    const segment = this.#segmentFor(hourOf(batch, this.#config.clock));
    this.#writeLog(segment, packed);
    segment.append(packed, this.#keysOf(batch));
    this.counters.batchesTaken += 1;
    this.counters.rowsTaken += batch.rowCount;
    if (
      segment.rowCount >= this.#config.options.segmentRowsMax ||
      segment.labels.size >= SEGMENT_LABELS_MAX
    ) {
      this.#closeSegment(segment.id.hourMs);
    }
  }

  #pack(batch: FlowBatch): PackedBatch {
    const packed = this.#packer.pack(batch);
    const cleared = clearImpossibleTimes(packed);
    if (cleared === 0) return packed;
    this.counters.timesCleared += cleared;
    return this.#packer.pack(batch);
  }

  #keysOf(batch: FlowBatch) {
    const { exporters, layouts } = this.#dimensions;
    return {
      exporterIds: batch.exporters.map((exporter) => exporters.keyOf(exporter)),
      layoutIds: batch.layouts.map((layout) => layouts.keyOf(layout)),
    };
  }

  /** A full disk must not stop what can still be done: the rows stay in memory, and it is said once. */
  #writeLog(segment: OpenSegment, packed: PackedBatch): void {
    const before = segment.log.octets;
    try {
      if (this.#disk.isFull) throw new Error('the disk is full');
      segment.log.append(packed);
      this.counters.logOctetsWritten += segment.log.octets - before;
      if (this.#logFailing)
        this.#config.logger.info(
          'the store can write its log again; what it missed is in memory until it is sealed',
        );
      this.#logFailing = false;
    } catch (error) {
      this.counters.logWriteFailures += 1;
      this.#unlogged.set(segment, (this.#unlogged.get(segment) ?? 0) + packed.batch.rowCount);
      if (!this.#logFailing) {
        this.#config.logger.error(
          { path: segment.log.path, error: String(error) },
          'the store cannot write its log',
        );
      }
      this.#logFailing = true;
    }
  }

  #segmentFor(hourMs: number): OpenSegment {
    const known = this.#open.get(hourMs);
    if (known !== undefined) return known;
    if (this.#open.size >= OPEN_HOURS_MAX) this.#closeSegment(Math.min(...this.#open.keys()));
    const id: SegmentId = { hourMs, sequence: this.#takeSequence() };
    const segment = new OpenSegment(id, new SegmentLog(this.#logPath(id)), this.#pool);
    segment.openedMs = this.#config.clock.monotonicMs();
    this.#open.set(hourMs, segment);
    return segment;
  }

  #takeSequence(): number {
    this.#nextSequence += 1;
    return this.#nextSequence - 1;
  }

  #logPath(id: SegmentId): string {
    return join(this.#logDirectory, `${formatSegmentId(id)}.log`);
  }

  #closeSegment(hourMs: number): void {
    const segment = this.#open.get(hourMs);
    if (segment === undefined) return;
    this.#open.delete(hourMs);
    const isFull = segment.rowCount >= this.#config.options.segmentRowsMax;
    segment.filledFast = isFull && this.#config.clock.monotonicMs() - segment.openedMs < FILLED_FAST_MS;
    this.#closed.push(segment);
    this.#startSealing();
  }

  /** Seals closed segments one after the other; after a failure the next housekeeping tries again. */
  #startSealing(): void {
    this.#sealing ??= this.#sealUntilEmpty().finally(() => {
      this.#sealing = undefined;
    });
  }

  async #sealUntilEmpty(): Promise<void> {
    while (this.#closed.length > 0) {
      const before = this.counters.sealFailures;
      const octets = (this.#closed[0]?.rowCount ?? 0) * SEALED_OCTETS_A_ROW;
      if (!this.#closing && !this.#disk.hasRoomFor(octets)) return;
      await this.#sealFirst();
      if (this.counters.sealFailures > before) return;
    }
  }

  async #sealFirst(): Promise<void> {
    const segment = this.#closed[0];
    assert(segment !== undefined, 'there is a segment to seal');
    const snapshot = this.#openFlows.take(segment);
    try {
      await this.#writeDimensions();
      const hurried = segment.filledFast || this.#closed.length > 1;
      const file = await this.#lake.seal(segment, snapshot.sql, !hurried);
      this.#lake.add(file);
      this.#closed.shift();
    } catch (error) {
      this.counters.sealFailures += 1;
      const facts = { segment: formatSegmentId(segment.id), error: String(error) };
      this.#config.logger.error(facts, 'a segment could not be written to Parquet; trying again');
      return;
    } finally {
      snapshot.release();
    }
    segment.markSealed();
    this.#unlogged.delete(segment);
    this.counters.segmentsSealed += 1;
    this.counters.rowsSealed += segment.rowCount;
    await segment.log.remove();
    for (const resume of this.#waiting.splice(0)) resume();
  }

  #startTimers(): void {
    const { clock, logger } = this.#config;
    const guarded = (work: () => Promise<void>) => () => {
      work().catch((error: unknown) =>
        logger.error({ error: String(error) }, 'housekeeping of the store failed'),
      );
    };
    this.#timers.push(
      clock.every(
        SYNC_INTERVAL_MS,
        guarded(() => this.#sync()),
      ),
      clock.every(
        HOUSEKEEPING_INTERVAL_MS,
        guarded(() => this.#keepHouse()),
      ),
    );
  }

  async #keepHouse(): Promise<void> {
    const nowMs = this.#config.clock.nowMs();
    for (const hourMs of [...this.#open.keys()]) {
      if (hourMs + HOUR_MS + HOUR_GRACE_MS <= nowMs) this.#closeSegment(hourMs);
    }
    if (this.#closed.length > 0) this.#startSealing();
    this.#maintenance.tick();
  }

  /** Reads back the logs that the process before left. */
  async #recover(): Promise<void> {
    for (const { id } of [...this.#lake.files(), ...this.#rollUps.files()])
      this.#nextSequence = Math.max(this.#nextSequence, id.sequence + 1);
    for (const name of readdirSync(this.#logDirectory).sort()) {
      const id = parseSegmentId(name.replace(/\.log$/, ''));
      if (id === undefined) continue;
      this.#nextSequence = Math.max(this.#nextSequence, id.sequence + 1);
      if (this.#lake.has(id)) {
        unlinkSync(join(this.#logDirectory, name));
        this.repair.logsRemoved += 1;
      } else this.#replay(id);
    }
    const { filesExpired: _, ...found } = this.#lake.catalogue.counters;
    Object.assign(this.repair, found);
    const { filesAdopted: ___, segmentsReplayed: ____, ...mended } = this.repair;
    if (Object.values(mended).some((count) => count > 0)) {
      this.#config.logger.info(
        { ...this.repair },
        'the store was opened and what was left open was read back',
      );
    }
    await this.flush();
  }

  #replay(id: SegmentId): void {
    const path = this.#logPath(id);
    const batches: FlowBatch[] = [];
    const { good, torn } = replayLog(path, (batch) => batches.push(batch));
    this.repair.tornOctets += torn;
    if (batches.length === 0) {
      unlinkSync(path);
      this.repair.logsRemoved += 1;
      return;
    }
    const segment = new OpenSegment(id, new SegmentLog(path, good), this.#pool);
    for (const batch of batches) segment.append(this.#pack(batch), this.#keysOf(batch));
    this.repair.rowsReplayed += segment.rowCount;
    this.repair.segmentsReplayed += 1;
    if (this.#open.has(id.hourMs)) this.#closeSegment(id.hourMs);
    this.#open.set(id.hourMs, segment);
  }

  readonly #readExtra: ReadExtra = (layoutId, octets) => {
    const layout = this.#dimensions.layouts.valueOf(layoutId);
    return layout === undefined ? {} : readExtraFields(layout, octets);
  };
}

/** The hour in which a batch arrived: of its first record, or now. */
function hourOf(batch: FlowBatch, clock: Clock): number {
  const known = isPresent(batch, 'receivedAt', 0);
  const receivedMs = known ? u64AsNumber(batch.columns.receivedAt, 0) : clock.nowMs();
  return Math.floor(receivedMs / HOUR_MS) * HOUR_MS;
}

function oldestAndNewest({ endMinMs, endMaxMs }: { endMinMs: number; endMaxMs: number }) {
  const text = (milliseconds: number) => {
    const date = new Date(milliseconds);
    return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
  };
  const [oldest, newest] = [text(endMinMs), text(endMaxMs)];
  return { ...(oldest === undefined ? {} : { oldest }), ...(newest === undefined ? {} : { newest }) };
}
