/**
 * What a plan reads, as DuckDB SQL: the relation, its conditions, the keys of groups, the counters. Raw records
 * and roll-ups differ only here: a roll-up has a row for each step of time and group, with a column `time`
 * for the start of the step, and `flows` for how many records were folded into the row.
 */
import { IPV4_PREFIX_BITS, maskOf } from './address.ts';
import {
  type DimensionRef,
  dimensionField,
  EITHER_SIDE,
  formatDimension,
  isEitherSide,
} from './dimension.ts';
import {
  comparable,
  identifier,
  knownField,
  renderFilter,
  type SqlScope,
  timestamp,
  unsigned,
} from './duckdb-expression.ts';
import type { FieldDefinition } from './field.ts';
import type { FilterExpression } from './filter-expression.ts';
import { parseFilter } from './filter-parser.ts';
import { narrowSides } from './narrow-sides.ts';
import { type QueryPlan, rangeRead } from './query-plan.ts';

/** One column of an answer, and how many columns of the SQL result it is made of. */
export interface AnswerColumn {
  readonly name: string;
  readonly kind: AnswerKind;
  /** For addresses: what was kept of them. */
  readonly dimension?: DimensionRef;
}

/** `address` takes two SQL columns (halves); all others one. Times are epoch milliseconds in the SQL. */
export type AnswerKind =
  | 'address'
  | 'mac'
  | 'number'
  | 'timeMs'
  | 'text'
  | 'boolean'
  | 'layout'
  | 'extra'
  | 'extraField';

export interface RenderedPlan {
  readonly sql: string;
  readonly columns: readonly AnswerColumn[];
}

export interface RenderOptions extends SqlScope {
  /** What to read instead of the view `flows`: a table expression with the same columns. */
  readonly relation?: string;
  /** The relation holds flows of the time range only, so that no flow needs to be looked at for it. */
  readonly timeRangeApplied?: boolean;
  /** Columns of elements, by name, that records shall have in `extra`. */
  readonly extraColumns?: readonly string[];
  /** The relation is a roll-up of this step. */
  readonly rollup?: { readonly stepMs: number };
}

const RAW_END = 'coalesce("flowEnd", "receivedAt")';
const RAW_START = 'coalesce("flowStart", "flowEnd", "receivedAt")';
const ROLLUP_TIME = '"time"';

/** When a flow ended, hence in which time range it counts; of a roll-up, when its step began. */
export function endOf({ rollup }: RenderOptions): string {
  return rollup === undefined ? RAW_END : ROLLUP_TIME;
}

export function startOf({ rollup }: RenderOptions): string {
  return rollup === undefined ? RAW_START : ROLLUP_TIME;
}

/** The condition for a flow to count in a plan's time range, over the columns of `flows`. */
export function renderTimeRange(plan: QueryPlan, options: RenderOptions = {}): string {
  const { fromMs, toMs, overlapping } = rangeRead(plan);
  const { rollup } = options;
  const lowMs = rollup === undefined ? fromMs : Math.floor(fromMs / rollup.stepMs) * rollup.stepMs;
  const first = overlapping ? startOf(options) : endOf(options);
  return `${endOf(options)} >= ${timestamp(lowMs)} AND ${first} < ${timestamp(toMs)}`;
}

/** A relation, and all that its rows must meet to count, apart from what their side asks for. */
export interface RenderedSource {
  readonly relation: string;
  readonly conditions: readonly string[];
}

export function sourceOf(plan: QueryPlan, options: RenderOptions): RenderedSource {
  const { relation = 'flows' } = options;
  const expression = parseFilter(plan.filter ?? '', { lists: plan.lists ?? {} });
  const narrow = narrowSides(expression);
  return {
    relation: narrow === undefined ? relation : sidesOf(narrow.sides, relation, options),
    conditions: [
      ...(options.timeRangeApplied === true ? [] : [renderTimeRange(plan, options)]),
      ...(plan.deduplicated === true ? ['(flows."duplicate" = 1) IS NOT TRUE'] : []),
      ...conditionOf(narrow?.rest ?? expression, options),
    ],
  };
}

function conditionOf(expression: FilterExpression, options: RenderOptions): string[] {
  return expression.kind === 'all' ? [] : [renderFilter(expression, options)];
}

/** The rows that meet one of the conditions, each once: the engine looks for one after the other. */
function sidesOf(sides: readonly FilterExpression[], relation: string, options: RenderOptions): string {
  const conditions = sides.map((side) => renderFilter(side, options));
  const selects = conditions.map((condition, index) => {
    const before = conditions.slice(0, index).map((earlier) => ` AND (${earlier}) IS NOT TRUE`);
    return `SELECT * FROM ${relation} WHERE ${condition}${before.join('')}`;
  });
  return `(${selects.join('\nUNION ALL\n')})`;
}

export function whereClause(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `\nWHERE ${conditions.join(' AND ')}`;
}

/** FROM and WHERE of a plan that groups by `dimensions`. */
export function fromAndWhere(
  plan: QueryPlan,
  dimensions: readonly DimensionRef[],
  options: RenderOptions,
  further: readonly string[] = [],
): string {
  const either = dimensions.filter(isEitherSide);
  const { relation, conditions } = sourceOf(plan, options);
  const all = [...conditions, ...further];
  if (either.length > 0) all.push(`("side" = 0 OR NOT (${either.map(sidesAgree(options)).join(' AND ')}))`);
  return `FROM ${relationOf(relation, dimensions)}${whereClause(all)}`;
}

/** The relation, with the exporters only when a dimension asks for them, twice when both sides count. */
function relationOf(relation: string, dimensions: readonly DimensionRef[]): string {
  const joined = dimensions.some((dimension) => dimensionField(dimension).source.from === 'exporter');
  return [
    `${relation} AS flows`,
    ...(joined ? ['LEFT JOIN exporters USING ("exporterId")'] : []),
    ...(dimensions.some(isEitherSide) ? ['CROSS JOIN (VALUES (0), (1)) AS sides("side")'] : []),
  ].join(' ');
}

function sidesAgree(options: RenderOptions): (dimension: DimensionRef) => string {
  return (dimension) => {
    const [source, destination] = EITHER_SIDE[dimension.name]!;
    const first = keyExpressions({ ...dimension, name: source }, options);
    const second = keyExpressions({ ...dimension, name: destination }, options);
    return first.map((sql, index) => `${sql} IS NOT DISTINCT FROM ${second[index]}`).join(' AND ');
  };
}

export interface RenderedKey {
  /** `expression AS "alias"`, one or two. */
  readonly selected: readonly string[];
  readonly aliases: readonly string[];
  readonly column: AnswerColumn;
}

export function renderKey(dimension: DimensionRef, options: RenderOptions): RenderedKey {
  const field = dimensionField(dimension);
  const name = formatDimension(dimension);
  const isAddress = field.source.from === 'address';
  const aliases = isAddress ? [identifier(`${name} hi`), identifier(`${name} lo`)] : [identifier(name)];
  const expressions = isEitherSide(dimension)
    ? eitherExpressions(dimension, options)
    : keyExpressions(dimension, options);
  return {
    selected: expressions.map((sql, index) => `${sql} AS ${aliases[index]}`),
    aliases,
    column: isAddress ? { name, kind: 'address', dimension } : { name, kind: answerKind(field) },
  };
}

function eitherExpressions(dimension: DimensionRef, options: RenderOptions): string[] {
  const [source, destination] = EITHER_SIDE[dimension.name]!;
  const first = keyExpressions({ ...dimension, name: source }, options);
  const second = keyExpressions({ ...dimension, name: destination }, options);
  return first.map((sql, index) => `CASE WHEN "side" = 0 THEN ${sql} ELSE ${second[index]} END`);
}

/** The value of a dimension: two halves of an address, else one expression. */
function keyExpressions(dimension: DimensionRef, options: RenderOptions): string[] {
  const field = knownField(dimension.name);
  if (field.source.from !== 'address') return [comparable(field, options)];
  return truncated(field.source.hi, field.source.lo, dimension);
}

function truncated(hiColumn: string, loColumn: string, dimension: DimensionRef): [string, string] {
  const [hi, lo] = [identifier(hiColumn), identifier(loColumn)];
  const { prefixLength, prefixLength6 } = dimension;
  if (prefixLength === undefined || prefixLength6 === undefined) return [hi, lo];
  const v4 = maskOf(IPV4_PREFIX_BITS + prefixLength);
  const v6 = maskOf(prefixLength6);
  const isV4 = `(${hi} = 0 AND ${lo} >> 32 = 65535)`;
  return [
    `CASE WHEN ${isV4} THEN ${hi} ELSE ${hi} & ${unsigned(v6.hi)} END`,
    `CASE WHEN ${isV4} THEN ${lo} & ${unsigned(v4.lo)} ELSE ${lo} & ${unsigned(v6.lo)} END`,
  ];
}

/** `count(DISTINCT …)` of a dimension's values, in the rows that meet `only`. */
export function distinctCount(dimension: DimensionRef, options: RenderOptions, only?: string): string {
  const expressions = keyExpressions(dimension, options);
  const value = expressions.length === 1 ? expressions[0]! : `(${expressions.join(', ')})`;
  const counted = [`${expressions[0]} IS NOT NULL`, ...(only === undefined ? [] : [only])];
  return `count(DISTINCT ${value}) FILTER (WHERE ${counted.join(' AND ')})`;
}

function answerKind(field: FieldDefinition): AnswerKind {
  if (field.kind === 'mac') return 'mac';
  if (field.kind === 'timeMs') return 'timeMs';
  return field.kind === 'text' || field.kind === 'country' ? 'text' : 'number';
}

export function aliasesOf(keys: readonly RenderedKey[]): string[] {
  return keys.flatMap((key) => key.aliases);
}

/** A counter of one row, as DOUBLE: sums of doubles cost half of sums of 64-bit integers, exact up to 2^53. */
export function counterOf(counter: 'octets' | 'packets', plan: QueryPlan): string {
  const value = `"${counter}"::DOUBLE`;
  return plan.scaled === true ? `${value} * greatest(coalesce("samplingRate", 1), 1)` : value;
}

/** How many flows some rows are; `filter` is SQL of which of them count. */
export function flowsOf({ rollup }: RenderOptions, filter = ''): string {
  return rollup === undefined ? `count(*)${filter}` : `coalesce(sum("flows")${filter}, 0)::BIGINT`;
}
