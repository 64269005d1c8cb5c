/** Receives over TCP or TLS: events of the sockets, and a tick for what depends on time. */
import type { Clock, Logger } from '@weir/base';
import type { DecodeErrorCode } from '@weir/ipfix';
import { decoderOptionsOf } from './access-settings.ts';
import type { BatchWriter } from './batch-writer.ts';
import type { AlarmLimits } from './exporter-health.ts';
import { connectionLimits, type FlowSource } from './flow-source.ts';
import { createMessageIntake } from './message-intake.ts';
import type { Reception } from './reception.ts';
import { openStreamServer } from './stream-server.ts';

/** A batch's age is looked at so often. */
const TICK_MS = 50;
/** What RFC 7011 section 9.1 calls a malformed message: its lengths make no sense. */
const MALFORMED: ReadonlySet<DecodeErrorCode> = new Set([
  'message_truncated',
  'message_version_unknown',
  'message_length_invalid',
  'set_length_invalid',
  'set_id_reserved',
  'template_truncated',
  'record_truncated',
]);

export interface StreamReceptionOptions {
  source: FlowSource;
  alarmLimitsOf: (address: string) => AlarmLimits;
  writer: BatchWriter;
  clock: Clock;
  logger: Logger;
}

/** Opens the socket. Rejects with UserError when it, or what TLS needs, cannot be had. */
export async function openStreamReception(options: StreamReceptionOptions): Promise<Reception> {
  const { source, alarmLimitsOf, writer, clock, logger } = options;
  let malformed = false;
  let datagrams = 0;
  let octets = 0;
  const messages = createMessageIntake({
    forwards: source,
    writer,
    clock,
    logger,
    alarmLimitsOf,
    // A connection that has not sent a record yet has a scope of its own, which must not be evicted.
    decoder: {
      limits: {
        ...decoderOptionsOf(source.limits).limits,
        exportersUnprovenMax: connectionLimits(source).max + 1,
      },
    },
    problem({ code }) {
      malformed ||= MALFORMED.has(code);
    },
  });
  const server = await openStreamServer({
    source,
    clock,
    logger,
    roomy: () => writer.roomy(),
    message(bytes, session) {
      malformed = false;
      datagrams += 1;
      octets += bytes.length;
      const records = messages.take(bytes, session);
      return { records, malformed };
    },
    problem: (problem) => messages.ledger.problem(problem, undefined, clock.nowMs()),
    sessionClosed: (session) => messages.closeSession(session),
  });
  const cancelTick = clock.every(TICK_MS, () => {
    messages.tick();
    server.tick();
  });

  return {
    localPort: server.localPort,
    kind: 'stream',
    receiveBufferOctets: 0,
    messages,
    counters: () => ({
      datagrams,
      octets,
      truncated: 0,
      kernelDrops: undefined,
      refused: 0,
      nameless: 0,
      strangers: server.strangers(),
      rateLimited: 0,
      unheard: 0,
    }),
    refusedVersions: () => [],
    stream: () => server.status(),
    finish: () => server.finish(),
    async close() {
      cancelTick();
    },
  };
}
