import { quoted } from './database.ts';
import type { OpenRelation } from './open-flows-function.ts';
import type { SealedFile } from './sealed-file.ts';
import { STORED_COLUMNS } from './stored-column.ts';
import type { TimeBounds } from './time-bounds.ts';

/** Restricts the relation to what a plan asks for, where a part is not wholly inside its time range. */
export interface TimeRestriction {
  /** SQL condition over the columns of `flows`. */
  readonly condition: string;
  /** Whether all flows of a part meet the condition. */
  holdsFor(bounds: Readonly<TimeBounds>): boolean;
}

/** A column beyond STORED_COLUMNS that a question asks for. */
export interface AskedColumn {
  readonly name: string;
  readonly sqlType: string;
}

/**
 * The SQL of the relation `flows`: the union of Parquet files and calls of `open_flows`. Files are grouped
 * by the columns that they have; the columns that a group lacks are NULL constants, which cost nothing.
 */
export function flowsRelation(
  files: readonly SealedFile[],
  open: readonly OpenRelation[],
  restriction?: TimeRestriction,
  asked: readonly AskedColumn[] = [],
): string {
  const groups = new Map<string, { readonly list: string; where: string; paths: string[] }>();
  for (const { path, columnNames, extraColumns, bounds } of files) {
    const where =
      restriction === undefined || restriction.holdsFor(bounds) ? '' : ` WHERE ${restriction.condition}`;
    const list = columnList(columnNames, extraColumns, asked);
    const key = `${list}${where}`;
    const group = groups.get(key) ?? { list, where, paths: [] };
    groups.set(key, group);
    group.paths.push(path);
  }
  const parts = [...groups.values()].map(({ list: columns, where, paths }) => {
    const list = paths.map(quoted).join(', ');
    const all = `SELECT ${columns} FROM read_parquet([${list}], hive_partitioning = false)`;
    return where === '' ? all : `SELECT * FROM (${all})${where}`;
  });
  for (const { sql, columnNames, extraColumns } of open) {
    const all = `SELECT ${columnList(columnNames, extraColumns, asked, true)} FROM ${sql}`;
    parts.push(restriction === undefined ? all : `SELECT * FROM (${all}) WHERE ${restriction.condition}`);
  }
  if (parts.length === 0) parts.push(`SELECT ${columnList([], [], asked)} WHERE false`);
  return `(${parts.join('\nUNION ALL\n')})`;
}

/** The view `flows` for people: the stored columns, and addresses as text. */
export function flowsView(relation: string): string {
  const texts = ['srcAddr', 'dstAddr', 'nextHop'].map(
    (name) => `addr("${name}Hi", "${name}Lo") AS "${name}"`,
  );
  return `SELECT *, ${texts.join(', ')} FROM ${relation}`;
}

/** All stored columns; those that are not `present` as NULL, texts of open records from their ENUM. */
function columnList(
  columnNames: readonly string[],
  extraColumns: readonly AskedColumn[],
  asked: readonly AskedColumn[],
  open = false,
): string {
  const present = new Set([...columnNames, ...extraColumns.map(({ name }) => name)]);
  const stored = STORED_COLUMNS.map(({ name, sqlType }) => {
    if (!present.has(name)) return `NULL::${sqlType} AS "${name}"`;
    return open && sqlType === 'VARCHAR' ? `"${name}"::VARCHAR AS "${name}"` : `"${name}"`;
  });
  const extra = asked.map(({ name, sqlType }) =>
    present.has(name) ? `"${name}"::${sqlType} AS "${name}"` : `NULL::${sqlType} AS "${name}"`,
  );
  return [...stored, ...extra].join(', ');
}
