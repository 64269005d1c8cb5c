/**
 * The frames that nearly all traffic consists of, read in one go: Ethernet without tags, IPv4 without options
 * or IPv6 without extension headers, TCP or UDP, whole headers, no later fragment. PacketDissector does the
 * rest, and would say the same of these.
 *
 *  0          6          12     14                                34 (IPv4), 54 (IPv6)
 * +----------+----------+------+---------------------------------+---------------------- - -
 * | dest. MAC|source MAC| type | IPv4 (ipv4.ts) or IPv6 (ipv6.ts)| TCP (tcp.ts) or UDP
 * +----------+----------+------+---------------------------------+---------------------- - -
 *
 * Hot file: a quarter of the time of the accessors of ipv4.ts and its like, one by one. The places are
 * therefore numbers from the beginning of the frame, and the constants are this file's own (flow-cache.ts).
 */
import * as ethernet from './ethernet.ts';
import * as burst from './packet-burst.ts';
import * as tcp from './tcp.ts';
import * as udp from './udp.ts';

const { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } = ethernet;
const { KEY_SOURCE, KEY_DESTINATION, KEY_PORTS, KEY_KIND, KEY_INTERFACE, KIND_IPV6 } = burst;
const { KEY_SOURCE_PREFIX, KEY_DESTINATION_PREFIX } = burst;
const { PACKET_OCTETS, PACKET_BITS, PACKET_TTL, PACKET_MACS } = burst;
const { PROTOCOL_TCP } = tcp;
const { PROTOCOL_UDP } = udp;

const LINK_HAS_MACS = burst.LINK_HAS_SOURCE_MAC | burst.LINK_HAS_DESTINATION_MAC;
/** Of the transport header: TCP to the end of the control bits, UDP the ports. */
const TCP_OCTETS = 14;
const UDP_OCTETS = 4;
const IPV4_OCTETS = 20;
const IPV6_OCTETS = 40;
const IPV4_AT = 14;
const IPV6_AT = 14;

/**
 * Writes the row that begins at word `row` when the frame at `offset` is such a frame; else returns false,
 * and what is in the row means nothing. `kind` is KEY_KIND without protocol and address family.
 */
export function dissectPlainFrame(
  view: DataView,
  offset: number,
  capturedLength: number,
  words: Int32Array,
  row: number,
  kind: number,
  interfaceIndex: number,
): boolean {
  if (capturedLength < IPV4_AT + IPV4_OCTETS + UDP_OCTETS) return false;
  const etherType = view.getUint16(offset + 12);
  if (etherType === ETHERTYPE_IPV4) {
    if (!dissectIpv4(view, offset, capturedLength, words, row, kind)) return false;
  } else if (etherType === ETHERTYPE_IPV6) {
    if (!dissectIpv6(view, offset, capturedLength, words, row, kind)) return false;
  } else {
    return false;
  }
  words[row + PACKET_MACS] = view.getInt32(offset);
  words[row + PACKET_MACS + 1] = view.getInt32(offset + 4);
  words[row + PACKET_MACS + 2] = view.getInt32(offset + 8);
  words[row + KEY_INTERFACE] = interfaceIndex;
  return true;
}

function dissectIpv4(
  view: DataView,
  offset: number,
  capturedLength: number,
  words: Int32Array,
  row: number,
  kind: number,
): boolean {
  const first = view.getInt32(offset + IPV4_AT);
  const isFirstFragment = (view.getUint16(offset + IPV4_AT + 6) & 0x1fff) === 0;
  if (first >>> 24 !== 0x45 || !isFirstFragment) return false;
  const totalLength = first & 0xffff;
  const third = view.getInt32(offset + IPV4_AT + 8);
  const protocol = (third >>> 16) & 0xff;
  const octets = Math.min(totalLength, capturedLength - IPV4_AT);
  let bits = LINK_HAS_MACS;
  if (protocol === PROTOCOL_TCP) {
    if (octets < IPV4_OCTETS + TCP_OCTETS) return false;
    bits |= view.getUint16(offset + IPV4_AT + IPV4_OCTETS + 12) & 0x0fff;
  } else if (protocol !== PROTOCOL_UDP || octets < IPV4_OCTETS + UDP_OCTETS) {
    return false;
  }
  words[row + KEY_SOURCE] = view.getInt32(offset + IPV4_AT + 12);
  words[row + KEY_DESTINATION] = view.getInt32(offset + IPV4_AT + 16);
  words[row + KEY_PORTS] = view.getInt32(offset + IPV4_AT + IPV4_OCTETS);
  words[row + KEY_KIND] = kind | protocol;
  words[row + PACKET_OCTETS] = totalLength;
  words[row + PACKET_BITS] = bits;
  words[row + PACKET_TTL] = (first & 0xff_0000) | (third >>> 24);
  return true;
}

function dissectIpv6(
  view: DataView,
  offset: number,
  capturedLength: number,
  words: Int32Array,
  row: number,
  kind: number,
): boolean {
  if (capturedLength < IPV6_AT + IPV6_OCTETS + UDP_OCTETS) return false;
  const first = view.getInt32(offset + IPV6_AT);
  const second = view.getInt32(offset + IPV6_AT + 4);
  const payloadLength = second >>> 16;
  const protocol = (second >>> 8) & 0xff;
  const transportOctets = Math.min(payloadLength, capturedLength - IPV6_AT - IPV6_OCTETS);
  if (first >>> 28 !== 6) return false;
  let bits = LINK_HAS_MACS;
  if (protocol === PROTOCOL_TCP) {
    if (transportOctets < TCP_OCTETS) return false;
    bits |= view.getUint16(offset + IPV6_AT + IPV6_OCTETS + 12) & 0x0fff;
  } else if (protocol !== PROTOCOL_UDP || transportOctets < UDP_OCTETS) {
    return false;
  }
  words[row + KEY_SOURCE_PREFIX] = view.getInt32(offset + IPV6_AT + 8);
  words[row + KEY_SOURCE_PREFIX + 1] = view.getInt32(offset + IPV6_AT + 12);
  words[row + KEY_SOURCE_PREFIX + 2] = view.getInt32(offset + IPV6_AT + 16);
  words[row + KEY_SOURCE] = view.getInt32(offset + IPV6_AT + 20);
  words[row + KEY_DESTINATION_PREFIX] = view.getInt32(offset + IPV6_AT + 24);
  words[row + KEY_DESTINATION_PREFIX + 1] = view.getInt32(offset + IPV6_AT + 28);
  words[row + KEY_DESTINATION_PREFIX + 2] = view.getInt32(offset + IPV6_AT + 32);
  words[row + KEY_DESTINATION] = view.getInt32(offset + IPV6_AT + 36);
  words[row + KEY_PORTS] = view.getInt32(offset + IPV6_AT + IPV6_OCTETS);
  words[row + KEY_KIND] = kind | protocol | KIND_IPV6;
  words[row + PACKET_OCTETS] = IPV6_OCTETS + payloadLength;
  words[row + PACKET_BITS] = bits;
  words[row + PACKET_TTL] = ((first >> 4) & 0xff_0000) | (second & 0xff);
  return true;
}
