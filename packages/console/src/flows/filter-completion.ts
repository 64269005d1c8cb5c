import { completeFilter, valueAsked } from '@weir/analysis';
import { apiGet } from '../api/client.ts';
import type { FilterProposal } from '../widgets/filter-editor.ts';

const VALUES_MAX = 40;

/** What may stand at `position` of a filter, with the values that were seen last. */
export async function proposeForFilter(
  text: string,
  position: number,
  signal: AbortSignal,
): Promise<FilterProposal | undefined> {
  const asked = valueAsked(text, position);
  const values = asked === undefined ? [] : await seenValues(asked.field, asked.prefix, signal);
  const suggestions = completeFilter(text, position, { values });
  const [first] = suggestions;
  if (first === undefined) return undefined;
  return {
    from: first.from,
    to: first.to,
    options: suggestions.map(({ text: word, detail }) => ({ text: word, detail })),
  };
}

interface ValuesResponse {
  values: { text: string; detail?: string; flows?: number }[];
}

/** Values of the last flows, most frequent first. Without an answer none are proposed. */
async function seenValues(
  field: string,
  prefix: string,
  signal: AbortSignal,
): Promise<{ text: string; detail?: string }[]> {
  try {
    const { values } = await apiGet<ValuesResponse>('values', { field, prefix, limit: VALUES_MAX }, signal);
    return values.map(({ text, detail, flows }) => {
      const about = detail ?? (flows === undefined ? undefined : `${flows} flows`);
      return about === undefined ? { text } : { text, detail: about };
    });
  } catch {
    return [];
  }
}
