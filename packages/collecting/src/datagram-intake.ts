/**
 * From a datagram to rows of a batch: the part of a listener that runs for every datagram. It checks the
 * version against the source's type, finds the exporter's session, and lets the decoder write into the batch
 * of the writer.
 */
import type { Clock, Logger } from '@weir/base';
import type { OnDatagram } from '@weir/host';
import { createFlowDecoder, type FlowDecoder, type FlowSink } from '@weir/ipfix';
import type { BatchWriter } from './batch-writer.ts';
import { createExporterLedger, type ExporterLedger } from './exporter-ledger.ts';
import {
  createExporterOptionsStore,
  type ExporterOptions,
  type ExporterOptionsStore,
  type SamplingRates,
} from './exporter-options.ts';
import { createExporterSessions, type ExporterSessions } from './exporter-sessions.ts';
import type { FlowSource } from './flow-source.ts';
import { acceptedVersions } from './flow-source-type.ts';
import type { RefusedVersion } from './listener-status.ts';

/** Between two lines of log on the same refused version. */
const REFUSAL_LOG_EVERY_MS = 60_000;
/** Between two looks at who sent. */
const LEDGER_EVERY_MS = 1000;
/** Greater versions than IPFIX's 10 are no export protocol: sFlow begins with two zero octets, noise with anything. */
const VERSION_MAX = 10;

export interface DatagramIntake {
  /** Takes one datagram; what a receiver calls. */
  readonly datagram: OnDatagram;
  readonly decoder: FlowDecoder;
  readonly ledger: ExporterLedger;
  readonly sessions: ExporterSessions;
  refusedVersions(): RefusedVersion[];
  /** Datagrams whose sender the receiver could not name. */
  nameless(): number;
  /** What exporters said of themselves in options records; only of those that said something. */
  exporterOptions(): ExporterOptions[];
  /** What depends on time. To be called at least every 50 ms. */
  tick(): void;
}

export interface DatagramIntakeOptions {
  source: FlowSource;
  /** The address and port that receive, as a TransportSession names them. */
  localSocket: () => string;
  addressOf: (senderKey: number) => string | undefined;
  writer: BatchWriter;
  clock: Clock;
  logger: Logger;
}

export function createDatagramIntake(options: DatagramIntakeOptions): DatagramIntake {
  const { source, addressOf, writer, clock, logger } = options;
  const decoder = createFlowDecoder();
  const ledger = createExporterLedger(decoder);
  const exporterOptions = createExporterOptionsStore();
  const accepted = new Uint8Array(VERSION_MAX + 1);
  for (const version of acceptedVersions(source.type)) accepted[version] = 1;
  const refused = new Float64Array(VERSION_MAX + 1);
  const refusalLoggedMs = new Float64Array(VERSION_MAX + 1).fill(Number.NEGATIVE_INFINITY);
  const sessions = createExporterSessions({
    source: source.name,
    localSocket: options.localSocket,
    addressOf,
  });
  let ledgerDueMs = 0;
  let nameless = 0;
  let nowMs = clock.nowMs();

  const sink: FlowSink = {
    get batch() {
      return writer.batch;
    },
    full: () => writer.full(),
    optionsRecord: (record) => exporterOptions.take(record),
    problem: (problem, exporter) => ledger.problem(problem, exporter, nowMs),
  };

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
    decoder,
    ledger,
    sessions,
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
      writer.wait();
      nowMs = clock.nowMs();
      const rowsBefore = writer.batch.rowCount;
      decoder.decodeDatagram(bytes.subarray(offset, offset + length), session.transport, nowMs, sink);
      if (writer.batch.rowCount !== rowsBefore) session.proven = true;
    },
    nameless: () => nameless,
    exporterOptions: () => describeOptions(decoder, exporterOptions),
    refusedVersions() {
      return [...refused.entries()]
        .filter(([, datagrams]) => datagrams > 0)
        .map(([version, datagrams]) => ({ version, datagrams }));
    },
    tick() {
      writer.flushIfOld();
      nowMs = clock.nowMs();
      const monotonicMs = clock.monotonicMs();
      if (monotonicMs < ledgerDueMs) return;
      ledgerDueMs = monotonicMs + LEDGER_EVERY_MS;
      ledger.look(nowMs);
    },
  };
}

function describeOptions(decoder: FlowDecoder, store: ExporterOptionsStore): ExporterOptions[] {
  const samplingByDomain = new Map<string, SamplingRates>();
  for (const { exporterAddress, domains } of decoder.snapshot().exporters) {
    for (const { version, observationDomainId, sampling } of domains) {
      samplingByDomain.set(`${exporterAddress} ${version} ${observationDomainId}`, sampling);
    }
  }
  return Array.from(decoder.domainCounters(), ({ exporter }) => {
    const key = `${exporter.address} ${exporter.version} ${exporter.observationDomainId}`;
    const sampling = samplingByDomain.get(key) ?? { domainRate: 0, samplers: [], interfaces: [] };
    return { ...exporter, interfaces: store.interfacesOf(exporter), sampling };
  }).filter(hasOptions);
}

function hasOptions({ interfaces, sampling }: ExporterOptions): boolean {
  const rates = sampling.samplers.length + sampling.interfaces.length;
  return interfaces.length + rates + sampling.domainRate > 0;
}

function describeVersion(version: number): string {
  if (version === 10) return 'IPFIX';
  return version === 0 ? 'foreign' : `NetFlow v${version}`;
}
