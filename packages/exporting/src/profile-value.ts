/** Readers of single values of a profile: each gives the value, or reports what was found and what is allowed. */
import { posix, win32 } from 'node:path';
import { getNodeValue, type JsonNode, quoteNode } from './json-document.ts';
import { suggestion } from './suggestion.ts';

export type Report = (offset: number, message: string) => void;

/** One value while it is read; `name` is how messages call it. */
export interface Reading {
  readonly name: string;
  readonly node: JsonNode;
  readonly text: string;
  readonly report: Report;
}

/** Reports the value as found, with what would be allowed instead. */
export function refuse({ name, node, text, report }: Reading, allowed: string, hint = ''): undefined {
  report(node.offset, `${name}: found ${quoteNode(text, node)}${hint}, allowed: ${allowed}`);
}

export function readWholeNumber(
  reading: Reading,
  least: number,
  most: number,
  unit = '',
): number | undefined {
  const value: unknown = getNodeValue(reading.node);
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  return refuse(reading, `a whole number from ${least} to ${most}${unit}`);
}

export function readBoolean(reading: Reading): boolean | undefined {
  const value: unknown = getNodeValue(reading.node);
  return typeof value === 'boolean' ? value : refuse(reading, 'true or false');
}

export function readText(reading: Reading, allowed: string): string | undefined {
  const value: unknown = getNodeValue(reading.node);
  return typeof value === 'string' && value !== '' ? value : refuse(reading, allowed);
}

export function readOneOf<Name extends string>(reading: Reading, names: readonly Name[]): Name | undefined {
  const value: unknown = getNodeValue(reading.node);
  const found = names.find((name) => name === value);
  if (found !== undefined) return found;
  const hint = typeof value === 'string' ? suggestion(value, names) : '';
  return refuse(reading, names.map((name) => `"${name}"`).join(', '), hint);
}

/** A service has no working folder that a person would think of, so a path says all of itself. */
export function readPath(reading: Reading): string | undefined {
  const value: unknown = getNodeValue(reading.node);
  if (typeof value === 'string' && isAbsolutePath(value)) return value;
  return refuse(reading, 'an absolute path such as "/etc/weir/key"');
}

export function isAbsolutePath(text: string): boolean {
  return !text.includes('\0') && (posix.isAbsolute(text) || win32.isAbsolute(text));
}

/** The entries that `readEntry` could read; `allowed` says what the list is. */
export function readList<Entry>(
  reading: Reading,
  allowed: string,
  readEntry: (entry: Reading) => Entry | undefined,
): Entry[] | undefined {
  if (reading.node.type !== 'array') return refuse(reading, allowed);
  const entries: Entry[] = [];
  for (const node of reading.node.children ?? []) {
    const entry = readEntry({ ...reading, node });
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

interface Member {
  readonly name: string;
  readonly nameNode: JsonNode;
  readonly valueNode: JsonNode | undefined;
}

export function* membersOf(object: JsonNode): Generator<Member> {
  for (const property of object.children ?? []) {
    const [nameNode, valueNode] = property.children ?? [];
    if (nameNode !== undefined) yield { name: String(getNodeValue(nameNode)), nameNode, valueNode };
  }
}

/** A property that is there: where its name stands, and its value. */
export interface FoundProperty extends Reading {
  readonly nameOffset: number;
}

/**
 * The properties of an object by their names; those that are unknown or there twice are reported. Messages
 * call a property `prefix` and its name.
 */
export function readProperties(
  reading: Reading,
  known: readonly string[],
  prefix = `${reading.name}.`,
): Map<string, FoundProperty> {
  const { text, report, name: where } = reading;
  const found = new Map<string, FoundProperty>();
  for (const { name, nameNode, valueNode } of membersOf(reading.node)) {
    const nameOffset = nameNode.offset;
    if (!known.includes(name)) {
      const hint = suggestion(name, known);
      report(nameOffset, `unknown property "${name}" in ${where}${hint}, allowed: ${known.join(', ')}`);
    } else if (found.has(name)) {
      report(nameOffset, `duplicate property "${name}" in ${where}, allowed: once`);
    } else if (valueNode !== undefined) {
      found.set(name, { name: `${prefix}${name}`, node: valueNode, text, report, nameOffset });
    }
  }
  return found;
}

/** As `readProperties`, of a value that must be an object; `allowed` says which. */
export function readObject(
  reading: Reading,
  known: readonly string[],
  allowed: string,
): Map<string, FoundProperty> | undefined {
  return reading.node.type === 'object' ? readProperties(reading, known) : refuse(reading, allowed);
}
