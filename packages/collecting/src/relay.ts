/**
 * Hands what a listener received to a thread that sends it on. Collecting never waits for that: datagrams are
 * copied into a buffer (about 0.4 µs each, measured), buffers are transferred, and where none is free the datagram is
 * counted as not relayed.
 *
 * A destination can decode nothing without templates, and UDP does not tell when somebody begins to listen. So
 * the templates that are known of an exporter's domain stand before the first datagram that a destination gets of
 * it, again when the destination refused datagrams for a time, and again every so often.
 */
import { isIPv4 } from 'node:net';
import { MessageChannel, Worker } from 'node:worker_threads';
import { type BufferSender, type Clock, createBufferSender, type Logger } from '@weir/base';
import type { DomainView, TransportSession } from '@weir/ipfix';
import type { FlowSource } from './flow-source.ts';
import { relayDestinations } from './relay-destination.ts';
import {
  RELAY_HEADER_OCTETS,
  type RelayDestination,
  type RelayEvent,
  type RelayNote,
  type RelaySetup,
} from './relay-protocol.ts';
import type { RelayDestinationStatus, RelayStatus } from './relay-status.ts';
import { carriesTemplates, templateMessages } from './template-message.ts';

/** Buffers on their way to the relay's thread: with the one being filled 16 MiB, which are 11,000 datagrams. */
const BUFFERS = 16;
const BUFFER_OCTETS = 1 << 20;
/** 65,535 less the IPv4 and UDP headers. */
const DATAGRAM_OCTETS_MAX = 65_507;
/** Domains of one exporter whose templates are repeated. */
const DOMAINS_MAX = 256;
/** Known templates are looked up anew at most so often. */
const LOOK_UP_EVERY_MS = 200;
const CLOSE_MS_MAX = 5_000;
/** A minute without records is bearable; 100 exporters with 10 templates each are some 30 kB then. */
const TEMPLATES_EVERY_S_DEFAULT = 60;

export interface Relay {
  /** Copies a datagram, or a message of a stream, that was decoded, to be sent. Never blocks. */
  take(bytes: Uint8Array, session: TransportSession): void;
  /** Sends what was gathered. To be called after each turn, at least every 50 ms. */
  tick(): void;
  status(): RelayStatus;
  /** Resolves when everything was handed to the kernel, or after some seconds. */
  finish(): Promise<void>;
}

export interface RelayOptions {
  readonly source: FlowSource;
  /** What the decoder knows. */
  readonly domains: () => Iterable<DomainView>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The relay of a source that forwards; undefined for the others. */
export function openRelay({ source, domains, clock, logger }: RelayOptions): Relay | undefined {
  const destinations = relayDestinations(source);
  if (destinations.length === 0) return undefined;
  const link = openRelayThread(destinations, (problem) => {
    logger.error({ source: source.name, error: problem }, 'the relay ended: nothing is forwarded any more');
  });
  const intervalMs = (source.forwarding.templatesEverySeconds ?? TEMPLATES_EVERY_S_DEFAULT) * 1000;
  return new DatagramRelay(link, destinations, createTemplateSource(domains, clock), intervalMs, clock);
}

/** When templates of a domain were sent last, and to which appearance of each destination. */
interface DomainSchedule {
  dueMs: number;
  /** Sum of the appearances that were served. */
  appearances: number;
  readonly served: Uint32Array;
}

class DatagramRelay implements Relay {
  readonly #link: RelayLink;
  readonly #sender: BufferSender<RelayNote>;
  readonly #templates: TemplateSource;
  readonly #intervalMs: number;
  readonly #clock: Clock;
  readonly #all: number;
  readonly #samples: boolean;
  readonly #spoofs: boolean;
  readonly #schedules = new WeakMap<TransportSession, Map<number, DomainSchedule>>();
  #buffer: ArrayBuffer | undefined;
  #header = new DataView(new ArrayBuffer(0));
  #bytes = new Uint8Array(0);
  /** Almost always the next datagram is of the same exporter. */
  #latest: { session: TransportSession; schedules: Map<number, DomainSchedule> } | undefined;
  #octets = 0;
  #nowMs: number;
  readonly #counts = { datagrams: 0, dropped: 0, oversized: 0, templateMessages: 0 };

  constructor(
    link: RelayLink,
    destinations: readonly RelayDestination[],
    templates: TemplateSource,
    intervalMs: number,
    clock: Clock,
  ) {
    this.#link = link;
    this.#sender = link.sender;
    this.#templates = templates;
    this.#intervalMs = intervalMs;
    this.#clock = clock;
    this.#nowMs = clock.monotonicMs();
    this.#all = (1 << destinations.length) - 1;
    this.#spoofs = destinations.some(({ spoofedPort }) => spoofedPort !== undefined);
    this.#samples = destinations.some(({ oneIn }) => oneIn > 1);
  }

  take(bytes: Uint8Array, session: TransportSession): void {
    if (bytes.length > DATAGRAM_OCTETS_MAX) {
      this.#counts.oversized += 1;
      return;
    }
    const version = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
    if (version >= 9) this.#takeTemplates(bytes, version, session);
    const always = this.#samples && carriesTemplates(bytes);
    if (this.#append(bytes, session, this.#all, always)) this.#counts.datagrams += 1;
    else this.#counts.dropped += 1;
  }

  /** Puts templates before the datagram for those destinations that are due to get them. */
  #takeTemplates(bytes: Uint8Array, version: number, session: TransportSession): void {
    const at = version === 10 ? 12 : 16;
    if (bytes.length < at + 4) return;
    const schedule = this.#scheduleOf(session, uint32At(bytes, at));
    const mask = schedule === undefined ? 0 : this.#due(schedule);
    if (schedule === undefined || mask === 0) return;
    const templates = this.#templates.find(session.exporterAddress, version, uint32At(bytes, at));
    for (const message of templateMessages(bytes, templates)) {
      if (!this.#append(message, session, mask, true)) return;
      this.#counts.templateMessages += 1;
    }
    if (mask === this.#all) schedule.dueMs = this.#nowMs + this.#intervalMs;
    schedule.served.set(this.#link.appearances);
    schedule.appearances = this.#link.appearanceCount();
  }

  #due(schedule: DomainSchedule): number {
    if (this.#nowMs >= schedule.dueMs) return this.#all;
    if (schedule.appearances === this.#link.appearanceCount()) return 0;
    let mask = 0;
    for (const [index, appearance] of this.#link.appearances.entries()) {
      if (schedule.served[index] !== appearance) mask |= 1 << index;
    }
    return mask;
  }

  #scheduleOf(session: TransportSession, domain: number): DomainSchedule | undefined {
    const ofSession = this.#schedulesOf(session);
    let schedule = ofSession.get(domain);
    if (schedule === undefined && ofSession.size < DOMAINS_MAX) {
      schedule = { dueMs: 0, appearances: 0, served: new Uint32Array(this.#link.appearances.length) };
      ofSession.set(domain, schedule);
    }
    return schedule;
  }

  #schedulesOf(session: TransportSession): Map<number, DomainSchedule> {
    if (this.#latest?.session === session) return this.#latest.schedules;
    const schedules = this.#schedules.get(session) ?? new Map<number, DomainSchedule>();
    this.#schedules.set(session, schedules);
    this.#latest = { session, schedules };
    return schedules;
  }

  #append(bytes: Uint8Array, session: TransportSession, mask: number, always: boolean): boolean {
    const octets = RELAY_HEADER_OCTETS + bytes.length;
    if (this.#buffer !== undefined && this.#octets + octets > BUFFER_OCTETS) this.#flush();
    const buffer = this.#buffer ?? this.#acquire();
    if (buffer === undefined) return false;
    const offset = this.#octets;
    this.#header.setUint16(offset, mask, true);
    this.#header.setUint16(offset + 2, always ? 1 : 0, true);
    this.#header.setUint32(offset + 4, bytes.length, true);
    this.#header.setUint32(offset + 8, this.#spoofs ? ipv4Of(session) : 0);
    this.#bytes.set(bytes, offset + RELAY_HEADER_OCTETS);
    this.#octets += octets;
    return true;
  }

  #acquire(): ArrayBuffer | undefined {
    const buffer = this.#sender.acquire();
    this.#buffer = buffer;
    if (buffer !== undefined) {
      this.#header = new DataView(buffer);
      this.#bytes = new Uint8Array(buffer);
    }
    return buffer;
  }

  #flush(): void {
    if (this.#buffer !== undefined && this.#octets > 0) {
      this.#sender.send(this.#buffer, { octets: this.#octets });
      this.#buffer = undefined;
      this.#octets = 0;
    }
  }

  tick(): void {
    this.#nowMs = this.#clock.monotonicMs();
    // While the thread has work, what comes is gathered: it is buffers that it can fall behind by.
    if (this.#octets > 0 && this.#sender.inFlight() <= 1) this.#flush();
  }

  status(): RelayStatus {
    return { ...this.#counts, destinations: this.#link.destinations() };
  }

  async finish(): Promise<void> {
    this.#flush();
    await this.#link.close();
  }
}

/** The listener's end of the thread that sends. */
interface RelayLink {
  readonly sender: BufferSender<RelayNote>;
  /** For each destination, how often somebody appeared there. */
  readonly appearances: Uint32Array;
  appearanceCount(): number;
  destinations(): readonly RelayDestinationStatus[];
  close(): Promise<void>;
}

function openRelayThread(
  destinations: readonly RelayDestination[],
  failed: (problem: string) => void,
): RelayLink {
  const { port1, port2 } = new MessageChannel();
  const setup: RelaySetup = { destinations, datagramPort: port2 };
  const worker = new Worker(new URL('./relay-worker.ts', import.meta.url), {
    workerData: setup,
    transferList: [port2],
  });
  const sender = createBufferSender<RelayNote>(port1, BUFFERS, BUFFER_OCTETS);
  const appearances = new Uint32Array(destinations.length).fill(1);
  let count = 1;
  let status: readonly RelayDestinationStatus[] = [];
  let closed: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    closed = resolve;
    worker.on('exit', () => resolve());
  });
  worker.on('error', (error) => failed(String(error)));
  worker.on('message', (event: RelayEvent) => {
    if (event.kind === 'status') status = event.destinations;
    else if (event.kind === 'closed') closed();
    else {
      appearances[event.destination] = (appearances[event.destination] ?? 0) + 1;
      count += 1;
    }
  });

  return {
    sender,
    appearances,
    appearanceCount: () => count,
    destinations: () => status,
    async close() {
      await Promise.race([sender.drained(), ended, delay(CLOSE_MS_MAX)]);
      worker.postMessage('close');
      await Promise.race([ended, delay(CLOSE_MS_MAX)]);
      sender.close();
      await worker.terminate();
    },
  };
}

interface TemplateSource {
  find(address: string, version: number, domain: number): ReturnType<DomainView['templates']>;
}

/** Finds domains without walking all of them for each one. */
function createTemplateSource(domains: () => Iterable<DomainView>, clock: Clock): TemplateSource {
  let index = new Map<string, DomainView>();
  let dueMs = Number.NEGATIVE_INFINITY;
  const keyOf = (address: string, version: number, domain: number) => `${version} ${domain} ${address}`;

  function rebuild(): void {
    index = new Map();
    for (const view of domains()) {
      const { address, version, observationDomainId } = view.exporter;
      index.set(keyOf(address, version, observationDomainId), view);
    }
  }

  return {
    find(address, version, domain) {
      const nowMs = clock.monotonicMs();
      if (nowMs >= dueMs) {
        rebuild();
        dueMs = nowMs + LOOK_UP_EVERY_MS;
      }
      return index.get(keyOf(address, version, domain))?.templates() ?? [];
    },
  };
}

/** The exporter's address as a number; 0 where it is none of IPv4. */
function ipv4Of({ exporterAddress }: TransportSession): number {
  if (!isIPv4(exporterAddress)) return 0;
  return exporterAddress.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
}

function uint32At(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  return high * 0x10000 + (((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0));
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs).unref());
}
