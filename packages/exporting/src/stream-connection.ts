/**
 * The transport sessions with one collector over TCP or TLS, one after the other.
 *
 * One message is given to the socket at a time, so that when a connection dies the message in hand is known
 * not to have been taken whole, and goes first on the next connection: never twice, never not at all. How a
 * collector stops without losing what is on the way: it ends its direction (FIN) and goes on reading; we
 * finish the message in hand, end ours, wait for the close and go on with the next message on the next
 * connection. A collector that is killed loses what the kernels had taken for it and it had not read.
 */
import type { CancelTimer } from '@weir/base';
import {
  type CollectorConnection,
  type ConnectionOptions,
  emptyCounters,
  QUEUE_OCTETS,
} from './collector-connection.ts';
import type { PackedMessage } from './message-packer.ts';
import { createMessageBacklog, type OutgoingMessage } from './outgoing-message.ts';
import { openSpool, type Spool, type SpoolOptions } from './spool.ts';
import { createStreamSession, outgoing, type StreamSession } from './stream-session.ts';
import type { StreamLink, StreamTransport } from './stream-transport.ts';

const RECONNECT_FIRST_MS = 200;
/**
 * A collector that is there for a few seconds only is found, and 1000 exporters that wait for one make 270
 * connections a second. Where nobody answers an attempt lasts 10 s, and the kernel asks again within 4 s.
 */
const RECONNECT_MAX_MS = 5_000;
/** A session that lasted so long is no sign of a collector that takes connections and drops them. */
const SESSION_LASTED_MS = 1000;
/** A collector that reads again after a long pause of its disk has not lost its connection. */
const WRITE_TIMEOUT_MS = 30_000;
/** How long a collector may take to read what is on the way and to close. */
const CLOSE_TIMEOUT_MS = 10_000;
/** Messages written before the event loop sees to its sockets: the collector's end must be noticed soon. */
const MESSAGES_PER_TURN = 64;
const CERTIFICATE_CHECK_MS = 60_000;
/** One line a minute says enough of a collector that stays away. */
const AWAY_LOG_MS = 60_000;

/** The message that was given to the socket, and where it came from. */
interface InHand {
  readonly message: OutgoingMessage;
  readonly origin: 'prologue' | 'backlog' | 'spool';
}

/** A connection while it lasts. */
interface Session {
  readonly link: StreamLink;
  readonly knowledge: StreamSession;
  /** Templates and option records that go before the next message. */
  readonly prologue: OutgoingMessage[];
  readonly openedAtMs: number;
  inHand: InHand | undefined;
  writingSinceMs: number;
  /** Who ended its direction first: nothing more is begun. */
  endedBy: 'collector' | 'exporter' | undefined;
  messagesInTurn: number;
}

export interface StreamConnectionOptions extends ConnectionOptions {
  /** Where messages wait while the collector is away; undefined: in memory. */
  readonly spool: Pick<SpoolOptions, 'folder' | 'octetsMax'> | undefined;
  /** From 0 to 1, for the back-off. */
  readonly random: () => number;
}

export function createStreamConnection(
  transport: StreamTransport,
  options: StreamConnectionOptions,
): CollectorConnection {
  const { address, clock, logger } = options;
  const counters = emptyCounters();
  const notSentTimes = { firstMs: 0, lastMs: 0 };
  const backlog = createMessageBacklog();
  let spool: Spool | undefined;
  let session: Session | undefined;
  let isStopped = false;
  let attempts = 0;
  let cancelReconnect: CancelTimer | undefined;
  let cancelClose: CancelTimer | undefined;
  let onClosed: (() => void) | undefined;
  let lastError: string | undefined;
  let awayLoggedAtMs = Number.NEGATIVE_INFINITY;
  let spoolLoggedAtMs = Number.NEGATIVE_INFINITY;
  let certificateCheckedAtMs = clock.monotonicMs();

  function countNotSent(message: Pick<OutgoingMessage, 'flows' | 'packets' | 'octets'>, messages = 1): void {
    counters.messagesNotSent += messages;
    counters.flowsNotSent += message.flows;
    counters.packetsNotSent += message.packets;
    counters.octetsNotSent += message.octets;
    notSentTimes.lastMs = clock.nowMs();
    if (notSentTimes.firstMs === 0) notSentTimes.firstMs = notSentTimes.lastMs;
  }

  function countSent({ message, origin }: InHand): void {
    counters.messagesSent += 1;
    counters.recordsSent += message.records;
    counters.flowsSent += message.flows;
    counters.octetsSent += message.bytes.length;
    if (message.records === 0) counters.templateMessagesSent += 1;
    if (origin === 'spool') counters.messagesReplayed += 1;
  }

  /** Keeps a message for later: in memory while the collector takes them, else on disk if there is a spool. */
  function keep(message: OutgoingMessage): void {
    const { length } = message.bytes;
    const memoryIsFull = backlog.octets + length > QUEUE_OCTETS;
    if (spool !== undefined && (session === undefined || !spool.isEmpty || memoryIsFull)) {
      toSpool(spool, message);
      return;
    }
    while (backlog.count > 0 && backlog.octets + length > QUEUE_OCTETS) {
      const oldest = backlog.shift();
      if (oldest !== undefined) countNotSent(oldest);
    }
    backlog.push(message);
  }

  function spoolIn(where: Pick<SpoolOptions, 'folder' | 'octetsMax'>): Spool {
    return openSpool({
      ...where,
      observationDomainId: options.observationDomainId,
      messageOctetsMax: options.messageOctetsMax,
      nowMs: () => clock.nowMs(),
      onLoss: (loss) => countNotSent(loss, loss.messages),
      onProblem: noteError,
    });
  }

  function toSpool(to: Spool, message: OutgoingMessage): void {
    try {
      to.append(message);
      counters.messagesSpooled += 1;
    } catch (error) {
      countNotSent(message);
      noteSpoolError(error);
    }
  }

  /** What waits in memory is older than what is on disk. */
  function backlogToSpool(to: Spool): void {
    const messages: OutgoingMessage[] = [];
    for (let message = backlog.shift(); message !== undefined; message = backlog.shift())
      messages.push(message);
    if (messages.length === 0) return;
    try {
      to.prepend(messages);
      counters.messagesSpooled += messages.length;
    } catch (error) {
      for (const message of messages) countNotSent(message);
      noteSpoolError(error);
    }
  }

  /** Behind all that waits, unless the collector has it all and the totals of the end. */
  function finalToSpool(to: Spool): void {
    for (const message of options.finalStatistics()) toSpool(to, message);
  }

  /** Beside the collector's absence, which is known: this is why records are lost. */
  function noteSpoolError(error: unknown): void {
    lastError = `the spool cannot be written: ${reasonOf(error)}`;
    const nowMs = clock.monotonicMs();
    if (nowMs - spoolLoggedAtMs < AWAY_LOG_MS) return;
    spoolLoggedAtMs = nowMs;
    logger.error(`collector ${address.text}: ${lastError}; what does not fit is lost`);
  }

  function noteError(reason: string): void {
    lastError = reason;
    const nowMs = clock.monotonicMs();
    if (nowMs - awayLoggedAtMs < AWAY_LOG_MS) return;
    awayLoggedAtMs = nowMs;
    logger.warn(`collector ${address.text}: ${reason}; trying again`);
  }

  /** The next message, preceded by what the collector lacks to read it. */
  function next(current: Session): InHand | undefined {
    const first = current.prologue.shift();
    if (first !== undefined) return { message: first, origin: 'prologue' };
    const waiting = backlog.shift();
    const message = waiting ?? spool?.peek();
    if (message === undefined) return undefined;
    current.prologue.push(...current.knowledge.announce(message.templates));
    const announcement = current.prologue.shift();
    if (announcement === undefined) return { message, origin: waiting === undefined ? 'spool' : 'backlog' };
    if (waiting !== undefined) backlog.unshift(waiting);
    return { message: announcement, origin: 'prologue' };
  }

  function pump(): void {
    const current = session;
    if (current === undefined || current.inHand !== undefined || current.endedBy !== undefined) return;
    const inHand = next(current);
    if (inHand === undefined) return;
    current.inHand = inHand;
    current.writingSinceMs = clock.monotonicMs();
    current.knowledge.stamp(inHand.message, clock.nowMs());
    current.link.write(inHand.message.bytes, (error) => onWritten(current, inHand, error));
  }

  function onWritten(current: Session, inHand: InHand, error: Error | undefined): void {
    // A session that is over has given its message back already.
    if (current.inHand !== inHand) return;
    if (error !== undefined) {
      current.link.destroy();
      return;
    }
    current.inHand = undefined;
    countSent(inHand);
    if (inHand.origin === 'spool') spool?.settle(true);
    options.onProgress();
    if (current.endedBy !== undefined) {
      current.link.end();
      return;
    }
    current.messagesInTurn += 1;
    if (current.messagesInTurn < MESSAGES_PER_TURN) {
      pump();
      return;
    }
    current.messagesInTurn = 0;
    setImmediate(pump);
  }

  /** Ends a session in order: no message is begun any more, the one in hand is finished. */
  function end(current: Session, by: 'collector' | 'exporter'): void {
    if (current.endedBy !== undefined) return;
    current.endedBy = by;
    cancelClose = clock.after(CLOSE_TIMEOUT_MS, () => current.link.destroy());
    if (current.inHand === undefined) current.link.end();
  }

  function onClose(current: Session, error: Error | undefined): void {
    cancelClose?.();
    session = undefined;
    giveBack(current);
    if (current.endedBy === undefined || error !== undefined) {
      counters.connectionsBroken += 1;
      noteError(error?.message ?? 'the connection broke');
    } else if (current.endedBy === 'collector') {
      counters.connectionsEnded += 1;
      lastError = 'the collector ended the connection';
      logger.info(`collector ${address.text}: ${lastError}; connecting again`);
    }
    if (clock.monotonicMs() - current.openedAtMs >= SESSION_LASTED_MS) attempts = 0;
    if (spool !== undefined) backlogToSpool(spool);
    onClosed?.();
    options.onProgress();
    reconnectLater();
  }

  /** The message in hand was not taken whole, so no collector has it. */
  function giveBack(current: Session): void {
    const { inHand } = current;
    current.inHand = undefined;
    if (inHand?.origin === 'backlog') backlog.unshift(inHand.message);
    else if (inHand?.origin === 'spool') spool?.settle(false);
  }

  function reconnectLater(): void {
    if (isStopped) return;
    const delayMs = Math.min(RECONNECT_FIRST_MS * 2 ** attempts, RECONNECT_MAX_MS);
    attempts += 1;
    // Half of it at random, so that exporters do not come back all at once.
    cancelReconnect = clock.after(delayMs * (0.5 + options.random() / 2), () => void open());
  }

  async function open(): Promise<void> {
    try {
      const link = await transport.open();
      if (isStopped) link.destroy();
      else begin(link);
    } catch (error) {
      if (isStopped) return;
      noteError(reasonOf(error));
      reconnectLater();
    }
  }

  function begin(link: StreamLink): void {
    const knowledge = createStreamSession({
      anonymisation: address.anonymisation,
      observationDomainId: options.observationDomainId,
      messageOctetsMax: options.currentOctetsMax,
    });
    const current: Session = {
      link,
      knowledge,
      prologue: [...knowledge.announce(options.standardTemplates), ...options.sessionOptions().map(outgoing)],
      openedAtMs: clock.monotonicMs(),
      inHand: undefined,
      writingSinceMs: 0,
      endedBy: undefined,
      messagesInTurn: 0,
    };
    session = current;
    counters.connectionsOpened += 1;
    awayLoggedAtMs = Number.NEGATIVE_INFINITY;
    logger.info(`collector ${address.text}: exporting from port ${link.localSocket.localPort}`);
    link.onEnd = () => end(current, 'collector');
    link.onClose = (error) => onClose(current, error);
    options.onProgress();
    pump();
  }

  /** A new certificate is for a new session; the present one ends in order. */
  async function renewCertificate(current: Session): Promise<void> {
    if (!(await transport.hasNewCertificate()) || session !== current) return;
    logger.info(`collector ${address.text}: new certificate; connecting again`);
    end(current, 'exporter');
  }

  /** Whether there is a session that everything was written to. */
  function hasTakenAll(): boolean {
    if (session === undefined || session.inHand !== undefined || session.prologue.length > 0) return false;
    return backlog.count === 0 && (spool?.isEmpty ?? true);
  }

  function copyOf(message: PackedMessage): OutgoingMessage {
    const { bytes, offset, length, recordCount, packets, octets } = message;
    return {
      bytes: bytes.slice(offset, offset + length),
      records: recordCount,
      flows: recordCount,
      packets,
      octets,
      templates: [...message.templates],
    };
  }

  return {
    address,
    counters,
    notSentTimes,
    get state() {
      if (session !== undefined) return 'connected';
      return spool === undefined ? 'connecting' : 'spooling';
    },
    get queuedMessages() {
      return backlog.count;
    },
    get queuedOctets() {
      return backlog.octets;
    },
    get spoolOctets() {
      return spool?.octets ?? 0;
    },
    get lastError() {
      return lastError;
    },
    get localSocket() {
      return session?.link.localSocket;
    },
    get recentSockets() {
      return transport.attempts;
    },
    // A stream carries messages of any size.
    payloadOctetsMax: () => options.messageOctetsMax,
    async start() {
      if (options.spool !== undefined) spool = spoolIn(options.spool);
      await open();
    },
    offer(message) {
      keep(copyOf(message));
      pump();
    },
    offerOptions(messages) {
      // Totals: a session that begins later begins with them.
      if (session === undefined) return;
      session.prologue.push(...messages.map(outgoing));
      pump();
    },
    tick() {
      spool?.checkpoint();
      const current = session;
      if (current === undefined) return;
      const nowMs = clock.monotonicMs();
      if (current.inHand !== undefined && nowMs - current.writingSinceMs >= WRITE_TIMEOUT_MS) {
        noteError(`took nothing for ${WRITE_TIMEOUT_MS / 1000} s`);
        current.link.destroy();
      }
      if (nowMs - certificateCheckedAtMs < CERTIFICATE_CHECK_MS) return;
      certificateCheckedAtMs = nowMs;
      void renewCertificate(current);
    },
    hasRoom: () => session === undefined || backlog.octets <= QUEUE_OCTETS / 2,
    isIdle: () => (session === undefined ? backlog.count === 0 : hasTakenAll()),
    async stop() {
      isStopped = true;
      cancelReconnect?.();
      transport.close();
      const current = session;
      const isTold = hasTakenAll();
      const { connectionsBroken } = counters;
      if (current !== undefined) {
        await new Promise<void>((closed) => {
          onClosed = closed;
          if (current.inHand === undefined) end(current, 'exporter');
          else current.link.destroy();
        });
      }
      if (spool !== undefined) {
        backlogToSpool(spool);
        if (!isTold || counters.connectionsBroken > connectionsBroken) finalToSpool(spool);
      }
      for (let message = backlog.shift(); message !== undefined; message = backlog.shift()) {
        countNotSent(message);
      }
      spool?.close();
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
