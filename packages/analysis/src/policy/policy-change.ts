/**
 * What another policy, or one more rule, would have done to what was seen: which flows it cuts off and lets
 * through.
 */
import type { PolicyAction, PolicyDocument, PolicyRule } from './policy-document.ts';
import { DEFAULT_RULE, OUTSIDE } from './policy-matrix.ts';
import type { PolicySpace } from './policy-space.ts';
import type { ClassKey } from './policy-sql.ts';
import {
  addSums,
  type ClassRow,
  createJudge,
  type Judgement,
  NOTHING_SEEN,
  type SeenSums,
} from './policy-verdict.ts';

/** `nothing`: no rule matches and an end is in no group. */
export type Stand = PolicyAction | 'nothing';

/** Connections of one cell and service on which the policies differ. */
export interface ChangeLine {
  readonly from: string;
  readonly to: string;
  readonly service: string;
  readonly before: Stand;
  readonly after: Stand;
  readonly ruleBefore: string;
  readonly ruleAfter: string;
  /** Whether the network let them pass or dropped them. */
  readonly was: 'forwarded' | 'dropped';
  readonly sums: SeenSums;
}

export interface PolicyChange {
  /** Those with most connections first, at most CHANGE_LINES_MAX. */
  readonly lines: readonly ChangeLine[];
  /** Lines that are left out. */
  readonly more: number;
  /** Passed, and would be denied: what people would miss. */
  readonly newlyDenied: SeenSums;
  /** Dropped, and would be allowed. */
  readonly newlyAllowed: SeenSums;
  /** Passed although denied, and would be allowed: violations that the change makes legal. */
  readonly legalised: SeenSums;
  /** All that a rule which is new or changed decides: what this rule would have hit. */
  readonly hits: readonly {
    readonly rule: string;
    readonly forwarded: SeenSums;
    readonly dropped: SeenSums;
  }[];
}

export const CHANGE_LINES_MAX = 500;

/** Of a space with the policies before (0) and after (1). */
export function comparePolicies(space: PolicySpace, rows: readonly ClassRow[]): PolicyChange {
  const [before, after] = [createJudge(space, 0), createJudge(space, 1)];
  const lines = new Map<string, ChangeLine>();
  const sums = { newlyDenied: NOTHING_SEEN, newlyAllowed: NOTHING_SEEN, legalised: NOTHING_SEEN };
  const hits = new Map(
    changedRules(space).map((rule) => [rule, { forwarded: NOTHING_SEEN, dropped: NOTHING_SEEN }]),
  );
  for (const row of rows) {
    if (row.rest || row.related) continue;
    const [old, now] = [before(row), after(row)];
    const hit = hits.get(ruleName(space, 1, now));
    if (hit !== undefined) {
      hit.forwarded = addSums(hit.forwarded, row.forwarded);
      hit.dropped = addSums(hit.dropped, row.dropped);
    }
    const [oldStand, newStand] = [standOf(old), standOf(now)];
    if (oldStand === newStand) continue;
    for (const was of ['forwarded', 'dropped'] as const) {
      if (row[was].connections === 0) continue;
      addLine(lines, lineOf(space, now, old, was, row[was]));
      const total = totalOf(was, oldStand, newStand);
      if (total !== undefined) sums[total] = addSums(sums[total], row[was]);
    }
  }
  const sorted = [...lines.values()].sort((left, right) => right.sums.connections - left.sums.connections);
  return {
    lines: sorted.slice(0, CHANGE_LINES_MAX),
    more: Math.max(0, sorted.length - CHANGE_LINES_MAX),
    ...sums,
    hits: [...hits].map(([rule, hit]) => ({ rule, ...hit })),
  };
}

function totalOf(was: 'forwarded' | 'dropped', before: Stand, after: Stand) {
  if (was === 'forwarded' && after === 'deny') return 'newlyDenied';
  if (was === 'forwarded' && after === 'allow' && before === 'deny') return 'legalised';
  return was === 'dropped' && after === 'allow' ? 'newlyAllowed' : undefined;
}

function standOf({ rule, known, action }: Judgement): Stand {
  return rule === undefined && !known ? 'nothing' : action;
}

function lineOf(
  space: PolicySpace,
  now: Judgement,
  old: Judgement,
  was: ChangeLine['was'],
  sums: SeenSums,
): ChangeLine {
  const groups = space.policies[1]?.groups ?? [];
  const nameOf = (group: number | undefined) =>
    group === undefined ? OUTSIDE : (groups[group]?.name ?? OUTSIDE);
  return {
    from: nameOf(now.from),
    to: nameOf(now.to),
    service: now.service,
    before: standOf(old),
    after: standOf(now),
    ruleBefore: ruleName(space, 0, old),
    ruleAfter: ruleName(space, 1, now),
    was,
    sums,
  };
}

function addLine(lines: Map<string, ChangeLine>, line: ChangeLine): void {
  const { sums, ...what } = line;
  const key = Object.values(what).join('\n');
  const known = lines.get(key);
  lines.set(key, known === undefined ? line : { ...line, sums: addSums(known.sums, sums) });
}

function ruleName(space: PolicySpace, policy: number, { rule }: Judgement): string {
  return rule === undefined ? DEFAULT_RULE : (space.policies[policy]?.rules[rule]?.rule.name ?? DEFAULT_RULE);
}

/** Rules of the later policy that the earlier one does not have just so. */
function changedRules({ policies }: PolicySpace): string[] {
  const [before, after] = policies;
  const known = new Set(before?.document.rules.map((rule) => JSON.stringify(rule)));
  return (after?.document.rules ?? [])
    .filter((rule) => !known.has(JSON.stringify(rule)))
    .map(({ name }) => name);
}

/** The rows behind one line of a change. */
export function rowsOfChange(
  space: PolicySpace,
  rows: readonly ClassRow[],
  line: Pick<ChangeLine, 'from' | 'to' | 'service' | 'was'>,
): ClassKey[] {
  const [before, after] = [createJudge(space, 0), createJudge(space, 1)];
  return rows.filter((row) => {
    if (row.rest || row.related || row[line.was].connections === 0) return false;
    const [old, now] = [before(row), after(row)];
    const found = lineOf(space, now, old, line.was, row[line.was]);
    return (
      standOf(old) !== standOf(now) &&
      found.from === line.from &&
      found.to === line.to &&
      found.service === line.service
    );
  });
}

/** A policy with one more rule, at a position (from 0); at the beginning by default, where it decides. */
export function withRule(document: PolicyDocument, rule: PolicyRule, position = 0): PolicyDocument {
  const others = document.rules.filter(({ name }) => name !== rule.name);
  return { ...document, rules: [...others.slice(0, position), rule, ...others.slice(position)] };
}
