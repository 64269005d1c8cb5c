/**
 * Plans as DuckDB SQL over the relation `flows` (columns of FLOW_COLUMNS, addresses in halves, `exporterId`)
 * and the dimension table `exporters`. Every constant is rendered here: numbers from BigInt or Number, texts
 * quoted; nothing of a plan or a filter reaches the SQL in any other way.
 */
import { FLOW_COLUMNS, type FlowColumnName } from '@weir/ipfix';
import { IPV4_PREFIX_BITS, lastAddressOf, maskOf, type Network } from './address.ts';
import {
  type DerivedFormula,
  type DimensionRef,
  type FieldDefinition,
  fieldNamed,
  formatDimension,
} from './dimension.ts';
import type { ComparisonOperator, FilterExpression, TextOperator } from './filter-expression.ts';
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
export type AnswerKind = 'address' | 'mac' | 'number' | 'timeMs' | 'text' | 'boolean' | 'layout' | 'extra';

export interface RenderedPlan {
  readonly sql: string;
  readonly columns: readonly AnswerColumn[];
}

export interface RenderOptions {
  /** What to read instead of the view `flows`: a table expression with the same columns. */
  readonly relation?: string;
  /** The relation holds flows of the time range only, so that no flow needs to be looked at for it. */
  readonly timeRangeApplied?: boolean;
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
  const keys = plan.groupBy.map(renderKey);
  const selected = [...keys.flatMap((key) => key.selected), ...MEASURE_SQL];
  const where = [...timeCondition(plan, options), ...filterCondition(plan.filter)];
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
  const keys = plan.groupBy.map(renderKey);
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
  const where = [...timeCondition(plan, options), ...filterCondition(plan.filter)];
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

function renderRecords(plan: RecordsPlan, options: RenderOptions): RenderedPlan {
  const cursor = plan.cursor === undefined ? undefined : parseCursor(plan.cursor);
  const where = [...timeCondition(plan, options), ...filterCondition(plan.filter)];
  if (cursor !== undefined) where.push(`${END} <= ${timestamp(cursor.beforeMs)}`);
  const fields = RECORD_FIELDS.map(renderKey);
  const sql = [
    `SELECT ${fields.flatMap((field) => field.selected).join(', ')}, "extraLayoutId", "extra"`,
    `FROM ${source(options, RECORD_FIELDS)}${whereClause(where)}`,
    `ORDER BY ${END} DESC, ${RECORD_TIE_BREAK}`,
    `LIMIT ${integer(plan.limit)}${cursor === undefined ? '' : ` OFFSET ${integer(cursor.skip)}`}`,
  ].join('\n');
  const columns: AnswerColumn[] = [
    ...fields.map((field) => field.column),
    { name: 'extraLayoutId', kind: 'layout' },
    { name: 'extra', kind: 'extra' },
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

function renderKey(dimension: DimensionRef): RenderedKey {
  const field = knownField(dimension.name);
  const name = formatDimension(dimension);
  if (field.source.from !== 'address') {
    const expression = field.kind === 'timeMs' ? `epoch_ms(${scalar(field)})` : scalar(field);
    const alias = identifier(name);
    return {
      selected: [`${expression} AS ${alias}`],
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
  return field.kind === 'exporterText' ? 'text' : 'number';
}

function aliasesOf(keys: readonly RenderedKey[]): string[] {
  return keys.flatMap((key) => key.aliases);
}

/** The relation, joined with `exporters` only when a dimension asks for it. */
function source({ relation = 'flows' }: RenderOptions, dimensions: readonly DimensionRef[]): string {
  const joined = dimensions.some(({ name }) => knownField(name).source.from === 'exporter');
  return joined ? `${relation} AS flows LEFT JOIN exporters USING ("exporterId")` : `${relation} AS flows`;
}

function filterCondition(filter: string | undefined): string[] {
  const expression = parseFilter(filter ?? '');
  return expression.kind === 'all' ? [] : [renderFilter(expression)];
}

/**
 * A filter as a SQL condition that is never NULL where it matters: NULL counts as false in WHERE, and a
 * negation is pushed down to single conditions, where `IS NOT TRUE` makes it hold for NULL.
 */
export function renderFilter(expression: FilterExpression, negated = false): string {
  switch (expression.kind) {
    case 'all':
      return negated ? 'false' : 'true';
    case 'not':
      return renderFilter(expression.operand, !negated);
    case 'and':
    case 'or': {
      const join = (expression.kind === 'and') !== negated ? ' AND ' : ' OR ';
      return `(${expression.operands.map((operand) => renderFilter(operand, negated)).join(join)})`;
    }
    default: {
      const condition = renderCondition(expression);
      return negated ? `((${condition}) IS NOT TRUE)` : condition;
    }
  }
}

type Condition = Exclude<FilterExpression, { kind: 'all' | 'and' | 'or' | 'not' }>;

function renderCondition(condition: Condition): string {
  switch (condition.kind) {
    case 'compare':
      return renderComparison(knownField(condition.field), condition.operator, condition.value);
    case 'in':
      return exporterAware(
        knownField(condition.field),
        (value) => `${value} IN (${condition.values.map((each) => integer(each)).join(', ')})`,
      );
    case 'compareFields':
      return `${comparable(knownField(condition.left))} ${sqlOperator(condition.operator)} ${comparable(knownField(condition.right))}`;
    case 'bits':
      return `${scalar(knownField(condition.field))} & ${integer(condition.mask)} = ${integer(condition.mask)}`;
    case 'network':
      return renderNetworks(knownField(condition.field), condition.networks);
    case 'text':
      return exporterAware(knownField(condition.field), (value) =>
        renderText(value, condition.operator, condition.value),
      );
  }
}

function renderComparison(
  field: FieldDefinition,
  operator: ComparisonOperator,
  value: bigint | number,
): string {
  if (field.kind === 'timeMs') {
    const literal = timestamp(Number(value));
    return `${scalar(field)} ${sqlOperator(operator)} ${literal}`;
  }
  const literal = typeof value === 'bigint' ? integer(value) : double(value);
  return exporterAware(field, (sql) => `${sql} ${sqlOperator(operator)} ${literal}`);
}

/** A condition on a column of `exporters` becomes one on exporterId, so that `flows` needs no join. */
function exporterAware(field: FieldDefinition, condition: (sql: string) => string): string {
  if (field.source.from !== 'exporter') return condition(scalar(field));
  const inner = condition(identifier(field.source.column));
  return `"exporterId" IN (SELECT "exporterId" FROM exporters WHERE ${inner})`;
}

function renderText(value: string, operator: TextOperator, pattern: string): string {
  switch (operator) {
    case '=':
      return `${value} = ${text(pattern)}`;
    case 'like':
      return `${value} LIKE ${text(pattern)}`;
    case 'ilike':
      return `${value} ILIKE ${text(pattern)}`;
    case '~':
      return `regexp_matches(${value}, ${text(pattern)})`;
  }
}

/** Single addresses of one upper half become an IN list, prefixes become ranges: both prune row groups. */
function renderNetworks(field: FieldDefinition, networks: readonly Network[]): string {
  if (field.source.from !== 'address') throw new Error(`${field.name} is no address`);
  const [hi, lo] = [identifier(field.source.hi), identifier(field.source.lo)];
  const hosts = new Map<bigint, bigint[]>();
  const conditions: string[] = [];
  for (const network of networks) {
    if (network.prefixLength < 128) conditions.push(renderPrefix(hi, lo, network));
    else hosts.set(network.hi, [...(hosts.get(network.hi) ?? []), network.lo]);
  }
  for (const [high, lows] of hosts) {
    const list = lows.map(unsigned).join(', ');
    conditions.push(
      `(${hi} = ${unsigned(high)} AND ${lo} ${lows.length === 1 ? `= ${list}` : `IN (${list})`})`,
    );
  }
  return `(${conditions.join(' OR ')})`;
}

function renderPrefix(hi: string, lo: string, network: Network): string {
  const last = lastAddressOf(network);
  if (network.prefixLength === 0) return `${hi} IS NOT NULL`;
  if (network.prefixLength <= 64) return `(${hi} BETWEEN ${unsigned(network.hi)} AND ${unsigned(last.hi)})`;
  return `(${hi} = ${unsigned(network.hi)} AND ${lo} BETWEEN ${unsigned(network.lo)} AND ${unsigned(last.lo)})`;
}

/** The value of a field that is not an address, in its own type. */
function scalar(field: FieldDefinition): string {
  switch (field.source.from) {
    case 'column':
      return `flows.${identifier(field.source.column)}`;
    case 'exporter':
      return `exporters.${identifier(field.source.column)}`;
    case 'derived':
      return derive(field.source.formula);
    case 'address':
      throw new Error(`${field.name} is not a scalar`);
  }
}

/** Times as milliseconds, so that any two fields have an order. */
function comparable(field: FieldDefinition): string {
  return field.kind === 'timeMs' ? `epoch_ms(${scalar(field)})` : scalar(field);
}

const DURATION = 'greatest(0, epoch_ms("flowEnd") - epoch_ms("flowStart"))';

function derive(formula: DerivedFormula): string {
  switch (formula) {
    case 'duration':
      return `CASE WHEN "flowStart" IS NOT NULL AND "flowEnd" IS NOT NULL THEN ${DURATION} END`;
    case 'bitsPerSecond':
      return rate('octets', 8000);
    case 'packetsPerSecond':
      return rate('packets', 1000);
    case 'octetsPerPacket':
      return 'CASE WHEN "octets" IS NULL OR "packets" IS NULL THEN NULL WHEN "packets" = 0 THEN 0 ELSE "octets"::DOUBLE / "packets"::DOUBLE END';
    case 'icmpType':
      return '("icmpTypeCode" >> 8)';
    case 'icmpCode':
      return '("icmpTypeCode" & 255)';
    case 'forwardingState':
      return '("forwardingStatus" >> 6)';
    case 'ipVersion':
      return 'CASE WHEN "srcAddrHi" = 0 AND "srcAddrLo" >> 32 = 65535 THEN 4 WHEN "srcAddrHi" IS NOT NULL THEN 6 END';
  }
}

function rate(column: FlowColumnName, scale: number): string {
  const known = `"${column}" IS NOT NULL AND "flowStart" IS NOT NULL AND "flowEnd" IS NOT NULL`;
  return `CASE WHEN ${known} THEN CASE WHEN ${DURATION} = 0 THEN 0.0::DOUBLE ELSE ("${column}"::DOUBLE * ${scale}) / ${DURATION}::DOUBLE END END`;
}

function knownField(name: string): FieldDefinition {
  const field = fieldNamed(name);
  if (field === undefined) throw new Error(`there is no field ${name}`);
  return field;
}

function sqlOperator(operator: ComparisonOperator): string {
  return operator === '!=' ? '<>' : operator;
}

/** An unsigned 64-bit constant; the cast keeps DuckDB from widening the column to HUGEINT. */
function unsigned(value: bigint): string {
  return `${BigInt.asUintN(64, value)}::UBIGINT`;
}

function integer(value: number | bigint): string {
  return typeof value === 'bigint' ? value.toString() : BigInt(value).toString();
}

function double(value: number): string {
  return `${Number.isFinite(value) ? value : 0}::DOUBLE`;
}

function timestamp(milliseconds: number): string {
  const bounded = Math.min(Math.max(Math.trunc(milliseconds), -TIMESTAMP_MAX_MS), TIMESTAMP_MAX_MS);
  return `TIMESTAMP '${new Date(bounded).toISOString().replace('T', ' ').replace('Z', '')}'::TIMESTAMP_MS`;
}

/** The year 9999. */
const TIMESTAMP_MAX_MS = 253_402_300_799_999;

function text(value: string): string {
  return `'${value.replaceAll('\0', '').replaceAll("'", "''")}'`;
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
