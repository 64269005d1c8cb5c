/**
 * FlowBatch columns → IPFIX Messages of Data Sets, without an object a record.
 *
 * The packer lays messages one behind the other into an arena: it first gives every record of a template its
 * place (RFC 7011 section 3.1 and 3.3.2 say where headers go), then one loop a field fills the run of records
 * in. Sequence number and Export Time stay 0: they belong to a collector's session, which writes them into
 * its own copy. Hot file: `!` on typed-array reads below the counts that the packer itself keeps.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-------------------------------+-------------------------------+
 *     |       Version Number = 10     |            Length             |
 *     +-------------------------------+-------------------------------+
 *     |                           Export Time                         |
 *     +---------------------------------------------------------------+
 *     |                       Sequence Number                         |
 *     +---------------------------------------------------------------+
 *     |                    Observation Domain ID                      |
 *     +-------------------------------+-------------------------------+
 *     |          Set ID               |          Length               |
 *     +-------------------------------+-------------------------------+
 */
import { assert } from '@weir/base';
import type { FlowBatch } from '@weir/ipfix';
import type { ExportTemplate } from './export-template.ts';
import type { RecordRun } from './field-writer.ts';
import type { RowClassifier } from './row-classifier.ts';

export const MESSAGE_HEADER_OCTETS = 16;
const SET_HEADER_OCTETS = 4;
const IPFIX_VERSION = 10;
/** Half a second-level cache: the field loops pass over the same octets some twenty times. */
const ARENA_OCTETS = 131_072;
const WORD = 2 ** 32;

/** A message of Data Sets; valid only during the call that hands it over. */
export interface PackedMessage {
  readonly bytes: Uint8Array;
  offset: number;
  length: number;
  /** Data Records: by so much the sequence number grows. */
  recordCount: number;
  /** Sums over its records, to say what was lost when the message is. */
  packets: number;
  octets: number;
  /** The templates that a collector must know to read it. */
  readonly templates: ExportTemplate[];
}

export interface PackerCounters {
  recordsPacked: number;
  messagesPacked: number;
  /** Records too long for a message that were packed without their extra fields. */
  recordsTooLong: number;
}

export interface MessagePacker {
  readonly counters: PackerCounters;
  /** Octets of a message at most; takes effect with the next message. */
  messageOctetsMax: number;
  /** When the first record of the open message was packed; undefined while there is none. */
  readonly openSinceMs: number | undefined;
  /** Packs what the classifier selects of `batch`; the batch is free again when this returns. */
  pack(batch: FlowBatch, nowMs: number): void;
  /** Hands over the open message, however small. */
  flush(): void;
}

export interface PackerOptions {
  readonly classifier: RowClassifier;
  readonly observationDomainId: number;
  readonly messageOctetsMax: number;
  readonly systemInitTimeMs: number;
  readonly emit: (message: PackedMessage) => void;
}

export function createMessagePacker(options: PackerOptions): MessagePacker {
  const { classifier, observationDomainId, emit } = options;
  const arena = new Uint8Array(Math.max(ARENA_OCTETS, 2 * 65_536));
  const view = new DataView(arena.buffer);
  const runLengthMax = arena.length / 16;
  const run: Omit<RecordRun, 'columns'> & { columns: RecordRun['columns'] | undefined } = {
    view,
    columns: undefined,
    rows: new Uint32Array(runLengthMax),
    offsets: new Uint32Array(runLengthMax),
    count: 0,
    systemInitTimeMs: options.systemInitTimeMs,
  };
  const counters = emptyPackerCounters();
  /** Messages that are laid out but not yet handed over; reused. */
  const messages: PackedMessage[] = [];
  let closedCount = 0;
  let open: PackedMessage | undefined;
  let openSinceMs: number | undefined;
  let messageOctetsMax = options.messageOctetsMax;
  let position = 0;
  let setStart = -1;
  let setTemplateId = 0;
  let batch: FlowBatch | undefined;

  function beginMessage(nowMs: number): PackedMessage {
    const message = messages[closedCount] ?? newMessage(arena);
    messages[closedCount] = message;
    message.offset = position;
    message.recordCount = 0;
    message.packets = 0;
    message.octets = 0;
    message.templates.length = 0;
    view.setUint16(position, IPFIX_VERSION);
    view.setUint32(position + 4, 0);
    view.setUint32(position + 8, 0);
    view.setUint32(position + 12, observationDomainId);
    position += MESSAGE_HEADER_OCTETS;
    open = message;
    openSinceMs = nowMs;
    return message;
  }

  function endSet(): void {
    if (setStart < 0) return;
    view.setUint16(setStart + 2, position - setStart);
    setStart = -1;
  }

  function beginSet(message: PackedMessage, template: ExportTemplate): void {
    endSet();
    setStart = position;
    setTemplateId = template.templateId;
    view.setUint16(position, setTemplateId);
    position += SET_HEADER_OCTETS;
    if (!message.templates.includes(template)) message.templates.push(template);
  }

  function endMessage(message: PackedMessage): void {
    endSet();
    message.length = position - message.offset;
    view.setUint16(message.offset + 2, message.length);
    closedCount += 1;
    open = undefined;
    openSinceMs = undefined;
  }

  function writeRun(template: ExportTemplate): void {
    if (run.count === 0) return;
    for (const { write, offset } of template.writers) write(run as RecordRun, offset);
    if (template.extraOctets !== 0) copyExtra(template);
    run.count = 0;
  }

  function copyExtra(template: ExportTemplate): void {
    const { extra, extraEnd } = batch!;
    for (let i = 0; i < run.count; i += 1) {
      const row = run.rows[i]!;
      const from = row === 0 ? 0 : extraEnd[row - 1]!;
      arena.set(extra.subarray(from, extraEnd[row]!), run.offsets[i]! + template.recordOctets);
    }
  }

  /** Hands over every closed message and moves the open one to the start of the arena. */
  function emitClosed(): void {
    for (let i = 0; i < closedCount; i += 1) {
      const message = messages[i]!;
      counters.messagesPacked += 1;
      counters.recordsPacked += message.recordCount;
      emit(message);
    }
    const start = open?.offset ?? position;
    if (open !== undefined && closedCount > 0) {
      arena.copyWithin(0, start, position);
      messages[closedCount] = messages[0]!;
      messages[0] = open;
      open.offset = 0;
    }
    if (setStart >= 0) setStart -= start;
    position -= start;
    closedCount = 0;
  }

  /** Octets of the extra fields of a row. */
  function extraOctetsOf(template: ExportTemplate, row: number): number {
    if (template.extraOctets >= 0) return template.extraOctets;
    const { extraEnd } = batch!;
    return extraEnd[row]! - (row === 0 ? 0 : extraEnd[row - 1]!);
  }

  /** Gives the rows of one template their places, and writes them whenever the arena is full. */
  function packRows(template: ExportTemplate, from: number, to: number, nowMs: number): void {
    let index = from;
    while (index < to) {
      const recordOctets = template.recordOctets + extraOctetsOf(template, classifier.rows[index]!);
      if (tooLong(recordOctets)) {
        packWithoutExtra(template, index, nowMs);
        index += 1;
        continue;
      }
      const message = messageFor(template, recordOctets, nowMs);
      const room = Math.floor((messageOctetsMax - (position - message.offset)) / recordOctets);
      // Records with extra fields of varying length are placed one by one.
      const end = template.extraOctets < 0 ? index + 1 : Math.min(to, index + room);
      place(message, index, end, recordOctets);
      index = end;
    }
    writeRun(template);
  }

  /** The open message, in a Set of the template with room for a record. */
  function messageFor(template: ExportTemplate, recordOctets: number, nowMs: number): PackedMessage {
    if (open !== undefined && !fits(open, template, recordOctets)) endMessage(open);
    if (open === undefined && position + messageOctetsMax > arena.length) {
      writeRun(template);
      emitClosed();
    }
    const message = open ?? beginMessage(nowMs);
    if (setStart < 0 || setTemplateId !== template.templateId) beginSet(message, template);
    return message;
  }

  function place(message: PackedMessage, from: number, to: number, recordOctets: number): void {
    const { octets, packets } = batch!.columns;
    const { rows } = classifier;
    const { rows: runRows, offsets } = run;
    let at = position;
    let placed = run.count;
    for (let i = from; i < to; i += 1) {
      const row = rows[i]!;
      runRows[placed] = row;
      offsets[placed] = at;
      placed += 1;
      at += recordOctets;
      const word = row * 2;
      message.octets += octets[word]! + octets[word + 1]! * WORD;
      message.packets += packets[word]! + packets[word + 1]! * WORD;
    }
    run.count = placed;
    position = at;
    message.recordCount += to - from;
  }

  function tooLong(recordOctets: number): boolean {
    return MESSAGE_HEADER_OCTETS + SET_HEADER_OCTETS + recordOctets > messageOctetsMax;
  }

  function fits(message: PackedMessage, template: ExportTemplate, recordOctets: number): boolean {
    const setOctets = setStart >= 0 && setTemplateId === template.templateId ? 0 : SET_HEADER_OCTETS;
    return position + setOctets + recordOctets - message.offset <= messageOctetsMax;
  }

  function packWithoutExtra(template: ExportTemplate, index: number, nowMs: number): void {
    counters.recordsTooLong += 1;
    writeRun(template);
    assert(template.plain !== undefined, 'a message holds at least one record without extra fields');
    packRows(template.plain, index, index + 1, nowMs);
  }

  return {
    counters,
    get messageOctetsMax() {
      return messageOctetsMax;
    },
    set messageOctetsMax(value) {
      messageOctetsMax = value;
    },
    get openSinceMs() {
      return openSinceMs;
    },
    pack(taken, nowMs) {
      batch = taken;
      run.columns = taken.columns;
      for (const { template, from, to } of classifier.classify(taken)) packRows(template, from, to, nowMs);
      emitClosed();
      batch = undefined;
      run.columns = undefined;
    },
    flush() {
      if (open === undefined) return;
      endMessage(open);
      emitClosed();
    },
  };
}

function newMessage(bytes: Uint8Array): PackedMessage {
  return { bytes, offset: 0, length: 0, recordCount: 0, packets: 0, octets: 0, templates: [] };
}

export function emptyPackerCounters(): PackerCounters {
  return { recordsPacked: 0, messagesPacked: 0, recordsTooLong: 0 };
}
