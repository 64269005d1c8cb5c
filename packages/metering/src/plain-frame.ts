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
import type { FrameBurst } from './frame-burst.ts';
import type { PacketBurst } from './packet-burst.ts';
import * as packet from './packet-burst.ts';
import * as tcp from './tcp.ts';
import * as udp from './udp.ts';

const { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } = ethernet;
const { KEY_SOURCE, KEY_DESTINATION, KEY_PORTS, KEY_KIND, KEY_INTERFACE, KIND_IPV6 } = packet;
const { KEY_SOURCE_PREFIX } = packet;
const { PACKET_OCTETS, PACKET_BITS, PACKET_TTL, PACKET_MACS, PACKET_TIME, PACKET_WORDS } = packet;
const { PROTOCOL_TCP } = tcp;
const { PROTOCOL_UDP } = udp;

const LINK_HAS_MACS = packet.LINK_HAS_SOURCE_MAC | packet.LINK_HAS_DESTINATION_MAC;
/** Of the transport header: TCP to the end of the control bits, UDP the ports. */
const TCP_OCTETS = 14;
const UDP_OCTETS = 4;
const IPV4_OCTETS = 20;
const IPV6_OCTETS = 40;
const IPV4_AT = 14;
const IPV6_AT = 14;
const NOT_PLAIN = -1;

/**
 * Writes the rows of the frames from `from` on, after those that `burst` has, until one is no such frame or
 * `to` is reached; returns its index. `kind` is KEY_KIND without protocol and address family. There is no call
 * in the loop once it is compiled, see FlowCache.#countKnown.
 */
export function dissectPlainFrames(
  frames: FrameBurst,
  from: number,
  to: number,
  burst: PacketBurst,
  kind: number,
): number {
  const { view, offsets, capturedLengths, timesMs } = frames;
  const { words, doubles } = burst;
  let row = burst.size * PACKET_WORDS;
  let index = from;
  for (; index < to; index += 1) {
    const offset = offsets[index]!;
    const capturedLength = capturedLengths[index]!;
    if (capturedLength < IPV4_AT + IPV4_OCTETS + UDP_OCTETS) break;
    const etherType = view.getUint16(offset + 12);
    let bits = NOT_PLAIN;
    if (etherType === ETHERTYPE_IPV4) bits = dissectIpv4(view, offset, capturedLength, words, row, kind);
    else if (etherType === ETHERTYPE_IPV6) bits = dissectIpv6(view, offset, capturedLength, words, row, kind);
    if (bits === NOT_PLAIN) break;
    words[row + PACKET_BITS] = bits | LINK_HAS_MACS;
    words[row + PACKET_MACS] = view.getInt32(offset);
    words[row + PACKET_MACS + 1] = view.getInt32(offset + 4);
    words[row + PACKET_MACS + 2] = view.getInt32(offset + 8);
    words[row + KEY_INTERFACE] = 0;
    doubles[(row >> 1) + PACKET_TIME] = timesMs[index]!;
    row += PACKET_WORDS;
  }
  burst.size += index - from;
  return index;
}

/** Returns tcpControlBits, or NOT_PLAIN. */
function dissectIpv4(
  view: DataView,
  offset: number,
  capturedLength: number,
  words: Int32Array,
  row: number,
  kind: number,
): number {
  const at = offset + IPV4_AT;
  const first = view.getInt32(at);
  const isLaterFragment = (view.getUint16(at + 6) & 0x1fff) !== 0;
  if (first >>> 24 !== 0x45 || isLaterFragment) return NOT_PLAIN;
  const totalLength = first & 0xffff;
  const third = view.getInt32(at + 8);
  const protocol = (third >>> 16) & 0xff;
  const octets = Math.min(totalLength, capturedLength - IPV4_AT);
  let bits = 0;
  if (protocol === PROTOCOL_TCP) {
    if (octets < IPV4_OCTETS + TCP_OCTETS) return NOT_PLAIN;
    bits = view.getUint16(at + 32) & 0x0fff;
  } else if (protocol !== PROTOCOL_UDP || octets < IPV4_OCTETS + UDP_OCTETS) {
    return NOT_PLAIN;
  }
  words[row + KEY_SOURCE] = view.getInt32(at + 12);
  words[row + KEY_DESTINATION] = view.getInt32(at + 16);
  words[row + KEY_PORTS] = view.getInt32(at + 20);
  words[row + KEY_KIND] = kind | protocol;
  words[row + PACKET_OCTETS] = totalLength;
  words[row + PACKET_TTL] = (first & 0xff_0000) | (third >>> 24);
  return bits;
}

/** As dissectIpv4. */
function dissectIpv6(
  view: DataView,
  offset: number,
  capturedLength: number,
  words: Int32Array,
  row: number,
  kind: number,
): number {
  const at = offset + IPV6_AT;
  const first = view.getInt32(at);
  const second = view.getInt32(at + 4);
  const payloadLength = second >>> 16;
  const protocol = (second >>> 8) & 0xff;
  const transportOctets = Math.min(payloadLength, capturedLength - (IPV6_AT + IPV6_OCTETS));
  if (first >>> 28 !== 6) return NOT_PLAIN;
  let bits = 0;
  if (protocol === PROTOCOL_TCP) {
    if (transportOctets < TCP_OCTETS) return NOT_PLAIN;
    bits = view.getUint16(at + 52) & 0x0fff;
  } else if (protocol !== PROTOCOL_UDP || transportOctets < UDP_OCTETS) {
    return NOT_PLAIN;
  }
  const prefixes = row + KEY_SOURCE_PREFIX;
  for (let word = 0; word < 3; word += 1) {
    words[prefixes + word] = view.getInt32(at + 8 + word * 4);
    words[prefixes + 3 + word] = view.getInt32(at + 24 + word * 4);
  }
  words[row + KEY_SOURCE] = view.getInt32(at + 20);
  words[row + KEY_DESTINATION] = view.getInt32(at + 36);
  words[row + KEY_PORTS] = view.getInt32(at + 40);
  words[row + KEY_KIND] = kind | protocol | KIND_IPV6;
  words[row + PACKET_OCTETS] = 40 + payloadLength;
  words[row + PACKET_TTL] = ((first >> 4) & 0xff_0000) | (second & 0xff);
  return bits;
}
