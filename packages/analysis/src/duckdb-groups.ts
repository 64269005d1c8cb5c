/** Plans of kind `groups` as DuckDB SQL. */
import { identifier, integer, timestamp } from './duckdb-expression.ts';
import { renderSteps, stepCount } from './duckdb-series.ts';
import {
  type AnswerColumn,
  aliasesOf,
  counterOf,
  distinctCount,
  endOf,
  flowsOf,
  fromAndWhere,
  type RenderedKey,
  type RenderedPlan,
  type RenderOptions,
  renderKey,
} from './duckdb-source.ts';
import { type BaseMeasure, MEASURES, type Measure } from './measure.ts';
import { furtherMeasures, type GroupsPlan, rangeRead, rateStepMs } from './query-plan.ts';

/** A measure's column: what the grouping computes, and what a step-wise part adds by joining. */
interface RenderedMeasure {
  readonly name: string;
  readonly sql: string;
  /** The SQL refers to the steps of each group. */
  readonly stepwise: boolean;
}

/** So many of 100 steps are left out before the busiest of the rest counts. */
const PERCENTILE_LEFT_OUT = 0.05;
const UNIT_SCALE: Readonly<Record<BaseMeasure, number>> = { octets: 8000, packets: 1000, flows: 1000 };

export function renderGroups(plan: GroupsPlan, options: RenderOptions): RenderedPlan {
  const keys = plan.groupBy.map((dimension) => renderKey(dimension, options));
  const measures = measuresOf(plan, options);
  const columns: AnswerColumn[] = [
    ...keys.map((key) => key.column),
    ...measures.map(({ name }): AnswerColumn => ({ name, kind: 'number' })),
  ];
  const isStepwise = measures.some(({ stepwise }) => stepwise);
  const body = isStepwise
    ? stepwiseGroups(plan, keys, measures, options)
    : plainGroups(plan, keys, measures, options);
  const order = [`${identifier(plan.orderBy)} ${plan.descending ? 'DESC' : 'ASC'}`, ...aliasesOf(keys)];
  return { sql: `${body}\nORDER BY ${order.join(', ')}\nLIMIT ${integer(plan.limit)}`, columns };
}

function plainGroups(
  plan: GroupsPlan,
  keys: readonly RenderedKey[],
  measures: readonly RenderedMeasure[],
  options: RenderOptions,
): string {
  const computed = measures.filter(({ stepwise }) => !stepwise).map(selectedMeasure);
  const further = rangeRead(plan).overlapping ? [endedBefore(plan, options)] : [];
  return [
    `SELECT ${[...keys.flatMap((key) => key.selected), ...computed].join(', ')}`,
    fromAndWhere(plan, plan.groupBy, options, further),
    ...(keys.length === 0 ? [] : [`GROUP BY ${aliasesOf(keys).join(', ')}`]),
  ].join('\n');
}

/** Groups joined with what their steps say. */
function stepwiseGroups(
  plan: GroupsPlan,
  keys: readonly RenderedKey[],
  measures: readonly RenderedMeasure[],
  options: RenderOptions,
): string {
  const aliases = aliasesOf(keys);
  const list = aliases.map((alias) => `${alias}, `).join('');
  const same = ['true', ...aliases.map((alias) => `grouped.${alias} IS NOT DISTINCT FROM peaks.${alias}`)];
  const stepwise = measures.filter((measure) => measure.stepwise);
  const shown = measures.map(({ name, stepwise: fromSteps }) =>
    fromSteps
      ? `coalesce(peaks.${identifier(name)}, 0) AS ${identifier(name)}`
      : `grouped.${identifier(name)}`,
  );
  return `WITH grouped AS (
${plainGroups(plan, keys, measures, options)}
), ${renderSteps(plan, keys, rateStepMs(plan), options)}, peaks AS (
  SELECT ${list}${stepwise.map(selectedMeasure).join(', ')}
  FROM stepped GROUP BY ${aliases.length === 0 ? '()' : aliases.join(', ')}
)
SELECT ${[...aliases.map((alias) => `grouped.${alias}`), ...shown].join(', ')}
FROM grouped LEFT JOIN peaks ON ${same.join(' AND ')}`;
}

/** Rates of steps also read flows that ended later; those are no flows of the range. */
function endedBefore(plan: GroupsPlan, options: RenderOptions): string {
  return `${endOf(options)} < ${timestamp(plan.timeRange.toMs)}`;
}

function selectedMeasure({ name, sql }: RenderedMeasure): string {
  return `${sql} AS ${identifier(name)}`;
}

function measuresOf(plan: GroupsPlan, options: RenderOptions): RenderedMeasure[] {
  const now = plan.previous === true ? ` FILTER (WHERE ${inPeriod(plan, options, true)})` : '';
  const sums = MEASURES.map((name) => plain(name, sumOf(name, plan, options, now)));
  const further = furtherMeasures(plan).map((measure) => renderMeasure(measure, plan, options, now));
  if (plan.previous !== true) return [...sums, ...further];
  const before = ` FILTER (WHERE ${inPeriod(plan, options, false)})`;
  return [
    ...sums,
    ...further,
    ...MEASURES.map((name) => plain(`${name}Before`, sumOf(name, plan, options, before))),
  ];
}

function plain(name: string, sql: string): RenderedMeasure {
  return { name, sql, stepwise: false };
}

function inPeriod(plan: GroupsPlan, options: RenderOptions, isNow: boolean): string {
  return `${endOf(options)} ${isNow ? '>=' : '<'} ${timestamp(plan.timeRange.fromMs)}`;
}

function sumOf(name: BaseMeasure, plan: GroupsPlan, options: RenderOptions, filter: string): string {
  if (name === 'flows') return flowsOf(options, filter);
  return `coalesce(sum(${counterOf(name, plan)})${filter}, 0)`;
}

function renderMeasure(
  measure: Measure,
  plan: GroupsPlan,
  options: RenderOptions,
  now: string,
): RenderedMeasure {
  const { name } = measure;
  switch (measure.kind) {
    case 'sum':
      return plain(name, sumOf(measure.of, plan, options, now));
    case 'count':
      return plain(
        name,
        distinctCount(
          measure.of,
          options,
          plan.previous === true ? inPeriod(plan, options, true) : undefined,
        ),
      );
    case 'sent':
    case 'received': {
      const side = `"side" = ${measure.kind === 'sent' ? 0 : 1}`;
      const period = plan.previous === true ? ` AND ${inPeriod(plan, options, true)}` : '';
      return plain(name, `coalesce(sum(${counterOf(measure.of, plan)}) FILTER (WHERE ${side}${period}), 0)`);
    }
    case 'rate':
      return measure.statistic === 'average'
        ? plain(name, averageOf(measure.of, plan, options, now))
        : { name, sql: stepStatistic(measure.of, measure.statistic, plan), stepwise: true };
  }
}

function averageOf(of: BaseMeasure, plan: GroupsPlan, options: RenderOptions, now: string): string {
  const lengthMs = plan.timeRange.toMs - plan.timeRange.fromMs;
  return `${sumOf(of, plan, options, now)} * ${UNIT_SCALE[of]}.0 / ${integer(lengthMs)}`;
}

/** Steps without traffic count as zero: they are the rows that `stepped` does not have. */
function stepStatistic(of: BaseMeasure, statistic: 'max' | 'p95', plan: GroupsPlan): string {
  const stepMs = rateStepMs(plan);
  const scale = `${UNIT_SCALE[of]}.0 / ${integer(stepMs)}`;
  if (statistic === 'max') return `max(${identifier(of)}) * ${scale}`;
  const leftOut = Math.floor(stepCount(plan.timeRange, stepMs) * PERCENTILE_LEFT_OUT);
  return `coalesce(list(${identifier(of)} ORDER BY ${identifier(of)} DESC)[${integer(leftOut + 1)}], 0) * ${scale}`;
}
