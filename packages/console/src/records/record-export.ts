/** Records as files: the columns that are seen, values as the API gives them. */
import { type CsvValue, csvLine } from '@weir/analysis';
import { apiGet, type Parameters } from '../api/client.ts';
import type { FlowRecord, FlowsResponse } from '../api/contract.ts';
import { recordValue } from './record-column.ts';

export const EXPORT_FORMATS = ['csv', 'ndjson', 'parquet'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What a browser holds in memory without pain: some 50 MB of text. */
export const EXPORT_RECORDS_MAX = 100_000;
const PAGE_RECORDS = 1000;

/** A line of a file, with its end. */
export const fileLine = (cells: readonly CsvValue[]): string => `${csvLine(cells)}\r\n`;

export const csvRecord = (record: FlowRecord, columns: readonly string[]): string =>
  fileLine(columns.map((name) => recordValue(record, name)));

/** The seen fields of a record as a line of JSON; fields that it has not are left out. */
export function jsonRecord(record: FlowRecord, columns: readonly string[]): string {
  const entries = columns.map((name) => [name, recordValue(record, name)] as const);
  return `${JSON.stringify(Object.fromEntries(entries.filter(([, value]) => value !== null)))}\n`;
}

/** The content of a file with these columns of the records. */
export async function fileOf(
  records: readonly FlowRecord[],
  columns: readonly string[],
  format: ExportFormat,
): Promise<BlobPart[]> {
  switch (format) {
    case 'csv':
      return [fileLine(columns), ...records.map((record) => csvRecord(record, columns))];
    case 'ndjson':
      return records.map((record) => jsonRecord(record, columns));
    case 'parquet':
      return [(await import('./record-parquet.ts')).parquetFile(records, columns)];
  }
}

/**
 * Reads the records of a question page by page, newest first. `progress` is told how many there are so far. Ends at
 * EXPORT_RECORDS_MAX; `complete` says whether that was all.
 */
export async function readRecords(
  question: Parameters,
  progress: (count: number) => void,
  signal: AbortSignal,
): Promise<{ records: FlowRecord[]; complete: boolean }> {
  const records: FlowRecord[] = [];
  let cursor: string | undefined;
  do {
    const page: FlowsResponse = await apiGet('flows', { ...question, limit: PAGE_RECORDS, cursor }, signal);
    records.push(...page.flows.slice(0, EXPORT_RECORDS_MAX - records.length));
    progress(records.length);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && records.length < EXPORT_RECORDS_MAX);
  return { records, complete: cursor === undefined };
}

/** Offers a file to be saved under a name. */
export function saveFile(name: string, content: readonly BlobPart[], mediaType: string): void {
  const url = URL.createObjectURL(new Blob([...content], { type: mediaType }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser takes the address a moment after the click.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
