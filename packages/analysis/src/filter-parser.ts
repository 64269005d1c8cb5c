/**
 * The filter language, one grammar for two habits: nfdump's and tcpdump's either-side words
 * (`host 10.0.0.1 and port 53`) and typed fields (`SrcAS in (64500, 64501) AND DstPort = 443`).
 *
 *   filter     = [ either ]
 *   either     = both *( "or" both )
 *   both       = unit *( [ "and" ] unit )             ; conditions side by side mean "and"
 *   unit       = "not" unit / "(" either ")" / condition
 *   condition  = [ side ] subject [ operator ] value  ; src, dst, "src or dst", "src and dst", in, out
 *              / [ side ] address-or-prefix / protocol / state word
 *              / field operator ( value / field ) / field [ "not" ] "in" list
 *   list       = "(" value *( [ "," ] value ) ")"     ; any brackets
 *
 * Keywords and field names have no case.
 */
import { type FieldDefinition, fieldNamed } from './dimension.ts';
import {
  ALL_FLOWS,
  allOf,
  anyOf,
  type ComparisonOperator,
  FilterError,
  type FilterExpression,
  negate,
  type TextOperator,
} from './filter-expression.ts';
import { type Token, tokenizeFilter } from './filter-lexer.ts';
import {
  flagsValue,
  forwardingStateValue,
  integerValue,
  isNetworkText,
  networkValue,
  numberValue,
} from './filter-value.ts';
import { protocolNumber } from './value-name.ts';

/** Parentheses and `not` deeper than this are a mistake, not a question. */
const NESTING_MAX = 200;

/** What a side word may stand before, and the fields of the two sides. */
const SUBJECTS = byWord<readonly [string, string]>({
  host: ['srcAddr', 'dstAddr'],
  ip: ['srcAddr', 'dstAddr'],
  addr: ['srcAddr', 'dstAddr'],
  address: ['srcAddr', 'dstAddr'],
  net: ['srcAddr', 'dstAddr'],
  network: ['srcAddr', 'dstAddr'],
  port: ['srcPort', 'dstPort'],
  as: ['srcAs', 'dstAs'],
  asn: ['srcAs', 'dstAs'],
  mac: ['srcMac', 'dstMac'],
  mask: ['srcMask', 'dstMask'],
  if: ['inIf', 'outIf'],
  interface: ['inIf', 'outIf'],
});

const FIRST_SIDE = new Set(['src', 'source', 'in', 'input']);
const SECOND_SIDE = new Set(['dst', 'dest', 'destination', 'out', 'output']);

/** Words that are a whole condition. */
const STATE_WORDS = byWord<FilterExpression>({
  any: ALL_FLOWS,
  ipv4: equals('ipVersion', 4n),
  inet: equals('ipVersion', 4n),
  ip4: equals('ipVersion', 4n),
  ipv6: equals('ipVersion', 6n),
  inet6: equals('ipVersion', 6n),
  ip6: equals('ipVersion', 6n),
  ingress: equals('direction', 0n),
  egress: equals('direction', 1n),
  forwarded: equals('forwardingState', 1n),
  consumed: equals('forwardingState', 3n),
  dropped: { kind: 'or', operands: [equals('forwardingState', 2n), equals('firewallEvent', 3n)] },
  denied: equals('firewallEvent', 3n),
});

const WORD_COMPARISONS = byWord<ComparisonOperator>({
  eq: '=',
  ne: '!=',
  lt: '<',
  gt: '>',
  le: '<=',
  ge: '>=',
});

/** A Map, for a plain object would also know words such as `constructor`. */
function byWord<Value>(entries: Record<string, Value>): ReadonlyMap<string, Value> {
  return new Map(Object.entries(entries));
}

const TEXT_WORDS = new Set(['like', 'unlike', 'ilike', 'iunlike']);

const CONDITION_EXPECTED = [
  'host, net, port, src, dst, proto, as, if, vlan, flags, bytes, packets, duration …',
  'an address or prefix',
  'a protocol',
  'a field such as SrcAddr',
  'not',
  '(',
];

/** Parses a filter; an empty one matches every flow. Throws a FilterError. */
export function parseFilter(text: string): FilterExpression {
  return new FilterParser(tokenizeFilter(text)).parse();
}

class FilterParser {
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): FilterExpression {
    if (this.#peek().kind === 'end') return ALL_FLOWS;
    const expression = this.#either();
    const token = this.#peek();
    if (token.kind === 'end') return expression;
    throw new FilterError(`unexpected ${describe(token)}`, token.position, ['and', 'or', 'the end']);
  }

  #either(): FilterExpression {
    const operands = [this.#both()];
    while (this.#takeWord('or')) operands.push(this.#both());
    return anyOf(operands);
  }

  #both(): FilterExpression {
    const operands = [this.#unit()];
    for (;;) {
      if (this.#takeWord('and') || this.#startsUnit()) operands.push(this.#unit());
      else return allOf(operands);
    }
  }

  #startsUnit(): boolean {
    const token = this.#peek();
    return token.kind === 'open' || (token.kind === 'word' && token.text.toLowerCase() !== 'or');
  }

  #unit(): FilterExpression {
    const token = this.#peek();
    this.#depth += 1;
    if (this.#depth > NESTING_MAX) {
      throw new FilterError(`a filter nests at most ${NESTING_MAX} deep`, token.position);
    }
    try {
      if (this.#takeWord('not')) return negate(this.#unit());
      if (token.kind !== 'open') return this.#condition();
      this.#index += 1;
      const inner = this.#either();
      this.#takeClose();
      return inner;
    } finally {
      this.#depth -= 1;
    }
  }

  #condition(): FilterExpression {
    const token = this.#next();
    if (token.kind !== 'word') {
      throw new FilterError(
        `expected a condition, found ${describe(token)}`,
        token.position,
        CONDITION_EXPECTED,
      );
    }
    const word = token.text.toLowerCase();
    if (this.#sideOf(word) !== undefined && !this.#atOperator()) return this.#sided(word);
    const subject = SUBJECTS.get(word);
    if (subject !== undefined) return this.#subject(word, subject, 'or');
    return this.#phrase(word) ?? this.#typed(token);
  }

  /** `src …`, `dst …`, `src or dst …`, `src and dst …`, and the same with in and out. */
  #sided(word: string): FilterExpression {
    const first = this.#sideOf(word);
    let join: 'and' | 'or' | undefined;
    const joinWord = this.#peek().text.toLowerCase();
    const other = this.#sideOf(this.#peek(1).text.toLowerCase());
    if ((joinWord === 'and' || joinWord === 'or') && other !== undefined && other !== first) {
      join = joinWord;
      this.#index += 2;
    }
    const token = this.#next();
    const subjectWord = token.text.toLowerCase();
    const subject =
      SUBJECTS.get(subjectWord) ?? (isNetworkText(token.text) ? SUBJECTS.get('host') : undefined);
    if (subject === undefined) {
      throw new FilterError(`${describe(token)} cannot follow ${word}`, token.position, [
        ...SUBJECTS.keys(),
        'an address or prefix',
      ]);
    }
    if (SUBJECTS.get(subjectWord) === undefined) this.#index -= 1;
    const fields: readonly [string, string] =
      join !== undefined ? subject : [subject[first ?? 0]!, subject[first ?? 0]!];
    return this.#subject(subjectWord, fields, join ?? 'or');
  }

  #sideOf(word: string): 0 | 1 | undefined {
    if (FIRST_SIDE.has(word)) return 0;
    return SECOND_SIDE.has(word) ? 1 : undefined;
  }

  /** `[operator] value` or `in list`, for one field or for both sides. */
  #subject(word: string, sides: readonly [string, string], join: 'and' | 'or'): FilterExpression {
    const names = sides[0] === sides[1] ? [sides[0]] : [...sides];
    const fields = names.map((name) => fieldNamed(name)!);
    if (word === 'net' || word === 'network') return this.#netWithMask(fields, join);
    if (word === 'port' || word === 'as' || word === 'asn') return this.#numbers(fields, join);
    return this.#comparison(fields, join);
  }

  /** Also reads `port 1024-65535`. */
  #numbers(fields: readonly FieldDefinition[], join: 'and' | 'or'): FilterExpression {
    const token = this.#peek();
    const range = token.kind === 'word' ? /^(\d+)-(\d+)$/.exec(token.text) : null;
    if (range === null) return this.#comparison(fields, join);
    this.#index += 1;
    const low = BigInt(range[1]!);
    const high = BigInt(range[2]!);
    return combine(fields, join, ({ name }) => ({
      kind: 'and',
      operands: [
        { kind: 'compare', field: name, operator: '>=', value: low },
        { kind: 'compare', field: name, operator: '<=', value: high },
      ],
    }));
  }

  /** `net 10.0.0.0/8`, and nfdump's `net 10.0.0.0 255.0.0.0`. */
  #netWithMask(fields: readonly FieldDefinition[], join: 'and' | 'or'): FilterExpression {
    const [address, mask] = [this.#peek(), this.#peek(1)];
    const isPair = !address.text.includes('/') && /^\d+(\.\d+){3}$/.test(mask.text);
    const joined = `${address.text}/${mask.text}`;
    if (!isPair || !isNetworkText(joined)) return this.#comparison(fields, join);
    this.#index += 2;
    const network = networkValue({ ...address, text: joined });
    return combine(fields, join, ({ name }) => ({ kind: 'network', field: name, networks: [network] }));
  }

  /** Phrases of several words, and words that are a condition by themselves. */
  #phrase(word: string): FilterExpression | undefined {
    const following = this.#peek().text.toLowerCase();
    if (word === 'icmp' && (following === 'type' || following === 'code')) {
      this.#index += 1;
      return this.#comparison([fieldNamed(following === 'type' ? 'icmpType' : 'icmpCode')!], 'or');
    }
    if (word === 'next' && following === 'ip') {
      this.#index += 1;
      return this.#comparison([fieldNamed('nextHop')!], 'or');
    }
    if ((word === 'router' || word === 'exporter') && following === 'ip') {
      this.#index += 1;
      return this.#comparison([fieldNamed('exporter')!], 'or');
    }
    if (this.#atOperator()) return undefined;
    const state = STATE_WORDS.get(word);
    if (state !== undefined) return state;
    const protocol = protocolNumber(word);
    return protocol === undefined ? undefined : equals('protocol', BigInt(protocol));
  }

  /** A bare address or prefix, or a field with its value. */
  #typed(token: Token): FilterExpression {
    const field = fieldNamed(token.text);
    if (field !== undefined) return this.#comparison([field], 'or');
    if (isNetworkText(token.text)) {
      const networks = [networkValue(token)];
      return anyOf(['srcAddr', 'dstAddr'].map((name) => ({ kind: 'network', field: name, networks })));
    }
    throw new FilterError(`unknown word ${JSON.stringify(token.text)}`, token.position, CONDITION_EXPECTED);
  }

  /** `[operator] value`, `in list`, `not in list` for fields of one kind. Negation comes after joining. */
  #comparison(fields: readonly FieldDefinition[], join: 'and' | 'or'): FilterExpression {
    const field = fields[0]!;
    const operator = this.#operator();
    if (operator === 'in' || operator === 'not in') {
      const values = this.#list();
      const expression = combine(fields, join, (each) => listCondition(each, values));
      return operator === 'in' ? expression : negate(expression);
    }
    const token = this.#value(field);
    const right = fieldNamed(token.text);
    if (right !== undefined && token.kind === 'word' && fields.length === 1 && isComparison(operator ?? '')) {
      return fieldComparison(field, operator as ComparisonOperator, right, token);
    }
    const negative =
      operator === '!=' || operator === '!<<' || operator === '!~' || operator?.startsWith('un');
    const expression = combine(fields, join, (each) => oneCondition(each, operator, token));
    return negative ? negate(expression) : expression;
  }

  #value(field: FieldDefinition): Token {
    const token = this.#next();
    if (token.kind === 'word' || token.kind === 'string') return token;
    throw new FilterError(`expected a value of ${field.name}, found ${describe(token)}`, token.position, [
      'a value',
    ]);
  }

  /** The operator at this place, undefined when the value follows at once. */
  #operator(): string | undefined {
    const token = this.#peek();
    if (token.kind === 'operator') {
      this.#index += 1;
      return token.text;
    }
    if (token.kind === 'open') return 'in';
    if (token.kind !== 'word') return undefined;
    const word = token.text.toLowerCase();
    if (word === 'not' && this.#peek(1).text.toLowerCase() === 'in') {
      this.#index += 2;
      return 'not in';
    }
    const text = word === 'notin' ? 'not in' : (WORD_COMPARISONS.get(word) ?? word);
    if (!isComparison(text) && text !== 'in' && text !== 'not in' && !TEXT_WORDS.has(text)) return undefined;
    this.#index += 1;
    return text;
  }

  /** Whether an operator stands here, so that the word before it is a field and nothing else. */
  #atOperator(): boolean {
    const token = this.#peek();
    if (token.kind === 'operator') return true;
    if (token.kind !== 'word') return false;
    const word = token.text.toLowerCase();
    const list = word === 'in' && this.#peek(1).kind === 'open';
    return list || word === 'notin' || TEXT_WORDS.has(word) || WORD_COMPARISONS.has(word);
  }

  #list(): Token[] {
    const open = this.#next();
    if (open.kind !== 'open') throw new FilterError('a list begins with (', open.position, ['(']);
    const values: Token[] = [];
    while (this.#peek().kind !== 'close') {
      const token = this.#next();
      if (token.kind === 'comma') continue;
      if (token.kind !== 'word' && token.kind !== 'string') {
        throw new FilterError(`expected a value or ), found ${describe(token)}`, token.position, [
          'a value',
          ')',
        ]);
      }
      values.push(token);
    }
    if (values.length === 0) throw new FilterError('this list is empty', open.position, ['a value']);
    this.#takeClose();
    return values;
  }

  #takeClose(): void {
    const token = this.#next();
    if (token.kind !== 'close') {
      throw new FilterError(`expected ), found ${describe(token)}`, token.position, [')', 'and', 'or']);
    }
  }

  #takeWord(word: string): boolean {
    const token = this.#peek();
    if (token.kind !== 'word' || token.text.toLowerCase() !== word) return false;
    this.#index += 1;
    return true;
  }

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#index + ahead, this.#tokens.length - 1)]!;
  }

  #next(): Token {
    const token = this.#peek();
    if (token.kind !== 'end') this.#index += 1;
    return token;
  }
}

function equals(field: string, value: bigint): FilterExpression {
  return { kind: 'compare', field, operator: '=', value };
}

function combine(
  fields: readonly FieldDefinition[],
  join: 'and' | 'or',
  condition: (field: FieldDefinition) => FilterExpression,
): FilterExpression {
  return join === 'and' ? allOf(fields.map(condition)) : anyOf(fields.map(condition));
}

/** The condition without its negation: `!=` gives what `=` gives. */
function oneCondition(field: FieldDefinition, operator: string | undefined, token: Token): FilterExpression {
  const positive = POSITIVE.get(operator ?? '=') ?? operator ?? '=';
  if (field.kind === 'address') return addressCondition(field, positive, token);
  if (field.kind === 'exporterText') return textCondition(field, positive, token);
  if (positive === 'like' || positive === 'ilike' || positive === '~' || positive === '<<') {
    throw new FilterError(`${field.name} cannot be compared with ${positive}`, token.position, [
      '=',
      '!=',
      '<',
      '<=',
      '>',
      '>=',
      'in',
    ]);
  }
  if (field.kind === 'tcpFlags' && operator === undefined) {
    return { kind: 'bits', field: field.name, mask: flagsValue(token) };
  }
  const state = field.name === 'forwardingStatus' ? forwardingStateValue(token.text) : undefined;
  if (state !== undefined) return equals('forwardingState', state);
  return {
    kind: 'compare',
    field: field.name,
    operator: positive as ComparisonOperator,
    value: numberValue(field, token),
  };
}

const POSITIVE = byWord<string>({
  '!=': '=',
  '!<<': '<<',
  '!~': '~',
  unlike: 'like',
  iunlike: 'ilike',
});

function addressCondition(field: FieldDefinition, operator: string, token: Token): FilterExpression {
  if (operator !== '=' && operator !== '<<') {
    throw new FilterError(`an address cannot be compared with ${operator}`, token.position, [
      '=',
      '!=',
      '<<',
      'in',
    ]);
  }
  return { kind: 'network', field: field.name, networks: [networkValue(token)] };
}

function textCondition(field: FieldDefinition, operator: string, token: Token): FilterExpression {
  if (operator !== '=' && operator !== 'like' && operator !== 'ilike' && operator !== '~') {
    throw new FilterError(`${field.name} is text and cannot be compared with ${operator}`, token.position, [
      '=',
      '!=',
      'like',
      '~',
      'in',
    ]);
  }
  if (operator === '~') checkRegularExpression(token);
  return { kind: 'text', field: field.name, operator: operator as TextOperator, value: token.text };
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

function listCondition(field: FieldDefinition, tokens: readonly Token[]): FilterExpression {
  if (field.kind === 'address') {
    return { kind: 'network', field: field.name, networks: tokens.map(networkValue) };
  }
  if (field.kind === 'exporterText') return anyOf(tokens.map((token) => textCondition(field, '=', token)));
  if (
    field.name === 'forwardingStatus' &&
    tokens.some(({ text }) => forwardingStateValue(text) !== undefined)
  ) {
    return anyOf(tokens.map((token) => oneCondition(field, '=', token)));
  }
  return { kind: 'in', field: field.name, values: tokens.map((token) => integerValue(field, token)) };
}

function fieldComparison(
  left: FieldDefinition,
  operator: ComparisonOperator,
  right: FieldDefinition,
  token: Token,
): FilterExpression {
  if (!isNumeric(left) || !isNumeric(right)) {
    throw new FilterError(`${left.name} and ${right.name} cannot be compared`, token.position, ['a value']);
  }
  if (operator === '!=') {
    return negate({ kind: 'compareFields', left: left.name, operator: '=', right: right.name });
  }
  return { kind: 'compareFields', left: left.name, operator, right: right.name };
}

function isNumeric(field: FieldDefinition): boolean {
  return field.source.from === 'column' || field.source.from === 'derived';
}

function isComparison(text: string): text is ComparisonOperator {
  return text === '=' || text === '!=' || text === '<' || text === '<=' || text === '>' || text === '>=';
}

function describe(token: Token): string {
  return token.kind === 'end' ? 'the end' : JSON.stringify(token.text);
}
