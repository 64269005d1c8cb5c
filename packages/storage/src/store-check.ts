/**
 * Whether what is on the disk is what its files say: every file of the store is read to its end and counted,
 * and each roll-up's cubes must have the same sums. A damaged file can be set aside, so that the rest answers.
 */
import { mkdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoted, readRows } from './database.ts';
import type { Lake } from './lake.ts';
import type { RollUpFile } from './roll-up-file.ts';
import type { RollUps } from './roll-ups.ts';
import type { SealedFile } from './sealed-file.ts';

export interface CheckReport {
  readonly files: number;
  readonly rows: number;
  readonly octets: number;
  readonly damaged: readonly DamagedFile[];
}

export interface DamagedFile {
  readonly path: string;
  readonly problem: string;
  /** Where it was moved to. */
  readonly setAside?: string;
}

export interface CheckConfig {
  readonly connection: DuckDBConnection;
  readonly lake: Lake;
  readonly rollUps: RollUps;
  readonly dataDirectory: string;
  /** Moves damaged files into the folder `damaged` of the store. */
  readonly repair: boolean;
  readonly signal?: AbortSignal;
}

export async function checkStore(config: CheckConfig): Promise<CheckReport> {
  const { connection, lake, rollUps } = config;
  const damaged: DamagedFile[] = [];
  let [files, rows, octets] = [0, 0, 0];
  for (const path of [...lake.catalogue.unreadable, ...rollUps.unreadable()]) {
    damaged.push({ path, problem: 'it does not say what it holds', ...setAside(path, config) });
  }
  for (const file of [...lake.files()]) {
    config.signal?.throwIfAborted();
    files += 1;
    rows += file.rowCount;
    octets += file.octets;
    const problem = await problemOf(() => checkRecords(connection, file));
    if (problem === undefined) continue;
    if (config.repair) await lake.catalogue.forget(file);
    damaged.push({ path: file.path, problem, ...setAside(file.path, config) });
  }
  for (const file of [...rollUps.files()]) {
    config.signal?.throwIfAborted();
    files += 1;
    octets += file.octets;
    const problem = await problemOf(() => checkRollUp(connection, file));
    if (problem === undefined) continue;
    if (config.repair) await rollUps.catalogue(file.level).forget(file);
    damaged.push({ path: file.path, problem, ...setAside(file.path, config) });
  }
  return { files, rows, octets, damaged };
}

async function problemOf(check: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await check();
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('\n')[0];
  }
}

/** Reads every column: a page that cannot be unpacked is an error of the engine. */
async function checkRecords(connection: DuckDBConnection, file: SealedFile): Promise<string | undefined> {
  const columns = [...file.columnNames, ...file.extraColumns.map(({ name }) => name)];
  const reads = columns.map((name) => `max(hash("${name}"))`);
  const sql = `SELECT count(*)${reads.map((read) => `, ${read}`).join('')} FROM read_parquet(${quoted(file.path)}, hive_partitioning = false)`;
  const [row] = (await readRows(connection, sql, 1)).rows;
  const count = Number(row?.[0]);
  return count === file.rowCount ? undefined : `it has ${count} records and says ${file.rowCount}`;
}

async function checkRollUp(connection: DuckDBConnection, file: RollUpFile): Promise<string | undefined> {
  const reads = file.columnNames.map((name) => `, max(hash("${name}"))`).join('');
  const sql = `SELECT "cube", sum("octets"::DOUBLE), sum("flows"::DOUBLE)${reads}
    FROM read_parquet(${quoted(file.path)}, hive_partitioning = false) GROUP BY "cube"`;
  for (const [cube, octets, flows] of (await readRows(connection, sql, 1000)).rows) {
    if (Number(flows) !== file.flowsTotal) return `cube ${cube} has ${flows} flows, not ${file.flowsTotal}`;
    if (Number(octets) !== file.octetsTotal)
      return `cube ${cube} has ${octets} octets, not ${file.octetsTotal}`;
  }
  return undefined;
}

function setAside(path: string, { repair, dataDirectory }: CheckConfig): { setAside?: string } {
  if (!repair) return {};
  const directory = join(dataDirectory, 'damaged');
  mkdirSync(directory, { recursive: true });
  const target = join(directory, basename(path));
  renameSync(path, target);
  return { setAside: target };
}
