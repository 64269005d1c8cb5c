/** Files of networks and of users as tables of the stages. */
import { rangesOfPrefixes } from '../addresses/address-ranges.ts';
import { createAddressTable } from '../addresses/address-table.ts';
import type { NetworkTable, UserOfPrefix, UserTable } from '../stages/prefix-stage.ts';
import { type PrefixFileEntry, prefixFileError, readPrefixFile } from './prefix-file.ts';

/** `prefix,network,site`. Throws UserError `prefix_file_invalid`. */
export function networkTableOf(text: string, fileName: string): NetworkTable {
  const entries = readPrefixFile(text, fileName, ['network', 'site']);
  return {
    table: createAddressTable(rangesOfPrefixes(entries.map(({ prefix }) => prefix))),
    networks: entries.map(({ texts }) => ({ name: texts['network'] ?? '', site: texts['site'] ?? '' })),
  };
}

/**
 * `prefix,user,from,to`; the times, ISO 8601, may be left out. A prefix may stand there more than once: of the
 * entries that hold at a time the last one counts. Throws UserError `prefix_file_invalid`.
 */
export function userTableOf(text: string, fileName: string): UserTable {
  const users: UserOfPrefix[][] = [];
  const prefixes = new Map<string, { prefix: PrefixFileEntry['prefix']; users: UserOfPrefix[] }>();
  for (const entry of readPrefixFile(text, fileName, ['user', 'from', 'to'])) {
    const { isV4, first, length } = entry.prefix;
    const key = `${isV4} ${first} ${length}`;
    let known = prefixes.get(key);
    if (known === undefined) {
      const own: UserOfPrefix[] = [];
      known = { prefix: { ...entry.prefix, value: users.push(own) }, users: own };
      prefixes.set(key, known);
    }
    known.users.unshift(userOf(entry, fileName));
  }
  const all = Array.from(prefixes.values(), ({ prefix }) => prefix);
  return { table: createAddressTable(rangesOfPrefixes(all)), prefixes: users };
}

function userOf({ texts, line }: PrefixFileEntry, fileName: string): UserOfPrefix {
  const { user } = texts;
  if (user === undefined) throw prefixFileError(fileName, line, 'user: found nothing; allowed: a name');
  return {
    user,
    fromMs: timeOf(texts['from'], fileName, line, Number.NEGATIVE_INFINITY),
    toMs: timeOf(texts['to'], fileName, line, Number.POSITIVE_INFINITY),
  };
}

function timeOf(text: string | undefined, fileName: string, line: number, otherwise: number): number {
  if (text === undefined) return otherwise;
  const timeMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(timeMs)) return timeMs;
  throw prefixFileError(fileName, line, `found "${text}"; allowed: a time such as 2026-01-31T08:00:00Z`);
}
