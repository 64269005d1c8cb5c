/** Who answers `weir query`: the process that owns the store's folder, or the folder itself. */
import { existsSync } from 'node:fs';
import type { PlanSource, QueryPlan, QueryResult } from '@weir/analysis';
import { createStderrLogger, UserError } from '@weir/base';
import { ApiError } from '@weir/server';
import { openStore } from '@weir/storage';
import { connectService } from './service-client.ts';

export interface AskedStore {
  ask(plan: QueryPlan, signal: AbortSignal): Promise<QueryResult>;
  /** Where a plan would be answered from, and what would be read. */
  estimate(plan: QueryPlan): Promise<PlanSource>;
  close(): Promise<void>;
}

/** Throws a UserError when there is no store. */
export async function openAskedStore(dataDirectory: string): Promise<AskedStore> {
  const service = await connectService(dataDirectory);
  if (service !== undefined) {
    return {
      ask: (plan, signal) => service.plan(plan, signal).catch(failed),
      estimate: (plan) => service.estimate(plan).catch(failed),
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
    close: () => store.close(),
  };
}

function failed(error: unknown): never {
  if (!(error instanceof ApiError)) throw error;
  throw new UserError('query_failed', `the process that owns the store says: ${error.message}`);
}
