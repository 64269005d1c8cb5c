/**
 * The dimension tables `exporters` and `extra_layouts`: small, in memory as a map and in weir.duckdb for
 * SQL. Keys are given once and never reused. Whoever writes a key into a Parquet file first awaits
 * `written()`.
 */
import type { ExporterIdentity, ExtraLayout } from '@weir/ipfix';
import { type Database, quoted } from './database.ts';

interface DimensionTableShape<Value> {
  readonly name: string;
  /** Past so many, records are stored without theirs and counted. */
  readonly keysMax: number;
  readonly definition: string;
  readonly columns: string;
  /** What makes two values the same. */
  identity(value: Value): string;
  /** The SQL literals of a row, without its key. */
  literals(value: Value): string;
  read(row: readonly unknown[]): Value;
}

export class DimensionTable<Value> {
  readonly #database: Database;
  readonly #shape: DimensionTableShape<Value>;
  readonly #keys = new Map<string, number>();
  readonly #values = new Map<number, Value>();
  #nextKey = 1;
  #unwritten: number[] = [];
  #writing: Promise<void> = Promise.resolve();
  /** Values that found no key because there are too many. */
  refusedCount = 0;

  private constructor(database: Database, shape: DimensionTableShape<Value>) {
    this.#database = database;
    this.#shape = shape;
  }

  static async open<Value>(database: Database, shape: DimensionTableShape<Value>) {
    const table = new DimensionTable(database, shape);
    await database.run(`CREATE TABLE IF NOT EXISTS ${shape.name} (${shape.definition})`);
    const { rows } = await database.rows(`SELECT ${shape.columns} FROM ${shape.name}`);
    for (const [key, ...rest] of rows) table.#remember(Number(key), shape.read(rest));
    return table;
  }

  /** The key of a value, a new one if it has none yet. */
  keyOf(value: Value): number | undefined {
    const identity = this.#shape.identity(value);
    const known = this.#keys.get(identity);
    if (known !== undefined) return known;
    if (this.#keys.size >= this.#shape.keysMax) {
      this.refusedCount += 1;
      return undefined;
    }
    const key = this.#nextKey;
    this.#remember(key, value);
    this.#unwritten.push(key);
    return key;
  }

  valueOf(key: number): Value | undefined {
    return this.#values.get(key);
  }

  /** Adds what a Parquet file says of a key, when the database has lost it. */
  adopt(key: number, value: Value): void {
    if (this.#values.has(key)) return;
    this.#remember(key, value);
    this.#unwritten.push(key);
  }

  entries(): IterableIterator<[number, Value]> {
    return this.#values.entries();
  }

  /** Resolves when every key given so far is in the table. */
  written(): Promise<void> {
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const keys = this.#unwritten;
    if (keys.length === 0) return;
    this.#unwritten = [];
    const rows = keys.map((key) => `(${key}, ${this.#shape.literals(this.#values.get(key)!)})`);
    try {
      await this.#database.run(
        `INSERT INTO ${this.#shape.name} (${this.#shape.columns}) VALUES ${rows.join(', ')}`,
      );
    } catch (error) {
      this.#unwritten = [...keys, ...this.#unwritten];
      throw error;
    }
  }

  #remember(key: number, value: Value): void {
    this.#keys.set(this.#shape.identity(value), key);
    this.#values.set(key, value);
    this.#nextKey = Math.max(this.#nextKey, key + 1);
  }
}

export const EXPORTERS: DimensionTableShape<ExporterIdentity> = {
  name: 'exporters',
  keysMax: 1_000_000, // more than any network has
  definition:
    '"exporterId" UINTEGER PRIMARY KEY, "address" VARCHAR, "observationDomainId" UINTEGER, "source" VARCHAR, "version" UTINYINT',
  columns: '"exporterId", "address", "observationDomainId", "source", "version"',
  identity: ({ address, observationDomainId, source, version }) =>
    `${address}\n${observationDomainId}\n${version}\n${source}`,
  literals: ({ address, observationDomainId, source, version }) =>
    `${quoted(address)}, ${observationDomainId >>> 0}, ${quoted(source)}, ${version & 255}`,
  read: ([address, observationDomainId, source, version]) => ({
    address: String(address),
    observationDomainId: Number(observationDomainId),
    source: String(source),
    version: Number(version),
  }),
};

/** `fields` is JSON: a list of [enterpriseNumber, elementId, length]. */
export const EXTRA_LAYOUTS: DimensionTableShape<ExtraLayout> = {
  name: 'extra_layouts',
  keysMax: 65_536, // real exporters have dozens; each forged one is up to 500 fields that stay in memory
  definition: '"extraLayoutId" UINTEGER PRIMARY KEY, "fields" VARCHAR',
  columns: '"extraLayoutId", "fields"',
  identity: layoutText,
  literals: (layout) => quoted(layoutText(layout)),
  read: ([fields]) => parseLayout(String(fields)),
};

export function layoutText(layout: ExtraLayout): string {
  return JSON.stringify(
    layout.map(({ enterpriseNumber, elementId, length }) => [enterpriseNumber, elementId, length]),
  );
}

export function parseLayout(text: string): ExtraLayout {
  const fields = JSON.parse(text) as [number, number, number][];
  return fields.map(([enterpriseNumber, elementId, length]) => ({ enterpriseNumber, elementId, length }));
}
