/** The Exporting Process (RFC 5470 section 5.5): FlowBatches in, IPFIX Messages to every collector out. */
import { uptime } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import {
  assert,
  type CancelTimer,
  type Clock,
  type Component,
  type Logger,
  receiveBuffers,
  systemClock,
} from '@weir/base';
import type { Peer } from '@weir/host';
import { type FlowBatch, type FlowBatchNote, viewFlowBatch } from '@weir/ipfix';
import type {
  CollectorConnection,
  CollectorCounters,
  ConnectionOptions,
  ConnectionState,
} from './collector-connection.ts';
import { createExportStreams, type ExportStream } from './export-stream.ts';
import { emptyPackerCounters, type PackerCounters } from './message-packer.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import { PEER_TEMPLATE, peerRecords } from './peer-record.ts';
import type { Profile } from './profile.ts';
import type { Collector } from './profile-collector.ts';
import { reasonDisabled } from './profile-description.ts';
import { type ClassifierCounters, emptyClassifierCounters } from './row-classifier.ts';
import {
  finalStatisticsRecord,
  METERING_STATE,
  type MeteringLoss,
  type MeteringState,
  STATISTICS_TEMPLATES,
  type Statistics,
  statisticsRecords,
} from './statistics-record.ts';
import { createStreamConnection } from './stream-connection.ts';
import { outgoing } from './stream-session.ts';
import { createStreamTransport } from './stream-transport.ts';
import { type ColdMessage, encodeOptionRecords } from './template-message.ts';
import { samplingRecord } from './treatment-record.ts';
import { createUdpConnection } from './udp-connection.ts';
import {
  createUdpTransport,
  type LocalSocket,
  MESSAGE_OCTETS_DEFAULT,
  type MessageTransport,
} from './udp-transport.ts';

/** A record waits in a message that is not full for at most this and a tick: less than a second. */
const MESSAGE_AGE_MS_MAX = 500;
const TICK_MS = 250;
/** An Ethernet frame's worth; larger messages are for who asks for them (MaxMessageSize). */
const MESSAGE_OCTETS_CAP = 1500 - 20 - 8;
/**
 * Where only TCP and TLS lead: no packet bounds a message there. Measured over loopback, CPU seconds per million
 * records of the exporter and of who reads: 0.45 and 0.21 at 1472 octets, 0.18 and 0.08 at 16,384 (a TLS record
 * holds as much), 0.15 and 0.07 at 65,507.
 */
const STREAM_MESSAGE_OCTETS = 16_384;
/** RFC 7011 section 10.3.3: what a sender may count on when it knows nothing better. */
const MESSAGE_OCTETS_LEAST = 512;
const STATISTICS_INTERVAL_MS = 60_000;
/**
 * A collector whose name nobody resolves, or that answers nothing, takes ten seconds and more to be found away;
 * flows are metered meanwhile.
 */
const START_WAIT_MS = 1_000;
/** How long `stop` waits for the queues: 8 MiB at 20,000 messages a second take 0.3 s. */
const STOP_DEADLINE_MS = 10_000;

export interface ExporterOptions {
  readonly logger: Logger;
  readonly clock?: Clock;
  /** When the device's uptime was 0, milliseconds since the Unix epoch; default: the machine's. */
  readonly systemInitTimeMs?: number;
  /** What the Metering Process could not meter; with it, its reliability is reported too. */
  readonly meteringLoss?: () => MeteringLoss;
  /** What the Metering Process holds and dropped; with it, that is reported too. */
  readonly meteringState?: () => MeteringState;
  /** Makes the transport of a collector over UDP; for tests. */
  readonly createTransport?: (address: Collector) => MessageTransport;
  /** From 0 to 1, for the back-off; default: Math.random. */
  readonly random?: () => number;
}

/**
 * Plain counts since the start. `recordsTaken` = packed + of other direction + without direction + not sampled
 * + unused. Collectors that get a sample, or addresses anonymised, have streams of their own, each of which
 * counts what it takes: with n streams the sum is n × `recordsTaken`.
 */
export interface ExporterCounters extends ClassifierCounters, PackerCounters {
  batchesTaken: number;
  recordsTaken: number;
  /** Taken while disabled, or without a collector. */
  recordsUnused: number;
}

export interface CollectorState {
  /** As the profile names it. */
  readonly name: string;
  readonly counters: Readonly<CollectorCounters>;
  readonly state: ConnectionState;
  readonly localSocket: LocalSocket | undefined;
  /** What waits in memory and on disk. */
  readonly queuedMessages: number;
  readonly queuedOctets: number;
  readonly spoolOctets: number;
  /** What last went wrong, also when it is mended; undefined while nothing has. */
  readonly lastError: string | undefined;
}

export interface Exporter extends Component {
  /** Packs the batch's rows for every collector. The batch is the caller's again on return; its absent values are 0 then. */
  export(batch: FlowBatch): void;
  /** Resolves when each collector's queue has room: who awaits it before each batch loses nothing. */
  whenRoom(): Promise<void>;
  /** A port for a worker's BufferSender of FlowBatches; a worker that sends too fast gets no buffer. */
  connectWriter(): MessagePort;
  /**
   * Tells every collector who is behind overlay addresses: now, in each new session, and over UDP as often as
   * templates. Not those whose addresses are anonymised. For profiles with `Peers`.
   */
  announcePeers(peers: readonly Peer[]): void;
  /** Closes the open message and gives it to the queues. */
  flush(): void;
  /**
   * Where export traffic leaves from, or lately left from: over TCP and TLS also attempts to connect that failed.
   * Of collectors that answer within a second complete when `start` has resolved.
   */
  localSockets(): LocalSocket[];
  /** The local ports of `localSockets`. */
  reservedPorts(): number[];
  counters(): ExporterCounters;
  collectors(): CollectorState[];
}

export function createExporter(profile: Profile, options: ExporterOptions): Exporter {
  const { logger, clock = systemClock } = options;
  const disabledReason = reasonDisabled(profile);
  const systemInitTimeMs = options.systemInitTimeMs ?? Math.round(clock.nowMs() - uptime() * 1000);
  const { observationDomainId } = profile;
  const streams = createExportStreams(disabledReason === undefined ? profile.collectors : [], {
    direction: profile.direction,
    observationDomainId,
    messageOctetsMax: Math.min(profile.messageOctetsMax ?? MESSAGE_OCTETS_CAP, MESSAGE_OCTETS_DEFAULT),
    systemInitTimeMs,
    optionsTemplates: [
      ...STATISTICS_TEMPLATES,
      ...(options.meteringState === undefined ? [] : [METERING_STATE]),
      ...(profile.peers.length === 0 ? [] : [PEER_TEMPLATE]),
    ],
    random: options.random ?? Math.random,
    emit(stream, message) {
      for (const connection of connectionsOf.get(stream) ?? []) connection.offer(message);
    },
  });
  const connectionsOf = new Map(
    streams.map((stream) => [stream, stream.collectors.map((address) => connectionTo(address, stream))]),
  );
  /** In the order of the profile. */
  const connections = [...connectionsOf.values()]
    .flat()
    .sort((a, b) => profile.collectors.indexOf(a.address) - profile.collectors.indexOf(b.address));
  const ports: MessagePort[] = [];
  let timers: CancelTimer[] = [];
  let waiters: (() => void)[] = [];
  let onIdle: (() => void) | undefined;
  let peers: readonly Peer[] = [];
  let isStarted = false;
  let stopped: Promise<void> | undefined;
  let batchesTaken = 0;
  let recordsTaken = 0;
  let recordsUnused = 0;

  function connectionTo(address: Collector, stream: ExportStream): CollectorConnection {
    const connection: CollectorConnection = createConnection(profile, options, {
      address,
      observationDomainId,
      messageOctetsMax: messageOctetsMaxOf(profile, stream.collectors),
      currentOctetsMax: () => stream.packer.messageOctetsMax,
      messagesPerSecondMax: profile.messagesPerSecondMax,
      templateRefreshIntervalMs: profile.templateRefreshIntervalMs,
      standardTemplates: stream.standardTemplates,
      sessionOptions: () => [...statisticsOf(connection, stream), ...peersFor(connection, stream)],
      finalStatistics: () => finalStatisticsOf(connection, stream),
      clock,
      logger,
      onProgress,
    });
    return connection;
  }

  function hasRoom(): boolean {
    return connections.every((connection) => connection.hasRoom());
  }

  function onProgress(): void {
    onIdle?.();
    if (waiters.length === 0 || !hasRoom()) return;
    const woken = waiters;
    waiters = [];
    for (const wake of woken) wake();
  }

  function take(batch: FlowBatch): void {
    batchesTaken += 1;
    recordsTaken += batch.rowCount;
    if (connections.length === 0) recordsUnused += batch.rowCount;
    for (const stream of streams) stream.take(batch, clock.monotonicMs());
  }

  async function whenRoom(): Promise<void> {
    if (!hasRoom()) await new Promise<void>((wake) => waiters.push(wake));
  }

  function tick(): void {
    for (const { packer } of streams) {
      const { openSinceMs } = packer;
      if (openSinceMs !== undefined && clock.monotonicMs() - openSinceMs >= MESSAGE_AGE_MS_MAX)
        packer.flush();
    }
    for (const connection of connections) connection.tick();
    onProgress();
  }

  /** A message goes to every collector of its stream, so the narrowest path decides. */
  function followPathMtu(): void {
    for (const [{ packer, collectors }, members] of connectionsOf) {
      let octets = messageOctetsMaxOf(profile, collectors);
      for (const connection of members) octets = Math.min(octets, connection.payloadOctetsMax());
      packer.messageOctetsMax = Math.max(octets, MESSAGE_OCTETS_LEAST);
    }
  }

  function flush(): void {
    for (const { packer } of streams) packer.flush();
  }

  function totalsOf({ counters, notSentTimes }: CollectorConnection): Statistics {
    return {
      ...counters,
      observationDomainId,
      exportingProcessId: process.pid,
      systemInitTimeMs,
      notSentFirstMs: notSentTimes.firstMs,
      notSentLastMs: notSentTimes.lastMs,
      loss: options.meteringLoss?.(),
      state: options.meteringState?.(),
    };
  }

  function finalStatisticsOf(connection: CollectorConnection, { packer }: ExportStream): OutgoingMessage[] {
    const final = finalStatisticsRecord(totalsOf(connection), clock.nowMs());
    const messages = encodeOptionRecords([final], packer.messageOctetsMax);
    return messages.map((message) => ({ ...outgoing(message), templates: [final.template] }));
  }

  function statisticsOf(connection: CollectorConnection, { packer, sampler }: ExportStream): ColdMessage[] {
    const records = statisticsRecords(totalsOf(connection));
    if (sampler !== undefined) records.push(samplingRecord(sampler, observationDomainId));
    return encodeOptionRecords(records, packer.messageOctetsMax);
  }

  function sendStatistics(): void {
    for (const [stream, members] of connectionsOf) {
      for (const connection of members) connection.offerOptions(statisticsOf(connection, stream));
    }
  }

  function peersFor({ address }: CollectorConnection, { packer }: ExportStream): ColdMessage[] {
    if (peers.length === 0 || address.anonymisation !== undefined) return [];
    return encodeOptionRecords(peerRecords(peers), packer.messageOctetsMax);
  }

  /** Over UDP a record may be lost, so they are repeated there; elsewhere a session has them from its start. */
  function sendPeers(transport?: 'Udp'): void {
    if (!isStarted) return;
    for (const [stream, members] of connectionsOf) {
      for (const connection of members) {
        if (transport !== undefined && connection.address.transport !== transport) continue;
        connection.offerOptions(peersFor(connection, stream));
      }
    }
  }

  function eachMinute(): void {
    followPathMtu();
    sendStatistics();
  }

  /** Resolves when every queue is empty, or at the deadline. */
  function drained(deadlineMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancelDeadline = clock.after(Math.max(0, deadlineMs - clock.monotonicMs()), resolve);
      onIdle = () => {
        if (connections.some((connection) => !connection.isIdle())) return;
        cancelDeadline();
        resolve();
      };
      onIdle();
    });
  }

  /** Opens every connection, and waits a moment for them; a connection that is not open yet is tried on. */
  async function open(): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const cancelLate = clock.after(START_WAIT_MS, resolve);
    try {
      await Promise.race([Promise.all(connections.map((connection) => connection.start())), late]);
    } finally {
      cancelLate();
    }
  }

  async function end(): Promise<void> {
    const wasStarted = isStarted;
    isStarted = false;
    for (const cancel of timers) cancel();
    for (const port of ports) port.close();
    flush();
    // What was never started has no socket by which a queue could become empty.
    if (wasStarted) {
      const deadlineMs = clock.monotonicMs() + STOP_DEADLINE_MS;
      await drained(deadlineMs);
      // The last totals are those of all that was sent before them.
      sendStatistics();
      await drained(deadlineMs);
    }
    await Promise.all(connections.map((connection) => connection.stop()));
    onProgress();
  }

  return {
    async start() {
      if (disabledReason !== undefined) logger.warn(`${profile.fileName}: ${disabledReason}`);
      await open();
      isStarted = true;
      timers = [
        clock.every(TICK_MS, tick),
        clock.every(STATISTICS_INTERVAL_MS, eachMinute),
        clock.every(profile.templateRefreshIntervalMs, () => sendPeers('Udp')),
      ];
      eachMinute();
      sendPeers('Udp');
    },
    stop() {
      stopped ??= end();
      return stopped;
    },
    export: take,
    whenRoom,
    connectWriter() {
      const { port1, port2 } = new MessageChannel();
      ports.push(port1);
      receiveBuffers<FlowBatchNote>(
        port1,
        async (buffer, note) => {
          take(viewFlowBatch(buffer, note));
          await whenRoom();
        },
        (error) => logger.error({ error: String(error) }, 'a batch of flows could not be exported'),
      );
      return port2;
    },
    announcePeers(announced) {
      assert(profile.peers.length > 0, 'a profile that names no peers has none to announce');
      peers = announced;
      sendPeers();
    },
    flush,
    localSockets: () => connections.flatMap(({ recentSockets }) => recentSockets),
    reservedPorts: () =>
      connections.flatMap(({ recentSockets }) => recentSockets.map(({ localPort }) => localPort)),
    counters: () => ({
      batchesTaken,
      recordsTaken,
      recordsUnused,
      ...sumOf(
        streams.map(({ classifier }) => classifier.counters),
        emptyClassifierCounters(),
      ),
      ...sumOf(
        streams.map(({ packer }) => packer.counters),
        emptyPackerCounters(),
      ),
    }),
    collectors: () =>
      connections.map((connection) => ({
        name: connection.address.text,
        counters: connection.counters,
        state: connection.state,
        localSocket: connection.localSocket,
        queuedMessages: connection.queuedMessages,
        queuedOctets: connection.queuedOctets,
        spoolOctets: connection.spoolOctets,
        lastError: connection.lastError,
      })),
  };
}

/** Octets of a message to these collectors at most, whatever the path carries. */
function messageOctetsMaxOf({ messageOctetsMax }: Profile, collectors: readonly Collector[]): number {
  const hasDatagrams = collectors.some(({ transport }) => transport === 'Udp');
  return messageOctetsMax ?? (hasDatagrams ? MESSAGE_OCTETS_CAP : STREAM_MESSAGE_OCTETS);
}

function createConnection(
  { tls, spoolDirectory, spoolOctetsMax }: Profile,
  { createTransport = createUdpTransport, random = Math.random }: ExporterOptions,
  connection: ConnectionOptions,
): CollectorConnection {
  const { address } = connection;
  if (address.transport === 'Udp') return createUdpConnection(createTransport(address), connection);
  const spool =
    spoolDirectory === undefined
      ? undefined
      : { folder: join(spoolDirectory, encodeURIComponent(address.text)), octetsMax: spoolOctetsMax };
  return createStreamConnection(createStreamTransport(address, tls), { ...connection, spool, random });
}

function sumOf<Counters extends Record<keyof Counters, number>>(
  parts: readonly Counters[],
  sum: Counters,
): Counters {
  for (const part of parts) {
    for (const name of Object.keys(sum) as (keyof Counters)[]) {
      sum[name] = (sum[name] + part[name]) as Counters[keyof Counters];
    }
  }
  return sum;
}
