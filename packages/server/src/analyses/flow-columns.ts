import type { TimeRange } from '@weir/analysis';
import type { AnalysisStore } from './analysis-queue.ts';

/** The columns that the relation `flows` has for a time range: those of all records, and elements that some have. */
export async function columnsOfFlows(store: AnalysisStore, range: TimeRange): Promise<readonly string[]> {
  return (await store.sql('SELECT * FROM flows LIMIT 0', { range })).columns;
}
