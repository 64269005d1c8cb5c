/** What the conditions on a path through a firewall's chains leave: who, to whom, with which service. */
import { formatAddress, formatNetwork } from '../address.ts';
import { protocolNumber } from '../value-name.ts';
import {
  type AddressRange,
  addressOf,
  networksOfRange,
  numberOf,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOLS_WITH_PORTS,
  parseRange,
  type ServiceMember,
  VALUE_MAX,
} from './policy-member.ts';

export interface Conjunction {
  /** Members of groups; undefined: everybody. */
  readonly from: readonly string[] | undefined;
  readonly to: readonly string[] | undefined;
  /** What to call the group, where the ruleset has a name for it. */
  readonly fromName: string | undefined;
  readonly toName: string | undefined;
  readonly services: readonly ServiceMember[] | undefined;
  readonly families: readonly ('ipv4' | 'ipv6')[];
}

export const EVERYTHING: Conjunction = {
  from: undefined,
  to: undefined,
  fromName: undefined,
  toName: undefined,
  services: undefined,
  families: ['ipv4', 'ipv6'],
};

export type Narrowing =
  | { readonly kind: 'narrowed'; readonly scope: Conjunction }
  /** No packet meets all conditions. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'impossible'; readonly reason: string };

const EMPTY: Narrowing = { kind: 'empty' };

/**
 * One more condition: `key` as nftables names it, values without names of sets; `set`: the named set that
 * they are of.
 */
export function narrowed(
  scope: Conjunction,
  key: string,
  negated: boolean,
  values: readonly string[],
  set: string | undefined,
): Narrowing {
  switch (key) {
    case 'ip saddr':
    case 'ip6 saddr':
      return withAddresses(scope, 'from', key.startsWith('ip6') ? 'ipv6' : 'ipv4', negated, values, set);
    case 'ip daddr':
    case 'ip6 daddr':
      return withAddresses(scope, 'to', key.startsWith('ip6') ? 'ipv6' : 'ipv4', negated, values, set);
    case 'meta nfproto':
      return withFamily(scope, values, negated);
    case 'ip protocol':
      return andFamily(withProtocols(scope, values, negated), 'ipv4');
    case 'ip6 nexthdr':
      return andFamily(withProtocols(scope, values, negated), 'ipv6');
    case 'meta l4proto':
      return withProtocols(scope, values, negated);
    case 'icmp type':
      return withTypes(scope, PROTOCOL_ICMP, values, negated);
    case 'icmpv6 type':
      return withTypes(scope, PROTOCOL_ICMPV6, values, negated);
  }
  const [header = '', field] = key.split(' ');
  if (field === 'dport') return withPorts(scope, header, values, negated);
  if (field === 'sport')
    return impossible('a policy looks at the port of the service, not at that of the client');
  return impossible(`a policy has nothing like "${key}"`);
}

const impossible = (reason: string): Narrowing => ({ kind: 'impossible', reason });

function withAddresses(
  scope: Conjunction,
  end: 'from' | 'to',
  family: 'ipv4' | 'ipv6',
  negated: boolean,
  values: readonly string[],
  set: string | undefined,
): Narrowing {
  const ranges = values.map(parseRange);
  if (ranges.some((range) => range === undefined))
    return impossible(`${values.find((value) => parseRange(value) === undefined)} is no address`);
  const given = ranges.filter((range) => range !== undefined);
  const wanted = negated ? complement(given, FAMILY_RANGES[family]) : given;
  const own = scope[end];
  const members =
    own === undefined
      ? wanted
      : intersection(
          wanted,
          own.map(parseRange).filter((range) => range !== undefined),
        );
  // The group of the machine itself may be empty as yet; what is then said of its addresses is kept.
  const kept = own !== undefined && own.length === 0 ? wanted : members;
  if (kept.length === 0) return EMPTY;
  const isSame = own !== undefined && kept === members && sameRanges(members, own);
  const name = isSame ? scope[`${end}Name`] : own === undefined && !negated ? set : undefined;
  return andFamily(
    { kind: 'narrowed', scope: { ...scope, [end]: kept.flatMap(rangeTexts), [`${end}Name`]: name } },
    family,
  );
}

function sameRanges(ranges: readonly AddressRange[], members: readonly string[]): boolean {
  const texts = new Set(ranges.flatMap(rangeTexts));
  return texts.size === members.length && members.every((member) => texts.has(member));
}

const FAMILY_RANGES: Readonly<Record<'ipv4' | 'ipv6', AddressRange>> = {
  ipv4: { first: addressOf(0xffffn << 32n), last: addressOf((0x1_0000n << 32n) - 1n) },
  ipv6: { first: addressOf(0n), last: addressOf((1n << 128n) - 1n) },
};

/** A range in the fewest words: as prefix where it is one. */
function rangeTexts(range: AddressRange): string[] {
  const networks = networksOfRange(range);
  const [only] = networks;
  if (networks.length === 1 && only !== undefined) return [formatNetwork(only)];
  return [`${formatAddress(range.first)}-${formatAddress(range.last)}`];
}

function intersection(left: readonly AddressRange[], right: readonly AddressRange[]): AddressRange[] {
  return left.flatMap((one) =>
    right.flatMap((other) => {
      const first = max(numberOf(one.first), numberOf(other.first));
      const last = min(numberOf(one.last), numberOf(other.last));
      return first > last ? [] : [{ first: addressOf(first), last: addressOf(last) }];
    }),
  );
}

function complement(ranges: readonly AddressRange[], within: AddressRange): AddressRange[] {
  const sorted = [...ranges].sort((left, right) => (numberOf(left.first) < numberOf(right.first) ? -1 : 1));
  const gaps: AddressRange[] = [];
  let next = numberOf(within.first);
  for (const { first, last } of sorted) {
    if (numberOf(first) > next) gaps.push({ first: addressOf(next), last: addressOf(numberOf(first) - 1n) });
    next = max(next, numberOf(last) + 1n);
  }
  if (next <= numberOf(within.last)) gaps.push({ first: addressOf(next), last: within.last });
  return gaps;
}

const max = (left: bigint, right: bigint) => (left > right ? left : right);
const min = (left: bigint, right: bigint) => (left < right ? left : right);

function andFamily(narrowing: Narrowing, family: 'ipv4' | 'ipv6'): Narrowing {
  if (narrowing.kind !== 'narrowed') return narrowing;
  const { scope } = narrowing;
  if (!scope.families.includes(family)) return EMPTY;
  return { kind: 'narrowed', scope: { ...scope, families: [family] } };
}

function withFamily(scope: Conjunction, values: readonly string[], negated: boolean): Narrowing {
  const families = scope.families.filter((family) => values.includes(family) !== negated);
  return families.length === 0 ? EMPTY : { kind: 'narrowed', scope: { ...scope, families } };
}

function withServices(scope: Conjunction, wanted: readonly ServiceMember[]): Narrowing {
  const own = scope.services;
  const services =
    own === undefined ? [...wanted] : wanted.flatMap((one) => own.flatMap((other) => both(one, other)));
  return services.length === 0 ? EMPTY : { kind: 'narrowed', scope: { ...scope, services } };
}

function both(one: ServiceMember, other: ServiceMember): ServiceMember[] {
  const from = Math.max(one.from, other.from);
  const to = Math.min(one.to, other.to);
  return one.protocol !== other.protocol || from > to ? [] : [{ protocol: one.protocol, from, to }];
}

const NFT_PROTOCOLS: Readonly<Record<string, number>> = {
  ipv6_icmp: 58,
  'ipv6-icmp': 58,
  icmpv6: 58,
  icmp: 1,
};

function withProtocols(scope: Conjunction, values: readonly string[], negated: boolean): Narrowing {
  const numbers = values.map((value) =>
    /^\d+$/.test(value) ? Number(value) : (NFT_PROTOCOLS[value] ?? protocolNumber(value)),
  );
  if (numbers.includes(undefined)) return impossible(`${values.join(', ')}: there is no such protocol`);
  const wanted = negated
    ? Array.from({ length: 256 }, (_, protocol) => protocol).filter((each) => !numbers.includes(each))
    : numbers.filter((number) => number !== undefined);
  return withServices(
    scope,
    wanted.map((protocol) => ({ protocol, from: 0, to: VALUE_MAX })),
  );
}

function withPorts(
  scope: Conjunction,
  header: string,
  values: readonly string[],
  negated: boolean,
): Narrowing {
  const ports = values.map(portsOf);
  if (ports.includes(undefined)) return impossible(`${values.join(', ')}: a port that is no number`);
  const given = ports.filter((range) => range !== undefined);
  const ranges = negated ? portsBeside(given) : given;
  const protocol = protocolNumber(header);
  const protocols = header === 'th' ? PROTOCOLS_WITH_PORTS : protocol === undefined ? [] : [protocol];
  if (protocols.length === 0) return impossible(`there is no protocol ${header}`);
  return withServices(
    scope,
    protocols.flatMap((each) => ranges.map((range) => ({ protocol: each, ...range }))),
  );
}

interface Ports {
  readonly from: number;
  readonly to: number;
}

function portsOf(text: string): Ports | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  return { from: Number(match[1]), to: Number(match[2] ?? match[1]) };
}

function portsBeside(ranges: readonly Ports[]): Ports[] {
  const beside: Ports[] = [];
  let next = 0;
  for (const { from, to } of [...ranges].sort((left, right) => left.from - right.from)) {
    if (from > next) beside.push({ from: next, to: from - 1 });
    next = Math.max(next, to + 1);
  }
  if (next <= VALUE_MAX) beside.push({ from: next, to: VALUE_MAX });
  return beside;
}

/** Names as `nft describe icmp type` and `nft describe icmpv6 type` list them. */
const ICMP_TYPES: Readonly<Record<string, number>> = {
  'echo-reply': 0,
  'destination-unreachable': 3,
  'source-quench': 4,
  redirect: 5,
  'echo-request': 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'parameter-problem': 12,
  'timestamp-request': 13,
  'timestamp-reply': 14,
  'info-request': 15,
  'info-reply': 16,
  'address-mask-request': 17,
  'address-mask-reply': 18,
};
const ICMPV6_TYPES: Readonly<Record<string, number>> = {
  'destination-unreachable': 1,
  'packet-too-big': 2,
  'time-exceeded': 3,
  'parameter-problem': 4,
  'echo-request': 128,
  'echo-reply': 129,
  'mld-listener-query': 130,
  'mld-listener-report': 131,
  'mld-listener-done': 132,
  'mld-listener-reduction': 132,
  'nd-router-solicit': 133,
  'nd-router-advert': 134,
  'nd-neighbor-solicit': 135,
  'nd-neighbor-advert': 136,
  'nd-redirect': 137,
  'router-renumbering': 138,
  'ind-neighbor-solicit': 141,
  'ind-neighbor-advert': 142,
  'mld2-listener-report': 143,
};

function withTypes(
  scope: Conjunction,
  protocol: number,
  values: readonly string[],
  negated: boolean,
): Narrowing {
  const names = protocol === PROTOCOL_ICMP ? ICMP_TYPES : ICMPV6_TYPES;
  const types = values.map((value) => (/^\d+$/.test(value) ? Number(value) : names[value]));
  if (types.includes(undefined)) return impossible(`${values.join(', ')}: there is no such type of ICMP`);
  const known = types.filter((type) => type !== undefined);
  const wanted = negated
    ? Array.from({ length: 256 }, (_, type) => type).filter((each) => !known.includes(each))
    : known;
  return withServices(
    scope,
    wanted.map((type) => ({ protocol, from: type * 256, to: type * 256 + 255 })),
  );
}
