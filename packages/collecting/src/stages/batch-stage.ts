import type { FlowBatch } from '@weir/ipfix';

/**
 * Something done to decoded records before they are stored: it fills columns of rows `fromRow` (inclusive) to
 * `toRow` (exclusive) in place. Runs in the thread that decoded them, for every record: no objects and no
 * allocation a record.
 */
export interface BatchStage {
  apply(batch: FlowBatch, fromRow: number, toRow: number): void;
}
