import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type DatagramReceiverOptions,
  type DatagramReceiverStatistics,
  nativeCallsUnavailable,
  type OnDatagram,
  openDatagramReceiver,
  openDgramReceiver,
} from '@weir/host';

/** How datagrams leave the kernel: many a system call, or one an event where that is not available. */
export type ReceiverKind = 'recvmmsg' | 'dgram';

/**
 * A turn that brought few datagrams is followed by a pause in which more gather, because a turn costs as much as
 * ten datagrams do.
 */
const GATHER_MS = 2;
const GATHERED_MIN = 32;
/** A pause is only safe where the kernel's buffer holds what a burst brings meanwhile: 1,800 datagrams of 1,400 octets. */
const GATHER_BUFFER_OCTETS_MIN = 4 << 20;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Either receiver of `host`, asked for datagrams in turns. */
export interface PolledReceiver {
  readonly kind: ReceiverKind;
  readonly localPort: number;
  /** Octets of the kernel's buffer as obtained. */
  readonly receiveBufferOctets: number;
  /**
   * Gives what arrived to `onDatagram`; where nothing did, waits for it up to `timeoutMs`. Resolves to the
   * number of datagrams, after the thread's other events had their turn.
   */
  receive(timeoutMs: number): Promise<number>;
  senderAddress(senderKey: number): string | undefined;
  /** Which part of the kernel's buffer is full, 0 … 1; 0 where it cannot be known. */
  bufferFill(): number;
  statistics(): DatagramReceiverStatistics;
  close(): Promise<void>;
}

/**
 * Opens the socket: `recvmmsg` where the platform has it, unless `kind` asks for something else. Rejects with
 * the UserError of `host` when the socket cannot be had.
 */
export async function openPolledReceiver(
  options: DatagramReceiverOptions,
  onDatagram: OnDatagram,
  kind: ReceiverKind = nativeCallsUnavailable() === undefined ? 'recvmmsg' : 'dgram',
): Promise<PolledReceiver> {
  return kind === 'recvmmsg' ? openBatched(options, onDatagram) : openEventDriven(options, onDatagram);
}

function openBatched(options: DatagramReceiverOptions, onDatagram: OnDatagram): PolledReceiver {
  const receiver = openDatagramReceiver(options);
  const gathers = receiver.receiveBufferOctets >= GATHER_BUFFER_OCTETS_MIN;
  return {
    kind: 'recvmmsg',
    localPort: receiver.localPort,
    receiveBufferOctets: receiver.receiveBufferOctets,
    async receive(timeoutMs) {
      const count = receiver.receive(timeoutMs, onDatagram);
      await nextTurn();
      if (gathers && count > 0 && count < GATHERED_MIN) Atomics.wait(sleeper, 0, 0, GATHER_MS);
      return count;
    },
    senderAddress: (senderKey) => receiver.senderAddress(senderKey),
    bufferFill: () => receiver.bufferFill(),
    statistics: () => receiver.statistics(),
    async close() {
      receiver.close();
    },
  };
}

async function openEventDriven(
  options: DatagramReceiverOptions,
  onDatagram: OnDatagram,
): Promise<PolledReceiver> {
  let arrived = 0;
  let wake: (() => void) | undefined;
  const receiver = await openDgramReceiver(options, (...datagram) => {
    arrived += 1;
    onDatagram(...datagram);
    wake?.();
  });
  return {
    kind: 'dgram',
    localPort: receiver.localPort,
    receiveBufferOctets: receiver.receiveBufferOctets,
    async receive(timeoutMs) {
      // The kernel's datagrams arrive in the poll phase, which the first turn passes through.
      await nextTurn();
      if (arrived === 0 && timeoutMs > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = undefined;
      }
      const count = arrived;
      arrived = 0;
      return count;
    },
    senderAddress: (senderKey) => receiver.senderAddress(senderKey),
    bufferFill: () => 0,
    statistics: () => receiver.statistics(),
    close: () => receiver.close(),
  };
}
