/**
 * From a datagram to rows of a batch: the part of a UDP listener that runs for every datagram. It checks the
 * version against the source's type, finds the exporter's session, and leaves out what cannot be decoded in time.
 */
import type { Clock, Logger } from '@weir/base';
import type { OnDatagram } from '@weir/host';
import { decoderOptionsOf } from './access-settings.ts';
import type { BatchWriter } from './batch-writer.ts';
import type { AlarmLimits } from './exporter-health.ts';
import { createExporterSessions, type ExporterSessions } from './exporter-sessions.ts';
import type { FlowSource } from './flow-source.ts';
import { acceptedVersions, describeVersion } from './flow-source-type.ts';
import type { RefusedVersion } from './listener-status.ts';
import { createMessageIntake, type MessageIntake } from './message-intake.ts';
import { createOverloadGate, type OverloadGate } from './overload-gate.ts';
import { createRateLimiter } from './rate-limit.ts';

/** Between two lines of log on the same refused version. */
const REFUSAL_LOG_EVERY_MS = 60_000;
/** Greater versions than IPFIX's 10 are no export protocol: sFlow begins with two zero octets, noise with anything. */
const VERSION_MAX = 10;

export interface DatagramIntake {
  /** Takes one datagram; what a receiver calls. */
  readonly datagram: OnDatagram;
  readonly messages: MessageIntake;
  readonly sessions: ExporterSessions;
  readonly gate: OverloadGate;
  refusedVersions(): RefusedVersion[];
  /** Datagrams whose sender the receiver could not name. */
  nameless(): number;
  /** Datagrams that their exporters sent beyond their limits. */
  rateLimited(): number;
}

export interface DatagramIntakeOptions {
  source: FlowSource;
  alarmLimitsOf?: (address: string) => AlarmLimits;
  /** Whether the operator named the exporter: it need not show that it is real. */
  isNamed?: (address: string) => boolean;
  /** The address and port that receive, as a TransportSession names them. */
  localSocket: () => string;
  addressOf: (senderKey: number) => string | undefined;
  writer: BatchWriter;
  clock: Clock;
  logger: Logger;
}

export function createDatagramIntake(options: DatagramIntakeOptions): DatagramIntake {
  const { source, addressOf, writer, clock, logger, isNamed = () => false } = options;
  const messages = createMessageIntake({
    forwards: source,
    writer,
    clock,
    logger,
    decoder: decoderOptionsOf(source.limits),
    rateLimitedOf: (address) => sessions.ofAddress(address)?.limiter?.limited ?? 0,
    ...(options.alarmLimitsOf === undefined ? {} : { alarmLimitsOf: options.alarmLimitsOf }),
  });
  const accepted = new Uint8Array(VERSION_MAX + 1);
  for (const version of acceptedVersions(source.type)) accepted[version] = 1;
  const refused = new Float64Array(VERSION_MAX + 1);
  const refusalLoggedMs = new Float64Array(VERSION_MAX + 1).fill(Number.NEGATIVE_INFINITY);
  const sessions = createExporterSessions({
    source: source.name,
    localSocket: options.localSocket,
    addressOf,
    isEstablished: (transport) =>
      isNamed(transport.exporterAddress) || messages.decoder.isEstablished(transport),
    createLimiter: () => createRateLimiter(source.limits, clock),
  });
  const gate = createOverloadGate(clock);
  let nameless = 0;
  let rateLimited = 0;

  function refuse(version: number, senderKey: number): void {
    const counted = version > VERSION_MAX ? 0 : version;
    refused[counted] = (refused[counted] ?? 0) + 1;
    const monotonicMs = clock.monotonicMs();
    if (monotonicMs - (refusalLoggedMs[counted] ?? 0) < REFUSAL_LOG_EVERY_MS) return;
    refusalLoggedMs[counted] = monotonicMs;
    const facts = { source: source.name, exporter: addressOf(senderKey), datagrams: refused[counted] };
    logger.warn(facts, `${describeVersion(counted)} datagrams arrive on a source of type ${source.type}`);
  }

  return {
    messages,
    sessions,
    gate,
    datagram(bytes, offset, length, senderKey) {
      const version = length < 2 ? 0 : (bytes[offset]! << 8) | bytes[offset + 1]!;
      if (version > VERSION_MAX || accepted[version] === 0) {
        refuse(version, senderKey);
        return;
      }
      const session = sessions.find(senderKey);
      if (session === undefined) {
        nameless += 1;
        return;
      }
      if (!gate.admit(session, senderKey)) return;
      if (session.limiter?.admit() === false) {
        rateLimited += 1;
        return;
      }
      writer.wait();
      const rows = messages.takeFrom(bytes, offset, offset + length, session.transport);
      session.limiter?.spend(rows);
      if (rows > 0) session.proven = true;
      if (session.established) return;
      gate.heard(session, rows, messages.decoder.wasInOrder());
      session.established = rows > 0 && messages.decoder.isEstablished(session.transport);
    },
    nameless: () => nameless,
    rateLimited: () => rateLimited,
    refusedVersions() {
      return [...refused.entries()]
        .filter(([, datagrams]) => datagrams > 0)
        .map(([version, datagrams]) => ({ version, datagrams }));
    },
  };
}
