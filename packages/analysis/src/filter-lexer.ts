import { FilterError } from './filter-expression.ts';

type TokenKind = 'word' | 'string' | 'operator' | 'open' | 'close' | 'comma' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** The text without quotes; operators in their canonical form (`==` is `=`, `&&` is the word `and`). */
  readonly text: string;
  /** UTF-16 offset of its first character. */
  readonly position: number;
  /** Where a value of a named list stands; `position` is then that of the list's name. */
  readonly origin?: { readonly list: string; readonly line: number };
}

/** A filter is typed by a person or pasted with a list of addresses; more than this is a mistake. */
const FILTER_CHARACTERS_MAX = 1024 * 1024;

const SPACE_OR_COMMENT = /(?:\s+|#[^\n]*|--[^\n]*|\/\*[\s\S]*?\*\/)+/y;
/** Names, numbers with a unit, addresses, prefixes, MAC addresses, list names. */
const WORD = /[\p{L}\p{N}_:@.$][\p{L}\p{N}_:@.$/%*-]*/uy;
const STRING = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/y;
const OPERATOR = /!<<|<<|==|!=|<>|<=|>=|=|<|>|!~|~|&&|\|\||!/y;

const CANONICAL: Readonly<Record<string, string>> = { '==': '=', '<>': '!=' };
const WORD_OPERATORS: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or', '!': 'not' };
const PUNCTUATION: Readonly<Record<string, TokenKind>> = {
  '(': 'open',
  '[': 'open',
  '{': 'open',
  ')': 'close',
  ']': 'close',
  '}': 'close',
  ',': 'comma',
};

/** Splits a filter into tokens; the last is of kind `end`. Throws a FilterError at what is none. */
export function tokenizeFilter(text: string): Token[] {
  if (text.length > FILTER_CHARACTERS_MAX) {
    throw new FilterError(`a filter has at most ${FILTER_CHARACTERS_MAX} characters`, FILTER_CHARACTERS_MAX);
  }
  const tokens: Token[] = [];
  let position = matchAt(SPACE_OR_COMMENT, text, 0)?.[0].length ?? 0;
  while (position < text.length) {
    const { token, length } = readToken(text, position);
    tokens.push(token);
    position += length;
    position += matchAt(SPACE_OR_COMMENT, text, position)?.[0].length ?? 0;
  }
  tokens.push({ kind: 'end', text: '', position: text.length });
  return tokens;
}

function readToken(text: string, position: number): { token: Token; length: number } {
  const word = matchAt(WORD, text, position);
  if (word) return { token: { kind: 'word', text: word[0], position }, length: word[0].length };
  const string = matchAt(STRING, text, position);
  if (string) {
    const content = (string[1] ?? string[2] ?? '').replace(/\\(.)/g, '$1');
    return { token: { kind: 'string', text: content, position }, length: string[0].length };
  }
  const operator = matchAt(OPERATOR, text, position)?.[0];
  if (operator !== undefined) {
    const asWord = WORD_OPERATORS[operator];
    const token: Token =
      asWord === undefined
        ? { kind: 'operator', text: CANONICAL[operator] ?? operator, position }
        : { kind: 'word', text: asWord, position };
    return { token, length: operator.length };
  }
  const character = text[position] ?? '';
  const kind = PUNCTUATION[character];
  if (kind !== undefined) return { token: { kind, text: character, position }, length: 1 };
  if (character === '"' || character === "'") {
    throw new FilterError('this string has no closing quote', position, [character]);
  }
  throw new FilterError(`unexpected character ${JSON.stringify(character)}`, position, ['a condition']);
}

function matchAt(pattern: RegExp, text: string, position: number): RegExpExecArray | null {
  pattern.lastIndex = position;
  return pattern.exec(text);
}
