/**
 * The transport session with one collector over UDP (RFC 7011 section 10.3): a sequence number for each
 * observation domain, templates again and again, a rate that socket buffers can take.
 */
import { assert, type CancelTimer } from '@weir/base';
import type { Template } from '@weir/ipfix';
import {
  type CollectorConnection,
  type ConnectionOptions,
  EXPORT_TIME_OFFSET,
  emptyCounters,
  QUEUE_OCTETS,
  SEQUENCE_NUMBER_OFFSET,
} from './collector-connection.ts';
import { createMessageQueue, type MessageQueue } from './message-queue.ts';
import { type ColdMessage, DOMAIN_OFFSET, encodeTemplates, PROCESS_DOMAIN_ID } from './template-message.ts';
import { anonymisationRecords, anonymisationTemplate } from './treatment-record.ts';
import { describableFields, encodeTypeInformation, TYPE_INFORMATION } from './type-information.ts';
import { hasLostWay, isRefused, type LocalSocket, type MessageTransport } from './udp-transport.ts';

/** A datagram of 1400 octets takes 2304 of a socket buffer; Linux's default of 212,992 holds 92. */
const BURST_MESSAGES = 64;
/** Messages given to the socket and not yet done. */
const SENDING_MAX = 64;
/** A datagram with templates may be lost while the collector starts, so the first ones come sooner. */
const EARLY_ANNOUNCEMENTS_MS: readonly number[] = [1000, 10_000, 60_000];
/** A collector that was restarted knows its templates after at most so many messages. */
export const MESSAGES_PER_ANNOUNCEMENT = 256;
/** While nothing listens at the collector, its templates are repeated so often: it may be just starting. */
const REFUSED_ANNOUNCEMENT_MS = 1000;
/** One line a minute says enough of a collector that stays away. */
const REFUSED_LOG_MS = 60_000;
const REOPEN_FIRST_MS = 1000;
const REOPEN_MAX_MS = 60_000;
/** A socket that fails sooner is not the reason: another would fail as well. */
const SOCKET_AGE_MS_MIN = 5_000;
/** How often it is looked whether the collector's name or this machine's address is another one. */
const MOVED_LOOK_MS = 60_000;

/** What the queue does not need to know of a message. */
interface SlotContents {
  flows: number;
  records: number;
  packets: number;
  octets: number;
  isTemplates: boolean;
  wasRefused: boolean;
  wasHeld: boolean;
}

export function createUdpConnection(
  transport: MessageTransport,
  options: ConnectionOptions,
): CollectorConnection {
  const { address, clock, logger, messageOctetsMax } = options;
  const slotCount = Math.max(BURST_MESSAGES, Math.floor(QUEUE_OCTETS / messageOctetsMax));
  const queue: MessageQueue = createMessageQueue(slotCount, messageOctetsMax);
  const contents: SlotContents[] = Array.from({ length: slotCount }, emptyContents);
  const counters = emptyCounters();
  const notSentTimes = { firstMs: 0, lastMs: 0 };
  const announced = new Set<Template>();
  /** RFC 7011 section 3.1: one sequence for each Observation Domain. */
  const sequenceNumbers = new Map<number, number>();
  let localSocket: LocalSocket | undefined;
  let isOpen = false;
  let isStopped = false;
  let cancelPump: CancelTimer | undefined;
  let cancelReopen: CancelTimer | undefined;
  let reopenDelayMs = REOPEN_FIRST_MS;
  let tokens = BURST_MESSAGES;
  let tokensAtMs = clock.monotonicMs();
  let messagesSinceAnnouncement = 0;
  let announcedAtMs = Number.NEGATIVE_INFINITY;
  let earlyAnnouncements = 0;
  let startedAtMs = 0;
  let isRefusing = false;
  let refusalLoggedAtMs = Number.NEGATIVE_INFINITY;
  let lastError: string | undefined;
  let openedAtMs = 0;
  let movedLookAtMs = 0;
  let isReopening = false;
  /** Slots whose sending failed for a socket that is being replaced. */
  const held: number[] = [];

  function countNotSent(slotContents: SlotContents): void {
    counters.messagesNotSent += 1;
    counters.flowsNotSent += slotContents.flows;
    counters.packetsNotSent += slotContents.packets;
    counters.octetsNotSent += slotContents.octets;
    notSentTimes.lastMs = clock.nowMs();
    if (notSentTimes.firstMs === 0) notSentTimes.firstMs = notSentTimes.lastMs;
  }

  /** Copies a message into the queue and gives it its place in the sequence. */
  function enqueue(bytes: Uint8Array, offset: number, length: number, what: SlotContents): boolean {
    const slot = queue.push(bytes, offset, length);
    if (slot < 0) {
      countNotSent(what);
      return false;
    }
    const at = queue.offsetOf(slot);
    const domain = queue.view.getUint32(at + DOMAIN_OFFSET);
    const sequenceNumber = sequenceNumbers.get(domain) ?? 0;
    queue.view.setUint32(at + SEQUENCE_NUMBER_OFFSET, sequenceNumber);
    sequenceNumbers.set(domain, (sequenceNumber + what.records) >>> 0);
    contents[slot] = what;
    return true;
  }

  /** Announces what the collector will need; what does not fit the queue is announced again later. */
  function announce(templates: readonly Template[]): void {
    const isOptions = ({ scopeFieldCount }: Template) => scopeFieldCount > 0;
    const dataTemplates = templates.filter((template) => !isOptions(template));
    const isQueued =
      describe(templates) &&
      announceIn(options.observationDomainId, dataTemplates) &&
      explainAddresses(dataTemplates) &&
      announceIn(PROCESS_DOMAIN_ID, templates.filter(isOptions));
    if (isQueued) for (const template of templates) announced.add(template);
  }

  /** Type information of the enterprise elements in the templates. */
  function describe(templates: readonly Template[]): boolean {
    const fields = describableFields(templates);
    if (fields.length === 0) return true;
    return (
      announceIn(PROCESS_DOMAIN_ID, [TYPE_INFORMATION]) &&
      encodeTypeInformation(fields, currentOctetsMax()).every(enqueueOptions)
    );
  }

  /** What was done to the addresses in the templates. */
  function explainAddresses(templates: readonly Template[]): boolean {
    const { anonymisation } = address;
    if (anonymisation === undefined || templates.length === 0) return true;
    const { observationDomainId } = options;
    const octetsMax = currentOctetsMax();
    return [
      ...anonymisationTemplate(observationDomainId, octetsMax),
      ...anonymisationRecords(templates, anonymisation, observationDomainId, octetsMax),
    ].every(enqueueOptions);
  }

  function enqueueOptions({ bytes, recordCount }: ColdMessage): boolean {
    return enqueue(bytes, 0, bytes.length, { ...emptyContents(), records: recordCount });
  }

  function announceIn(domain: number, templates: readonly Template[]): boolean {
    const messages = encodeTemplates(templates, domain, currentOctetsMax());
    return messages.every(({ bytes }) =>
      enqueue(bytes, 0, bytes.length, { ...emptyContents(), isTemplates: true }),
    );
  }

  function currentOctetsMax(): number {
    return Math.min(messageOctetsMax, options.currentOctetsMax());
  }

  function announceAll(): void {
    announcedAtMs = clock.monotonicMs();
    messagesSinceAnnouncement = 0;
    announce([...announced]);
  }

  function announcementIsDue(): boolean {
    const nowMs = clock.monotonicMs();
    if (isRefusing) return nowMs - announcedAtMs >= REFUSED_ANNOUNCEMENT_MS;
    const early = EARLY_ANNOUNCEMENTS_MS[earlyAnnouncements];
    if (early !== undefined && nowMs - startedAtMs >= early) {
      earlyAnnouncements += 1;
      return true;
    }
    return nowMs - announcedAtMs >= options.templateRefreshIntervalMs;
  }

  function refillTokens(): void {
    const nowMs = clock.monotonicMs();
    tokens += ((nowMs - tokensAtMs) * options.messagesPerSecondMax) / 1000;
    tokens = Math.min(tokens, BURST_MESSAGES);
    tokensAtMs = nowMs;
  }

  /** Sends what the rate and the socket allow, and comes back for the rest. */
  function pump(): void {
    if (!isOpen) return;
    refillTokens();
    while (isOpen && tokens >= 1 && queue.sending < SENDING_MAX) {
      const slot = queue.take();
      if (slot < 0) return;
      tokens -= 1;
      queue.view.setUint32(queue.offsetOf(slot) + EXPORT_TIME_OFFSET, Math.floor(clock.nowMs() / 1000));
      transmit(slot);
    }
    if (queue.waiting === 0 || queue.sending >= SENDING_MAX || cancelPump !== undefined) return;
    cancelPump = clock.after(Math.max(1, (1000 * (1 - tokens)) / options.messagesPerSecondMax), () => {
      cancelPump = undefined;
      pump();
    });
  }

  function transmit(slot: number): void {
    transport.send(queue.bytes, queue.offsetOf(slot), queue.lengthOf(slot), (error) => {
      const what = contents[slot];
      assert(what !== undefined, 'a slot in the queue has contents');
      // The kernel reports an earlier datagram's refusal in place of sending this one: it is sent again.
      if (error !== undefined && isRefused(error) && !what.wasRefused && isOpen) {
        what.wasRefused = true;
        onRefused();
        transmit(slot);
        return;
      }
      if (error !== undefined && !what.wasHeld && (isReopening || deservesAnotherSocket(error))) {
        what.wasHeld = true;
        held.push(slot);
        void reopen(error.message);
        return;
      }
      settle(slot, what, error);
    });
  }

  function deservesAnotherSocket(error: Error): boolean {
    return isOpen && hasLostWay(error) && clock.monotonicMs() - openedAtMs >= SOCKET_AGE_MS_MIN;
  }

  /** To the collector another socket may be another exporter, so it gets the templates before what comes meanwhile. */
  async function reopen(reason: string): Promise<void> {
    if (isReopening) return;
    isReopening = true;
    isOpen = false;
    lastError = reason;
    logger.warn(`collector ${address.text}: ${reason}; opening another socket`);
    announceAll();
    await transport.close();
    if (!isStopped) await open();
  }

  /** A datagram that leaves from an address that is no longer ours may be lost without an error. */
  async function lookWhetherMoved(): Promise<void> {
    movedLookAtMs = clock.monotonicMs();
    if ((await transport.hasMoved()) && isOpen && !isStopped) await reopen('the way to it has changed');
  }

  function settle(slot: number, what: SlotContents, error: Error | undefined): void {
    if (error === undefined) countSent(slot, what);
    else {
      if (isRefused(error)) onRefused();
      else onSendError(error);
      countNotSent(what);
    }
    queue.done(slot);
    options.onProgress();
    pump();
  }

  function countSent(slot: number, what: SlotContents): void {
    counters.messagesSent += 1;
    counters.recordsSent += what.records;
    counters.flowsSent += what.flows;
    counters.octetsSent += queue.lengthOf(slot);
    if (what.isTemplates) counters.templateMessagesSent += 1;
  }

  function onRefused(): void {
    counters.refused += 1;
    isRefusing = true;
    lastError = 'nothing listens at its port';
    const nowMs = clock.monotonicMs();
    if (nowMs - refusalLoggedAtMs < REFUSED_LOG_MS) return;
    refusalLoggedAtMs = nowMs;
    logger.warn(`collector ${address.text} refuses: nothing listens at its port`);
  }

  function onSendError(error: Error): void {
    counters.sendErrors += 1;
    lastError = error.message;
    if (counters.sendErrors === 1) logger.warn(`collector ${address.text}: ${error.message}`);
  }

  async function open(): Promise<void> {
    try {
      localSocket = await transport.open();
      if (isStopped) {
        await transport.close();
        return;
      }
      isOpen = true;
      isReopening = false;
      openedAtMs = clock.monotonicMs();
      movedLookAtMs = openedAtMs;
      counters.connectionsOpened += 1;
      reopenDelayMs = REOPEN_FIRST_MS;
      logger.info(`collector ${address.text}: exporting from port ${localSocket.localPort}`);
      pump();
      for (const slot of held.splice(0)) transmit(slot);
    } catch (error) {
      if (isStopped) return;
      const reason = error instanceof Error ? error.message : String(error);
      lastError = reason;
      if (reopenDelayMs === REOPEN_FIRST_MS)
        logger.warn(`collector ${address.text}: ${reason}; trying again`);
      cancelReopen = clock.after(reopenDelayMs, () => void open());
      reopenDelayMs = Math.min(2 * reopenDelayMs, REOPEN_MAX_MS);
    }
  }

  return {
    address,
    counters,
    notSentTimes,
    get localSocket() {
      return localSocket;
    },
    get recentSockets() {
      return localSocket === undefined ? [] : [localSocket];
    },
    get state() {
      return isOpen ? 'connected' : 'connecting';
    },
    get queuedMessages() {
      return queue.waiting + queue.sending;
    },
    get queuedOctets() {
      return (queue.waiting + queue.sending) * messageOctetsMax;
    },
    spoolOctets: 0,
    get lastError() {
      return lastError;
    },
    payloadOctetsMax: () => transport.payloadOctetsMax(),
    async start() {
      transport.onRefused = onRefused;
      startedAtMs = clock.monotonicMs();
      for (const template of options.standardTemplates) announced.add(template);
      announceAll();
      await open();
    },
    offer(message) {
      const unknown = message.templates.filter((template) => !announced.has(template));
      if (unknown.length > 0) announce(unknown);
      if (messagesSinceAnnouncement >= MESSAGES_PER_ANNOUNCEMENT) announceAll();
      messagesSinceAnnouncement += 1;
      enqueue(message.bytes, message.offset, message.length, {
        flows: message.recordCount,
        records: message.recordCount,
        packets: message.packets,
        octets: message.octets,
        isTemplates: false,
        wasRefused: false,
        wasHeld: false,
      });
      pump();
    },
    offerOptions(messages) {
      for (const message of messages) enqueueOptions(message);
      pump();
    },
    tick() {
      if (isOpen && announcementIsDue()) {
        announceAll();
        isRefusing = false;
      }
      if (isOpen && clock.monotonicMs() - movedLookAtMs >= MOVED_LOOK_MS) void lookWhetherMoved();
      pump();
    },
    hasRoom: () => !isOpen || queue.waiting + queue.sending <= slotCount / 2,
    isIdle: () => queue.waiting + queue.sending === 0,
    async stop() {
      isStopped = true;
      isOpen = false;
      cancelPump?.();
      cancelReopen?.();
      for (const slot of held.splice(0)) {
        countNotSent(contents[slot] ?? emptyContents());
        queue.done(slot);
      }
      for (let slot = queue.take(); slot >= 0; slot = queue.take()) {
        countNotSent(contents[slot] ?? emptyContents());
        queue.done(slot);
      }
      await transport.close();
    },
  };
}

function emptyContents(): SlotContents {
  return {
    flows: 0,
    records: 0,
    packets: 0,
    octets: 0,
    isTemplates: false,
    wasRefused: false,
    wasHeld: false,
  };
}
