/**
 * The Parquet files of one folder. The folder is the truth; a table in weir.duckdb only saves opening every
 * file at the start. A file comes into being whole, says of itself what it holds, and is never changed. One
 * that has the contents of others says which; whoever finds such others too removes them.
 */
import { type Dirent, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Logger, UserError } from '@weir/base';
import { type Database, quoted, readRows } from './database.ts';
import { faultPoint } from './fault-point.ts';
import { TEMPORARY_SUFFIX, writeParquet } from './parquet-file.ts';
import { SCHEMA_VERSION } from './sealed-file.ts';
import { formatSegmentId, parseSegmentId, type SegmentId } from './segment.ts';

export interface CatalogueEntry {
  readonly path: string;
  readonly octets: number;
  /** Names (of files, without folder and extension) whose contents it has; its own first. */
  readonly lineage: readonly string[];
}

export interface CatalogueShape<Entry extends CatalogueEntry, Metadata> {
  /** The table of what is known of the files. */
  readonly table: string;
  readonly directory: string;
  entry(id: SegmentId, path: string, octets: number, metadata: Metadata): Entry;
  /** Learns what the database may have lost from a file that it did not know. */
  adopt(metadata: Metadata): void;
  /** What of the metadata is worth remembering in the database. */
  remembered(metadata: Metadata): unknown;
}

/** Files that a reader holds: none of them goes before `release`. */
export interface TakenFiles<Entry> {
  readonly files: readonly Entry[];
  release(): void;
}

export class ParquetCatalogue<
  Entry extends CatalogueEntry,
  Metadata extends { readonly schemaVersion: number },
> {
  readonly #shape: CatalogueShape<Entry, Metadata>;
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #files = new Map<string, Entry>();
  readonly #pins = new Map<string, number>();
  readonly #doomed = new Set<string>();
  /** Files of which it is not known what they hold. */
  readonly unreadable: string[] = [];
  /** Grows with every change of what is listed. */
  version = 0;
  readonly counters = {
    temporaryFilesRemoved: 0,
    filesAdopted: 0,
    filesUnreadable: 0,
    filesReplaced: 0,
    filesExpired: 0,
  };

  constructor(shape: CatalogueShape<Entry, Metadata>, database: Database, logger: Logger) {
    this.#shape = shape;
    this.#database = database;
    this.#logger = logger;
  }

  /**
   * Lists the folder, removes what a killed process left half done, and learns of unknown files. Throws the
   * UserError `store_newer` when a file is of a later schema.
   */
  async open(): Promise<void> {
    const { table, directory } = this.#shape;
    await this.#database.run(
      `CREATE TABLE IF NOT EXISTS ${table} ("segment" VARCHAR PRIMARY KEY, "octets" UBIGINT, "metadata" VARCHAR)`,
    );
    const known = await this.#known();
    for (const path of listFiles(directory)) {
      if (!path.endsWith(TEMPORARY_SUFFIX)) await this.#discover(path, known);
      else {
        rmSync(path, { force: true });
        this.counters.temporaryFilesRemoved += 1;
      }
    }
    await this.#finishReplacements();
    for (const name of known.keys()) if (!this.#files.has(name)) await this.#forget(name);
  }

  files(): IterableIterator<Entry> {
    return this.#files.values();
  }

  /** Whether the contents of a file are there, under its name or in one that replaces it. */
  has(name: string): boolean {
    if (this.#files.has(name)) return true;
    for (const { lineage } of this.#files.values()) if (lineage.includes(name)) return true;
    return false;
  }

  take(wanted: (file: Entry) => boolean): TakenFiles<Entry> {
    const files = [...this.#files.values()].filter(wanted);
    for (const { path } of files) this.#pins.set(path, (this.#pins.get(path) ?? 0) + 1);
    return {
      files,
      release: () => {
        for (const { path } of files) this.#unpin(path);
      },
    };
  }

  /** Writes a file and remembers it; it is listed by `add` or `replace`, when its caller wants it to be. */
  async write(
    connection: DuckDBConnection,
    file: { readonly id: SegmentId; readonly path: string; readonly rows: string; readonly options: string },
    metadata: Metadata,
  ): Promise<Entry> {
    const { id, path } = file;
    const octets = await writeParquet(connection, { ...file, metadata });
    await this.#remember(formatSegmentId(id), octets, metadata);
    faultPoint('file-recorded');
    return this.#shape.entry(id, path, octets, metadata);
  }

  add(file: Entry): void {
    this.version += 1;
    this.#files.set(nameOf(file), file);
  }

  /** Lists `merged` in place of `files`, in one step for whoever asks; the files go when nobody reads them. */
  async replace(files: readonly Entry[], merged: Entry): Promise<void> {
    for (const file of files) this.#files.delete(nameOf(file));
    this.add(merged);
    for (const file of files) await this.#remove(file);
    this.counters.filesReplaced += files.length;
  }

  /** Forgets and deletes files; one that a query reads goes when the query ends. */
  async expire(expired: (file: Entry) => boolean): Promise<readonly Entry[]> {
    const gone = [...this.#files.values()].filter(expired);
    if (gone.length > 0) this.version += 1;
    for (const file of gone) this.#files.delete(nameOf(file));
    for (const file of gone) await this.#remove(file);
    this.counters.filesExpired += gone.length;
    return gone;
  }

  /** No longer lists a file, which stays where it is. */
  async forget(file: Entry): Promise<void> {
    this.version += 1;
    this.#files.delete(nameOf(file));
    await this.#forget(nameOf(file));
  }

  async #remove(file: Entry): Promise<void> {
    if (this.#pins.has(file.path)) this.#doomed.add(file.path);
    else rmSync(file.path, { force: true });
    faultPoint('file-removed');
    await this.#forget(nameOf(file));
    faultPoint('file-forgotten');
  }

  #unpin(path: string): void {
    const pins = (this.#pins.get(path) ?? 1) - 1;
    if (pins > 0) {
      this.#pins.set(path, pins);
      return;
    }
    this.#pins.delete(path);
    if (this.#doomed.delete(path)) rmSync(path, { force: true });
  }

  async #remember(name: string, octets: number, metadata: Metadata): Promise<void> {
    const text = JSON.stringify(this.#shape.remembered(metadata));
    const values = `${quoted(name)}, ${octets}, ${quoted(text)}`;
    await this.#database.run(`INSERT OR REPLACE INTO ${this.#shape.table} VALUES (${values})`);
  }

  async #forget(name: string): Promise<void> {
    await this.#database.run(`DELETE FROM ${this.#shape.table} WHERE "segment" = ${quoted(name)}`);
  }

  async #discover(path: string, known: ReadonlyMap<string, Known<Metadata>>): Promise<void> {
    const name = /([^/\\]+)\.parquet$/.exec(path)?.[1];
    const id = parseSegmentId(name ?? '');
    if (name === undefined || id === undefined) return;
    const octets = statSync(path).size;
    const remembered = known.get(name);
    const isKnown = remembered?.octets === octets;
    const metadata = isKnown ? remembered.metadata : await this.#adopt(path);
    if (metadata === undefined) return;
    this.add(this.#shape.entry(id, path, octets, metadata));
    if (!isKnown) await this.#remember(name, octets, metadata);
  }

  /** A process that died between a merge and the removal of what it merged left both. */
  async #finishReplacements(): Promise<void> {
    const replaced = new Set([...this.#files.values()].flatMap(({ lineage }) => lineage.slice(1)));
    const gone = await this.expire((file) => replaced.has(nameOf(file)));
    this.counters.filesReplaced += gone.length;
    this.counters.filesExpired -= gone.length;
  }

  async #known(): Promise<Map<string, Known<Metadata>>> {
    const { rows } = await this.#database.rows(
      `SELECT "segment", "octets", "metadata" FROM ${this.#shape.table}`,
    );
    return new Map(
      rows.map(([name, octets, metadata]) => [
        String(name),
        { octets: Number(octets), metadata: JSON.parse(String(metadata)) as Metadata },
      ]),
    );
  }

  /** Reads what a file says of itself; a file that says nothing, or is damaged, is left alone and not used. */
  async #adopt(path: string): Promise<Metadata | undefined> {
    try {
      const metadata = await readMetadata<Metadata>(this.#database.connection, path);
      this.#shape.adopt(metadata);
      this.counters.filesAdopted += 1;
      return metadata;
    } catch (error) {
      if (error instanceof UserError) throw error;
      this.counters.filesUnreadable += 1;
      this.unreadable.push(path);
      this.#logger.error(
        { path, error: String(error) },
        'a Parquet file of the store is not readable; left out',
      );
      return undefined;
    }
  }
}

interface Known<Metadata> {
  readonly octets: number;
  readonly metadata: Metadata;
}

function nameOf({ lineage }: CatalogueEntry): string {
  return lineage[0] ?? '';
}

/** What a file says of itself. Throws when it says nothing, and `store_newer` when a later version wrote it. */
export async function readMetadata<Metadata extends { readonly schemaVersion: number }>(
  connection: DuckDBConnection,
  path: string,
): Promise<Metadata> {
  const sql = `SELECT decode(value) FROM parquet_kv_metadata(${quoted(path)}) WHERE decode(key) = 'weir'`;
  const { rows } = await readRows(connection, sql, 1);
  const metadata = JSON.parse(String(rows[0]?.[0])) as Metadata;
  if (metadata.schemaVersion <= SCHEMA_VERSION) return metadata;
  const versions = `schema ${metadata.schemaVersion}; this program reads up to ${SCHEMA_VERSION}`;
  throw new UserError('store_newer', `a later version of weir wrote ${path} (${versions})`);
}

function listFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries: Dirent[] = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
