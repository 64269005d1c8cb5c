/**
 * The four octets before a packet of LINKTYPE_NULL and LINKTYPE_LOOP: an address family, in the byte order of
 * the machine that captured (NULL) or big-endian (LOOP). A family is a small number, which tells the order.
 */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';

export const LOOPBACK_HEADER_OCTETS = 4;
/** AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24, 28, 30 on BSDs and macOS, 23 on Windows. */
const FAMILIES_IPV6: readonly number[] = [10, 23, 24, 28, 30];

export function checkLoopback(offset: number, end: number): boolean {
  return end - offset >= LOOPBACK_HEADER_OCTETS;
}

/**
 * The EtherType that the family stands for; 0 for other families. A value that is large in both byte orders
 * is that of captures that put an EtherType into the last two octets.
 */
export function loopbackType(view: DataView, offset: number): number {
  const bigEndian = view.getUint32(offset);
  const family = bigEndian <= 0xffff ? bigEndian : view.getUint32(offset, true);
  if (family > 0xffff) return view.getUint16(offset + 2);
  if (family === 2) return ETHERTYPE_IPV4;
  return FAMILIES_IPV6.includes(family) ? ETHERTYPE_IPV6 : 0;
}
