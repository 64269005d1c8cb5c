/**
 * Host names of addresses: learned from records that say by which name their other end was reached (answers of
 * the DNS and server names of TLS that an exporter saw) and, where asked for, from reverse look-ups, whose
 * answers serve later records. A name is forgotten an hour after it was last told.
 *
 * Open addressing over typed arrays, a window of slots an address. Hot file: typed-array reads are asserted
 * (`!`); slots are masked.
 */
import type { FlowBatch } from '@weir/ipfix';
import type { BatchStage } from './batch-stage.ts';
import type { ExtraStage } from './extra-stage.ts';
import type { LabelStore } from './label-store.ts';
import { bitmapOf } from './session-records.ts';

/** 65,536 × 24 octets: 1.5 MiB. */
const SLOT_BITS = 16;
const WINDOW = 8;
const WORDS = 6;
/** Words of an entry behind those of the address, lowest first. */
const LABEL = 4;
/** Seconds since the first record; 0: a free slot. */
const UNTIL = 5;
const NAME_LIFE_S = 3600;

export interface HostNameCounters {
  /** Names learned from records, repetitions not counted. */
  learned: number;
  /** Names that made room for others before their time. */
  evicted: number;
}

export interface HostNameStage extends BatchStage {
  readonly counters: Readonly<HostNameCounters>;
}

/** Who knows names of addresses, and takes its time. */
export interface NameServer {
  /** Whether `ask` is allowed now; else the address is asked for another time. */
  ready(): boolean;
  /** Asks for the name of an address, four words, the lowest first. Where there is none, `told` is not called. */
  ask(address: Int32Array, told: (name: string) => void): void;
}

export function createHostNameStage(
  extra: ExtraStage,
  labels: LabelStore,
  server?: NameServer,
): HostNameStage {
  const names = new HostNames(labels);
  const counters = names.counters;

  function learn(batch: FlowBatch, from: number, to: number): void {
    const { columns, validity } = batch;
    const hasSide = bitmapOf(validity, 'sessionSide');
    for (let row = from; row < to; row += 1) {
      const number = extra.remoteNames[row]!;
      if (number === 0) continue;
      const isKnown = (hasSide[row >> 3]! & (1 << (row & 7))) !== 0;
      // The name is of who was asked for something: of the responder.
      const fromResponder = isKnown
        ? columns.sessionSide[row] === 1
        : columns.srcPort[row]! < columns.dstPort[row]!;
      const side = fromResponder ? 'src' : 'dst';
      names.learn(columns[`${side}AddrHi`], columns[`${side}AddrLo`], row * 2, number);
    }
  }

  function fill(batch: FlowBatch, from: number, to: number, side: 'src' | 'dst'): void {
    const hi = batch.columns[`${side}AddrHi`];
    const lo = batch.columns[`${side}AddrLo`];
    const isPresent = bitmapOf(batch.validity, `${side}AddrLo`);
    for (let row = from; row < to; row += 1) {
      if ((isPresent[row >> 3]! & (1 << (row & 7))) === 0) continue;
      const slot = names.find(hi, lo, row * 2);
      if (slot >= 0) {
        const number = names.numberAt(slot);
        if (number !== 0) labels.put(batch, `${side}Name`, row, number);
      } else if (server?.ready()) {
        names.ask(hi, lo, row * 2, server);
      }
    }
  }

  return {
    counters,
    apply(batch, from, to) {
      if (from === to) return;
      names.setTime(batch.columns.receivedAt, to - 1);
      if (extra.hasRemoteNames) learn(batch, from, to);
      if (names.isEmpty && server === undefined) return;
      fill(batch, from, to, 'src');
      fill(batch, from, to, 'dst');
    },
  };
}

class HostNames {
  readonly counters: HostNameCounters = { learned: 0, evicted: 0 };
  isEmpty = true;
  readonly #labels: LabelStore;
  readonly #mask = (1 << SLOT_BITS) - 1;
  #words = new Int32Array(0);
  #firstS = -1;
  #nowS = 1;

  constructor(labels: LabelStore) {
    this.#labels = labels;
  }

  /** Seconds are counted from the first record on. */
  setTime(receivedAt: Uint32Array, row: number): void {
    const seconds = Math.floor((receivedAt[row * 2]! + receivedAt[row * 2 + 1]! * 4294967296) / 1000);
    if (this.#firstS < 0) this.#firstS = seconds - 1;
    this.#nowS = Math.max(this.#nowS, seconds - this.#firstS);
  }

  numberAt(slot: number): number {
    return this.#words[slot * WORDS + LABEL]!;
  }

  /** The slot of the address whose words are at `at`; -1 when nothing is known, or no more. */
  find(hi: Uint32Array, lo: Uint32Array, at: number): number {
    if (this.isEmpty) return -1;
    const words = this.#words;
    let slot = slotOf(hi, lo, at);
    for (let step = 0; step < WINDOW; step += 1) {
      const base = slot * WORDS;
      if (words[base + UNTIL] === 0) return -1;
      if (words[base] === (lo[at]! | 0) && isAddress(words, base, hi, lo, at)) {
        return words[base + UNTIL]! >= this.#nowS ? slot : -1;
      }
      slot = (slot + 1) & this.#mask;
    }
    return -1;
  }

  /** Takes the name with this number for the address; the caller goes on holding its label. */
  learn(hi: Uint32Array, lo: Uint32Array, at: number, number: number): void {
    const known = this.find(hi, lo, at);
    const base = known >= 0 ? known * WORDS : this.#place(hi, lo, at);
    const words = this.#words;
    words[base + UNTIL] = this.#nowS + NAME_LIFE_S;
    if (known >= 0 && words[base + LABEL] === number) return;
    this.counters.learned += 1;
    this.#set(base, this.#labels.textOf(number));
  }

  /** Asks for a name; until the answer, and where there is none, the address is known to have none. */
  ask(hi: Uint32Array, lo: Uint32Array, at: number, server: NameServer): void {
    const base = this.#place(hi, lo, at);
    this.#set(base, '');
    this.#words[base + UNTIL] = this.#nowS + NAME_LIFE_S;
    const address = this.#words.slice(base, base + LABEL);
    server.ask(address, (name) => {
      if (address.every((word, index) => this.#words[base + index] === word)) this.#set(base, name);
    });
  }

  #set(base: number, text: string): void {
    const before = this.#words[base + LABEL]!;
    this.#words[base + LABEL] = this.#labels.hold(text);
    this.#labels.release(before);
  }

  /** Words of the slot that the address gets: a free one, one whose name is old, or the oldest of the window. */
  #place(hi: Uint32Array, lo: Uint32Array, at: number): number {
    if (this.isEmpty) {
      this.#words = new Int32Array(WORDS << SLOT_BITS);
      this.isEmpty = false;
    }
    const words = this.#words;
    let slot = slotOf(hi, lo, at);
    let best = slot * WORDS;
    for (let step = 0; step < WINDOW; step += 1) {
      const base = slot * WORDS;
      if (words[base + UNTIL]! < words[best + UNTIL]!) best = base;
      if (words[base + UNTIL] === 0 || isAddress(words, base, hi, lo, at)) {
        best = base;
        break;
      }
      slot = (slot + 1) & this.#mask;
    }
    if (words[best + UNTIL]! >= this.#nowS) this.counters.evicted += 1;
    words[best] = lo[at]!;
    words[best + 1] = lo[at + 1]!;
    words[best + 2] = hi[at]!;
    words[best + 3] = hi[at + 1]!;
    return best;
  }
}

function isAddress(words: Int32Array, base: number, hi: Uint32Array, lo: Uint32Array, at: number): boolean {
  return (
    words[base] === (lo[at]! | 0) &&
    words[base + 1] === (lo[at + 1]! | 0) &&
    words[base + 2] === (hi[at]! | 0) &&
    words[base + 3] === (hi[at + 1]! | 0)
  );
}

function slotOf(hi: Uint32Array, lo: Uint32Array, at: number): number {
  const low = Math.imul(lo[at]! ^ Math.imul(lo[at + 1]!, 0x9e3779b1), 0x85ebca6b);
  const high = Math.imul(hi[at]! ^ Math.imul(hi[at + 1]!, 0x9e3779b1), 0xc2b2ae35);
  return Math.imul(low ^ (low >>> 15) ^ high, 0x2c1b3c6d) >>> (32 - SLOT_BITS);
}
