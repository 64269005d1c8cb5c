/**
 * The contract of a FlowStore: what an engine behind the door must do, whatever it is. `flow-store-conformance.ts`
 * is the same as tests, which every engine must pass.
 */
import type { MessagePort } from 'node:worker_threads';
import type { PlanSource, QueryPlan, QueryResult, StoreCoverage } from '@weir/analysis';
import type { SqlOptions, SqlResult } from './query-runner.ts';
import type { StoreStatus } from './store-status.ts';

export interface QueryOptions {
  /** Aborting it stops the query inside the engine. */
  readonly signal?: AbortSignal;
}

/**
 * Flow records at rest, and answers about them. Every method may be called at any time until `close`;
 * failures that a person can mend are UserErrors.
 */
export interface FlowStore {
  /**
   * A port for a producer (transfer it to its thread): `createBufferSender(port, count,
   * flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT))`. A batch is visible to queries as soon as its buffer is back.
   */
  connectWriter(): MessagePort;
  query(plan: QueryPlan, options?: QueryOptions): Promise<QueryResult>;
  /** One SELECT over `flows`, `exporters` and `extra_layouts`; it cannot change anything or read other files. */
  sql(text: string, options?: SqlOptions): Promise<SqlResult>;
  /** Resolves when every batch that the store had taken before the call would survive a power failure. */
  flush(): Promise<void>;
  /** Writes all open records to Parquet files, for who wants to read the folder by other means. */
  seal(): Promise<void>;
  /** What there is to answer from: records and roll-ups, from when to when, and what the roll-ups leave out. */
  coverage(): Promise<StoreCoverage>;
  /** Where a plan would be answered from, and how many rows and octets that reads, about. Reads nothing. */
  estimate(plan: QueryPlan): Promise<PlanSource>;
  /** Merges small files and sums them up, which the store does by itself when an hour is over. */
  compact(): Promise<{ readonly filesMerged: number }>;
  status(): Promise<StoreStatus>;
  /** Flushes and lets go of the folder. Producers must have stopped. */
  close(): Promise<void>;
}
