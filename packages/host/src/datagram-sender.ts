import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { UserError } from '@weir/base';
import { describeUdpEndpoint } from './listen-error.ts';
import { type PathMtu, pathMtu } from './path-mtu.ts';

/** 4 MiB are 2,900 messages of 1,400 octets: 60,000 records of the size that exporters send. */
export const SEND_QUEUE_OCTETS_DEFAULT = 4 * 1024 * 1024;

export interface DatagramSenderOptions {
  /** A literal address; names are resolved by the caller. */
  readonly address: string;
  readonly port: number;
  /** Local address to send from; the system's choice by default. */
  readonly localAddress?: string;
  /** Octets handed over and not yet taken by the kernel; what exceeds them is refused and counted. */
  readonly queueOctetsMax?: number;
}

export interface DatagramSenderStatistics {
  /** Datagrams and octets that the kernel took. */
  readonly sent: number;
  readonly sentOctets: number;
  /** Datagrams refused because the queue was full. */
  readonly refused: number;
  /** Datagrams that the kernel did not take, and errors that came back (port unreachable). */
  readonly failed: number;
  /** The code of the latest failure: `ECONNREFUSED`. */
  readonly latestError: string | undefined;
  readonly queuedOctets: number;
}

export interface DatagramSender {
  /** The local end, which the metering of this machine must leave out. */
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /**
   * Queues one datagram. The octets must stay as they are until it has left, so hand over a fresh
   * array. False when the queue is full: the datagram is dropped and counted as refused. Of one that was
   * queued `settled` is told later whether the kernel took it.
   */
  send(datagram: Uint8Array, settled?: (taken: boolean) => void): boolean;
  /** Resolves when the queue is empty. */
  drained(): Promise<void>;
  pathMtu(): PathMtu;
  statistics(): DatagramSenderStatistics;
  /** Waits for the queue, then closes. */
  close(): Promise<void>;
}

/**
 * Opens a UDP socket connected to one destination, so that its local address is known and refusals by ICMP
 * are counted. Works on every platform.
 *
 * Rejects with UserError `send_failed` when there is no route or the local address does not exist.
 */
export async function openDatagramSender(options: DatagramSenderOptions): Promise<DatagramSender> {
  const { address, port, queueOctetsMax = SEND_QUEUE_OCTETS_DEFAULT } = options;
  const socket = await connectedSocket(options);
  const local = socket.address();
  let sent = 0;
  let sentOctets = 0;
  let refused = 0;
  let failed = 0;
  let latestError: string | undefined;
  let queuedOctets = 0;
  let waiting: (() => void)[] = [];

  function fail(error: NodeJS.ErrnoException): void {
    failed += 1;
    latestError = error.code ?? error.message;
  }

  function settle(octets: number, error: Error | null): void {
    queuedOctets -= octets;
    if (error === null) {
      sent += 1;
      sentOctets += octets;
    } else fail(error);
    if (queuedOctets > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  }

  function drained(): Promise<void> {
    return queuedOctets === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
  }

  socket.on('error', fail);
  return {
    localAddress: local.address,
    localPort: local.port,
    remoteAddress: address,
    remotePort: port,
    send(datagram, settled) {
      const octets = datagram.length;
      if (queuedOctets + octets > queueOctetsMax) {
        refused += 1;
        return false;
      }
      queuedOctets += octets;
      socket.send(datagram, (error) => {
        settle(octets, error);
        settled?.(error === null);
      });
      return true;
    },
    drained,
    pathMtu: () => pathMtu(address),
    statistics: () => ({ sent, sentOctets, refused, failed, latestError, queuedOctets }),
    async close() {
      await drained();
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

function connectedSocket(options: DatagramSenderOptions): Promise<Socket> {
  const { address, port, localAddress } = options;
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      socket.close();
      const from = localAddress === undefined ? '' : ` from ${localAddress}`;
      const where = `${describeUdpEndpoint(options)}${from}`;
      reject(new UserError('send_failed', `cannot send to ${where}: ${error.code ?? error.message}`));
    };
    socket.once('error', fail);
    socket.bind({ port: 0, ...(localAddress === undefined ? {} : { address: localAddress }) }, () => {
      socket.connect(port, address, (error?: Error) => {
        socket.off('error', fail);
        if (error) fail(error);
        else resolve(socket);
      });
    });
  });
}
