/**
 * IEEE 802.2 LLC and its SNAP extension (RFC 1042).
 *
 *  0       1       2       3               6               8
 * +-------+-------+-------+---------------+---------------+---- - -
 * |DSAP AA|SSAP AA|UI  03 |  OUI 000000   |   EtherType   |
 * +-------+-------+-------+---------------+---------------+---- - -
 */
import { ETHERTYPE_IPV4 } from './ethernet.ts';

export const LLC_HEADER_OCTETS = 3;
export const SNAP_HEADER_OCTETS = 8;

export function checkLlc(offset: number, end: number): boolean {
  return end - offset >= LLC_HEADER_OCTETS;
}

export function isSnap(view: DataView, offset: number, end: number): boolean {
  return end - offset >= SNAP_HEADER_OCTETS && view.getUint16(offset) === 0xaaaa;
}

/** The EtherType of a SNAP header: of the encapsulations RFC 1042 (OUI 0) and 802.1H (0000F8); else 0. */
export function snapType(view: DataView, offset: number): number {
  const organization = view.getUint32(offset + 2) & 0xffffff;
  return organization === 0x000000 || organization === 0x0000f8 ? view.getUint16(offset + 6) : 0;
}

/** The EtherType that a plain LLC header stands for: 06 is IP itself, RFC 948; else 0. */
export function llcType(view: DataView, offset: number): number {
  return view.getUint8(offset) === 0x06 ? ETHERTYPE_IPV4 : 0;
}
