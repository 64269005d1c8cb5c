/**
 * From octets to rows of a batch: the decoder of a listener with what is kept beside it. What differs by
 * transport, finding the session and cutting messages, is with those who call `take`.
 */
import type { Clock, Logger } from '@weir/base';
import {
  createFlowDecoder,
  type DecodeProblem,
  type FlowDecoder,
  type FlowDecoderOptions,
  type FlowSink,
  type TransportSession,
} from '@weir/ipfix';
import type { BatchWriter } from './batch-writer.ts';
import { createDeliveryStatements, type DeliveryStatements } from './delivery-statements.ts';
import { ALARM_LIMITS_DEFAULT, type AlarmLimits } from './exporter-health.ts';
import { createExporterKnowledge, type ExporterKnowledge } from './exporter-knowledge.ts';
import { createExporterLedger, type ExporterLedger } from './exporter-ledger.ts';
import type { ExporterOptions, SamplingRates } from './exporter-options.ts';
import { createExporterWatch } from './exporter-watch.ts';
import type { FlowSource } from './flow-source.ts';
import { openRelay, type Relay } from './relay.ts';
import type { TemplateRecords } from './template-file.ts';

/** Between two looks at who sent. */
const LEDGER_EVERY_MS = 1000;
/** A look at the clock costs as much as decoding a record; so many datagrams take a tenth of a millisecond. */
const DATAGRAMS_A_LOOK = 16;

export interface MessageIntake {
  readonly decoder: FlowDecoder;
  readonly ledger: ExporterLedger;
  /** Sends on what is taken; undefined where the source forwards nothing. */
  readonly relay: Relay | undefined;
  /** Sends on to the destinations of this source from now on; what was taken before is still sent to the former ones. */
  forward(source: FlowSource): void;
  /** What exporters said of themselves in options records, by which their flows can be named. */
  readonly knowledge: ExporterKnowledge;
  /** What exporters say they sent, and how much of it arrived. */
  readonly deliveries: DeliveryStatements;
  /**
   * Decodes a datagram, or a message of a stream, that was received now unless another time is told. The writer
   * must be ready. Answers how many rows came of it.
   */
  take(bytes: Uint8Array, session: TransportSession, receivedAtMs?: number): number;
  /** The same of the octets `from` to `to`, of one datagram of many that came together. */
  takeFrom(bytes: Uint8Array, from: number, to: number, session: TransportSession): number;
  /** The session is over: what the decoder knew by it goes, what it counted stays in the ledger. */
  closeSession(session: TransportSession): void;
  /** What exporters said of themselves in options records; only of those that said something. */
  exporterOptions(): ExporterOptions[];
  /** What must be known again after a restart. */
  snapshot(): TemplateRecords;
  /** What depends on time. To be called at least every 50 ms. */
  tick(): void;
}

export interface MessageIntakeOptions {
  writer: BatchWriter;
  clock: Clock;
  logger: Logger;
  alarmLimitsOf?: (address: string) => AlarmLimits;
  /** Datagrams of an address that were beyond its rate limit. */
  rateLimitedOf?: (address: string) => number;
  decoder?: FlowDecoderOptions;
  /** The source whose destinations get what is taken; left out, nobody does. */
  forwards?: FlowSource;
  /** Told of each problem after it was counted. */
  problem?: (problem: DecodeProblem) => void;
}

export function createMessageIntake(options: MessageIntakeOptions): MessageIntake {
  const { writer, clock, logger } = options;
  const decoder = createFlowDecoder(options.decoder);
  const watch = createExporterWatch({
    clock,
    logger,
    limitsOf: options.alarmLimitsOf ?? (() => ALARM_LIMITS_DEFAULT),
    rateLimitedOf: options.rateLimitedOf ?? (() => 0),
  });
  const ledger = createExporterLedger(decoder, watch);
  const knowledge = createExporterKnowledge();
  const domains = () => decoder.domainCounters();
  let relay = options.forwards && openRelay({ source: options.forwards, domains, clock, logger });
  const deliveries = createDeliveryStatements();
  let session: TransportSession | undefined;
  let ledgerDueMs = 0;
  let nowMs = clock.nowMs();
  let untilNextLook = 0;

  const sink: FlowSink = {
    batch: writer.batch,
    full() {
      sink.batch = writer.full();
      return sink.batch;
    },
    optionsRecord(record) {
      knowledge.take(record, nowMs);
      if (session !== undefined) deliveries.take(record, session, nowMs);
    },
    problem(problem, exporter) {
      ledger.problem(problem, exporter, nowMs);
      options.problem?.(problem);
    },
  };

  function decode(
    bytes: Uint8Array,
    from: number,
    to: number,
    sender: TransportSession,
    atMs: number,
  ): number {
    session = sender;
    sink.batch = writer.batch;
    const rows = decoder.decodeDatagram(bytes, sender, atMs, sink, from, to);
    relay?.take(to - from === bytes.length ? bytes : bytes.subarray(from, to), sender);
    deliveries.noteRows(sender, rows, nowMs);
    return rows;
  }

  return {
    decoder,
    ledger,
    get relay() {
      return relay;
    },
    knowledge,
    deliveries,
    forward(source) {
      void relay?.finish();
      relay = openRelay({ source, domains, clock, logger });
    },
    take(bytes, sender, receivedAtMs) {
      nowMs = clock.nowMs();
      return decode(bytes, 0, bytes.length, sender, receivedAtMs ?? nowMs);
    },
    takeFrom(bytes, from, to, sender) {
      if (untilNextLook === 0) {
        untilNextLook = DATAGRAMS_A_LOOK;
        nowMs = clock.nowMs();
      }
      untilNextLook -= 1;
      return decode(bytes, from, to, sender, nowMs);
    },
    closeSession(session) {
      deliveries.closeSession(session);
      ledger.look(clock.nowMs());
      ledger.keepWhatEnds(() => decoder.closeSession(session));
    },
    exporterOptions: () => describeOptions(decoder, knowledge),
    snapshot: () => ({
      ...decoder.snapshot(),
      knowledge: knowledge.snapshot(),
      exporterMemory: ledger.memory(),
    }),
    tick() {
      writer.flushIfOld();
      untilNextLook = 0;
      relay?.tick();
      nowMs = clock.nowMs();
      const monotonicMs = clock.monotonicMs();
      if (monotonicMs < ledgerDueMs) return;
      ledgerDueMs = monotonicMs + LEDGER_EVERY_MS;
      ledger.look(nowMs);
      deliveries.tick(nowMs);
    },
  };
}

function describeOptions(decoder: FlowDecoder, knowledge: ExporterKnowledge): ExporterOptions[] {
  const samplingByDomain = new Map<string, SamplingRates>();
  for (const { exporterAddress, domains } of decoder.snapshot().exporters) {
    for (const { version, observationDomainId, sampling } of domains) {
      samplingByDomain.set(`${exporterAddress} ${version} ${observationDomainId}`, sampling);
    }
  }
  return Array.from(decoder.domainCounters(), ({ exporter }) => {
    const key = `${exporter.address} ${exporter.version} ${exporter.observationDomainId}`;
    const sampling = samplingByDomain.get(key) ?? { domainRate: 0, samplers: [], interfaces: [] };
    const interfaces = knowledge
      .factsOf(exporter, 'interface')
      .map(({ key, name, detail }) => ({ ifIndex: Number(key), name, description: detail }));
    return { ...exporter, interfaces, sampling };
  }).filter(hasOptions);
}

function hasOptions({ interfaces, sampling }: ExporterOptions): boolean {
  const rates = sampling.samplers.length + sampling.interfaces.length;
  return interfaces.length + rates + sampling.domainRate > 0;
}
