/** The flows behind classes of connections, as text of the filter language: what a person opens next. */
import { formatNetwork, type Network } from '../address.ts';
import { protocolName } from '../value-name.ts';
import {
  type LabelKind,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  type ServiceMember,
  VALUE_MAX,
} from './policy-member.ts';
import { networksOfClass, type PolicySpace, servicesOfClass } from './policy-space.ts';
import { type ClassKey, labelKindsOf } from './policy-sql.ts';

export interface CellFilter {
  readonly filter: string;
  /** False: it also lets through other flows, for what is asked for would not fit into an address bar. */
  readonly exact: boolean;
}

/** Of a filter in an address bar; browsers and proxies take 8 KB. */
const FILTER_CHARACTERS_MAX = 3000;
const NETWORKS_MAX = 40;
const TERMS_MAX = 12;

type Side = 'src' | 'dst';

/** Both directions of the connections of these classes, dropped ones or those that passed. */
export function filterOfClasses(
  space: PolicySpace,
  keys: readonly ClassKey[],
  was: 'forwarded' | 'dropped' | 'all',
): CellFilter {
  const state = { forwarded: 'not dropped', dropped: 'dropped', all: 'any' }[was];
  const writer = new FilterWriter(space);
  const exact = writer.write(keys, state, true);
  if (exact !== undefined) return { filter: exact, exact: writer.exact };
  const wide = writer.write(keys, state, false);
  return { filter: wide ?? state, exact: false };
}

/**
 * Lets through all flows of these classes, by addresses alone, and perhaps others: what a question about
 * the classes need not look beyond. Undefined where it would be long, or labels decide, which only one
 * direction may have.
 */
export function filterOfEnds(space: PolicySpace, keys: readonly ClassKey[]): string | undefined {
  return space.labels.size > 0 ? undefined : new FilterWriter(space).write(keys, 'any', false);
}

class FilterWriter {
  exact = true;
  readonly #space: PolicySpace;

  constructor(space: PolicySpace) {
    this.#space = space;
  }

  /** Undefined when it becomes too long. */
  write(keys: readonly ClassKey[], state: string, withServices: boolean): string | undefined {
    const terms = new Map<string, { key: ClassKey; services: Set<number> }>();
    for (const key of keys) {
      const id = JSON.stringify([key.from, key.to, key.fromLabels, key.toLabels]);
      const term = terms.get(id) ?? { key, services: new Set<number>() };
      terms.set(id, term);
      term.services.add(key.service);
    }
    if (terms.size === 0 || terms.size > TERMS_MAX) return undefined;
    const texts = [...terms.values()].flatMap(({ key, services }) =>
      this.#directions(key, withServices ? [...services] : undefined),
    );
    const filter = `(${[...new Set(texts)].join(' or ')}) and ${state}`.replace(/ and any$/, '');
    return filter.length > FILTER_CHARACTERS_MAX ? undefined : filter;
  }

  #directions(key: ClassKey, services: readonly number[] | undefined): string[] {
    const members = services?.flatMap((service) => servicesOfClass(this.#space, service));
    return (
      [
        ['src', 'dst'],
        ['dst', 'src'],
      ] as const
    ).flatMap(([from, to]) => {
      const service = members === undefined ? [] : serviceConditions(members, to);
      const conditions = [
        ...this.#end(from, key.from, key.fromLabels),
        ...this.#end(to, key.to, key.toLabels),
        ...service,
      ];
      return [conditions.length === 0 ? 'any' : `(${conditions.join(' and ')})`];
    });
  }

  #end(side: Side, addressClass: number, labels: readonly (string | null)[]): string[] {
    const conditions = labelKindsOf(this.#space).map((kind, index) =>
      this.#label(side, kind, labels[index] ?? null),
    );
    const networks = networksOfClass(this.#space, addressClass);
    const all = networks.length === 1 && networks[0]?.prefixLength === 0;
    if (!all) conditions.push(this.#networks(side, addressClass, networks));
    return conditions.filter((each) => each !== undefined);
  }

  #label(side: Side, kind: LabelKind, value: string | null): string | undefined {
    const field = `${side}${kind[0]?.toUpperCase()}${kind.slice(1)}`;
    if (value !== null) return `${field} = ${quote(value)}`;
    const values = [...(this.#space.labels.get(kind)?.keys() ?? [])];
    return values.length === 0 ? undefined : `${field} not in (${values.map(quote).join(', ')})`;
  }

  /** Addresses that are in no group are those that are in none of the other classes. */
  #networks(side: Side, addressClass: number, networks: readonly Network[]): string | undefined {
    if (networks.length <= NETWORKS_MAX) return `${side}Addr in (${networks.map(formatNetwork).join(', ')})`;
    const others = this.#space.addresses.classes.flatMap((_, each) =>
      each === addressClass ? [] : networksOfClass(this.#space, each),
    );
    if (others.length <= NETWORKS_MAX) return `${side}Addr not in (${others.map(formatNetwork).join(', ')})`;
    this.exact = false;
    return undefined;
  }
}

function serviceConditions(members: readonly ServiceMember[], side: Side): string[] {
  const whole = members
    .filter(({ from, to }) => from === 0 && to === VALUE_MAX)
    .map(({ protocol }) => protocol);
  const parts = [
    ...(whole.length > 20
      ? [withoutProtocols(whole)]
      : whole.map((each) => `protocol = ${protocolName(each)}`)),
  ];
  const byProtocol = new Map<number, ServiceMember[]>();
  for (const member of members) {
    if (whole.includes(member.protocol)) continue;
    byProtocol.set(member.protocol, [...(byProtocol.get(member.protocol) ?? []), member]);
  }
  for (const [protocol, ranges] of byProtocol) parts.push(rangesCondition(protocol, ranges, side));
  return parts.length === 0 ? [] : [parts.length === 1 ? (parts[0] ?? '') : `(${parts.join(' or ')})`];
}

function withoutProtocols(whole: readonly number[]): string {
  const others = Array.from({ length: 256 }, (_, protocol) => protocol).filter(
    (each) => !whole.includes(each),
  );
  return others.length === 0 ? 'any' : `protocol not in (${others.map(protocolName).join(', ')})`;
}

/** The answer to an ICMP request has another type, so of the way back all of the protocol is taken. */
function rangesCondition(protocol: number, ranges: readonly ServiceMember[], side: Side): string {
  const name = `protocol = ${protocolName(protocol)}`;
  if (protocol !== PROTOCOL_ICMP && protocol !== PROTOCOL_ICMPV6) {
    return `(${name} and ${side}Port in (${ranges.map(({ from, to }) => span(from, to)).join(', ')}))`;
  }
  if (side === 'src') return name;
  const types = ranges.map(({ from, to }) => span(from >> 8, to >> 8));
  return `(${name} and icmpType in (${[...new Set(types)].join(', ')}))`;
}

const span = (from: number, to: number) => (from === to ? String(from) : `${from}-${to}`);
const quote = (value: string) => `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

/** One pair of the evidence: both directions of its connections. */
export function filterOfPair(pair: {
  readonly fromAddr: string;
  readonly toAddr: string;
  readonly protocol: number;
  readonly value: number;
}): string {
  const { fromAddr, toAddr, protocol, value } = pair;
  const hasPort = value > 0 && protocol !== PROTOCOL_ICMP && protocol !== PROTOCOL_ICMPV6;
  const way = (from: Side, to: Side) =>
    `(${from}Addr = ${fromAddr} and ${to}Addr = ${toAddr}${hasPort ? ` and ${to}Port = ${value}` : ''})`;
  return `protocol = ${protocolName(protocol)} and (${way('src', 'dst')} or ${way('dst', 'src')})`;
}
