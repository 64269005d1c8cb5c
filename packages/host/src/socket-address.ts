/** Socket addresses as the kernel has them (ip(7), ipv6(7)), and as text. */
import { isIP, SocketAddress } from 'node:net';
import { networkInterfaces } from 'node:os';
import { assert } from '@weir/base';
import type { Libc } from './libc.ts';
import { AF_INET, AF_INET6 } from './socket-option.ts';

/** Octets of struct sockaddr_in6, the larger of the two. */
export const SOCKET_ADDRESS_OCTETS = 28;
const SOCKADDR_IN_OCTETS = 16;
/** ::ffff:0:0/96 as the third 32-bit word, in host order on a little-endian machine. */
export const MAPPED_PREFIX_WORD = 0xffff_0000;

/**
 * AF_INET or AF_INET6 for a literal address, which may have a zone (`fe80::1%eth0`); undefined for a name.
 */
export function addressFamily(address: string): number | undefined {
  const version = isIP(address);
  return version === 4 ? AF_INET : version === 6 ? AF_INET6 : undefined;
}

/** A `struct sockaddr_in` or `sockaddr_in6` for a literal address and a port. */
export function packSocketAddress(c: Libc, address: string, port: number): Uint8Array {
  const family = addressFamily(address);
  assert(family !== undefined, 'a socket address is built from a literal address');
  const [host = '', zone] = address.split('%');
  const packed = new Uint8Array(family === AF_INET ? SOCKADDR_IN_OCTETS : SOCKET_ADDRESS_OCTETS);
  const view = new DataView(packed.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port, false);
  c.inet_pton(family, host, packed.subarray(family === AF_INET ? 4 : 8));
  if (zone !== undefined) view.setUint32(24, zoneIndex(zone), true);
  return packed;
}

/** The port of a packed socket address. */
export function portOf(packed: Uint8Array): number {
  return ((packed[2] ?? 0) << 8) | (packed[3] ?? 0);
}

/**
 * The text of an address given as four 32-bit words in memory order (IPv4 as ::ffff:a.b.c.d) and its zone.
 * IPv4 is dotted, IPv6 in RFC 5952 form; a zone other than 0 is appended by number (`fe80::1%2`, RFC 4007).
 */
export function addressText(words: Uint32Array, zone: number): string {
  const octets = new Uint8Array(words.buffer, words.byteOffset, 16);
  if (words[0] === 0 && words[1] === 0 && words[2] === MAPPED_PREFIX_WORD)
    return octets.subarray(12).join('.');
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((octets[i * 2] ?? 0) << 8) | (octets[i * 2 + 1] ?? 0)).toString(16),
  );
  const { address } = new SocketAddress({ address: groups.join(':'), family: 'ipv6' });
  return zone === 0 ? address : `${address}%${zone}`;
}

/** A zone is an interface's name or its index. */
function zoneIndex(zone: string): number {
  if (/^\d+$/.test(zone)) return Number(zone);
  const addresses = networkInterfaces()[zone] ?? [];
  return addresses.find(({ family }) => family === 'IPv6')?.scopeid ?? 0;
}
