/** Who answers `weir query`: the process that owns the store's folder, or the folder itself. */
import { existsSync } from 'node:fs';
import type { PlanSource, QueryPlan, QueryResult } from '@weir/analysis';
import { createStderrLogger, UserError } from '@weir/base';
import { openStore } from '@weir/storage';
import { readServiceAddress } from './service-address.ts';

export interface AskedStore {
  ask(plan: QueryPlan, signal: AbortSignal): Promise<QueryResult>;
  /** Where a plan would be answered from, and what would be read. */
  estimate(plan: QueryPlan): Promise<PlanSource>;
  close(): Promise<void>;
}

/** Throws a UserError when there is no store. */
export async function openAskedStore(dataDirectory: string): Promise<AskedStore> {
  const owner = readServiceAddress(dataDirectory);
  if (owner !== undefined && (await answers(owner.url))) {
    const { url } = owner;
    return {
      ask: (plan, signal) => post<QueryResult>(url, '/api/v1/query', plan, signal),
      estimate: (plan) => post<PlanSource>(url, '/api/v1/query/estimate', plan),
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

/** Whether the owner lives; one that died may not have taken its note away. */
async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(new URL('/healthz', url))).ok;
  } catch {
    return false;
  }
}

async function post<Answer>(
  url: string,
  resource: string,
  plan: QueryPlan,
  signal?: AbortSignal,
): Promise<Answer> {
  const response = await fetch(new URL(resource, url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(plan),
    ...(signal === undefined ? {} : { signal }),
  });
  if (!response.ok) throw new UserError('query_failed', `${url}: ${await response.text()}`);
  return (await response.json()) as Answer;
}
