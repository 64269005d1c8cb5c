/** Answers to SQL as text: columns are what the statement says, so nothing is known of their units. */
import { type AnswerRow, type AnswerValue, csvLine } from '@weir/analysis';

const GAP = '  ';

/** Aligned columns under their names; numbers to the right. */
export function sqlAnswerTable(columns: readonly string[], rows: readonly AnswerRow[]): string {
  if (rows.length === 0) return 'no rows\n';
  const cells = columns.map((name) => rows.map((row) => cellText(row[name])));
  const widths = columns.map((name, index) =>
    Math.max(name.length, ...(cells[index] ?? []).map((cell) => cell.length)),
  );
  const isNumber = columns.map((name) =>
    rows.every((row) => row[name] === null || typeof row[name] === 'number'),
  );
  const line = (texts: readonly string[]): string =>
    `${texts
      .map((text, index) =>
        isNumber[index] === true ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0),
      )
      .join(GAP)
      .trimEnd()}\n`;
  return [line(columns), ...rows.map((_, row) => line(cells.map((column) => column[row] ?? '')))].join('');
}

/** Comma-separated values with a header. */
export function csvText(columns: readonly string[], rows: readonly AnswerRow[]): string {
  const lines = [csvLine(columns), ...rows.map((row) => csvLine(columns.map((name) => row[name])))];
  return lines.map((line) => `${line}\n`).join('');
}

function cellText(value: AnswerValue | undefined): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
