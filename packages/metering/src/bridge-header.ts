/**
 * What bridges put before a whole Ethernet frame, or between its addresses and its type.
 *
 *  TRILL (22F3)       version, options' length in words (bits 5–9 of 16), hops, two nicknames; an Ethernet frame
 *  FabricPath (8903)  tag and hops (2); an Ethernet frame, the outer one's addresses being switches
 *  HSR (892F)         path and size (2), sequence number (2), EtherType
 *  Arista (D28B)      subtype (2), version (2), time stamp (8 or 6), EtherType
 *  B.A.T.M.A.N. (4305) packet type, version, …; an Ethernet frame
 *  ISL                26 octets that begin with 01000C0000 or 03000C0000; an Ethernet frame
 */
export const ETHERTYPE_TRILL = 0x22f3;
export const ETHERTYPE_FABRICPATH = 0x8903;
export const ETHERTYPE_HSR = 0x892f;
export const ETHERTYPE_ARISTA = 0xd28b;
export const ETHERTYPE_BATMAN = 0x4305;

export const FABRICPATH_TAG_OCTETS = 2;
export const HSR_TAG_OCTETS = 6;
export const ISL_HEADER_OCTETS = 26;

const TRILL_HEADER_OCTETS = 6;
const ISL_DESTINATIONS: readonly number[] = [0x01000c00, 0x03000c00];
/** Octets before the EtherType by the low octet of the version: 64 or 48 bits of time. */
const ARISTA_TIMES: ReadonlyMap<number, number> = new Map([
  [0x10, 12],
  [0x20, 10],
]);
const ARISTA_SUBTYPE_TIME = 1;
/** B.A.T.M.A.N. Advanced, compatibility version 15: octets before the frame by packet type. */
const BATMAN_OCTETS: ReadonlyMap<number, number> = new Map([
  [0x40, 10],
  [0x01, 14],
]);
const BATMAN_VERSION = 15;

/** Octets of a TRILL header with its options, RFC 6325 section 3; -1 when it is cut off. */
export function trillOctets(view: DataView, offset: number, end: number): number {
  if (end - offset < TRILL_HEADER_OCTETS) return -1;
  return TRILL_HEADER_OCTETS + ((view.getUint16(offset) >> 6) & 0x1f) * 4;
}

/** Octets of an Arista header up to and with the EtherType; -1 when it is cut off or no time stamp. */
export function aristaOctets(view: DataView, offset: number, end: number): number {
  if (end - offset < 4 || view.getUint16(offset) !== ARISTA_SUBTYPE_TIME) return -1;
  const octets = ARISTA_TIMES.get(view.getUint8(offset + 3));
  return octets === undefined ? -1 : octets + 2;
}

/** Octets of a B.A.T.M.A.N. header that a frame follows; -1 for packets that carry none. */
export function batmanOctets(view: DataView, offset: number, end: number): number {
  if (end - offset < 2 || view.getUint8(offset + 1) !== BATMAN_VERSION) return -1;
  return BATMAN_OCTETS.get(view.getUint8(offset)) ?? -1;
}

/** Whether the Ethernet frame at `offset` is one of Cisco's Inter-Switch Link. */
export function isIsl(view: DataView, offset: number, end: number): boolean {
  if (end - offset < ISL_HEADER_OCTETS) return false;
  // The fifth octet of the address; the sixth is type and user.
  return ISL_DESTINATIONS.includes(view.getUint32(offset)) && view.getUint8(offset + 4) === 0;
}
