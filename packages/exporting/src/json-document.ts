/**
 * A JSON text with positions: its tree of values and what is wrong with its syntax, each problem at the
 * line and column where it was found. The parser recovers, so that one slip does not hide the next.
 */
import {
  getNodeValue,
  type Node as JsonNode,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';

export type { JsonNode };
export { getNodeValue };

/** Something wrong at an offset (UTF-16 code units from the start of the text). */
export interface DocumentProblem {
  readonly offset: number;
  readonly message: string;
}

export interface JsonDocument {
  readonly text: string;
  /** Undefined when the text holds no value at all. */
  readonly root: JsonNode | undefined;
  readonly problems: readonly DocumentProblem[];
  /** False when a problem leaves the rest of the tree in doubt, so that checking values would guess. */
  readonly treeIsWhole: boolean;
}

/** One-based line and column (UTF-16 code units, as editors count). */
export interface TextPosition {
  readonly line: number;
  readonly column: number;
}

/** Parses strict JSON (RFC 8259): no comments, no trailing commas. Never throws. */
export function parseJsonDocument(text: string): JsonDocument {
  const tooDeep = offsetBelow(text, DEPTH_MAX);
  if (tooDeep !== undefined) {
    const message = `nested too deeply, allowed: ${DEPTH_MAX} objects and lists in each other`;
    return { text, root: undefined, problems: [{ offset: tooDeep, message }], treeIsWhole: false };
  }
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false });
  const problems: DocumentProblem[] = [];
  let treeIsWhole = root !== undefined;
  for (const error of errors) {
    const { problem, recoverable } = explain(text, root, error);
    treeIsWhole &&= recoverable;
    if (!problems.some((known) => known.offset === problem.offset)) problems.push(problem);
  }
  return { text, root, problems, treeIsWhole };
}

/** The parser calls itself for each level, so that the stack bounds them; no agent writes a tenth of it. */
const DEPTH_MAX = 512;

/** Where a value begins that lies deeper than `depthMax` objects and lists; undefined when none does. */
function offsetBelow(text: string, depthMax: number): number | undefined {
  let depth = 0;
  let isString = false;
  for (let offset = 0; offset < text.length; offset += 1) {
    const character = text[offset];
    if (isString && character === '\\') offset += 1;
    else if (character === '"' || character === '\n') isString = character === '"' && !isString;
    else if (isString) continue;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth > depthMax) return offset;
  }
  return undefined;
}

/** The line and column of an offset. */
export function positionAt(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  const lineStart = Math.max(before.lastIndexOf('\n'), before.lastIndexOf('\r')) + 1;
  const line = (before.match(/\r\n|\r|\n/g)?.length ?? 0) + 1;
  return { line, column: offset - lineStart + 1 };
}

/** The value of a node as a person would recognise it, shortened. */
export function quoteNode(text: string, node: JsonNode): string {
  const source = text.slice(node.offset, node.offset + node.length).replace(/\s+/g, ' ');
  const shown = source.length > QUOTE_LENGTH_MAX ? `${source.slice(0, QUOTE_LENGTH_MAX)}…` : source;
  return node.type === 'object' || node.type === 'array' ? `${node.type} ${shown}` : shown;
}

/** An error is one line on a terminal. */
const QUOTE_LENGTH_MAX = 40;

interface Explanation {
  readonly problem: DocumentProblem;
  readonly recoverable: boolean;
}

function explain(text: string, root: JsonNode | undefined, error: ParseError): Explanation {
  const { offset } = error;
  switch (printParseErrorCode(error.error)) {
    case 'CommaExpected':
      return explainMissingComma(text, root, offset);
    case 'InvalidCommentToken':
      return {
        problem: { offset, message: 'found a comment, which JSON does not allow' },
        recoverable: true,
      };
    case 'PropertyNameExpected':
    case 'ValueExpected':
      return explainAbsentValue(text, error);
    default: {
      const found = foundAt(text, offset, error.length);
      const message = `${SYNTAX_MESSAGES[printParseErrorCode(error.error)] ?? 'not JSON'}: found ${found}`;
      return { problem: { offset, message }, recoverable: false };
    }
  }
}

const SYNTAX_MESSAGES: Readonly<Record<string, string>> = {
  InvalidSymbol: 'not a JSON value (allowed: a string, a number, true, false, null, {, [)',
  InvalidNumberFormat: 'not a JSON number',
  ColonExpected: 'missing colon after a property name',
  CloseBraceExpected: 'missing } at the end of an object',
  CloseBracketExpected: 'missing ] at the end of an array',
  EndOfFileExpected: 'text after the end of the document',
  UnexpectedEndOfComment: 'comment without an end',
  UnexpectedEndOfString: 'string without a closing quote',
  UnexpectedEndOfNumber: 'number without its digits',
  InvalidUnicode: 'not a \\uXXXX escape',
  InvalidEscapeCharacter: 'not an escape that JSON knows',
  InvalidCharacter: 'control character in a string',
};

function explainAbsentValue(text: string, error: ParseError): Explanation {
  const { offset } = error;
  const comma = lastTokenBefore(text, offset);
  const closer = text[offset];
  if (comma >= 0 && text[comma] === ',' && (closer === '}' || closer === ']')) {
    const message = `trailing comma before ${closer}, which JSON does not allow`;
    return { problem: { offset: comma, message }, recoverable: true };
  }
  const wanted =
    printParseErrorCode(error.error) === 'PropertyNameExpected' ? 'property name in quotes' : 'value';
  const message = `missing ${wanted}: found ${foundAt(text, offset, error.length)}`;
  return { problem: { offset, message }, recoverable: false };
}

/** A comma is missed where the next property or element begins; both neighbours are named. */
function explainMissingComma(text: string, root: JsonNode | undefined, offset: number): Explanation {
  if (text[offset - 1] === '0' && /[0-9]/.test(text[offset] ?? '')) {
    return {
      problem: { offset: offset - 1, message: 'not a JSON number: a leading zero' },
      recoverable: false,
    };
  }
  const next = nodeStartingAt(root, offset);
  const siblings = next?.parent?.children ?? [];
  const previous = next === undefined ? undefined : siblings[siblings.indexOf(next) - 1];
  if (next === undefined || previous === undefined) {
    const message = `missing comma: found ${foundAt(text, offset, 1)}`;
    return { problem: { offset, message }, recoverable: false };
  }
  const message = `missing comma between ${nameOf(text, previous)} and ${nameOf(text, next)}`;
  return { problem: { offset, message }, recoverable: true };
}

function nameOf(text: string, node: JsonNode): string {
  return quoteNode(text, node.type === 'property' ? (node.children?.[0] ?? node) : node);
}

/** The outermost property or element that begins at `offset`. */
function nodeStartingAt(node: JsonNode | undefined, offset: number): JsonNode | undefined {
  if (node === undefined || offset < node.offset || offset >= node.offset + node.length) return undefined;
  if (node.offset === offset && node.parent !== undefined) return node;
  for (const child of node.children ?? []) {
    const found = nodeStartingAt(child, offset);
    if (found !== undefined) return found;
  }
  return undefined;
}

function lastTokenBefore(text: string, offset: number): number {
  let index = offset - 1;
  while (index >= 0 && /\s/.test(text[index] ?? '')) index -= 1;
  return index;
}

function foundAt(text: string, offset: number, length: number): string {
  const found = text.slice(offset, offset + Math.max(1, Math.min(length, QUOTE_LENGTH_MAX))).trim();
  return found === '' ? 'the end of the file' : found;
}
