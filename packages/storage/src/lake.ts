/**
 * The sealed segments: Parquet files below `flows/date=YYYY-MM-DD/hour=HH/`, sorted by source address. Files
 * of one hour may be merged into one.
 */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { assert, ensure, type Logger } from '@weir/base';
import type { ExporterIdentity, ExtraLayout } from '@weir/ipfix';
import { type Database, type Engines, quoted, readRows } from './database.ts';
import { type DimensionTable, layoutText, parseLayout } from './dimension-table.ts';
import { type AskedColumn, flowsRelation } from './flows-relation.ts';
import { type CatalogueShape, ParquetCatalogue, type TakenFiles } from './parquet-catalogue.ts';
import { type FileMetadata, SCHEMA_VERSION, type SealedFile, sealedFile } from './sealed-file.ts';
import { formatSegmentId, HOUR_MS, type OpenSegment, parquetName, type SegmentId } from './segment.ts';
import { STORED_COLUMNS } from './stored-column.ts';
import { emptyBounds, mergeBounds } from './time-bounds.ts';

/**
 * Measured on realistic records, CPU s per million to write and octets a record: Parquet version 1, zstd 3:
 * 0.52 and 20.6; version 2: 0.30 and 22.8; with level 1: 0.28 and 22.8; without the dictionaries that pay
 * for themselves only by their small size: 0.21 and 23.1. Reading costs the same or less.
 */
const PARQUET_OPTIONS =
  'FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 1000';
/** Of rows that need not stay in order: all threads of the engine can take part. */
const UNORDERED_OPTIONS = `${PARQUET_OPTIONS}, PRESERVE_ORDER false`;
/**
 * Addresses prune: a row group knows its least and largest. Measured on 983,040 records: writing costs 0.39
 * CPU s per million instead of 0.21 and the file is as large; a look for one source 0.002 instead of 0.009, a
 * top-10 of sources 0.044 instead of 0.075. By 5 minutes first: 0.005 and 0.046, and 0.6 octets more a record.
 * By time among those of one source: 29.8 octets a record instead of 31.5, for 6 % more time.
 */
const SORT_KEY: readonly string[] = ['srcAddrHi', 'srcAddrLo'];
const SORT_LAST = 'flowEnd';
/**
 * Sorting holds whole records: those of a flood of forged templates, with 170 columns, took 4 GB. Files of more columns
 * stay as they came.
 */
const SORTED_COLUMNS_MAX = 100;
/** Values of a row group, which a thread holds while it writes: 40 columns of the engine's 122,880 rows. */
const ROW_GROUP_VALUES = 40 * 122_880;
/** The engine's vectors; row groups are whole ones. */
const VECTOR_ROWS = 2048;
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

/** Keys of this store by those of another. */
type KeyMap = ReadonlyMap<number, number | undefined>;

export class Lake {
  readonly parquetOptions = PARQUET_OPTIONS;
  readonly #directory: string;
  readonly #database: Database;
  readonly #workbench: Database;
  readonly #dimensions: DimensionTables;
  readonly catalogue: ParquetCatalogue<SealedFile, FileMetadata>;

  private constructor(directory: string, engines: Engines, dimensions: DimensionTables, logger: Logger) {
    const { database, workbench } = engines;
    this.#directory = directory;
    this.#database = database;
    this.#workbench = workbench;
    this.#dimensions = dimensions;
    this.catalogue = new ParquetCatalogue(sealedFiles(directory, dimensions), database, logger);
  }

  /** Throws the UserError `store_newer` when a file is of a later schema. */
  static async open(directory: string, engines: Engines, dimensions: DimensionTables, logger: Logger) {
    const lake = new Lake(directory, engines, dimensions, logger);
    await lake.catalogue.open();
    return lake;
  }

  files(): IterableIterator<SealedFile> {
    return this.catalogue.files();
  }

  /** Whether the records of a segment are in a file, its own or one that replaces it. */
  has(id: SegmentId): boolean {
    return this.catalogue.has(formatSegmentId(id));
  }

  take(wanted: (file: SealedFile) => boolean): TakenFiles<SealedFile> {
    return this.catalogue.take(wanted);
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
    const facts = {
      rowCount,
      bounds: { ...bounds },
      columnNames,
      extraColumns,
      sorted: sorted && isSortable({ columnNames, extraColumns }),
    };
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
    this.catalogue.add(file);
  }

  /** Writes the records of a file of another store, a copy of which the engine may read, with keys of this store. */
  importFile(
    id: SegmentId,
    path: string,
    source: FileMetadata,
    { exporterIds, layoutIds }: { readonly exporterIds: KeyMap; readonly layoutIds: KeyMap },
    origin: string,
  ): Promise<SealedFile> {
    const { columnNames, extraColumns = [], rowCount, bounds } = source;
    const columns = [...columnNames, ...extraColumns.map(({ name }) => name)].map((name) => {
      if (name === 'exporterId') return remapped(name, exporterIds);
      return name === 'extraLayoutId' ? remapped(name, layoutIds) : `"${name}"`;
    });
    const given = (keys: KeyMap) => [...new Set(keys.values())].filter((key) => key !== undefined);
    const metadata: FileMetadata = {
      schemaVersion: SCHEMA_VERSION,
      rowCount,
      bounds,
      columnNames,
      extraColumns,
      sorted: true,
      ...(source.lastHourMs === undefined ? {} : { lastHourMs: source.lastHourMs }),
      imported: [...(source.imported ?? []), origin],
      ...this.#keysOf(given(exporterIds), given(layoutIds)),
    };
    const rows = `SELECT ${columns.join(', ')} FROM read_parquet(${quoted(path)}, hive_partitioning = false)`;
    return this.#write(this.#database.connection, id, rows, metadata);
  }

  /**
   * Writes the records of `files`, which belong to one day and are pinned by the caller, into one file with
   * a sequence number of its own. Nothing changes for queries until the catalogue's `replace`.
   */
  async merge(files: readonly SealedFile[], sequence: number): Promise<SealedFile> {
    assert(files.length > 0, 'there is something to merge');
    const firstHourMs = Math.min(...files.map(({ id }) => id.hourMs));
    const lastHourMs = Math.max(...files.map(({ endMs }) => endMs)) - HOUR_MS;
    const extraColumns = unionOf(files.map((file) => file.extraColumns));
    const present = new Set(files.flatMap(({ columnNames }) => columnNames));
    const columnNames = STORED_COLUMNS.map(({ name }) => name).filter((name) => present.has(name));
    const relation = flowsRelation(files, [], undefined, extraColumns);
    const connection = await this.#workbench.connect();
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
        sorted: isSortable({ columnNames, extraColumns }),
        replaces: files.flatMap(({ lineage }) => lineage),
        ...(lastHourMs === firstHourMs ? {} : { lastHourMs }),
        imported: files.flatMap(({ imported }) => imported),
        ...this.#keysOf(await keys('exporterId'), await keys('extraLayoutId')),
      };
      const columns = [...columnNames, ...extraColumns.map(({ name }) => name)].map((name) => `"${name}"`);
      const id = { hourMs: firstHourMs, sequence };
      return await this.#write(connection, id, `SELECT ${columns.join(', ')} FROM ${relation}`, metadata);
    } finally {
      connection.disconnectSync();
    }
  }

  #write(
    connection: DuckDBConnection,
    id: SegmentId,
    select: string,
    metadata: FileMetadata,
  ): Promise<SealedFile> {
    const sortable =
      metadata.sorted === true && SORT_KEY.every((name) => metadata.columnNames.includes(name));
    const keys = [...SORT_KEY, ...(metadata.columnNames.includes(SORT_LAST) ? [SORT_LAST] : [])];
    const order = sortable ? ` ORDER BY ${keys.map((name) => `"${name}"`).join(', ')}` : '';
    const path = join(this.#directory, parquetName(id, metadata.lastHourMs));
    const options = sortable ? PARQUET_OPTIONS : UNORDERED_OPTIONS;
    const file = { id, path, rows: `${select}${order}`, options: `${options}${rowGroupSize(metadata)}` };
    return this.catalogue.write(connection, file, metadata);
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
}

/** Whether the records of a file are few enough columns to be sorted. */
export function isSortable({
  columnNames,
  extraColumns = [],
}: Pick<FileMetadata, 'columnNames' | 'extraColumns'>): boolean {
  return columnNames.length + extraColumns.length <= SORTED_COLUMNS_MAX;
}

function rowGroupSize({ columnNames, extraColumns = [] }: FileMetadata): string {
  const columns = columnNames.length + extraColumns.length;
  if (isSortable({ columnNames, extraColumns })) return '';
  const vectors = Math.max(1, Math.floor(ROW_GROUP_VALUES / columns / VECTOR_ROWS));
  return `, ROW_GROUP_SIZE ${vectors * VECTOR_ROWS}`;
}

function sealedFiles(
  directory: string,
  dimensions: DimensionTables,
): CatalogueShape<SealedFile, FileMetadata> {
  return {
    table: 'segments',
    directory,
    entry: sealedFile,
    adopt({ exporters, layouts }) {
      for (const [key, exporter] of exporters) dimensions.exporters.adopt(key, exporter);
      for (const [key, layout] of layouts) dimensions.layouts.adopt(key, parseLayout(layout));
    },
    remembered: ({ exporters: _, layouts: __, ...small }) => small,
  };
}

async function distinctKeys(connection: DuckDBConnection, relation: string, name: string): Promise<number[]> {
  const sql = `SELECT DISTINCT "${name}" FROM ${relation} WHERE "${name}" IS NOT NULL`;
  const { rows } = await readRows(connection, sql, Number.MAX_SAFE_INTEGER);
  return rows.map(([key]) => Number(key));
}

function unionOf(lists: readonly (readonly AskedColumn[])[]): AskedColumn[] {
  return [...new Map(lists.flat().map((column) => [column.name, column])).values()];
}

/** A column of keys of another store with those of this one. */
function remapped(name: string, keys: KeyMap): string {
  const cases = [...keys].map(([from, to]) => `WHEN ${from} THEN ${to ?? 'NULL'}`).join(' ');
  const value = cases === '' ? 'NULL' : `CASE "${name}" ${cases} END`;
  return `(${value})::UINTEGER AS "${name}"`;
}

const TEXT_NAMES = new Set(
  STORED_COLUMNS.filter(({ typeId }) => typeId === undefined).map(({ name }) => name),
);

/** A column of open records as the file shall have it. */
function storedExpression(name: string, asEnum: boolean): string {
  return TEXT_NAMES.has(name) && !asEnum ? `"${name}"::VARCHAR AS "${name}"` : `"${name}"`;
}
