/**
 * What the meter keeps of a flow beyond its counters, when it is asked to: how TCP performs
 * (tcp-performance.ts) and names (name-watch.ts). It looks at a packet while its octets are there (`look`),
 * keeps what it needs beside the packet's row of the burst, and adds it to the flow when the cache has found
 * that. `write` puts it into the `extra` of a row.
 */
import { type ExtraField, type ExtraLayout, type FlowBatch, WEIR_ENTERPRISE_NUMBER } from '@weir/ipfix';
import type { FlowCache, FlowObserver } from './flow-cache.ts';
import { RECORD_WORDS, WORD_OBSERVER } from './flow-record.ts';
import { type NameOptions, NameWatch, type NameWatchCounters } from './name-watch.ts';
import {
  BURST_PACKETS,
  KEY_KIND,
  PACKET_BITS,
  PACKET_TIME,
  PACKET_WORDS,
  type PacketBurst,
} from './packet-burst.ts';
import type { TransportPlace } from './packet-dissector.ts';
import {
  checkTcpWindow,
  PROTOCOL_TCP,
  tcpAcknowledgmentNumber,
  tcpHeaderOctets,
  tcpSequenceNumber,
  tcpWindow,
} from './tcp.ts';
import { TcpPerformance, type TcpSegment } from './tcp-performance.ts';

/** Beside a packet's row: sequence number, acknowledgment number, window, payload octets (−1: no segment). */
const SEGMENT_WORDS = 4;
const CONTROL_BITS = 0xfff;

/** Bits of a layout's number: which fields it has, in this order. */
const WITH_CLIENT_ROUND_TRIP = 1;
const WITH_SERVER_ROUND_TRIP = 2;
const WITH_COUNTS = 4;
const WITH_DNS_NAME = 8;
const WITH_SERVER_NAME = 16;
const LAYOUTS = Array.from({ length: 32 }, (_, bits) => layoutOf(bits));

/** Two round trips, three counters, two names of 255 octets with their lengths. */
export const EXTRA_OCTETS_MAX = 5 * 4 + 2 * (3 + 255);

export interface FlowDetailOptions {
  /** Round trips, retransmissions, reordering and closed windows of TCP. */
  tcpPerformance?: boolean;
  /** Which names to look for; they need whole packets, so a live meter captures more of each then. */
  names?: NameOptions;
}

export class FlowDetails implements FlowObserver {
  readonly place: TransportPlace = { view: new DataView(new ArrayBuffer(0)), offset: -1, end: 0, octets: 0 };
  readonly #tcp: TcpPerformance | undefined;
  readonly #names: NameWatch | undefined;
  readonly #segments = new Int32Array(BURST_PACKETS * SEGMENT_WORDS);
  readonly #serverNames: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(BURST_PACKETS);
  readonly #segment: TcpSegment = {
    sequence: 0,
    acknowledgment: 0,
    controlBits: 0,
    window: 0,
    payloadOctets: 0,
    timestampMs: 0,
  };
  /** By slot of the cache; sparse where no flow has a name. */
  readonly #dnsNameOf = new Map<number, Uint8Array>();
  readonly #serverNameOf = new Map<number, Uint8Array>();
  #cache: FlowCache | undefined;

  /** For a cache of `flowsMax` flows. */
  constructor(options: FlowDetailOptions, flowsMax: number) {
    if (options.tcpPerformance === true) this.#tcp = new TcpPerformance(flowsMax);
    if (options.names?.dns === true || options.names?.tls === true) {
      this.#names = new NameWatch(options.names);
    }
  }

  /** The cache that calls; it is created with this observer, so it comes later. */
  attach(cache: FlowCache): void {
    this.#cache = cache;
  }

  nameCounters(): NameWatchCounters | undefined {
    return this.#names?.counters;
  }

  /** Looks at the packet that `place` is about and whose row is the one after the burst's last. */
  look(burst: PacketBurst): void {
    const index = burst.size;
    const row = index * PACKET_WORDS;
    if (this.#tcp !== undefined) this.#keepSegment(burst.words, row, index);
    if (this.#names === undefined) return;
    const timestampMs = burst.doubles[(row >> 1) + PACKET_TIME]!;
    this.#serverNames[index] = this.#names.look(burst.words, row, this.place, timestampMs, this.#cache!);
  }

  begun(slot: number): void {
    const cache = this.#cache!;
    const base = slot * RECORD_WORDS;
    cache.words[base + WORD_OBSERVER] = 0;
    if (this.#tcp !== undefined && (cache.words[base + KEY_KIND]! & 0xff) === PROTOCOL_TCP) {
      const reverse = cache.findReverse(slot);
      const peer = reverse === 0 ? 0 : cache.words[reverse * RECORD_WORDS + WORD_OBSERVER]!;
      cache.words[base + WORD_OBSERVER] = this.#tcp.begin(peer);
    }
    const name = this.#names?.remoteName(cache.words, base);
    if (name !== undefined) this.#dnsNameOf.set(slot, name);
  }

  counted(slot: number, burst: PacketBurst, index: number): void {
    if (this.#tcp !== undefined) this.#observeSegment(this.#tcp, slot, burst, index);
    const serverName = this.#serverNames[index];
    if (serverName === undefined) return;
    this.#serverNames[index] = undefined;
    if (!this.#serverNameOf.has(slot)) this.#serverNameOf.set(slot, serverName);
  }

  restarted(slot: number): void {
    const state = this.#stateOf(slot);
    if (state !== 0) this.#tcp?.restart(state);
  }

  ended(slot: number): void {
    const state = this.#stateOf(slot);
    if (state !== 0) this.#tcp?.end(state);
    this.#dnsNameOf.delete(slot);
    this.#serverNameOf.delete(slot);
  }

  /** Writes what is known of the flow in `slot` at `position` of the row's extra; returns where it ends. */
  write(batch: FlowBatch, slot: number, position: number): { layout: ExtraLayout | undefined; end: number } {
    let bits = 0;
    let end = position;
    const state = this.#stateOf(slot);
    if (this.#tcp !== undefined && state !== 0) {
      const tcp = this.#tcp;
      const client = tcp.clientRoundTripMicroseconds(state);
      const server = tcp.serverRoundTripMicroseconds(state);
      if (client >= 0) {
        bits |= WITH_CLIENT_ROUND_TRIP;
        end = writeUint32(batch.extra, end, client);
      }
      if (server >= 0) {
        bits |= WITH_SERVER_ROUND_TRIP;
        end = writeUint32(batch.extra, end, server);
      }
      bits |= WITH_COUNTS;
      end = writeUint32(batch.extra, end, tcp.retransmittedPackets(state));
      end = writeUint32(batch.extra, end, tcp.outOfOrderPackets(state));
      end = writeUint32(batch.extra, end, tcp.zeroWindowPackets(state));
    }
    const dnsName = this.#dnsNameOf.get(slot);
    if (dnsName !== undefined) {
      bits |= WITH_DNS_NAME;
      batch.extra.set(dnsName, end);
      end += dnsName.length;
    }
    const serverName = this.#serverNameOf.get(slot);
    if (serverName !== undefined) {
      bits |= WITH_SERVER_NAME;
      batch.extra.set(serverName, end);
      end += serverName.length;
    }
    return { layout: bits === 0 ? undefined : LAYOUTS[bits], end };
  }

  #stateOf(slot: number): number {
    return this.#cache!.words[slot * RECORD_WORDS + WORD_OBSERVER]!;
  }

  #keepSegment(words: Int32Array, row: number, index: number): void {
    const segments = this.#segments;
    const at = index * SEGMENT_WORDS;
    const { view, offset, end, octets } = this.place;
    segments[at + 3] = -1;
    if ((words[row + KEY_KIND]! & 0xff) !== PROTOCOL_TCP || offset < 0 || !checkTcpWindow(offset, end))
      return;
    segments[at] = tcpSequenceNumber(view, offset);
    segments[at + 1] = tcpAcknowledgmentNumber(view, offset);
    segments[at + 2] = tcpWindow(view, offset);
    segments[at + 3] = octets - tcpHeaderOctets(view, offset);
  }

  #observeSegment(tcp: TcpPerformance, slot: number, burst: PacketBurst, index: number): void {
    const at = index * SEGMENT_WORDS;
    const payloadOctets = this.#segments[at + 3]!;
    if (payloadOctets < 0) return;
    const segment = this.#segment;
    const row = index * PACKET_WORDS;
    segment.sequence = this.#segments[at]!;
    segment.acknowledgment = this.#segments[at + 1]!;
    segment.window = this.#segments[at + 2]!;
    segment.payloadOctets = payloadOctets;
    segment.controlBits = burst.words[row + PACKET_BITS]! & CONTROL_BITS;
    segment.timestampMs = burst.doubles[(row >> 1) + PACKET_TIME]!;
    tcp.observe(this.#stateOf(slot), segment);
  }
}

function writeUint32(octets: Uint8Array, at: number, value: number): number {
  octets[at] = value >>> 24;
  octets[at + 1] = value >>> 16;
  octets[at + 2] = value >>> 8;
  octets[at + 3] = value;
  return at + 4;
}

function layoutOf(bits: number): ExtraLayout {
  const fields: ExtraField[] = [];
  const add = (elementId: number, length: number) =>
    fields.push({ enterpriseNumber: WEIR_ENTERPRISE_NUMBER, elementId, length });
  if ((bits & WITH_CLIENT_ROUND_TRIP) !== 0) add(10, 4);
  if ((bits & WITH_SERVER_ROUND_TRIP) !== 0) add(11, 4);
  if ((bits & WITH_COUNTS) !== 0) for (const elementId of [12, 13, 14]) add(elementId, 4);
  if ((bits & WITH_DNS_NAME) !== 0) add(15, 65535);
  if ((bits & WITH_SERVER_NAME) !== 0) add(16, 65535);
  return fields;
}
