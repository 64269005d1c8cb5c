/** Conditions of a filter: from a field, an operator and the tokens of values to an expression. */
import { type FieldDefinition, fieldNamed } from './field.ts';
import {
  anyOf,
  type ComparisonOperator,
  equals,
  FilterError,
  type FilterExpression,
  negate,
  type TextOperator,
} from './filter-expression.ts';
import type { Token } from './filter-lexer.ts';
import { locateInList } from './filter-list.ts';
import {
  flagsValue,
  forwardingStateValue,
  integerValue,
  networkValue,
  numberValue,
  rangeValue,
  textValue,
} from './filter-value.ts';

const ORDER_OPERATORS = ['=', '!=', '<', '<=', '>', '>=', 'in'];
const TEXT_OPERATORS = ['=', '!=', '~', '!~', 'like', 'unlike', 'ilike', 'iunlike', 'in'];
const ADDRESS_OPERATORS = ['=', '!=', '<<', '!<<', 'in'];
const FIXED_OPERATORS = ['=', '!=', 'in'];

/** The operators that a field can be compared by, most used first; `not in` goes with `in`. */
export function operatorsOf(field: FieldDefinition): readonly string[] {
  switch (field.kind) {
    case 'address':
      return ADDRESS_OPERATORS;
    case 'text':
      return TEXT_OPERATORS;
    case 'country':
    case 'named':
    case 'protocol':
    case 'mac':
      return FIXED_OPERATORS;
    default:
      return ORDER_OPERATORS;
  }
}

/** What an operator says without its negation. */
const POSITIVE: ReadonlyMap<string, string> = new Map([
  ['!=', '='],
  ['!<<', '<<'],
  ['!~', '~'],
  ['unlike', 'like'],
  ['iunlike', 'ilike'],
]);

export function isNegative(operator: string | undefined): boolean {
  return operator !== undefined && POSITIVE.has(operator);
}

export function isComparison(text: string | undefined): text is ComparisonOperator {
  return text !== undefined && /^(=|!=|<|<=|>|>=)$/.test(text);
}

export function isTextField({ kind }: FieldDefinition): boolean {
  return kind === 'text' || kind === 'country';
}

/** The condition without its negation: `!=` gives what `=` gives. No operator: the value only. */
export function oneCondition(
  field: FieldDefinition,
  operator: string | undefined,
  token: Token,
): FilterExpression {
  return locateInList(token, () => {
    const positive = POSITIVE.get(operator ?? '=') ?? operator ?? '=';
    if (field.kind === 'address') return addressCondition(field, positive, token);
    if (isTextField(field)) return textCondition(field, positive, token);
    return numberCondition(field, operator, positive, token);
  });
}

function numberCondition(
  field: FieldDefinition,
  operator: string | undefined,
  positive: string,
  token: Token,
): FilterExpression {
  if (!isComparison(positive)) throw wrongOperator(field, positive, token);
  if (field.kind === 'tcpFlags' && operator === undefined) {
    return { kind: 'bits', field: field.name, mask: flagsValue(token) };
  }
  const range = positive === '=' ? rangeValue(field, token) : undefined;
  if (range !== undefined) return between(field, range);
  const state = field.name === 'forwardingStatus' ? forwardingStateValue(token.text) : undefined;
  if (state !== undefined && positive === '=') return equals('forwardingState', state);
  return { kind: 'compare', field: field.name, operator: positive, value: numberValue(field, token) };
}

function between({ name }: FieldDefinition, [low, high]: readonly [bigint, bigint]): FilterExpression {
  return {
    kind: 'and',
    operands: [
      { kind: 'compare', field: name, operator: '>=', value: low },
      { kind: 'compare', field: name, operator: '<=', value: high },
    ],
  };
}

function addressCondition(field: FieldDefinition, operator: string, token: Token): FilterExpression {
  if (operator !== '=' && operator !== '<<') throw wrongOperator(field, operator, token);
  return { kind: 'network', field: field.name, networks: [networkValue(token)] };
}

function textCondition(field: FieldDefinition, operator: string, token: Token): FilterExpression {
  if (!operatorsOf(field).includes(operator)) throw wrongOperator(field, operator, token);
  if (operator === '~') checkRegularExpression(token);
  const value = operator === '=' ? textValue(field, token) : token.text;
  return { kind: 'text', field: field.name, operator: operator as TextOperator, value };
}

function wrongOperator(field: FieldDefinition, operator: string, token: Token): FilterError {
  const message = `${field.name} cannot be compared by ${operator}`;
  return new FilterError(message, token.position, operatorsOf(field));
}

/** RE2, which the store uses, has no look-around and no back-references, so that no pattern is slow. */
const BEYOND_RE2 = /\(\?<?[=!]|\\[1-9k]/;

function checkRegularExpression(token: Token): void {
  try {
    new RegExp(token.text, 'u');
    if (!BEYOND_RE2.test(token.text)) return;
  } catch {
    // Said below, as for what RE2 lacks.
  }
  throw new FilterError('this is no regular expression', token.position, ['a regular expression']);
}

/** `field in (…)`. */
export function listCondition(field: FieldDefinition, tokens: readonly Token[]): FilterExpression {
  if (field.kind === 'address') {
    const networks = tokens.map((token) => locateInList(token, () => networkValue(token)));
    return { kind: 'network', field: field.name, networks };
  }
  if (isTextField(field)) {
    const values = tokens.map((token) => locateInList(token, () => textValue(field, token)));
    return { kind: 'textIn', field: field.name, values };
  }
  const single: Token[] = [];
  const others: FilterExpression[] = [];
  for (const token of tokens) {
    const isRange = field.kind === 'number' && /^\d+-\d+$/.test(token.text);
    const isState = field.name === 'forwardingStatus' && forwardingStateValue(token.text) !== undefined;
    if (isRange || isState) others.push(oneCondition(field, '=', token));
    else single.push(token);
  }
  const values = single.map((token) => locateInList(token, () => integerValue(field, token)));
  const listed: FilterExpression[] = values.length === 0 ? [] : [{ kind: 'in', field: field.name, values }];
  return anyOf([...listed, ...others]);
}

/**
 * `srcPort < dstPort`, `srcCountry != dstCountry`: the field that a value's word names, where it can be meant.
 * A text is a text unless it is the plain name of a field of the same kind.
 */
export function comparedField(field: FieldDefinition, token: Token): FieldDefinition | undefined {
  const right = token.kind === 'word' && /^[a-z]/i.test(token.text) ? fieldNamed(token.text) : undefined;
  if (right === undefined || right.source.from === 'element') return undefined;
  if (!isTextField(field)) return right;
  const plainName = right.name.toLowerCase() === token.text.toLowerCase();
  return plainName && right.kind === field.kind && /^(src|dst|in|out)/.test(right.name) ? right : undefined;
}

export function fieldComparison(
  left: FieldDefinition,
  operator: ComparisonOperator,
  right: FieldDefinition,
  token: Token,
): FilterExpression {
  const numbers = isNumeric(left) && isNumeric(right);
  const equality = operator === '=' || operator === '!=';
  const stored = left.source.from === 'column' || left.source.from === 'address';
  const isSameKind = stored && left.kind === right.kind && left.source.from === right.source.from;
  if (!numbers && !(equality && isSameKind)) {
    throw new FilterError(
      `${left.name} and ${right.name} cannot be compared by ${operator}`,
      token.position,
      ['a value'],
    );
  }
  if (operator !== '!=') return { kind: 'compareFields', left: left.name, operator, right: right.name };
  return negate({ kind: 'compareFields', left: left.name, operator: '=', right: right.name });
}

function isNumeric(field: FieldDefinition): boolean {
  const { from } = field.source;
  return (from === 'column' || from === 'derived') && !isTextField(field);
}
