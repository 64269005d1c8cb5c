/**
 * The filter language, one grammar for two habits: nfdump's and tcpdump's either-side words
 * (`host 10.0.0.1 and port 53`) and typed fields (`SrcAS in (64500, 64501) AND DstPort = 443`).
 *
 *   filter     = [ either ]
 *   either     = both *( "or" ( both / value ) )      ; a bare value repeats the subject: port 80 or 443
 *   both       = unit *( [ "and" ] unit )             ; conditions side by side mean "and"
 *   unit       = "not" unit / "(" either ")" / condition
 *   condition  = [ side ] subject comparison          ; src, dst, "src or dst", "src and dst", in, out
 *              / [ side ] address-or-prefix / protocol / state word / "@" list of addresses
 *              / phrase comparison / field comparison / field "exists"
 *   comparison = [ operator ] ( value / range / "@" list ) / operator field / [ "not" ] "in" list
 *   list       = "(" value *( [ "," ] value ) ")"     ; any brackets; values, ranges and "@" lists
 *
 * Keywords and field names have no case.
 */
import { eitherSideOf } from './dimension.ts';
import { FIELDS, type FieldDefinition, fieldNamed, isListedField } from './field.ts';
import {
  comparedField,
  fieldComparison,
  isComparison,
  isNegative,
  isTextField,
  listCondition,
  oneCondition,
} from './filter-condition.ts';
import {
  ALL_FLOWS,
  allOf,
  anyOf,
  equals,
  FilterError,
  type FilterExpression,
  negate,
} from './filter-expression.ts';
import { type Token, tokenizeFilter } from './filter-lexer.ts';
import { type FilterLists, listNameOf, listTokens } from './filter-list.ts';
import { isNetworkText, looksNumeric, networkValue } from './filter-value.ts';
import {
  eitherSideSubject,
  LENGTH_WORDS,
  PHRASES,
  STATE_WORDS,
  SUBJECTS,
  type Subject,
  sideOf,
  WORD_COMPARISONS,
} from './filter-vocabulary.ts';
import { didYouMean } from './near-miss.ts';
import { PROTOCOL_WORDS, protocolNumber } from './value-name.ts';

/** Parentheses and `not` deeper than this are a mistake, not a question. */
const NESTING_MAX = 200;

const TEXT_WORDS = new Set(['like', 'unlike', 'ilike', 'iunlike']);
const CONNECTIVES = new Set(['and', 'or']);

const CONDITION_EXPECTED = [
  'host, net, port, src, dst, proto, as, if, user, country, flags, bytes, duration …',
  'an address or prefix',
  'a protocol',
  'a field such as SrcAddr',
  'not',
  '(',
];

export interface ParseFilterOptions {
  /**
   * The lists that the filter may name; without them, `@name` is an error. `unread`: any name is taken, and
   * means every flow, for who only looks whether a filter can be read.
   */
  readonly lists?: FilterLists | 'unread';
}

/** What can stand at the end of a filter that is still being typed. */
export type Expectation =
  | { readonly kind: 'condition' | 'connective' }
  | { readonly kind: 'subject'; readonly side: 0 | 1 }
  | { readonly kind: 'operator'; readonly field: FieldDefinition }
  /** `asked` is the dimension whose values can stand here: the field, or both sides at once. */
  | { readonly kind: 'value'; readonly field: FieldDefinition; readonly asked: string };

/** Parses a filter; an empty one matches every flow. Throws a FilterError. */
export function parseFilter(text: string, { lists = {} }: ParseFilterOptions = {}): FilterExpression {
  return new FilterParser(tokenizeFilter(text), lists).parse();
}

/** What can follow `text`, the beginning of a filter; nothing when that is wrong already. */
export function expectationsAfter(text: string): readonly Expectation[] {
  try {
    const parser = new FilterParser(tokenizeFilter(text), 'unread');
    try {
      parser.parse();
    } catch (error) {
      if (!(error instanceof FilterError) || error.position < text.trimEnd().length) return [];
    }
    return parser.expectations;
  } catch {
    return [];
  }
}

/** The fields that a subject stands for here, and how the two sides are joined. */
interface Target {
  readonly fields: readonly FieldDefinition[];
  readonly named: readonly FieldDefinition[];
  readonly join: 'and' | 'or';
}

class FilterParser {
  readonly #tokens: readonly Token[];
  readonly #lists: FilterLists | 'unread';
  readonly expectations: Expectation[] = [];
  #index = 0;
  #depth = 0;
  /** What a bare value after `or` belongs to. */
  #lastTarget: Target | undefined;

  constructor(tokens: readonly Token[], lists: FilterLists | 'unread') {
    this.#tokens = tokens;
    this.#lists = lists;
  }

  parse(): FilterExpression {
    this.#expect({ kind: 'condition' });
    if (this.#peek().kind === 'end') return ALL_FLOWS;
    const expression = this.#either();
    const token = this.#peek();
    if (token.kind === 'end') return expression;
    throw new FilterError(`unexpected ${describe(token)}`, token.position, ['and', 'or', 'the end']);
  }

  #either(): FilterExpression {
    const operands = [this.#both()];
    while (this.#takeWord('or')) operands.push(this.#repeated() ?? this.#both());
    return anyOf(operands);
  }

  /** `port 80 or 443`, `src host 10.0.0.1 or 10.0.0.2`: the subject of the condition before, as in tcpdump. */
  #repeated(): FilterExpression | undefined {
    const target = this.#lastTarget;
    const { kind, text } = this.#peek();
    if (target === undefined || kind !== 'word' || !looksNumeric(text)) return undefined;
    if (isNetworkText(text) !== (target.fields[0]!.kind === 'address')) return undefined;
    const first = this.#comparison(target);
    const rest = this.#takeWord('and') || this.#startsUnit() ? [this.#both()] : [];
    return allOf([first, ...rest]);
  }

  #both(): FilterExpression {
    const operands = [this.#unit()];
    for (;;) {
      if (this.#takeWord('and') || this.#startsUnit()) operands.push(this.#unit());
      else return allOf(operands);
    }
  }

  #startsUnit(): boolean {
    this.#expect({ kind: 'connective' });
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
    this.#expect({ kind: 'condition' });
    const token = this.#next();
    this.#lastTarget = undefined;
    if (token.kind !== 'word') {
      throw new FilterError(
        `expected a condition, found ${describe(token)}`,
        token.position,
        CONDITION_EXPECTED,
      );
    }
    const word = token.text.toLowerCase();
    const phrased = this.#phrase();
    if (phrased !== undefined) return this.#comparison(phrased);
    if (sideOf(word) !== undefined && !this.#atOperator() && !this.#atFlowSource(word))
      return this.#sided(word);
    if (word === 'ip' && this.#endsUnit()) return STATE_WORDS.get('ipv4')!.expression;
    const subject = eitherSideSubject(word);
    if (subject !== undefined) return this.#subject(word, targetOf(subject, subject.sides, 'or'));
    return this.#listAlone(token) ?? this.#wordAlone(word) ?? this.#typed(token);
  }

  /** `src …`, `dst …`, `src or dst …`, `src and dst …`, and the same with in and out. */
  #sided(word: string): FilterExpression {
    const first = sideOf(word) ?? 0;
    let join: 'and' | 'or' | undefined;
    const joinWord = this.#peek().text.toLowerCase();
    const other = sideOf(this.#peek(1).text.toLowerCase());
    if ((joinWord === 'and' || joinWord === 'or') && other !== undefined && other !== first) {
      join = joinWord;
      this.#index += 2;
    }
    this.#expect({ kind: 'subject', side: first });
    const token = this.#next();
    const subjectWord = token.text.toLowerCase();
    const subject = this.#subjectAfterSide(token, subjectWord);
    if (subject === undefined) {
      const hint = didYouMean(subjectWord, SUBJECTS.keys());
      throw new FilterError(`${describe(token)} cannot follow ${word}${hint}`, token.position, [
        ...SUBJECTS.keys(),
        'an address or prefix',
      ]);
    }
    const side = (names: readonly [string, string]): readonly [string, string] =>
      join === undefined ? [names[first], names[first]] : names;
    const named = subject.named === undefined ? {} : { named: side(subject.named) };
    return this.#subject(subjectWord, targetOf({ ...subject, ...named }, side(subject.sides), join ?? 'or'));
  }

  /** The subject that a word names; an address, and a list alone, stand for `host`. */
  #subjectAfterSide(token: Token, word: string): Subject | undefined {
    const subject = token.kind === 'word' ? SUBJECTS.get(word) : undefined;
    if (subject !== undefined) return subject;
    if (token.kind !== 'word' || (!isNetworkText(token.text) && listNameOf(token) === undefined))
      return undefined;
    this.#index -= 1;
    return SUBJECTS.get('host');
  }

  #subject(word: string, target: Target): FilterExpression {
    if (word !== 'net' && word !== 'network') return this.#comparison(target);
    return this.#netWithMask(target) ?? this.#comparison(target);
  }

  /** nfdump's `net 10.0.0.0 255.0.0.0`, tcpdump's `net 10.0.0.0 mask 255.0.0.0`. */
  #netWithMask({ fields, join }: Target): FilterExpression | undefined {
    const address = this.#peek();
    const skipped = this.#peek(1).text.toLowerCase() === 'mask' ? 1 : 0;
    const mask = this.#peek(1 + skipped);
    const isPair = !address.text.includes('/') && /^\d+(\.\d+){3}$/.test(mask.text);
    const joined = `${address.text}/${mask.text}`;
    if (!isPair || !isNetworkText(joined)) return undefined;
    this.#index += 2 + skipped;
    const network = networkValue({ ...address, text: joined });
    return combine(fields, join, ({ name }) => ({ kind: 'network', field: name, networks: [network] }));
  }

  /** Takes the rest of a phrase whose first word was taken, when something follows that can be its value. */
  #phrase(): Target | undefined {
    const fits = (words: readonly string[]) =>
      words.every((word, index) => this.#peek(index - 1).text.toLowerCase() === word);
    const found = PHRASES.find(({ words }) => fits(words));
    if (found === undefined) return undefined;
    this.#index += found.words.length - 1;
    const fields = found.fields.map(knownField);
    return { fields, named: fields, join: 'or' };
  }

  /** `@name` by itself: a list of addresses. */
  #listAlone(token: Token): FilterExpression | undefined {
    const name = listNameOf(token);
    if (name === undefined) return undefined;
    const target = targetOf(SUBJECTS.get('host')!, ['srcAddr', 'dstAddr'], 'or');
    return this.#listed(target, this.#listValues(token, name));
  }

  /** Words that are a condition by themselves. */
  #wordAlone(word: string): FilterExpression | undefined {
    if (this.#atOperator()) return undefined;
    const length = LENGTH_WORDS.get(word);
    if (length !== undefined) return oneCondition(knownField('octets'), length, this.#next());
    const state = STATE_WORDS.get(word);
    if (state !== undefined) return state.expression;
    const protocol = protocolNumber(word);
    return protocol === undefined ? undefined : equals('protocol', BigInt(protocol));
  }

  /** A bare address or prefix, or a field with its value. */
  #typed(token: Token): FilterExpression {
    if (isNetworkText(token.text)) {
      const networks = [networkValue(token)];
      return anyOf(['srcAddr', 'dstAddr'].map((name) => ({ kind: 'network', field: name, networks })));
    }
    const field = fieldNamed(token.text);
    if (field !== undefined) {
      if (this.#takeWord('exists')) return { kind: 'present', field: field.name };
      return this.#comparison({ fields: [field], named: [field], join: 'or' });
    }
    const hint = didYouMean(token.text, conditionWords());
    throw new FilterError(
      `unknown word ${JSON.stringify(token.text)}${hint}`,
      token.position,
      hint === '' ? CONDITION_EXPECTED : [],
    );
  }

  /** `[operator] value`, `in list`, `not in list` for fields of one kind. Negation comes after joining. */
  #comparison(target: Target): FilterExpression {
    const { join } = target;
    const first = target.fields[0]!;
    this.#expect({ kind: 'operator', field: first });
    const operator = this.#operator();
    if (operator === 'in' || operator === 'not in') {
      const expression = this.#listed(target, this.#list(target));
      return operator === 'in' ? expression : negate(expression);
    }
    const token = this.#value(target, operator);
    const name = listNameOf(token);
    if (name !== undefined) {
      if (operator !== undefined && operator !== '=' && operator !== '!=') {
        throw new FilterError(`a list cannot be compared by ${operator}`, token.position, ['=', '!=', 'in']);
      }
      const expression = this.#listed(target, this.#listValues(token, name));
      return operator === '!=' ? negate(expression) : expression;
    }
    const right =
      target.fields.length === 1 && isComparison(operator) ? comparedField(first, token) : undefined;
    if (right !== undefined && isComparison(operator)) return fieldComparison(first, operator, right, token);
    if (operator === undefined || operator === '=') this.#lastTarget = target;
    const fields = fieldsFor(target, operator, [token]);
    const expression = combine(fields, join, (each) => oneCondition(each, operator, token));
    return isNegative(operator) ? negate(expression) : expression;
  }

  #listValues(token: Token, name: string): readonly Token[] {
    return this.#lists === 'unread' ? [{ ...token, kind: 'operator' }] : listTokens(token, name, this.#lists);
  }

  #listed(target: Target, all: readonly Token[]): FilterExpression {
    // Stand-ins for lists that are not read.
    const values = all.filter(({ kind }) => kind !== 'operator');
    if (values.length === 0) return ALL_FLOWS;
    return combine(fieldsFor(target, 'in', values), target.join, (each) => listCondition(each, values));
  }

  #value(target: Target, operator: string | undefined): Token {
    const field = target.fields[0]!;
    this.#expectValue(target);
    const token = this.#next();
    const isValue = token.kind === 'word' && !isReserved(token.text, operator === undefined);
    if (isValue || token.kind === 'string') return token;
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
    const next = this.#peek(1);
    const list = word === 'in' && (next.kind === 'open' || listNameOf(next) !== undefined);
    const negated = word === 'not' && next.text.toLowerCase() === 'in';
    return (
      list ||
      negated ||
      word === 'notin' ||
      word === 'exists' ||
      TEXT_WORDS.has(word) ||
      WORD_COMPARISONS.has(word)
    );
  }

  /** Whether `source` is the field, not the side: its value follows. */
  #atFlowSource(word: string): boolean {
    const next = this.#peek();
    if (word !== 'source' || next.kind === 'string') return word === 'source';
    const following = next.text.toLowerCase();
    if (next.kind !== 'word' || CONNECTIVES.has(following) || SUBJECTS.has(following)) return false;
    return !isNetworkText(next.text) && listNameOf(next) === undefined;
  }

  /** Whether a new unit, or none, begins here. */
  #endsUnit(): boolean {
    const { kind, text } = this.#peek();
    if (kind === 'end' || kind === 'close') return true;
    const word = text.toLowerCase();
    return kind === 'word' && (CONNECTIVES.has(word) || isConditionWord(word)) && !this.#atOperator();
  }

  /** The values of `in …`: a list in brackets, or one named list. */
  #list(target: Target): readonly Token[] {
    this.#expectValue(target);
    const open = this.#next();
    const name = listNameOf(open);
    if (name !== undefined) return this.#listValues(open, name);
    if (open.kind !== 'open') throw new FilterError('a list begins with (', open.position, ['(', '@list']);
    const values: Token[] = [];
    for (;;) {
      this.#expectValue(target);
      if (this.#peek().kind === 'close') break;
      const token = this.#next();
      if (token.kind === 'comma') continue;
      if (token.kind !== 'word' && token.kind !== 'string') {
        throw new FilterError(`expected a value or ), found ${describe(token)}`, token.position, [
          'a value',
          ')',
        ]);
      }
      const listName = listNameOf(token);
      if (listName === undefined) values.push(token);
      else for (const each of this.#listValues(token, listName)) values.push(each);
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
    if (!this.#isWord(word)) return false;
    this.#index += 1;
    return true;
  }

  #isWord(word: string): boolean {
    const token = this.#peek();
    return token.kind === 'word' && token.text.toLowerCase() === word;
  }

  #expectValue({ fields }: Target): void {
    const field = fields[0]!;
    const asked = eitherSideOf(fields.map(({ name }) => name)) ?? field.name;
    this.#expect({ kind: 'value', field, asked });
  }

  /** Remembers what could stand here, when here is the end. */
  #expect(expectation: Expectation): void {
    if (this.#peek().kind === 'end') this.expectations.push(expectation);
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

function targetOf(subject: Subject, sides: readonly [string, string], join: 'and' | 'or'): Target {
  const fields = distinctFields(sides);
  return { fields, named: subject.named === undefined ? fields : distinctFields(subject.named), join };
}

function distinctFields(names: readonly string[]): FieldDefinition[] {
  return [...new Set(names)].map(knownField);
}

/** Names instead of numbers where a subject has both: `host www`, `if "Gi0/1"`, `net ~ "^Office"`. */
function fieldsFor({ fields, named }: Target, operator: string | undefined, values: readonly Token[]) {
  if (fields === named || isTextField(fields[0]!) || /^[<>]=?$/.test(operator ?? '')) return fields;
  const isAddress = fields[0]!.kind === 'address';
  const isNumeric = ({ text }: Token) => looksNumeric(text) || (isAddress && isNetworkText(text));
  const byName = /like|~/.test(operator ?? '') || !values.some(isNumeric);
  return byName ? named : fields;
}

function knownField(name: string): FieldDefinition {
  const field = fieldNamed(name);
  if (field === undefined) throw new Error(`there is no field ${name}`);
  return field;
}

/** Words that are no values unless they stand in quotes: `user and tcp` lacks the user. */
function isReserved(text: string, isBare: boolean): boolean {
  const word = text.toLowerCase();
  if (CONNECTIVES.has(word) || word === 'not') return true;
  return isBare && (sideOf(word) !== undefined || SUBJECTS.has(word));
}

function isConditionWord(word: string): boolean {
  if (word === 'not' || sideOf(word) !== undefined || SUBJECTS.has(word) || STATE_WORDS.has(word))
    return true;
  return protocolNumber(word) !== undefined || isListedField(word);
}

/** Every word that can begin a condition, for suggestions. */
function conditionWords(): string[] {
  const names = FIELDS.flatMap(({ name, aliases }) => [name, ...aliases]);
  return [...SUBJECTS.keys(), 'src', 'dst', ...STATE_WORDS.keys(), ...PROTOCOL_WORDS, ...names, 'not'];
}

function combine(
  fields: readonly FieldDefinition[],
  join: 'and' | 'or',
  condition: (field: FieldDefinition) => FilterExpression,
): FilterExpression {
  return join === 'and' ? allOf(fields.map(condition)) : anyOf(fields.map(condition));
}

function describe(token: Token): string {
  return token.kind === 'end' ? 'the end' : JSON.stringify(token.text);
}
