/** Reads a policy from a text or from JSON, and says all that is wrong with it, each with its place. */
import { UserError } from '@weir/base';
import { findNodeAtLocation, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser';
import { didYouMean } from '../near-miss.ts';
import {
  ANY,
  COMMENT_CHARACTERS_MAX,
  GROUPS_MAX,
  MEMBERS_MAX,
  NAME_CHARACTERS_MAX,
  type PolicyDocument,
  type PolicyProblem,
  RULES_MAX,
  SERVICES_MAX,
} from './policy-document.ts';
import {
  GROUP_MEMBERS_ALLOWED,
  parseGroupMember,
  parseServiceMember,
  SERVICE_MEMBERS_ALLOWED,
} from './policy-member.ts';

export interface CheckedPolicy {
  /** Undefined when there is an error. */
  readonly document: PolicyDocument | undefined;
  readonly problems: readonly PolicyProblem[];
}

type Path = readonly (string | number)[];
type Json = Readonly<Record<string, unknown>>;

/** Reads the text of a policy file: JSON, without comments. */
export function parsePolicyText(text: string): CheckedPolicy {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { disallowComments: true });
  const [first] = errors;
  if (tree === undefined || first !== undefined) {
    const what = first === undefined ? 'the file is empty' : wordsOf(printParseErrorCode(first.error));
    const message = `no JSON: ${what}; allowed: an object with groups, services and rules`;
    return { document: undefined, problems: [located(text, first?.offset ?? 0, error([], message))] };
  }
  const { document, problems } = checkPolicy(JSON.parse(text));
  return {
    document,
    problems: problems.map((problem) => located(text, offsetOf(tree, problem.path), problem)),
  };
}

/** Checks what JSON says; problems have no lines. */
export function checkPolicy(value: unknown): CheckedPolicy {
  const check = new PolicyCheck();
  check.document(value);
  const hasErrors = check.problems.some(({ severity }) => severity === 'error');
  return { document: hasErrors ? undefined : (value as PolicyDocument), problems: check.problems };
}

/** The document, or UserError `policy_invalid` with the first error and how many more there are. */
export function policyOf({ document, problems }: CheckedPolicy, fileName = 'policy'): PolicyDocument {
  if (document !== undefined) return document;
  const errors = problems.filter(({ severity }) => severity === 'error');
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  throw new UserError('policy_invalid', `${formatPolicyProblem(errors[0], fileName)}${more}`, 2);
}

/** `FILE:LINE:COLUMN: PATH: MESSAGE`. */
export function formatPolicyProblem(problem: PolicyProblem | undefined, fileName: string): string {
  if (problem === undefined) return `${fileName}: it is no policy`;
  const { line, column, path, message, severity } = problem;
  const place = line === undefined ? '' : `:${line}:${column}`;
  return `${fileName}${place}: ${severity === 'warning' ? 'warning: ' : ''}${path === '' ? '' : `${path}: `}${message}`;
}

const DOCUMENT_PROPERTIES = ['version', 'name', 'comment', 'groups', 'services', 'rules', 'default'];
const GROUP_PROPERTIES = ['name', 'members', 'comment'];
const RULE_PROPERTIES = ['name', 'from', 'to', 'services', 'action', 'expected', 'firewall', 'comment'];

class PolicyCheck {
  readonly problems: PolicyProblem[] = [];
  #groups = new Set<string>();
  #services = new Set<string>();
  readonly #used = new Set<string>();

  document(value: unknown): void {
    const document = this.#object(value, [], DOCUMENT_PROPERTIES);
    if (document === undefined) return;
    if (document['version'] !== 1) this.#error(['version'], `found ${show(document['version'])}; allowed: 1`);
    this.#text(document['name'], ['name']);
    this.#comment(document['comment'], ['comment']);
    this.#oneOf(document['default'], ['default'], ['allow', 'deny']);
    this.#groups = this.#named(document['groups'], ['groups'], GROUPS_MAX, (text) =>
      parseGroupMember(text) === undefined ? GROUP_MEMBERS_ALLOWED.replace(' or any', '') : undefined,
    );
    this.#services = this.#named(document['services'], ['services'], SERVICES_MAX, (text) =>
      parseServiceMember(text) === undefined ? SERVICE_MEMBERS_ALLOWED.replace(', or any', '') : undefined,
    );
    this.#rules(document['rules']);
    this.#unused(document);
  }

  #named(
    value: unknown,
    path: Path,
    max: number,
    allowedInstead: (member: string) => string | undefined,
  ): Set<string> {
    const names = new Set<string>();
    for (const [index, each] of this.#list(value, path, max).entries()) {
      const place = [...path, index];
      const entry = this.#object(each, place, GROUP_PROPERTIES);
      if (entry === undefined) continue;
      this.#comment(entry['comment'], [...place, 'comment']);
      const name = this.#name(entry['name'], [...place, 'name'], names);
      if (name !== undefined) names.add(name);
      const members = this.#list(entry['members'], [...place, 'members'], MEMBERS_MAX);
      if (members.length === 0) this.#warn([...place, 'members'], 'it is empty: nothing belongs to it');
      for (const [at, member] of members.entries()) {
        const allowed = typeof member === 'string' ? allowedInstead(member) : 'a text';
        if (allowed !== undefined)
          this.#error([...place, 'members', at], `found ${show(member)}; allowed: ${allowed}`);
      }
    }
    return names;
  }

  #name(value: unknown, path: Path, taken: ReadonlySet<string>): string | undefined {
    if (typeof value !== 'string' || value.trim() === '' || value.length > NAME_CHARACTERS_MAX) {
      this.#error(path, `found ${show(value)}; allowed: a text of 1 to ${NAME_CHARACTERS_MAX} characters`);
      return undefined;
    }
    if (value === ANY) this.#error(path, '"any" stands for everything; choose another name');
    if (taken.has(value)) this.#error(path, `there are two of the name ${show(value)}`);
    return value;
  }

  #rules(value: unknown): void {
    const names = new Set<string>();
    for (const [index, each] of this.#list(value, ['rules'], RULES_MAX).entries()) {
      const path = ['rules', index];
      const rule = this.#object(each, path, RULE_PROPERTIES);
      if (rule === undefined) continue;
      const name = this.#name(rule['name'], [...path, 'name'], names);
      if (name !== undefined) names.add(name);
      this.#ends(rule['from'], [...path, 'from']);
      this.#ends(rule['to'], [...path, 'to']);
      this.#ruleServices(rule['services'], [...path, 'services']);
      this.#oneOf(rule['action'], [...path, 'action'], ['allow', 'deny']);
      this.#text(rule['firewall'], [...path, 'firewall']);
      this.#comment(rule['comment'], [...path, 'comment']);
      const { expected } = rule;
      if (expected !== undefined && typeof expected !== 'boolean')
        this.#error([...path, 'expected'], `found ${show(expected)}; allowed: true or false`);
      if (expected === true && rule['action'] === 'deny')
        this.#error([...path, 'expected'], 'only traffic that is allowed can be expected');
    }
  }

  #ends(value: unknown, path: Path): void {
    for (const [index, end] of this.#nonEmpty(value, path)) {
      if (typeof end !== 'string') this.#error([...path, index], `found ${show(end)}; allowed: a text`);
      else if (this.#groups.has(end)) this.#used.add(end);
      else if (end !== ANY && parseGroupMember(end) === undefined) {
        const hint = didYouMean(end, this.#groups);
        this.#error(
          [...path, index],
          `there is no group ${show(end)}${hint} (allowed: the name of a group, ${GROUP_MEMBERS_ALLOWED})`,
        );
      }
    }
  }

  #ruleServices(value: unknown, path: Path): void {
    for (const [index, service] of this.#nonEmpty(value, path)) {
      if (typeof service !== 'string')
        this.#error([...path, index], `found ${show(service)}; allowed: a text`);
      else if (this.#services.has(service)) this.#used.add(service);
      else if (service !== ANY && parseServiceMember(service) === undefined) {
        const hint = didYouMean(service, this.#services);
        this.#error(
          [...path, index],
          `there is no service ${show(service)}${hint} (allowed: the name of a service, ${SERVICE_MEMBERS_ALLOWED})`,
        );
      }
    }
  }

  #nonEmpty(value: unknown, path: Path): IterableIterator<[number, unknown]> {
    const list = this.#list(value, path, MEMBERS_MAX);
    if (Array.isArray(value) && list.length === 0)
      this.#error(path, 'it is empty; allowed: at least one, or "any"');
    return list.entries();
  }

  #unused({ groups, services }: Json): void {
    for (const [list, path] of [
      [groups, 'groups'],
      [services, 'services'],
    ] as const) {
      for (const [index, entry] of (Array.isArray(list) ? list : []).entries()) {
        const name: unknown = entry?.name;
        if (typeof name === 'string' && !this.#used.has(name) && path === 'services')
          this.#warn([path, index], `no rule names the service ${show(name)}`);
      }
    }
  }

  #object(value: unknown, path: Path, allowed: readonly string[]): Json | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#error(path, `found ${show(value)}; allowed: an object with ${allowed.join(', ')}`);
      return undefined;
    }
    for (const key of Object.keys(value)) {
      if (!allowed.includes(key))
        this.#error(
          [...path, key],
          `there is no property ${show(key)}${didYouMean(key, allowed)} (allowed: ${allowed.join(', ')})`,
        );
    }
    return value as Json;
  }

  #list(value: unknown, path: Path, max: number): readonly unknown[] {
    if (!Array.isArray(value)) {
      this.#error(path, `found ${show(value)}; allowed: a list`);
      return [];
    }
    if (value.length > max) this.#error(path, `it has ${value.length} entries; allowed: ${max}`);
    return value.slice(0, max);
  }

  #oneOf(value: unknown, path: Path, allowed: readonly string[]): void {
    if (typeof value !== 'string' || !allowed.includes(value))
      this.#error(path, `found ${show(value)}; allowed: ${allowed.map(show).join(' or ')}`);
  }

  #text(value: unknown, path: Path): void {
    if (value !== undefined && (typeof value !== 'string' || value.length > NAME_CHARACTERS_MAX))
      this.#error(path, `found ${show(value)}; allowed: a text of at most ${NAME_CHARACTERS_MAX} characters`);
  }

  #comment(value: unknown, path: Path): void {
    if (value !== undefined && (typeof value !== 'string' || value.length > COMMENT_CHARACTERS_MAX))
      this.#error(path, `allowed: a text of at most ${COMMENT_CHARACTERS_MAX} characters`);
  }

  #error(path: Path, message: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(error(path, message));
  }

  #warn(path: Path, message: string): void {
    if (this.problems.length < PROBLEMS_MAX)
      this.problems.push({ path: pathText(path), severity: 'warning', message });
  }
}

/** Nobody mends more at a time. */
const PROBLEMS_MAX = 100;

const error = (path: Path, message: string): PolicyProblem => ({
  path: pathText(path),
  severity: 'error',
  message,
});

function pathText(path: Path): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '');
}

function pathOf(text: string): (string | number)[] {
  return [...text.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map((match) =>
    match[1] === undefined ? (match[2] ?? '') : Number(match[1]),
  );
}

/** Of what is not there, where what should have it begins. */
function offsetOf(tree: Node, path: string): number {
  for (let parts = pathOf(path); ; parts = parts.slice(0, -1)) {
    const node = findNodeAtLocation(tree, parts);
    if (node !== undefined) return node.offset;
    if (parts.length === 0) return tree.offset;
  }
}

function located(text: string, offset: number, problem: PolicyProblem): PolicyProblem {
  const before = text.slice(0, offset).split('\n');
  return { ...problem, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** `PropertyNameExpected` → `property name expected`. */
const wordsOf = (code: string) => code.replace(/(?<=.)([A-Z])/g, ' $1').toLowerCase();

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
