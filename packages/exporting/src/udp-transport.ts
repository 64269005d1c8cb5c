/**
 * A connected UDP socket to one collector (RFC 7011 section 10.3).
 *
 * On node:dgram itself, and not on a sender that queues: the octets of a message belong to a slot of the
 * collector's queue, which is free again only when that very send is done, and a message whose send reports
 * an earlier one's refusal is sent again.
 */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import type { PathMtu } from '@weir/host';
import type { CollectorAddress } from './collector-address.ts';

/** The socket that export traffic leaves from, so that a meter can leave it out. */
export interface LocalSocket {
  /** IANA protocol number: 17. */
  readonly protocol: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Called when a message has left the process, or why it has not. */
export type SendDone = (error: Error | undefined) => void;

/** What carries the messages of one collector. */
export interface MessageTransport {
  /** Rejects when the host name does not resolve or there is no route; may be called again then. */
  open(): Promise<LocalSocket>;
  /** The octets must stay as they are until `done` is called. */
  send(bytes: Uint8Array, offset: number, length: number, done: SendDone): void;
  /**
   * Whether a socket opened now would lead elsewhere, or leave from another address: the collector's name has
   * another one, or this machine has. A socket keeps those that it was opened with.
   */
  hasMoved(): Promise<boolean>;
  /** Octets of the largest message that the path carries whole, as known now. */
  payloadOctetsMax(): number;
  /** Called when the network reports, outside of a send, that nothing listens at the collector. */
  onRefused: () => void;
  close(): Promise<void>;
}

/** IPv6's least MTU (1280) without its header and UDP's: what every path carries, overlays included. */
export const MESSAGE_OCTETS_DEFAULT = 1280 - 40 - 8;

export function createUdpTransport(address: CollectorAddress): MessageTransport {
  let socket: Socket | undefined;
  let remoteAddress: string | undefined;
  let pathMtu: ((address: string) => PathMtu) | undefined;

  async function resolve(): Promise<{ host: string; family: number }> {
    if (address.family !== 0) return { host: address.host, family: address.family };
    const found = await lookup(address.host);
    return { host: found.address, family: found.family };
  }

  /** A name may have several addresses, given in turn. */
  async function stillMeans(used: string): Promise<boolean> {
    if (address.family !== 0) return true;
    const found = await lookup(address.host, { all: true });
    return found.some((one) => one.address === used);
  }

  const transport: MessageTransport = {
    onRefused: () => {},
    async open() {
      const { host, family } = await resolve();
      // Not at the top: commands that send nothing start without what is about the host.
      ({ pathMtu } = await import('@weir/host'));
      const opened = createSocket(family === 6 ? 'udp6' : 'udp4');
      try {
        await connect(opened, host, address.port);
      } catch (error) {
        opened.close();
        throw error;
      }
      // An ICMP error that arrives between two sends is reported here (ip(7), IP_RECVERR off).
      opened.on('error', () => transport.onRefused());
      opened.on('message', () => {});
      socket = opened;
      remoteAddress = host;
      const local = opened.address();
      return {
        protocol: 17,
        localAddress: local.address,
        localPort: local.port,
        remoteAddress: host,
        remotePort: address.port,
      };
    },
    async hasMoved() {
      if (socket === undefined || remoteAddress === undefined) return false;
      const leavesFrom = socket.address().address;
      const probe = createSocket(isIPv6(remoteAddress) ? 'udp6' : 'udp4');
      try {
        if (!(await stillMeans(remoteAddress))) return true;
        await connect(probe, remoteAddress, address.port);
        return probe.address().address !== leavesFrom;
      } catch {
        // No name server or no route just now: another socket would not do better.
        return false;
      } finally {
        probe.close();
      }
    },
    payloadOctetsMax() {
      if (remoteAddress === undefined || pathMtu === undefined) return MESSAGE_OCTETS_DEFAULT;
      const { known, payloadOctetsMax } = pathMtu(remoteAddress);
      return known ? payloadOctetsMax : MESSAGE_OCTETS_DEFAULT;
    },
    send(bytes, offset, length, done) {
      if (socket === undefined) {
        done(new Error('the socket is not open'));
        return;
      }
      socket.send(bytes, offset, length, (error) => done(error ?? undefined));
    },
    async close() {
      const closing = socket;
      socket = undefined;
      if (closing === undefined) return;
      await new Promise<void>((closed) => closing.close(() => closed()));
    },
  };
  return transport;
}

function connect(socket: Socket, host: string, port: number): Promise<void> {
  return new Promise((connected, failed) => {
    socket.once('error', failed);
    // Called with an error where there is no route, which its type does not say.
    socket.connect(port, host, (error?: Error) => {
      socket.off('error', failed);
      if (error === undefined) connected();
      else failed(error);
    });
  });
}

/** Of a socket whose address this machine no longer has, or which was closed with the message in hand. */
const LOST_WAY: readonly unknown[] = [
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EADDRNOTAVAIL',
  'EINVAL',
  'ENETDOWN',
  'ECANCELED',
];

/** The error of a send that another socket may do better. */
export function hasLostWay(error: Error): boolean {
  return 'code' in error && LOST_WAY.includes(error.code);
}

/** The error of a send that the collector's machine refused: nothing listens at the port. */
export function isRefused(error: Error): boolean {
  return 'code' in error && error.code === 'ECONNREFUSED';
}
