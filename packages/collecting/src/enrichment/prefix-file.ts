/**
 * Files that say something of prefixes, one entry each, written by people: JSON (a list of objects) or CSV (a
 * line that names the columns, then a line for each entry; `#` begins a comment). Errors name file and line.
 */
import { EXIT_USAGE, UserError } from '@weir/base';
import { findNodeAtLocation, type Node, type ParseError, parseTree } from 'jsonc-parser';
import { parsePrefix, type ValuedPrefix } from '../addresses/address-ranges.ts';

/** An internet provider's plan; 100,000 × ~300 octets while it is read. */
export const PREFIXES_MAX = 100_000;
/** 100,000 lines of 160 octets. */
export const PREFIX_FILE_OCTETS_MAX = 16 << 20;

/** One entry: texts by column, and where it stands. */
export interface PrefixFileEntry {
  readonly line: number;
  readonly prefix: ValuedPrefix;
  readonly texts: Readonly<Record<string, string>>;
}

/**
 * Reads entries whose columns are `prefix` and those of `columns`, all texts, any of which may be missing. The
 * values of the prefixes count from 1. Throws UserError `prefix_file_invalid`: `FILE:LINE: found …; allowed: …`.
 */
export function readPrefixFile(
  text: string,
  fileName: string,
  columns: readonly string[],
): PrefixFileEntry[] {
  const allowed = ['prefix', ...columns];
  const rows = /^\s*[[{]/.test(text) ? jsonRows(text, fileName, allowed) : csvRows(text, fileName, allowed);
  if (rows.length > PREFIXES_MAX) {
    throw prefixFileError(fileName, 1, `found ${rows.length} entries; allowed: ${PREFIXES_MAX}`);
  }
  return rows.map(({ line, texts }, index) => {
    const prefix = parsePrefix(texts['prefix'] ?? '', index + 1);
    if (prefix !== undefined) return { line, prefix, texts };
    const found = texts['prefix'] === undefined ? 'nothing' : `"${texts['prefix']}"`;
    throw prefixFileError(
      fileName,
      line,
      `prefix: found ${found}; allowed: 192.0.2.0/24, 2001:db8::/32 or an address`,
    );
  });
}

export function prefixFileError(fileName: string, line: number, message: string): UserError {
  return new UserError('prefix_file_invalid', `${fileName}:${line}: ${message}`, EXIT_USAGE);
}

interface Row {
  readonly line: number;
  readonly texts: Record<string, string>;
}

function jsonRows(text: string, fileName: string, allowed: readonly string[]): Row[] {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors);
  const lineAt = createLineCounter(text);
  const [first] = errors;
  if (first !== undefined || tree === undefined)
    throw prefixFileError(fileName, lineAt(first?.offset ?? 0), 'not JSON');
  if (tree.type !== 'array') throw prefixFileError(fileName, 1, 'allowed: a list of objects');
  return (tree.children ?? []).map((node) => jsonRow(node, lineAt(node.offset), fileName, allowed));
}

function jsonRow(node: Node, line: number, fileName: string, allowed: readonly string[]): Row {
  const texts: Record<string, string> = {};
  for (const property of node.children ?? []) {
    const [key, value] = property.children ?? [];
    if (node.type !== 'object' || key === undefined || !allowed.includes(key.value)) {
      throw prefixFileError(
        fileName,
        line,
        `found ${JSON.stringify(key?.value)}; allowed: ${allowed.join(', ')}`,
      );
    }
    const found = findNodeAtLocation(node, [key.value])?.value;
    if (value === undefined || typeof found !== 'string') {
      throw prefixFileError(fileName, line, `${key.value}: allowed: a text`);
    }
    texts[key.value] = found;
  }
  return { line, texts };
}

/** Line of an offset, from 1; offsets must not fall. */
function createLineCounter(text: string): (offset: number) => number {
  let at = 0;
  let line = 1;
  return (offset) => {
    for (; at < offset; at += 1) if (text.charCodeAt(at) === 10) line += 1;
    return line;
  };
}

function csvRows(text: string, fileName: string, allowed: readonly string[]): Row[] {
  const rows: Row[] = [];
  let header: readonly string[] | undefined;
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    if (content.trim() === '' || content.trimStart().startsWith('#')) continue;
    const fields = csvFields(content);
    if (header === undefined) {
      header = csvHeader(fields, fileName, line, allowed);
      continue;
    }
    if (fields.length > header.length) {
      throw prefixFileError(fileName, line, `found ${fields.length} fields; allowed: ${header.length}`);
    }
    rows.push({ line, texts: textsOf(header, fields) });
  }
  return rows;
}

function csvHeader(
  fields: readonly string[],
  fileName: string,
  line: number,
  allowed: readonly string[],
): readonly string[] {
  const stranger = fields.find((field) => !allowed.includes(field));
  if (stranger === undefined && fields.includes('prefix')) return fields;
  const found = stranger === undefined ? 'no column "prefix"' : `"${stranger}"`;
  throw prefixFileError(
    fileName,
    line,
    `found ${found}; allowed: a first line with columns of ${allowed.join(',')}`,
  );
}

function textsOf(header: readonly string[], fields: readonly string[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [index, name] of header.entries()) {
    const field = fields[index];
    if (field !== undefined && field !== '') texts[name] = field;
  }
  return texts;
}

/** RFC 4180: a field in quotation marks may hold commas, and quotation marks twice. */
function csvFields(line: string): string[] {
  return Array.from(line.matchAll(/(?:^|,)(?:\s*"((?:[^"]|"")*)"\s*|([^,]*))/g), ([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '').trim() : quoted.replaceAll('""', '"'),
  );
}
