/**
 * The packet that an ICMP error is about, quoted in it: RFC 792 (types 3, 11, 12), RFC 4443 section 3 (types 1
 * to 4). Both have eight octets, then as much of the packet as fits, from its IP header on.
 *
 *  0       1       2               4                               8
 * +-------+-------+---------------+-------------------------------+---- - -
 * | type  | code  |   checksum    |   unused, MTU or pointer      | IP header, transport header …
 * +-------+-------+---------------+-------------------------------+---- - -
 */
import { WORD_DESTINATION_PREFIX, WORD_SOURCE_PREFIX } from './flow-record.ts';
import { PROTOCOL_ICMPV4 } from './icmpv4.ts';
import { PROTOCOL_ICMPV6 } from './icmpv6.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import { KEY_DESTINATION, KEY_KIND, KEY_PORTS, KEY_SOURCE } from './packet-burst.ts';

const ICMP_HEADER_OCTETS = 8;
/** Destination unreachable, time exceeded, parameter problem. */
const ICMPV4_ERRORS: readonly number[] = [3, 11, 12];
/** Destination unreachable, packet too big, time exceeded, parameter problem. */
const ICMPV6_ERROR_LAST = 4;
/** Both ports, in TCP, UDP and SCTP. */
const PORTS_OCTETS = 4;
/** The third word of an IPv4-mapped address (::ffff:a.b.c.d). */
const IPV4_MAPPED_WORD = 0xffff;

const payload: ipv6.Ipv6Payload = { protocol: 0, offset: 0, isLaterFragment: false, isCutShort: false };

/**
 * Writes protocol, ports and addresses of the packet quoted in the ICMP message at `offset` into `words` as a
 * flow record keeps them, IPv4 addresses mapped. False where it is no error, or too little is quoted or captured.
 */
export function readQuotedPacket(
  view: DataView,
  offset: number,
  end: number,
  protocol: number,
  words: Int32Array,
): boolean {
  const quoted = offset + ICMP_HEADER_OCTETS;
  if (quoted >= end) return false;
  const type = view.getUint8(offset);
  if (protocol === PROTOCOL_ICMPV4) return ICMPV4_ERRORS.includes(type) && readIpv4(view, quoted, end, words);
  const isError = type >= 1 && type <= ICMPV6_ERROR_LAST;
  return protocol === PROTOCOL_ICMPV6 && isError && readIpv6(view, quoted, end, words);
}

function readIpv4(view: DataView, offset: number, end: number, words: Int32Array): boolean {
  if (!ipv4.hasWholeIpv4Header(view, offset, end) || !ipv4.checkIpv4(view, offset)) return false;
  if (ipv4.ipv4FragmentOffset(view, offset) !== 0) return false;
  for (const prefix of [WORD_SOURCE_PREFIX, WORD_DESTINATION_PREFIX]) {
    words.fill(0, prefix, prefix + 2);
    words[prefix + 2] = IPV4_MAPPED_WORD;
  }
  words[KEY_SOURCE] = ipv4.ipv4SourceAddress(view, offset);
  words[KEY_DESTINATION] = ipv4.ipv4DestinationAddress(view, offset);
  words[KEY_KIND] = ipv4.ipv4Protocol(view, offset);
  return readPorts(view, offset + ipv4.ipv4HeaderOctets(view, offset), end, words);
}

function readIpv6(view: DataView, offset: number, end: number, words: Int32Array): boolean {
  if (!ipv6.checkIpv6(view, offset, end)) return false;
  for (let index = 0; index < 3; index += 1) {
    words[WORD_SOURCE_PREFIX + index] = ipv6.ipv6SourceWord(view, offset, index);
    words[WORD_DESTINATION_PREFIX + index] = ipv6.ipv6DestinationWord(view, offset, index);
  }
  words[KEY_SOURCE] = ipv6.ipv6SourceWord(view, offset, 3);
  words[KEY_DESTINATION] = ipv6.ipv6DestinationWord(view, offset, 3);
  ipv6.walkIpv6(view, offset, end, payload);
  if (payload.isLaterFragment || payload.isCutShort) return false;
  words[KEY_KIND] = payload.protocol;
  return readPorts(view, payload.offset, end, words);
}

function readPorts(view: DataView, offset: number, end: number, words: Int32Array): boolean {
  if (offset + PORTS_OCTETS > end) return false;
  words[KEY_PORTS] = view.getInt32(offset);
  return true;
}
