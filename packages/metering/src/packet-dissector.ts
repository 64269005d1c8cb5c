/**
 * One frame in, one row of a PacketBurst out: the flow key and the counters' increments of its outermost IP
 * packet.
 *
 * The hot path of the meter: `dissect` allocates nothing as long as `bytes` is the same array as the time
 * before (a chunk of a file, a packet ring). Ethernet without tags takes the short way; the rest goes through
 * link-layer.ts.
 */
import { ETHERNET_PAYLOAD_OCTETS_MIN, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';
import type { ExcludedTraffic } from './excluded-traffic.ts';
import type { FrameBurst } from './frame-burst.ts';
import { checkIcmpv4, icmpv4TypeCode, PROTOCOL_ICMPV4 } from './icmpv4.ts';
import { checkIcmpv6, icmpv6TypeCode, PROTOCOL_ICMPV6 } from './icmpv6.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import { findNetworkLayer, LINK_TRUNCATED, LINK_UNSUPPORTED, NetworkStart } from './link-layer.ts';
import { LINKTYPE_ETHERNET } from './link-type.ts';
import type { PacketBurst } from './packet-burst.ts';
import * as packet from './packet-burst.ts';
import { dissectPlainFrames } from './plain-frame.ts';
import { checkSctp, PROTOCOL_SCTP, sctpPorts } from './sctp.ts';
import { checkTcpControlBits, checkTcpPorts, PROTOCOL_TCP, tcpControlBits, tcpPorts } from './tcp.ts';
import { checkUdp, PROTOCOL_UDP, udpPorts } from './udp.ts';

// This file's own, see flow-cache.ts.
const {
  DIRECTION_UNKNOWN,
  KEY_DESTINATION,
  KEY_DESTINATION_PREFIX,
  KEY_INTERFACE,
  KEY_KIND,
  KEY_PORTS,
  KEY_SOURCE,
  KEY_SOURCE_PREFIX,
  KIND_DIRECTION_SHIFT,
  KIND_IPV6,
  KIND_VLAN_SHIFT,
  LINK_HAS_DESTINATION_MAC,
  LINK_HAS_SOURCE_MAC,
  PACKET_BITS,
  PACKET_MACS,
  PACKET_OCTETS,
  PACKET_TIME,
  PACKET_TTL,
  PACKET_WORDS,
} = packet;

/** What became of a frame. The numbers index the meter's counters; PACKET_OUTCOMES names them. */
export const OUTCOME_IP = 0;
export const OUTCOME_NOT_IP = 1;
export const OUTCOME_TRUNCATED = 2;
export const OUTCOME_MALFORMED = 3;
export const OUTCOME_UNSUPPORTED_LINK = 4;
export const OUTCOME_EXCLUDED = 5;
/**
 * `ip`: metered. `notIp`: ARP and the like. `truncated`: cut off before the end of the IP header.
 * `malformed`: an IP header that contradicts itself. `unsupportedLink`: a link type that the meter does not
 * know. `excluded`: an ICMP error about traffic that the meter must not report.
 */
export const PACKET_OUTCOMES = [
  'ip',
  'notIp',
  'truncated',
  'malformed',
  'unsupportedLink',
  'excluded',
] as const;

const KIND_NO_DIRECTION = (DIRECTION_UNKNOWN & 3) << KIND_DIRECTION_SHIFT;

/** Where the transport header of the last packet begins; kept only when somebody asked for it. */
export interface TransportPlace {
  /** Over the octets that `offset` and `end` are places in. */
  view: DataView;
  /** −1 where there is no transport header: a later fragment, a chain of extension headers cut short. */
  offset: number;
  /** The end of what was captured of the packet. */
  end: number;
  /** Octets from `offset` on as the IP header says, captured or not. */
  octets: number;
}

export class PacketDissector {
  readonly #burst: PacketBurst;
  readonly #words: Int32Array;
  readonly #place: TransportPlace | undefined;
  readonly #excluded: ExcludedTraffic | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));
  readonly #start = new NetworkStart();
  readonly #payload: ipv6.Ipv6Payload = { protocol: 0, offset: 0, isLaterFragment: false, isCutShort: false };
  #bytes: Uint8Array | undefined;
  /** Where the row of the frame begins. */
  #row = 0;

  /**
   * With `place` given, `dissect` says there where the transport header is; with `excluded`, ICMP errors about
   * packets of its sockets are OUTCOME_EXCLUDED.
   */
  constructor(burst: PacketBurst, place?: TransportPlace, excluded?: ExcludedTraffic) {
    this.#burst = burst;
    this.#words = burst.words;
    this.#place = place;
    this.#excluded = excluded;
  }

  /**
   * Dissects the frame of `linkType` in `bytes`, of which `capturedLength` octets are there and `wireLength`
   * were sent, into the burst's row that begins at word `row`. Returns an OUTCOME_…; only with OUTCOME_IP
   * and OUTCOME_EXCLUDED does the row describe the frame.
   */
  dissect(
    row: number,
    bytes: Uint8Array,
    offset: number,
    capturedLength: number,
    wireLength: number,
    direction: number,
    interfaceIndex: number,
    linkType: number,
  ): number {
    if (bytes !== this.#bytes) this.#attach(bytes);
    const view = this.#view;
    this.#row = row;
    const end = offset + capturedLength;
    const wireEnd = offset + Math.max(wireLength, capturedLength);
    if (linkType === LINKTYPE_ETHERNET && capturedLength >= 14) {
      const etherType = view.getUint16(offset + 12);
      if (etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6) {
        const words = this.#words;
        words[row + PACKET_MACS] = view.getInt32(offset);
        words[row + PACKET_MACS + 1] = view.getInt32(offset + 4);
        words[row + PACKET_MACS + 2] = view.getInt32(offset + 8);
        words[row + PACKET_BITS] = LINK_HAS_SOURCE_MAC | LINK_HAS_DESTINATION_MAC;
        words[row + KEY_INTERFACE] = interfaceIndex;
        const kind = (direction & 3) << KIND_DIRECTION_SHIFT;
        return etherType === ETHERTYPE_IPV4
          ? this.#dissectIpv4(view, offset + 14, end, wireEnd, kind)
          : this.#dissectIpv6(view, offset + 14, end, wireEnd, kind);
      }
    }
    return this.#dissectLink(view, offset, end, wireEnd, direction, interfaceIndex, linkType);
  }

  /**
   * Dissects the frames `from` to `to` − 1 into the rows after the burst's last, which must be enough, adds
   * the packets to the burst, and counts what became of the frames in `outcomes`. Keeps no transport place.
   */
  dissectFrames(frames: FrameBurst, from: number, to: number, outcomes: Float64Array): void {
    const burst = this.#burst;
    const isEthernet = frames.linkType === LINKTYPE_ETHERNET;
    for (let index = from; index < to; index += 1) {
      const next = isEthernet ? dissectPlainFrames(frames, index, to, burst, KIND_NO_DIRECTION) : index;
      outcomes[OUTCOME_IP]! += next - index;
      index = next;
      if (index < to) outcomes[this.#dissectFrame(frames, index)]! += 1;
    }
  }

  #dissectFrame(frames: FrameBurst, index: number): number {
    const { bytes, linkType } = frames;
    const row = this.#burst.size * PACKET_WORDS;
    const offset = frames.offsets[index]!;
    const captured = frames.capturedLengths[index]!;
    const wire = frames.wireLengths[index]!;
    const outcome = this.dissect(row, bytes, offset, captured, wire, DIRECTION_UNKNOWN, 0, linkType);
    if (outcome === OUTCOME_IP) {
      this.#burst.doubles[(row >> 1) + PACKET_TIME] = frames.timesMs[index]!;
      this.#burst.size += 1;
    }
    return outcome;
  }

  #attach(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #dissectLink(
    view: DataView,
    offset: number,
    end: number,
    wireEnd: number,
    direction: number,
    interfaceIndex: number,
    linkType: number,
  ): number {
    const start = this.#start;
    findNetworkLayer(view, offset, end, linkType, start);
    this.#writeMacs(view, start);
    this.#words[this.#row + KEY_INTERFACE] = interfaceIndex === 0 ? start.interfaceIndex : interfaceIndex;
    const knownDirection = direction === DIRECTION_UNKNOWN ? start.direction : direction;
    const kind = (start.vlanId << KIND_VLAN_SHIFT) | ((knownDirection & 3) << KIND_DIRECTION_SHIFT);
    switch (start.etherType) {
      case ETHERTYPE_IPV4:
        return this.#dissectIpv4(view, start.offset, start.end, wireEnd, kind);
      case ETHERTYPE_IPV6:
        return this.#dissectIpv6(view, start.offset, start.end, wireEnd, kind);
      case LINK_TRUNCATED:
        return OUTCOME_TRUNCATED;
      case LINK_UNSUPPORTED:
        return OUTCOME_UNSUPPORTED_LINK;
      default:
        return OUTCOME_NOT_IP;
    }
  }

  #writeMacs(view: DataView, { sourceMacOffset, destinationMacOffset }: NetworkStart): void {
    const words = this.#words;
    const at = this.#row + PACKET_MACS;
    let link = 0;
    words[at + 1] = 0;
    if (destinationMacOffset >= 0) {
      link |= LINK_HAS_DESTINATION_MAC;
      words[at] = view.getInt32(destinationMacOffset);
      words[at + 1] = view.getUint16(destinationMacOffset + 4) << 16;
    }
    if (sourceMacOffset >= 0) {
      link |= LINK_HAS_SOURCE_MAC;
      words[at + 1]! |= view.getUint16(sourceMacOffset);
      words[at + 2] = view.getInt32(sourceMacOffset + 2);
    }
    words[this.#row + PACKET_BITS] = link;
  }

  #dissectIpv4(view: DataView, offset: number, end: number, wireEnd: number, kind: number): number {
    if (!ipv4.hasWholeIpv4Header(view, offset, end)) return OUTCOME_TRUNCATED;
    if (!ipv4.checkIpv4(view, offset)) return OUTCOME_MALFORMED;
    const words = this.#words;
    const row = this.#row;
    const totalLength = ipv4.ipv4TotalLength(view, offset);
    const octets = totalLength === 0 ? wireEnd - offset : totalLength;
    const protocol = ipv4.ipv4Protocol(view, offset);
    words[row + PACKET_OCTETS] = octets;
    words[row + PACKET_TTL] =
      (ipv4.ipv4TypeOfService(view, offset) << 16) | ipv4.ipv4TimeToLive(view, offset);
    words[row + KEY_SOURCE] = ipv4.ipv4SourceAddress(view, offset);
    words[row + KEY_DESTINATION] = ipv4.ipv4DestinationAddress(view, offset);
    words[row + KEY_KIND] = kind | protocol;
    const packetEnd = Math.min(offset + octets, end);
    let outcome = OUTCOME_IP;
    if (ipv4.ipv4FragmentOffset(view, offset) === 0) {
      const headerOctets = ipv4.ipv4HeaderOctets(view, offset);
      outcome = this.#dissectTransport(view, offset + headerOctets, packetEnd, protocol);
      if (this.#place !== undefined) this.#keepPlace(offset + headerOctets, packetEnd, octets - headerOctets);
    } else {
      this.#withoutTransport();
    }
    return outcome;
  }

  #dissectIpv6(view: DataView, offset: number, end: number, wireEnd: number, kind: number): number {
    if (!ipv6.checkIpv6(view, offset, end)) {
      return end - offset < ipv6.IPV6_HEADER_OCTETS ? OUTCOME_TRUNCATED : OUTCOME_MALFORMED;
    }
    const words = this.#words;
    const row = this.#row;
    const payload = this.#payload;
    const payloadLength = ipv6.ipv6PayloadLength(view, offset);
    const octets =
      payloadLength === 0 ? unstatedOctets(wireEnd - offset) : ipv6.IPV6_HEADER_OCTETS + payloadLength;
    words[row + PACKET_OCTETS] = octets;
    words[row + PACKET_TTL] = (ipv6.ipv6TrafficClass(view, offset) << 16) | ipv6.ipv6HopLimit(view, offset);
    words[row + KEY_SOURCE] = ipv6.ipv6SourceWord(view, offset, 3);
    words[row + KEY_DESTINATION] = ipv6.ipv6DestinationWord(view, offset, 3);
    for (let index = 0; index < 3; index += 1) {
      words[row + KEY_SOURCE_PREFIX + index] = ipv6.ipv6SourceWord(view, offset, index);
      words[row + KEY_DESTINATION_PREFIX + index] = ipv6.ipv6DestinationWord(view, offset, index);
    }
    const packetEnd = Math.min(offset + octets, end);
    ipv6.walkIpv6(view, offset, packetEnd, payload);
    words[row + KEY_KIND] = kind | payload.protocol | KIND_IPV6;
    let outcome = OUTCOME_IP;
    if (payload.isLaterFragment || payload.isCutShort) this.#withoutTransport();
    else {
      outcome = this.#dissectTransport(view, payload.offset, packetEnd, payload.protocol);
      if (this.#place !== undefined) {
        this.#keepPlace(payload.offset, packetEnd, octets - (payload.offset - offset));
      }
    }
    return outcome;
  }

  #dissectTransport(view: DataView, offset: number, end: number, protocol: number): number {
    let ports = 0;
    let controlBits = 0;
    let outcome = OUTCOME_IP;
    if (protocol === PROTOCOL_TCP) {
      if (checkTcpPorts(offset, end)) ports = tcpPorts(view, offset);
      if (checkTcpControlBits(offset, end)) controlBits = tcpControlBits(view, offset);
    } else if (protocol === PROTOCOL_UDP) {
      if (checkUdp(offset, end)) ports = udpPorts(view, offset);
    } else if (protocol === PROTOCOL_ICMPV4) {
      if (checkIcmpv4(offset, end)) ports = icmpv4TypeCode(view, offset);
      if (this.#excluded?.includesQuoted(view, offset, end, protocol)) outcome = OUTCOME_EXCLUDED;
    } else if (protocol === PROTOCOL_ICMPV6) {
      if (checkIcmpv6(offset, end)) ports = icmpv6TypeCode(view, offset);
      if (this.#excluded?.includesQuoted(view, offset, end, protocol)) outcome = OUTCOME_EXCLUDED;
    } else if (protocol === PROTOCOL_SCTP) {
      if (checkSctp(offset, end)) ports = sctpPorts(view, offset);
    }
    this.#words[this.#row + KEY_PORTS] = ports;
    this.#words[this.#row + PACKET_BITS]! |= controlBits;
    return outcome;
  }

  #withoutTransport(): void {
    this.#words[this.#row + KEY_PORTS] = 0;
    if (this.#place !== undefined) this.#keepPlace(-1, 0, 0);
  }

  #keepPlace(offset: number, end: number, octets: number): void {
    const place = this.#place!;
    place.view = this.#view;
    place.offset = offset;
    place.end = end;
    place.octets = octets;
  }
}

/**
 * The octets of an IPv6 packet that says its payload has none: a jumbogram or one that the network card will
 * cut up has all that was on the wire; what fits into the padding of the shortest Ethernet frame is padding.
 */
function unstatedOctets(wireOctets: number): number {
  return wireOctets <= ETHERNET_PAYLOAD_OCTETS_MIN ? ipv6.IPV6_HEADER_OCTETS : wireOctets;
}
