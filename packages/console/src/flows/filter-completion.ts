import { FIELDS, fieldNamed, formatFieldValue } from '@weir/analysis';
import { apiGet } from '../api/client.ts';
import type { FilterProposal } from '../widgets/filter-editor.ts';

const WORDS: readonly (readonly [text: string, detail: string])[] = [
  ['host', 'an address, either side'],
  ['net', 'a network, either side'],
  ['port', 'a port, either side'],
  ['tcp', 'protocol'],
  ['udp', 'protocol'],
  ['icmp', 'protocol'],
  ['dropped', 'what a policy refused'],
  ['src', 'the source side of what follows'],
  ['dst', 'the destination side of what follows'],
  ['not', 'the contrary'],
];
const LINKS: readonly (readonly [text: string, detail: string])[] = [
  ['and', 'both hold'],
  ['or', 'one of them holds'],
];
const OPTIONS_MAX = 60;

/**
 * What may stand at `position` of a filter: after a field and an operator the values that were seen last, else
 * fields and words. Undefined when there is nothing to propose.
 */
export async function proposeForFilter(
  text: string,
  position: number,
  signal: AbortSignal,
): Promise<FilterProposal | undefined> {
  const before = text.slice(0, position);
  const word = /["']?[\p{L}\p{N}_:@.$/-]*$/u.exec(before)?.[0] ?? '';
  const from = position - word.length;
  const to = position + (/^[\p{L}\p{N}_:@.$/-]*/u.exec(text.slice(position))?.[0].length ?? 0);
  const field = fieldBefore(before.slice(0, from));
  const typed = word.replace(/^["']/, '').toLowerCase();
  const options =
    field === undefined ? wordsAt(before.slice(0, from), typed) : await valuesOf(field, typed, signal);
  return options.length === 0 ? undefined : { from, to, options: options.slice(0, OPTIONS_MAX) };
}

/** The field whose value is to come: of `srcAddr =`, `proto in (6,`, `host`. */
function fieldBefore(text: string): string | undefined {
  const asked =
    /([\p{L}_][\p{L}\p{N}_-]*)\s*(?:(?:!?<<|[=!<>~]=?|!~)|(?:not\s+)?in\s*[([{][^)\]}]*)\s*$/u.exec(
      text,
    )?.[1];
  if (asked !== undefined) return EITHER_SIDE[asked.toLowerCase()] ?? fieldNamed(asked)?.name;
  const side = /(?:^|[\s(])(?:(src|dst)\s+)?(host|port|as|user|country|application|rule)\s+$/i.exec(text);
  if (side === null) return undefined;
  const name = EITHER_SIDE[side[2]?.toLowerCase() ?? ''] ?? '';
  return side[1]?.toLowerCase() === 'dst' ? name.replace(/^src/, 'dst') : name;
}

/** The field from which values are proposed for a word that means either side. */
const EITHER_SIDE: Readonly<Record<string, string>> = {
  host: 'srcAddr',
  port: 'dstPort',
  as: 'srcAs',
  user: 'srcUser',
  country: 'srcCountry',
  application: 'application',
  rule: 'rule',
};

type Option = FilterProposal['options'][number];

function wordsAt(before: string, typed: string): Option[] {
  const openEnded = before.trim() === '' || /(?:\b(?:and|or|not)|\()\s*$/i.test(before);
  const words = [...(openEnded ? [] : LINKS), ...WORDS].map(([text, detail]): Option => ({ text, detail }));
  const fields = FIELDS.map(({ name, description }): Option => ({ text: `${name} =`, detail: description }));
  return startingWith([...words, ...fields], typed);
}

/** What begins with the text, then what merely has it inside. */
function startingWith(options: readonly Option[], typed: string): Option[] {
  const lower = ({ text }: Option): string => text.toLowerCase();
  return [
    ...options.filter((option) => lower(option).startsWith(typed)),
    ...options.filter(
      (option) => typed !== '' && !lower(option).startsWith(typed) && lower(option).includes(typed),
    ),
  ];
}

async function valuesOf(field: string, typed: string, signal: AbortSignal): Promise<Option[]> {
  const definition = fieldNamed(field);
  const named = Object.keys(definition?.valueNames ?? {}).map(
    (value): Option => ({ text: quoted(definition?.valueNames?.[Number(value)] ?? value) }),
  );
  if (named.length > 0) return startingWith(named, typed);
  const seen = await seenValues(field, typed, signal);
  return seen.map(({ value, flows }): Option => {
    const text = definition === undefined ? String(value) : formatFieldValue(definition, value);
    return { text: quoted(text), detail: flows === undefined ? '' : `${flows} flows` };
  });
}

interface SeenValue {
  value: string | number;
  flows?: number;
}

/** Values of the last flows, most frequent first. A server that cannot tell them proposes none. */
async function seenValues(field: string, prefix: string, signal: AbortSignal): Promise<SeenValue[]> {
  try {
    const answer = await apiGet<{ values: SeenValue[] }>(
      'values',
      { field, prefix, limit: OPTIONS_MAX },
      signal,
    );
    return answer.values;
  } catch {
    return [];
  }
}

const quoted = (text: string): string => (/^[\p{L}\p{N}_:@./-]+$/u.test(text) ? text : JSON.stringify(text));
