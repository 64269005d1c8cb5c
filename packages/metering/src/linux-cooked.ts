/**
 * Linux cooked captures, LINKTYPE_LINUX_SLL (16 octets) and LINKTYPE_LINUX_SLL2 (20 octets); big-endian.
 *
 * SLL   0       2       4       6                14      16
 *      +-------+-------+-------+----------------+-------+---- - -
 *      | type  |ARPHRD | length| address        | proto |
 *      +-------+-------+-------+----------------+-------+---- - -
 * SLL2  0       2       4               8       10  11  12               20
 *      +-------+-------+---------------+-------+---+---+----------------+---- - -
 *      | proto |   0   | interface     |ARPHRD |typ|len| address        |
 *      +-------+-------+---------------+-------+---+---+----------------+---- - -
 */
import { DIRECTION_EGRESS, DIRECTION_INGRESS, DIRECTION_UNKNOWN } from './packet-burst.ts';

export const SLL_HEADER_OCTETS = 16;
export const SLL2_HEADER_OCTETS = 20;
/** The protocol field of a frame that goes on with an LLC header. */
export const SLL_PROTOCOL_LLC = 0x0004;
/** One that goes on with a whole Ethernet frame. */
export const SLL_PROTOCOL_ETHERNET = 0x0003;
/** One that goes on with a PPP frame. */
export const SLL_PROTOCOL_PPP = 0x0007;

export function checkSll(offset: number, end: number): boolean {
  return end - offset >= SLL_HEADER_OCTETS;
}

export function checkSll2(offset: number, end: number): boolean {
  return end - offset >= SLL2_HEADER_OCTETS;
}

export function sllProtocol(view: DataView, offset: number): number {
  return view.getUint16(offset + 14);
}

export function sllAddressOctets(view: DataView, offset: number): number {
  return view.getUint16(offset + 4);
}

export function sllPacketType(view: DataView, offset: number): number {
  return view.getUint16(offset);
}

export function sll2Protocol(view: DataView, offset: number): number {
  return view.getUint16(offset);
}

export function sll2InterfaceIndex(view: DataView, offset: number): number {
  return view.getInt32(offset + 4);
}

export function sll2PacketType(view: DataView, offset: number): number {
  return view.getUint8(offset + 10);
}

export function sll2AddressOctets(view: DataView, offset: number): number {
  return view.getUint8(offset + 11);
}

/** 4 is "sent by us"; 0 to 2 are to us, broadcast and multicast; 3 went from one other host to another. */
export function directionOfPacketType(packetType: number): number {
  if (packetType === 4) return DIRECTION_EGRESS;
  return packetType < 3 ? DIRECTION_INGRESS : DIRECTION_UNKNOWN;
}
