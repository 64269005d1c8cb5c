import { completeFilter, fieldNamed, formatFieldValue, valueAsked } from '@weir/analysis';
import { apiGet } from '../api/client.ts';
import type { FilterProposal } from '../widgets/filter-editor.ts';

const VALUES_MAX = 40;

/** What may stand at `position` of a filter, with the values that were seen last and the lists that exist. */
export async function proposeForFilter(
  text: string,
  position: number,
  signal: AbortSignal,
): Promise<FilterProposal | undefined> {
  const asked = valueAsked(text, position);
  const [values, lists] =
    asked === undefined
      ? [[], []]
      : await Promise.all([seenValues(asked.field, asked.prefix, signal), listNames(signal)]);
  const suggestions = completeFilter(text, position, { values, lists });
  const [first] = suggestions;
  if (first === undefined) return undefined;
  return {
    from: first.from,
    to: first.to,
    options: suggestions.map(({ text: word, detail }) => ({ text: word, detail })),
  };
}

interface ValuesResponse {
  values: { value: string | number; flows: number }[];
}

/** Values of the last flows, most frequent first. Without an answer none are proposed. */
async function seenValues(
  field: string,
  prefix: string,
  signal: AbortSignal,
): Promise<{ text: string; detail: string }[]> {
  try {
    const { values } = await apiGet<ValuesResponse>('values', { field, prefix, limit: VALUES_MAX }, signal);
    const definition = fieldNamed(field);
    return values.map(({ value, flows }) => ({
      text: definition === undefined ? String(value) : formatFieldValue(definition, value),
      detail: flows === 1 ? '1 flow' : `${flows.toLocaleString('en-US')} flows`,
    }));
  } catch {
    return [];
  }
}

async function listNames(signal: AbortSignal): Promise<string[]> {
  try {
    return (await apiGet<{ lists: string[] }>('lists', {}, signal)).lists;
  } catch {
    return [];
  }
}
