/**
 * Reads datagrams, or pieces of a stream at message boundaries, into Sets: everything about messages that
 * does not depend on what becomes of the records. A malformed unit is contained: a bad Set costs itself, a
 * bad message costs itself, and each is reported with code and offset.
 */
import { BoundedReader } from './bounded-reader.ts';
import type { WireView } from './column-kernels.ts';
import { type DecodeErrorCode, type DecodeProblem, decodeProblem } from './decode-error.ts';
import { createDomainState, type DomainState, noteProblem, type StreamState } from './domain-state.ts';
import {
  DOMAINS_MAX,
  DOMAINS_PER_EXPORTER_MAX,
  ESTABLISHED_MESSAGES,
  EXPORTERS_MAX,
  EXPORTERS_UNPROVEN_MAX,
  type ExporterLimits,
  ExporterTable,
} from './exporter-table.ts';
import {
  IPFIX_HEADER_OCTETS,
  type MessageContext,
  NETFLOW_V9_HEADER_OCTETS,
  SET_HEADER_OCTETS,
} from './message.ts';
import type { FixedFormat } from './netflow-fixed.ts';
import { v1Format } from './netflow-v1.ts';
import { NETFLOW_V5, v5SamplingInterval } from './netflow-v5.ts';
import { NETFLOW_V7 } from './netflow-v7.ts';
import {
  PENDING_LIMITS_DEFAULT,
  type PendingLimits,
  PendingSets,
  type UndecodedSet,
} from './pending-sets.ts';
import { SamplingState, SharedSampling } from './sampling-state.ts';
import type { Template } from './template.ts';
import { TEMPLATE_FIELDS_PER_EXPORTER_MAX, TemplateBudget } from './template-budget.ts';
import {
  isZero,
  readTemplateSet,
  readV9OptionsTemplateSet,
  readV9TemplateSet,
  SET_ID_OPTIONS_TEMPLATE,
  SET_ID_TEMPLATE,
  TEMPLATE_ID_MIN,
  type TemplateTaker,
  type TemplateWithdrawal,
  V9_SET_ID_OPTIONS_TEMPLATE,
  V9_SET_ID_TEMPLATE,
} from './template-set.ts';
import type { StoredTemplate } from './template-store.ts';
import type { TransportSession } from './transport-session.ts';

export interface ReaderLimits extends ExporterLimits, PendingLimits {}

export const READER_LIMITS_DEFAULT: ReaderLimits = {
  exportersMax: EXPORTERS_MAX,
  exportersUnprovenMax: EXPORTERS_UNPROVEN_MAX,
  domainsPerExporterMax: DOMAINS_PER_EXPORTER_MAX,
  domainsMax: DOMAINS_MAX,
  templatesPerExporterMax: TEMPLATE_FIELDS_PER_EXPORTER_MAX,
  ...PENDING_LIMITS_DEFAULT,
};

/** Takes what the reader finds. `message` is reused: it holds only during the call. */
export interface SetTaker {
  /** A message header was read; its Sets follow. */
  message?(message: MessageContext): void;
  /**
   * Reads the records of a Data Set, at `from` … `to` in `message.view`'s buffer; the answer is their
   * number. `replayed` when the Set waited for its template.
   */
  dataSet(
    entry: StoredTemplate,
    message: MessageContext,
    from: number,
    to: number,
    replayed: boolean,
  ): number;
  /** A template was taken into the store. */
  template?(template: Template, message: MessageContext): void;
  problem(problem: DecodeProblem, message: MessageContext | undefined): void;
}

/** Counters of a reader, over all exporters. */
export interface ReaderCounters {
  datagrams: number;
  /** Datagrams without a single readable message. */
  datagramsUnreadable: number;
  messages: number;
  problems: number;
}

/** A boot time that moved by more than this is a restart; less is drift of the exporter's clock. */
const BOOT_MOVED_MS_MIN = 30_000;
const TWO_32 = 4294967296;
/** Up to 3 octets align a Set, whatever they hold; more that are not zero say that a template does not fit. */
const PADDING_OCTETS_MIN = 4;

export class DatagramReader implements TemplateTaker {
  readonly exporters: ExporterTable;
  readonly pending: PendingSets;
  readonly counters: ReaderCounters = { datagrams: 0, datagramsUnreadable: 0, messages: 0, problems: 0 };
  /** Whether the message that was read last had the very sequence number that was expected. */
  wasInOrder = false;
  readonly #message: MessageContext;
  readonly #report = (problem: DecodeProblem) => this.problem(problem);
  #taker: SetTaker | undefined;
  /** What was read last, and where it begins in its buffer. */
  #bytes: Uint8Array | undefined;
  #offset = 0;
  /** The message whose problems are reported; none while a header is read. */
  #inMessage = false;
  /** Data Records of the message read so far; -1 once a Set could not be counted. */
  #units = 0;

  constructor(limits: ReaderLimits = READER_LIMITS_DEFAULT) {
    this.pending = new PendingSets(limits);
    this.exporters = new ExporterTable(limits, (domain) => this.pending.forget(domain));
    this.#message = createMessageContext();
  }

  /** Reads all messages of a datagram, the octets `from` to `to` of `bytes`. Never throws for what they say. */
  read(
    bytes: Uint8Array,
    session: TransportSession,
    receivedAtMs: number,
    taker: SetTaker,
    from = 0,
    to = bytes.byteLength,
  ): void {
    const message = this.#message;
    this.#taker = taker;
    this.#inMessage = false;
    this.counters.datagrams += 1;
    this.wasInOrder = false;
    message.receivedAtMs = receivedAtMs;
    if (bytes !== this.#bytes) this.#look(bytes);
    const start = this.#offset + from;
    message.datagramStart = start;
    const messagesBefore = this.counters.messages;
    const end = this.#offset + to;
    let at = start;
    while (at < end) {
      if (at > start && isZero(message.view.bytes, at, end)) break;
      const next = this.#readMessage(session, at, end);
      if (this.#inMessage) message.domain.counters.octets += next - at;
      this.#inMessage = false;
      at = next;
    }
    if (this.counters.messages === messagesBefore) this.counters.datagramsUnreadable += 1;
  }

  /** Readies the view for the buffer that `bytes` lies in; a receiver gives the same array for every datagram. */
  #look(bytes: Uint8Array): void {
    const { buffer, byteOffset } = bytes;
    if (this.#message.view.bytes.buffer !== buffer) this.#message.view = viewOf(buffer);
    this.#bytes = bytes;
    this.#offset = byteOffset;
  }

  /** Reads the message at `at`; the answer is where the next one begins. */
  #readMessage(session: TransportSession, at: number, end: number): number {
    if (end - at < 4) {
      const isFirst = at === this.#message.datagramStart;
      return this.#giveUp(isFirst ? 'message_truncated' : 'message_trailing_octets', at, end);
    }
    const { data } = this.#message.view;
    switch (data.getUint16(at)) {
      case 10:
        return this.#readIpfix(session, at, end);
      case 9:
        return this.#readV9(session, at, end);
      case 5:
        return this.#readFixed(NETFLOW_V5, session, at, end);
      case 7:
        return this.#readFixed(NETFLOW_V7, session, at, end);
      case 1:
        return this.#readFixed(v1Format(end - at, data.getUint16(at + 2)), session, at, end);
      default:
        return this.#giveUp('message_version_unknown', at, end);
    }
  }

  #readIpfix(session: TransportSession, at: number, end: number): number {
    const { data } = this.#message.view;
    const length = data.getUint16(at + 2);
    if (length < IPFIX_HEADER_OCTETS) return this.#giveUp('message_length_invalid', at + 2, end);
    if (end - at < IPFIX_HEADER_OCTETS) return this.#giveUp('message_truncated', at, end);
    const exportTimeMs = data.getUint32(at + 4) * 1000;
    const sequenceNumber = data.getUint32(at + 8);
    const stream = this.exporters.stream(session, 10, data.getUint32(at + 12));
    this.#begin(stream, at, exportTimeMs, 0, sequenceNumber);
    const templatesBefore = stream.domain.counters.templateRecords;
    const messageEnd = Math.min(at + length, end);
    if (at + length > end) this.#problemAt('message_truncated', end);
    this.#readSets(10, at + IPFIX_HEADER_OCTETS, messageEnd, at + length > end);
    const templateRecords = stream.domain.counters.templateRecords - templatesBefore;
    this.#observe(stream, sequenceNumber, this.#units, templateRecords);
    return messageEnd;
  }

  #readV9(session: TransportSession, at: number, end: number): number {
    if (end - at < NETFLOW_V9_HEADER_OCTETS) return this.#giveUp('message_truncated', at, end);
    const { data } = this.#message.view;
    const uptimeMs = data.getUint32(at + 4);
    const exportTimeMs = data.getUint32(at + 8) * 1000;
    const sequenceNumber = data.getUint32(at + 12);
    const stream = this.exporters.stream(session, 9, data.getUint32(at + 16));
    this.#begin(stream, at, exportTimeMs, uptimeMs, sequenceNumber);
    this.#noticeBoot(stream, exportTimeMs - uptimeMs);
    this.#observe(stream, sequenceNumber, 1, 0);
    return this.#readSets(9, at + NETFLOW_V9_HEADER_OCTETS, end, false);
  }

  /** Each header says the rate of its records; whoever asks about the exporter is told the last one. */
  #readV5Sampling(field: number): void {
    const rate = v5SamplingInterval(field);
    this.#message.headerSamplingRate = rate;
    this.#message.sampling.setDomainRate(rate);
  }

  #readFixed(format: FixedFormat, session: TransportSession, at: number, end: number): number {
    const { version, headerOctets, recordOctets, entry } = format;
    if (end - at < headerOctets) return this.#giveUp('message_truncated', at, end);
    const { data } = this.#message.view;
    const count = data.getUint16(at + 2);
    const uptimeMs = data.getUint32(at + 4);
    const exportTimeMs = data.getUint32(at + 8) * 1000 + Math.floor(data.getUint32(at + 12) / 1_000_000);
    const sequenceNumber = version === 1 ? 0 : data.getUint32(at + 16);
    const engine = version === 5 ? data.getUint16(at + 20) : 0;
    const stream = this.exporters.stream(session, version, engine);
    this.#begin(stream, at, exportTimeMs, uptimeMs, sequenceNumber);
    if (version === 5) this.#readV5Sampling(data.getUint16(at + 22));
    this.#noticeBoot(stream, exportTimeMs - uptimeMs);
    const fitting = Math.min(count, Math.floor((end - at - headerOctets) / recordOctets));
    if (fitting < count) this.#problemAt('message_count_invalid', at + 2);
    const from = at + headerOctets;
    const to = from + fitting * recordOctets;
    if (version !== 1) this.#observe(stream, sequenceNumber, count, 0);
    if (fitting > 0) this.#readData(entry, from, to, false);
    return fitting < count ? end : to;
  }

  #begin(
    stream: StreamState,
    at: number,
    exportTimeMs: number,
    headerUptimeMs: number,
    sequenceNumber: number,
  ): void {
    const { domain } = stream;
    const message = this.#message;
    enterDomain(message, domain);
    message.exportTimeMs = exportTimeMs;
    message.headerUptimeMs = headerUptimeMs;
    message.sequenceNumber = sequenceNumber;
    message.messageOffset = at - message.datagramStart;
    if (domain.counters.messages === 0) domain.firstSeenMs = message.receivedAtMs;
    domain.lastSeenMs = message.receivedAtMs;
    domain.lastExportTimeMs = exportTimeMs;
    domain.counters.messages += 1;
    this.counters.messages += 1;
    this.#inMessage = true;
    this.#units = 0;
    this.#taker?.message?.(message);
  }

  #observe(stream: StreamState, sequenceNumber: number, units: number, templateRecords: number): void {
    const { sequence, domain } = stream;
    sequence.observe(sequenceNumber, units, templateRecords);
    const { scope } = domain;
    this.wasInOrder = sequence.inOrder > 0;
    if (scope.proven && !scope.established && sequence.inOrder >= ESTABLISHED_MESSAGES) {
      this.exporters.establish(scope);
    }
  }

  /** A boot time that moved, other than by one wrap of the 32-bit uptime, is a restart of the exporter. */
  #noticeBoot(stream: StreamState, bootMs: number): void {
    const movedMs = bootMs - stream.bootMs;
    stream.bootMs = bootMs;
    if (movedMs < BOOT_MOVED_MS_MIN || Number.isNaN(movedMs)) return;
    if (Math.abs(movedMs - TWO_32) > BOOT_MOVED_MS_MIN) stream.sequence.restart();
  }

  /** Reads Sets up to `end`; the answer is where the message ended. */
  #readSets(version: 9 | 10, from: number, end: number, truncated: boolean): number {
    const { bytes, data } = this.#message.view;
    let at = from;
    while (end - at >= SET_HEADER_OCTETS) {
      const setId = data.getUint16(at);
      const length = data.getUint16(at + 2);
      if (version === 9 && isMessageStart(setId, at, end, data)) return at;
      if (length < SET_HEADER_OCTETS) {
        if (!isZero(bytes, at, end)) this.#problemAt('set_length_invalid', at + 2);
        this.#units = -1;
        return end;
      }
      const setEnd = at + length;
      if (setEnd > end && !truncated) this.#problemAt('set_length_invalid', at + 2);
      this.#readSet(version, setId, at + SET_HEADER_OCTETS, Math.min(setEnd, end));
      if (setEnd > end) this.#units = -1;
      at = setEnd;
    }
    if (at < end && !isZero(bytes, at, end)) this.#problemAt('set_trailing_octets', at);
    return end;
  }

  /**
   * Exporters exist that write the template Sets of one version into messages of the other. Neither version
   * gives the other's Set IDs a meaning, so each is read as what it is.
   */
  #readSet(version: 9 | 10, setId: number, from: number, to: number): void {
    const isV9 = version === 9;
    if (setId >= TEMPLATE_ID_MIN) this.#readDataSet(setId, from, to);
    else if (setId === SET_ID_TEMPLATE || setId === V9_SET_ID_TEMPLATE) {
      if (isV9) readV9TemplateSet(this.#reader(from, to), this);
      else readTemplateSet(this.#reader(from, to), false, this);
    } else if (setId === SET_ID_OPTIONS_TEMPLATE) {
      readTemplateSet(this.#reader(from, to), true, this);
    } else if (setId === V9_SET_ID_OPTIONS_TEMPLATE) {
      readV9OptionsTemplateSet(this.#reader(from, to), this);
    } else this.#problemAt('set_id_reserved', from - SET_HEADER_OCTETS);
  }

  #reader(from: number, to: number): BoundedReader {
    const { view, datagramStart } = this.#message;
    return new BoundedReader(view.bytes, 'template_truncated', from, to, -datagramStart);
  }

  #readDataSet(setId: number, from: number, to: number): void {
    const { domain, exportTimeMs, view } = this.#message;
    const entry = domain.templates.find(setId, exportTimeMs, view.bytes, from, to - from);
    if (entry !== undefined) this.#readData(entry, from, to, false);
    else if (domain.templates.isWithdrawn(setId)) this.#refuseWithdrawn(setId, from);
    else this.#keep(setId, from, to);
  }

  #readData(entry: StoredTemplate, from: number, to: number, replayed: boolean): void {
    const message = this.#message;
    const records = this.#taker?.dataSet(entry, message, from, to, replayed) ?? 0;
    const { counters, scope } = message.domain;
    if (entry.options) counters.optionsRecords += records;
    else counters.records += records;
    if (records > 0 && !scope.proven) this.exporters.prove(scope);
    if (this.#units >= 0 && !replayed) this.#units += records;
    const rest = entry.recordOctets > 0 ? (to - from) % entry.recordOctets : 0;
    if (rest >= PADDING_OCTETS_MIN && !isZero(message.view.bytes, to - rest, to)) {
      this.#problemAt('set_trailing_octets', to - rest);
    }
  }

  #refuseWithdrawn(setId: number, from: number): void {
    const at = from - SET_HEADER_OCTETS - this.#message.datagramStart;
    this.#message.domain.counters.undecodedSets += 1;
    this.#units = -1;
    this.problem(decodeProblem('set_template_unknown', at, `(template ${setId} was withdrawn)`));
  }

  #keep(setId: number, from: number, to: number): void {
    const { domain, view, datagramStart, exportTimeMs, headerUptimeMs, receivedAtMs, sequenceNumber } =
      this.#message;
    domain.counters.undecodedSets += 1;
    this.#units = -1;
    const roomy = this.pending.hasRoom(domain, to - from);
    this.pending.keep({
      domain,
      setId,
      body: roomy ? view.bytes.slice(from, to) : view.bytes.subarray(from, to),
      offset: from - datagramStart,
      exportTimeMs,
      headerUptimeMs,
      receivedAtMs,
      sequenceNumber,
    });
  }

  template(template: Template, options: boolean, offset: number): void {
    const message = this.#message;
    const { templates } = message.domain;
    const outcome = templates.announce(template, options, message.exportTimeMs, offset, this.#report);
    if (outcome === 'refused') return;
    this.#taker?.template?.(template, message);
    if (outcome === 'repeated') return;
    for (const set of this.pending.take(message.domain, template.templateId, message.receivedAtMs)) {
      this.#replay(set);
    }
  }

  withdrawal(withdrawal: TemplateWithdrawal): void {
    this.#message.domain.templates.withdraw(withdrawal, this.#report);
  }

  problem(problem: DecodeProblem): void {
    this.counters.problems += 1;
    const message = this.#inMessage ? this.#message : undefined;
    if (message !== undefined) noteProblem(message.domain, problem, message.receivedAtMs);
    this.#taker?.problem(problem, message);
  }

  /** Reads a Set that waited, as if its message were there again. */
  #replay(set: UndecodedSet): void {
    const message = this.#message;
    const { view, datagramStart, exportTimeMs, headerUptimeMs, receivedAtMs, sequenceNumber } = message;
    const { body } = set;
    message.view = viewOf(body.buffer);
    message.datagramStart = body.byteOffset - set.offset;
    message.exportTimeMs = set.exportTimeMs;
    message.headerUptimeMs = set.headerUptimeMs;
    message.receivedAtMs = set.receivedAtMs;
    message.sequenceNumber = set.sequenceNumber;
    const from = body.byteOffset;
    const to = from + body.length;
    const entry = set.domain.templates.find(
      set.setId,
      set.exportTimeMs,
      message.view.bytes,
      from,
      body.length,
    );
    if (entry !== undefined) this.#readData(entry, from, to, true);
    Object.assign(message, {
      view,
      datagramStart,
      exportTimeMs,
      headerUptimeMs,
      receivedAtMs,
      sequenceNumber,
    });
  }

  #problemAt(code: DecodeErrorCode, at: number): void {
    this.problem(decodeProblem(code, at - this.#message.datagramStart));
  }

  #giveUp(code: DecodeErrorCode, at: number, end: number): number {
    this.#problemAt(code, at);
    return end;
  }
}

/** A v9 packet has no length; a FlowSet ID that is a version is the next message of the datagram. */
function isMessageStart(setId: number, at: number, end: number, data: DataView): boolean {
  if (setId !== 5 && setId !== 7 && setId !== 9 && setId !== 10) return false;
  if (end - at < IPFIX_HEADER_OCTETS) return false;
  return setId !== 10 || data.getUint16(at + 2) >= IPFIX_HEADER_OCTETS;
}

function viewOf(buffer: ArrayBufferLike): WireView {
  return { bytes: new Uint8Array(buffer), data: new DataView(buffer) };
}

function enterDomain(message: MessageContext, domain: DomainState): void {
  message.domain = domain;
  message.exporter = domain.exporter;
  message.version = domain.version;
  message.observationDomainId = domain.observationDomainId;
  message.sampling = domain.sampling;
  message.systemInitTimeMs = domain.systemInitTimeMs;
  message.headerSamplingRate = 0;
}

/** The context before the first message. */
function createMessageContext(): MessageContext {
  const session: TransportSession = { exporterAddress: '', localSocket: '', transport: 'udp', source: '' };
  const domain = createDomainState(
    {
      key: '',
      session,
      domains: new Map(),
      templateBudget: new TemplateBudget({ fields: 0 }),
      sampling: new SharedSampling(),
      pendingOctets: 0,
      pendingSets: 0,
      proven: false,
      established: false,
      evicted: false,
    },
    0,
    0,
  );
  return {
    domain,
    exporter: domain.exporter,
    version: 0,
    observationDomainId: 0,
    sampling: new SamplingState(),
    systemInitTimeMs: 0,
    headerSamplingRate: 0,
    headerUptimeMs: 0,
    exportTimeMs: 0,
    receivedAtMs: 0,
    sequenceNumber: 0,
    datagramStart: 0,
    messageOffset: 0,
    view: viewOf(new ArrayBuffer(0)),
  };
}
