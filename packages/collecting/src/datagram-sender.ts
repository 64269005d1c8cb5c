import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import type { SocketAddress } from './socket-address.ts';

/** Datagrams given to the kernel and not yet acknowledged by it; beyond that `send` waits. */
const UNSENT_MAX = 256;
/** Asked of the kernel, which halves it without privilege; a burst of a millisecond at 400,000 datagrams/s. */
const SEND_BUFFER_OCTETS = 1 << 20;

/** What a sender did. A refused datagram is one for which the far end answered that nobody listens. */
export interface DatagramSenderCounters {
  datagrams: number;
  octets: number;
  refused: number;
}

/** One connected UDP socket that sends as fast as the kernel takes datagrams and never holds more than UNSENT_MAX. */
export interface BoundedDatagramSender {
  readonly counters: Readonly<DatagramSenderCounters>;
  /** Sends `bytes`, which must stay as they are until the send completes; resolves or returns when there is room for more. */
  send(bytes: Uint8Array): Promise<void> | undefined;
  /** Resolves when everything was handed to the kernel. */
  flushed(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the socket and connects it. Rejects with the system's error when the address cannot be reached. */
export async function openBoundedDatagramSender(to: SocketAddress): Promise<BoundedDatagramSender> {
  const socket = createSocket(isIP(to.address) === 6 ? 'udp6' : 'udp4');
  await connect(socket, to);
  const counters: DatagramSenderCounters = { datagrams: 0, octets: 0, refused: 0 };
  let unsent = 0;
  let wakeForRoom: (() => void) | undefined;
  let wakeForFlush: (() => void) | undefined;

  function sent(error: Error | null): void {
    unsent -= 1;
    if (error !== null) counters.refused += 1;
    if (unsent <= UNSENT_MAX / 2) {
      wakeForRoom?.();
      wakeForRoom = undefined;
    }
    if (unsent === 0) {
      wakeForFlush?.();
      wakeForFlush = undefined;
    }
  }

  // Refusals arrive here as well when no send is waiting for them.
  socket.on('error', () => {
    counters.refused += 1;
  });

  return {
    counters,
    send(bytes) {
      unsent += 1;
      counters.datagrams += 1;
      counters.octets += bytes.byteLength;
      socket.send(bytes, sent);
      if (unsent < UNSENT_MAX) return undefined;
      return new Promise((resolve) => {
        wakeForRoom = resolve;
      });
    },
    flushed() {
      if (unsent === 0) return Promise.resolve();
      return new Promise((resolve) => {
        wakeForFlush = resolve;
      });
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function connect(socket: Socket, to: SocketAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(to.port, to.address, () => {
      socket.off('error', reject);
      trySetSendBuffer(socket);
      resolve();
    });
  });
}

/** A larger buffer is a wish: without it the sender only waits more often. */
function trySetSendBuffer(socket: Socket): void {
  try {
    socket.setSendBufferSize(SEND_BUFFER_OCTETS);
  } catch {
    // The kernel's default stays.
  }
}
