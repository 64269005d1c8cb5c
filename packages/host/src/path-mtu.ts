import { libc, libcUnavailable } from './libc.ts';
import { addressFamily, packSocketAddress } from './socket-address.ts';
import { AF_INET, getIntOption, SOCK_CLOEXEC, SOCK_DGRAM, setIntOption } from './socket-option.ts';

/** RFC 8200 section 5: every IPv6 link carries this much. */
const IPV6_MTU_MIN = 1280;
/** What Ethernet carries; smaller paths announce themselves by ICMP, which only the kernel hears. */
const IPV4_MTU_ASSUMED = 1500;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_MTU_DISCOVER = 10;
const IP_MTU = 14;
const IPV6_MTU_DISCOVER = 23;
const IPV6_MTU = 24;
const IP_PMTUDISC_DO = 2;
/** Any port does: connecting a UDP socket sends nothing. */
const DISCARD_PORT = 9;
const IPV4_UDP_HEADERS_OCTETS = 20 + 8;
const IPV6_UDP_HEADERS_OCTETS = 40 + 8;

export interface PathMtu {
  /** Octets of the largest IP packet. */
  readonly mtu: number;
  /** Octets of the largest UDP payload that is not fragmented. */
  readonly payloadOctetsMax: number;
  /** False where the value is assumed (1500, 1280 for IPv6) because the kernel could not be asked. */
  readonly known: boolean;
}

/**
 * The path MTU to a literal address as the kernel knows it now: the route's, or less where an ICMP message
 * said so (RFC 1191, RFC 8201). It can change; ask again from time to time. Sends nothing.
 */
export function pathMtu(address: string): PathMtu {
  const isIPv4 = addressFamily(address) === AF_INET;
  const asked = askKernel(address);
  const mtu = asked ?? (isIPv4 ? IPV4_MTU_ASSUMED : IPV6_MTU_MIN);
  const headers = isIPv4 ? IPV4_UDP_HEADERS_OCTETS : IPV6_UDP_HEADERS_OCTETS;
  return { mtu, payloadOctetsMax: mtu - headers, known: asked !== undefined };
}

function askKernel(address: string): number | undefined {
  const family = addressFamily(address);
  if (family === undefined || libcUnavailable() !== undefined) return undefined;
  const c = libc();
  const fd = c.socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return undefined;
  try {
    const [level, discover, mtu] =
      family === AF_INET
        ? [IPPROTO_IP, IP_MTU_DISCOVER, IP_MTU]
        : [IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_MTU];
    setIntOption(c, fd, level, discover, IP_PMTUDISC_DO);
    const packed = packSocketAddress(c, address, DISCARD_PORT);
    if (c.connect(fd, packed, packed.length) !== 0) return undefined;
    return getIntOption(c, fd, level, mtu);
  } finally {
    c.close(fd);
  }
}
