/** What a policy says of each class of connections, and what became of them. */

import { ensure } from '@weir/base';
import type { AnswerValue } from '../query-result.ts';
import type { PolicyAction } from './policy-document.ts';
import {
  type EndLabels,
  groupOfEnd,
  type PolicySpace,
  type SetChoice,
  type SpacePolicy,
  serviceName,
  setsOfEnd,
} from './policy-space.ts';
import { type ClassKey, DIRECTION_BASES, type DirectionBasis, labelKindsOf } from './policy-sql.ts';

/** One row of `classesSql`. */
export interface ClassRow extends ClassKey {
  /** Errors of ICMP, which belong to connections that are judged by themselves. */
  readonly related: boolean;
  /** Beyond CLASS_ROWS_MAX: its classes are not known. */
  readonly rest: boolean;
  /** The firewall's rule of its drops. */
  readonly rule: string | null;
  readonly connections: number;
  readonly mixed: number;
  readonly bases: Readonly<Record<DirectionBasis, number>>;
  readonly forwarded: SeenSums;
  readonly dropped: SeenSums;
}

/** Times are milliseconds since 1970; null where nothing was seen. */
export interface SeenSums {
  readonly connections: number;
  /** Those in which the responder sent something back. */
  readonly answered: number;
  readonly records: number;
  readonly packets: number;
  readonly octets: number;
  readonly first: number | null;
  readonly last: number | null;
}

export const NOTHING_SEEN: SeenSums = {
  connections: 0,
  answered: 0,
  records: 0,
  packets: 0,
  octets: 0,
  first: null,
  last: null,
};

export function addSums(left: SeenSums, right: SeenSums): SeenSums {
  return {
    connections: left.connections + right.connections,
    answered: left.answered + right.answered,
    records: left.records + right.records,
    packets: left.packets + right.packets,
    octets: left.octets + right.octets,
    first: earliest(left.first, right.first),
    last: latest(left.last, right.last),
  };
}

const earliest = (left: number | null, right: number | null) =>
  left === null || right === null ? (left ?? right) : Math.min(left, right);
const latest = (left: number | null, right: number | null) =>
  left === null || right === null ? (left ?? right) : Math.max(left, right);

/** Reads a row of the store's answer to `classesSql`. */
export function readClassRow(space: PolicySpace, row: Readonly<Record<string, AnswerValue>>): ClassRow {
  const kinds = labelKindsOf(space);
  const textOf = (name: string) => (typeof row[name] === 'string' ? row[name] : null);
  return {
    from: numberIn(row, 'from'),
    to: numberIn(row, 'to'),
    service: numberIn(row, 'service'),
    fromLabels: kinds.map((kind) => textOf(`from_${kind}`)),
    toLabels: kinds.map((kind) => textOf(`to_${kind}`)),
    related: row['related'] === true,
    rest: row['rest'] === true,
    rule: textOf('rule'),
    connections: numberIn(row, 'connections'),
    mixed: numberIn(row, 'mixed'),
    bases: basesOf(row),
    ...sumsOf(row),
  };
}

/** One row for each combination of classes and rule: what several answers say of it, summed up. */
export function mergeRows(rows: Iterable<ClassRow>): ClassRow[] {
  const merged = new Map<string, ClassRow>();
  for (const row of rows) {
    const { from, to, service, fromLabels, toLabels, related, rest, rule } = row;
    const key = JSON.stringify([from, to, service, fromLabels, toLabels, related, rest, rule]);
    const known = merged.get(key);
    merged.set(key, known === undefined ? row : addRows(known, row));
  }
  return [...merged.values()];
}

function addRows(left: ClassRow, right: ClassRow): ClassRow {
  const bases = DIRECTION_BASES.map((name) => [name, left.bases[name] + right.bases[name]]);
  return {
    ...left,
    connections: left.connections + right.connections,
    mixed: left.mixed + right.mixed,
    bases: Object.fromEntries(bases) as Record<DirectionBasis, number>,
    forwarded: addSums(left.forwarded, right.forwarded),
    dropped: addSums(left.dropped, right.dropped),
  };
}

export function basesOf(row: Readonly<Record<string, AnswerValue>>): Record<DirectionBasis, number> {
  const counts = DIRECTION_BASES.map((name) => [name, numberIn(row, name)]);
  return Object.fromEntries(counts) as Record<DirectionBasis, number>;
}

export function sumsOf(row: Readonly<Record<string, AnswerValue>>): {
  forwarded: SeenSums;
  dropped: SeenSums;
} {
  return {
    forwarded: {
      connections: numberIn(row, 'forwarded'),
      answered: numberIn(row, 'answered'),
      records: numberIn(row, 'records'),
      packets: numberIn(row, 'packets'),
      octets: numberIn(row, 'octets'),
      first: timeIn(row, 'first'),
      last: timeIn(row, 'last'),
    },
    dropped: {
      connections: numberIn(row, 'dropped'),
      answered: 0,
      records: numberIn(row, 'dropRecords'),
      packets: numberIn(row, 'dropPackets'),
      octets: numberIn(row, 'dropOctets'),
      first: timeIn(row, 'dropFirst'),
      last: timeIn(row, 'dropLast'),
    },
  };
}

function numberIn(row: Readonly<Record<string, AnswerValue>>, name: string): number {
  const value = Number(row[name] ?? 0);
  return Number.isFinite(value) ? value : 0;
}

function timeIn(row: Readonly<Record<string, AnswerValue>>, name: string): number | null {
  return typeof row[name] === 'number' ? row[name] : null;
}

/**
 * What a policy says: its first rule that matches, else its default. The default speaks only of connections
 * between its groups; of others it says nothing, unless they were dropped, which a default of deny
 * explains.
 */
export interface Judgement {
  /** Position of the rule; undefined when none matches. */
  readonly rule: number | undefined;
  readonly action: PolicyAction;
  /** Both ends are in groups. */
  readonly known: boolean;
  /** Positions in `groups` of the policy. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly service: string;
  readonly fromSets: readonly number[];
  readonly toSets: readonly number[];
}

export type Judge = (key: ClassKey) => Judgement;

/** What a policy and the network together make of a connection. */
export const OUTCOMES = ['allowed', 'dropped', 'violation', 'unexplained'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export function outcomeOfForwarded({ rule, known, action }: Judgement): Outcome {
  if (rule === undefined && !known) return 'unexplained';
  return action === 'allow' ? 'allowed' : 'violation';
}

export function outcomeOfDropped({ action }: Judgement): Outcome {
  return action === 'deny' ? 'dropped' : 'unexplained';
}

/** `policy`: which of the space's policies. */
export function createJudge(space: PolicySpace, policyIndex: number): Judge {
  const policy = ensure(space.policies[policyIndex], 'the space has that policy');
  const kinds = labelKindsOf(space);
  const ends = new Map<string, readonly number[]>();
  const setsOf = (addressClass: number, labels: readonly (string | null)[]): readonly number[] => {
    const key = `${addressClass}\n${labels.join('\n')}`;
    const known = ends.get(key);
    if (known !== undefined) return known;
    const named: EndLabels = Object.fromEntries(kinds.map((kind, index) => [kind, labels[index] ?? null]));
    const sets = setsOfEnd(space, addressClass, named);
    ends.set(key, sets);
    return sets;
  };
  const judged = new Map<string, Judgement>();
  return (key) => {
    const fromSets = setsOf(key.from, key.fromLabels);
    const toSets = setsOf(key.to, key.toLabels);
    const cacheKey = `${fromSets.join()} ${toSets.join()} ${key.service}`;
    const known = judged.get(cacheKey) ?? judge(space, policy, fromSets, toSets, key.service);
    judged.set(cacheKey, known);
    return known;
  };
}

function judge(
  space: PolicySpace,
  policy: SpacePolicy,
  fromSets: readonly number[],
  toSets: readonly number[],
  serviceClass: number,
): Judgement {
  const services = space.services.classes[serviceClass]?.sets ?? [];
  const found = policy.rules.findIndex(
    (rule) => matches(rule.from, fromSets) && matches(rule.to, toSets) && matches(rule.services, services),
  );
  const from = groupOfEnd(policy, fromSets);
  const to = groupOfEnd(policy, toSets);
  return {
    rule: found < 0 ? undefined : found,
    action: policy.rules[found]?.rule.action ?? policy.document.default,
    known: from !== undefined && to !== undefined,
    from,
    to,
    service: serviceName(space, policy, serviceClass),
    fromSets,
    toSets,
  };
}

export function matches(choice: SetChoice, sets: readonly number[]): boolean {
  return choice.all || choice.sets.some((set) => sets.includes(set));
}
