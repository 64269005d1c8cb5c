/** Who answers `weir query`: the process that owns the store's folder, or the folder itself. */
import { existsSync } from 'node:fs';
import type { AnswerRow, PlanSource, QueryPlan, QueryResult, TimeRange } from '@weir/analysis';
import { createStderrLogger, UserError } from '@weir/base';
import { ApiError } from '@weir/server';
import { openStore } from '@weir/storage';
import { connectService } from './service-client.ts';

export interface AskedStore {
  ask(plan: QueryPlan, signal: AbortSignal): Promise<QueryResult>;
  /** Where a plan would be answered from, and what would be read. */
  estimate(plan: QueryPlan): Promise<PlanSource>;
  /** One SELECT over the records, of a time where one is given. */
  sql(text: string, range: TimeRange | undefined, signal: AbortSignal): Promise<AskedRows>;
  close(): Promise<void>;
}

export interface AskedRows {
  readonly columns: readonly string[];
  readonly rows: readonly AnswerRow[];
  /** Whether there were more rows than one answer holds. */
  readonly truncated: boolean;
}

/** Throws a UserError when there is no store. */
export async function openAskedStore(dataDirectory: string): Promise<AskedStore> {
  const service = await connectService(dataDirectory);
  if (service !== undefined) {
    return {
      ask: (plan, signal) => service.plan(plan, signal).catch(failed),
      estimate: (plan) => service.estimate(plan).catch(failed),
      sql: (text, range) => service.ask<AskedRows>('POST', 'sql', sqlBody(text, range)).catch(failed),
      close: async () => {},
    };
  }
  if (!existsSync(dataDirectory)) {
    throw new UserError('store_missing', `${dataDirectory}: there is no store (--data says where one is)`);
  }
  const store = await openStore({ dataDirectory, logger: createStderrLogger('query', 'warn') });
  return {
    ask: (plan, signal) => store.query(plan, { signal }),
    estimate: (plan) => store.estimate(plan),
    sql: (text, range, signal) => store.sql(text, { signal, ...(range === undefined ? {} : { range }) }),
    close: () => store.close(),
  };
}

function sqlBody(sql: string, range: TimeRange | undefined): object {
  if (range === undefined) return { sql };
  return { sql, from: new Date(range.fromMs).toISOString(), to: new Date(range.toMs).toISOString() };
}

function failed(error: unknown): never {
  if (!(error instanceof ApiError)) throw error;
  throw new UserError('query_failed', `the process that owns the store says: ${error.message}`);
}
