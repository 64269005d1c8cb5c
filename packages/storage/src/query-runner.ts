/**
 * Queries: each on a connection of its own, natively off this thread, over a snapshot of what the store holds
 * when it begins. A query ends by its answer, its failure, its caller's signal or the time limit.
 */
import { type DuckDBConnection, StatementType } from '@duckdb/node-api';
import {
  type AnswerRow,
  choosePlanSource,
  nextCursorOf,
  type PlanSource,
  plainValue,
  planNotes,
  type QueryPlan,
  type QueryResult,
  type ReadExtra,
  type RecordsPlan,
  type RenderedPlan,
  type RenderOptions,
  rangeRead,
  renderRecordEnds,
  renderSql,
  renderTimeRange,
  type StoreCoverage,
  shapeRows,
  type TimeRange,
} from '@weir/analysis';
import { ensure, UserError } from '@weir/base';
import type { InformationElement } from '@weir/ipfix';
import { Admission } from './admission.ts';
import { type Database, type EngineRows, readRows } from './database.ts';
import { type ExtraKind, extraColumnOf } from './extra-column.ts';
import { type AskedColumn, flowsRelation, flowsView, type TimeRestriction } from './flows-relation.ts';
import type { Lake } from './lake.ts';
import { newestRecords } from './newest-records.ts';
import type { OpenFlows } from './open-flows-function.ts';
import { LEVELS, rollUpCube } from './roll-up-cube.ts';
import { rollUpRelation } from './roll-up-relation.ts';
import { hasCube, type RollUps } from './roll-ups.ts';
import type { OpenSegment } from './segment.ts';
import type { StoreOptions } from './store-options.ts';
import type { StoreCounters } from './store-status.ts';
import { emptyBounds, mergeBounds, type TimeBounds } from './time-bounds.ts';

/**
 * Each running query holds one of the 4 threads of libuv's pool, and sealing and syncing need theirs: a
 * store that cannot seal stops collecting.
 */
const QUERIES_RUNNING_MAX = 2;
/** An interrupt that falls between two statements, or before the first one runs, is forgotten. */
const INTERRUPT_INTERVAL_MS = 20;
/** Elements that a list of records, and the view for people, show as columns. */
const SOURCE_EXTRAS_MAX = 500;
/** A console asks some 10 questions at a time. */
const QUERIES_WAITING_MAX = 100;

export interface SqlOptions {
  /** Aborting it stops the query inside the engine. */
  readonly signal?: AbortSignal;
  /** Only records that ended in it are in `flows`, and only their files are opened. */
  readonly range?: TimeRange;
}

/** The answer to SQL that a person wrote. */
export interface SqlResult {
  readonly columns: readonly string[];
  readonly rows: readonly AnswerRow[];
  /** Whether there were more rows than the limit lets through. */
  readonly truncated: boolean;
  readonly elapsedMs: number;
}

export interface QueryRunnerConfig {
  readonly database: Database;
  readonly lake: Lake;
  readonly rollUps: RollUps;
  readonly openFlows: OpenFlows;
  readonly openSegments: () => readonly OpenSegment[];
  readonly readExtra: ReadExtra;
  /** Resolves when SQL sees every row of the dimension tables. */
  readonly dimensionsWritten: () => Promise<void>;
  readonly options: StoreOptions;
  readonly counters: StoreCounters;
}

export class QueryRunner {
  readonly #config: QueryRunnerConfig;
  readonly #running = new Set<AbortController>();
  readonly #finished: Set<Promise<unknown>> = new Set();
  readonly #admission = new Admission(QUERIES_RUNNING_MAX, QUERIES_WAITING_MAX);
  #closed = false;

  constructor(config: QueryRunnerConfig) {
    this.#config = config;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  async plan(plan: QueryPlan, signal?: AbortSignal): Promise<QueryResult> {
    const startMs = performance.now();
    return this.#track(signal, async (stop) => {
      const chosen = this.estimate(plan);
      const narrowed = plan.kind === 'records' ? await this.#narrowed(plan, stop) : plan;
      const source =
        chosen.source === 'raw' ? this.#recordsSource(narrowed) : this.#rolledSource(plan, chosen);
      try {
        const { sql, columns } = source.render(narrowed);
        const answer = await this.#answer(stop, (connection) =>
          readRows(connection, sql, Number.MAX_SAFE_INTEGER),
        );
        const rows = shapeRows(columns, answer.rows, this.#config.readExtra);
        const nextCursor = nextCursorOf(plan, rows);
        const shown = columns
          .filter(({ kind }) => kind !== 'layout' && kind !== 'extraField')
          .map(({ name, kind }) => ({ name, kind }));
        const elapsedMs = performance.now() - startMs;
        return {
          columns: shown,
          rows,
          elapsedMs,
          notes: planNotes(plan),
          source: chosen,
          ...(nextCursor === undefined ? {} : { nextCursor }),
        };
      } finally {
        source.release();
      }
    });
  }

  estimate(plan: QueryPlan): PlanSource {
    return choosePlanSource(plan, this.coverage(rangeRead(plan)));
  }

  /** What the store has of a time range, for whoever chooses where to answer from. */
  coverage(range: TimeRange): StoreCoverage {
    const { lake, rollUps, openSegments } = this.#config;
    const bounds = emptyBounds();
    let [rows, octets, uncovered, files] = [0, 0, 0, 0];
    for (const file of lake.files()) {
      mergeBounds(bounds, file.bounds);
      rows += file.rowCount;
      octets += file.octets;
      files += 1;
      if (!rollUps.covers('1h', file)) uncovered += file.rowCount;
    }
    for (const segment of openSegments()) {
      mergeBounds(bounds, segment.bounds);
      rows += segment.rowCount;
      octets += segment.log.octets;
      uncovered += segment.rowCount;
    }
    if (rows === 0) return { raw: undefined, rollups: rollUps.coverage(range) };
    const raw = { fromMs: bounds.endMinMs, toMs: bounds.endMaxMs + 1, rows, octets, files };
    // A roll-up begins with a whole step; it reaches further back than records only when some of its own are gone.
    const isCut = [...rollUps.files()].some(
      ({ fromMs, covers }) => fromMs < raw.fromMs && covers.some((name) => !lake.catalogue.has(name)),
    );
    const rollups = rollUps.coverage(range).map((rollUp) => ({
      ...rollUp,
      fromMs: isCut ? Math.min(rollUp.fromMs, raw.fromMs) : raw.fromMs,
      toMs: Math.max(rollUp.toMs, raw.toMs),
      rows: rollUp.rows + uncovered,
    }));
    return { raw, rollups };
  }

  /** A plan for records with the time range that these are in. */
  #narrowed(plan: RecordsPlan, stop: AbortSignal): Promise<RecordsPlan> {
    const { raw } = this.coverage(plan.timeRange);
    const newestMs = raw === undefined ? plan.timeRange.toMs : raw.toMs - 1;
    const { cursor: _, ...first } = plan;
    return newestRecords(plan, newestMs, async (timeRange, limit) => {
      const ends: RecordsPlan = { ...first, timeRange, limit };
      const source = this.#flowsSource(ends);
      try {
        const { sql } = renderOver((options) => renderRecordEnds(ends, options), source, []);
        const { rows } = await this.#answer(stop, (connection) => readRows(connection, sql, limit));
        return rows.map(([endMs]) => Number(endMs));
      } finally {
        source.release();
      }
    });
  }

  #recordsSource(plan: QueryPlan): PlanSourceHeld {
    const source = this.#recordsOf(plan);
    return {
      render: (asked) => {
        const shown = asked.kind === 'records' ? source.extraColumns : [];
        return renderOver((options) => renderSql(asked, options), source, shown);
      },
      release: source.release,
    };
  }

  /** The records that ended in a time range. */
  #sourceWithin(range: TimeRange): FlowsSource {
    return this.#recordsOf({ kind: 'records', timeRange: range, limit: 1 });
  }

  #recordsOf(plan: QueryPlan): FlowsSource {
    return this.#source((bounds) => concerns(plan, bounds), {
      condition: renderTimeRange(plan),
      holdsFor: (bounds) => isInside(plan, bounds),
    });
  }

  /** The records of a plan's time range. */
  #flowsSource(plan: QueryPlan): FlowsSource {
    return this.#source((bounds) => concerns(plan, bounds), {
      condition: renderTimeRange(plan),
      holdsFor: (bounds) => isInside(plan, bounds),
    });
  }

  /** The files of a roll-up, and the records that it does not have. */
  #rolledSource(plan: QueryPlan, { level: levelName, cube: cubeName = '' }: PlanSource): PlanSourceHeld {
    const cube = ensure(rollUpCube(cubeName), 'the planner chooses a cube that there is');
    const { level, stepMs } = ensure(
      LEVELS.find((each) => each.level === levelName),
      'the planner chooses a level that there is',
    );
    const { lake, rollUps, openFlows, openSegments } = this.#config;
    const range = rangeRead(plan);
    const within = (bounds: Readonly<TimeBounds>) =>
      bounds.endMaxMs >= range.fromMs && bounds.endMinMs < range.toMs;
    const rolled = rollUps
      .catalogue(level)
      .take((file) => file.fromMs < range.toMs && file.toMs > range.fromMs && hasCube(file, cube.name));
    const records = lake.take((file) => within(file.bounds));
    const open = openSegments()
      .filter((segment) => within(segment.bounds))
      .map((segment) => openFlows.take(segment));
    const present = new Set([...lake.files()].flatMap(({ lineage }) => lineage));
    const hasRecords = (stepFromMs: number) =>
      rolled.files.every(
        ({ fromMs, toMs, covers }) =>
          fromMs >= stepFromMs + stepMs || toMs <= stepFromMs || covers.every((name) => present.has(name)),
      );
    const relation = rollUpRelation({
      cube,
      level,
      range,
      rolled: rolled.files,
      covered: records.files.filter((file) => rollUps.covers(level, file, cube.name)),
      uncovered: records.files.filter((file) => !rollUps.covers(level, file, cube.name)),
      open,
      hasRecords,
    });
    return {
      render: (asked) => renderSql(asked, { relation, rollup: { stepMs } }),
      release: () => {
        rolled.release();
        records.release();
        for (const snapshot of open) snapshot.release();
      },
    };
  }

  /** Runs one SELECT of a person, over the view `flows` and the dimension tables. */
  async sql(text: string, { signal, range }: SqlOptions = {}): Promise<SqlResult> {
    const startMs = performance.now();
    return this.#track(signal, async (stop) => {
      const source = range === undefined ? this.#source(() => true) : this.#sourceWithin(range);
      try {
        const answer = await this.#answer(stop, async (connection) => {
          await connection.run(
            `CREATE TEMP VIEW flows AS ${flowsView(source.relation(source.extraColumns))}`,
          );
          await checkStatement(connection, text);
          return readRows(connection, text, this.#config.options.sqlRowsMax);
        });
        return { ...sqlAnswer(answer), elapsedMs: performance.now() - startMs };
      } finally {
        source.release();
      }
    });
  }

  /** Stops what runs and waits for it. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const controller of this.#running)
      controller.abort(new UserError('store_closed', 'the store is closing'));
    await Promise.allSettled(this.#finished);
  }

  /** Counts a query and lets it be stopped by its caller, the time limit and `close`. */
  async #track<Result>(
    signal: AbortSignal | undefined,
    work: (stop: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    if (this.#closed) throw new UserError('store_closed', 'the store is closed');
    const { counters } = this.#config;
    const controller = new AbortController();
    const forward = () => controller.abort(signal?.reason);
    if (signal?.aborted) forward();
    signal?.addEventListener('abort', forward, { once: true });
    this.#running.add(controller);
    const result = this.#admitted(controller, work);
    this.#finished.add(result);
    try {
      const answer = await result;
      counters.queriesAnswered += 1;
      return answer;
    } catch (error) {
      if (controller.signal.aborted) counters.queriesCancelled += 1;
      else counters.queriesFailed += 1;
      throw controller.signal.aborted ? abortError(controller.signal.reason) : error;
    } finally {
      signal?.removeEventListener('abort', forward);
      this.#running.delete(controller);
      this.#finished.delete(result);
    }
  }

  /** Waits for its turn; the time limit counts from then. */
  async #admitted<Result>(
    controller: AbortController,
    work: (stop: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    if (!(await this.#admission.enter(controller.signal))) {
      throw new UserError('query_busy', `query: ${QUERIES_WAITING_MAX} questions wait already; try again`);
    }
    const { queryTimeoutMs } = this.#config.options;
    const timer = setTimeout(() => controller.abort(timeoutError(queryTimeoutMs)), queryTimeoutMs);
    try {
      return await work(controller.signal);
    } finally {
      clearTimeout(timer);
      this.#admission.leave();
    }
  }

  #source(wanted: (bounds: Readonly<TimeBounds>) => boolean, restriction?: TimeRestriction): FlowsSource {
    const taken = this.#config.lake.take((file) => wanted(file.bounds));
    const open = this.#config.openSegments().filter((segment) => wanted(segment.bounds));
    const snapshots = open.map((segment) => this.#config.openFlows.take(segment));
    return {
      relation: (asked) => flowsRelation(taken.files, snapshots, restriction, asked),
      extraColumns: extraColumnsOfAll([...taken.files, ...snapshots]),
      release: () => {
        taken.release();
        for (const snapshot of snapshots) snapshot.release();
      },
    };
  }

  async #answer(
    stop: AbortSignal,
    work: (connection: DuckDBConnection) => Promise<EngineRows>,
  ): Promise<EngineRows> {
    const connection = await this.#config.database.connect();
    let repeated: NodeJS.Timeout | undefined;
    const interrupt = () => {
      connection.interrupt();
      repeated ??= setInterval(() => connection.interrupt(), INTERRUPT_INTERVAL_MS);
    };
    stop.addEventListener('abort', interrupt, { once: true });
    try {
      await this.#config.dimensionsWritten();
      stop.throwIfAborted();
      return await work(connection);
    } catch (error) {
      throw engineError(error);
    } finally {
      stop.removeEventListener('abort', interrupt);
      clearInterval(repeated);
      connection.disconnectSync();
    }
  }
}

/** What a plan is answered from: pinned until `release`. */
interface PlanSourceHeld {
  render(plan: QueryPlan): RenderedPlan;
  release(): void;
}

/** What a question reads: pinned until `release`. */
interface FlowsSource {
  /** Elements that any of its records may have, at most SOURCE_EXTRAS_MAX. */
  readonly extraColumns: readonly AskedColumn[];
  /** The SQL of the relation with these columns beside the stored ones. */
  relation(asked: readonly AskedColumn[]): string;
  release(): void;
}

function extraColumnsOfAll(
  parts: readonly { readonly extraColumns: readonly AskedColumn[] }[],
): AskedColumn[] {
  const columns = new Map<string, AskedColumn>();
  for (const { extraColumns } of parts) {
    for (const { name, sqlType } of extraColumns) columns.set(name, { name, sqlType });
  }
  return [...columns.values()].slice(0, SOURCE_EXTRAS_MAX);
}

type Render = (options: RenderOptions) => RenderedPlan;

/** Rendered twice: the first time tells which elements the plan asks for, which become columns of the relation. */
function renderOver(render: Render, { extraColumns, relation }: FlowsSource, shown: readonly AskedColumn[]) {
  const known = new Map(extraColumns.map((column) => [column.name, column]));
  const asked = new Set(shown);
  const elementSql = ({ enterpriseNumber, elementId }: InformationElement) => {
    const { name, kind } = extraColumnOf(enterpriseNumber, elementId);
    const column = known.get(name);
    if (column === undefined) return undefined;
    asked.add(column);
    return elementExpression(name, kind);
  };
  render({ elementSql });
  return render({
    relation: relation([...asked]),
    timeRangeApplied: true,
    elementSql,
    ...(shown.length === 0 ? {} : { extraColumns: shown.map(({ name }) => name) }),
  });
}

/** Times as epoch milliseconds; booleans as RFC 7011 section 6.1.5 numbers them. */
function elementExpression(name: string, kind: ExtraKind): string {
  switch (kind) {
    case 'seconds':
    case 'milliseconds':
    case 'ntp':
      return `epoch_ms("${name}")`;
    case 'boolean':
      return `CASE "${name}" WHEN true THEN 1 WHEN false THEN 2 END`;
    default:
      return `"${name}"`;
  }
}

/** Whether a segment can hold rows that count for a plan. */
function concerns(plan: QueryPlan, bounds: Readonly<TimeBounds>): boolean {
  const { fromMs, toMs, overlapping } = rangeRead(plan);
  const firstMs = overlapping ? bounds.startMinMs : bounds.endMinMs;
  return bounds.endMaxMs >= fromMs && firstMs < toMs;
}

/** Whether all rows of a segment are in the time range that a plan reads. */
function isInside(plan: QueryPlan, { endMinMs, endMaxMs }: Readonly<TimeBounds>): boolean {
  const { fromMs, toMs } = rangeRead(plan);
  return endMinMs >= fromMs && endMaxMs < toMs;
}

/** Only questions: one statement, and one that changes nothing. Files are closed to it by the lock-down. */
async function checkStatement(connection: DuckDBConnection, text: string): Promise<void> {
  if (text.trim() === '') throw new UserError('sql_refused', 'SQL: there is no statement', 2);
  const statements = await connection.extractStatements(text);
  if (statements.count !== 1) {
    throw new UserError('sql_refused', `SQL: one statement is allowed, not ${statements.count}`, 2);
  }
  const prepared = await statements.prepare(0);
  const { statementType } = prepared;
  prepared.destroySync();
  if (statementType !== StatementType.SELECT && statementType !== StatementType.EXPLAIN) {
    throw new UserError('sql_refused', 'SQL: only SELECT and EXPLAIN are allowed', 2);
  }
}

function sqlAnswer({ names, rows, truncated }: EngineRows) {
  const columns = uniqueNames(names);
  return {
    columns,
    rows: rows.map((row) =>
      Object.fromEntries(row.map((value, index) => [columns[index]!, plainValue(value)])),
    ),
    truncated,
  };
}

/** Columns of one name get `_2`, `_3` … behind it, for a row is an object. */
function uniqueNames(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  });
}

function engineError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UserError) return error;
  const [firstLine = ''] = error.message.split('\n');
  if (firstLine.startsWith('Out of Memory Error')) {
    const message = 'query: it needs more memory than a question may have; ask for less time or fewer groups';
    return new UserError('query_memory', message);
  }
  const code = /(Parser|Binder|Catalog|Conversion|Permission|Invalid Input) Error/.test(firstLine)
    ? 'sql_invalid'
    : 'query_failed';
  return new UserError(code, `query: ${firstLine}`, code === 'sql_invalid' ? 2 : 1);
}

function timeoutError(timeoutMs: number): UserError {
  return new UserError(
    'query_timeout',
    `query: stopped after ${timeoutMs / 1000} s; ask for a shorter time range`,
  );
}

function abortError(reason: unknown): UserError {
  if (reason instanceof UserError) return reason;
  return new UserError('query_cancelled', 'query: cancelled');
}
