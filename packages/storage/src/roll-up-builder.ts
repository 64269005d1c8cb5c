/**
 * Sums up the records of sealed files. On a connection of its own with temporary tables: the columns that
 * count once, then for each cube the sums of its values in each hour, the first of them, and one pass over the
 * records of those. What the others have is what is left of the sums of each context.
 * The statements cost some 0.2 CPU s however few the records are, so a day's small files are summed up at once.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { readRows } from './database.ts';
import {
  CUBES,
  contextOf,
  keptOf,
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
const SUMS = ['o', 'p', 'n'] as const;

/** The rows of a level, in temporary tables of the connection. */
export interface BuiltLevel {
  /** SQL of all rows, those of a cube together and ordered by their values. */
  readonly relation: string;
  readonly cubes: Record<string, CubeLoss>;
  readonly columnNames: readonly string[];
}

/** A cube of which a part is built. */
interface CubeWork {
  readonly cube: RollUpCube;
  /** Those of its columns that any record has; without one, nothing is ranked. */
  readonly keys: readonly string[];
  /** Values kept by level. */
  readonly kept: ReadonlyMap<RollUpLevel, number>;
}

export class RollUpBuilder {
  readonly #connection: DuckDBConnection;
  readonly #present: ReadonlySet<string>;
  #recordsPerHour = 0;

  /** `columnNames`: what the records have at all. */
  constructor(connection: DuckDBConnection, columnNames: readonly string[]) {
    this.#connection = connection;
    this.#present = new Set(columnNames);
  }

  /** Reads the records once: the tables `base`, and `contexts` with the sums of each context and minute. */
  async begin(relation: string): Promise<void> {
    const columns = names(ROLL_UP_COLUMNS.filter((name) => this.#present.has(name)));
    await this.#run(
      `CREATE OR REPLACE TEMP TABLE base AS
       SELECT ${[`${END_MS} // ${MINUTE_MS} AS minute`, 'minute // 60 AS hour', ...columns].join(', ')},
         coalesce("octets"::DOUBLE, 0) AS o, coalesce("packets"::DOUBLE, 0) AS p FROM ${relation}`,
    );
    const context = names(this.#context('1h'));
    await this.#run(
      `CREATE OR REPLACE TEMP TABLE contexts AS
       SELECT ${['minute', 'hour', ...context].join(', ')}, ${sums('o', 'p')}, count(*) AS n FROM base GROUP BY ALL`,
    );
    const counted = 'SELECT sum(n)::DOUBLE, count(DISTINCT hour)::DOUBLE FROM contexts';
    const [[records, hours] = []] = (await readRows(this.#connection, counted, 1)).rows;
    this.#recordsPerHour = Number(records ?? 0) / Math.max(1, Number(hours));
  }

  /** Sums up for some levels at once: the ranks are the same for all. */
  async build(levels: readonly RollUpLevel[]): Promise<ReadonlyMap<RollUpLevel, BuiltLevel>> {
    const losses = new Map(levels.map((level) => [level, {} as Record<string, CubeLoss>]));
    for (const level of levels) await this.#sumContexts(level);
    for (const cube of CUBES) {
      const wanted = levels.filter((level) => cube.keep[level] !== undefined);
      if (wanted.length === 0) continue;
      const kept = new Map(wanted.map((level) => [level, keptOf(cube, level, this.#recordsPerHour)]));
      const work = { cube, keys: this.#keysOf(cube), kept };
      if (work.keys.length > 0) await this.#rank(work);
      for (const level of wanted) {
        await this.#sumRows(level, work);
        losses.get(level)![cube.name] = await this.#lossOf(level, work);
      }
    }
    return new Map(
      [...losses].map(([level, cubes]) => [level, { ...this.#relationOf(level, Object.keys(cubes)), cubes }]),
    );
  }

  /** The context that records have, of all cubes or of one. */
  #context(level: RollUpLevel, cube?: RollUpCube): string[] {
    return contextOf(level, cube).filter((name) => this.#present.has(name));
  }

  #keysOf({ ranked }: RollUpCube): string[] {
    return ranked.filter((name) => this.#present.has(name));
  }

  /** The cubes that hold the parts of another one's values. */
  #within({ within = [] }: RollUpCube): RollUpCube[] {
    return CUBES.filter((part) => within.includes(part.name) && this.#keysOf(part).length > 0);
  }

  /** The table `contexts_LEVEL`: the sums of each step and context. */
  async #sumContexts(level: RollUpLevel): Promise<void> {
    const groups = [`minute // ${stepOf(level) / MINUTE_MS} AS step`, ...names(this.#context(level))];
    await this.#run(
      `CREATE OR REPLACE TEMP TABLE contexts_${level} AS
       SELECT ${groups.join(', ')}, ${sums(...SUMS)} FROM contexts GROUP BY ALL`,
    );
  }

  /** All columns that any cube of the level has; NULL where a cube lacks them. */
  #relationOf(
    level: RollUpLevel,
    cubeNames: readonly string[],
  ): Pick<BuiltLevel, 'relation' | 'columnNames'> {
    const cubes = CUBES.filter(({ name }) => cubeNames.includes(name));
    const columnsOfCube = (cube: RollUpCube) => [...this.#keysOf(cube), ...this.#context(level, cube)];
    const having = new Set(cubes.flatMap(columnsOfCube));
    const columnNames = ROLL_UP_COLUMNS.filter((name) => having.has(name));
    const selects = cubes.map((cube) => {
      const own = new Set(columnsOfCube(cube));
      const list = columnNames.map((name) =>
        own.has(name) ? `"${name}"` : `NULL::${sqlTypeOf(name)} AS "${name}"`,
      );
      return `SELECT '${cube.name}' AS "cube", ${['"time"', ...list].join(', ')}, "other", "octets", "packets", "flows"
        FROM rows_${cube.name}_${level}`;
    });
    return { relation: `(${selects.join(' UNION ALL ')})`, columnNames };
  }

  /**
   * The tables `sums`, each value of an hour; `kept_CUBE`, those among the first by octets, packets or flows, with
   * the best of their places; and `steps`, the sums of each of these by context, of the values that a minute
   * keeps by the minute, of the others by the hour (with its first minute).
   */
  async #rank({ cube, keys, kept }: CubeWork): Promise<void> {
    const most = Math.max(...kept.values());
    const values = ['hour', ...names(keys)];
    const candidates = this.#within(cube).map((part) => {
      const same = sameIn(['hour', ...names(this.#keysOf(part))], 'base', `kept_${part.name}`);
      return ` SEMI JOIN kept_${part.name} ON ${same}`;
    });
    await this.#run(
      `CREATE OR REPLACE TEMP TABLE sums AS
       SELECT ${values.join(', ')}, ${sums('o', 'p')}, count(*) AS n FROM base${candidates.join('')} GROUP BY ALL`,
    );
    const firsts = SUMS.map((sum) => `arg_max(rowid, ${sum}, ${most}) AS by_${sum}`);
    const places = SUMS.map(
      (sum) => `SELECT unnest(by_${sum}) AS id, unnest(range(1, len(by_${sum}) + 1)) AS place FROM firsts`,
    );
    const order = [...names(keys), 'hour'].map((name) => `sums.${name}`).join(', ');
    await this.#run(
      `CREATE OR REPLACE TEMP TABLE kept_${cube.name} AS
       WITH firsts AS MATERIALIZED (SELECT ${firsts.join(', ')} FROM sums GROUP BY hour),
         places AS (SELECT id, min(place) AS place FROM (${places.join(' UNION ALL ')}) GROUP BY id)
       SELECT places.id AS origin, place, row_number() OVER (ORDER BY ${order}) AS id,
         ${values.map((name) => `sums.${name}`).join(', ')}
       FROM places JOIN sums ON sums.rowid = places.id`,
    );
    const context = names(this.#context('1h', cube));
    await this.#run(
      `CREATE OR REPLACE TEMP TABLE steps AS
       SELECT CASE WHEN kept.place <= ${kept.get('1m') ?? 0} THEN base.minute ELSE base.hour * 60 END AS minute,
         ${['kept.id', 'kept.place', ...context.map((name) => `base.${name}`)].join(', ')},
         ${sums('base.o', 'base.p')}, count(*) AS n
       FROM base JOIN kept_${cube.name} kept ON ${sameIn(values, 'base', 'kept')} GROUP BY ALL`,
    );
  }

  /** The table `rows_CUBE_LEVEL`: the values that are kept, and of each context what is left. */
  async #sumRows(level: RollUpLevel, { cube, keys, kept }: CubeWork): Promise<void> {
    const steps = ['step', ...names(this.#context(level, cube))];
    const all = `(SELECT ${steps.join(', ')}, ${sums(...SUMS)} FROM contexts_${level} GROUP BY ALL)`;
    const table = `CREATE OR REPLACE TEMP TABLE rows_${cube.name}_${level} AS`;
    if (keys.length === 0) {
      await this.#run(
        `${table} SELECT ${this.#row(level, cube, 't', [])}, false AS "other", ${counters('t')} FROM ${all} t`,
      );
      return;
    }
    const firsts = [`minute // ${stepOf(level) / MINUTE_MS} AS step`, ...steps.slice(1)];
    await this.#run(
      `CREATE OR REPLACE TEMP TABLE firsts AS SELECT id, ${firsts.join(', ')}, ${sums(...SUMS)}
       FROM steps WHERE place <= ${kept.get(level) ?? 0} GROUP BY ALL`,
    );
    const values = names(keys).map((key) => `kept.${key} AS ${key}`);
    const nothing = names(keys).map((key) => `NULL AS ${key}`);
    const left = SUMS.map((sum) => `t.${sum} - coalesce(f.${sum}, 0) AS ${sum}`);
    await this.#run(
      `${table}
       (SELECT ${this.#row(level, cube, 'f', values)}, false AS "other", ${counters('f')}
        FROM firsts f JOIN kept_${cube.name} kept USING (id) ORDER BY f.id, f.step)
       UNION ALL
       SELECT ${this.#row(level, cube, 'l', nothing)}, true, ${counters('l')}
       FROM (SELECT ${steps.map((name) => `t.${name}`).join(', ')}, ${left.join(', ')} FROM ${all} t
         LEFT JOIN (SELECT ${steps.join(', ')}, ${sums(...SUMS)} FROM firsts GROUP BY ALL) f
         ON ${sameIn(steps, 't', 'f')}) l
       WHERE l.n > 0`,
    );
  }

  /** Time, context and values, in the order in which all parts of a table have them. */
  #row(level: RollUpLevel, cube: RollUpCube, row: string, values: readonly string[]): string {
    const context = names(this.#context(level, cube)).map((name) => `${row}.${name}`);
    const time = `epoch_ms(${row}.step * ${stepOf(level)})::TIMESTAMP_MS AS "time"`;
    return [time, ...context, ...values].join(', ');
  }

  /**
   * The largest value of each hour that is not kept, in the table `lost_CUBE_LEVEL`, and what all have. A value
   * that was no candidate has no more than its part that an earlier cube did not keep.
   */
  async #lossOf(level: RollUpLevel, { cube, keys, kept }: CubeWork): Promise<CubeLoss> {
    const own =
      keys.length === 0
        ? 'SELECT 0 AS hour, 0 AS o, 0 AS p, 0 AS n WHERE false'
        : `SELECT hour, ${largest('sums.')} FROM sums
           ANTI JOIN (SELECT origin FROM kept_${cube.name} WHERE place <= ${kept.get(level) ?? 0}) k
           ON k.origin = sums.rowid GROUP BY hour`;
    const all = [own, ...this.#within(cube).map(({ name }) => `FROM lost_${name}_${level}`)];
    await this.#run(
      `CREATE OR REPLACE TEMP TABLE lost_${cube.name}_${level} AS
       SELECT hour, ${largest('')} FROM (${all.join(' UNION ALL ')}) GROUP BY hour`,
    );
    const bounds = SUMS.map((sum) => `coalesce(sum(${sum}), 0)::DOUBLE`);
    const others = ['octets', 'packets', 'flows'].map(
      (sum) => `coalesce(sum("${sum}"::DOUBLE) FILTER ("other"), 0)`,
    );
    const sql = `SELECT * FROM (SELECT ${bounds.join(', ')} FROM lost_${cube.name}_${level}),
      (SELECT count(*)::DOUBLE, ${others.join(', ')} FROM rows_${cube.name}_${level})`;
    const [row = []] = (await readRows(this.#connection, sql, 1)).rows;
    const [boundOctets = 0, boundPackets = 0, boundFlows = 0, rows = 0, ...rest] = row.map(Number);
    const [otherOctets = 0, otherPackets = 0, otherFlows = 0] = rest;
    return { rows, boundOctets, boundPackets, boundFlows, otherOctets, otherPackets, otherFlows };
  }

  async #run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }
}

function names(columns: readonly string[]): string[] {
  return columns.map((name) => `"${name}"`);
}

/** `sum(base.o) AS o, …` */
function sums(...columns: readonly string[]): string {
  return columns.map((column) => `sum(${column}) AS ${column.slice(-1)}`).join(', ');
}

function largest(prefix: string): string {
  return SUMS.map((sum) => `max(${prefix}${sum}) AS ${sum}`).join(', ');
}

function counters(row: string): string {
  const octets = (sum: string) => `greatest(0, least(${row}.${sum}, ${SUM_MAX}))::UBIGINT`;
  return `${octets('o')} AS "octets", ${octets('p')} AS "packets", ${row}.n::UBIGINT AS "flows"`;
}

function sameIn(columns: readonly string[], left: string, right: string): string {
  return columns.map((name) => `${left}.${name} IS NOT DISTINCT FROM ${right}.${name}`).join(' AND ');
}
