/** What a listener knows of itself and of its exporters. Structured-cloneable; times in ms since the Unix epoch. */
import type { DecodeErrorCode, DomainCounters, FlowDecoderCounters } from '@weir/ipfix';
import type { BatchWriterCounters } from './batch-writer.ts';
import type { Alarm, ExporterAlarmCode, SourceAlarmCode } from './exporter-alarm.ts';
import type { ExporterRates } from './exporter-health.ts';
import type { FileSourceStatus } from './file-source-status.ts';
import type { ReceiverKind } from './polled-receiver.ts';
import type { RelayStatus } from './relay-status.ts';
import type { Transport } from './socket-address.ts';
import type { BatchStagesCounters } from './stages/batch-stages.ts';
import type { StreamStatus } from './stream-status.ts';

/** 4,096 × ~1 KiB: what a question may cost, whatever forged exporters there are. */
export const EXPORTERS_IN_STATUS_MAX = 4096;

/** Problems of one kind that the datagrams of an exporter had. */
export interface ProblemCount {
  readonly code: DecodeErrorCode;
  readonly count: number;
  readonly lastAtMs: number;
  /** The latest one, for people. */
  readonly lastMessage: string;
}

/** How an exporter fares, as exporter-health.ts sees it. */
export interface ExporterHealthStatus extends ExporterRates {
  /** How far its clock is ahead of ours; undefined before that is known. */
  readonly clockSkewMs: number | undefined;
  /** Pauses between its messages are hardly ever longer; undefined before that is known. */
  readonly usualGapMs: number | undefined;
  /** When it was last heard of, where that is an alarm. */
  readonly silentSinceMs: number | undefined;
  readonly alarms: readonly Alarm<ExporterAlarmCode>[];
}

/** One observation domain of one exporter. */
export interface ExporterStatus extends DomainCounters, ExporterHealthStatus {
  readonly address: string;
  readonly observationDomainId: number;
  /** 1, 5, 7, 9 or 10. */
  readonly version: number;
  readonly source: string;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly problemsByCode: readonly ProblemCount[];
}

export interface ListenerCounters {
  /** Datagrams, over TCP and TLS messages, and octets of payload that were taken from the sockets. */
  datagrams: number;
  octets: number;
  /** Datagrams longer than the arena's slots, which no UDP over IPv4 or IPv6 can be. */
  truncated: number;
  /** Dropped by the kernel because the socket's buffer was full; undefined where it cannot be known. */
  kernelDrops: number | undefined;
  /** Datagrams whose version the source's type does not accept. */
  refused: number;
  /** Datagrams whose sender the receiver could not name; none is expected. */
  nameless: number;
  /** Datagrams, over TCP and TLS connections, of senders outside the networks that are allowed. */
  strangers: number;
  /** Datagrams that were not decoded because their exporter sent more than it may. */
  rateLimited: number;
  /** Datagrams of senders that are not established, left out because more arrived than can be decoded. */
  unheard: number;
}

export interface RefusedVersion {
  /** The number in the first two octets; 0 stands for all that are no export protocol. */
  readonly version: number;
  readonly datagrams: number;
}

export interface ListenerStatus {
  readonly source: string;
  readonly address: string;
  readonly port: number;
  readonly transport: Transport;
  readonly receiver: ReceiverKind | 'stream' | 'file';
  /** Of the socket for datagrams; 0 for streams, whose buffers the kernel sizes by itself. */
  readonly receiveBufferOctets: number;
  readonly startedAtMs: number;
  readonly counters: Readonly<ListenerCounters>;
  readonly refusedVersions: readonly RefusedVersion[];
  readonly decoder: Readonly<FlowDecoderCounters>;
  readonly writer: Readonly<BatchWriterCounters>;
  /** Sessions, duplicates and what records were enriched with. */
  readonly stages: BatchStagesCounters;
  /** Problems of datagrams that no exporter could be made of, by code. */
  readonly unattributedProblems: readonly ProblemCount[];
  /** Those with the most records, at most EXPORTERS_IN_STATUS_MAX, by falling number of records. */
  readonly exporters: readonly ExporterStatus[];
  /** Observation domains of exporters, those left out of `exporters` included. */
  readonly exporterCount: number;
  /** What there is of connections over TCP and TLS. */
  readonly stream: StreamStatus | undefined;
  /** What became of the files of a source file path. */
  readonly files: FileSourceStatus | undefined;
  /** What became of the datagrams that the source is to relay. */
  readonly relay: RelayStatus | undefined;
  /** What is wrong with the source as a whole. */
  readonly alarms: readonly Alarm<SourceAlarmCode>[];
}
