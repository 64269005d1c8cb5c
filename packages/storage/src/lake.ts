/**
 * The sealed segments: Parquet files below `flows/date=YYYY-MM-DD/hour=HH/`. The folder is the truth; the
 * table `segments` in weir.duckdb only saves opening every file at the start. A file comes into being under
 * a temporary name, is made durable and renamed, and is never changed after that.
 */
import {
  type Dirent,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ensure, type Logger } from '@weir/base';
import type { ExporterIdentity, ExtraLayout } from '@weir/ipfix';
import { type Database, quoted } from './database.ts';
import { type DimensionTable, layoutText, parseLayout } from './dimension-table.ts';
import type { AskedColumn } from './flows-relation.ts';
import { formatSegmentId, type OpenSegment, parquetName, parseSegmentId, type SegmentId } from './segment.ts';
import { STORED_COLUMNS } from './stored-column.ts';
import type { TimeBounds } from './time-bounds.ts';

/**
 * Measured on realistic records, CPU s per million to write and octets a record: Parquet version 1, zstd 3:
 * 0.52 and 20.6; version 2: 0.30 and 22.8; with level 1: 0.28 and 22.8; without the dictionaries that pay
 * for themselves only by their small size: 0.21 and 23.1. Reading costs the same or less.
 */
const PARQUET_OPTIONS =
  'FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1000';
/**
 * Texts are written from their ENUM, whose whole dictionary goes into each column of each row group, as long
 * as it is small; readers see text in both cases. Measured with 11 columns of 300 labels: 0.39 CPU s per
 * million and 30.2 octets a record (as text 0.92 and 28.4; without labels 0.27 and 23.1); with 14 columns of
 * 7400 labels 0.56 and 37.8 (as text 1.04 and 36.8).
 */
const ENUM_TEXTS_MAX = 8192;
const TEMPORARY_SUFFIX = '.tmp';
/** Of what this program writes; a reader that finds a higher one must not guess. */
const SCHEMA_VERSION = 2;

export interface SealedFile {
  readonly id: SegmentId;
  readonly path: string;
  readonly rowCount: number;
  readonly octets: number;
  readonly bounds: Readonly<TimeBounds>;
  /** The stored columns that the file has; the others are null in all of its records. */
  readonly columnNames: readonly string[];
  /** Columns of elements beyond those; none in files of schema 1. */
  readonly extraColumns: readonly AskedColumn[];
}

/** What a file says of itself, under the key `weir`: enough to rebuild everything else from the files. */
interface FileMetadata {
  readonly schemaVersion: number;
  readonly rowCount: number;
  readonly bounds: TimeBounds;
  readonly columnNames: readonly string[];
  readonly extraColumns?: readonly AskedColumn[];
  readonly exporters: readonly (readonly [number, ExporterIdentity])[];
  readonly layouts: readonly (readonly [number, string])[];
}

export interface DimensionTables {
  readonly exporters: DimensionTable<ExporterIdentity>;
  readonly layouts: DimensionTable<ExtraLayout>;
}

export class Lake {
  readonly #directory: string;
  readonly #database: Database;
  readonly #dimensions: DimensionTables;
  readonly #logger: Logger;
  readonly #files = new Map<string, SealedFile>();
  readonly #pins = new Map<string, number>();
  readonly #doomed = new Set<string>();
  readonly counters = { temporaryFilesRemoved: 0, filesAdopted: 0, filesUnreadable: 0, filesExpired: 0 };

  private constructor(directory: string, database: Database, dimensions: DimensionTables, logger: Logger) {
    this.#directory = directory;
    this.#database = database;
    this.#dimensions = dimensions;
    this.#logger = logger;
  }

  /** Lists the folder, removes what a killed process left half written, and learns of unknown files. */
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

  has(id: SegmentId): boolean {
    return this.#files.has(formatSegmentId(id));
  }

  /** Files with flows of a time range, pinned until `release`. */
  take(wanted: (file: SealedFile) => boolean): { readonly files: readonly SealedFile[]; release(): void } {
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
   * caller lists it by `add` at the moment in which it stops listing the segment.
   */
  async seal(segment: OpenSegment, relation: string): Promise<SealedFile> {
    const { id, rowCount, bounds } = segment;
    const extraColumns = segment.extras.columns().map(({ name, sqlType }) => ({ name, sqlType }));
    const facts = { rowCount, bounds: { ...bounds }, columnNames: segment.columnNames(), extraColumns };
    const path = join(this.#directory, parquetName(id));
    const temporary = `${path}${TEMPORARY_SUFFIX}`;
    mkdirSync(dirname(path), { recursive: true });
    const metadata: FileMetadata = { schemaVersion: SCHEMA_VERSION, ...facts, ...this.#keysOf(segment) };
    const asEnum = segment.labels.size <= ENUM_TEXTS_MAX;
    const columns = [
      ...facts.columnNames.map((name) => storedExpression(name, asEnum)),
      ...extraColumns.map(({ name }) => `"${name}"`),
    ].join(', ');
    try {
      await this.#database.run(
        `COPY (SELECT ${columns} FROM ${relation}) TO ${quoted(temporary)}
         (${PARQUET_OPTIONS}, KV_METADATA {weir: ${quoted(JSON.stringify(metadata))}})`,
      );
      await syncPath(temporary);
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    await syncPath(dirname(path));
    const file: SealedFile = { id, path, octets: statSync(path).size, ...facts };
    await this.#record(file, metadata);
    return file;
  }

  add(file: SealedFile): void {
    this.#files.set(formatSegmentId(file.id), file);
  }

  /** Forgets and deletes files; one that a query reads goes when the query ends. */
  async expire(expired: (file: SealedFile) => boolean): Promise<number> {
    let count = 0;
    for (const [name, file] of this.#files) {
      if (!expired(file)) continue;
      this.#files.delete(name);
      if (this.#pins.has(file.path)) this.#doomed.add(file.path);
      else unlinkSync(file.path);
      await this.#database.run(`DELETE FROM segments WHERE "segment" = ${quoted(name)}`);
      count += 1;
    }
    this.counters.filesExpired += count;
    return count;
  }

  #unpin(path: string): void {
    const pins = (this.#pins.get(path) ?? 1) - 1;
    if (pins > 0) {
      this.#pins.set(path, pins);
      return;
    }
    this.#pins.delete(path);
    if (this.#doomed.delete(path)) unlinkSync(path);
  }

  #keysOf({ exporterIds, extras }: OpenSegment): Pick<FileMetadata, 'exporters' | 'layouts'> {
    const { exporters, layouts } = this.#dimensions;
    return {
      exporters: [...exporterIds].map((key) => [key, ensure(exporters.valueOf(key), 'a key has a value')]),
      layouts: [...extras.keptLayoutIds].map((key) => [
        key,
        layoutText(ensure(layouts.valueOf(key), 'a key has a value')),
      ]),
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
      const { rowCount, bounds, columnNames, extraColumns = [] } = metadata;
      const file = {
        id,
        path,
        octets,
        rowCount,
        bounds,
        columnNames: knownColumns(columnNames),
        extraColumns,
      };
      this.#files.set(name, file);
      if (remembered?.octets !== octets) await this.#record(file, metadata);
      known.delete(name);
    }
    for (const name of known.keys()) {
      if (!this.#files.has(name)) {
        await this.#database.run(`DELETE FROM segments WHERE "segment" = ${quoted(name)}`);
      }
    }
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
      const { rows } = await this.#database.rows(
        `SELECT decode(value) FROM parquet_kv_metadata(${quoted(path)}) WHERE decode(key) = 'weir'`,
      );
      const metadata = JSON.parse(String(rows[0]?.[0])) as FileMetadata;
      if (metadata.schemaVersion > SCHEMA_VERSION) throw new Error(`schema ${metadata.schemaVersion}`);
      for (const [key, exporter] of metadata.exporters) this.#dimensions.exporters.adopt(key, exporter);
      for (const [key, layout] of metadata.layouts) this.#dimensions.layouts.adopt(key, parseLayout(layout));
      this.counters.filesAdopted += 1;
      return metadata;
    } catch (error) {
      this.counters.filesUnreadable += 1;
      this.#logger.error(
        { path, error: String(error) },
        'a Parquet file of the store is not readable; left out',
      );
      return undefined;
    }
  }
}

const TEXT_NAMES = new Set(
  STORED_COLUMNS.filter(({ typeId }) => typeId === undefined).map(({ name }) => name),
);

/** A column of open records as the file shall have it. */
function storedExpression(name: string, asEnum: boolean): string {
  return TEXT_NAMES.has(name) && !asEnum ? `"${name}"::VARCHAR AS "${name}"` : `"${name}"`;
}

const STORED_NAMES = new Set(STORED_COLUMNS.map(({ name }) => name));

function knownColumns(names: readonly string[]): string[] {
  return names.filter((name) => STORED_NAMES.has(name));
}

function listFiles(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const entries: Dirent[] = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
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
