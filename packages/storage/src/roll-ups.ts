/**
 * The roll-ups: Parquet files `rollup=1m/date=YYYY-MM-DD/*.parquet` and `rollup=1h/…` in the data folder. Each
 * sums up sealed segments as a whole, by when their flows ended, and sums add up: so records that arrive late
 * or are replayed only add a file, and a question takes what is not summed up yet from the records.
 */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { RollupCoverage, TimeRange } from '@weir/analysis';
import { assert, ensure, type Logger } from '@weir/base';
import { type Database, type Engines, readRows } from './database.ts';
import { faultPoint } from './fault-point.ts';
import { flowsRelation } from './flows-relation.ts';
import type { DimensionTables } from './lake.ts';
import { type CatalogueShape, ParquetCatalogue } from './parquet-catalogue.ts';
import { type BuiltLevel, RollUpBuilder } from './roll-up-builder.ts';
import { columnsOf, cubesOf, LEVELS, ROLL_UP_COLUMNS, type RollUpLevel, stepOf } from './roll-up-cube.ts';
import {
  type CubeLoss,
  type RollUpFile,
  type RollUpMetadata,
  rollUpFile,
  rollUpName,
} from './roll-up-file.ts';
import { rolledRows } from './roll-up-relation.ts';
import { SCHEMA_VERSION, type SealedFile } from './sealed-file.ts';
import type { SegmentId } from './segment.ts';

/** Row groups so small that a question about one cube reads little of the others. */
const PARQUET_OPTIONS =
  'FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 61440';
export const DAY_MS = 86_400_000;

/** The folders of the roll-ups in a data folder. */
export function rollUpDirectories(dataDirectory: string): string[] {
  return LEVELS.map(({ level }) => join(dataDirectory, `rollup=${level}`));
}

export class RollUps {
  readonly #directory: string;
  readonly #workbench: Database;
  readonly #dimensions: DimensionTables;
  /** Names of the segments that a level has, or a cube of it, as of a version of its catalogue. */
  readonly #covered = new Map<string, { readonly version: number; readonly names: ReadonlySet<string> }>();
  readonly #catalogues: ReadonlyMap<RollUpLevel, ParquetCatalogue<RollUpFile, RollUpMetadata>>;

  private constructor(directory: string, engines: Engines, dimensions: DimensionTables, logger: Logger) {
    this.#directory = directory;
    this.#workbench = engines.workbench;
    this.#dimensions = dimensions;
    this.#catalogues = new Map(
      LEVELS.map(({ level }) => [
        level,
        new ParquetCatalogue(rollUpFiles(directory, level, dimensions), engines.database, logger),
      ]),
    );
  }

  /** `directory` is the data folder. Throws the UserError `store_newer` when a file is of a later schema. */
  static async open(directory: string, engines: Engines, dimensions: DimensionTables, logger: Logger) {
    const rollUps = new RollUps(directory, engines, dimensions, logger);
    for (const catalogue of rollUps.#catalogues.values()) await catalogue.open();
    return rollUps;
  }

  catalogue(level: RollUpLevel): ParquetCatalogue<RollUpFile, RollUpMetadata> {
    return ensure(this.#catalogues.get(level), 'every level has a catalogue');
  }

  unreadable(): string[] {
    return [...this.#catalogues.values()].flatMap(({ unreadable }) => unreadable);
  }

  *files(): Generator<RollUpFile> {
    for (const catalogue of this.#catalogues.values()) yield* catalogue.files();
  }

  /** The levels in which the records of a sealed file are summed up already. */
  levelsOf(file: SealedFile): RollUpLevel[] {
    return LEVELS.map(({ level }) => level).filter((level) => this.covers(level, file));
  }

  /** Whether a roll-up has the records of a sealed file; with a cube: whether that one has. */
  covers(level: RollUpLevel, { lineage }: SealedFile, cube?: string): boolean {
    const key = `${level} ${cube ?? ''}`;
    const { version } = this.catalogue(level);
    let known = this.#covered.get(key);
    if (known?.version !== version) {
      const files = [...this.catalogue(level).files()];
      const having = cube === undefined ? files : files.filter((file) => hasCube(file, cube));
      known = { version, names: new Set(having.flatMap(({ covers }) => covers)) };
      this.#covered.set(key, known);
    }
    return lineage.some((name) => known.names.has(name));
  }

  /** Sums up sealed files of one day, pinned by the caller, in levels in which none is yet. Gives the files written. */
  async add(files: readonly SealedFile[], takeSequence: () => number): Promise<number> {
    const [first] = files;
    assert(first !== undefined, 'there is something to sum up');
    const done = this.levelsOf(first);
    const levels = LEVELS.map(({ level }) => level).filter((level) => !done.includes(level));
    const connection = await this.#workbench.connect();
    try {
      const builder = new RollUpBuilder(connection, [
        ...new Set(files.flatMap(({ columnNames }) => columnNames)),
      ]);
      await builder.begin(flowsRelation(files, []));
      for (const [level, built] of await builder.build(levels)) {
        const rollUp = await this.#writeBuilt(connection, level, built, files, takeSequence());
        this.catalogue(level).add(rollUp);
        faultPoint('roll-up-listed');
      }
      return levels.length;
    } finally {
      connection.disconnectSync();
    }
  }

  /** Makes one file of those of a day of one level, pinned by the caller. */
  async merge(level: RollUpLevel, files: readonly RollUpFile[], sequence: number): Promise<void> {
    const [first] = files;
    assert(first !== undefined, 'there is something to merge');
    const columnNames = ROLL_UP_COLUMNS.filter((name) =>
      files.some((file) => file.columnNames.includes(name)),
    );
    const list = columnNames.map((name) => `"${name}", `).join('');
    const relation = `(${rolledRows(files, columnNames, undefined).join(' UNION ALL ')})`;
    // As the builder orders rows: values together, for they repeat from hour to hour.
    const rows = `SELECT "cube", "time", ${list}"other", "octets", "packets", "flows" FROM ${relation}
      ORDER BY "cube", "other", ${list}"time"`;
    const facts = {
      schemaVersion: SCHEMA_VERSION,
      level,
      fromMs: Math.min(...files.map(({ fromMs }) => fromMs)),
      toMs: Math.max(...files.map(({ toMs }) => toMs)),
      covers: files.flatMap(({ covers }) => covers),
      columnNames,
      cubes: sumOfLosses(files),
      octetsTotal: sumOf(files, ({ octetsTotal }) => octetsTotal),
      packetsTotal: sumOf(files, ({ packetsTotal }) => packetsTotal),
      flowsTotal: sumOf(files, ({ flowsTotal }) => flowsTotal),
      replaces: files.flatMap(({ lineage }) => lineage),
    };
    const connection = await this.#workbench.connect();
    try {
      const exporters = await this.#exportersOf(connection, relation, columnNames);
      const id = { hourMs: dayOf(first.id), sequence };
      const path = join(this.#directory, rollUpName(level, id));
      const file = { id, path, rows, options: PARQUET_OPTIONS };
      const merged = await this.catalogue(level).write(connection, file, { ...facts, exporters });
      await this.catalogue(level).replace(files, merged);
    } finally {
      connection.disconnectSync();
    }
  }

  /** What the roll-ups have of a time range, beside what is only in records. */
  coverage(range: TimeRange): RollupCoverage[] {
    return LEVELS.flatMap(({ level, stepMs }) => {
      const all = [...this.catalogue(level).files()].filter(
        ({ fromMs, toMs }) => fromMs < range.toMs && toMs > range.fromMs,
      );
      return cubesOf(level).flatMap((cube) => {
        const { name, ranked } = cube;
        const having = all.filter((file) => hasCube(file, name));
        if (having.length === 0) return [];
        const losses = sumOfLosses(having);
        const loss = losses[name] ?? NO_LOSS;
        const rowsOfAll = Object.values(losses).reduce((sum, { rows }) => sum + rows, 0);
        return [
          {
            level,
            stepMs,
            cube: name,
            fromMs: Math.min(...having.map(({ fromMs }) => fromMs)),
            toMs: Math.max(...having.map(({ toMs }) => toMs)),
            columns: columnsOf(level, cube),
            ranked,
            octets: Math.round((sumOf(having, ({ octets }) => octets) * loss.rows) / Math.max(1, rowsOfAll)),
            totalOctets: sumOf(having, ({ octetsTotal }) => octetsTotal),
            totalPackets: sumOf(having, ({ packetsTotal }) => packetsTotal),
            totalFlows: sumOf(having, ({ flowsTotal }) => flowsTotal),
            ...loss,
          },
        ];
      });
    });
  }

  async #writeBuilt(
    connection: DuckDBConnection,
    level: RollUpLevel,
    { relation, cubes, columnNames }: BuiltLevel,
    files: readonly SealedFile[],
    sequence: number,
  ): Promise<RollUpFile> {
    const [cube = 'src'] = cubesOf(level).map(({ name }) => name);
    const sql = `SELECT coalesce(epoch_ms(min("time")), 0)::DOUBLE, coalesce(epoch_ms(max("time")), 0)::DOUBLE,
      coalesce(sum("octets")::DOUBLE, 0), coalesce(sum("packets")::DOUBLE, 0), coalesce(sum("flows")::DOUBLE, 0)
      FROM ${relation} WHERE "cube" = '${cube}'`;
    const [facts = []] = (await readRows(connection, sql, 1)).rows;
    const [fromMs = 0, lastMs = 0, octetsTotal = 0, packetsTotal = 0, flowsTotal = 0] = facts.map(Number);
    const exporters = await this.#exportersOf(connection, relation, columnNames);
    const metadata: RollUpMetadata = {
      schemaVersion: SCHEMA_VERSION,
      level,
      fromMs,
      toMs: lastMs + stepOf(level),
      covers: files.flatMap(({ lineage }) => lineage),
      columnNames,
      cubes,
      octetsTotal,
      packetsTotal,
      flowsTotal,
      replaces: [],
      exporters,
    };
    const id: SegmentId = { hourMs: Math.min(...files.map((file) => file.id.hourMs)), sequence };
    const path = join(this.#directory, rollUpName(level, id));
    const rows = `FROM ${relation}`;
    return this.catalogue(level).write(connection, { id, path, rows, options: PARQUET_OPTIONS }, metadata);
  }

  async #exportersOf(connection: DuckDBConnection, relation: string, columnNames: readonly string[]) {
    if (!columnNames.includes('exporterId')) return [];
    const sql = `SELECT DISTINCT "exporterId" FROM ${relation} WHERE "exporterId" IS NOT NULL`;
    const { rows } = await readRows(connection, sql, Number.MAX_SAFE_INTEGER);
    const { exporters } = this.#dimensions;
    return rows.map(([key]) => {
      const exporter = ensure(exporters.valueOf(Number(key)), 'a key has a value');
      return [Number(key), exporter] as const;
    });
  }
}

function rollUpFiles(
  directory: string,
  level: RollUpLevel,
  { exporters }: DimensionTables,
): CatalogueShape<RollUpFile, RollUpMetadata> {
  return {
    table: `roll_ups_${level}`,
    directory: join(directory, `rollup=${level}`),
    entry: rollUpFile,
    adopt(metadata) {
      for (const [key, exporter] of metadata.exporters) exporters.adopt(key, exporter);
    },
    remembered: (metadata) => ({ ...metadata, exporters: [] }),
  };
}

/** Files of earlier versions lack cubes: what they cover is taken from the records then, as long as those are there. */
export function hasCube({ cubes }: RollUpFile, cube: string): boolean {
  return cubes[cube] !== undefined;
}

export function dayOf({ hourMs }: SegmentId): number {
  return Math.floor(hourMs / DAY_MS) * DAY_MS;
}

const NO_LOSS: CubeLoss = {
  rows: 0,
  boundOctets: 0,
  boundPackets: 0,
  boundFlows: 0,
  otherOctets: 0,
  otherPackets: 0,
  otherFlows: 0,
};

function sumOfLosses(files: readonly RollUpFile[]): Record<string, CubeLoss> {
  const sums: Record<string, CubeLoss> = {};
  for (const { cubes } of files) {
    for (const [name, loss] of Object.entries(cubes)) {
      const before = sums[name] ?? NO_LOSS;
      const fields = Object.keys(NO_LOSS) as (keyof CubeLoss)[];
      sums[name] = Object.fromEntries(
        fields.map((field) => [field, before[field] + loss[field]]),
      ) as unknown as CubeLoss;
    }
  }
  return sums;
}

function sumOf(files: readonly RollUpFile[], value: (file: RollUpFile) => number): number {
  return files.reduce((sum, file) => sum + value(file), 0);
}
