/**
 * Messages on disk while a collector is away: a folder of segments, each an IPFIX File (RFC 5655).
 *
 * Bounded: when there is no room the oldest segment goes, counted. Segments are sent in the order of their
 * numbers; one that was sent is removed. The file `position` says how far the first one was sent. It is
 * written when the spool is closed and at each `checkpoint`: an exporter that is killed sends again what it
 * sent since. What was appended is with the operating system at once, so a killed exporter loses none of it; it
 * is forced to the disk from `checkpoint` to `checkpoint`, off this thread, so a power cut costs what was
 * appended since the last one. Removed segments and `position` are not forced: a power cut may bring back what
 * was sent lately, which is then sent again.
 */
import {
  close,
  closeSync,
  fdatasync,
  fdatasyncSync,
  fsync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@weir/base';
import type { Template } from '@weir/ipfix';
import { EXPORT_TIME_OFFSET, SEQUENCE_NUMBER_OFFSET } from './collector-connection.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import { lockSpool } from './spool-lock.ts';
import { createSegmentReader, type SegmentReader } from './spool-segment.ts';
import { type ColdMessage, DOMAIN_OFFSET, encodeTemplates, PROCESS_DOMAIN_ID } from './template-message.ts';

/** What did not fit, or could not be read back. */
export interface SpoolLoss {
  messages: number;
  flows: number;
  packets: number;
  octets: number;
}

export interface Spool {
  /** On disk, templates included. */
  readonly octets: number;
  /** Of these, what a power cut could cost: not yet forced to the disk. */
  readonly unsyncedOctets: number;
  readonly isEmpty: boolean;
  /** Adds the newest message. Throws what the file system throws. */
  append(message: OutgoingMessage): void;
  /** Adds messages that are older than all others, in their order. Throws what the file system throws. */
  prepend(messages: readonly OutgoingMessage[]): void;
  /** The oldest message; the same one until `settle`. */
  peek(): OutgoingMessage | undefined;
  /** Says what became of the message that `peek` gave: sent, or to be given again. */
  settle(isSent: boolean): void;
  /** Writes down how far messages were sent, and has what was appended forced to the disk. Does not wait. */
  checkpoint(): void;
  close(): void;
}

export interface SpoolOptions {
  /** Made when it is not there; belongs to one collector. */
  readonly folder: string;
  readonly octetsMax: number;
  readonly observationDomainId: number;
  readonly messageOctetsMax: number;
  readonly nowMs: () => number;
  readonly onLoss: (loss: SpoolLoss) => void;
  /** What a person should know: a disk that cannot be read or written. */
  readonly onProblem: (problem: string) => void;
}

/** 64 segments: what goes at once when there is no room is a small part of it. */
const SEGMENTS_PER_SPOOL = 64;
/** A segment is read as a whole, so it must not be too large for the memory of a small machine. */
const SEGMENT_OCTETS_MAX = 8 * 1024 * 1024;
/** Room for segments before the first one: `prepend` counts down. */
const FIRST_NUMBER = 1_000_000_000;
const SEGMENT_NAME = /^(\d{10})\.ipfix$/;
const POSITION_FILE = 'position';
const NOWHERE = { number: -1, octets: 0 };

interface Segment {
  readonly number: number;
  octets: number;
}

/** A segment that is being written. */
interface OpenSegment {
  readonly segment: Segment;
  readonly file: number;
  readonly announced: Set<Template>;
  /** Of each observation domain. */
  readonly records: Map<number, number>;
  /** Of the segment's octets, those that were forced to the disk. */
  syncedOctets: number;
}

/** A segment that is being read; `peeked` was given out and not yet settled. */
interface ReadSegment {
  readonly segment: Segment;
  readonly reader: SegmentReader;
  peeked: OutgoingMessage | undefined;
}

/** Opens the folder, and with it what an earlier exporter left. Throws a UserError `spool_unusable`. */
export function openSpool(options: SpoolOptions): Spool {
  const { folder, octetsMax } = options;
  const segmentOctetsMax = Math.min(SEGMENT_OCTETS_MAX, Math.floor(octetsMax / SEGMENTS_PER_SPOOL));
  const unlock = prepareFolder(folder);
  const segments = findSegments(folder);
  /** How far the segment of that number was sent. */
  let position = readPosition(folder);
  /** No number is given to two segments, so that a position never means another one. */
  let lastNumber = Math.max(FIRST_NUMBER, position.number, segments.at(-1)?.number ?? 0);
  let total = segments.reduce((sum, { octets }) => sum + octets, 0);
  let writing: OpenSegment | undefined;
  /** Whether the segment that is written, and how many others, are being forced to the disk. */
  let isSyncing = false;
  let closingOctets = 0;
  let reading: ReadSegment | undefined;
  let writtenPosition = position;
  /** A message that was given out and whose segment had to go meanwhile. */
  let orphan: OutgoingMessage | undefined;

  function pathOf({ number }: Segment): string {
    return join(folder, `${String(number).padStart(10, '0')}.ipfix`);
  }

  function create(number: number, place: 'first' | 'last'): OpenSegment {
    const segment = { number, octets: 0 };
    const file = openSync(pathOf(segment), 'wx');
    if (place === 'first') segments.unshift(segment);
    else segments.push(segment);
    syncFolder(folder);
    return { segment, file, announced: new Set(), records: new Map(), syncedOctets: 0 };
  }

  function closeWriting(): void {
    if (writing !== undefined) syncAndClose(writing);
    writing = undefined;
  }

  /** What comes next must not stand behind half a message, and a full disk not fill with segments of none. */
  function undo({ segment }: OpenSegment, octets: number): void {
    closeWriting();
    if (octets === 0) {
      remove(segment);
      return;
    }
    try {
      truncateSync(pathOf(segment), octets);
      total -= segment.octets - octets;
      segment.octets = octets;
    } catch (error) {
      options.onProblem(`${pathOf(segment)} cannot be cut: ${(error as Error).message}`);
    }
  }

  function syncAndClose({ file, segment, syncedOctets }: OpenSegment): void {
    const octets = segment.octets - syncedOctets;
    closingOctets += octets;
    fdatasync(file, (error) => {
      if (error !== null)
        options.onProblem(`${pathOf(segment)} cannot be forced to the disk: ${error.message}`);
      closingOctets -= octets;
      close(file);
    });
  }

  /** One at a time: a slow disk is not asked more often than it answers. */
  function sync(open: OpenSegment): void {
    const { octets } = open.segment;
    if (isSyncing || octets === open.syncedOctets) return;
    isSyncing = true;
    fdatasync(open.file, (error) => {
      isSyncing = false;
      if (error === null) open.syncedOctets = octets;
      else options.onProblem(`${pathOf(open.segment)} cannot be forced to the disk: ${error.message}`);
    });
  }

  function write(open: OpenSegment, message: OutgoingMessage): void {
    const unknown = message.templates.filter((template) => !open.announced.has(template));
    if (unknown.length > 0) {
      for (const announcement of announcementsOf(unknown)) writeOctets(open, announcement);
      for (const template of unknown) open.announced.add(template);
    }
    writeOctets(open, { bytes: message.bytes, recordCount: message.records });
  }

  /** Option records are of the process and not of the domain, and so are their templates. */
  function announcementsOf(templates: readonly Template[]): ColdMessage[] {
    const { observationDomainId, messageOctetsMax } = options;
    const isOptions = ({ scopeFieldCount }: Template) => scopeFieldCount > 0;
    const dataTemplates = templates.filter((template) => !isOptions(template));
    return [
      ...encodeTemplates(dataTemplates, observationDomainId, messageOctetsMax),
      ...encodeTemplates(templates.filter(isOptions), PROCESS_DOMAIN_ID, messageOctetsMax),
    ];
  }

  /** RFC 5655 section 8.2: a file is a transport session, with sequences of its own. */
  function writeOctets(open: OpenSegment, { bytes, recordCount }: ColdMessage): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const domain = view.getUint32(DOMAIN_OFFSET);
    const records = open.records.get(domain) ?? 0;
    view.setUint32(EXPORT_TIME_OFFSET, Math.floor(options.nowMs() / 1000));
    view.setUint32(SEQUENCE_NUMBER_OFFSET, records);
    open.records.set(domain, (records + recordCount) >>> 0);
    for (let from = 0; from < bytes.length; ) {
      const written = writeSync(open.file, bytes, from);
      from += written;
      open.segment.octets += written;
      total += written;
    }
  }

  function makeRoom(octets: number): void {
    while (total + octets > octetsMax && segments.length > 0) dropOldest();
  }

  function dropOldest(): void {
    const [oldest] = segments;
    if (oldest === undefined) return;
    if (writing?.segment === oldest) closeWriting();
    options.onLoss(unsentIn(oldest));
    if (reading?.segment === oldest) {
      orphan = reading.peeked;
      reading = undefined;
    }
    remove(oldest);
  }

  /** What of a segment waits; a message that is given out is settled by whoever has it. */
  function unsentIn(segment: Segment): SpoolLoss {
    const loss = { messages: 0, flows: 0, packets: 0, octets: 0 };
    const reader = reading?.segment === segment ? reading.reader : readerOf(segment);
    for (let message = reader.next(); message !== undefined; message = reader.next()) add(loss, message);
    return loss;
  }

  function remove(segment: Segment): void {
    segments.splice(segments.indexOf(segment), 1);
    total -= segment.octets;
    if (position.number === segment.number) position = NOWHERE;
    rmSync(pathOf(segment), { force: true });
  }

  /** A reader behind what was sent of the segment. */
  function readerOf(segment: Segment): SegmentReader {
    const reader = createSegmentReader(octetsOf(segment));
    if (position.number === segment.number) {
      while (reader.position < position.octets && reader.next() !== undefined) {
        // Messages that were sent; their templates are known to the reader now.
      }
    }
    return reader;
  }

  function octetsOf(segment: Segment): Uint8Array {
    try {
      return readFileSync(pathOf(segment));
    } catch (error) {
      options.onProblem(`${pathOf(segment)} cannot be read: ${(error as Error).message}`);
      return new Uint8Array(0);
    }
  }

  function peek(): OutgoingMessage | undefined {
    while (segments.length > 0) {
      reading ??= beginReading();
      if (reading === undefined) return undefined;
      reading.peeked ??= reading.reader.next();
      if (reading.peeked !== undefined) return reading.peeked;
      const { segment, reader } = reading;
      const damaged = segment.octets - reader.position;
      if (damaged > 0) options.onProblem(`${pathOf(segment)}: the last ${damaged} octets are damaged`);
      remove(segment);
      reading = undefined;
    }
    return undefined;
  }

  function beginReading(): ReadSegment | undefined {
    const [segment] = segments;
    if (segment === undefined) return undefined;
    // A segment that is read does not grow: the next message begins another.
    if (writing?.segment === segment) closeWriting();
    return { segment, reader: readerOf(segment), peeked: undefined };
  }

  function checkpoint(): void {
    if (writing !== undefined) sync(writing);
    writePosition();
  }

  function writePosition(): void {
    if (position === writtenPosition) return;
    const path = join(folder, POSITION_FILE);
    try {
      writeFileSync(`${path}.new`, `${position.number} ${position.octets}`);
      renameSync(`${path}.new`, path);
      writtenPosition = position;
    } catch (error) {
      options.onProblem(`${path} cannot be written: ${(error as Error).message}`);
    }
  }

  if (segments.every(({ number }) => number !== position.number)) position = NOWHERE;
  writePosition();
  return {
    get octets() {
      return total;
    },
    get unsyncedOctets() {
      return closingOctets + (writing === undefined ? 0 : writing.segment.octets - writing.syncedOctets);
    },
    get isEmpty() {
      return segments.length === 0;
    },
    append(message) {
      makeRoom(message.bytes.length);
      if (writing !== undefined && writing.segment.octets >= segmentOctetsMax) closeWriting();
      if (writing === undefined) {
        lastNumber += 1;
        writing = create(lastNumber, 'last');
      }
      const { octets } = writing.segment;
      try {
        write(writing, message);
      } catch (error) {
        undo(writing, octets);
        throw error;
      }
    },
    prepend(messages) {
      // The number may be that of a segment that was sent: what is written must not say so of this one.
      writePosition();
      const older = create((segments[0]?.number ?? lastNumber + 1) - 1, 'first');
      try {
        for (const message of messages) write(older, message);
      } finally {
        syncAndClose(older);
      }
      reading = undefined;
      makeRoom(0);
    },
    peek,
    settle(isSent) {
      if (orphan !== undefined) {
        const loss = { messages: 0, flows: 0, packets: 0, octets: 0 };
        add(loss, orphan);
        if (!isSent) options.onLoss(loss);
        orphan = undefined;
        return;
      }
      if (reading?.peeked === undefined || !isSent) return;
      reading.peeked = undefined;
      position = { number: reading.segment.number, octets: reading.reader.position };
      // The folder is empty as soon as everything was sent.
      if (position.octets >= reading.segment.octets) peek();
    },
    checkpoint,
    close() {
      writePosition();
      // The process may be at its end: this one waits.
      if (writing !== undefined) {
        fdatasyncSync(writing.file);
        closeSync(writing.file);
        writing = undefined;
      }
      unlock();
    },
  };
}

/** So that a file that was made is found after a power cut. Not every platform can; none needs to wait for it. */
function syncFolder(folder: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(folder, 'r');
  } catch {
    return;
  }
  fsync(descriptor, () => close(descriptor));
}

function add(loss: SpoolLoss, { flows, packets, octets }: OutgoingMessage): void {
  loss.messages += 1;
  loss.flows += flows;
  loss.packets += packets;
  loss.octets += octets;
}

/** Makes and locks the folder; gives how to release it. Only its owner may read what traffic there was. */
function prepareFolder(folder: string): () => void {
  let unlock: (() => void) | undefined;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    unlock = lockSpool(join(folder, 'lock'));
  } catch (error) {
    throw new UserError('spool_unusable', `${folder}: ${(error as Error).message}`);
  }
  if (unlock === undefined) throw new UserError('spool_unusable', `${folder}: another exporter uses it`);
  return unlock;
}

function findSegments(folder: string): Segment[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const number = SEGMENT_NAME.exec(name)?.[1];
      return number === undefined
        ? []
        : [{ number: Number(number), octets: statSync(join(folder, name)).size }];
    })
    .sort((a, b) => a.number - b.number);
}

function readPosition(folder: string): { number: number; octets: number } {
  try {
    const [number = -1, octets = 0] = readFileSync(join(folder, POSITION_FILE), 'utf8')
      .split(' ')
      .map(Number);
    return { number, octets };
  } catch {
    return NOWHERE;
  }
}
