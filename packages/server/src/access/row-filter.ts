/**
 * Row filters: what somebody may see, as a filter of the language that is put before every filter of his. A filter that
 * somebody asks with is read alone first, so that `a) or (b` cannot break out of the parentheses put around it, and
 * nothing in it comes before the row filter.
 */
import { listNamesIn, parseFilter } from '@weir/analysis';
import { UserError } from '@weir/base';

const CHARACTERS_MAX = 4096;

/** Throws UserError `row_filter_invalid` when it cannot be read; a named list is looked for when it is used. */
export function checkRowFilter(rowFilter: string): void {
  if (rowFilter.length > CHARACTERS_MAX) {
    throw new UserError('row_filter_invalid', `the row filter is longer than ${CHARACTERS_MAX} characters`);
  }
  try {
    parseFilter(rowFilter, { lists: 'unread' });
  } catch (error) {
    throw new UserError('row_filter_invalid', `the row filter cannot be read: ${(error as Error).message}`);
  }
}

/** The filter that both filters let through; the line breaks end comments. Throws FilterError for `asked`. */
export function bothFilters(rowFilter: string, asked: string): string {
  if (asked.trim() === '') return rowFilter;
  parseFilter(asked, { lists: 'unread' });
  return rowFilter.trim() === '' ? asked : `(${rowFilter}\n) and (${asked}\n)`;
}

/** The filter that lets through what one of them does. */
export function eitherFilter(filters: readonly string[]): string {
  if (filters.some((filter) => filter.trim() === '')) return '';
  const [first = '', ...others] = [...new Set(filters)];
  return others.length === 0 ? first : [first, ...others].map((filter) => `(${filter}\n)`).join(' or ');
}

/**
 * A plan from outside that can only be answered from rows that the row filter lets through. Lists that the row filter
 * names come from this server, whatever the plan brings along. What is no plan is returned as it is: it will be refused.
 */
export function narrowPlan(input: unknown, rowFilter: string): unknown {
  if (rowFilter.trim() === '' || typeof input !== 'object' || input === null) return input;
  const { filter, lists } = input as { filter?: unknown; lists?: unknown };
  if (filter !== undefined && filter !== null && typeof filter !== 'string') return input;
  const plan = { ...input, filter: bothFilters(rowFilter, filter ?? '') };
  return lists === undefined ? plan : { ...plan, lists: withoutLists(lists, listNamesIn(rowFilter)) };
}

function withoutLists(lists: unknown, names: readonly string[]): unknown {
  if (typeof lists !== 'object' || lists === null || Array.isArray(lists)) return lists;
  return Object.fromEntries(Object.entries(lists).filter(([name]) => !names.includes(name)));
}
