/**
 * What may stand at a place of a filter that is being typed: the parser tells what it could have read there,
 * this module which words, operators and values that means.
 */
import { FIELDS, type FieldDefinition } from './field.ts';
import { operatorsOf } from './filter-condition.ts';
import { FilterError } from './filter-expression.ts';
import { tokenizeFilter } from './filter-lexer.ts';
import { type Expectation, expectationsAfter } from './filter-parser.ts';
import { valueWords } from './filter-value.ts';
import { STATE_WORDS, SUBJECTS } from './filter-vocabulary.ts';

export interface FilterSuggestion {
  /** What to replace, as offsets into the text. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly kind: 'field' | 'operator' | 'value' | 'keyword' | 'list';
  readonly detail: string;
}

export interface CompletionOptions {
  /** Values of the field that `valueAsked` names, most frequent first. */
  readonly values?: readonly { readonly text: string; readonly detail?: string }[];
  /** Names of lists, without `@`. */
  readonly lists?: readonly string[];
}

/** Which values would help at the cursor: those of `field` (a dimension) that begin with `prefix`. */
export interface AskedValues {
  readonly field: string;
  readonly prefix: string;
}

const SUGGESTIONS_MAX = 60;
const PROTOCOLS = ['tcp', 'udp', 'icmp', 'icmp6', 'esp', 'gre', 'sctp'];

/** The values that somebody who completes at `cursor` should look up; undefined when none are wanted. */
export function valueAsked(text: string, cursor: number): AskedValues | undefined {
  const place = placeOf(text, cursor);
  const wanted = expectationsAfter(text.slice(0, place.from)).find(({ kind }) => kind === 'value');
  return wanted?.kind === 'value' ? { field: wanted.asked, prefix: place.prefix } : undefined;
}

/** What may stand at `cursor`, most used first; nothing when the text before it cannot be read. */
export function completeFilter(
  text: string,
  cursor: number,
  options: CompletionOptions = {},
): FilterSuggestion[] {
  const { from, to, prefix, quoted } = placeOf(text, cursor);
  const expectations = expectationsAfter(text.slice(0, from));
  const candidates = expectations.flatMap((expectation) => candidatesFor(expectation, options, prefix));
  const wanted = prefix.toLowerCase();
  const matching = (test: (word: string) => boolean) =>
    candidates.filter((candidate) => test(bare(candidate.text).toLowerCase()));
  const ranked = [
    ...matching((word) => word.startsWith(wanted)),
    ...(wanted.length < 2 ? [] : matching((word) => !word.startsWith(wanted) && word.includes(wanted))),
  ].filter(({ kind }) => !quoted || kind === 'value');
  return distinct(ranked)
    .slice(0, SUGGESTIONS_MAX)
    .map((candidate) => ({ from, to, ...candidate }));
}

type Candidate = Omit<FilterSuggestion, 'from' | 'to'>;

interface Place {
  readonly from: number;
  readonly to: number;
  /** What is typed already of the word at the cursor, without its quote. */
  readonly prefix: string;
  readonly quoted: boolean;
}

const WORD_END = /^[\p{L}\p{N}_:@.$/%*-]*/u;

function placeOf(text: string, cursor: number): Place {
  const before = text.slice(0, cursor);
  const rest = WORD_END.exec(text.slice(cursor))?.[0].length ?? 0;
  try {
    const tokens = tokenizeFilter(before);
    const last = tokens[tokens.length - 2];
    const touches = last?.kind === 'word' && before.endsWith(last.text);
    const from = touches ? last.position : cursor;
    return { from, to: cursor + rest, prefix: before.slice(from), quoted: false };
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    // A string that is still open.
    const end = /^[^"']*["']?/.exec(text.slice(cursor))?.[0].length ?? 0;
    return { from: error.position, to: cursor + end, prefix: before.slice(error.position + 1), quoted: true };
  }
}

function candidatesFor(expectation: Expectation, options: CompletionOptions, prefix: string): Candidate[] {
  switch (expectation.kind) {
    case 'connective':
      return [keyword('and', 'both hold'), keyword('or', 'one of them holds')];
    case 'condition':
      return [...conditions(), ...lists(options)];
    case 'subject':
      return subjects(expectation.side);
    case 'operator':
      // While a word is typed it is the value.
      return prefix === '' ? operators(expectation.field) : [];
    case 'value':
      return [...values(expectation.field, options), ...lists(options)];
  }
}

function keyword(text: string, detail: string): Candidate {
  return { text, kind: 'keyword', detail };
}

/** Words for the beginning of a condition; the fields after the words that say the same in fewer letters. */
function conditions(): Candidate[] {
  return [
    ...subjects(undefined).slice(0, 4),
    keyword('src', 'the source side of what follows'),
    keyword('dst', 'the destination side of what follows'),
    ...PROTOCOLS.map((name) => keyword(name, 'protocol')),
    keyword('dropped', STATE_WORDS.get('dropped')!.description),
    ...subjects(undefined).slice(4),
    ...FIELDS.map(fieldCandidate),
    ...[...STATE_WORDS].map(([word, { description }]) => keyword(word, description)),
    keyword('not', 'the contrary'),
  ];
}

function fieldCandidate({ name, description }: FieldDefinition): Candidate {
  return { text: name, kind: 'field', detail: description };
}

function subjects(side: 0 | 1 | undefined): Candidate[] {
  return [...SUBJECTS].map(([word, { description, sides }]) =>
    keyword(word, side === undefined ? description : `as ${sides[side]}`),
  );
}

function operators(field: FieldDefinition): Candidate[] {
  return [...operatorsOf(field), 'not in', 'exists'].map((text) => ({
    text,
    kind: 'operator',
    detail: OPERATOR_MEANINGS[text] ?? '',
  }));
}

const OPERATOR_MEANINGS: Readonly<Record<string, string>> = {
  '=': 'equal; of an address also: in the prefix',
  '!=': 'not equal',
  '<<': 'in the prefix',
  '!<<': 'not in the prefix',
  in: 'one of ( … ) or of a list',
  'not in': 'none of ( … )',
  like: 'matches a pattern with % and _',
  unlike: 'does not match a pattern',
  ilike: 'as like, without regard to case',
  iunlike: 'as unlike, without regard to case',
  '~': 'matches a regular expression',
  '!~': 'does not match a regular expression',
  exists: 'the record has the field',
};

function values(field: FieldDefinition, options: CompletionOptions): Candidate[] {
  const seen = (options.values ?? []).map(({ text, detail = '' }) => value(text, detail));
  return [...seen, ...valueWords(field).map((word) => value(word, `value of ${field.name}`))];
}

function value(text: string, detail: string): Candidate {
  return { text: quoteIfNeeded(text), kind: 'value', detail };
}

/** A value as a filter has to spell it: in quotes where it is not one word, or is a word of the language. */
export function quoteIfNeeded(text: string): string {
  if (/^[\p{L}\p{N}_:.$][\p{L}\p{N}_:@.$/%*-]*$/u.test(text) && !RESERVED.has(text.toLowerCase()))
    return text;
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

const RESERVED = new Set(['and', 'or', 'not', 'in', 'notin', 'exists', 'like', 'ilike', 'unlike', 'iunlike']);

function bare(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}

function lists({ lists: names = [] }: CompletionOptions): Candidate[] {
  return names.map((name) => ({ text: `@${name}`, kind: 'list', detail: 'named list' }));
}

function distinct(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Set<string>();
  return candidates.filter(({ text }) => !seen.has(text) && seen.add(text));
}
