import { csvLine } from '@weir/analysis';
import type { TableCell } from './document.ts';

/** A line of titles, then rows, CRLF behind each (RFC 4180). */
export function csvText(columns: readonly string[], rows: readonly (readonly TableCell[])[]): string {
  return [columns, ...rows].map((row) => `${csvLine(row)}\r\n`).join('');
}
