/** Entry of a relay's worker thread: sends what a listener received to the destinations of its source. */
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { ensure, receiveBuffers } from '@weir/base';
import { type DatagramSender, openDatagramSender, openSpoofingSender, type SpoofingSender } from '@weir/host';
import {
  RELAY_HEADER_OCTETS,
  type RelayDestination,
  type RelayEvent,
  type RelayNote,
  type RelaySetup,
} from './relay-protocol.ts';
import type { RelayDestinationStatus } from './relay-status.ts';

/** Counters are told, and destinations that answer with errors looked at, so often. */
const LOOK_EVERY_MS = 500;
/** A destination without a route is tried again after so many looks. */
const REOPEN_LOOKS = 10;
/** Where all cores are busy, collecting goes first: what cannot be relayed is counted, what cannot be collected is lost. */
const NICENESS = 5;

const parent = ensure(parentPort, 'this file is the entry of a worker thread');
const { destinations, datagramPort } = workerData as RelaySetup;

/** One destination: its socket, opened as soon as it can be, and what became of its datagrams. */
class Outlet {
  readonly #to: RelayDestination;
  #sender: DatagramSender | undefined;
  /** For datagrams of exporters with an IPv4 address, where they are to keep it. */
  #spoofer: SpoofingSender | undefined;
  #opening = false;
  #unroutable = 0;
  #openProblem: string | undefined;
  #sampledOut = 0;
  #untilSampled = 0;
  #looked = { sent: 0, failed: 0 };
  #refuses = false;
  #looksToReopen = 0;

  constructor(to: RelayDestination) {
    this.#to = to;
  }

  async open(): Promise<void> {
    if (this.#sender !== undefined || this.#opening) return;
    this.#opening = true;
    try {
      if (this.#to.spoofedPort !== undefined) this.#spoofer ??= openSpoofingSender(this.#to);
      this.#sender = await openDatagramSender(this.#to);
      this.#openProblem = undefined;
    } catch (error) {
      this.#openProblem = error instanceof Error ? error.message : String(error);
    }
    this.#opening = false;
  }

  /** `exporter` is an IPv4 address, or undefined for others. */
  send(datagram: Uint8Array, always: boolean, exporter: string | undefined): void {
    if (!always && this.#isSampledOut()) return;
    const { spoofedPort } = this.#to;
    if (this.#sender === undefined) this.#unroutable += 1;
    else if (this.#spoofer === undefined || exporter === undefined || spoofedPort === undefined)
      this.#sender.send(datagram);
    else this.#spoofer.send(datagram, exporter, spoofedPort);
  }

  #isSampledOut(): boolean {
    this.#untilSampled = this.#untilSampled === 0 ? this.#to.oneIn - 1 : this.#untilSampled - 1;
    if (this.#untilSampled === 0) return false;
    this.#sampledOut += 1;
    return true;
  }

  drained(): Promise<void> | undefined {
    return this.#sender?.drained();
  }

  /** Answers whether the destination takes datagrams again that it refused before. */
  look(): boolean {
    if (this.#sender === undefined) {
      this.#looksToReopen = (this.#looksToReopen + 1) % REOPEN_LOOKS;
      if (this.#looksToReopen === 0) void this.open();
      return false;
    }
    const { sent, failed } = this.#sender.statistics();
    const [taken, refused] = [sent > this.#looked.sent, failed > this.#looked.failed];
    this.#looked = { sent, failed };
    const isBack = this.#refuses && taken && !refused;
    if (refused) this.#refuses = true;
    else if (isBack) this.#refuses = false;
    return isBack;
  }

  status(): RelayDestinationStatus {
    const { address, port } = this.#to;
    const statistics = this.#sender?.statistics();
    const spoofed = this.#spoofer?.statistics();
    return {
      address,
      port,
      sent: (statistics?.sent ?? 0) + (spoofed?.sent ?? 0),
      sentOctets: (statistics?.sentOctets ?? 0) + (spoofed?.sentOctets ?? 0),
      sampledOut: this.#sampledOut,
      refused: (statistics?.refused ?? 0) + (spoofed?.refused ?? 0),
      failed: this.#unroutable + (statistics?.failed ?? 0) + (spoofed?.failed ?? 0),
      problem:
        this.#openProblem ?? spoofed?.latestError ?? (this.#refuses ? statistics?.latestError : undefined),
    };
  }

  async close(): Promise<void> {
    this.#spoofer?.close();
    await this.#sender?.close();
  }
}

const outlets = destinations.map((to) => new Outlet(to));

function post(event: RelayEvent): void {
  parent.postMessage(event);
}

function tell(): void {
  post({ kind: 'status', destinations: outlets.map((outlet) => outlet.status()) });
}

/** The buffer goes back, and is overwritten, when nothing of it waits to be sent. */
async function relay(buffer: ArrayBuffer, { octets }: RelayNote): Promise<void> {
  const header = new DataView(buffer);
  for (let offset = 0; offset < octets; ) {
    const mask = header.getUint16(offset, true);
    const always = header.getUint8(offset + 2) === 1;
    const length = header.getUint32(offset + 4, true);
    const exporter = addressOf(header.getUint32(offset + 8));
    const datagram = new Uint8Array(buffer, offset + RELAY_HEADER_OCTETS, length);
    for (let index = 0; index < outlets.length; index += 1) {
      if ((mask & (1 << index)) !== 0) outlets[index]?.send(datagram, always, exporter);
    }
    offset += RELAY_HEADER_OCTETS + length;
  }
  await Promise.all(outlets.map((outlet) => outlet.drained()));
}

function addressOf(ipv4: number): string | undefined {
  if (ipv4 === 0) return undefined;
  return [ipv4 >>> 24, (ipv4 >>> 16) & 0xff, (ipv4 >>> 8) & 0xff, ipv4 & 0xff].join('.');
}

function look(): void {
  for (const [destination, outlet] of outlets.entries()) {
    if (outlet.look()) post({ kind: 'back', destination });
  }
  tell();
}

async function close(): Promise<void> {
  await Promise.all(outlets.map((outlet) => outlet.close()));
  tell();
  post({ kind: 'closed' });
}

/** On Linux each thread has a priority of its own (setpriority(2)); elsewhere it stays as it is. */
function yieldToCollecting(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, NICENESS);
  } catch {
    // A wish: without it the scheduler shares the cores out evenly.
  }
}

async function main(): Promise<void> {
  yieldToCollecting();
  await Promise.all(outlets.map((outlet) => outlet.open()));
  const looking = setInterval(look, LOOK_EVERY_MS);
  receiveBuffers<RelayNote>(datagramPort, relay, () => {});
  parent.on('message', () => {
    clearInterval(looking);
    void close();
  });
  tell();
}

void main();
