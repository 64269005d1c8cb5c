/**
 * Which way a packet went, where the capture itself does not say: from the link header, or from whose address
 * it has. A hot file: index reads carry `!`, each checked against `capturedLength` before.
 */
import { networkInterfaces } from 'node:os';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
} from './link-type.ts';

/** flowDirection of IANA. */
export const DIRECTION_INGRESS = 0;
export const DIRECTION_EGRESS = 1;
/** The packet does not tell. */
const DIRECTION_UNKNOWN = 255;

const SOURCE_MAC = 6;
const MAC_OCTETS = 6;
/** DLT_NULL and DLT_LOOP put the address family in front. */
const FAMILY_OCTETS = 4;
const IPV4_SOURCE = 12;
const IPV6_SOURCE = 8;
/** `sll_pkttype` stands in octets 0–1 of SLL, 10 of SLL2; the value is in the last of them. */
const SLL_PACKET_TYPE = 1;
const SLL2_PACKET_TYPE = 10;
const PACKET_OUTGOING = 4;

export type FindDirection = (bytes: Uint8Array, offset: number, capturedLength: number) => number;

/** What tells an interface's own packets from those of others. */
export interface InterfaceOwner {
  readonly loopback: boolean;
  /** Its MAC address, six octets; undefined where it has none. */
  readonly hardwareAddress: Uint8Array | undefined;
  /** Its IP addresses, as octets. */
  readonly addresses: readonly Uint8Array[];
}

/**
 * How to find the direction of an interface's packets: cooked headers say it; of Ethernet frames those with
 * the interface's own source MAC are egress (so frames that a bridge passes on count as ingress); of bare IP
 * packets those with one of its source addresses are egress (so what a router passes out counts as ingress).
 * On loopback all are ingress, for each passes once. 255 where none of it applies.
 */
export function directionFinder(linkType: number, owner: InterfaceOwner): FindDirection {
  if (owner.loopback) return () => DIRECTION_INGRESS;
  const { hardwareAddress, addresses } = owner;
  switch (linkType) {
    case LINKTYPE_ETHERNET:
      return hardwareAddress === undefined ? () => DIRECTION_UNKNOWN : bySourceMac(hardwareAddress);
    case LINKTYPE_RAW:
      return bySourceAddress(addresses, 0);
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
      return bySourceAddress(addresses, FAMILY_OCTETS);
    case LINKTYPE_LINUX_SLL:
      return byPacketType(SLL_PACKET_TYPE);
    case LINKTYPE_LINUX_SLL2:
      return byPacketType(SLL2_PACKET_TYPE);
    default:
      return () => DIRECTION_UNKNOWN;
  }
}

/** The IP addresses that an interface has now. */
export function addressesOf(interfaceName: string): Uint8Array[] {
  return (networkInterfaces()[interfaceName] ?? []).map(({ family, address }) =>
    family === 'IPv4' ? Uint8Array.from(address.split('.'), Number) : ipv6Octets(address),
  );
}

function byPacketType(at: number): FindDirection {
  return (bytes, offset, capturedLength) => {
    if (capturedLength <= at) return DIRECTION_UNKNOWN;
    return bytes[offset + at] === PACKET_OUTGOING ? DIRECTION_EGRESS : DIRECTION_INGRESS;
  };
}

function bySourceMac(mac: Uint8Array): FindDirection {
  return (bytes, offset, capturedLength) => {
    if (capturedLength < SOURCE_MAC + MAC_OCTETS) return DIRECTION_UNKNOWN;
    return holds(bytes, offset + SOURCE_MAC, mac) ? DIRECTION_EGRESS : DIRECTION_INGRESS;
  };
}

function bySourceAddress(addresses: readonly Uint8Array[], linkOctets: number): FindDirection {
  const ipv4 = addresses.filter(({ length }) => length === 4);
  const ipv6 = addresses.filter(({ length }) => length === 16);
  return (bytes, offset, capturedLength) => {
    if (capturedLength <= linkOctets) return DIRECTION_UNKNOWN;
    const header = offset + linkOctets;
    const isIpv6 = bytes[header]! >> 4 === 6;
    const source = isIpv6 ? IPV6_SOURCE : IPV4_SOURCE;
    const own = isIpv6 ? ipv6 : ipv4;
    if (capturedLength < linkOctets + source + (isIpv6 ? 16 : 4)) return DIRECTION_UNKNOWN;
    for (let index = 0; index < own.length; index += 1) {
      if (holds(bytes, header + source, own[index]!)) return DIRECTION_EGRESS;
    }
    return DIRECTION_INGRESS;
  };
}

/** Compares from the last octet on, where addresses of one network differ. */
function holds(bytes: Uint8Array, at: number, octets: Uint8Array): boolean {
  for (let index = octets.length - 1; index >= 0; index -= 1) {
    if (bytes[at + index] !== octets[index]) return false;
  }
  return true;
}

/** The octets of an IPv6 address as the system writes it: without zone or dotted part. */
function ipv6Octets(address: string): Uint8Array {
  const [head = [], tail] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = tail === undefined ? head : [...head, ...zeros(8 - head.length - tail.length), ...tail];
  return Uint8Array.from(
    groups.flatMap((group) => {
      const word = Number.parseInt(group, 16);
      return [word >> 8, word & 0xff];
    }),
  );
}

function zeros(count: number): string[] {
  return Array.from({ length: count }, () => '0');
}
