/** Parquet files that are there whole or not at all: written under a temporary name, made durable, renamed. */
import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoted } from './database.ts';
import { faultPoint } from './fault-point.ts';

export const TEMPORARY_SUFFIX = '.tmp';

export interface ParquetFile {
  readonly path: string;
  /** A SELECT. */
  readonly rows: string;
  /** Options of the engine's COPY. */
  readonly options: string;
  /** What the file says of itself, as JSON under the key `weir`. */
  readonly metadata: unknown;
}

/** Resolves with the file's octets when the file and its name are durable. */
export async function writeParquet(connection: DuckDBConnection, file: ParquetFile): Promise<number> {
  const { path, rows, options, metadata } = file;
  const temporary = `${path}${TEMPORARY_SUFFIX}`;
  mkdirSync(dirname(path), { recursive: true });
  try {
    faultPoint('write-begin');
    await connection.run(
      `COPY (${rows}) TO ${quoted(temporary)}
       (${options}, KV_METADATA {weir: ${quoted(JSON.stringify(metadata))}})`,
    );
    faultPoint('write-temporary');
    await syncPath(temporary);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  await syncPath(dirname(path));
  faultPoint('write-renamed');
  return statSync(path).size;
}

/** Makes a file, or the names in a folder, durable. */
async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
