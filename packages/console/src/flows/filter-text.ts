import { parseFilter } from '@weir/analysis';
import type { DimensionValue } from '../api/contract.ts';

/** The filter term that a click on a value stands for, or undefined where the value cannot be asked for. */
export function filterTerm(dimension: string, value: DimensionValue, exclude = false): string | undefined {
  if (value === null) return undefined;
  // A prefix of an address is asked for as such: srcAddr/24 has no values of its own in the language.
  const [field = dimension] = dimension.split('/');
  const literal = typeof value === 'number' || isBareWord(value) ? String(value) : JSON.stringify(value);
  return `${field} ${exclude ? '!=' : '='} ${literal}`;
}

/** `filter` and also `term`; unchanged when the term is already in it. */
export function withTerm(filter: string, term: string): string {
  const trimmed = filter.trim();
  if (trimmed === '') return term;
  if (trimmed === term || trimmed.split(/\s+and\s+/i).includes(term)) return trimmed;
  return `${isAlternative(trimmed) ? `(${trimmed})` : trimmed} and ${term}`;
}

/** True for `a or b`, which binds weaker than `and`. A filter that cannot be read is left as it is. */
function isAlternative(filter: string): boolean {
  try {
    return /\bor\b/i.test(filter) && parseFilter(filter).kind === 'or';
  } catch {
    return false;
  }
}

/** Addresses and plain names need no quotes. */
const isBareWord = (text: string): boolean => /^[0-9a-fA-F:./]+$/.test(text);
