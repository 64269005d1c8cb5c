/**
 * A policy from a table: a line that names the columns, then a rule each. Columns `name`, `from`, `to`,
 * `service`, `action` (allow or deny), and optionally `expected` (yes), `firewall` and `comment`; several
 * groups or services in one cell are separated by `;` or spaces. Errors name line and column.
 */
import { UserError } from '@weir/base';
import type { PolicyImport } from './nft-import.ts';
import { ANY, RULES_MAX } from './policy-document.ts';
import { PolicyDraft } from './policy-draft.ts';
import { parseGroupMember, parseServiceMember } from './policy-member.ts';

const COLUMNS = ['name', 'from', 'to', 'service', 'action', 'expected', 'firewall', 'comment'] as const;
type Column = (typeof COLUMNS)[number];
const NEEDED: readonly Column[] = ['from', 'to', 'action'];
const SPELLINGS: Readonly<Record<string, Column>> = {
  rule: 'name',
  source: 'from',
  src: 'from',
  destination: 'to',
  dst: 'to',
  services: 'service',
  port: 'service',
};
const ACTIONS: Readonly<Record<string, 'allow' | 'deny'>> = {
  allow: 'allow',
  accept: 'allow',
  permit: 'allow',
  pass: 'allow',
  deny: 'deny',
  drop: 'deny',
  reject: 'deny',
  block: 'deny',
};

/** Throws UserError `csv_invalid`. */
export function importPolicyCsv(text: string): PolicyImport {
  const [header, ...lines] = csvRows(text);
  if (header === undefined) throw invalid(1, `it is empty; allowed: a line with ${COLUMNS.join(', ')}`);
  const columns = header.fields.map((name, index) => columnNamed(name, index));
  for (const column of NEEDED) {
    if (!columns.includes(column)) throw invalid(1, `there is no column "${column}"`);
  }
  const draft = new PolicyDraft();
  const notMapped: { what: string; reason: string }[] = [];
  const groups = new Set<string>();
  for (const { line, fields } of lines) {
    if (draft.rules.length >= RULES_MAX) throw invalid(line, `a policy has at most ${RULES_MAX} rules`);
    const cell = (column: Column) => fields[columns.indexOf(column)]?.trim() ?? '';
    const action = ACTIONS[cell('action').toLowerCase()];
    if (action === undefined)
      throw invalid(line, `action: found "${cell('action')}"; allowed: allow or deny`);
    const ends = { from: namesIn(cell('from'), line, 'from'), to: namesIn(cell('to'), line, 'to') };
    for (const name of [...ends.from, ...ends.to]) if (isGroupName(name)) groups.add(name);
    const isExpected = /^(yes|true|1|x|expected)$/i.test(cell('expected'));
    if (isExpected && action === 'deny')
      notMapped.push({
        what: `line ${line}: expected`,
        reason: 'only traffic that is allowed can be expected',
      });
    draft.rules.push({
      name: freeName(draft, cell('name') === '' ? `line ${line}` : cell('name')),
      ...ends,
      services: servicesIn(cell('service'), line),
      action,
      ...(isExpected && action === 'allow' ? { expected: true } : {}),
      ...(cell('firewall') === '' ? {} : { firewall: cell('firewall') }),
      ...(cell('comment') === '' ? {} : { comment: cell('comment') }),
    });
  }
  for (const name of groups) draft.groups.push({ name, members: [] });
  const notes = groups.size === 0 ? [] : [`groups that are still empty: ${[...groups].join(', ')}`];
  return { document: draft.document('deny', 'Imported from CSV'), notMapped, notes };
}

function freeName({ rules }: PolicyDraft, name: string): string {
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${name} (${number})`;
    if (!rules.some((rule) => rule.name === candidate)) return candidate;
  }
}

const isGroupName = (name: string) => name !== ANY && parseGroupMember(name) === undefined;

function columnNamed(text: string, index: number): Column {
  const name = text.trim().toLowerCase();
  const column = COLUMNS.find((each) => each === name) ?? SPELLINGS[name];
  if (column !== undefined) return column;
  throw invalid(1, `column ${index + 1}: found "${text}"; allowed: ${COLUMNS.join(', ')}`);
}

/** Names with spaces in them are separated by `;`. */
function namesIn(cell: string, line: number, column: Column): string[] {
  const names = cell.split(';').map((name) => name.trim());
  const found = names.filter((name) => name !== '').flatMap((name) => splitMembers(name));
  if (found.length === 0) throw invalid(line, `${column}: it is empty; allowed: a group, an address, or any`);
  return found.map((name) => (/^(any|\*|all)$/i.test(name) ? ANY : name));
}

/** `10.0.0.1 10.0.0.2` are two members, `Web servers` is one group. */
function splitMembers(text: string): string[] {
  const words = text.split(/\s+/);
  return words.every((word) => parseGroupMember(word) !== undefined) ? words : [text];
}

function servicesIn(cell: string, line: number): string[] {
  if (cell === '' || /^(any|\*|all)$/i.test(cell)) return [ANY];
  return cell
    .split(/[;\s,]+/)
    .filter((word) => word !== '')
    .map((word) => {
      const spelled = word.replace(':', '/');
      if (parseServiceMember(spelled) !== undefined) return spelled;
      throw invalid(line, `service: found "${word}"; allowed: tcp/443, udp/5000-5100, icmp/8, gre, any`);
    });
}

const invalid = (line: number, message: string) =>
  new UserError('csv_invalid', `CSV, line ${line}: ${message}`, 2);

interface CsvRow {
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * RFC 4180, with `,` or `;` or a tab between cells, whichever the first line has; empty lines and `#` are
 * left out.
 */
function csvRows(text: string): CsvRow[] {
  const first = text.split(/\r?\n/, 1)[0] ?? '';
  const separator = [',', '\t', ';'].find((each) => first.includes(each)) ?? ',';
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${separator}\\n]*))(${separator}|\\r?\\n|$)`, 'y');
  const rows: CsvRow[] = [];
  let line = 1;
  while (cell.lastIndex < text.length) {
    const fields: string[] = [];
    const start = line;
    for (;;) {
      const match = cell.exec(text);
      if (match === null) throw invalid(line, 'a quote that is not closed');
      const value = match[1]?.replaceAll('""', '"') ?? match[2] ?? '';
      line += (match[0].match(/\n/g) ?? []).length;
      fields.push(value.replace(/\r$/, ''));
      if (match[3] !== separator) break;
    }
    const isEmpty = fields.every((field) => field.trim() === '') || fields[0]?.startsWith('#');
    if (!isEmpty) rows.push({ line: start, fields });
  }
  return rows;
}
