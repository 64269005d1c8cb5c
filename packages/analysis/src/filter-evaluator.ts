/**
 * The meaning of a filter, one record at a time and without cleverness. It is what SQL dialects are tested
 * against, and what the console uses on rows that it already has.
 */
import { type Address, isIPv4, networkContains, parseAddress } from './address.ts';
import { type DerivedFormula, type FieldDefinition, fieldNamed } from './dimension.ts';
import type { ComparisonOperator, FilterExpression } from './filter-expression.ts';
import { parseMac } from './value-name.ts';

/** A record by field names; addresses and MACs as text, times in milliseconds. Absent and null mean the same. */
export type FlowRecord = Readonly<Record<string, string | number | bigint | null | undefined>>;

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
      return compare(
        numberOf(record, expression.left),
        expression.operator,
        numberOf(record, expression.right),
      );
    case 'in': {
      const value = numberOf(record, expression.field);
      return value !== undefined && expression.values.some((each) => compare(value, '=', each));
    }
    case 'bits': {
      const value = numberOf(record, expression.field);
      return value !== undefined && (Number(value) & expression.mask) === expression.mask;
    }
    case 'network': {
      const address = addressOf(record, expression.field);
      return (
        address !== undefined && expression.networks.some((network) => networkContains(network, address))
      );
    }
    case 'text':
      return matchesText(record[expression.field], expression.operator, expression.value);
  }
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

function matchesText(value: unknown, operator: string, wanted: string): boolean {
  if (typeof value !== 'string') return false;
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
  const value = record[name];
  return typeof value === 'string' ? parseAddress(value) : undefined;
}

function numberOf(record: FlowRecord, name: string): bigint | number | undefined {
  const field = fieldNamed(name);
  if (field?.source.from === 'derived') return derive(field.source.formula, record);
  return storedNumber(record[name], field);
}

function storedNumber(value: FlowRecord[string], field?: FieldDefinition): bigint | number | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'string') return value;
  return field?.kind === 'mac' ? parseMac(value) : undefined;
}

function derive(formula: DerivedFormula, record: FlowRecord): number | undefined {
  const number = (name: string) => {
    const value = storedNumber(record[name]);
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
