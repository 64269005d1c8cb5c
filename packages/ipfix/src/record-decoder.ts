/**
 * Datagrams of IPFIX and NetFlow v1, v5, v7, v9 into records for people: what `weir decode` prints. Templates,
 * early data and malformed units are treated exactly as on the way to FlowBatch columns, by the same reader.
 */
import { DatagramReader, READER_LIMITS_DEFAULT, type ReaderLimits } from './datagram-reader.ts';
import { formatInstant } from './date-time.ts';
import { type DecodeProblem, decodeProblem } from './decode-error.ts';
import type { FieldMap, FieldValue, RecordFields } from './field-value.ts';
import type { ExporterIdentity } from './flow-batch.ts';
import { type MessageContext, SET_HEADER_OCTETS } from './message.ts';
import { v5SamplingInterval, v5SamplingMode } from './netflow-v5.ts';
import { applyOptionsRecord } from './options-record.ts';
import type { UndecodedSet } from './pending-sets.ts';
import { ScopeRecords } from './scope-records.ts';
import { timeOfUptime, timeSinceInit } from './sys-uptime.ts';
import type { StoredTemplate } from './template-store.ts';
import type { TransportSession } from './transport-session.ts';

/** One Data Record with what its message says; the shape is that of a line of `decode --json`. */
export interface DecodedRecord {
  /** 1, 5, 7, 9 or 10. */
  readonly version: number;
  /** The exporter's address. */
  readonly exporter: string;
  /** ISO 8601: in whole seconds for v9 and IPFIX, which say no more. */
  readonly exportTime: string;
  /** 0 for v1, which has none. */
  readonly sequenceNumber: number;
  /** Of v9 the Source ID, of v5 engine type and engine id. */
  readonly observationDomainId: number;
  /** 0 for the versions without templates. */
  readonly templateId: number;
  /** Present when the template is an Options Template. */
  readonly scope?: FieldMap;
  readonly fields: FieldMap;
}

export interface RecordSink {
  record(record: DecodedRecord): void;
  /** Told of everything malformed; `exporter` is unknown while a header is read. */
  problem?(problem: DecodeProblem, exporter: ExporterIdentity | undefined): void;
}

export interface RecordDecoderCounters {
  datagrams: number;
  messages: number;
  records: number;
  problems: number;
  /** Elements that exporters described themselves, RFC 5610. */
  elementsDefined: number;
}

export interface RecordDecoder {
  /**
   * Decodes one datagram (or, of a stream, whole messages). `receivedAtMs` is the decoder's only clock.
   * Never throws for what the octets say.
   */
  decodeDatagram(bytes: Uint8Array, session: TransportSession, receivedAtMs: number, sink: RecordSink): void;
  /** Forgets a session that ended; of TCP, TLS and file sessions the templates too. */
  closeSession(session: TransportSession): void;
  /**
   * Tells `sink.problem` what the input leaves undecoded: once for each template that Data Sets still wait
   * for. The offset is that of the first such Set in its datagram.
   */
  reportUndecoded(sink: RecordSink): void;
  counters(): RecordDecoderCounters;
}

/** Octets into a v5 header: engine type and id, then the sampling mode and interval. */
const V5_ENGINE_OFFSET = 20;
const V5_SAMPLING_OFFSET = 22;

/** IANA's names of the times that NetFlow counts from the exporter's boot. */
const UPTIME_FIELDS = [
  ['flowStartSysUpTime', 'flowStartMilliseconds'],
  ['flowEndSysUpTime', 'flowEndMilliseconds'],
] as const;

export function createRecordDecoder(options: { limits?: Partial<ReaderLimits> } = {}): RecordDecoder {
  const reader = new DatagramReader({ ...READER_LIMITS_DEFAULT, ...options.limits });
  const scopes = new ScopeRecords((problem) => reader.problem(problem));
  let sink: RecordSink | undefined;
  let records = 0;

  function dataSet(entry: StoredTemplate, message: MessageContext, from: number, to: number): number {
    return scopes.readSet(entry, message, from, to, (record) => {
      records++;
      if (entry.options) learn(record, message);
      sink?.record(decodedRecord(record, entry, message));
    });
  }

  const taker = {
    dataSet,
    problem: (problem: DecodeProblem, message: MessageContext | undefined) =>
      sink?.problem?.(problem, message?.exporter),
  };

  return {
    decodeDatagram(bytes, session, receivedAtMs, into) {
      sink = into;
      reader.read(bytes, session, receivedAtMs, taker);
    },
    closeSession: (session) => reader.exporters.close(session),
    reportUndecoded(into) {
      for (const sets of reader.pending.waiting()) reportUndecoded(sets, into);
    },
    counters: () => ({
      datagrams: reader.counters.datagrams,
      messages: reader.counters.messages,
      records,
      problems: reader.counters.problems,
      elementsDefined: scopes.elementsDefined,
    }),
  };
}

/** Takes what later records need: the time from which an IPFIX exporter counts its uptimes. */
function learn(record: RecordFields, message: MessageContext): void {
  applyOptionsRecord(record, message.domain);
  message.systemInitTimeMs = message.domain.systemInitTimeMs;
}

function reportUndecoded(sets: readonly UndecodedSet[], sink: RecordSink): void {
  const [first] = sets;
  if (first === undefined) return;
  const { exporter, observationDomainId } = first.domain;
  const octets = sets.reduce((sum, { body }) => sum + body.length, 0);
  const where = `template ${first.setId} of ${exporter.address}, domain ${observationDomainId}`;
  const detail = `(${where}: ${sets.length} Sets, ${octets} octets)`;
  sink.problem?.(decodeProblem('set_template_unknown', first.offset - SET_HEADER_OCTETS, detail), exporter);
}

/** What a sequence of datagrams of one exporter holds, in order, and what of it stays undecoded. */
export function* decodeRecords(
  datagrams: Iterable<Uint8Array>,
  session: TransportSession,
  decoder: RecordDecoder = createRecordDecoder(),
): Generator<DecodedRecord | { readonly error: DecodeProblem }> {
  const found: (DecodedRecord | { readonly error: DecodeProblem })[] = [];
  const sink: RecordSink = {
    record: (record) => found.push(record),
    problem: (error) => found.push({ error }),
  };
  for (const bytes of datagrams) {
    decoder.decodeDatagram(bytes, session, 0, sink);
    yield* found;
    found.length = 0;
  }
  decoder.reportUndecoded(sink);
  yield* found;
}

function decodedRecord(record: RecordFields, entry: StoredTemplate, message: MessageContext): DecodedRecord {
  const { version, exporter, exportTimeMs, sequenceNumber, observationDomainId } = message;
  const { templateId } = entry.template;
  const { fields } = record;
  if (version < 9) delete fields['paddingOctets'];
  if (version === 5) addHeaderFields(fields, message);
  if (!entry.options) addAbsoluteTimes(fields, message);
  return {
    version,
    exporter: exporter.address,
    exportTime: instantText(exportTimeMs, version < 9 ? 3 : 0),
    sequenceNumber,
    observationDomainId,
    templateId,
    ...(entry.options ? { scope: record.scope ?? {} } : {}),
    fields,
  };
}

/** The header of v5 says of all its records which engine metered them, and how it sampled. */
function addHeaderFields(fields: FieldMap, { view, datagramStart, messageOffset }: MessageContext): void {
  const header = datagramStart + messageOffset;
  const sampling = view.data.getUint16(header + V5_SAMPLING_OFFSET);
  fields['engineType'] = view.data.getUint8(header + V5_ENGINE_OFFSET);
  fields['engineId'] = view.data.getUint8(header + V5_ENGINE_OFFSET + 1);
  fields['samplingInterval'] = v5SamplingInterval(sampling);
  fields['samplingAlgorithm'] = v5SamplingMode(sampling);
}

/** Times counted from the exporter's boot are given as points in time too, where the boot is known. */
function addAbsoluteTimes(fields: FieldMap, message: MessageContext): void {
  for (const [uptimeName, timeName] of UPTIME_FIELDS) {
    const uptimeMs = fields[uptimeName];
    if (typeof uptimeMs !== 'number' || timeName in fields) continue;
    const timeMs = absoluteTime(uptimeMs, fields['systemInitTimeMilliseconds'], message);
    if (timeMs !== undefined) fields[timeName] = instantText(timeMs, 3);
  }
}

/** The header's uptime tells how long ago that was, whatever wrapped in between (every 49.7 days). */
function absoluteTime(
  uptimeMs: number,
  initTime: FieldValue | undefined,
  message: MessageContext,
): number | undefined {
  const { version, exportTimeMs, headerUptimeMs, systemInitTimeMs } = message;
  if (version < 10) return timeOfUptime(uptimeMs, exportTimeMs, headerUptimeMs);
  const initMs = typeof initTime === 'string' ? Date.parse(initTime) : systemInitTimeMs;
  return initMs > 0 ? timeSinceInit(initMs, uptimeMs, exportTimeMs) : undefined;
}

function instantText(timeMs: number, digits: number): string {
  const seconds = Math.floor(timeMs / 1000);
  const nanoseconds = (timeMs - seconds * 1000) * 1e6;
  return formatInstant({ seconds, nanoseconds }, digits) ?? String(timeMs);
}
