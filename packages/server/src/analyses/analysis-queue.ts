/**
 * The way of the analyses to the store: what they ask takes seconds of two cores that collecting and people need,
 * so one runs at a time, in the order in which they came, each within a time limit, and what each cost is counted.
 */
import type { QueryPlan, QueryResult } from '@weir/analysis';
import { type Clock, type Logger, UserError } from '@weir/base';
import type { SqlOptions, SqlResult } from '@weir/storage';

/** What an analysis asks of a store; FlowStore of `storage` has it. */
export interface AnalysisStore {
  query(plan: QueryPlan, options?: { readonly signal?: AbortSignal }): Promise<QueryResult>;
  sql(text: string, options?: SqlOptions): Promise<SqlResult>;
}

export interface AnalysisCounters {
  runs: number;
  failures: number;
  /** Milliseconds of waiting for the store's answers and of the analysis' own work, the turn not included. */
  elapsedMs: number;
  /** CPU milliseconds of the whole process while it ran: an upper bound of what it cost. */
  cpuMs: number;
}

export interface AnalysisQueue {
  /**
   * Runs `work` when all before it are done. Rejects with UserError `analysis_busy` when too many wait,
   * `analysis_timeout` after the time limit, with the signal's reason, or with what `work` rejected with.
   */
  run<T>(name: string, work: (store: AnalysisStore) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** By the name of the analysis. */
  counters(): Readonly<Record<string, AnalysisCounters>>;
}

/** Pages ask a few at a time, the clock a dozen; more would wait for minutes. */
const WAITING_MAX = 64;
const TIME_LIMIT_MS = 120_000;

export interface AnalysisQueueOptions {
  readonly store: AnalysisStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createAnalysisQueue({ store, clock, logger }: AnalysisQueueOptions): AnalysisQueue {
  const counters = new Map<string, AnalysisCounters>();
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  function countersOf(name: string): AnalysisCounters {
    const known = counters.get(name) ?? { runs: 0, failures: 0, elapsedMs: 0, cpuMs: 0 };
    counters.set(name, known);
    return known;
  }

  async function runNow<T>(
    name: string,
    work: (store: AnalysisStore) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    signal?.throwIfAborted();
    const counts = countersOf(name);
    const controller = new AbortController();
    const forward = () => controller.abort(signal?.reason);
    signal?.addEventListener('abort', forward, { once: true });
    const cancelTimer = clock.after(TIME_LIMIT_MS, () => controller.abort(timeoutError(name)));
    const startMs = clock.monotonicMs();
    const cpuBefore = process.cpuUsage();
    try {
      return await work(boundStore(store, controller.signal));
    } catch (error) {
      counts.failures += 1;
      const reason: unknown = controller.signal.aborted ? controller.signal.reason : error;
      if (signal?.aborted !== true) logger.warn({ error: String(reason) }, `the analysis ${name} failed`);
      throw reason;
    } finally {
      cancelTimer();
      signal?.removeEventListener('abort', forward);
      const { user, system } = process.cpuUsage(cpuBefore);
      counts.runs += 1;
      counts.elapsedMs += clock.monotonicMs() - startMs;
      counts.cpuMs += (user + system) / 1000;
    }
  }

  return {
    run(name, work, signal) {
      if (waiting >= WAITING_MAX) return Promise.reject(busyError());
      waiting += 1;
      const turn = last.then(() => {
        waiting -= 1;
        return runNow(name, work, signal);
      });
      last = turn.catch(() => {});
      return unlessGone(turn, signal);
    },
    counters: () => Object.fromEntries(counters),
  };
}

/** Whoever goes away while he waits need not wait for those before him: a component that stops is not held up by another. */
function unlessGone<T>(turn: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return turn;
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    turn.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}

/** Every question of the analysis ends when the analysis does. */
function boundStore(store: AnalysisStore, limit: AbortSignal): AnalysisStore {
  const within = (signal?: AbortSignal) => (signal === undefined ? limit : AbortSignal.any([limit, signal]));
  return {
    query: (plan, options) => store.query(plan, { signal: within(options?.signal) }),
    sql: (text, options) => store.sql(text, { ...options, signal: within(options?.signal) }),
  };
}

const busyError = () =>
  new UserError('analysis_busy', `${WAITING_MAX} analyses wait already; try again in a minute`);

const timeoutError = (name: string) =>
  new UserError(
    'analysis_timeout',
    `the analysis ${name} took longer than ${TIME_LIMIT_MS / 1000} s; ask for a shorter time range`,
  );
