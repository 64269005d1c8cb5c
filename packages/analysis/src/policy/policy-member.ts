/** One member of a group or of a service, as a policy spells it. */
import {
  type Address,
  lastAddressOf,
  type Network,
  networkOf,
  parseAddress,
  parseNetwork,
} from '../address.ts';
import { protocolName, protocolNumber } from '../value-name.ts';

/**
 * Labels of either end of a flow that a group can be made of, from what says most of who it is to what says
 * least.
 */
export const LABEL_KINDS = ['user', 'peer', 'network', 'site'] as const;
export type LabelKind = (typeof LABEL_KINDS)[number];

/** All addresses from `first` to `last`. */
export interface AddressRange {
  readonly first: Address;
  readonly last: Address;
}

export type GroupMember =
  | { readonly kind: 'range'; readonly range: AddressRange }
  | { readonly kind: 'label'; readonly label: LabelKind; readonly value: string }
  | { readonly kind: 'list'; readonly name: string };

/**
 * `from` to `to` of the ports or, of ICMP, of type × 256 + code; 0 to 65535 of protocols that have neither.
 */
export interface ServiceMember {
  readonly protocol: number;
  readonly from: number;
  readonly to: number;
}

export const GROUP_MEMBERS_ALLOWED =
  'an address, 10.0.0.0/8, 10.0.0.1-10.0.0.9, peer:NAME, user:NAME, network:NAME, site:NAME, @LIST or any';
export const SERVICE_MEMBERS_ALLOWED =
  'tcp/443, udp/5000-5100, icmp/8, icmp/3/1, a protocol such as tcp or gre, or any';

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;
/** TCP, UDP, DCCP, SCTP, UDP-Lite. */
export const PROTOCOLS_WITH_PORTS: readonly number[] = [PROTOCOL_TCP, PROTOCOL_UDP, 33, 132, 136];
export const VALUE_MAX = 0xffff;

const LABEL = new RegExp(`^(${LABEL_KINDS.join('|')}):(.+)$`);
const LIST = /^@([\p{L}\p{N}_][\p{L}\p{N}_.-]{0,99})$/u;

/** Undefined for what is no member; `any` is none, for it is no part of an address space. */
export function parseGroupMember(text: string): GroupMember | undefined {
  const label = LABEL.exec(text);
  if (label?.[1] !== undefined && label[2] !== undefined) {
    return { kind: 'label', label: label[1] as LabelKind, value: label[2].trim() };
  }
  const list = LIST.exec(text)?.[1];
  if (list !== undefined) return { kind: 'list', name: list };
  const range = parseRange(text);
  return range === undefined ? undefined : { kind: 'range', range };
}

/** A prefix, an address, or two addresses of one family joined by `-`. */
export function parseRange(text: string): AddressRange | undefined {
  const [from = '', to, ...more] = text.split('-').map((part) => part.trim());
  if (more.length > 0) return undefined;
  if (to === undefined) {
    const network = parseNetwork(from);
    return network === undefined ? undefined : rangeOf(network);
  }
  const [first, last] = [parseAddress(from), parseAddress(to)];
  if (first === undefined || last === undefined || isAfter(first, last)) return undefined;
  return from.includes(':') === to.includes(':') ? { first, last } : undefined;
}

export function rangeOf(network: Network): AddressRange {
  const { hi, lo } = network;
  return { first: { hi, lo }, last: lastAddressOf(network) };
}

export function isAfter(left: Address, right: Address): boolean {
  return left.hi > right.hi || (left.hi === right.hi && left.lo > right.lo);
}

/** The fewest prefixes that make up the range. */
export function networksOfRange({ first, last }: AddressRange): Network[] {
  const networks: Network[] = [];
  let from = numberOf(first);
  const to = numberOf(last);
  while (from <= to) {
    let prefixLength = 128;
    while (prefixLength > 0) {
      const size = 1n << BigInt(129 - prefixLength);
      if (from % size !== 0n || from + size - 1n > to) break;
      prefixLength -= 1;
    }
    networks.push(networkOf(addressOf(from), prefixLength));
    from += 1n << BigInt(128 - prefixLength);
  }
  return networks;
}

const WORD = 1n << 64n;
export const numberOf = ({ hi, lo }: Address): bigint => hi * WORD + lo;
export const addressOf = (value: bigint): Address => ({ hi: value / WORD, lo: value % WORD });

/** Undefined for what is no service; `any` is none. */
export function parseServiceMember(text: string): ServiceMember | undefined {
  const [name = '', value, code, ...more] = text.split('/').map((part) => part.trim());
  const protocol = /^\d{1,3}$/.test(name) ? Number(name) : protocolNumber(name);
  if (protocol === undefined || protocol > 255 || more.length > 0) return undefined;
  if (value === undefined) return { protocol, from: 0, to: VALUE_MAX };
  const isIcmp = protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6;
  if (isIcmp) return icmpMember(protocol, value, code);
  if (code !== undefined || !PROTOCOLS_WITH_PORTS.includes(protocol)) return undefined;
  const range = parseNumbers(value, VALUE_MAX);
  return range === undefined ? undefined : { protocol, ...range };
}

function icmpMember(protocol: number, value: string, code: string | undefined): ServiceMember | undefined {
  const type = parseNumbers(value, 255);
  if (type === undefined) return undefined;
  if (code === undefined) return { protocol, from: type.from * 256, to: type.to * 256 + 255 };
  const codes = parseNumbers(code, 255);
  if (codes === undefined || type.from !== type.to) return undefined;
  return { protocol, from: type.from * 256 + codes.from, to: type.from * 256 + codes.to };
}

function parseNumbers(text: string, max: number): { from: number; to: number } | undefined {
  const match = /^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  return from <= to && to <= max ? { from, to } : undefined;
}

/** The inverse of `parseServiceMember`. */
export function formatServiceMember({ protocol, from, to }: ServiceMember): string {
  const name = protocolName(protocol);
  if (from === 0 && to === VALUE_MAX) return name;
  const isIcmp = protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6;
  if (!isIcmp) return `${name}/${span(from, to)}`;
  if (from % 256 === 0 && to % 256 === 255) return `${name}/${span(from >> 8, to >> 8)}`;
  return `${name}/${from >> 8}/${span(from & 255, to & 255)}`;
}

const span = (from: number, to: number) => (from === to ? String(from) : `${from}-${to}`);
