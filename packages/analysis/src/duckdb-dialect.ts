/** Plans as DuckDB SQL over the relation `flows` and the dimension table `exporters`. */
import { FLOW_COLUMNS } from '@weir/ipfix';
import { IPV4_PREFIX_BITS, maskOf } from './address.ts';
import { type DimensionRef, formatDimension } from './dimension.ts';
import {
  comparable,
  identifier,
  integer,
  knownField,
  renderFilter,
  type SqlScope,
  timestamp,
  unsigned,
} from './duckdb-expression.ts';
import { type FieldDefinition, fieldNamed } from './field.ts';
import { parseFilter } from './filter-parser.ts';
import {
  type GroupsPlan,
  parseCursor,
  type QueryPlan,
  type RecordsPlan,
  type SeriesPlan,
} from './query-plan.ts';

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
}

/** Renders a plan. Throws a FilterError when its filter is wrong; a parsed plan's never is. */
export function renderSql(plan: QueryPlan, options: RenderOptions = {}): RenderedPlan {
  switch (plan.kind) {
    case 'groups':
      return renderGroups(plan, options);
    case 'series':
      return renderSeries(plan, options);
    case 'records':
      return renderRecords(plan, options);
  }
}

/** The condition for a flow to count in a plan's time range, over the columns of `flows`. */
export function renderTimeRange(plan: QueryPlan): string {
  const { fromMs, toMs } = plan.timeRange;
  const first = plan.kind === 'series' ? START : END;
  return `${END} >= ${timestamp(fromMs)} AND ${first} < ${timestamp(toMs)}`;
}

function timeCondition(plan: QueryPlan, options: RenderOptions): string[] {
  return options.timeRangeApplied === true ? [] : [renderTimeRange(plan)];
}

function whereClause(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `\nWHERE ${conditions.join(' AND ')}`;
}

const END = 'coalesce("flowEnd", "receivedAt")';
const START = 'coalesce("flowStart", "flowEnd", "receivedAt")';

function renderGroups(plan: GroupsPlan, options: RenderOptions): RenderedPlan {
  const keys = plan.groupBy.map((dimension) => renderKey(dimension, options));
  const selected = [...keys.flatMap((key) => key.selected), ...MEASURE_SQL];
  const where = [...timeCondition(plan, options), ...filterCondition(plan, options)];
  const sql = [
    `SELECT ${selected.join(', ')}`,
    `FROM ${source(options, plan.groupBy)}${whereClause(where)}`,
    ...(keys.length === 0 ? [] : [`GROUP BY ${aliasesOf(keys).join(', ')}`]),
    `ORDER BY ${[`"${plan.orderBy}" ${plan.descending ? 'DESC' : 'ASC'}`, ...aliasesOf(keys)].join(', ')}`,
    `LIMIT ${integer(plan.limit)}`,
  ].join('\n');
  return { sql, columns: [...keys.map((key) => key.column), ...MEASURE_COLUMNS] };
}

/** Sums of doubles cost half of sums of 64-bit integers and are as exact up to 2^53. */
const MEASURE_SQL = [
  'coalesce(sum("octets"::DOUBLE), 0) AS "octets"',
  'coalesce(sum("packets"::DOUBLE), 0) AS "packets"',
  'count(*) AS "flows"',
];

const MEASURE_COLUMNS: readonly AnswerColumn[] = [
  { name: 'octets', kind: 'number' },
  { name: 'packets', kind: 'number' },
  { name: 'flows', kind: 'number' },
];

/**
 * The rank first, then two events for each flow instead of a row for each step that it touches: where it
 * begins, it adds its share of that step and from the next step on its rate; where it ends, it adds its
 * share and takes the rate back. The running sum of the rates fills the steps between.
 */
function renderSeries(plan: SeriesPlan, options: RenderOptions): RenderedPlan {
  const keys = plan.groupBy.map((dimension) => renderKey(dimension, options));
  const aliases = aliasesOf(keys);
  const list = aliases.map((alias) => `${alias}, `).join('');
  const partition = ['"other"', ...aliases].join(', ');
  const step = integer(plan.stepMs);
  const sql = `WITH flow AS (
  ${seriesInput(plan, keys, options)}
), ${rankedFlows(plan, aliases)}, event AS (
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
)
SELECT slot * ${step} AS "time", ${list}"other",
  ${FILLED('o')} AS "octets", ${FILLED('p')} AS "packets", CASE WHEN slot = origin THEN flows ELSE 0 END::BIGINT AS "flows"
FROM filled
ORDER BY "time", "other", "octets" DESC${aliases.map((alias) => `, ${alias}`).join('')}`;
  const columns: AnswerColumn[] = [
    { name: 'time', kind: 'timeMs' },
    ...keys.map((key) => key.column),
    { name: 'other', kind: 'boolean' },
    ...MEASURE_COLUMNS,
  ];
  return { sql, columns };
}

/** What a flow has in the step in which it begins (or in which the range begins, `lo`). */
const FIRST_SHARE = (count: string, step: string): string =>
  `sum(CASE WHEN e <= s THEN ${count} ELSE ${count} * (least(e, hi, (first + 1) * ${step}) - greatest(s, lo)) / (e - s) END)`;

/** Rounding may leave a trace of a rate that was taken back; the count of open flows is exact. */
const FILLED = (count: string): string =>
  `greatest(0, CASE WHEN slot = origin THEN ${count} ELSE 0 END + CASE WHEN active > 0 THEN ${count}_rate ELSE 0 END)::DOUBLE`;

/** Per flow: the keys, begin and end, its first and last step in the range, whether it ended in the range. */
function seriesInput(plan: SeriesPlan, keys: readonly RenderedKey[], options: RenderOptions): string {
  const [lo, hi, step] = [plan.timeRange.fromMs, plan.timeRange.toMs, plan.stepMs].map(integer);
  const where = [...timeCondition(plan, options), ...filterCondition(plan, options)];
  const selected = [
    ...keys.flatMap((key) => key.selected),
    `epoch_ms(${START}) AS s`,
    `greatest(epoch_ms(${END}), epoch_ms(${START})) AS e`,
    'coalesce("octets", 0)::DOUBLE AS o',
    'coalesce("packets", 0)::DOUBLE AS p',
  ];
  return `SELECT *, greatest(s, ${lo}) // ${step} AS first, least(e, ${hi} - 1) // ${step} AS last,
    e < ${hi} AS ended, ${lo} AS lo, ${hi} AS hi
  FROM (SELECT ${selected.join(', ')} FROM ${source(options, plan.groupBy)}${whereClause(where)})`;
}

/** `ranked`: the flows, the keys of all but the largest groups replaced by NULL and `other`. */
function rankedFlows(plan: SeriesPlan, aliases: readonly string[]): string {
  if (aliases.length === 0) return 'ranked AS (SELECT *, false AS "other" FROM flow)';
  const keys = aliases.join(', ');
  const same = aliases.map((alias) => `flow.${alias} IS NOT DISTINCT FROM largest.${alias}`).join(' AND ');
  return `largest AS (
  SELECT ${keys}, true AS known FROM flow GROUP BY ${keys}
  ORDER BY ${SERIES_ORDER[plan.orderBy]} DESC, ${keys} LIMIT ${integer(plan.limit)}
), ranked AS (
  SELECT ${aliases.map((alias) => `largest.${alias}`).join(', ')}, known IS NULL AS "other",
    s, e, o, p, first, last, ended, lo, hi
  FROM flow LEFT JOIN largest ON ${same}
)`;
}

const SERIES_ORDER = { octets: 'sum(o)', packets: 'sum(p)', flows: 'count(*)' } as const;

/** The order among records that ended in one millisecond must not change from page to page. */
const RECORD_TIE_BREAK =
  '"srcAddrHi", "srcAddrLo", "dstAddrHi", "dstAddrLo", "srcPort", "dstPort", "protocol", "octets", "packets", "receivedAt"';

/** Octets of the fields that are not read as columns, and the layout that says what they are. */
const EXTRA_SQL = ['"extraLayoutId"', '"extra"'];

function renderRecords(plan: RecordsPlan, options: RenderOptions): RenderedPlan {
  const cursor = plan.cursor === undefined ? undefined : parseCursor(plan.cursor);
  const where = [...timeCondition(plan, options), ...filterCondition(plan, options)];
  if (cursor !== undefined) where.push(`${END} <= ${timestamp(cursor.beforeMs)}`);
  const extra = (options.extraColumns ?? []).map(identifier);
  const fields = RECORD_FIELDS.map((dimension) => renderKey(dimension, options));
  const sql = [
    `SELECT ${[...fields.flatMap((field) => field.selected), ...EXTRA_SQL, ...extra].join(', ')}`,
    `FROM ${source(options, RECORD_FIELDS)}${whereClause(where)}`,
    `ORDER BY ${END} DESC, ${RECORD_TIE_BREAK}`,
    `LIMIT ${integer(plan.limit)}${cursor === undefined ? '' : ` OFFSET ${integer(cursor.skip)}`}`,
  ].join('\n');
  const columns: AnswerColumn[] = [
    ...fields.map((field) => field.column),
    { name: 'extraLayoutId', kind: 'layout' },
    { name: 'extra', kind: 'extra' },
    ...(options.extraColumns ?? []).map((name) => ({ name, kind: 'extraField' as const })),
  ];
  return { sql, columns };
}

/** Every stored column that is a field of the language, in the order of FLOW_COLUMNS. */
const RECORD_FIELDS: readonly DimensionRef[] = recordFields();

function recordFields(): DimensionRef[] {
  const names: string[] = [];
  for (const { name } of FLOW_COLUMNS) {
    if (name === 'exporter') names.push('exporter', 'source', 'observationDomainId');
    else if (name.endsWith('Hi')) names.push(name.slice(0, -2));
    else if (!name.endsWith('Lo') && name !== 'extraLayout') names.push(name);
  }
  return names.filter((name) => fieldNamed(name) !== undefined).map((name) => ({ name }));
}

interface RenderedKey {
  /** `expression AS "alias"`, one or two. */
  readonly selected: readonly string[];
  readonly aliases: readonly string[];
  readonly column: AnswerColumn;
}

function renderKey(dimension: DimensionRef, scope: SqlScope): RenderedKey {
  const field = knownField(dimension.name);
  const name = formatDimension(dimension);
  if (field.source.from !== 'address') {
    const alias = identifier(name);
    return {
      selected: [`${comparable(field, scope)} AS ${alias}`],
      aliases: [alias],
      column: { name, kind: answerKind(field) },
    };
  }
  const [hi, lo] = truncated(field.source.hi, field.source.lo, dimension);
  const aliases = [identifier(`${name} hi`), identifier(`${name} lo`)];
  return {
    selected: [`${hi} AS ${aliases[0]}`, `${lo} AS ${aliases[1]}`],
    aliases,
    column: { name, kind: 'address', dimension },
  };
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

function answerKind(field: FieldDefinition): AnswerKind {
  if (field.kind === 'mac') return 'mac';
  if (field.kind === 'timeMs') return 'timeMs';
  return field.kind === 'text' || field.kind === 'country' ? 'text' : 'number';
}

function aliasesOf(keys: readonly RenderedKey[]): string[] {
  return keys.flatMap((key) => key.aliases);
}

/** The relation, joined with `exporters` only when a dimension asks for it. */
function source({ relation = 'flows' }: RenderOptions, dimensions: readonly DimensionRef[]): string {
  const joined = dimensions.some(({ name }) => knownField(name).source.from === 'exporter');
  return joined ? `${relation} AS flows LEFT JOIN exporters USING ("exporterId")` : `${relation} AS flows`;
}

function filterCondition({ filter, lists = {} }: QueryPlan, scope: SqlScope): string[] {
  const expression = parseFilter(filter ?? '', { lists });
  return expression.kind === 'all' ? [] : [renderFilter(expression, scope)];
}
