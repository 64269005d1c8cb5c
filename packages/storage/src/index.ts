export { writeAnswerAsParquet } from './answer-parquet.ts';
export { type EmbeddedStore, type OpenStoreConfig, openStore } from './flow-store.ts';
export type { FlowStore, QueryOptions } from './flow-store-contract.ts';
export type { SqlOptions, SqlResult } from './query-runner.ts';
export type { CheckReport, DamagedFile } from './store-check.ts';
export type { ExchangeReport } from './store-exchange.ts';
export { createStoreMetrics, STORE_METRICS } from './store-metrics.ts';
export { defaultStoreOptions, type StoreOptions } from './store-options.ts';
export type { RepairReport, StoreCounters, StoreStatus } from './store-status.ts';
