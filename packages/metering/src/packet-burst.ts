/**
 * What the meter takes out of packets: a burst of them, as rows of words in one array. Packets of many flows
 * find each flow's record in a memory line of its own, and a fetch from memory takes longer than all the rest
 * of the work on a packet; a burst lets the cache start the fetches of all its packets at once
 * (FlowCache.observe).
 *
 *  0       1       2     3    4    5            8           11     12    13    14           17     18
 * +-------+-------+-----+----+----+------------+-----------+------+-----+-----+------------+------+---------+
 * |source |destin.|ports|kind| if |source pref.|dest. pref.|octets|bits | ttl |MAC dst, src| hash | time    |
 * +-------+-------+-----+----+----+------------+-----------+------+-----+-----+------------+------+---------+
 *
 * Words 0–10 are the flow key, as a flow record (flow-record.ts) keeps it; an IPv4 packet leaves the prefixes
 * as they were. The time is a double. Nothing refers to the packet's octets any more.
 */
export const PACKET_WORDS = 20;
/**
 * Enough to keep the memory busy, few enough that the rows and all they lead to fit the first-level cache.
 */
export const BURST_PACKETS = 32;
/** Masks the index of a packet, for what SLOT_MASK of flow-record.ts is for. */
export const BURST_MASK = BURST_PACKETS - 1;

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
/** The first 96 bits of an IPv6 address pair, three words each. */
export const KEY_SOURCE_PREFIX = 5;
export const KEY_DESTINATION_PREFIX = 8;
export const KEY_WORDS = 11;

/** Octets of the IP layer: header and payload, whatever was captured of them. */
export const PACKET_OCTETS = 11;
/** tcpControlBits in bits 0–15, 0 for anything but TCP; LINK_HAS_…. */
export const PACKET_BITS = 12;
/** Time to live in bits 0–7, type of service in bits 16–23. */
export const PACKET_TTL = 13;
/** Destination in word 14 and the high half of 15, source in the low half of 15 and in 16. */
export const PACKET_MACS = 14;
export const PACKET_HASH = 17;
/** Of `doubles`, from the row's beginning there. */
export const PACKET_TIME = 9;

/** The link had such a MAC address. The bits are those of a record's WORD_BITS. */
export const LINK_HAS_SOURCE_MAC = 1 << 17;
export const LINK_HAS_DESTINATION_MAC = 1 << 18;

export const KIND_VLAN_SHIFT = 8;
export const KIND_DIRECTION_SHIFT = 20;
export const KIND_IPV6 = 1 << 22;

export const DIRECTION_INGRESS = 0;
export const DIRECTION_EGRESS = 1;
/** The capture does not tell which way the packet went. */
export const DIRECTION_UNKNOWN = 255;

export class PacketBurst {
  readonly words = new Int32Array(BURST_PACKETS * PACKET_WORDS);
  /** The same memory; a row begins at half the place that it has in `words`. */
  readonly doubles = new Float64Array(this.words.buffer);
  /** Packets in the burst; the row after the last is where the next is dissected to. */
  size = 0;
}
