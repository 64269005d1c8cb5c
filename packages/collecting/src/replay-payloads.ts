import { type Clock, systemClock } from '@weir/base';
import { openBoundedDatagramSender } from './datagram-sender.ts';
import type { SocketAddress } from './socket-address.ts';

/** The payload of one export datagram and when it was captured. */
export interface CapturedPayload {
  readonly bytes: Uint8Array;
  /** Milliseconds since the Unix epoch, fractional where the capture is finer. */
  readonly timestampMs: number;
}

export interface ReplayOptions {
  /** Datagrams a second; left out, the capture's own pace; Infinity, as fast as the kernel takes them. */
  rate?: number;
  clock?: Clock;
  signal?: AbortSignal;
}

export interface ReplayResult {
  datagrams: number;
  octets: number;
  /** Datagrams for which the far end answered that nobody listens. */
  refused: number;
  /** Payloads that no UDP datagram can carry; they were left out. */
  oversized: number;
  durationMs: number;
}

/** 65,535 less the IPv4 and UDP headers. */
const UDP_PAYLOAD_OCTETS_MAX = 65_507;
/** A pause in the capture is replayed up to this long: nobody waits out a night of silence. */
const PAUSE_MS_MAX = 10_000;
/** A timer is no finer than this; what is due sooner is sent at once. */
const PACE_GRAIN_MS = 1;

/**
 * Sends the payloads, in order, as UDP datagrams to `to`. Holds a bounded number of them at a time, also
 * when the iterable is a stream. Rejects when the socket cannot be opened or the iterable throws.
 */
export async function replayPayloads(
  payloads: Iterable<CapturedPayload> | AsyncIterable<CapturedPayload>,
  to: SocketAddress,
  { rate, clock = systemClock, signal }: ReplayOptions = {},
): Promise<ReplayResult> {
  const sender = await openBoundedDatagramSender(to);
  const startedMs = clock.monotonicMs();
  const dueMs = rate === undefined ? captureTimes() : steadyTimes(rate);
  let oversized = 0;
  try {
    for await (const { bytes, timestampMs } of payloads) {
      if (signal?.aborted === true) break;
      if (bytes.byteLength > UDP_PAYLOAD_OCTETS_MAX) {
        oversized += 1;
        continue;
      }
      await pause(clock, startedMs + dueMs(timestampMs) - clock.monotonicMs());
      // The iterable may reuse its buffer for the next payload while the kernel still reads this one.
      await sender.send(bytes.slice());
    }
    await sender.flushed();
  } finally {
    await sender.close();
  }
  return { ...sender.counters, oversized, durationMs: clock.monotonicMs() - startedMs };
}

/** When the next datagram is due, in milliseconds from the start, at `rate` datagrams a second. */
function steadyTimes(rate: number): () => number {
  let index = 0;
  return () => (index++ * 1000) / rate;
}

/** When a datagram is due by the capture's own clock, long pauses shortened and steps back ignored. */
function captureTimes(): (timestampMs: number) => number {
  let previousMs: number | undefined;
  let dueMs = 0;
  return (timestampMs) => {
    const gapMs = previousMs === undefined ? 0 : timestampMs - previousMs;
    previousMs = timestampMs;
    dueMs += Math.min(PAUSE_MS_MAX, Math.max(0, gapMs));
    return dueMs;
  };
}

function pause(clock: Clock, durationMs: number): Promise<void> | undefined {
  if (durationMs < PACE_GRAIN_MS) return undefined;
  // Not the clock's own timer: it would let the process end in the middle of a replay.
  if (clock === systemClock) return new Promise((resolve) => setTimeout(resolve, durationMs));
  return new Promise((resolve) => void clock.after(durationMs, resolve));
}
