/**
 * Sends UDP over IPv4 in the name of others: a raw socket takes the IP header from us (raw(7), IP_HDRINCL; the
 * kernel fills in total length, identification and the header's checksum). Needs CAP_NET_RAW.
 *
 *      0                   1                   2                   3
 *     |Version|  IHL  |Type of Service|          Total Length         |
 *     |         Identification        |Flags|      Fragment Offset    |
 *     |  Time to Live |    Protocol   |         Header Checksum       |
 *     |                       Source Address                          |
 *     |                    Destination Address                        |
 *     |          Source Port          |       Destination Port        |   RFC 768
 *     |            Length             |           Checksum            |
 */
import { UserError } from '@weir/base';
import { libc } from './libc.ts';
import { describeUdpEndpoint } from './listen-error.ts';
import { packSocketAddress } from './socket-address.ts';
import { AF_INET, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_RAW } from './socket-option.ts';

const IPPROTO_RAW = 255;
const IPPROTO_UDP = 17;
const IP_HEADER_OCTETS = 20;
const HEADERS_OCTETS = IP_HEADER_OCTETS + 8;
const TIME_TO_LIVE = 64;
const PACKET_OCTETS_MAX = 65_535;

export interface SpoofingSenderStatistics {
  readonly sent: number;
  readonly sentOctets: number;
  /** The kernel had no room. */
  readonly refused: number;
  readonly failed: number;
  /** The code of the latest failure: `EMSGSIZE` for what is longer than the path allows. */
  readonly latestError: string | undefined;
}

export interface SpoofingSender {
  /** Sends a datagram from this IPv4 address (dotted) and port. Never waits. */
  send(datagram: Uint8Array, sourceAddress: string, sourcePort: number): void;
  statistics(): SpoofingSenderStatistics;
  close(): void;
}

/**
 * Opens a raw socket for one IPv4 destination. Throws UserError `raw_socket_refused` where this process may not,
 * `native_calls_unavailable` where the platform has none.
 */
export function openSpoofingSender(to: { address: string; port: number }): SpoofingSender {
  const c = libc();
  const fd = c.socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  const destination = packSocketAddress(c, to.address, to.port);
  if (fd < 0 || c.connect(fd, destination, destination.length) !== 0) {
    const reason = c.errorName();
    if (fd >= 0) c.close(fd);
    const message = `cannot send to ${describeUdpEndpoint(to)} from other addresses: ${reason}; it needs CAP_NET_RAW`;
    throw new UserError('raw_socket_refused', message);
  }
  const packet = new Uint8Array(PACKET_OCTETS_MAX);
  const view = new DataView(packet.buffer);
  packet[0] = 0x45;
  packet[8] = TIME_TO_LIVE;
  packet[9] = IPPROTO_UDP;
  packet.set(destination.subarray(4, 8), 16);
  view.setUint16(22, to.port);
  let [sent, sentOctets, refused, failed] = [0, 0, 0, 0];
  let latestError: string | undefined;

  function note(result: number, octets: number): void {
    if (result >= 0) {
      sent += 1;
      sentOctets += octets;
      return;
    }
    const error = c.errorName();
    if (error === 'EAGAIN' || error === 'ENOBUFS') refused += 1;
    else {
      failed += 1;
      latestError = error;
    }
  }

  return {
    send(datagram, sourceAddress, sourcePort) {
      const octets = datagram.length;
      if (octets > PACKET_OCTETS_MAX - HEADERS_OCTETS) {
        failed += 1;
        latestError = 'EMSGSIZE';
        return;
      }
      packet.set(sourceAddress.split('.').map(Number), 12);
      view.setUint16(20, sourcePort);
      view.setUint16(24, octets + 8);
      view.setUint16(26, 0);
      packet.set(datagram, HEADERS_OCTETS);
      view.setUint16(26, udpChecksum(view, octets + 8));
      note(Number(c.send(fd, packet, HEADERS_OCTETS + octets, MSG_DONTWAIT)), octets);
    },
    statistics: () => ({ sent, sentOctets, refused, failed, latestError }),
    close: () => void c.close(fd),
  };
}

/** RFC 768: the one's complement sum over pseudo header, UDP header and payload; 0 is sent as all ones. */
function udpChecksum(packet: DataView, udpOctets: number): number {
  let sum = IPPROTO_UDP + udpOctets;
  for (let offset = 12; offset < 20; offset += 2) sum += packet.getUint16(offset);
  const end = IP_HEADER_OCTETS + udpOctets;
  for (let offset = IP_HEADER_OCTETS; offset + 1 < end; offset += 2) sum += packet.getUint16(offset);
  if (udpOctets % 2 === 1) sum += packet.getUint8(end - 1) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff ? 0xffff : ~sum & 0xffff;
}
