import { quoted } from './database.ts';
import type { SealedFile } from './lake.ts';
import { STORED_COLUMNS } from './stored-column.ts';

/**
 * The SQL of the relation `flows`: the union of Parquet files and a call of `open_flows`. Files are grouped
 * by the columns that they have; the columns that a group lacks are NULL constants, which cost nothing.
 */
export function flowsRelation(files: readonly SealedFile[], openFlows: string | undefined): string {
  const groups = new Map<string, string[]>();
  for (const { path, columnNames } of files) {
    const key = columnNames.join(' ');
    const paths = groups.get(key);
    if (paths === undefined) groups.set(key, [path]);
    else paths.push(path);
  }
  const parts = [...groups].map(([key, paths]) => {
    const list = paths.map(quoted).join(', ');
    return `SELECT ${columnList(new Set(key.split(' ')))} FROM read_parquet([${list}], hive_partitioning = false)`;
  });
  if (openFlows !== undefined) parts.push(`SELECT ${columnList(ALL_NAMES)} FROM ${openFlows}`);
  if (parts.length === 0) parts.push(`SELECT ${columnList(new Set())} WHERE false`);
  return `(${parts.join('\nUNION ALL\n')})`;
}

/** The view `flows` for people: the stored columns, and addresses as text. */
export function flowsView(relation: string): string {
  const texts = ['srcAddr', 'dstAddr', 'nextHop'].map(
    (name) => `addr("${name}Hi", "${name}Lo") AS "${name}"`,
  );
  return `SELECT *, ${texts.join(', ')} FROM ${relation}`;
}

const ALL_NAMES = new Set(STORED_COLUMNS.map(({ name }) => name));

function columnList(present: ReadonlySet<string>): string {
  return STORED_COLUMNS.map(({ name, sqlType }) =>
    present.has(name) ? `"${name}"` : `NULL::${sqlType} AS "${name}"`,
  ).join(', ');
}
