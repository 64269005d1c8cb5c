/** Answers: what a store gives back for a plan, as plain JSON. */
import { formatTruncated } from './dimension.ts';
import type { AnswerColumn } from './duckdb-source.ts';
import type { PlanSource } from './plan-source.ts';
import { formatCursor, parseCursor, type QueryPlan } from './query-plan.ts';
import { formatMac } from './value-name.ts';

export type AnswerValue =
  | string
  | number
  | boolean
  | null
  | readonly AnswerValue[]
  | { readonly [name: string]: AnswerValue };

/** A row by column names. Addresses and MACs are text, times ISO 8601, integers past 2^53 - 1 strings. */
export type AnswerRow = Record<string, AnswerValue>;

export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly kind: AnswerColumn['kind'] }[];
  readonly rows: readonly AnswerRow[];
  readonly elapsedMs: number;
  /** What counts and what not, for people. */
  readonly notes: readonly string[];
  /** Where the answer comes from, and why from there. */
  readonly source: PlanSource;
  /** For records: the cursor of the next page, absent when this was the last. */
  readonly nextCursor?: string;
}

/** How to make an extra field readable: the layout's id and the octets of one row. */
export type ReadExtra = (layoutId: number, octets: Uint8Array) => AnswerValue;

/** One value of an engine's result: what a driver gives for the SQL types that the dialects use. */
export type EngineValue = string | number | bigint | boolean | null | Uint8Array;

/** Turns an engine's rows into answer rows; the values of one row are in the order of the SQL columns. */
export function shapeRows(
  columns: readonly AnswerColumn[],
  engineRows: readonly (readonly EngineValue[])[],
  readExtra: ReadExtra,
): AnswerRow[] {
  return engineRows.map((values) => {
    const row: AnswerRow = {};
    let index = 0;
    let layoutId: number | undefined;
    for (const column of columns) {
      const value = values[index] ?? null;
      if (column.kind === 'layout') layoutId = value === null ? undefined : Number(value);
      else if (column.kind === 'extra') {
        if (layoutId !== undefined && value instanceof Uint8Array) row['extra'] = readExtra(layoutId, value);
      } else if (column.kind === 'extraField') addExtraField(row, column.name, value);
      else row[column.name] = shapeValue(column, value, values[index + 1] ?? null);
      index += column.kind === 'address' ? 2 : 1;
    }
    return row;
  });
}

/** `name#2` is the second field of that name in the record: together they are a list. */
function addExtraField(row: AnswerRow, columnName: string, value: EngineValue): void {
  if (value === null) return;
  const name = columnName.replace(/#\d+$/, '');
  const extra = (row['extra'] ?? {}) as Record<string, AnswerValue>;
  const before = extra[name];
  const plain = plainValue(value);
  extra[name] = before === undefined ? plain : [...(Array.isArray(before) ? before : [before]), plain];
  row['extra'] = extra;
}

/** The cursor after `rows`, the answer to `plan`; undefined when there is nothing after them. */
export function nextCursorOf(plan: QueryPlan, rows: readonly AnswerRow[]): string | undefined {
  if (plan.kind !== 'records' || rows.length < plan.limit) return undefined;
  const endOf = (row: AnswerRow) => Date.parse(String(row['flowEnd'] ?? row['receivedAt']));
  const lastEnd = endOf(rows[rows.length - 1]!);
  let skip = 0;
  for (let index = rows.length - 1; index >= 0 && endOf(rows[index]!) === lastEnd; index--) skip += 1;
  const previous = plan.cursor === undefined ? undefined : parseCursor(plan.cursor);
  if (previous?.beforeMs === lastEnd) skip += previous.skip;
  return formatCursor({ beforeMs: lastEnd, skip });
}

function shapeValue(column: AnswerColumn, value: EngineValue, next: EngineValue): AnswerValue {
  if (value === null) return null;
  switch (column.kind) {
    case 'address':
      if (next === null) return null;
      return formatTruncated(
        BigInt(value as bigint),
        BigInt(next as bigint),
        column.dimension ?? { name: '' },
      );
    case 'mac':
      return formatMac(BigInt(value as bigint));
    case 'timeMs':
      return isoTime(Number(value));
    default:
      return plainValue(value);
  }
}

/** A value without BigInt and octets: integers past 2^53 - 1 become strings, octets hexadecimal. */
export function plainValue(value: EngineValue): AnswerValue {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value.toString();
  }
  if (value instanceof Uint8Array) return hexOf(value);
  return value;
}

export function hexOf(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) text += octet.toString(16).padStart(2, '0');
  return text;
}

/** ISO 8601 with milliseconds; times that a Date cannot hold become null. */
export function isoTime(milliseconds: number): string | null {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
