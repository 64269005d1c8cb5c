/** Edits of a policy that is not saved yet, as functions from one document to the next. */
import type { PolicyDocument, PolicyGroup, PolicyProblem, PolicyRule } from '@weir/analysis';

export const EMPTY_POLICY: PolicyDocument = {
  version: 1,
  groups: [],
  services: [],
  rules: [],
  default: 'deny',
};

type ListName = 'groups' | 'services' | 'rules';
type Entry = PolicyGroup | PolicyRule;

export function withEntry(
  document: PolicyDocument,
  list: ListName,
  index: number,
  part: object,
): PolicyDocument {
  const entries: readonly Entry[] = document[list];
  return {
    ...document,
    [list]: entries.map((entry, at) => (at === index ? cleaned({ ...entry, ...part }) : entry)),
  };
}

/** Empty texts and false flags are left out: a file says what is, not what is not. */
function cleaned(entry: object): object {
  return Object.fromEntries(
    Object.entries(entry).filter(
      ([name, value]) =>
        !(['comment', 'firewall'].includes(name) && value === '') &&
        !(name === 'expected' && value === false),
    ),
  );
}

export function withoutEntry(document: PolicyDocument, list: ListName, index: number): PolicyDocument {
  const entries: readonly Entry[] = document[list];
  return { ...document, [list]: entries.filter((_, at) => at !== index) };
}

export function moved(document: PolicyDocument, index: number, by: -1 | 1): PolicyDocument {
  const rules = [...document.rules];
  const [rule] = rules.splice(index, 1);
  if (rule !== undefined) rules.splice(index + by, 0, rule);
  return { ...document, rules };
}

const freeName = (taken: readonly { name: string }[], base: string): string => {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? base : `${base} ${number}`;
    if (!taken.some((each) => each.name === name)) return name;
  }
};

export function withNewGroup(document: PolicyDocument, list: 'groups' | 'services'): PolicyDocument {
  const name = freeName(document[list], list === 'groups' ? 'new group' : 'new service');
  return { ...document, [list]: [...document[list], { name, members: [] }] };
}

/** New rules go first: a rule behind one that matches all would decide nothing. */
export function withNewRule(document: PolicyDocument): PolicyDocument {
  const name = freeName(document.rules, 'new rule');
  const rule: PolicyRule = { name, from: ['any'], to: ['any'], services: ['any'], action: 'deny' };
  return { ...document, rules: [rule, ...document.rules] };
}

/** Lines or commas; an empty line is none. */
export function namesIn(text: string): string[] {
  return text
    .split(/[\n,]/)
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** Of all problems, those of one entry or of a field of it, in a line. */
export function problemAt(problems: readonly PolicyProblem[], path: string): string | undefined {
  const found = problems.filter(
    (problem) =>
      problem.path === path ||
      (/^[.[]/.test(problem.path.slice(path.length)) && problem.path.startsWith(path)),
  );
  return found.length === 0 ? undefined : found.map(({ message }) => message).join('; ');
}
