/** The intended policy held against what was seen and what was dropped: group by group, rule by rule. */
import { ensure } from '@weir/base';
import { ANY } from './policy-document.ts';
import type { PolicySpace, SpacePolicy } from './policy-space.ts';
import { CLASS_ROWS_MAX, DIRECTION_BASES, type DirectionBasis, UNSURE_BASES } from './policy-sql.ts';
import {
  addSums,
  type ClassRow,
  createJudge,
  type Judgement,
  matches,
  NOTHING_SEEN,
  OUTCOMES,
  type Outcome,
  outcomeOfDropped,
  outcomeOfForwarded,
  type SeenSums,
} from './policy-verdict.ts';

/** The row and the column of ends that are in no group. */
export const OUTSIDE = '(no group)';
/** What judged a connection that no rule matches. */
export const DEFAULT_RULE = '(default)';
/** More cells than anybody looks at; the rest are counted. */
export const CELLS_MAX = 5000;

/** What was seen, by what the policy says of it. */
export type OutcomeSums = Readonly<Record<Outcome, SeenSums>>;

export interface MatrixCell extends OutcomeSums {
  readonly from: string;
  readonly to: string;
  /** Rules whose expected traffic between these groups was not seen. */
  readonly missing: readonly string[];
  /** Of `unexplained`: dropped although the policy allows it. */
  readonly droppedAllowed: SeenSums;
  readonly services: readonly ServiceLine[];
}

/** One service of a cell. */
export interface ServiceLine extends OutcomeSums {
  readonly service: string;
  /** Rules of the policy that decided, and of the firewall that dropped. */
  readonly rules: readonly string[];
  readonly firewall: readonly string[];
}

export interface RuleLine {
  readonly name: string;
  readonly action: 'allow' | 'deny';
  readonly expected: boolean;
  readonly forwarded: SeenSums;
  readonly dropped: SeenSums;
  /** Neither seen nor dropped. */
  readonly neverHit: boolean;
}

export interface FirewallLine {
  /** As drop records name it; empty where they name none. */
  readonly name: string;
  readonly dropped: SeenSums;
  /** Of these the policy allows. */
  readonly droppedAllowed: SeenSums;
}

export interface ExpectedLine {
  readonly rule: string;
  readonly from: string;
  readonly to: string;
  readonly seen: SeenSums;
  /** Tried, and dropped. */
  readonly dropped: SeenSums;
}

export interface PolicyMatrix {
  /** Names of rows and columns in the policy's order; OUTSIDE last, when there is such traffic. */
  readonly groups: readonly string[];
  readonly cells: readonly MatrixCell[];
  readonly totals: OutcomeSums;
  readonly rules: readonly RuleLine[];
  /** What no rule matched. */
  readonly byDefault: { readonly forwarded: SeenSums; readonly dropped: SeenSums };
  readonly firewall: readonly FirewallLine[];
  /** Rules of the firewall that the policy names and that dropped nothing. */
  readonly firewallNeverHit: readonly string[];
  readonly expected: readonly ExpectedLine[];
  readonly connections: number;
  /** How it was found out who began, in connections. */
  readonly bases: Readonly<Record<DirectionBasis, number>>;
  /** Connections whose initiator is a guess. */
  readonly unsure: number;
  /** Connections of which a part was forwarded and a part dropped: they count as both. */
  readonly mixed: number;
  /** Errors of ICMP, which are not judged by themselves. */
  readonly related: number;
  /** Connections that are in no cell, for there are too many kinds of them. */
  readonly rest: number;
  /** What limits the figures, in sentences. */
  readonly notes: readonly string[];
}

/** `rows`: those of one or several answers to `classesSql` of that space. */
export function createPolicyMatrix(
  space: PolicySpace,
  policyIndex: number,
  rows: readonly ClassRow[],
): PolicyMatrix {
  const policy = ensure(space.policies[policyIndex], 'the space has that policy');
  const judge = createJudge(space, policyIndex);
  const builder = new MatrixBuilder(policy);
  for (const row of rows) builder.take(row, judge);
  return builder.build(space.notes);
}

interface OpenCell {
  readonly from: string;
  readonly to: string;
  sums: Record<Outcome, SeenSums>;
  droppedAllowed: SeenSums;
  readonly services: Map<string, OpenService>;
}

interface OpenService {
  sums: Record<Outcome, SeenSums>;
  readonly rules: Set<string>;
  readonly firewall: Set<string>;
}

interface OpenRule {
  forwarded: SeenSums;
  dropped: SeenSums;
}

class MatrixBuilder {
  readonly #policy: SpacePolicy;
  readonly #cells = new Map<string, OpenCell>();
  readonly #totals = noOutcomes();
  readonly #rules: OpenRule[];
  readonly #default: OpenRule = { forwarded: NOTHING_SEEN, dropped: NOTHING_SEEN };
  readonly #firewall = new Map<string, { dropped: SeenSums; droppedAllowed: SeenSums }>();
  readonly #expected: (OpenRule & {
    rule: number;
    from: string;
    to: string;
    fromSet: number;
    toSet: number;
  })[];
  readonly #bases = Object.fromEntries(DIRECTION_BASES.map((name) => [name, 0])) as Record<
    DirectionBasis,
    number
  >;
  #connections = 0;
  #mixed = 0;
  #related = 0;
  #rest = 0;

  constructor(policy: SpacePolicy) {
    this.#policy = policy;
    this.#rules = policy.rules.map(() => ({ forwarded: NOTHING_SEEN, dropped: NOTHING_SEEN }));
    this.#expected = expectations(policy);
  }

  take(row: ClassRow, judge: (row: ClassRow) => Judgement): void {
    if (row.rest) {
      this.#rest += row.connections;
      return;
    }
    if (row.related) {
      this.#related += row.connections;
      return;
    }
    this.#connections += row.connections;
    this.#mixed += row.mixed;
    for (const name of DIRECTION_BASES) this.#bases[name] += row.bases[name];
    const judgement = judge(row);
    this.#count(row, judgement);
    const cell = this.#cellOf(judgement);
    const service = serviceOf(cell, judgement.service);
    const rule = judgement.rule === undefined ? DEFAULT_RULE : this.#policy.rules[judgement.rule]?.rule.name;
    if (rule !== undefined) service.rules.add(rule);
    const add = (outcome: Outcome, sums: SeenSums) => {
      if (sums.connections === 0) return;
      for (const each of [cell.sums, service.sums, this.#totals])
        each[outcome] = addSums(each[outcome], sums);
    };
    add(outcomeOfForwarded(judgement), row.forwarded);
    add(outcomeOfDropped(judgement), row.dropped);
    if (row.dropped.connections > 0) this.#countDrop(row, judgement, cell, service);
  }

  #count(row: ClassRow, { rule, fromSets, toSets }: Judgement): void {
    const line = rule === undefined ? this.#default : (this.#rules[rule] ?? this.#default);
    addTo(line, row);
    for (const each of this.#expected) {
      const isIn = (set: number, sets: readonly number[]) => set < 0 || sets.includes(set);
      if (each.rule === rule && isIn(each.fromSet, fromSets) && isIn(each.toSet, toSets)) addTo(each, row);
    }
  }

  #countDrop(row: ClassRow, judgement: Judgement, cell: OpenCell, service: OpenService): void {
    const name = row.rule ?? '';
    service.firewall.add(name);
    const line = this.#firewall.get(name) ?? { dropped: NOTHING_SEEN, droppedAllowed: NOTHING_SEEN };
    this.#firewall.set(name, line);
    line.dropped = addSums(line.dropped, row.dropped);
    if (judgement.action !== 'allow') return;
    line.droppedAllowed = addSums(line.droppedAllowed, row.dropped);
    cell.droppedAllowed = addSums(cell.droppedAllowed, row.dropped);
  }

  #cellOf({ from, to }: Pick<Judgement, 'from' | 'to'>): OpenCell {
    return this.#cellNamed(this.#groupName(from), this.#groupName(to));
  }

  #cellNamed(from: string, to: string): OpenCell {
    const key = `${from}\n${to}`;
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const cell = { from, to, sums: noOutcomes(), droppedAllowed: NOTHING_SEEN, services: new Map() };
    this.#cells.set(key, cell);
    return cell;
  }

  #groupName(group: number | undefined): string {
    return group === undefined ? OUTSIDE : (this.#policy.groups[group]?.name ?? OUTSIDE);
  }

  build(spaceNotes: readonly string[]): PolicyMatrix {
    const { groups, rules } = this.#policy;
    const missing = this.#expected.filter(({ forwarded }) => forwarded.connections === 0);
    for (const { from, to } of missing) this.#cellNamed(from, to);
    const cells = [...this.#cells.values()].sort((left, right) => gravity(right) - gravity(left));
    const named = new Set(cells.flatMap(({ from, to }) => [from, to]));
    const others = [ANY, OUTSIDE].filter((name) => named.has(name));
    const unsure = UNSURE_BASES.reduce((sum, name) => sum + this.#bases[name], 0);
    return {
      groups: [...groups.map(({ name }) => name), ...others],
      cells: cells.slice(0, CELLS_MAX).map((cell) => ({
        from: cell.from,
        to: cell.to,
        ...cell.sums,
        droppedAllowed: cell.droppedAllowed,
        missing: missing
          .filter(({ from, to }) => from === cell.from && to === cell.to)
          .map(({ rule }) => rules[rule]?.rule.name ?? ''),
        services: [...cell.services].map(([service, line]) => ({
          service,
          ...line.sums,
          rules: [...line.rules],
          firewall: [...line.firewall].sort(),
        })),
      })),
      totals: this.#totals,
      rules: this.#ruleLines(),
      byDefault: this.#default,
      firewall: [...this.#firewall]
        .map(([name, line]) => ({ name, ...line }))
        .sort((left, right) => right.dropped.packets - left.dropped.packets),
      firewallNeverHit: this.#firewallNeverHit(),
      expected: this.#expected.map(({ rule, from, to, forwarded, dropped }) => ({
        rule: rules[rule]?.rule.name ?? '',
        from,
        to,
        seen: forwarded,
        dropped,
      })),
      connections: this.#connections,
      bases: this.#bases,
      unsure,
      mixed: this.#mixed,
      related: this.#related,
      rest: this.#rest,
      notes: [...spaceNotes, ...this.#notes(cells.length, unsure)],
    };
  }

  #ruleLines(): RuleLine[] {
    return this.#policy.rules.map(({ rule }, index) => {
      const { forwarded, dropped } = this.#rules[index] ?? this.#default;
      return {
        name: rule.name,
        action: rule.action,
        expected: rule.expected === true,
        forwarded,
        dropped,
        neverHit: forwarded.connections + dropped.connections === 0,
      };
    });
  }

  #firewallNeverHit(): string[] {
    const named = this.#policy.rules.flatMap(({ rule: { firewall } }) =>
      firewall === undefined ? [] : [firewall],
    );
    return [...new Set(named)].filter((name) => !this.#firewall.has(name));
  }

  #notes(cells: number, unsure: number): string[] {
    const notes: string[] = [];
    if (this.#rest > 0)
      notes.push(
        `${this.#rest} connections are in no cell: there are more than ${CLASS_ROWS_MAX} kinds of them. A filter or a shorter time shows them.`,
      );
    if (cells > CELLS_MAX) notes.push(`${cells - CELLS_MAX} cells with the least to say are left out.`);
    if (unsure > 0)
      notes.push(
        `Of ${unsure} of ${this.#connections} connections it is a guess who began them (by the lower port, or by who was heard first): they may be in the cell of the other direction.`,
      );
    if (this.#mixed > 0)
      notes.push(
        `${this.#mixed} connections were forwarded in part and dropped in part: they count as both.`,
      );
    if (this.#related > 0)
      notes.push(`${this.#related} errors of ICMP are not judged: they belong to other connections.`);
    return notes;
  }
}

/** What needs a look comes first. */
function gravity({ sums }: OpenCell): number {
  const { violation, unexplained, dropped, allowed } = sums;
  if (violation.connections > 0) return 3e15 + violation.connections;
  if (unexplained.connections > 0) return 2e15 + unexplained.connections;
  return dropped.connections + allowed.connections;
}

function serviceOf({ services }: OpenCell, name: string): OpenService {
  const known = services.get(name);
  if (known !== undefined) return known;
  const service = { sums: noOutcomes(), rules: new Set<string>(), firewall: new Set<string>() };
  services.set(name, service);
  return service;
}

const noOutcomes = () =>
  Object.fromEntries(OUTCOMES.map((name) => [name, NOTHING_SEEN])) as Record<Outcome, SeenSums>;

function addTo(line: OpenRule, { forwarded, dropped }: ClassRow): void {
  if (forwarded.connections > 0) line.forwarded = addSums(line.forwarded, forwarded);
  if (dropped.connections > 0) line.dropped = addSums(line.dropped, dropped);
}

/** Each pair of groups of each rule whose traffic must be seen; a set of -1 stands for everything. */
function expectations({ rules, groups }: SpacePolicy) {
  return rules.flatMap(({ rule: { expected, from, to } }, rule) => {
    if (expected !== true) return [];
    const setOf = (name: string) => groups.find((group) => group.name === name)?.set ?? -1;
    return from.flatMap((source) =>
      to.map((destination) => ({
        rule,
        from: source,
        to: destination,
        fromSet: setOf(source),
        toSet: setOf(destination),
        forwarded: NOTHING_SEEN,
        dropped: NOTHING_SEEN,
      })),
    );
  });
}

/** Which rows are behind a line of a matrix: names as they stand in it. */
export interface CellChoice {
  readonly from?: string;
  readonly to?: string;
  readonly service?: string;
  readonly outcome?: Outcome;
  /** A rule of the policy, or DEFAULT_RULE. */
  readonly rule?: string;
}

/** The rows that a choice stands for. */
export function rowsOfChoice(
  space: PolicySpace,
  policyIndex: number,
  rows: readonly ClassRow[],
  choice: CellChoice,
): ClassRow[] {
  const policy = ensure(space.policies[policyIndex], 'the space has that policy');
  const judge = createJudge(space, policyIndex);
  const nameOf = (group: number | undefined) =>
    group === undefined ? OUTSIDE : (policy.groups[group]?.name ?? OUTSIDE);
  const isName = (asked: string | undefined, name: string) =>
    asked === undefined || asked === ANY || asked === name;
  return rows.filter((row) => {
    if (row.rest || row.related) return false;
    const judgement = judge(row);
    const rule = judgement.rule === undefined ? DEFAULT_RULE : policy.rules[judgement.rule]?.rule.name;
    return (
      isName(choice.from, nameOf(judgement.from)) &&
      isName(choice.to, nameOf(judgement.to)) &&
      (choice.service === undefined || choice.service === judgement.service) &&
      (choice.rule === undefined || choice.rule === rule) &&
      (choice.outcome === undefined || outcomesOf(row, judgement).includes(choice.outcome))
    );
  });
}

function outcomesOf(row: ClassRow, judgement: Judgement): Outcome[] {
  return [
    ...(row.forwarded.connections > 0 ? [outcomeOfForwarded(judgement)] : []),
    ...(row.dropped.connections > 0 ? [outcomeOfDropped(judgement)] : []),
  ];
}

/**
 * Rules that no connection can reach, for an earlier one matches all that they match: by position, with
 * that one.
 */
export function shadowedRules({ rules }: SpacePolicy): { rule: number; by: number }[] {
  return rules.flatMap((rule, index) => {
    const by = rules.findIndex(
      (earlier, at) =>
        at < index &&
        covers(earlier.from, rule.from) &&
        covers(earlier.to, rule.to) &&
        covers(earlier.services, rule.services),
    );
    return by < 0 ? [] : [{ rule: index, by }];
  });
}

function covers(
  wide: SpacePolicy['rules'][number]['from'],
  narrow: SpacePolicy['rules'][number]['from'],
): boolean {
  if (wide.all) return true;
  return !narrow.all && narrow.sets.every((set) => matches(wide, [set]));
}
