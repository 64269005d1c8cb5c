import { type Clock, systemClock } from '@weir/base';
import { type BoundedDatagramSender, openBoundedDatagramSender } from './datagram-sender.ts';
import {
  createRecordMix,
  MIX_MESSAGE_OCTETS_MAX,
  type RecordMix,
  type RecordMixTotals,
} from './record-mix.ts';
import type { SocketAddress } from './socket-address.ts';

export interface GenerateOptions {
  /** How many records to send; Infinity until `signal` aborts. */
  records: number;
  /** Records a second; left out, as fast as the kernel takes the datagrams. */
  rate?: number;
  /** The same seed gives the same conversations. */
  seed?: number;
  observationDomainId?: number;
  clock?: Clock;
  signal?: AbortSignal;
}

/** What was sent: the sums that a store must show. */
export interface GenerateResult extends RecordMixTotals {
  datagrams: number;
  /** Datagrams for which the far end answered that nobody listens. */
  refused: number;
  durationMs: number;
}

/** RFC 7011 section 8.4 asks for templates again and again over UDP: by count … */
const TEMPLATE_EVERY_MESSAGES = 1000;
/** … and by time, so that a collector started after us understands within seconds. */
const TEMPLATE_EVERY_MS = 5000;
/** Between two looks at the clock; at a low rate a message then holds what fell due meanwhile. */
const TURN_MS = 20;
/** Messages of one turn, so that a sender that fell behind catches up in steps that others can interrupt. */
const MESSAGES_PER_TURN_MAX = 512;
/** More records than a message holds. */
const RECORDS_PER_MESSAGE_MAX = 64;

/** Sends the traffic of a RecordMix over UDP, flows ending now, and resolves when all of it is with the kernel. */
export async function generateRecords(to: SocketAddress, options: GenerateOptions): Promise<GenerateResult> {
  const clock = options.clock ?? systemClock;
  const mix = createRecordMix(options);
  const sender = await openBoundedDatagramSender(to);
  const startedMs = clock.monotonicMs();
  try {
    await sendPaced(mix, sender, clock, options);
    await sender.flushed();
  } finally {
    await sender.close();
  }
  const { datagrams, refused } = sender.counters;
  return { ...mix.totals, datagrams, refused, durationMs: clock.monotonicMs() - startedMs };
}

async function sendPaced(
  mix: RecordMix,
  sender: BoundedDatagramSender,
  clock: Clock,
  { records, rate = Number.POSITIVE_INFINITY, signal }: GenerateOptions,
): Promise<void> {
  const startedMs = clock.monotonicMs();
  const arena = messageArena();
  let templatesDueMs = startedMs;
  while (mix.totals.records < records && signal?.aborted !== true) {
    const nowMs = clock.monotonicMs();
    const allowance = rate === Number.POSITIVE_INFINITY ? records : ((nowMs - startedMs) * rate) / 1000;
    const until = Math.min(records, allowance);
    for (let turn = 0; turn < MESSAGES_PER_TURN_MAX && mix.totals.records + 1 <= until; turn += 1) {
      const withTemplates = nowMs >= templatesDueMs || mix.totals.messages % TEMPLATE_EVERY_MESSAGES === 0;
      if (withTemplates) templatesDueMs = nowMs + TEMPLATE_EVERY_MS;
      const bytes = arena();
      const recordsMax = Math.min(RECORDS_PER_MESSAGE_MAX, Math.floor(until - mix.totals.records));
      const octets = mix.writeMessage(bytes, clock.nowMs(), recordsMax, withTemplates);
      const room = sender.send(bytes.subarray(0, octets));
      if (room !== undefined) await room;
    }
    if (mix.totals.records < records) await turnEnd(clock, mix.totals.records + 1 > allowance);
  }
}

/** Buffers in a ring longer than what a sender holds unsent, so that none is overwritten before it is sent. */
function messageArena(): () => Uint8Array {
  const slots = 1024;
  const memory = new Uint8Array(slots * MIX_MESSAGE_OCTETS_MAX);
  let slot = 0;
  return () => {
    slot = (slot + 1) % slots;
    return memory.subarray(slot * MIX_MESSAGE_OCTETS_MAX, (slot + 1) * MIX_MESSAGE_OCTETS_MAX);
  };
}

/** Lets others run; when nothing is due yet, for a while. */
function turnEnd(clock: Clock, ahead: boolean): Promise<void> {
  if (!ahead) return new Promise((resolve) => setImmediate(resolve));
  if (clock === systemClock) return new Promise((resolve) => setTimeout(resolve, TURN_MS));
  return new Promise((resolve) => void clock.after(TURN_MS, resolve));
}
