import { fieldNamed } from '@weir/analysis';
import type { FilterToken } from '../widgets/filter-editor.ts';

const TOKEN =
  /(#[^\n]*|--[^\n]*|\/\*[\s\S]*?\*\/)|("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|(!?<<|[=!<>~]=?|&&|\|\|)|([\p{L}\p{N}_:@.$][\p{L}\p{N}_:@.$/%*-]*)/gu;
const JOINING = new Set(['and', 'or', 'not', 'in', 'notin', 'like', 'unlike', 'ilike', 'iunlike']);
const STATES = new Set(['dropped', 'denied', 'forwarded', 'consumed', 'ingress', 'egress', 'duplicate']);
const SUBJECTS = new Set(
  'host ip addr address net network port as asn mac mask if interface src dst source dest destination out input output user name site peer country'.split(
    ' ',
  ),
);

/** The parts of a filter's text by kind, for colouring; what is none of them is left out. Never throws. */
export function filterTokens(text: string): FilterToken[] {
  const tokens: FilterToken[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const [whole, comment, string, operator, word] = match;
    if (comment !== undefined) continue;
    const from = match.index;
    const to = from + whole.length;
    if (string !== undefined) tokens.push({ from, to, kind: 'text' });
    else if (operator !== undefined) tokens.push({ from, to, kind: 'operator' });
    else if (word !== undefined) tokens.push({ from, to, kind: wordKind(word.toLowerCase()) });
  }
  return tokens;
}

function wordKind(word: string): FilterToken['kind'] {
  if (JOINING.has(word)) return 'word';
  if (STATES.has(word)) return 'state';
  if (SUBJECTS.has(word) || fieldNamed(word) !== undefined) return 'field';
  return 'literal';
}
