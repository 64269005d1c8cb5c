/**
 * What the meter takes out of one packet. One object is filled again and again, so that a packet costs no
 * allocation. The flow key is an array of signed words in the layout of a flow record (flow-record.ts), so
 * that a look-up compares word by word and a new flow copies them as they are.
 */
export const KEY_WORDS = 11;

/** Words 0–3: source address; IPv4 in word 3 alone (words 0–2 are left as they were). */
export const KEY_SOURCE = 0;
/** Words 4–7: destination address; IPv4 in word 7 alone. */
export const KEY_DESTINATION = 4;
/** Source port in the high half, destination port in the low one; ICMP: type × 256 + code in the low half. */
export const KEY_PORTS = 8;
/** Bits 0–7 protocol, 8–19 VLAN, 20–21 direction, 22 set for IPv6. */
export const KEY_KIND = 9;
export const KEY_INTERFACE = 10;

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
