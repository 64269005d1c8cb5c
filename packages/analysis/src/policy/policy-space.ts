/**
 * A policy, or two of them side by side, made ready to be held against flows. Addresses and services fall
 * into classes: those which the same groups (services) hold are one class, so what was seen can be summed
 * up by class in the store, and each class be judged once, exactly, however many addresses there are.
 */
import { UserError } from '@weir/base';
import type { Address, Network } from '../address.ts';
import { protocolName } from '../value-name.ts';
import { classifyIntervals, type IntervalClasses, pieceOf, type SetInterval } from './interval-classes.ts';
import { ANY, type PolicyDocument, type PolicyRule } from './policy-document.ts';
import {
  type AddressRange,
  addressOf,
  LABEL_KINDS,
  type LabelKind,
  networksOfRange,
  numberOf,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  PROTOCOLS_WITH_PORTS,
  parseGroupMember,
  parseRange,
  parseServiceMember,
  type ServiceMember,
} from './policy-member.ts';

/** Cuts of the address space: each is a comparison in the SQL, of which a row passes the logarithm. */
export const ADDRESS_PIECES_MAX = 20_000;
/** A service with more ports than this does not tell on which side of a connection the service is. */
const NARROW_PORTS_MAX = 1024;
const ADDRESSES = 1n << 128n;

export type ReadList = (name: string) => readonly string[] | undefined;

/** A row and a column of the matrix. */
export interface SpaceGroup {
  readonly name: string;
  readonly set: number;
  /** It is no group of the policy, a rule names its one member. */
  readonly implicit: boolean;
}

/** `all`: it is `any`. */
export type SetChoice = { readonly all: true } | { readonly all: false; readonly sets: readonly number[] };

export interface SpaceRule {
  readonly rule: PolicyRule;
  readonly from: SetChoice;
  readonly to: SetChoice;
  readonly services: SetChoice;
}

export interface SpacePolicy {
  readonly document: PolicyDocument;
  readonly groups: readonly SpaceGroup[];
  /** Position in `groups` of each set that is one. */
  readonly groupOfSet: ReadonlyMap<number, number>;
  readonly serviceOfSet: ReadonlyMap<number, string>;
  readonly rules: readonly SpaceRule[];
}

export interface PolicySpace {
  readonly policies: readonly SpacePolicy[];
  readonly addresses: IntervalClasses;
  readonly services: IntervalClasses;
  /** Of each class of services, whether one of its ports tells that it is the service of a connection. */
  readonly narrowServices: ReadonlySet<number>;
  /** The sets that each label is in; kinds that no group has are missing. */
  readonly labels: ReadonlyMap<LabelKind, ReadonlyMap<string, readonly number[]>>;
  /** Lists that a group names and that are not there, and lines that are no address. */
  readonly notes: readonly string[];
}

/**
 * Throws UserError `policy_invalid` when the policies cut the address space into more pieces than can be
 * asked for.
 */
export function createPolicySpace(documents: readonly PolicyDocument[], readList: ReadList): PolicySpace {
  const builder = new SpaceBuilder(readList);
  const policies = documents.map((document) => builder.add(document));
  return builder.build(policies);
}

class SpaceBuilder {
  readonly #readList: ReadList;
  readonly #sets = new Map<string, number>();
  readonly #serviceSets = new Map<string, number>();
  readonly #ranges: SetInterval[] = [];
  readonly #serviceIntervals: SetInterval[] = [];
  readonly #labels = new Map<LabelKind, Map<string, number[]>>();
  readonly #notes = new Set<string>();

  constructor(readList: ReadList) {
    this.#readList = readList;
    for (const [protocol, set] of PROTOCOL_SETS)
      this.#serviceIntervals.push(intervalOf(set, whole(protocol)));
  }

  add(document: PolicyDocument): SpacePolicy {
    const groups = document.groups.map(
      ({ name, members }): SpaceGroup => ({ name, set: this.#setOf(members), implicit: false }),
    );
    const services = document.services.map(({ name, members }) => ({
      name,
      set: this.#serviceSetOf(members),
    }));
    const setOfEnd = (end: string): number => {
      const known = groups.find(({ name }) => name === end);
      if (known !== undefined) return known.set;
      const group = { name: end, set: this.#setOf([end]), implicit: true };
      groups.push(group);
      return group.set;
    };
    const setOfService = (text: string): number => {
      const known = services.find(({ name }) => name === text);
      if (known !== undefined) return known.set;
      const service = { name: text, set: this.#serviceSetOf([text]) };
      services.push(service);
      return service.set;
    };
    const rules = document.rules.map((rule) => ({
      rule,
      from: choice(rule.from, setOfEnd),
      to: choice(rule.to, setOfEnd),
      services: choice(rule.services, setOfService),
    }));
    const groupOfSet = new Map<number, number>();
    for (const [index, { set }] of groups.entries()) if (!groupOfSet.has(set)) groupOfSet.set(set, index);
    const serviceOfSet = new Map<number, string>();
    for (const { name, set } of services) if (!serviceOfSet.has(set)) serviceOfSet.set(set, name);
    return { document, groups, groupOfSet, serviceOfSet, rules };
  }

  build(policies: readonly SpacePolicy[]): PolicySpace {
    const addresses = classifyIntervals(this.#ranges);
    if (addresses.starts.length > ADDRESS_PIECES_MAX) {
      throw new UserError(
        'policy_invalid',
        `the groups cut the address space into ${addresses.starts.length} pieces; allowed: ${ADDRESS_PIECES_MAX}`,
        2,
      );
    }
    const services = classifyIntervals(this.#serviceIntervals);
    return {
      policies,
      addresses,
      services,
      narrowServices: this.#narrow(services),
      labels: this.#labels,
      notes: [...this.#notes],
    };
  }

  #setOf(members: readonly string[]): number {
    const key = [...members].sort().join('\n');
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    const set = this.#sets.size;
    this.#sets.set(key, set);
    for (const member of members) this.#take(set, member);
    return set;
  }

  #take(set: number, text: string): void {
    const member = parseGroupMember(text);
    if (member?.kind === 'range') this.#ranges.push(rangeInterval(set, member.range));
    else if (member?.kind === 'label') {
      const values = this.#labels.get(member.label) ?? new Map<string, number[]>();
      this.#labels.set(member.label, values);
      values.set(member.value, [...(values.get(member.value) ?? []), set]);
    } else if (member?.kind === 'list') this.#takeList(set, member.name);
  }

  #takeList(set: number, name: string): void {
    const lines = this.#readList(name);
    if (lines === undefined) {
      this.#notes.add(`there is no list @${name}: nothing belongs to it`);
      return;
    }
    for (const [index, line] of lines.entries()) {
      for (const word of line.replace(/(^|\s)#.*$/, '').split(/[\s,]+/)) {
        if (word === '') continue;
        const range = parseRange(word);
        if (range !== undefined) this.#ranges.push(rangeInterval(set, range));
        else
          this.#notes.add(`list @${name}, line ${index + 1}: ${word.slice(0, 60)} is no address or prefix`);
      }
    }
  }

  #serviceSetOf(members: readonly string[]): number {
    const key = [...members].sort().join('\n');
    const known = this.#serviceSets.get(key);
    if (known !== undefined) return known;
    const set = this.#serviceSets.size;
    this.#serviceSets.set(key, set);
    for (const text of members) {
      const member = parseServiceMember(text);
      if (member !== undefined) this.#serviceIntervals.push(intervalOf(set, member));
    }
    return set;
  }

  #narrow({ starts, pieces }: IntervalClasses): Set<number> {
    const narrow = this.#serviceIntervals.filter(
      ({ set, from, to }) =>
        set >= 0 && to - from < BigInt(NARROW_PORTS_MAX) && hasPorts(Number(from >> 16n)),
    );
    const found = new Set<number>();
    for (const { from, to } of narrow) {
      for (let piece = pieceOf({ starts }, from); piece < starts.length && starts[piece]! <= to; piece += 1) {
        found.add(pieces[piece]!);
      }
    }
    return found;
  }
}

const hasPorts = (protocol: number) => PROTOCOLS_WITH_PORTS.includes(protocol);
const whole = (protocol: number): ServiceMember => ({ protocol, from: 0, to: 0xffff });

/** Classes of their own for what no service of the policy holds: "other tcp" says more than "other". */
const PROTOCOL_SETS: readonly (readonly [protocol: number, set: number])[] = [
  [PROTOCOL_TCP, -1],
  [PROTOCOL_UDP, -2],
  [PROTOCOL_ICMP, -3],
  [PROTOCOL_ICMPV6, -4],
];

function intervalOf(set: number, { protocol, from, to }: ServiceMember): SetInterval {
  const base = BigInt(protocol) << 16n;
  return { set, from: base + BigInt(from), to: base + BigInt(to) };
}

function rangeInterval(set: number, { first, last }: AddressRange): SetInterval {
  return { set, from: numberOf(first), to: numberOf(last) };
}

function choice(names: readonly string[], setOf: (name: string) => number): SetChoice {
  if (names.includes(ANY)) return { all: true };
  return { all: false, sets: [...new Set(names.map(setOf))] };
}

/** The value of a service in the space of services. */
export function serviceValue(protocol: number, value: number): bigint {
  return (BigInt(protocol) << 16n) + BigInt(value);
}

/** Labels of one end of a connection; those that no group names are null. */
export type EndLabels = Readonly<Partial<Record<LabelKind, string | null>>>;

/** The sets that an end is in: of labels first, then of addresses, the narrowest first. */
export function setsOfEnd(space: PolicySpace, addressClass: number, labels: EndLabels): number[] {
  const found = new Set<number>();
  for (const kind of LABEL_KINDS) {
    const value = labels[kind];
    const sets = typeof value === 'string' ? space.labels.get(kind)?.get(value) : undefined;
    for (const set of sets ?? []) found.add(set);
  }
  for (const set of space.addresses.classes[addressClass]?.sets ?? []) found.add(set);
  return [...found];
}

/** The row or column of the matrix in which an end is shown: its narrowest group. */
export function groupOfEnd(policy: SpacePolicy, sets: readonly number[]): number | undefined {
  for (const set of sets) {
    const group = policy.groupOfSet.get(set);
    if (group !== undefined) return group;
  }
  return undefined;
}

/** What a policy calls a class of services: the narrowest of its services, or `other tcp`. */
export function serviceName(space: PolicySpace, policy: SpacePolicy, serviceClass: number): string {
  const sets = space.services.classes[serviceClass]?.sets ?? [];
  for (const set of sets) {
    const name = policy.serviceOfSet.get(set);
    if (name !== undefined) return name;
  }
  const protocol = PROTOCOL_SETS.find(([, set]) => sets.includes(set))?.[0];
  return protocol === undefined ? 'other' : `other ${protocolName(protocol)}`;
}

/** The addresses of a class, as few prefixes as possible. */
export function networksOfClass({ addresses }: PolicySpace, addressClass: number): Network[] {
  const { starts, pieces } = addresses;
  return pieces.flatMap((each, piece) => {
    if (each !== addressClass) return [];
    const last: Address = addressOf((starts[piece + 1] ?? ADDRESSES) - 1n);
    return networksOfRange({ first: addressOf(starts[piece] ?? 0n), last });
  });
}

/** The services of a class, in the form of members. */
export function servicesOfClass({ services }: PolicySpace, serviceClass: number): ServiceMember[] {
  const { starts, pieces } = services;
  return pieces.flatMap((each, piece) => {
    if (each !== serviceClass) return [];
    const first = starts[piece] ?? 0n;
    const last = (starts[piece + 1] ?? 256n << 16n) - 1n;
    return splitByProtocol(Number(first), Number(last));
  });
}

function splitByProtocol(first: number, last: number): ServiceMember[] {
  const members: ServiceMember[] = [];
  for (let protocol = first >> 16; protocol <= last >> 16; protocol += 1) {
    const from = protocol === first >> 16 ? first & 0xffff : 0;
    const to = protocol === last >> 16 ? last & 0xffff : 0xffff;
    members.push({ protocol, from, to });
  }
  return members;
}
