/**
 * Writes sources into the text of a configuration: only what differs is touched, so that other properties,
 * comments and the order of what stays are kept.
 */
import { isDeepStrictEqual } from 'node:util';
import { applyEdits, type JSONPath, modify, parse } from 'jsonc-parser';
import { createFlowSource, type FlowSource, writtenFlowSourceSchema } from './flow-source.ts';
import { pairFlowSources } from './flow-source-change.ts';

const FORMATTING = { insertSpaces: true, tabSize: 2, eol: '\n' };

/**
 * The text with `sources` in place of its own. `text` is a valid configuration, or `{}`. Sources that stay keep
 * their place; new ones stand at the end.
 */
export function editCollectorConfig(text: string, sources: readonly FlowSource[]): string {
  const written: unknown = parse(text);
  const list = isObject(written) ? written['sources'] : undefined;
  if (!Array.isArray(list)) return set(text, ['sources'], sources.map(withoutDefaults));
  const before = list.map((source) => writtenFlowSourceSchema.parse(source));
  const pairs = pairFlowSources(before, sources);
  let edited = text;
  const removed: number[] = [];
  for (const pair of pairs) {
    const index = pair.before === undefined ? -1 : before.indexOf(pair.before);
    if (index < 0) continue;
    if (pair.after === undefined) removed.push(index);
    else edited = setDifferences(edited, ['sources', index], pair.before ?? {}, pair.after);
  }
  // From the last on, so that the others keep their indices.
  for (const index of removed.sort((one, other) => other - one)) {
    edited = set(edited, ['sources', index], undefined);
  }
  let length = before.length - removed.length;
  for (const pair of pairs) {
    if (pair.before !== undefined || pair.after === undefined) continue;
    edited = insert(edited, ['sources', length], withoutDefaults(pair.after));
    length += 1;
  }
  return edited;
}

/** A source as a person would write it. */
function withoutDefaults(source: FlowSource): object {
  const { name, monitoringPort } = source;
  const defaults = new Map<string, unknown>(Object.entries(createFlowSource({ name, monitoringPort })));
  return Object.fromEntries(
    Object.entries(source).filter(
      ([key, value]) =>
        key === 'name' || key === 'monitoringPort' || !isDeepStrictEqual(value, defaults.get(key)),
    ),
  );
}

function setDifferences(text: string, path: JSONPath, before: object, after: object): string {
  const [from, to] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  let edited = text;
  for (const key of new Set([...from.keys(), ...to.keys()])) {
    const [old, fresh] = [from.get(key) as unknown, to.get(key) as unknown];
    if (isDeepStrictEqual(old, fresh)) continue;
    edited =
      isObject(old) && isObject(fresh)
        ? setDifferences(edited, [...path, key], old, fresh)
        : set(edited, [...path, key], fresh);
  }
  return edited;
}

/** Sets what stands at the path; undefined takes it away. */
function set(text: string, path: JSONPath, value: unknown): string {
  return applyEdits(text, modify(text, path, value, { formattingOptions: FORMATTING }));
}

function insert(text: string, path: JSONPath, value: unknown): string {
  const options = { formattingOptions: FORMATTING, isArrayInsertion: true };
  return applyEdits(text, modify(text, path, value, options));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
