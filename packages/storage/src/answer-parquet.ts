/** An answer as a Parquet file, typed by the kinds of its columns. */
import { rmSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import type { AnswerKind, AnswerRow, QueryResult } from '@weir/analysis';
import { UserError } from '@weir/base';

/** Writes `path`, whole or not at all. Throws a UserError when it cannot be written. */
export async function writeAnswerAsParquet(
  { columns, rows }: Pick<QueryResult, 'columns' | 'rows'>,
  path: string,
): Promise<void> {
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const { quoted } = await import('./database.ts');
  const [lines, unfinished] = [`${path}.ndjson.tmp`, `${path}.tmp`];
  try {
    await writeLines(lines, rows);
    const types = columns.map(({ name, kind }) => `${quoted(name)}: ${quoted(typeOf(kind, name, rows))}`);
    const source = `read_json(${quoted(lines)}, format = 'newline_delimited', columns = {${types.join(', ')}})`;
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      await connection.run(
        `COPY (FROM ${source}) TO ${quoted(unfinished)} (FORMAT parquet, COMPRESSION zstd)`,
      );
    } finally {
      connection.disconnectSync();
      instance.closeSync();
    }
    await rename(unfinished, path);
  } catch (error) {
    throw new UserError(
      'parquet_unwritable',
      `${path}: ${error instanceof Error ? error.message : String(error)}`,
    );
  } finally {
    for (const temporary of [lines, unfinished]) rmSync(temporary, { force: true });
  }
}

async function writeLines(path: string, rows: readonly AnswerRow[]): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (const row of rows) await file.write(`${JSON.stringify(row)}\n`);
  } finally {
    await file.close();
  }
}

/** Counts are whole where all of the answer's are. */
function typeOf(kind: AnswerKind, name: string, rows: readonly AnswerRow[]): string {
  switch (kind) {
    case 'number':
      return rows.every((row) => isWhole(row[name])) ? 'UBIGINT' : 'DOUBLE';
    case 'timeMs':
      return 'TIMESTAMP';
    case 'boolean':
      return 'BOOLEAN';
    case 'extra':
      return 'JSON';
    default:
      return 'VARCHAR';
  }
}

function isWhole(value: AnswerRow[string] | undefined): boolean {
  return value === null || value === undefined || Number.isInteger(value) || /^\d+$/.test(String(value));
}
