import type { TableCell } from './document.ts';

/** What makes a spreadsheet take a cell for a formula (OWASP, CSV injection): disarmed by an apostrophe. */
const FORMULA_START = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;
const NUMBER = /^-?\d+(\.\d+)?$/;

/**
 * RFC 4180: a line of titles, then rows, CRLF behind each. Texts that a spreadsheet would run as a formula get an
 * apostrophe in front; numbers stay numbers, also negative ones.
 */
export function csvText(columns: readonly string[], rows: readonly (readonly TableCell[])[]): string {
  return [columns, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

function csvCell(value: TableCell): string {
  if (value === null) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const safe = FORMULA_START.test(value) && !NUMBER.test(value) ? `'${value}` : value;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
