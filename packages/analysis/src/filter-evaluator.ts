/**
 * The meaning of a filter, one record at a time and without cleverness. It is what SQL dialects are tested
 * against, and what the console uses on rows that it already has.
 */
import { type Address, formatAddress, isIPv4, maskOf, type Network, parseAddress } from './address.ts';
import { type DerivedFormula, type FieldDefinition, fieldNamed } from './field.ts';
import type { ComparisonOperator, FilterExpression } from './filter-expression.ts';
import { parseMac } from './value-name.ts';

/**
 * A record by field names; addresses and MACs as text, times in milliseconds. Absent and null mean the same.
 * Information Elements without a column stand under their names, or in `extra` under them.
 */
export type FlowRecord = Readonly<Record<string, unknown>>;

export function matchesFilter(expression: FilterExpression, record: FlowRecord): boolean {
  switch (expression.kind) {
    case 'all':
      return true;
    case 'and':
      return expression.operands.every((operand) => matchesFilter(operand, record));
    case 'or':
      return expression.operands.some((operand) => matchesFilter(operand, record));
    case 'not':
      return !matchesFilter(expression.operand, record);
    case 'compare':
      return compare(numberOf(record, expression.field), expression.operator, expression.value);
    case 'compareFields':
      return compareFields(record, expression.left, expression.operator, expression.right);
    case 'in': {
      const value = numberOf(record, expression.field);
      return value !== undefined && isMember(value, memberSet(expression.values));
    }
    case 'bits': {
      const value = numberOf(record, expression.field);
      return value !== undefined && (Number(value) & expression.mask) === expression.mask;
    }
    case 'network': {
      const address = addressOf(record, expression.field);
      return address !== undefined && networkSet(expression.networks).contains(address);
    }
    case 'text':
      return matchesText(textOf(record, expression.field), expression.operator, expression.value);
    case 'textIn': {
      const value = textOf(record, expression.field);
      return value !== undefined && memberSet(expression.values).has(value);
    }
    case 'present':
      return isFieldPresent(record, expression.field);
  }
}

const memberSets = new WeakMap<readonly unknown[], ReadonlySet<unknown>>();

/** A list as a set, made once for each expression: lists have thousands of values. */
function memberSet<Value>(values: readonly Value[]): ReadonlySet<Value> {
  const known = memberSets.get(values) as ReadonlySet<Value> | undefined;
  if (known !== undefined) return known;
  const set = new Set(values);
  memberSets.set(values, set);
  return set;
}

/** Fractions are in no list: those hold whole numbers. */
function isMember(value: bigint | number, members: ReadonlySet<bigint>): boolean {
  if (typeof value === 'bigint') return members.has(value);
  return Number.isInteger(value) && members.has(BigInt(value));
}

interface NetworkSet {
  contains(address: Address): boolean;
}

const networkSets = new WeakMap<readonly Network[], NetworkSet>();

/** One set of prefixes for each length: as many look-ups as there are lengths, however many networks. */
function networkSet(networks: readonly Network[]): NetworkSet {
  const known = networkSets.get(networks);
  if (known !== undefined) return known;
  const lengths = new Map<number, { readonly mask: Address; readonly members: Set<string> }>();
  for (const { hi, lo, prefixLength } of networks) {
    const group = lengths.get(prefixLength) ?? { mask: maskOf(prefixLength), members: new Set<string>() };
    lengths.set(prefixLength, group);
    group.members.add(`${hi} ${lo}`);
  }
  const groups = [...lengths.values()];
  const set: NetworkSet = {
    contains: ({ hi, lo }) =>
      groups.some(({ mask, members }) => members.has(`${hi & mask.hi} ${lo & mask.lo}`)),
  };
  networkSets.set(networks, set);
  return set;
}

function compareFields(
  record: FlowRecord,
  left: string,
  operator: ComparisonOperator,
  right: string,
): boolean {
  const field = fieldNamed(left);
  if (field?.kind === 'address') {
    const [first, second] = [addressOf(record, left), addressOf(record, right)];
    return first !== undefined && second !== undefined && formatAddress(first) === formatAddress(second);
  }
  if (field?.kind === 'text' || field?.kind === 'country') {
    const first = textOf(record, left);
    return first !== undefined && first === textOf(record, right);
  }
  return compare(numberOf(record, left), operator, numberOf(record, right));
}

function isFieldPresent(record: FlowRecord, name: string): boolean {
  const field = fieldNamed(name);
  if (field?.source.from === 'derived') return numberOf(record, name) !== undefined;
  const value = recordValue(record, name);
  return value !== null && value !== undefined;
}

/** The value of a field: a column's, or that of an element which has none. */
function recordValue(record: FlowRecord, name: string): unknown {
  const value = record[name];
  if (value !== undefined) return value;
  const extra = record['extra'];
  if (typeof extra !== 'object' || extra === null || !Object.hasOwn(extra, name)) return undefined;
  return (extra as Readonly<Record<string, unknown>>)[name];
}

function textOf(record: FlowRecord, name: string): string | undefined {
  const value = recordValue(record, name);
  return typeof value === 'string' ? value : undefined;
}

function compare(
  left: bigint | number | undefined,
  operator: ComparisonOperator,
  right: bigint | number | undefined,
): boolean {
  if (left === undefined || right === undefined) return false;
  switch (operator) {
    case '=':
      return !(left < right) && !(left > right);
    case '!=':
      return left < right || left > right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}

function matchesText(value: string | undefined, operator: string, wanted: string): boolean {
  if (value === undefined) return false;
  switch (operator) {
    case '=':
      return value === wanted;
    case '~':
      return new RegExp(wanted).test(value);
    default:
      return likePattern(wanted, operator === 'ilike').test(value);
  }
}

/** SQL's LIKE: `%` any characters, `_` one. */
function likePattern(pattern: string, ignoreCase: boolean): RegExp {
  const escaped = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll('%', '.*')
    .replaceAll('_', '.');
  return new RegExp(`^${escaped}$`, ignoreCase ? 'isu' : 'su');
}

function addressOf(record: FlowRecord, name: string): Address | undefined {
  const value = textOf(record, name);
  return value === undefined ? undefined : parseAddress(value);
}

function numberOf(record: FlowRecord, name: string): bigint | number | undefined {
  const field = fieldNamed(name);
  if (field?.source.from === 'derived') return derive(field.source.formula, record);
  return storedNumber(recordValue(record, name), field);
}

function storedNumber(value: unknown, field?: FieldDefinition): bigint | number | undefined {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return value;
    case 'boolean':
      return value ? 1 : 2; // RFC 7011 section 6.1.5
    case 'string':
      return numberOfText(value, field);
    default:
      return undefined;
  }
}

/** Answers have MAC addresses and times as text, and integers past 2^53 - 1 too. */
function numberOfText(text: string, field: FieldDefinition | undefined): bigint | number | undefined {
  if (field?.kind === 'mac') return parseMac(text);
  if (field?.kind === 'timeMs') return numberOrUndefined(Date.parse(text));
  return /^\d+$/.test(text) ? BigInt(text) : undefined;
}

function numberOrUndefined(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}

function derive(formula: DerivedFormula, record: FlowRecord): number | undefined {
  const number = (name: string) => {
    const value = storedNumber(record[name], fieldNamed(name));
    return value === undefined ? undefined : Number(value);
  };
  switch (formula) {
    case 'duration':
      return durationOf(number('flowStart'), number('flowEnd'));
    case 'bitsPerSecond':
      return rate(number('octets'), 8000, durationOf(number('flowStart'), number('flowEnd')));
    case 'packetsPerSecond':
      return rate(number('packets'), 1000, durationOf(number('flowStart'), number('flowEnd')));
    case 'octetsPerPacket':
      return rate(number('octets'), 1, number('packets'));
    case 'icmpType':
      return map(number('icmpTypeCode'), (value) => value >> 8);
    case 'icmpCode':
      return map(number('icmpTypeCode'), (value) => value & 255);
    case 'forwardingState':
      return map(number('forwardingStatus'), (value) => value >> 6);
    case 'ipVersion':
      return map(addressOf(record, 'srcAddr'), (address) => (isIPv4(address) ? 4 : 6));
  }
}

function durationOf(start: number | undefined, end: number | undefined): number | undefined {
  return start === undefined || end === undefined ? undefined : Math.max(0, end - start);
}

function rate(count: number | undefined, scale: number, divisor: number | undefined): number | undefined {
  if (count === undefined || divisor === undefined) return undefined;
  return divisor === 0 ? 0 : (count * scale) / divisor;
}

function map<T>(value: T | undefined, change: (value: T) => number): number | undefined {
  return value === undefined ? undefined : change(value);
}
