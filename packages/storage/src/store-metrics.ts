/** The store as Prometheus metrics, read from its status when somebody asks. */
import { createMetricsRegistry, type MetricsSnapshot } from '@weir/base';
import type { FlowStore } from './flow-store-contract.ts';
import type { StoreCounters, StoreStatus } from './store-status.ts';

interface StoreMetric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly read: (status: StoreStatus) => number;
}

function counted(name: string, counter: keyof StoreCounters, help: string): StoreMetric {
  return {
    name: `weir_store_${name}_total`,
    kind: 'counter',
    help,
    read: ({ counters }) => counters[counter],
  };
}

function gauge(name: string, help: string, read: (status: StoreStatus) => number): StoreMetric {
  return { name: `weir_store_${name}`, kind: 'gauge', help, read };
}

/** The same list makes the reference page. */
export const STORE_METRICS: readonly StoreMetric[] = [
  gauge('records', 'Flow records in the store.', ({ rowCount }) => rowCount),
  gauge('open_records', 'Of them those in memory and in logs.', ({ openRowCount }) => openRowCount),
  gauge('files', 'Parquet files of records.', ({ fileCount }) => fileCount),
  gauge('octets', 'Octets of files, roll-ups and logs.', ({ retention }) => retention.octets),
  gauge(
    'octets_per_day',
    'Octets of records that arrived in the last day.',
    ({ retention }) => retention.octetsPerDay,
  ),
  gauge('disk_free_octets', 'Room on the disk of the store.', ({ disk }) => disk?.freeOctets ?? 0),
  gauge('disk_full', '1 while nothing is written for lack of room.', ({ disk }) => (disk?.fullSince ? 1 : 0)),
  counted('batches', 'batchesTaken', 'Batches taken.'),
  counted('records_taken', 'rowsTaken', 'Flow records taken.'),
  counted('batches_delayed', 'batchesDelayed', 'Batches that waited because sealing was behind.'),
  counted('batches_refused', 'batchesRefused', 'Batches that were none, or that the store lost.'),
  counted('log_octets', 'logOctetsWritten', 'Octets written to logs.'),
  counted(
    'log_failures',
    'logWriteFailures',
    'Batches that are in memory only, for the log could not be written.',
  ),
  counted('segments_sealed', 'segmentsSealed', 'Segments written to Parquet.'),
  counted('records_sealed', 'rowsSealed', 'Flow records in them.'),
  counted('seal_failures', 'sealFailures', 'Segments that could not be written; they are tried again.'),
  counted('files_merged', 'filesMerged', 'Small files merged into others.'),
  counted('records_merged', 'rowsMerged', 'Flow records in the files that came of it.'),
  counted('roll_ups', 'rollUpsWritten', 'Files of roll-ups written.'),
  counted('records_rolled_up', 'rowsRolledUp', 'Flow records that they sum up.'),
  counted('files_expired', 'filesExpired', 'Files of records deleted by the retention.'),
  counted(
    'maintenance_failures',
    'maintenanceFailures',
    'Merges, roll-ups and deletions that failed; they are tried again.',
  ),
  counted('keys_refused', 'keysRefused', 'Records without exporter or layout, for there were too many.'),
  counted(
    'times_cleared',
    'timesCleared',
    'Starts and ends of flows behind the year 9999, which were not kept.',
  ),
  counted('queries', 'queriesAnswered', 'Questions answered.'),
  counted('queries_failed', 'queriesFailed', 'Questions that failed.'),
  counted('queries_cancelled', 'queriesCancelled', 'Questions cancelled, or stopped by the time limit.'),
];

/** A reader of the metrics of a store. */
export function createStoreMetrics(store: Pick<FlowStore, 'status'>): () => Promise<MetricsSnapshot> {
  const registry = createMetricsRegistry();
  let latest: StoreStatus | undefined;
  for (const { name, kind, help, read } of STORE_METRICS) {
    registry[kind]({ name, help }, () => (latest === undefined ? 0 : read(latest)));
  }
  return async () => {
    latest = await store.status();
    return registry.snapshot();
  };
}
