/**
 * Records from one store to another, as Parquet files that say of themselves what they hold. Keys of the
 * dimension tables differ between stores, so they are given anew; a file that was imported before is known by
 * what it holds, and left out.
 */
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TimeRange } from '@weir/analysis';
import { UserError } from '@weir/base';
import { type Database, readRows } from './database.ts';
import { parseLayout } from './dimension-table.ts';
import { flowsRelation } from './flows-relation.ts';
import type { DimensionTables, Lake } from './lake.ts';
import { readMetadata } from './parquet-catalogue.ts';
import { writeParquet } from './parquet-file.ts';
import { type FileMetadata, SCHEMA_VERSION, type SealedFile } from './sealed-file.ts';
import { formatSegmentId, parseSegmentId } from './segment.ts';

export interface ExchangeConfig {
  readonly database: Database;
  readonly lake: Lake;
  readonly dimensions: DimensionTables;
  /** A folder that the engine may read and write, on the disk of the store. */
  readonly exchangeDirectory: string;
  readonly nextSequence: () => number;
}

export interface ExchangeReport {
  readonly files: number;
  readonly rows: number;
  /** Files that had been imported before. */
  readonly known: number;
}

const END = 'coalesce("flowEnd", "receivedAt")';

/** Writes the sealed records that ended in the range into the folder `target`, a file for each of the store's. */
export async function exportRecords(
  config: ExchangeConfig,
  { fromMs, toMs }: TimeRange,
  target: string,
): Promise<ExchangeReport> {
  const { lake } = config;
  makeFolder(target);
  const taken = lake.take(({ bounds }) => bounds.endMaxMs >= fromMs && bounds.endMinMs < toMs);
  let [files, rows] = [0, 0];
  try {
    for (const file of taken.files) {
      const count = await exportFile(config, file, { fromMs, toMs }, target);
      rows += count;
      if (count > 0) files += 1;
    }
  } finally {
    taken.release();
  }
  return { files, rows, known: 0 };
}

async function exportFile(
  { database, lake, exchangeDirectory }: ExchangeConfig,
  file: SealedFile,
  { fromMs, toMs }: TimeRange,
  target: string,
): Promise<number> {
  const metadata = await readMetadata<FileMetadata>(database.connection, file.path);
  const name = formatSegmentId(file.id);
  const { replaces: _, ...own } = metadata;
  const where = `${END} >= epoch_ms(${fromMs})::TIMESTAMP_MS AND ${END} < epoch_ms(${toMs})::TIMESTAMP_MS`;
  const relation = flowsRelation([file], [], { condition: where, holdsFor: () => false }, file.extraColumns);
  const facts = `SELECT count(*)::DOUBLE, min(epoch_ms(${END}))::DOUBLE, max(epoch_ms(${END}))::DOUBLE,
    min(epoch_ms(coalesce("flowStart", ${END})))::DOUBLE FROM ${relation}`;
  const [row = []] = (await readRows(database.connection, facts, 1)).rows;
  const [rowCount = 0, endMinMs = 0, endMaxMs = 0, startMinMs = 0] = row.map(Number);
  if (rowCount === 0) return 0;
  const columns = [...file.columnNames, ...file.extraColumns.map((column) => column.name)];
  const bounds = { startMinMs, endMinMs, endMaxMs };
  const path = join(exchangeDirectory, `${name}.parquet`);
  try {
    await writeParquet(database.connection, {
      path,
      rows: `SELECT ${columns.map((column) => `"${column}"`).join(', ')} FROM ${relation}`,
      options: lake.parquetOptions,
      metadata: { ...own, schemaVersion: SCHEMA_VERSION, rowCount, bounds } satisfies FileMetadata,
    });
    copyFileSync(path, join(target, `${name}.parquet`));
  } finally {
    rmSync(path, { force: true });
  }
  return rowCount;
}

/** Takes the records of exported files: paths of files, or of folders with such files. */
export async function importRecords(
  config: ExchangeConfig,
  paths: readonly string[],
): Promise<ExchangeReport> {
  let [files, rows, known] = [0, 0, 0];
  for (const path of paths.flatMap(parquetFilesOf)) {
    const imported = await importFile(config, path);
    if (imported === undefined) known += 1;
    else {
      files += 1;
      rows += imported.rowCount;
    }
  }
  return { files, rows, known };
}

async function importFile(config: ExchangeConfig, path: string): Promise<SealedFile | undefined> {
  const { database, lake, exchangeDirectory, nextSequence } = config;
  const id = parseSegmentId(basename(path, '.parquet'));
  if (id === undefined) throw notExported(path, 'its name is none that export gives');
  mkdirSync(exchangeDirectory, { recursive: true });
  const copy = join(exchangeDirectory, basename(path));
  copyFileSync(path, copy);
  try {
    const metadata = await readMetadata<FileMetadata>(database.connection, copy).catch((error: unknown) => {
      throw error instanceof UserError ? error : notExported(path, 'it does not say what it holds');
    });
    const origin = originOf(basename(path, '.parquet'), metadata);
    for (const { imported } of lake.files()) if (imported.includes(origin)) return undefined;
    const newId = { hourMs: id.hourMs, sequence: nextSequence() };
    const keys = await newKeys(config, metadata);
    const file = await lake.importFile(newId, copy, metadata, keys, origin);
    lake.add(file);
    return file;
  } finally {
    rmSync(copy, { force: true });
  }
}

/** The keys that this store gives to the exporters and layouts of a file, by those that they have there. */
async function newKeys({ dimensions }: ExchangeConfig, { exporters, layouts }: FileMetadata) {
  const keysOf = <Value>(
    entries: readonly (readonly [number, Value])[],
    keyOf: (value: Value) => number | undefined,
  ) => new Map(entries.map(([key, value]) => [key, keyOf(value)] as const));
  const keys = {
    exporterIds: keysOf(exporters, (value) => dimensions.exporters.keyOf(value)),
    layoutIds: keysOf(layouts, (text) => dimensions.layouts.keyOf(parseLayout(text))),
  };
  await dimensions.exporters.written();
  await dimensions.layouts.written();
  return keys;
}

/** What tells one exported file from another. */
function originOf(name: string, { rowCount, bounds }: FileMetadata): string {
  return `${name} ${rowCount} ${bounds.startMinMs} ${bounds.endMinMs} ${bounds.endMaxMs}`;
}

function parquetFilesOf(path: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch {
    throw new UserError('store_import', `there is no file or folder ${path}`, 2);
  }
  if (!isFolder) return [path];
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.parquet'))
    .sort()
    .map((name) => join(path, name));
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('store_export', `cannot write to the folder ${path}: ${reason}`);
  }
}

function notExported(path: string, why: string): UserError {
  return new UserError('store_import', `${path} is no file that weir store export wrote: ${why}`, 2);
}
