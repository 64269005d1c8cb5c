/** What tshark counts in a capture, packet by packet, in IP octets: the oracle for exported flows. */
import { execFileSync } from 'node:child_process';

export interface Conversation {
  packets: number;
  octets: number;
}

/** Sums by "protocol source:port destination:port"; ports are 0 for anything but TCP and UDP. */
export type Sums = Map<string, Conversation>;

/** Neighbour discovery goes on before an exporter starts and after it ends: it is left out on both sides. */
export const NEIGHBOUR_DISCOVERY_MIN = 130;
const CONVERSATIONS = `(ip || ipv6) && !(icmpv6.type >= ${NEIGHBOUR_DISCOVERY_MIN})`;
const FIELDS = [
  'ip.src',
  'ip.dst',
  'ipv6.src',
  'ipv6.dst',
  'ip.proto',
  'ipv6.nxt',
  'tcp.srcport',
  'tcp.dstport',
  'udp.srcport',
  'udp.dstport',
  'ip.len',
  'ipv6.plen',
  'frame.time_epoch',
];

export function addTo(sums: Sums, key: string, packets: number, octets: number): void {
  const sum = sums.get(key) ?? { packets: 0, octets: 0 };
  sums.set(key, { packets: sum.packets + packets, octets: sum.octets + octets });
}

/** A packet that a capture has. */
export interface CapturedPacket {
  /** Seconds since the Unix epoch. */
  readonly time: number;
  /** As those of `Sums`. */
  readonly key: string;
  readonly octets: number;
}

/** In the order of the capture. */
export function packetsOfCapture(capture: string): CapturedPacket[] {
  const args = [
    '-n',
    '-r',
    capture,
    '-Y',
    CONVERSATIONS,
    '-T',
    'fields',
    // Of an ICMP error its own header, and not that of the packet that it quotes.
    '-E',
    'occurrence=f',
    ...FIELDS.flatMap((field) => ['-e', field]),
  ];
  const text = execFileSync('tshark', args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [src4, dst4, src6, dst6, proto4, proto6, tcpSrc, tcpDst, udpSrc, udpDst, length4, length6, time] =
        line.split('\t');
      const protocol = Number(proto4 || proto6);
      const hasPorts = protocol === 6 || protocol === 17;
      const source = `${src4 || src6}:${hasPorts ? tcpSrc || udpSrc : 0}`;
      const destination = `${dst4 || dst6}:${hasPorts ? tcpDst || udpDst : 0}`;
      return {
        time: Number(time),
        key: `${protocol} ${source} ${destination}`,
        octets: src4 ? Number(length4) : Number(length6) + 40,
      };
    });
}

export function sumsOfCapture(capture: string): Sums {
  const sums: Sums = new Map();
  for (const { key, octets } of packetsOfCapture(capture)) addTo(sums, key, 1, octets);
  return sums;
}

/** In an order that a test can compare. */
export function sortedSums(sums: Sums): [string, Conversation][] {
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
}
