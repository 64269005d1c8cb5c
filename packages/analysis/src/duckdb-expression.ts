/**
 * Filters and values of fields as DuckDB SQL over the relation `flows` (columns of FLOW_COLUMNS, addresses in
 * halves, labels and countries as text, `exporterId`) and the dimension table `exporters`. Every constant is
 * rendered here: numbers from BigInt or Number, texts quoted; nothing of a plan or a filter reaches the SQL
 * in any other way.
 */
import type { FlowColumnName, InformationElement } from '@weir/ipfix';
import type { Address, Network } from './address.ts';
import { IPV4_PREFIX_BITS, isIPv4, lastAddressOf, maskOf } from './address.ts';
import { type DerivedFormula, type FieldDefinition, fieldNamed } from './field.ts';
import type { ComparisonOperator, FilterExpression, TextOperator } from './filter-expression.ts';

/** What the SQL of an expression depends on, beyond the expression. */
export interface SqlScope {
  /**
   * SQL for an element that has no column: numbers and booleans as numbers, times as epoch milliseconds, MAC
   * addresses as UBIGINT, all else as text. Undefined where no stored record can have it.
   */
  readonly elementSql?: (element: InformationElement) => string | undefined;
}

/** Longer lists become a semi-join with one constant: 10,000 addresses cost 15 ms that way, not 230. */
const LITERALS_MAX = 32;
/** So many networks are ranges, which prune row groups; more are looked up by their length. */
const RANGES_MAX = 16;

/**
 * A filter as a SQL condition that is never NULL where it matters: NULL counts as false in WHERE, and a
 * negation is pushed down to single conditions, where `IS NOT TRUE` makes it hold for NULL.
 */
export function renderFilter(expression: FilterExpression, scope: SqlScope = {}, negated = false): string {
  switch (expression.kind) {
    case 'all':
      return negated ? 'false' : 'true';
    case 'not':
      return renderFilter(expression.operand, scope, !negated);
    case 'and':
    case 'or': {
      const join = (expression.kind === 'and') !== negated ? ' AND ' : ' OR ';
      return `(${expression.operands.map((operand) => renderFilter(operand, scope, negated)).join(join)})`;
    }
    default: {
      const condition = renderCondition(expression, scope);
      return negated ? `((${condition}) IS NOT TRUE)` : condition;
    }
  }
}

type Condition = Exclude<FilterExpression, { kind: 'all' | 'and' | 'or' | 'not' }>;

function renderCondition(condition: Condition, scope: SqlScope): string {
  if (condition.kind === 'compareFields') {
    return renderFieldComparison(knownField(condition.left), condition.operator, knownField(condition.right));
  }
  const field = knownField(condition.field);
  switch (condition.kind) {
    case 'compare':
      return renderComparison(field, condition.operator, condition.value, scope);
    case 'in':
      return exporterAware(field, scope, (value) => `${value} IN ${numberList(condition.values)}`);
    case 'bits': {
      const mask = integer(condition.mask);
      return `${scalar(field, scope)} & ${mask} = ${mask}`;
    }
    case 'network':
      return renderNetworks(field, condition.networks);
    case 'text':
      return exporterAware(field, scope, (value) => renderText(value, condition.operator, condition.value));
    case 'textIn':
      return exporterAware(field, scope, (value) => `${value} IN ${textList(condition.values)}`);
    case 'present':
      return renderPresence(field, scope);
  }
}

function renderComparison(
  field: FieldDefinition,
  operator: ComparisonOperator,
  value: bigint | number,
  scope: SqlScope,
): string {
  const isTimestamp = field.kind === 'timeMs' && field.source.from === 'column';
  const literal = isTimestamp
    ? timestamp(Number(value))
    : typeof value === 'bigint'
      ? integer(value)
      : double(value);
  return exporterAware(field, scope, (sql) => `${sql} ${sqlOperator(operator)} ${literal}`);
}

function renderFieldComparison(
  left: FieldDefinition,
  operator: ComparisonOperator,
  right: FieldDefinition,
): string {
  if (left.source.from === 'address' && right.source.from === 'address') {
    const [hi, lo] = [identifier(left.source.hi), identifier(left.source.lo)];
    return `(${hi} = ${identifier(right.source.hi)} AND ${lo} = ${identifier(right.source.lo)})`;
  }
  return `${comparable(left)} ${sqlOperator(operator)} ${comparable(right)}`;
}

function renderPresence(field: FieldDefinition, scope: SqlScope): string {
  if (field.source.from === 'address') return `${identifier(field.source.hi)} IS NOT NULL`;
  return exporterAware(field, scope, (sql) => `${sql} IS NOT NULL`);
}

/** A condition on a column of `exporters` becomes one on exporterId, so that `flows` needs no join. */
function exporterAware(field: FieldDefinition, scope: SqlScope, condition: (sql: string) => string): string {
  if (field.source.from !== 'exporter') return condition(scalar(field, scope));
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

/** What stands behind IN for whole numbers. */
function numberList(values: readonly bigint[]): string {
  if (values.length <= LITERALS_MAX) return `(${values.map(integer).join(', ')})`;
  return `(SELECT unnest('[${values.join(', ')}]'::HUGEINT[]))`;
}

/** What stands behind IN for halves of addresses. */
function halvesList(values: readonly bigint[]): string {
  if (values.length <= LITERALS_MAX) return `(${values.map(unsigned).join(', ')})`;
  return `(SELECT unnest('[${values.join(', ')}]'::UBIGINT[]))`;
}

function textList(values: readonly string[]): string {
  const list = values.map(text).join(', ');
  return values.length <= LITERALS_MAX ? `(${list})` : `(SELECT unnest([${list}]))`;
}

function renderNetworks(field: FieldDefinition, networks: readonly Network[]): string {
  if (field.source.from !== 'address') throw new Error(`${field.name} is no address`);
  const halves: Halves = [identifier(field.source.hi), identifier(field.source.lo)];
  if (networks.length <= RANGES_MAX) return renderRanges(halves, networks);
  const v4 = networks.filter((network) => network.prefixLength >= IPV4_PREFIX_BITS && isIPv4(network));
  const others = networks.filter((network) => !v4.includes(network));
  const conditions = [
    ...(v4.length > RANGES_MAX
      ? [renderManyIPv4(halves, v4)]
      : v4.length > 0
        ? [renderRanges(halves, v4)]
        : []),
    ...byLength(others).map((group) => renderMany(halves, group)),
  ];
  return `(${conditions.join(' OR ')})`;
}

type Halves = readonly [hi: string, lo: string];

/** Single addresses of one upper half become an IN list, prefixes become ranges: both prune row groups. */
function renderRanges([hi, lo]: Halves, networks: readonly Network[]): string {
  const hosts = new Map<bigint, bigint[]>();
  const conditions: string[] = [];
  for (const network of networks) {
    if (network.prefixLength < 128) conditions.push(renderPrefix([hi, lo], network));
    else hosts.set(network.hi, [...(hosts.get(network.hi) ?? []), network.lo]);
  }
  for (const [high, lows] of hosts) {
    const low = lows.length === 1 ? `= ${unsigned(lows[0]!)}` : `IN ${halvesList(lows)}`;
    conditions.push(`(${hi} = ${unsigned(high)} AND ${lo} ${low})`);
  }
  return `(${conditions.join(' OR ')})`;
}

function renderPrefix([hi, lo]: Halves, network: Network): string {
  const last = lastAddressOf(network);
  if (network.prefixLength === 0) return `${hi} IS NOT NULL`;
  if (network.prefixLength <= 64) return `(${hi} BETWEEN ${unsigned(network.hi)} AND ${unsigned(last.hi)})`;
  return `(${hi} = ${unsigned(network.hi)} AND ${lo} BETWEEN ${unsigned(network.lo)} AND ${unsigned(last.lo)})`;
}

/** IPv4 networks by their length, within the range that all of them span, which prunes row groups. */
function renderManyIPv4([hi, lo]: Halves, networks: readonly Network[]): string {
  let [first, last] = [networks[0]!.lo, 0n];
  for (const network of networks) {
    const end = lastAddressOf(network).lo;
    if (network.lo < first) first = network.lo;
    if (end > last) last = end;
  }
  const groups = byLength(networks).map((group) => {
    const { prefixLength } = group[0]!;
    return `${masked(lo, maskOf(prefixLength).lo)} IN ${halvesList(group.map((network) => network.lo))}`;
  });
  return `(${hi} = 0 AND ${lo} BETWEEN ${unsigned(first)} AND ${unsigned(last)} AND (${groups.join(' OR ')}))`;
}

/** Networks of one length. */
function renderMany([hi, lo]: Halves, networks: readonly Network[]): string {
  const { prefixLength } = networks[0]!;
  if (networks.length <= RANGES_MAX || prefixLength === 0) return renderRanges([hi, lo], networks);
  const mask = maskOf(prefixLength);
  if (prefixLength <= 64) return `${masked(hi, mask.hi)} IN ${halvesList(networks.map((each) => each.hi))}`;
  const his = networks.map((each) => each.hi).join(', ');
  const los = networks.map((each) => each.lo).join(', ');
  const pairs = `SELECT unnest('[${his}]'::UBIGINT[]), unnest('[${los}]'::UBIGINT[])`;
  return `((${hi}, ${masked(lo, mask.lo)}) IN (${pairs}))`;
}

function masked(sql: string, mask: Address['lo']): string {
  return BigInt.asUintN(64, ~mask) === 0n ? sql : `(${sql} & ${unsigned(mask)})`;
}

function byLength(networks: readonly Network[]): Network[][] {
  const groups = new Map<number, Network[]>();
  for (const network of networks) {
    const group = groups.get(network.prefixLength) ?? [];
    groups.set(network.prefixLength, group);
    group.push(network);
  }
  return [...groups.values()];
}

/** The value of a field that is not an address, in its own type. */
export function scalar(field: FieldDefinition, scope: SqlScope): string {
  switch (field.source.from) {
    case 'column':
      return `flows.${identifier(field.source.column)}`;
    case 'exporter':
      return `exporters.${identifier(field.source.column)}`;
    case 'derived':
      return derive(field.source.formula);
    case 'element':
      return scope.elementSql?.(field.source.element) ?? NO_ELEMENT[field.kind] ?? 'NULL::UBIGINT';
    case 'address':
      throw new Error(`${field.name} is not a scalar`);
  }
}

/** What no record has is NULL, of a type that can be compared. */
const NO_ELEMENT: Readonly<Record<string, string>> = { text: 'NULL::VARCHAR' };

/** A field as an answer shows it: times as epoch milliseconds. */
export function comparable(field: FieldDefinition, scope: SqlScope = {}): string {
  const sql = scalar(field, scope);
  return field.kind === 'timeMs' && field.source.from === 'column' ? `epoch_ms(${sql})` : sql;
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

export function knownField(name: string): FieldDefinition {
  const field = fieldNamed(name);
  if (field === undefined) throw new Error(`there is no field ${name}`);
  return field;
}

function sqlOperator(operator: ComparisonOperator): string {
  return operator === '!=' ? '<>' : operator;
}

/** An unsigned 64-bit constant; the cast keeps DuckDB from widening the column to HUGEINT. */
export function unsigned(value: bigint): string {
  return `${BigInt.asUintN(64, value)}::UBIGINT`;
}

export function integer(value: number | bigint): string {
  return typeof value === 'bigint' ? value.toString() : BigInt(value).toString();
}

function double(value: number): string {
  return `${Number.isFinite(value) ? value : 0}::DOUBLE`;
}

export function timestamp(milliseconds: number): string {
  const bounded = Math.min(Math.max(Math.trunc(milliseconds), -TIMESTAMP_MAX_MS), TIMESTAMP_MAX_MS);
  return `TIMESTAMP '${new Date(bounded).toISOString().replace('T', ' ').replace('Z', '')}'::TIMESTAMP_MS`;
}

/** The year 9999. */
const TIMESTAMP_MAX_MS = 253_402_300_799_999;

export function text(value: string): string {
  return `'${value.replaceAll('\0', '').replaceAll("'", "''")}'`;
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
