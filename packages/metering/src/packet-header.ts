/**
 * What the meter takes out of one packet. One object is filled again and again, so that a packet costs no
 * allocation. The flow key is an array of signed words, which a flow record (flow-record.ts) keeps as
 * they are.
 */
export const KEY_WORDS = 11;

/** The last 32 bits of the addresses: all of an IPv4 address. */
export const KEY_SOURCE = 0;
export const KEY_DESTINATION = 1;
/** Source port in the high half, destination port in the low one; ICMP: type × 256 + code in the low half. */
export const KEY_PORTS = 2;
/** Bits 0–7 protocol, 8–19 VLAN, 20–21 direction, 22 set for IPv6. */
export const KEY_KIND = 3;
export const KEY_INTERFACE = 4;
/** The words up to here are all that a key of IPv4 has. */
export const KEY_WORDS_IPV4 = 5;
/** Words 5–7 and 8–10: the first 96 bits of an IPv6 address pair; left as they were by IPv4 packets. */
export const KEY_SOURCE_PREFIX = 5;
export const KEY_DESTINATION_PREFIX = 8;

export const KIND_VLAN_SHIFT = 8;
export const KIND_DIRECTION_SHIFT = 20;
export const KIND_IPV6 = 1 << 22;

export const DIRECTION_INGRESS = 0;
export const DIRECTION_EGRESS = 1;
/** The capture does not tell which way the packet went. */
export const DIRECTION_UNKNOWN = 255;

export class PacketHeader {
  readonly key = new Int32Array(KEY_WORDS);
  /** Over the octets that the packet was dissected from. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** Octets of the IP layer: header and payload, whatever was captured of them. */
  octets = 0;
  /** 0 for anything but TCP. */
  tcpControlBits = 0;
  timeToLive = 0;
  typeOfService = 0;
  /** Where the MAC addresses are in `view`; -1 where the link has none. */
  sourceMacOffset = -1;
  destinationMacOffset = -1;
}
