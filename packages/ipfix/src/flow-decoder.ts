/** Datagrams of IPFIX and NetFlow v1, v5, v7, v9 into the columns of FlowBatches. */
import { compileColumnPlan } from './column-plan.ts';
import { type BatchSink, ColumnReader } from './column-reader.ts';
import { DatagramReader, READER_LIMITS_DEFAULT, type ReaderLimits } from './datagram-reader.ts';
import { type DecodeProblem, decodeProblem } from './decode-error.ts';
import { type DecoderSnapshot, type RestoreResult, restoreSnapshot, snapshotOf } from './decoder-snapshot.ts';
import type { DomainCounters, DomainState, ProblemTally } from './domain-state.ts';
import type { RecordFields } from './field-value.ts';
import type { ExporterIdentity } from './flow-batch.ts';
import type { MessageContext } from './message.ts';
import { NETFLOW_V1 } from './netflow-v1.ts';
import { NETFLOW_V5 } from './netflow-v5.ts';
import { NETFLOW_V7 } from './netflow-v7.ts';
import { applyOptionsRecord } from './options-record.ts';
import type { SamplingSnapshot } from './sampling-state.ts';
import { ScopeRecords } from './scope-records.ts';
import type { Template } from './template.ts';
import type { StoredTemplate } from './template-store.ts';
import type { TransportSession } from './transport-session.ts';

/** Where rows and what is not a row go. */
export interface FlowSink extends BatchSink {
  /** Takes the record of an Options Template; such records never become rows. */
  optionsRecord?(record: OptionsRecord): void;
  /** Told of everything malformed; counted also without it. */
  problem?(problem: DecodeProblem, exporter: ExporterIdentity | undefined): void;
}

/** What an exporter says about itself: interface names, samplers, applications. */
export interface OptionsRecord extends RecordFields {
  readonly exporter: ExporterIdentity;
  readonly templateId: number;
  readonly exportTimeMs: number;
}

export interface FlowDecoderOptions {
  readonly limits?: Partial<ReaderLimits>;
}

/** Counters of a decoder over all its exporters. */
export interface FlowDecoderCounters {
  datagrams: number;
  datagramsUnreadable: number;
  messages: number;
  problems: number;
  valuesSaturated: number;
  extrasDropped: number;
  /** Elements that exporters described themselves, RFC 5610. */
  elementsDefined: number;
  pendingKept: number;
  pendingReplayed: number;
  pendingExpired: number;
  pendingDropped: number;
  exportersEvicted: number;
  domainsEvicted: number;
}

export interface FlowDecoder {
  /**
   * Decodes one datagram (or, of a stream, whole messages) into `sink`: all of `bytes`, or those from `from` to `to`.
   * `receivedAtMs` is milliseconds since the Unix epoch and the decoder's only clock. Never throws for what the
   * octets say. The answer is how many rows came of it.
   */
  decodeDatagram(
    bytes: Uint8Array,
    session: TransportSession,
    receivedAtMs: number,
    sink: FlowSink,
    from?: number,
    to?: number,
  ): number;
  /** Forgets a session that ended; of TCP, TLS and file sessions the templates too. */
  closeSession(session: TransportSession): void;
  counters(): FlowDecoderCounters;
  /** Whether the last message of the latest datagram had the very sequence number that was expected of it. */
  wasInOrder(): boolean;
  /** Whether the exporter of a session over UDP is established: its messages follow each other as expected. */
  isEstablished(session: TransportSession): boolean;
  /** Templates, sampling and element definitions of the exporters over UDP, as plain JSON. */
  snapshot(): DecoderSnapshot;
  /** Takes what `snapshot` gave in an earlier life; anything malformed in it is left out and counted. */
  restore(snapshot: unknown): RestoreResult;
  /** One entry for each observation domain of each exporter. */
  domainCounters(): Iterable<DomainView>;
}

/** What a decoder knows of one observation domain of one exporter, as it is at the time of the call. */
export interface DomainView {
  readonly exporter: ExporterIdentity;
  readonly counters: DomainCounters;
  /** When the first message was received; 0 before there is one. */
  readonly firstSeenMs: number;
  /** When the latest message was received, and when it says that it was exported; 0 before there is one. */
  readonly lastSeenMs: number;
  readonly lastExportTimeMs: number;
  readonly established: boolean;
  /** What was malformed in its messages, by code. */
  readonly problems: readonly Readonly<ProblemTally>[];
  /** Template IDs that Data Sets wait for. */
  waitedFor(): number[];
  templates(): DomainTemplate[];
  sampling(): SamplingSnapshot;
}

export interface DomainTemplate {
  /** Of NetFlow v1, v5 and v7 the one format, with Template ID 0. */
  readonly template: Template;
  /** Its records describe the exporter. */
  readonly options: boolean;
}

const FIXED_FORMATS = [NETFLOW_V1, NETFLOW_V5, NETFLOW_V7];

export function createFlowDecoder(options: FlowDecoderOptions = {}): FlowDecoder {
  const reader = new DatagramReader({ ...READER_LIMITS_DEFAULT, ...options.limits });
  const columns = new ColumnReader();
  const scopes = new ScopeRecords((problem) => reader.problem(problem));
  let sink: FlowSink | undefined;
  let rows = 0;

  function report(problem: DecodeProblem, message: MessageContext | undefined): void {
    sink?.problem?.(problem, message?.exporter);
  }

  function optionsSet(entry: StoredTemplate, message: MessageContext, from: number, to: number): number {
    const { exporter, exportTimeMs, domain } = message;
    const { templateId } = entry.template;
    return scopes.readSet(entry, message, from, to, (record) => {
      applyOptionsRecord(record, domain);
      message.systemInitTimeMs = domain.systemInitTimeMs;
      sink?.optionsRecord?.({ exporter, templateId, exportTimeMs, ...record });
    });
  }

  function dataSet(entry: StoredTemplate, message: MessageContext, from: number, to: number): number {
    if (entry.options) return optionsSet(entry, message, from, to);
    if (sink === undefined) return 0;
    entry.plan ??= compileColumnPlan(entry.template, { version: message.version });
    const records = columns.readSet(entry.plan, message.view, from, to, message, sink);
    rows += records;
    if (columns.truncatedAt >= 0) {
      reader.problem(decodeProblem('record_truncated', columns.truncatedAt - message.datagramStart));
    }
    return records;
  }

  const taker = { dataSet, problem: report };

  return {
    decodeDatagram(bytes, session, receivedAtMs, into, from, to) {
      sink = into;
      rows = 0;
      reader.read(bytes, session, receivedAtMs, taker, from, to);
      return rows;
    },
    snapshot: () => snapshotOf(reader.exporters, scopes),
    restore: (snapshot) => restoreSnapshot(snapshot, reader.exporters, scopes),
    wasInOrder: () => reader.wasInOrder,
    isEstablished: (session) => reader.exporters.isEstablished(session),
    closeSession: (session) => reader.exporters.close(session),
    counters: () => ({
      ...reader.counters,
      ...columns.counters,
      elementsDefined: scopes.elementsDefined,
      ...reader.exporters.counters,
      pendingKept: reader.pending.counters.kept,
      pendingReplayed: reader.pending.counters.replayed,
      pendingExpired: reader.pending.counters.expired,
      pendingDropped: reader.pending.counters.dropped,
    }),
    *domainCounters() {
      for (const domain of reader.exporters.domains()) yield new DecodedDomain(domain, reader);
    },
  };
}

class DecodedDomain implements DomainView {
  readonly #domain: DomainState;
  readonly #reader: DatagramReader;

  constructor(domain: DomainState, reader: DatagramReader) {
    this.#domain = domain;
    this.#reader = reader;
  }

  get exporter(): ExporterIdentity {
    return this.#domain.exporter;
  }

  get counters(): DomainCounters {
    return this.#domain.counters;
  }

  get firstSeenMs(): number {
    return this.#domain.firstSeenMs;
  }

  get established(): boolean {
    return this.#domain.scope.established;
  }

  get problems(): readonly Readonly<ProblemTally>[] {
    return this.#domain.problems ?? [];
  }

  get lastSeenMs(): number {
    return this.#domain.lastSeenMs;
  }

  get lastExportTimeMs(): number {
    return this.#domain.lastExportTimeMs;
  }

  waitedFor(): number[] {
    return this.#reader.pending.waitedFor(this.#domain);
  }

  templates(): DomainTemplate[] {
    const { version, templates } = this.#domain;
    const fixed = FIXED_FORMATS.find((format) => format.version === version);
    if (fixed !== undefined) return [{ template: fixed.entry.template, options: false }];
    return Array.from(templates.entries(), ({ template, options }) => ({ template, options }));
  }

  sampling(): SamplingSnapshot {
    return this.#domain.sampling.snapshot();
  }
}
