/**
 * The DuckDB instance of a store: opened once, locked down, and asked through short-lived connections.
 * Exactly one thread may own it: two threads of one process that open the same file get two instances with
 * no lock between them, which corrupts the file.
 */
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { type EngineValue, isoTime } from '@weir/analysis';
import { UserError } from '@weir/base';

export interface DatabaseOptions {
  readonly path: string;
  /** The only folders that SQL may read files from, and write them to. */
  readonly fileDirectories: readonly string[];
  readonly temporaryDirectory: string;
  readonly memoryLimitOctets: number;
  readonly threads: number;
}

/**
 * Two instances, for threads and memory are those of an instance: one that answers and seals, and one that
 * merges and sums up files, with one thread and a limit of its own, so that questions find a core and memory.
 */
export interface Engines {
  readonly database: Database;
  readonly workbench: Database;
}

export interface EngineRows {
  readonly names: readonly string[];
  readonly rows: readonly (readonly EngineValue[])[];
  /** Whether there were more rows than were asked for. */
  readonly truncated: boolean;
}

export class Database {
  readonly #instance: DuckDBInstance;
  /** The owner's own connection; statements on it run one after the other. */
  readonly connection: DuckDBConnection;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.connection = connection;
  }

  /** Throws a UserError `store_busy` when another process has the store, `store_unusable` for the rest. */
  static async open(options: DatabaseOptions): Promise<Database> {
    try {
      const instance = await DuckDBInstance.create(options.path, {
        threads: String(options.threads),
        memory_limit: `${Math.round(options.memoryLimitOctets / 1e6)}MB`,
      });
      const connection = await instance.connect();
      const database = new Database(instance, connection);
      for (const statement of lockDown(options)) await connection.run(statement);
      return database;
    } catch (error) {
      throw openError(options.path, error);
    }
  }

  connect(): Promise<DuckDBConnection> {
    return this.#instance.connect();
  }

  async run(sql: string): Promise<void> {
    await this.connection.run(sql);
  }

  async rows(sql: string): Promise<EngineRows> {
    return readRows(this.connection, sql, Number.MAX_SAFE_INTEGER);
  }

  /** No statement may be running. */
  close(): void {
    this.connection.disconnectSync();
    this.#instance.closeSync();
  }
}

/** Opens both for a data folder. Throws as `Database.open` does. */
export async function openEngines(
  options: Omit<DatabaseOptions, 'path' | 'temporaryDirectory'> & {
    readonly dataDirectory: string;
    readonly workMemoryOctets: number;
  },
): Promise<Engines> {
  const { dataDirectory, workMemoryOctets, ...shared } = options;
  const database = await Database.open({
    ...shared,
    path: join(dataDirectory, 'weir.duckdb'),
    temporaryDirectory: join(dataDirectory, 'tmp'),
  });
  try {
    const workbench = await Database.open({
      ...shared,
      path: ':memory:',
      temporaryDirectory: join(dataDirectory, 'tmp-work'),
      memoryLimitOctets: workMemoryOctets,
      threads: 1,
    });
    return { database, workbench };
  } catch (error) {
    database.close();
    throw error;
  }
}

/** No statement may be running. */
export function closeEngines({ database, workbench }: Engines): void {
  workbench.close();
  database.close();
}

/** Runs a query and reads at most `rowsMax` rows. */
export async function readRows(
  connection: DuckDBConnection,
  sql: string,
  rowsMax: number,
): Promise<EngineRows> {
  const reader = await connection.streamAndReadUntil(sql, rowsMax + 1);
  const truncated = reader.currentRowCount > rowsMax;
  const rows = reader.getRowsJS().slice(0, rowsMax);
  return { names: reader.columnNames(), rows: rows.map((row) => row.map(engineValue)), truncated };
}

/** Texts as SQL literals. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** What the driver gives, as one of the few kinds that an answer is made of; nested values become JSON text. */
function engineValue(value: unknown): EngineValue {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) return isoTime(value.getTime());
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? inner.toString() : inner));
  }
}

/** SQL reaches no file but the store's own, and cannot undo that. */
function lockDown({ fileDirectories, temporaryDirectory }: DatabaseOptions): string[] {
  return [
    `SET temp_directory = ${quoted(temporaryDirectory)}`,
    `SET allowed_directories = [${fileDirectories.map((directory) => quoted(`${directory}/`)).join(', ')}]`,
    "SET TimeZone = 'UTC'",
    'SET parquet_metadata_cache = true',
    'SET enable_external_access = false',
    'SET lock_configuration = true',
  ];
}

function openError(path: string, error: unknown): UserError {
  const message = error instanceof Error ? error.message : String(error);
  if (/could not set lock|conflicting lock/i.test(message)) {
    const pid = /PID (\d+)/.exec(message)?.[1];
    const owner = pid === undefined ? 'another process' : `process ${pid}`;
    return new UserError('store_busy', `the store ${path} is in use by ${owner}; stop it, or ask it instead`);
  }
  return new UserError('store_unusable', `cannot open the store ${path}: ${message.split('\n')[0]}`);
}
