/**
 * IEEE 802.2 LLC and its SNAP extension (RFC 1042).
 *
 *  0       1       2       3               6               8
 * +-------+-------+-------+---------------+---------------+---- - -
 * |DSAP AA|SSAP AA|UI  03 |  OUI 000000   |   EtherType   |
 * +-------+-------+-------+---------------+---------------+---- - -
 */
import { ETHERTYPE_ETHERNET, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';

export const LLC_HEADER_OCTETS = 3;
/** Organization and type, behind the LLC header or behind an NLPID. */
export const SNAP_OCTETS = 5;
const NLPID_IPV4 = 0xcc;
const NLPID_IPV6 = 0x8e;
const NLPID_SNAP = 0x80;

export function checkLlc(offset: number, end: number): boolean {
  return end - offset >= LLC_HEADER_OCTETS;
}

export function isSnap(view: DataView, offset: number, end: number): boolean {
  return end - offset >= LLC_HEADER_OCTETS + SNAP_OCTETS && view.getUint16(offset) === 0xaaaa;
}

/** Whether an NLPID (ISO 9577) follows the LLC header. */
export function isNlpid(view: DataView, offset: number, end: number): boolean {
  return end - offset > LLC_HEADER_OCTETS && view.getUint16(offset) === 0xfefe;
}

/**
 * The EtherType at the organization at `at`: of the encapsulations RFC 1042 (OUI 0) and 802.1H (0000F8); that of
 * a bridged frame, with or without its check sequence (RFC 2427 section 4.2); else 0.
 */
export function snapType(view: DataView, at: number): number {
  const organization = view.getUint32(at) >>> 8;
  const type = view.getUint16(at + 3);
  if (organization === 0x0080c2) return type === 0x0001 || type === 0x0007 ? ETHERTYPE_ETHERNET : 0;
  return organization === 0x000000 || organization === 0x0000f8 ? type : 0;
}

/** The EtherType that a plain LLC header stands for: 06 is IP itself, RFC 948; else 0. */
export function llcType(view: DataView, offset: number): number {
  return view.getUint8(offset) === 0x06 ? ETHERTYPE_IPV4 : 0;
}

/** The EtherType that an NLPID stands for; 0 for others. */
export function nlpidType(nlpid: number): number {
  if (nlpid === NLPID_IPV4) return ETHERTYPE_IPV4;
  return nlpid === NLPID_IPV6 ? ETHERTYPE_IPV6 : 0;
}

export function isNlpidOfSnap(nlpid: number): boolean {
  return nlpid === NLPID_SNAP;
}
