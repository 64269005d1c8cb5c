/**
 * One connection from an exporter (RFC 7011 section 10.4): octets in, messages to the intake. It owns the
 * socket until that is closed. Between messages a stream has nothing but the length in each header, so a
 * header that is none ends the connection: what stands behind it cannot be trusted. A malformed message
 * whose length is right costs itself only (section 9.1), until message after message is malformed.
 */
import type { Socket } from 'node:net';
import type { Clock } from '@weir/base';
import { createMessageSplitter, type DecodeProblem, type TransportSession } from '@weir/ipfix';
import type { SocketAddress } from './socket-address.ts';
import type { CloseReason, ConnectionStatus } from './stream-status.ts';

/** Section 9.1: an exporter "from which the last few messages have been malformed" is not listened to. */
const MALFORMED_RUN_MAX = 8;
/** A message of 64 KiB takes a second over the slowest line that anybody exports flows through. */
const MESSAGE_MS_MAX = 60_000;

/** Where the octets of connections go; one for all connections of a listener. */
export interface StreamSink {
  /** Whether the store has room for what a chunk may hold. While not, nothing is read. */
  roomy(): boolean;
  /** The store has no room: all connections pause until it has. */
  pauseAll(): void;
  /** Takes a whole message. Answers its flow records, and whether it was malformed. */
  message(bytes: Uint8Array, session: TransportSession): { records: number; malformed: boolean };
  /** The stream itself is damaged. */
  problem(problem: DecodeProblem): void;
  /** Called once, after which the connection holds nothing. */
  closed(reason: CloseReason, detail: string | undefined): void;
}

export interface StreamConnection {
  status(): ConnectionStatus;
  pause(): void;
  resume(): void;
  /** Says to the exporter that nothing more is wanted; what it still sends until it closes its side is taken. */
  finish(): void;
  /** Ends the connection at once. */
  abort(reason: CloseReason): void;
  /** Ends the connection when it has been silent, or within one message, for too long. 0 allows any silence. */
  closeIfSilent(idleMs: number): void;
}

export interface StreamConnectionOptions {
  socket: Socket;
  peer: SocketAddress;
  subject: string | undefined;
  session: TransportSession;
  clock: Clock;
  sink: StreamSink;
}

export function createStreamConnection(options: StreamConnectionOptions): StreamConnection {
  const { socket, peer, subject, session, clock, sink } = options;
  const sinceMs = clock.nowMs();
  let lastMessageMs = sinceMs;
  /** By the monotonic clock; both are set anew when reading goes on after a pause of ours. */
  let quietSinceMs = clock.monotonicMs();
  let records = 0;
  let octetsInMessages = 0;
  let malformedRun = 0;
  let reason: CloseReason | undefined;
  let detail: string | undefined;

  const splitter = createMessageSplitter({
    message(bytes) {
      octetsInMessages += bytes.length;
      if (reason !== undefined) return;
      const taken = sink.message(bytes, session);
      records += taken.records;
      malformedRun = taken.malformed ? malformedRun + 1 : 0;
      if (malformedRun < MALFORMED_RUN_MAX) return;
      end('damaged', `${MALFORMED_RUN_MAX} malformed messages in succession`);
    },
    problem(problem) {
      if (reason === undefined || reason === 'ended') sink.problem(problem);
      end('damaged', `${problem.message} (octet ${problem.offset} of the stream)`);
    },
  });

  function end(why: CloseReason, words?: string): void {
    if (reason !== undefined) return;
    reason = why;
    detail = words;
    socket.destroy();
  }

  function take(chunk: Uint8Array): void {
    if (reason !== undefined) return;
    if (!sink.roomy()) {
      sink.pauseAll();
      socket.unshift(chunk);
      return;
    }
    const before = splitter.counters.messages;
    splitter.push(chunk);
    if (splitter.counters.octetsSkipped > 0) splitter.end();
    if (splitter.counters.messages === before) return;
    lastMessageMs = clock.nowMs();
    quietSinceMs = clock.monotonicMs();
  }

  socket.on('data', take);
  socket.on('end', () => {
    if (reason !== undefined) return;
    reason = 'ended';
    splitter.end();
    socket.end();
  });
  socket.on('error', (error) => {
    if (reason !== undefined) return;
    reason = 'reset';
    detail = error.message;
  });
  socket.on('close', () => sink.closed(reason ?? 'reset', detail));

  return {
    status: () => ({
      ...peer,
      subject,
      sinceMs,
      lastMessageMs,
      octets: splitter.counters.octets,
      messages: splitter.counters.messages,
      records,
    }),
    pause: () => void socket.pause(),
    resume() {
      quietSinceMs = clock.monotonicMs();
      socket.resume();
    },
    finish: () => void socket.end(),
    abort: (why) => end(why),
    closeIfSilent(idleMs) {
      if (socket.isPaused()) return;
      const quietMs = clock.monotonicMs() - quietSinceMs;
      const isWithinMessage = splitter.counters.octets > octetsInMessages;
      if (isWithinMessage && quietMs > MESSAGE_MS_MAX) end('stalled');
      else if (idleMs > 0 && quietMs > idleMs) end('idle');
    },
  };
}
