/**
 * The sealed segments: Parquet files below `flows/date=YYYY-MM-DD/hour=HH/`. The folder is the truth; the
 * table `segments` in weir.duckdb only saves opening every file at the start. A file comes into being whole
 * and is never changed after that. Files of one hour may be merged into one, which says which it replaces.
 */
import { type Dirent, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { assert, ensure, type Logger, UserError } from '@weir/base';
import type { ExporterIdentity, ExtraLayout } from '@weir/ipfix';
import { type Database, quoted, readRows } from './database.ts';
import { type DimensionTable, layoutText, parseLayout } from './dimension-table.ts';
import { faultPoint } from './fault-point.ts';
import { type AskedColumn, flowsRelation } from './flows-relation.ts';
import { TEMPORARY_SUFFIX, writeParquet } from './parquet-file.ts';
import { type FileMetadata, SCHEMA_VERSION, type SealedFile, sealedFile } from './sealed-file.ts';
import { formatSegmentId, type OpenSegment, parquetName, parseSegmentId, type SegmentId } from './segment.ts';
import { STORED_COLUMNS } from './stored-column.ts';
import { emptyBounds, mergeBounds } from './time-bounds.ts';

/**
 * Measured on realistic records, CPU s per million to write and octets a record: Parquet version 1, zstd 3:
 * 0.52 and 20.6; version 2: 0.30 and 22.8; with level 1: 0.28 and 22.8; without the dictionaries that pay
 * for themselves only by their small size: 0.21 and 23.1. Reading costs the same or less.
 */
const PARQUET_OPTIONS =
  'FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1000';
/**
 * Addresses prune: a row group knows its least and largest. Measured on 983,040 records: writing costs 0.39
 * CPU s per million instead of 0.21 and the file is as large; a look for one source 0.002 instead of 0.009, a
 * top-10 of sources 0.044 instead of 0.075. By 5 minutes first: 0.005 and 0.046, and 0.6 octets more a record.
 */
const SORT_KEY: readonly string[] = ['srcAddrHi', 'srcAddrLo'];
/**
 * Texts are written from their ENUM, whose whole dictionary goes into each column of each row group, as long
 * as it is small; readers see text in both cases. Measured with 11 columns of 300 labels: 0.39 CPU s per
 * million and 30.2 octets a record (as text 0.92 and 28.4; without labels 0.27 and 23.1); with 14 columns of
 * 7400 labels 0.56 and 37.8 (as text 1.04 and 36.8).
 */
const ENUM_TEXTS_MAX = 8192;

export interface DimensionTables {
  readonly exporters: DimensionTable<ExporterIdentity>;
  readonly layouts: DimensionTable<ExtraLayout>;
}

/** Files that a reader holds: none of them goes before `release`. */
export interface TakenFiles {
  readonly files: readonly SealedFile[];
  release(): void;
}

export class Lake {
  readonly #directory: string;
  readonly #database: Database;
  readonly #dimensions: DimensionTables;
  readonly #logger: Logger;
  readonly #files = new Map<string, SealedFile>();
  readonly #pins = new Map<string, number>();
  readonly #doomed = new Set<string>();
  readonly counters = {
    temporaryFilesRemoved: 0,
    filesAdopted: 0,
    filesUnreadable: 0,
    filesReplaced: 0,
    filesExpired: 0,
  };

  private constructor(directory: string, database: Database, dimensions: DimensionTables, logger: Logger) {
    this.#directory = directory;
    this.#database = database;
    this.#dimensions = dimensions;
    this.#logger = logger;
  }

  /**
   * Lists the folder, removes what a killed process left half done, and learns of unknown files. Throws the
   * UserError `store_newer` when a file is of a later schema.
   */
  static async open(directory: string, database: Database, dimensions: DimensionTables, logger: Logger) {
    const lake = new Lake(directory, database, dimensions, logger);
    await database.run(
      'CREATE TABLE IF NOT EXISTS segments ("segment" VARCHAR PRIMARY KEY, "octets" UBIGINT, "metadata" VARCHAR)',
    );
    await lake.#discover();
    return lake;
  }

  files(): IterableIterator<SealedFile> {
    return this.#files.values();
  }

  /** Whether the records of a segment are in a file, its own or one that replaces it. */
  has(id: SegmentId): boolean {
    const name = formatSegmentId(id);
    if (this.#files.has(name)) return true;
    for (const { lineage } of this.#files.values()) if (lineage.includes(name)) return true;
    return false;
  }

  /** Files with flows of a time range, pinned until `release`. */
  take(wanted: (file: SealedFile) => boolean): TakenFiles {
    const files = [...this.#files.values()].filter(wanted);
    for (const { path } of files) this.#pins.set(path, (this.#pins.get(path) ?? 0) + 1);
    return {
      files,
      release: () => {
        for (const { path } of files) this.#unpin(path);
      },
    };
  }

  /**
   * Writes a segment, whose rows `relation` gives, as its file, which is durable when this resolves. The
   * caller lists it by `add` at the moment in which it stops listing the segment. A caller in a hurry leaves
   * the sorting to a later merge.
   */
  async seal(segment: OpenSegment, relation: string, sorted = true): Promise<SealedFile> {
    const { id, rowCount, bounds } = segment;
    const extraColumns = segment.extras.columns().map(({ name, sqlType }) => ({ name, sqlType }));
    const columnNames = segment.columnNames();
    const asEnum = segment.labels.size <= ENUM_TEXTS_MAX;
    const columns = [
      ...columnNames.map((name) => storedExpression(name, asEnum)),
      ...extraColumns.map(({ name }) => `"${name}"`),
    ];
    const facts = { rowCount, bounds: { ...bounds }, columnNames, extraColumns, sorted };
    const keys = this.#keysOf([...segment.exporterIds], [...segment.extras.keptLayoutIds]);
    const metadata: FileMetadata = { schemaVersion: SCHEMA_VERSION, ...facts, ...keys };
    return this.#write(
      this.#database.connection,
      id,
      `SELECT ${columns.join(', ')} FROM ${relation}`,
      metadata,
    );
  }

  add(file: SealedFile): void {
    this.#files.set(formatSegmentId(file.id), file);
  }

  /**
   * Writes the records of `files`, which belong to one hour and are pinned by the caller, into one file with
   * a sequence number of its own. Nothing changes for queries until `replace`.
   */
  async merge(files: readonly SealedFile[], sequence: number): Promise<SealedFile> {
    const [first] = files;
    assert(first !== undefined, 'there is something to merge');
    const extraColumns = unionOf(files.map((file) => file.extraColumns));
    const present = new Set(files.flatMap(({ columnNames }) => columnNames));
    const columnNames = STORED_COLUMNS.map(({ name }) => name).filter((name) => present.has(name));
    const relation = flowsRelation(files, [], undefined, extraColumns);
    const connection = await this.#database.connect();
    try {
      const keys = async (name: string) =>
        present.has(name) ? distinctKeys(connection, relation, name) : [];
      const bounds = emptyBounds();
      for (const file of files) mergeBounds(bounds, file.bounds);
      const metadata: FileMetadata = {
        schemaVersion: SCHEMA_VERSION,
        rowCount: files.reduce((sum, file) => sum + file.rowCount, 0),
        bounds,
        columnNames,
        extraColumns,
        sorted: true,
        replaces: files.flatMap(({ lineage }) => lineage),
        ...this.#keysOf(await keys('exporterId'), await keys('extraLayoutId')),
      };
      const columns = [...columnNames, ...extraColumns.map(({ name }) => name)].map((name) => `"${name}"`);
      const id = { hourMs: first.id.hourMs, sequence };
      return await this.#write(connection, id, `SELECT ${columns.join(', ')} FROM ${relation}`, metadata);
    } finally {
      connection.disconnectSync();
    }
  }

  /** Lists `merged` in place of `files`, in one step for whoever asks; the files go when nobody reads them. */
  async replace(files: readonly SealedFile[], merged: SealedFile): Promise<void> {
    for (const file of files) this.#files.delete(formatSegmentId(file.id));
    this.add(merged);
    for (const file of files) await this.#remove(file);
    this.counters.filesReplaced += files.length;
  }

  /** Forgets and deletes files; one that a query reads goes when the query ends. */
  async expire(expired: (file: SealedFile) => boolean): Promise<number> {
    let count = 0;
    for (const [name, file] of this.#files) {
      if (!expired(file)) continue;
      this.#files.delete(name);
      await this.#remove(file);
      count += 1;
    }
    this.counters.filesExpired += count;
    return count;
  }

  async #remove({ id, path }: SealedFile): Promise<void> {
    if (this.#pins.has(path)) this.#doomed.add(path);
    else rmSync(path, { force: true });
    faultPoint('file-removed');
    await this.#database.run(`DELETE FROM segments WHERE "segment" = ${quoted(formatSegmentId(id))}`);
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

  async #write(
    connection: DuckDBConnection,
    id: SegmentId,
    select: string,
    metadata: FileMetadata,
  ): Promise<SealedFile> {
    const sortable =
      metadata.sorted === true && SORT_KEY.every((name) => metadata.columnNames.includes(name));
    const order = sortable ? ` ORDER BY ${SORT_KEY.map((name) => `"${name}"`).join(', ')}` : '';
    const path = join(this.#directory, parquetName(id));
    const rows = `${select}${order}`;
    const octets = await writeParquet(connection, { path, rows, options: PARQUET_OPTIONS, metadata });
    const file = sealedFile(id, path, octets, metadata);
    await this.#record(file, metadata);
    faultPoint('file-recorded');
    return file;
  }

  #keysOf(
    exporterIds: readonly number[],
    layoutIds: readonly number[],
  ): Pick<FileMetadata, 'exporters' | 'layouts'> {
    const { exporters, layouts } = this.#dimensions;
    return {
      exporters: exporterIds.map((key) => [key, ensure(exporters.valueOf(key), 'a key has a value')]),
      layouts: layoutIds.map((key) => [key, layoutText(ensure(layouts.valueOf(key), 'a key has a value'))]),
    };
  }

  async #record(file: SealedFile, metadata: FileMetadata): Promise<void> {
    const { exporters: _, layouts: __, ...small } = metadata;
    const values = `${quoted(formatSegmentId(file.id))}, ${file.octets}, ${quoted(JSON.stringify(small))}`;
    await this.#database.run(`INSERT OR REPLACE INTO segments VALUES (${values})`);
  }

  async #discover(): Promise<void> {
    const known = await this.#knownSegments();
    for (const path of listFiles(this.#directory)) {
      if (path.endsWith(TEMPORARY_SUFFIX)) {
        rmSync(path, { force: true });
        this.counters.temporaryFilesRemoved += 1;
        continue;
      }
      const name = /([^/\\]+)\.parquet$/.exec(path)?.[1];
      const id = parseSegmentId(name ?? '');
      if (name === undefined || id === undefined) continue;
      const octets = statSync(path).size;
      const remembered = known.get(name);
      const metadata = remembered?.octets === octets ? remembered.metadata : await this.#adopt(path);
      if (metadata === undefined) continue;
      const file = sealedFile(id, path, octets, metadata);
      this.#files.set(name, file);
      if (remembered?.octets !== octets) await this.#record(file, metadata);
    }
    await this.#finishReplacements();
    for (const name of known.keys()) {
      if (this.#files.has(name)) continue;
      await this.#database.run(`DELETE FROM segments WHERE "segment" = ${quoted(name)}`);
    }
  }

  /** A process that died between a merge and the removal of what it merged left both. */
  async #finishReplacements(): Promise<void> {
    const replaced = new Set([...this.#files.values()].flatMap(({ lineage }) => lineage.slice(1)));
    this.counters.filesReplaced += await this.expire(({ id }) => replaced.has(formatSegmentId(id)));
    this.counters.filesExpired = 0;
  }

  async #knownSegments(): Promise<Map<string, { octets: number; metadata: FileMetadata }>> {
    const { rows } = await this.#database.rows('SELECT "segment", "octets", "metadata" FROM segments');
    return new Map(
      rows.map(([name, octets, metadata]) => [
        String(name),
        { octets: Number(octets), metadata: JSON.parse(String(metadata)) as FileMetadata },
      ]),
    );
  }

  /** Reads what a file says of itself; a file that says nothing, or is damaged, is left alone and not used. */
  async #adopt(path: string): Promise<FileMetadata | undefined> {
    try {
      const metadata = await readMetadata(this.#database.connection, path);
      for (const [key, exporter] of metadata.exporters) this.#dimensions.exporters.adopt(key, exporter);
      for (const [key, layout] of metadata.layouts) this.#dimensions.layouts.adopt(key, parseLayout(layout));
      this.counters.filesAdopted += 1;
      return metadata;
    } catch (error) {
      if (error instanceof UserError) throw error;
      this.counters.filesUnreadable += 1;
      this.#logger.error(
        { path, error: String(error) },
        'a Parquet file of the store is not readable; left out',
      );
      return undefined;
    }
  }
}

/** What a file says of itself. Throws when it says nothing, and `store_newer` when a later version wrote it. */
async function readMetadata(connection: DuckDBConnection, path: string): Promise<FileMetadata> {
  const sql = `SELECT decode(value) FROM parquet_kv_metadata(${quoted(path)}) WHERE decode(key) = 'weir'`;
  const { rows } = await readRows(connection, sql, 1);
  const metadata = JSON.parse(String(rows[0]?.[0])) as FileMetadata;
  if (metadata.schemaVersion <= SCHEMA_VERSION) return metadata;
  const versions = `schema ${metadata.schemaVersion}; this program reads up to ${SCHEMA_VERSION}`;
  throw new UserError('store_newer', `a later version of weir wrote ${path} (${versions})`);
}

async function distinctKeys(connection: DuckDBConnection, relation: string, name: string): Promise<number[]> {
  const sql = `SELECT DISTINCT "${name}" FROM ${relation} WHERE "${name}" IS NOT NULL`;
  const { rows } = await readRows(connection, sql, Number.MAX_SAFE_INTEGER);
  return rows.map(([key]) => Number(key));
}

function unionOf(lists: readonly (readonly AskedColumn[])[]): AskedColumn[] {
  return [...new Map(lists.flat().map((column) => [column.name, column])).values()];
}

const TEXT_NAMES = new Set(
  STORED_COLUMNS.filter(({ typeId }) => typeId === undefined).map(({ name }) => name),
);

/** A column of open records as the file shall have it. */
function storedExpression(name: string, asEnum: boolean): string {
  return TEXT_NAMES.has(name) && !asEnum ? `"${name}"::VARCHAR AS "${name}"` : `"${name}"`;
}

function listFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries: Dirent[] = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
