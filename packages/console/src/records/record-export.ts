/** Records as files: the columns that are seen, values as the API gives them. */
import { apiGet, type Parameters } from '../api/client.ts';
import type { FlowRecord, FlowsResponse } from '../api/contract.ts';
import { recordValue } from './record-column.ts';

export const EXPORT_FORMATS = ['csv', 'ndjson'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What a browser holds in memory without pain: some 50 MB of text. */
export const EXPORT_RECORDS_MAX = 100_000;
const PAGE_RECORDS = 1000;

/** A spreadsheet would run a text that begins so as a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** One cell of CSV, RFC 4180. Texts that a spreadsheet would run are disarmed with an apostrophe. */
export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csvLine = (cells: readonly (string | number | null)[]): string =>
  `${cells.map(csvCell).join(',')}\r\n`;

export const csvRecord = (record: FlowRecord, columns: readonly string[]): string =>
  csvLine(columns.map((name) => recordValue(record, name)));

/** The seen fields of a record as a line of JSON; fields that it has not are left out. */
export function jsonRecord(record: FlowRecord, columns: readonly string[]): string {
  const entries = columns.map((name) => [name, recordValue(record, name)] as const);
  return `${JSON.stringify(Object.fromEntries(entries.filter(([, value]) => value !== null)))}\n`;
}

/**
 * Reads the records of a question page by page, newest first, as lines of a file. `progress` is told how many
 * there are so far. Ends at EXPORT_RECORDS_MAX; `complete` says whether that was all.
 */
export async function exportRecords(
  question: Parameters,
  columns: readonly string[],
  format: ExportFormat,
  progress: (count: number) => void,
  signal: AbortSignal,
): Promise<{ lines: string[]; count: number; complete: boolean }> {
  const lines = format === 'csv' ? [csvLine([...columns])] : [];
  const write = format === 'csv' ? csvRecord : jsonRecord;
  let cursor: string | undefined;
  let count = 0;
  do {
    const page: FlowsResponse = await apiGet('flows', { ...question, limit: PAGE_RECORDS, cursor }, signal);
    for (const record of page.flows.slice(0, EXPORT_RECORDS_MAX - count)) lines.push(write(record, columns));
    count = Math.min(EXPORT_RECORDS_MAX, count + page.flows.length);
    progress(count);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && count < EXPORT_RECORDS_MAX);
  return { lines, count, complete: cursor === undefined };
}

/** Offers text to be saved under a name. */
export function saveFile(name: string, lines: readonly string[], mediaType: string): void {
  const url = URL.createObjectURL(new Blob([...lines], { type: mediaType }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser takes the address a moment after the click.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
