/** Plans of kind `series`, and the steps of time that rates of groups need, as DuckDB SQL. */
import { integer } from './duckdb-expression.ts';
import {
  type AnswerColumn,
  aliasesOf,
  counterOf,
  endOf,
  fromAndWhere,
  type RenderedKey,
  type RenderedPlan,
  type RenderOptions,
  renderKey,
  startOf,
} from './duckdb-source.ts';
import type { GroupsPlan, SeriesPlan, TimeRange } from './query-plan.ts';

/** A row for each step and group that has traffic, times first. */
export function renderSeries(plan: SeriesPlan, options: RenderOptions): RenderedPlan {
  const keys = plan.groupBy.map((dimension) => renderKey(dimension, options));
  const aliases = aliasesOf(keys);
  const list = aliases.map((alias) => `${alias}, `).join('');
  const sql = `WITH ${renderSteps(plan, keys, plan.stepMs, options)}
SELECT slot * ${integer(plan.stepMs)} AS "time", ${list}"other", "octets", "packets", "flows"
FROM stepped
ORDER BY "time", "other", "octets" DESC${aliases.map((alias) => `, ${alias}`).join('')}`;
  const columns: AnswerColumn[] = [
    { name: 'time', kind: 'timeMs' },
    ...keys.map((key) => key.column),
    { name: 'other', kind: 'boolean' },
    { name: 'octets', kind: 'number' },
    { name: 'packets', kind: 'number' },
    { name: 'flows', kind: 'number' },
  ];
  return { sql, columns };
}

/** How many steps touch a time range. */
export function stepCount({ fromMs, toMs }: TimeRange, stepMs: number): number {
  return Math.ceil(toMs / stepMs) - Math.floor(fromMs / stepMs);
}

/**
 * Tables for WITH, the last of which is `stepped`: keys, `other`, `slot` (the step's number since the epoch),
 * `octets`, `packets`, `flows`. A series keeps its largest groups apart and folds the others.
 */
export function renderSteps(
  plan: SeriesPlan | GroupsPlan,
  keys: readonly RenderedKey[],
  stepMs: number,
  options: RenderOptions,
): string {
  const aliases = aliasesOf(keys);
  const ranked = rankedFlows(plan, aliases);
  const step = integer(stepMs);
  if (options.rollup !== undefined) return rolledSteps(plan, keys, ranked, step, options);
  return spreadSteps(plan, keys, ranked, step, options);
}

/** The rows of a roll-up lie in one step each. */
function rolledSteps(
  plan: SeriesPlan | GroupsPlan,
  keys: readonly RenderedKey[],
  ranked: string,
  step: string,
  options: RenderOptions,
): string {
  const partition = ['"other"', ...aliasesOf(keys)].join(', ');
  const inRange = `epoch_ms("time") // ${step} >= ${integer(plan.timeRange.fromMs)} // ${step}`;
  const selected = [
    ...keys.flatMap((key) => key.selected),
    `epoch_ms(${startOf(options)}) // ${step} AS slot`,
    `coalesce(${counterOf('octets', plan)}, 0) AS o`,
    `coalesce(${counterOf('packets', plan)}, 0) AS p`,
    '"flows" AS f',
  ];
  return `flow AS (
  SELECT ${selected.join(', ')} ${fromAndWhere(plan, plan.groupBy, options, [inRange])}
), ${ranked}, stepped AS (
  SELECT ${partition}, slot, sum(o) AS "octets", sum(p) AS "packets", sum(f)::BIGINT AS "flows"
  FROM ranked GROUP BY ${partition}, slot
)`;
}

/**
 * Two events for each flow instead of a row for each step that it touches: where it begins, it adds its share
 * of that step and from the next step on its rate; where it ends, it adds its share and takes the rate back.
 * The running sum of the rates fills the steps between.
 */
function spreadSteps(
  plan: SeriesPlan | GroupsPlan,
  keys: readonly RenderedKey[],
  ranked: string,
  step: string,
  options: RenderOptions,
): string {
  const aliases = aliasesOf(keys);
  const list = aliases.map((alias) => `${alias}, `).join('');
  const partition = ['"other"', ...aliases].join(', ');
  return `flow AS (
  ${seriesInput(plan, keys, step, options)}
), ${ranked}, event AS (
  SELECT ${list}"other", first AS step, ${FIRST_SHARE('o', step)} AS o, ${FIRST_SHARE('p', step)} AS p,
    count(*) FILTER (last = first AND ended) AS flows, 0.0 AS o_rate, 0.0 AS p_rate, 0 AS active
  FROM ranked GROUP BY ${partition}, step
  UNION ALL
  SELECT ${list}"other", first + 1, 0, 0, 0, sum(o * ${step} / (e - s)), sum(p * ${step} / (e - s)), count(*)
  FROM ranked WHERE last > first GROUP BY ${partition}, first
  UNION ALL
  SELECT ${list}"other", last, sum(o * (least(e, hi) - last * ${step}) / (e - s)),
    sum(p * (least(e, hi) - last * ${step}) / (e - s)), count(*) FILTER (ended),
    -sum(o * ${step} / (e - s)), -sum(p * ${step} / (e - s)), -count(*)
  FROM ranked WHERE last > first GROUP BY ${partition}, last
), moment AS (
  SELECT ${list}"other", step, sum(o) AS o, sum(p) AS p, sum(flows) AS flows,
    sum(o_rate) AS o_rate, sum(p_rate) AS p_rate, sum(active) AS active
  FROM event GROUP BY ${partition}, step
), running AS (
  SELECT ${list}"other", step, o, p, flows, lead(step) OVER later AS next, sum(active) OVER later AS active,
    sum(o_rate) OVER later AS o_rate, sum(p_rate) OVER later AS p_rate
  FROM moment WINDOW later AS (PARTITION BY ${partition} ORDER BY step)
), filled AS (
  SELECT *, step AS origin, unnest(range(step, CASE WHEN active > 0 THEN next ELSE step + 1 END)) AS slot FROM running
), stepped AS (
  SELECT ${list}"other", slot, ${FILLED('o')} AS "octets", ${FILLED('p')} AS "packets",
    CASE WHEN slot = origin THEN flows ELSE 0 END::BIGINT AS "flows"
  FROM filled
)`;
}

/** What a flow has in the step in which it begins (or in which the range begins, `lo`). */
const FIRST_SHARE = (count: string, step: string): string =>
  `sum(CASE WHEN e <= s THEN ${count} ELSE ${count} * (least(e, hi, (first + 1) * ${step}) - greatest(s, lo)) / (e - s) END)`;

/** Rounding may leave a trace of a rate that was taken back; the count of open flows is exact. */
const FILLED = (count: string): string =>
  `greatest(0, CASE WHEN slot = origin THEN ${count} ELSE 0 END + CASE WHEN active > 0 THEN ${count}_rate ELSE 0 END)::DOUBLE`;

/** Per flow: the keys, begin and end, its first and last step in the range, whether it ended in the range. */
function seriesInput(
  plan: SeriesPlan | GroupsPlan,
  keys: readonly RenderedKey[],
  step: string,
  options: RenderOptions,
): string {
  const [lo, hi] = [integer(plan.timeRange.fromMs), integer(plan.timeRange.toMs)];
  const selected = [
    ...keys.flatMap((key) => key.selected),
    `epoch_ms(${startOf(options)}) AS s`,
    `greatest(epoch_ms(${endOf(options)}), epoch_ms(${startOf(options)})) AS e`,
    `coalesce(${counterOf('octets', plan)}, 0) AS o`,
    `coalesce(${counterOf('packets', plan)}, 0) AS p`,
  ];
  return `SELECT *, greatest(s, ${lo}) // ${step} AS first, least(e, ${hi} - 1) // ${step} AS last,
    e < ${hi} AS ended, ${lo} AS lo, ${hi} AS hi
  FROM (SELECT ${selected.join(', ')} ${fromAndWhere(plan, plan.groupBy, options)})
  WHERE e >= ${lo} AND s < ${hi}`;
}

/** `ranked`: the flows; of a series, the keys of all but the largest groups replaced by NULL and `other`. */
function rankedFlows(plan: SeriesPlan | GroupsPlan, aliases: readonly string[]): string {
  if (plan.kind === 'groups' || aliases.length === 0)
    return 'ranked AS (SELECT *, false AS "other" FROM flow)';
  const keys = aliases.join(', ');
  const same = aliases.map((alias) => `flow.${alias} IS NOT DISTINCT FROM largest.${alias}`).join(' AND ');
  return `largest AS (
  SELECT ${keys}, true AS known FROM flow GROUP BY ${keys}
  ORDER BY ${SERIES_ORDER[plan.orderBy]} DESC, ${keys} LIMIT ${integer(plan.limit)}
), ranked AS (
  SELECT ${aliases.map((alias) => `largest.${alias}`).join(', ')}, known IS NULL AS "other",
    flow.* EXCLUDE (${keys})
  FROM flow LEFT JOIN largest ON ${same}
)`;
}

const SERIES_ORDER = { octets: 'sum(o)', packets: 'sum(p)', flows: 'count(*)' } as const;
