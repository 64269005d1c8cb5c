/**
 * Addresses as the store holds them: 128 bits in two halves, IPv4 IPv4-mapped (::ffff:a.b.c.d, RFC 4291
 * section 2.5.5.2), so that one order holds for both families.
 */
import ipaddr from 'ipaddr.js';

export interface Address {
  readonly hi: bigint;
  readonly lo: bigint;
}

/** A prefix in the 128-bit space: an IPv4 /24 has `prefixLength` 120. Bits past the prefix are zero. */
export interface Network extends Address {
  readonly prefixLength: number;
}

/** Where the 32 bits of an IPv4 address begin in the 128-bit space. */
export const IPV4_PREFIX_BITS = 96;
const IPV4_MAPPED_HIGH_WORD = 0xffff_0000_0000n;
const ALL_ONES_64 = 0xffff_ffff_ffff_ffffn;

/** Whether the two halves are those of an IPv4-mapped address. */
export function isIPv4(address: Address): boolean {
  return address.hi === 0n && address.lo >> 32n === 0xffffn;
}

/** The address that `text` spells (dotted quad, or any RFC 4291 form), or undefined. */
export function parseAddress(text: string): Address | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return fromOctets(ipaddr.IPv4.parse(text).toByteArray());
  if (text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)) {
    return fromOctets(ipaddr.IPv6.parse(text).toByteArray());
  }
  return undefined;
}

/** `10.0.0.0/8`, `10.0.0.0/255.0.0.0` or `2001:db8::/32`; an address alone is a network of one. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const offset = isIPv4(address) && !text.slice(0, slash < 0 ? undefined : slash).includes(':');
  const base = offset ? IPV4_PREFIX_BITS : 0;
  const prefixLength = slash < 0 ? 128 - base : prefixLengthOf(text.slice(slash + 1), 128 - base);
  if (prefixLength === undefined) return undefined;
  return networkOf(address, base + prefixLength);
}

/** The network of `prefixLength` bits (0 … 128) that `address` is in. */
export function networkOf(address: Address, prefixLength: number): Network {
  const mask = maskOf(prefixLength);
  return { hi: address.hi & mask.hi, lo: address.lo & mask.lo, prefixLength };
}

/** The two halves of the mask of `prefixLength` bits (0 … 128). */
export function maskOf(prefixLength: number): Address {
  const hiBits = BigInt(Math.min(64, prefixLength));
  const loBits = BigInt(Math.max(0, prefixLength - 64));
  return {
    hi: (ALL_ONES_64 << (64n - hiBits)) & ALL_ONES_64,
    lo: (ALL_ONES_64 << (64n - loBits)) & ALL_ONES_64,
  };
}

/** The highest address of a network. */
export function lastAddressOf(network: Network): Address {
  const mask = maskOf(network.prefixLength);
  return { hi: network.hi | (mask.hi ^ ALL_ONES_64), lo: network.lo | (mask.lo ^ ALL_ONES_64) };
}

export function networkContains(network: Network, address: Address): boolean {
  const mask = maskOf(network.prefixLength);
  return (address.hi & mask.hi) === network.hi && (address.lo & mask.lo) === network.lo;
}

/** Dotted quad for IPv4, RFC 5952 for IPv6. */
export function formatAddress({ hi, lo }: Address): string {
  if (isIPv4({ hi, lo })) {
    const word = Number(lo & 0xffff_ffffn);
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  }
  return formatIPv6(hi, lo);
}

/** A network as text: `10.0.0.0/8`, `2001:db8::/32`; a network of one is written as its address. */
export function formatNetwork(network: Network): string {
  const text = formatAddress(network);
  if (network.prefixLength === 128) return text;
  const v4 = network.prefixLength >= IPV4_PREFIX_BITS && isIPv4(network);
  return `${text}/${network.prefixLength - (v4 ? IPV4_PREFIX_BITS : 0)}`;
}

/** Groups in lower-case hexadecimal, the first longest run of two or more zero groups as `::` (RFC 5952). */
function formatIPv6(hi: bigint, lo: bigint): string {
  const groups: number[] = [];
  for (const half of [hi, lo]) {
    for (let shift = 48n; shift >= 0n; shift -= 16n) groups.push(Number((half >> shift) & 0xffffn));
  }
  let runStart = -1;
  let runLength = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end += 1;
    if (end - start > runLength) {
      runStart = start;
      runLength = end - start;
    }
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (runStart < 0) return text(groups);
  return `${text(groups.slice(0, runStart))}::${text(groups.slice(runStart + runLength))}`;
}

function prefixLengthOf(text: string, lengthMax: number): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= lengthMax ? Number(text) : undefined;
  if (lengthMax !== 32 || !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  return ipaddr.IPv4.parse(text).prefixLengthFromSubnetMask() ?? undefined;
}

function fromOctets(octets: readonly number[]): Address {
  if (octets.length === 4) {
    return { hi: 0n, lo: IPV4_MAPPED_HIGH_WORD | bigintOf(octets) };
  }
  return { hi: bigintOf(octets.slice(0, 8)), lo: bigintOf(octets.slice(8)) };
}

function bigintOf(octets: readonly number[]): bigint {
  let value = 0n;
  for (const octet of octets) value = (value << 8n) | BigInt(octet);
  return value;
}
