/**
 * What UDP datagrams, TCP streams and SCTP associations of a capture carry, fragments and segments put together:
 * how captured export packets are read. A packet at a time, for people; the meter itself never looks into a payload.
 */
import { formatIPv4, formatIPv6 } from '@weir/ipfix';
import { type CaptureSummary, type ReadCaptureOptions, readCapture } from './capture-file.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import { findNetworkLayer, NetworkStart } from './link-layer.ts';
import { FragmentAssembler, StreamAssembler, UserMessageAssembler } from './payload-assembler.ts';
import { PROTOCOL_SCTP, sctpData } from './sctp.ts';
import { PROTOCOL_TCP, TCP_FIN, TCP_RST, TCP_SYN } from './tcp.ts';
import { PROTOCOL_UDP } from './udp.ts';

const UDP_HEADER_OCTETS = 8;
const TCP_HEADER_OCTETS_MIN = 20;
const MORE_FRAGMENTS = 0x2000;

/** Who sent a payload to whom, and when (milliseconds since the Unix epoch). */
export interface PayloadOrigin {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  readonly timestampMs: number;
}

export interface PayloadHandler {
  /** The payload of one UDP datagram; the octets are there during the call only. */
  datagram(bytes: Uint8Array, origin: PayloadOrigin): void;
  /**
   * The next octets of one direction of a TCP connection, in order; `stream` is the same for all of them.
   * `missing` octets before them are not in the capture.
   */
  segment(bytes: Uint8Array, stream: string, origin: PayloadOrigin, missing: number): void;
  /** One user message of SCTP; `stream` is the same for all of a direction of an association. */
  userMessage(bytes: Uint8Array, stream: string, origin: PayloadOrigin): void;
}

/** Reads a capture from beginning to end. Throws UserError as readCapture does. */
export async function readPayloads(
  path: string,
  handler: PayloadHandler,
  options: Pick<ReadCaptureOptions, 'afterChunk' | 'octets'> = {},
): Promise<CaptureSummary> {
  const reader = new PayloadReader(handler);
  const summary = await readCapture(
    path,
    (bytes, offset, capturedLength, _wireLength, timestampMs, _direction, _interfaceIndex, linkType) =>
      reader.packet(bytes, offset, capturedLength, timestampMs, linkType),
    options,
  );
  reader.end();
  return summary;
}

class PayloadReader {
  readonly #handler: PayloadHandler;
  readonly #start = new NetworkStart();
  readonly #ipv6Payload: ipv6.Ipv6Payload = {
    protocol: 0,
    offset: 0,
    isLaterFragment: false,
    isCutShort: false,
  };
  readonly #fragments = new FragmentAssembler();
  readonly #streams = new StreamAssembler();
  readonly #userMessages = new UserMessageAssembler();

  constructor(handler: PayloadHandler) {
    this.#handler = handler;
  }

  packet(
    bytes: Uint8Array,
    offset: number,
    capturedLength: number,
    timestampMs: number,
    linkType: number,
  ): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const start = this.#start;
    findNetworkLayer(view, offset, offset + capturedLength, linkType, start);
    if (start.etherType === ETHERTYPE_IPV4) this.#ipv4(bytes, view, start.offset, start.end, timestampMs);
    else if (start.etherType === ETHERTYPE_IPV6)
      this.#ipv6(bytes, view, start.offset, start.end, timestampMs);
  }

  end(): void {
    this.#streams.end();
  }

  #ipv4(bytes: Uint8Array, view: DataView, offset: number, end: number, timestampMs: number): void {
    if (!ipv4.hasWholeIpv4Header(view, offset, end) || !ipv4.checkIpv4(view, offset)) return;
    const totalLength = ipv4.ipv4TotalLength(view, offset);
    const payloadEnd = totalLength === 0 ? end : Math.min(end, offset + totalLength);
    const from = offset + ipv4.ipv4HeaderOctets(view, offset);
    const sourceAddress = formatIPv4(bytes, offset + 12);
    const destinationAddress = formatIPv4(bytes, offset + 16);
    const protocol = ipv4.ipv4Protocol(view, offset);
    const fragmentOffset = ipv4.ipv4FragmentOffset(view, offset) * 8;
    const isLast = (view.getUint16(offset + 6) & MORE_FRAGMENTS) === 0;
    const key = `${sourceAddress} ${destinationAddress} ${protocol} ${view.getUint16(offset + 4)}`;
    const whole = this.#fragments.add(key, fragmentOffset, isLast, bytes.subarray(from, payloadEnd));
    if (whole !== undefined) this.#transport(protocol, whole, sourceAddress, destinationAddress, timestampMs);
  }

  #ipv6(bytes: Uint8Array, view: DataView, offset: number, end: number, timestampMs: number): void {
    if (!ipv6.checkIpv6(view, offset, end)) return;
    const payload = this.#ipv6Payload;
    ipv6.walkIpv6(view, offset, end, payload);
    if (payload.isCutShort || payload.offset > end) return;
    const length = ipv6.ipv6PayloadLength(view, offset);
    const payloadEnd = length === 0 ? end : Math.min(end, offset + ipv6.IPV6_HEADER_OCTETS + length);
    const sourceAddress = formatIPv6(bytes, offset + 8);
    const destinationAddress = formatIPv6(bytes, offset + 24);
    const fragment = fragmentHeader(view, offset, end);
    const part = bytes.subarray(payload.offset, Math.max(payload.offset, payloadEnd));
    if (fragment === undefined) {
      this.#transport(payload.protocol, part, sourceAddress, destinationAddress, timestampMs);
      return;
    }
    const word = view.getUint16(fragment + 2);
    const key = `${sourceAddress} ${destinationAddress} ${view.getUint32(fragment + 4)}`;
    const whole = this.#fragments.add(key, word & 0xfff8, (word & 1) === 0, part);
    if (whole !== undefined) {
      this.#transport(view.getUint8(fragment), whole, sourceAddress, destinationAddress, timestampMs);
    }
  }

  #transport(
    protocol: number,
    packet: Uint8Array,
    sourceAddress: string,
    destinationAddress: string,
    timestampMs: number,
  ): void {
    if (packet.length < UDP_HEADER_OCTETS) return;
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    const origin = {
      sourceAddress,
      sourcePort: view.getUint16(0),
      destinationAddress,
      destinationPort: view.getUint16(2),
      timestampMs,
    };
    if (protocol === PROTOCOL_UDP) this.#udp(packet, view, origin);
    else if (protocol === PROTOCOL_TCP) this.#tcp(packet, view, origin);
    else if (protocol === PROTOCOL_SCTP) this.#sctp(packet, origin);
  }

  #udp(packet: Uint8Array, view: DataView, origin: PayloadOrigin): void {
    const length = view.getUint16(4);
    const end = length >= UDP_HEADER_OCTETS ? Math.min(length, packet.length) : packet.length;
    if (end > UDP_HEADER_OCTETS) this.#handler.datagram(packet.subarray(UDP_HEADER_OCTETS, end), origin);
  }

  #sctp(packet: Uint8Array, origin: PayloadOrigin): void {
    const stream = streamOf(origin);
    for (const chunk of sctpData(packet)) {
      const message = this.#userMessages.add(stream, chunk);
      if (message !== undefined) this.#handler.userMessage(message, stream, origin);
    }
  }

  #tcp(packet: Uint8Array, view: DataView, origin: PayloadOrigin): void {
    if (packet.length < TCP_HEADER_OCTETS_MIN) return;
    const from = (view.getUint8(12) >> 4) * 4;
    if (from < TCP_HEADER_OCTETS_MIN || from > packet.length) return;
    const controlBits = view.getUint8(13);
    const stream = streamOf(origin);
    this.#streams.add(
      stream,
      view.getUint32(4),
      (controlBits & TCP_SYN) !== 0,
      packet.subarray(from),
      (bytes, name, missing) => this.#handler.segment(bytes, name, origin, missing),
    );
    if ((controlBits & (TCP_FIN | TCP_RST)) !== 0) this.#streams.close(stream);
  }
}

function streamOf({ sourceAddress, sourcePort, destinationAddress, destinationPort }: PayloadOrigin): string {
  return `${sourceAddress}:${sourcePort} ${destinationAddress}:${destinationPort}`;
}

/** Where the fragment header of an IPv6 packet is, or undefined without one. */
function fragmentHeader(view: DataView, offset: number, end: number): number | undefined {
  let protocol = ipv6.ipv6NextHeader(view, offset);
  let at = offset + ipv6.IPV6_HEADER_OCTETS;
  for (let count = 0; count < ipv6.EXTENSION_HEADERS_MAX && end - at >= 8; count += 1) {
    if (protocol === ipv6.PROTOCOL_FRAGMENT) return at;
    if (!ipv6.isIpv6ExtensionHeader(protocol)) return undefined;
    protocol = view.getUint8(at);
    at += (view.getUint8(at + 1) + 1) * 8;
  }
  return undefined;
}
