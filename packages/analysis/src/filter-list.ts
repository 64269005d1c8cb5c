/**
 * Named lists of values (`@name` in a filter): files of one value or several a line, `#` begins a comment. A
 * plan carries the lines of the lists that its filter names, so that whoever answers it needs no files.
 */
import { FilterError } from './filter-expression.ts';
import { type Token, tokenizeFilter } from './filter-lexer.ts';
import { didYouMean } from './near-miss.ts';

/** The lines of each list, by its name without `@`. */
export type FilterLists = Readonly<Record<string, readonly string[]>>;

/** A list's name: also that of its file, so nothing that could leave a folder. */
const LIST_NAME = /^@([\p{L}\p{N}_][\p{L}\p{N}_.-]{0,99})$/u;
/** Half a million addresses are 8 MB of text. */
export const LIST_VALUES_MAX = 500_000;

/** The name of the list that a token stands for; undefined when it is no list. */
export function listNameOf({ kind, text }: Token): string | undefined {
  return kind === 'word' ? LIST_NAME.exec(text)?.[1] : undefined;
}

/** The names of the lists that a filter mentions, each once. Throws a FilterError for what is no filter. */
export function listNamesIn(filter: string): string[] {
  const names = tokenizeFilter(filter).map(listNameOf);
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** The values of a list as tokens at the place of its name. Throws a FilterError. */
export function listTokens(token: Token, name: string, lists: FilterLists): Token[] {
  const lines = Object.hasOwn(lists, name) ? lists[name] : undefined;
  if (lines === undefined) {
    const known = Object.keys(lists);
    const hint = didYouMean(name, known);
    throw new FilterError(
      `there is no list @${name}${hint}`,
      token.position,
      known.map((each) => `@${each}`),
    );
  }
  const values = lines.flatMap((line, index) => lineTokens(token, name, line, index + 1));
  if (values.length === 0) throw new FilterError(`the list @${name} is empty`, token.position);
  if (values.length > LIST_VALUES_MAX) {
    throw new FilterError(`the list @${name} has more than ${LIST_VALUES_MAX} values`, token.position);
  }
  return values;
}

/** Values are separated by commas or spaces; one with spaces in it stands in quotes. */
const LIST_VALUE = /"([^"]*)"|'([^']*)'|([^\s,"'#][^\s,]*)/g;

function lineTokens({ position }: Token, list: string, line: string, number: number): Token[] {
  const content = line.replace(/(^|\s)#.*$/, '');
  const origin = { list, line: number };
  return [...content.matchAll(LIST_VALUE)].map((match) => ({
    kind: match[3] === undefined ? 'string' : 'word',
    text: match[1] ?? match[2] ?? match[3] ?? '',
    position,
    origin,
  }));
}

/** Adds to an error about a list's value which list and line it is in. */
export function locateInList<Result>(token: Token, work: () => Result): Result {
  if (token.origin === undefined) return work();
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const { list, line } = token.origin;
    throw new FilterError(`list @${list}, line ${line}: ${error.message}`, error.position, error.expected);
  }
}
