/**
 * A collector as the exporter sees it, whatever the transport: its own knowledge of templates, its own bounded
 * queue and its own counters. Every collector gets every record of its stream.
 */
import type { Clock, Logger } from '@weir/base';
import type { Template } from '@weir/ipfix';
import type { PackedMessage } from './message-packer.ts';
import type { OutgoingMessage } from './outgoing-message.ts';
import type { Collector } from './profile-collector.ts';
import type { ColdMessage } from './template-message.ts';
import type { LocalSocket } from './udp-transport.ts';

/** RFC 7011 section 3.1: where a message has what only its session knows. */
export const EXPORT_TIME_OFFSET = 4;
export const SEQUENCE_NUMBER_OFFSET = 8;
/** Memory of a collector's queue: at 1400 octets a message some 6000 messages, 80,000 records. */
export const QUEUE_OCTETS = 8 * 1024 * 1024;

/** Plain counts since the start. A message is either sent or not sent. */
export interface CollectorCounters {
  messagesSent: number;
  /** Data Records, option records included. */
  recordsSent: number;
  /** Flow records. */
  flowsSent: number;
  octetsSent: number;
  templateMessagesSent: number;
  /** ICMP reports that nothing listens at the collector's port. */
  refused: number;
  /** Sends that failed for another reason. */
  sendErrors: number;
  /** The queue was full, the send failed, or the exporter ended before it was sent. */
  messagesNotSent: number;
  flowsNotSent: number;
  packetsNotSent: number;
  octetsNotSent: number;
  /** Transport sessions that were opened. */
  connectionsOpened: number;
  /** TCP and TLS: sessions that the collector ended in order, having read all. */
  connectionsEnded: number;
  /** TCP and TLS: sessions that broke; what the kernels had taken and the collector not read is lost. */
  connectionsBroken: number;
  /** Messages that went to the spool, and that were sent from it. */
  messagesSpooled: number;
  messagesReplayed: number;
}

/** `spooling`: away, and messages go to disk. */
export type ConnectionState = 'connecting' | 'connected' | 'spooling';

export interface CollectorConnection {
  readonly address: Collector;
  readonly state: ConnectionState;
  /** Messages and octets that wait in memory, and octets that wait on disk. */
  readonly queuedMessages: number;
  readonly queuedOctets: number;
  readonly spoolOctets: number;
  /** What last went wrong; undefined while nothing has. */
  readonly lastError: string | undefined;
  readonly counters: Readonly<CollectorCounters>;
  /** First and last time that something was not sent, milliseconds since the Unix epoch; 0 for never. */
  readonly notSentTimes: { readonly firstMs: number; readonly lastMs: number };
  readonly localSocket: LocalSocket | undefined;
  /** Sockets that export traffic left from lately: the open one, and over TCP and TLS attempts to open one. */
  readonly recentSockets: readonly LocalSocket[];
  /** Octets that a message to this collector may have, as the network knows it now. */
  payloadOctetsMax(): number;
  /**
   * Resolves when the transport is open, or when its first try failed: it is tried again. Rejects with a
   * UserError when the spool cannot be used.
   */
  start(): Promise<void>;
  /** Queues a copy of a message of flow records, preceded by the templates that the collector lacks. */
  offer(message: PackedMessage): void;
  /** Queues messages of option records, whose templates are among the standard ones. */
  offerOptions(messages: readonly ColdMessage[]): void;
  /** Does what is due; to be called some times a second. */
  tick(): void;
  /** Whether at least half of the queue is free, or waiting would not help: the socket is not open. */
  hasRoom(): boolean;
  isIdle(): boolean;
  /** Ends the session; what still waits counts as not sent. */
  stop(): Promise<void>;
}

export interface ConnectionOptions {
  readonly address: Collector;
  readonly observationDomainId: number;
  /** Octets of a message at most, for as long as the session lasts: the size of the queue's slots. */
  readonly messageOctetsMax: number;
  /** What the path carries now. */
  readonly currentOctetsMax: () => number;
  readonly messagesPerSecondMax: number;
  readonly templateRefreshIntervalMs: number;
  /** Announced before anything else, Options Templates among them. */
  readonly standardTemplates: readonly Template[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Option records that a transport session over TCP or TLS begins with. */
  readonly sessionOptions: () => readonly ColdMessage[];
  /** What the process says of itself at its end, for a collector over TCP or TLS that is away then. */
  readonly finalStatistics: () => readonly OutgoingMessage[];
  /** Called when a message has left the queue, and when a session begins or ends. */
  readonly onProgress: () => void;
}

export function emptyCounters(): CollectorCounters {
  return {
    messagesSent: 0,
    recordsSent: 0,
    flowsSent: 0,
    octetsSent: 0,
    templateMessagesSent: 0,
    refused: 0,
    sendErrors: 0,
    messagesNotSent: 0,
    flowsNotSent: 0,
    packetsNotSent: 0,
    octetsNotSent: 0,
    connectionsOpened: 0,
    connectionsEnded: 0,
    connectionsBroken: 0,
    messagesSpooled: 0,
    messagesReplayed: 0,
  };
}
