/**
 * Sums up the records of sealed files. On a connection of its own with temporary tables: the columns that
 * count once, then for each cube the rank of its values in each hour, then one pass that keeps the first ones.
 * The statements cost some 0.2 CPU s however few the records are, so a day's small files are summed up at once.
 *
 * Measured on 983,040 records (CPU s per million): the columns 0.3; each cube 0.02 to 0.13 for the ranks (0.6
 * for pairs) and 0.06 to 0.09 for the sums of a level.
 * Grouping by context and value together first, and ranking after, cost 0.7 for each address.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { readRows } from './database.ts';
import {
  CONTEXT,
  CUBES,
  ROLL_UP_COLUMNS,
  type RollUpCube,
  type RollUpLevel,
  sqlTypeOf,
  stepOf,
} from './roll-up-cube.ts';
import type { CubeLoss } from './roll-up-file.ts';

/** The end of a flow, as the bounds of a file count it. */
const END_MS = 'coalesce(epoch_ms(coalesce("flowEnd", "receivedAt")), 0)';
const MINUTE_MS = 60_000;
/** The largest UBIGINT that a DOUBLE can be cast to. */
const SUM_MAX = '1.8446744073709e19';

/** The rows of a level, in a temporary table of the connection. */
export interface BuiltLevel {
  readonly table: string;
  readonly cubes: Record<string, CubeLoss>;
  readonly columnNames: readonly string[];
}

export class RollUpBuilder {
  readonly #connection: DuckDBConnection;
  readonly #present: ReadonlySet<string>;

  /** `columnNames`: what the records have at all. */
  constructor(connection: DuckDBConnection, columnNames: readonly string[]) {
    this.#connection = connection;
    this.#present = new Set(columnNames);
  }

  /** Reads the records once. */
  async begin(relation: string): Promise<void> {
    const columns = ROLL_UP_COLUMNS.filter((name) => this.#present.has(name)).map((name) => `"${name}"`);
    await this.#connection.run(
      `CREATE OR REPLACE TEMP TABLE base AS
       SELECT ${[`${END_MS} // ${MINUTE_MS} AS minute`, 'minute // 60 AS hour', ...columns].join(', ')},
         coalesce("octets"::DOUBLE, 0) AS o, coalesce("packets"::DOUBLE, 0) AS p FROM ${relation}`,
    );
  }

  /** Sums up for some levels at once: the ranks are the same for all. */
  async build(levels: readonly RollUpLevel[]): Promise<ReadonlyMap<RollUpLevel, BuiltLevel>> {
    const built = new Map<RollUpLevel, BuiltLevel>();
    const columnNames = ROLL_UP_COLUMNS.filter((name) => this.#present.has(name));
    for (const level of levels) built.set(level, await this.#createTable(level, columnNames));
    for (const cube of CUBES) {
      const wanted = levels.filter((level) => cube.keep[level] !== undefined);
      const keys = cube.ranked.filter((name) => this.#present.has(name)).map((name) => `"${name}"`);
      if (wanted.length > 0 && keys.length > 0) await this.#rank(keys);
      for (const level of wanted) {
        const { table, cubes } = built.get(level)!;
        await this.#sum(table, level, cube, keys);
        cubes[cube.name] = await this.#lossOf(table, level, cube, keys.length > 0);
      }
    }
    return built;
  }

  async #createTable(level: RollUpLevel, columnNames: readonly string[]): Promise<BuiltLevel> {
    const table = `level_${level}`;
    const columns = columnNames.map((name) => `"${name}" ${sqlTypeOf(name)}, `).join('');
    await this.#connection.run(
      `CREATE OR REPLACE TEMP TABLE ${table} ("cube" VARCHAR, "time" TIMESTAMP_MS, ${columns}"other" BOOLEAN,
         "octets" UBIGINT, "packets" UBIGINT, "flows" UBIGINT)`,
    );
    return { table, cubes: {}, columnNames };
  }

  /** The table `ranked`: each value of an hour with its sums, and the best of its places by octets, packets and flows. */
  async #rank(keys: readonly string[]): Promise<void> {
    const places = ['o', 'p', 'n'].map((sum) => `row_number() OVER (PARTITION BY hour ORDER BY ${sum} DESC)`);
    await this.#connection.run(
      `CREATE OR REPLACE TEMP TABLE ranked AS
       WITH sums AS (SELECT hour, ${keys.join(', ')}, sum(o) AS o, sum(p) AS p, count(*) AS n FROM base GROUP BY ALL)
       SELECT *, least(${places.join(', ')}) AS place FROM sums`,
    );
  }

  async #sum(table: string, level: RollUpLevel, cube: RollUpCube, keys: readonly string[]): Promise<void> {
    const context = CONTEXT.filter((name) => this.#present.has(name)).map((name) => `"${name}"`);
    const stepMs = stepOf(level);
    const time = `epoch_ms(base.minute // ${stepMs / MINUTE_MS} * ${stepMs})`;
    const groups = [time, ...context.map((name) => `base.${name}`), ...keys.map((key) => `kept.${key}`)];
    const kept = `(SELECT *, true AS is_kept FROM ranked WHERE place <= ${cube.keep[level]})`;
    const same = ['hour', ...keys].map((key) => `base.${key} IS NOT DISTINCT FROM kept.${key}`).join(' AND ');
    const [other, join] =
      keys.length === 0 ? ['false', ''] : ['kept.is_kept IS NULL', `LEFT JOIN ${kept} kept ON ${same}`];
    const sums = ['base.o', 'base.p'].map((sum) => `least(sum(${sum}), ${SUM_MAX})::UBIGINT`);
    await this.#connection.run(
      `INSERT INTO ${table} (${['"cube"', '"time"', ...context, ...keys, '"other"', '"octets"', '"packets"', '"flows"'].join(', ')})
       SELECT '${cube.name}', ${groups.join(', ')}, ${other}, ${sums.join(', ')}, count(*)
       FROM base ${join} GROUP BY ALL`,
    );
  }

  async #lossOf(table: string, level: RollUpLevel, cube: RollUpCube, ranked: boolean): Promise<CubeLoss> {
    const losses = ['max_o', 'max_p', 'max_n', 'sum_o', 'sum_p', 'sum_n']
      .map((loss) => `coalesce(sum(${loss}), 0)::DOUBLE`)
      .join(', ');
    const ofHours = `SELECT max(o) AS max_o, max(p) AS max_p, max(n) AS max_n, sum(o) AS sum_o, sum(p) AS sum_p,
      sum(n) AS sum_n FROM ranked WHERE place > ${cube.keep[level]} GROUP BY hour`;
    const lost = ranked ? `(SELECT ${losses} FROM (${ofHours}))` : '(SELECT 0, 0, 0, 0, 0, 0)';
    const sql = `SELECT * FROM (SELECT count(*)::DOUBLE FROM ${table} WHERE "cube" = '${cube.name}'), ${lost}`;
    const [row = []] = (await readRows(this.#connection, sql, 1)).rows;
    const [rows = 0, ...sums] = row.map(Number);
    const [
      boundOctets = 0,
      boundPackets = 0,
      boundFlows = 0,
      otherOctets = 0,
      otherPackets = 0,
      otherFlows = 0,
    ] = sums;
    return { rows, boundOctets, boundPackets, boundFlows, otherOctets, otherPackets, otherFlows };
  }
}
