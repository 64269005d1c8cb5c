/** Comma-separated values (RFC 4180), for whoever writes answers into files: server, command line, browser. */

export type CsvValue = string | number | boolean | null | undefined | object;

/** What makes a spreadsheet take a cell for a formula (OWASP, CSV injection): disarmed by an apostrophe. */
const FORMULA_START = /^[=+\-@\t\r]/;
const NEEDS_QUOTES = /[",\r\n]/;
/** No formula, although it may begin with a minus. */
const NUMBER = /^-?\d+(\.\d+)?$/;

/** One line without its end. Texts that a spreadsheet would run get an apostrophe in front; numbers stay numbers. */
export const csvLine = (values: readonly CsvValue[]): string => values.map(csvCell).join(',');

export function csvCell(value: CsvValue): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const safe = FORMULA_START.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
