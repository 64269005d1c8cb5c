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
 * twenty datagrams do, most of it for waking up. As many gather as a turn is worth, and they stay far below what
 * tells that too much arrives (datagram-reception.ts).
 */
const GATHERED_MIN = 128;
const GATHERED_AIM = 256;
const GATHER_MS_MAX = 10;
/** A pause is only safe where the kernel's buffer holds what a burst brings meanwhile: 1,800 datagrams of 1,400 octets. */
const GATHER_BUFFER_OCTETS_MIN = 4 << 20;
/** Of which it holds them for so many milliseconds; of a larger one for longer. */
const GATHER_MS_OF_MIN = 2;
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
  const receiver = openDatagramReceiver({ ...options, gathers: false });
  const pauseMsMax = pauseMaxOf(receiver.receiveBufferOctets);
  let turnedMs = performance.now();

  function pause(count: number): void {
    const nowMs = performance.now();
    const ms = Math.min(pauseMsMax, (GATHERED_AIM / count) * (nowMs - turnedMs));
    if (count < GATHERED_MIN && ms >= 1) Atomics.wait(sleeper, 0, 0, ms);
    turnedMs = nowMs;
  }

  return {
    kind: 'recvmmsg',
    localPort: receiver.localPort,
    receiveBufferOctets: receiver.receiveBufferOctets,
    async receive(timeoutMs) {
      const count = receiver.receive(timeoutMs, onDatagram);
      await nextTurn();
      if (pauseMsMax > 0 && count > 0) pause(count);
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

function pauseMaxOf(bufferOctets: number): number {
  if (bufferOctets < GATHER_BUFFER_OCTETS_MIN) return 0;
  return Math.min(GATHER_MS_MAX, (GATHER_MS_OF_MIN * bufferOctets) / GATHER_BUFFER_OCTETS_MIN);
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
