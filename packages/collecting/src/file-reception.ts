/**
 * Takes export packets from files instead of a socket: one file, or a folder that is followed.
 *
 * What is promised around a crash: **at least once**, and only the last second twice. A step of the ledger says
 * how many packets of a file are in the store, and is written after the store has flushed them. After a crash
 * reading goes on behind the last step: what the store had got after it comes a second time, nothing is
 * missing. The other order would lose that second without a trace, and the store cannot take a batch and
 * a step of the ledger in one. A file that was read to its end is never taken again, whatever it is called.
 */
import { type Clock, type Logger, UserError } from '@weir/base';
import { createFlowBatch, type FlowSink, type TransportSession } from '@weir/ipfix';
import type { BatchWriter } from './batch-writer.ts';
import type { AlarmLimits } from './exporter-health.ts';
import { createFileFollower, type FoundFile } from './file-follower.ts';
import { type FileLedger, HEAD_OCTETS_MAX, headOf, openFileLedger, type TakenFile } from './file-ledger.ts';
import type { FileReport, FileSourceStatus } from './file-source-status.ts';
import type { FlowSource } from './flow-source.ts';
import { acceptedVersions } from './flow-source-type.ts';
import type { RefusedVersion } from './listener-status.ts';
import { createMessageIntake, type MessageIntake } from './message-intake.ts';
import type { PacketOrigin, ReadExportPackets } from './packet-file.ts';
import type { Reception } from './reception.ts';
import { moveTemplates, type TemplateRecords } from './template-file.ts';

/** Between two steps of the ledger: what a crash may repeat. */
const STEP_EVERY_MS = 1000;
const TICK_MS = 50;
/** While the store has no room, it is asked again so often. */
const ROOM_POLL_MS = 2;
const RECENT_MAX = 50;
const SESSIONS_MAX = 4096;
const DISCARD_ROWS = 1024;
/** Stands in sessions for the socket that captured datagrams were sent to. */
const LOCAL_SOCKET = 'file';

export interface FileReceptionOptions {
  source: FlowSource;
  sourceFilePath: string;
  dataDirectory: string;
  alarmLimitsOf: (address: string) => AlarmLimits;
  templates: TemplateRecords | undefined;
  writer: BatchWriter;
  readExportPackets: ReadExportPackets;
  /** Sends what the writer holds; resolves when the store holds everything on disk. */
  settle: () => Promise<void>;
  clock: Clock;
  logger: Logger;
}

/** The listener is asked to end: reading stops where it is. */
class Stopped extends Error {}

/** Begins to read. Rejects with UserError when there is nothing at the path. */
export async function openFileReception(options: FileReceptionOptions): Promise<Reception> {
  const { source, sourceFilePath, dataDirectory, writer, settle, clock, logger } = options;
  const ledger = await openFileLedger(dataDirectory, sourceFilePath, logger);
  const follower = createFileFollower(sourceFilePath, clock);
  const messages = createMessageIntake({ writer, clock, logger, alarmLimitsOf: options.alarmLimitsOf });
  if (options.templates !== undefined) {
    messages.decoder.restore(moveTemplates(options.templates, LOCAL_SOCKET, source.name));
  }
  const intake = createFileIntake(source, messages, writer);
  const takenInThisRun = new Set<number>();
  const recent: FileReport[] = [];
  const counts = { taken: 0, failed: 0, waiting: 0, unfinished: 0 };
  let current: string | undefined;
  let problem: string | undefined;
  let stopping = false;
  const cancelTick = clock.every(TICK_MS, () => messages.tick());
  const running = run();

  async function run(): Promise<void> {
    while (!stopping) {
      try {
        await takeAll();
      } catch (error) {
        // The folder is gone, or the ledger or the store cannot be written: tried again, nothing is noted.
        const reason = error instanceof Error ? error.message : String(error);
        // Said once: it is tried every few seconds.
        if (reason !== problem) {
          logger.error({ source: source.name, reason }, 'the files cannot be taken yet');
        }
        problem = reason;
      }
      if (!stopping) await follower.changed();
    }
  }

  async function takeAll(): Promise<void> {
    const { files, unfinished } = follower.look();
    const fresh = files.filter((file) => isFresh(file, ledger));
    counts.unfinished = unfinished;
    for (const [index, file] of fresh.entries()) {
      counts.waiting = fresh.length - index;
      if (!stopping) await take(file);
    }
    counts.waiting = 0;
    problem = undefined;
  }

  async function take(file: FoundFile): Promise<void> {
    current = file.name;
    const before = known(file, ledger);
    const headOctets = Math.min(file.octets, HEAD_OCTETS_MAX);
    const head = headOf(file.path, headOctets);
    const { device, inode, octets, name } = file;
    const identity = { name, device, inode, octets, head, headOctets };
    const reading = intake.begin(before?.packets ?? 0, takenInThisRun.has(inode));
    let stepDueMs = clock.monotonicMs() + STEP_EVERY_MS;
    if (before?.done === false) {
      logger.warn(
        { file: name, packets: before.packets },
        'an unclean end: reading goes on behind the last step',
      );
    }

    async function step(done: boolean, problem?: string): Promise<TakenFile> {
      const { packets, records } = reading.counts();
      await settle();
      const taken = { packets, records: (before?.records ?? 0) + records };
      const entry = { ...identity, ...taken, done, atMs: clock.nowMs(), ...(problem && { problem }) };
      ledger.note(entry);
      stepDueMs = clock.monotonicMs() + STEP_EVERY_MS;
      return entry;
    }

    async function room(): Promise<void> {
      if (stopping) throw new Stopped();
      if (clock.monotonicMs() >= stepDueMs) await step(false);
      while (!writer.roomy()) await pause(clock, ROOM_POLL_MS);
    }

    let damage: string | undefined;
    try {
      await options.readExportPackets(file.path, {
        packet: reading.packet,
        problem(found) {
          damage ??= `${found.message} (octet ${found.offset})`;
        },
        room,
      });
    } catch (error) {
      if (error instanceof Stopped) {
        await step(false);
        return;
      }
      if (!(error instanceof UserError)) throw error;
      damage = error.message;
    } finally {
      reading.end();
      takenInThisRun.add(inode);
      current = undefined;
    }
    report(await step(true, damage));
  }

  function report({ name, packets, records, problem, atMs }: TakenFile): void {
    counts.taken += 1;
    if (problem !== undefined) counts.failed += 1;
    recent.unshift({ name, packets, records, problem, atMs });
    recent.length = Math.min(recent.length, RECENT_MAX);
    const facts = { source: source.name, file: name, packets, records };
    if (problem === undefined) logger.info(facts, 'a file was taken');
    else logger.warn({ ...facts, problem }, 'a file could not be taken whole');
  }

  return {
    localPort: 0,
    kind: 'file',
    receiveBufferOctets: 0,
    messages,
    counters: () => intake.counters(),
    refusedVersions: () => intake.refusedVersions(),
    stream: () => undefined,
    files: (): FileSourceStatus => ({
      path: sourceFilePath,
      ...counts,
      problem,
      current,
      recent: [...recent],
    }),
    async finish() {
      stopping = true;
      follower.close();
      await running;
    },
    async close() {
      cancelTick();
    },
  };
}

/** Whether there is anything in the file that was not taken. */
function isFresh(file: FoundFile, ledger: FileLedger): boolean {
  const entry = known(file, ledger);
  return entry === undefined || !entry.done || entry.octets < file.octets;
}

/** undefined too for a file that cannot be read: reading it says why. */
function known(file: FoundFile, ledger: FileLedger): TakenFile | undefined {
  try {
    return ledger.find(file, file.path);
  } catch {
    return undefined;
  }
}

interface FileReading {
  packet(bytes: Uint8Array, origin: PacketOrigin): void;
  /** Packets of the file so far, those of former steps included; records of this reading. */
  counts(): { packets: number; records: number };
  end(): void;
}

/** From packets of files to rows of batches, by the way of datagrams. */
function createFileIntake(source: FlowSource, messages: MessageIntake, writer: BatchWriter) {
  const accepted = new Set(acceptedVersions(source.type));
  const refused = new Map<number, number>();
  /** Exporters whose datagrams were captured: their templates serve the next file too. */
  const exporters = new Map<string, TransportSession>();
  const discarded = createDiscardingSink();
  let datagrams = 0;
  let octets = 0;

  function sessionOf(
    { transport, exporterAddress, localSocket, stream }: PacketOrigin,
    own: Map<string, TransportSession>,
  ): TransportSession {
    const [sessions, key] = transport === 'udp' ? [exporters, exporterAddress] : [own, stream];
    const knownSession = sessions.get(key);
    if (knownSession !== undefined) return knownSession;
    if (sessions.size >= SESSIONS_MAX) sessions.clear();
    // A source is one collecting socket, whichever the captured datagrams were sent to.
    const local = transport === 'udp' ? LOCAL_SOCKET : localSocket;
    const session = { exporterAddress, localSocket: local, transport, source: source.name };
    sessions.set(key, session);
    return session;
  }

  function begin(skip: number, knownDatagrams: boolean): FileReading {
    const own = new Map<string, TransportSession>();
    let packets = 0;
    let records = 0;
    return {
      packet(bytes, origin) {
        packets += 1;
        const version = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
        if (!accepted.has(version)) {
          if (packets > skip) refused.set(version, (refused.get(version) ?? 0) + 1);
          return;
        }
        const session = sessionOf(origin, own);
        const atMs = origin.timestampMs ?? exportTimeMs(bytes, version);
        if (packets <= skip) {
          // Taken before: only its templates are wanted, where they are not known.
          if (origin.transport === 'udp' && knownDatagrams) return;
          messages.decoder.decodeDatagram(bytes, session, atMs, discarded);
          return;
        }
        datagrams += 1;
        octets += bytes.length;
        writer.wait();
        records += messages.take(bytes, session, atMs);
      },
      counts: () => ({ packets: Math.max(packets, skip), records }),
      end() {
        for (const session of own.values()) messages.closeSession(session);
      },
    };
  }

  return {
    begin,
    counters: () => ({
      datagrams,
      octets,
      truncated: 0,
      kernelDrops: undefined,
      refused: [...refused.values()].reduce((sum, count) => sum + count, 0),
      nameless: 0,
      strangers: 0,
      rateLimited: 0,
      unheard: 0,
    }),
    refusedVersions: (): RefusedVersion[] =>
      [...refused].map(([version, count]) => ({ version: version > 10 ? 0 : version, datagrams: count })),
  };
}

/** Rows that were stored before go nowhere. */
function createDiscardingSink(): FlowSink {
  const batch = createFlowBatch(DISCARD_ROWS);
  return {
    batch,
    full() {
      batch.rowCount = 0;
      return batch;
    },
  };
}

/** Where nobody noted when a packet arrived, the exporter's own clock is the best that there is. */
function exportTimeMs(bytes: Uint8Array, version: number): number {
  const offset = version === 10 ? 4 : 8;
  if (bytes.length < offset + 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset) * 1000;
}

function pause(clock: Clock, durationMs: number): Promise<void> {
  return new Promise((resolve) => void clock.after(durationMs, resolve));
}
