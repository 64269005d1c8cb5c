/**
 * The flow cache: who talks to whom right now, in typed arrays, without an object a flow.
 *
 * A flow is a record in a slab (flow-record.ts), found through a SlotTable, and in two lists: one in order of
 * its last packet (idle expiry; a list of its own for flows that saw FIN or RST) and one in order of the
 * beginning of its current record (active expiry). All flows share one idle, one active and one linger
 * timeout, so the oldest of a list is always the next due and a tick looks at nothing else: where timeouts
 * are equal, a queue is the timing wheel with exact slots. Expiry is driven by `tick`, by a clock, never by
 * packets; a packet only refuses to continue a flow that was due before it came.
 *
 * The slab is reserved at its full size and committed by the operating system as slots are first touched;
 * freed slots are used again first. So the cache "grows" without ever copying a record.
 *
 * Hot file: typed-array reads are asserted (`!`); every index comes from a slot number below `#slots`.
 * Constants of other modules are made this file's own at the top, because V8 reads an imported one from memory
 * at each use: metering a capture took 14 % more time without.
 */
import { assert } from '@weir/base';
import { FlowHash } from './flow-hash.ts';
import { copyKey, findSlot } from './flow-key.ts';
import * as record from './flow-record.ts';
import type { PacketBurst } from './packet-burst.ts';
import * as packet from './packet-burst.ts';
import { SlotLists } from './slot-list.ts';
import * as table from './slot-table.ts';
import * as tcp from './tcp.ts';

const {
  BITS_TCP,
  DOUBLE_ACTIVE,
  DOUBLE_FIRST,
  DOUBLE_LAST,
  DOUBLE_OCTETS,
  DOUBLE_PACKETS,
  END_REASON_ACTIVE,
  END_REASON_END_OF_FLOW,
  END_REASON_IDLE,
  END_REASON_LACK_OF_RESOURCES,
  RECORD_DOUBLES,
  RECORD_ENDED,
  RECORD_OCTETS,
  RECORD_WORDS,
  SLOT_MASK,
  WORD_BITS,
  WORD_DESTINATION_PREFIX,
  WORD_HASH,
  WORD_MACS,
  WORD_SOURCE_PREFIX,
  WORD_TTL,
} = record;
const {
  BURST_MASK,
  BURST_PACKETS,
  KEY_DESTINATION,
  KEY_DESTINATION_PREFIX,
  KEY_INTERFACE,
  KEY_KIND,
  KEY_PORTS,
  KEY_SOURCE,
  KEY_SOURCE_PREFIX,
  KIND_DIRECTION_SHIFT,
  PACKET_BITS,
  PACKET_HASH,
  PACKET_MACS,
  PACKET_OCTETS,
  PACKET_TIME,
  PACKET_TTL,
  PACKET_WORDS,
} = packet;
const { EMPTY_SLOT } = table;
const { TCP_FIN, TCP_RST, TCP_SYN } = tcp;

/** By so many places a control bit is below RECORD_ENDED. */
const SYN_TO_ENDED = Math.clz32(TCP_SYN) - Math.clz32(RECORD_ENDED);
const FIN_TO_ENDED = Math.clz32(TCP_FIN) - Math.clz32(RECORD_ENDED);
const RST_TO_ENDED = Math.clz32(TCP_RST) - Math.clz32(RECORD_ENDED);

/** The smallest TTL is 255 and the largest 0 before the first packet. */
const NO_TTL = 0x00ff;

const SUM_PACKETS = 0;
const SUM_OCTETS = 1;

/** Sentinels of the lists; flows use the slots from FIRST_SLOT on. */
const IDLE_LIST = 0;
const LINGER_LIST = 1;
const ACTIVE_LIST = 0;
const FIRST_SLOT = 2;

/**
 * From so many flows on, a burst's records are fetched ahead (`#warm`): fewer lie in a second-level cache of
 * 1 MiB, where the reads cost more than they save.
 */
const WARM_FLOWS_MIN = 8192;
/**
 * Of so many packets at the beginning as well: V8 would compile what calls `#warm` without having seen it run, and
 * throw that away when it first does.
 */
const WARM_PACKETS_MIN = 65_536;

/** Flows whose ends are prepared together; at most BURST_PACKETS. */
const ENDS_WARMED = 16;

/**
 * The system's allocator puts a 16-octet header before large blocks, which are pages: with 48 octets more a
 * record begins a cache line. It is only faster so, not more right.
 */
const SLAB_OFFSET = 48;

/** 1 Mi flows × (128 octets of record + 16 of links) = 144 MiB at the most, and 16 MiB of table. */
export const FLOWS_MAX_DEFAULT = 1_048_576;
export const IDLE_TIMEOUT_MS_DEFAULT = 15_000;
export const ACTIVE_TIMEOUT_MS_DEFAULT = 60_000;
/** Long enough for the last ACK and its retransmissions, which would else be flows of their own. */
export const TCP_LINGER_MS_DEFAULT = 2_000;

export interface FlowCacheOptions {
  /** A flow without a packet for so long ends with reason 1. */
  idleTimeoutMs: number;
  /** A flow that lasts gives a record each so often, with reason 2; 0: only when it ends. */
  activeTimeoutMs: number;
  /** A TCP flow without a packet for so long after a FIN or RST ends with reason 3. */
  tcpLingerMs: number;
  /** Flows held at once; one more ends the least recent with reason 5. */
  flowsMax: number;
  /** Seeds the hash of keys, for tests; by default it is by chance. */
  seed?: number;
}

/**
 * Takes what the cache gives up: called with the slot of a flow and its flowEndReason, before the slot is
 * freed or its counters begin anew. It reads `words` and `doubles` of the cache at the slot.
 */
export type RecordSink = (slot: number, endReason: number) => void;

/**
 * Keeps more about flows than the cache does, in slabs of its own that words 28 to 31 of a record lead to.
 * The calls come in this order: `begun` (the key and the hash are in the record), `counted` for each packet,
 * `restarted` after an interim record, `ended` after the last one.
 */
export interface FlowObserver {
  begun(slot: number): void;
  /** `index` is the packet's in its burst. */
  counted(slot: number, burst: PacketBurst, index: number): void;
  restarted(slot: number): void;
  ended(slot: number): void;
}

/** Everything that ever happened in the cache, in plain numbers. */
export interface FlowCacheCounters {
  packets: number;
  octets: number;
  flowsStarted: number;
  flowsEnded: number;
  /** Records given to the sink, by flowEndReason; index 0 is not used. */
  recordsByReason: number[];
}

export class FlowCache {
  /** The slab; RECORD_WORDS a slot. `doubles` is the same memory. */
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  /** Doubles from the beginning: a field that outgrows a small integer makes V8 compile its users again. */
  readonly #sums = new Float64Array(2);
  #flowsStarted = 0;
  #flowsEnded = 0;
  readonly #recordsByReason = [0, 0, 0, 0, 0, 0];
  #options: FlowCacheOptions;
  #idleTimeoutMs: number;
  readonly #sink: RecordSink;
  readonly #observer: FlowObserver | undefined;
  readonly #hash: FlowHash;
  readonly #table = new table.SlotTable();
  readonly #recency: SlotLists;
  readonly #activity: SlotLists;
  readonly #slots: number;
  readonly #reverseRow = new Int32Array(PACKET_WORDS);
  readonly #guesses = new Int32Array(BURST_PACKETS);
  /** The flows of the burst's packets, up to the one that was looked at last. */
  readonly #slotsOfBurst = new Int32Array(BURST_PACKETS);
  /** The sum of what `#warm` read, kept so that the compiler cannot leave the reads out. */
  warmth = 0;
  #unusedSlot = FIRST_SLOT;
  #freeSlot = EMPTY_SLOT;
  #size = 0;

  constructor(options: FlowCacheOptions, sink: RecordSink, observer?: FlowObserver) {
    assert(options.flowsMax >= 1, 'a cache holds at least one flow');
    assert(options.flowsMax + FIRST_SLOT <= SLOT_MASK + 1, 'a slot has 24 bits');
    assert(options.idleTimeoutMs > 0, 'the idle timeout is positive');
    this.#options = options;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#sink = sink;
    this.#observer = observer;
    this.#hash = new FlowHash(options.seed);
    this.#slots = options.flowsMax + FIRST_SLOT;
    // Shared with nobody: V8 counts other buffers, and would collect garbage for one of this size.
    const slab = new SharedArrayBuffer(SLAB_OFFSET + this.#slots * RECORD_OCTETS);
    this.words = new Int32Array(slab, SLAB_OFFSET);
    this.doubles = new Float64Array(slab, SLAB_OFFSET);
    this.#recency = new SlotLists(this.#slots);
    this.#activity = new SlotLists(this.#slots);
    this.#recency.clear(IDLE_LIST);
    this.#recency.clear(LINGER_LIST);
    this.#activity.clear(ACTIVE_LIST);
  }

  /** From the next packet and tick on; flows that are older than that are due then. */
  setTimeouts(idleTimeoutMs: number, activeTimeoutMs: number): void {
    assert(idleTimeoutMs > 0, 'the idle timeout is positive');
    this.#options = { ...this.#options, idleTimeoutMs, activeTimeoutMs };
    this.#idleTimeoutMs = idleTimeoutMs;
  }

  get counters(): FlowCacheCounters {
    return {
      packets: this.#sums[SUM_PACKETS]!,
      octets: this.#sums[SUM_OCTETS]!,
      flowsStarted: this.#flowsStarted,
      flowsEnded: this.#flowsEnded,
      recordsByReason: [...this.#recordsByReason],
    };
  }

  /** Flows in the cache now. */
  get size(): number {
    return this.#size;
  }

  /** Octets of the slots touched so far and of the table: what the system had to commit. */
  get committedOctets(): number {
    const octetsPerSlot = RECORD_OCTETS + (this.#recency.octets + this.#activity.octets) / this.#slots;
    return this.#unusedSlot * octetsPerSlot + this.#table.octets;
  }

  /** Counts the packets of `burst` and empties it. May give records to the sink. */
  observe(burst: PacketBurst): void {
    const { words, size } = burst;
    if (size === 0) return;
    this.#hash.hashBurst(words, size);
    if (this.#size >= WARM_FLOWS_MIN || this.#sums[SUM_PACKETS]! < WARM_PACKETS_MIN) this.#warm(words, size);
    this.#countBurst(burst, size);
    burst.size = 0;
  }

  /** Counts the packets of a burst with their flows, which it begins where there are none. */
  #countBurst(burst: PacketBurst, size: number): void {
    for (let from = 0; ; ) {
      const next = this.#countKnown(burst, from, size);
      if (this.#observer !== undefined) this.#tellObserver(this.#observer, burst, from, next);
      if (next === size) break;
      this.#renew(this.#slotsOfBurst[next]!, burst, next * PACKET_WORDS);
      from = next;
    }
    this.#sums[SUM_PACKETS]! += size;
  }

  #tellObserver(observer: FlowObserver, burst: PacketBurst, from: number, to: number): void {
    for (let index = from; index < to; index += 1) observer.counted(this.#slotsOfBurst[index]!, burst, index);
  }

  /**
   * Counts packets of a burst as long as their flows are there; returns the index of the first that needs a new
   * one. One long loop without a call, because after each call V8 finds out anew what the arrays are; and with
   * as few branches as can be, because it throws the compiled loop away when a branch that it has never seen is
   * taken.
   */
  #countKnown(burst: PacketBurst, from: number, size: number): number {
    const { words: packets, doubles: times } = burst;
    const { words, doubles } = this;
    const { pairs, mask } = this.#table;
    const idleTimeoutMs = this.#idleTimeoutMs;
    const slotsOfBurst = this.#slotsOfBurst;
    let octets = 0;
    let index = from;
    for (; index < size; index += 1) {
      const row = (index & BURST_MASK) * PACKET_WORDS;
      const timestampMs = times[(row >> 1) + PACKET_TIME]!;
      const packetBits = packets[row + PACKET_BITS]!;
      const slot = findSlot(pairs, mask, words, packets, row);
      slotsOfBurst[index] = slot;
      if (slot === EMPTY_SLOT) break;
      const base = (slot & SLOT_MASK) * RECORD_WORDS;
      const doubleBase = base >> 1;
      const formerMs = doubles[doubleBase + DOUBLE_LAST]!;
      const formerBits = words[base + WORD_BITS]!;
      // The flow was due before this packet, or it has ended and this packet opens a new connection.
      if (timestampMs - formerMs > idleTimeoutMs) break;
      if (((packetBits << SYN_TO_ENDED) & formerBits & RECORD_ENDED) !== 0) break;
      const packetOctets = packets[row + PACKET_OCTETS]!;
      octets += packetOctets;
      doubles[doubleBase + DOUBLE_OCTETS]! += packetOctets;
      const counted = doubles[doubleBase + DOUBLE_PACKETS]!;
      doubles[doubleBase + DOUBLE_PACKETS] = counted + 1;
      const lastMs = counted === 0 ? timestampMs : formerMs;
      doubles[doubleBase + DOUBLE_LAST] = Math.max(lastMs, timestampMs);
      doubles[doubleBase + DOUBLE_FIRST] = Math.min(doubles[doubleBase + DOUBLE_FIRST]!, timestampMs);
      const ttl = words[base + WORD_TTL]!;
      const timeToLive = packets[row + PACKET_TTL]! & 0xff;
      words[base + WORD_TTL] =
        (ttl & ~0xffff) | Math.min(ttl & 0xff, timeToLive) | (Math.max((ttl >> 8) & 0xff, timeToLive) << 8);
      const ends = (packetBits << FIN_TO_ENDED) | (packetBits << RST_TO_ENDED);
      const bits = formerBits | packetBits | (ends & RECORD_ENDED);
      words[base + WORD_BITS] = bits;
      this.#recency.renew((bits & RECORD_ENDED) === 0 ? IDLE_LIST : LINGER_LIST, slot);
    }
    this.#sums[SUM_OCTETS]! += octets;
    return index;
  }

  /**
   * Gives the sink what is due at `nowMs`, at most `recordsMax` records. Returns whether something due is
   * left. The clock may go back; a flow that seems to be from the future by more than its timeout is due as
   * well.
   */
  tick(nowMs: number, recordsMax = Number.POSITIVE_INFINITY): boolean {
    const { idleTimeoutMs, tcpLingerMs, activeTimeoutMs } = this.#options;
    let left = recordsMax;
    left -= this.#expire(LINGER_LIST, nowMs, tcpLingerMs, END_REASON_END_OF_FLOW, left);
    left -= this.#expire(IDLE_LIST, nowMs, idleTimeoutMs, END_REASON_IDLE, left);
    if (activeTimeoutMs > 0) left -= this.#reportActive(nowMs, activeTimeoutMs, left);
    return left <= 0;
  }

  /** Ends every flow, at most `recordsMax` of them. Returns whether some are left. */
  flushAll(endReason: number, recordsMax = Number.POSITIVE_INFINITY): boolean {
    for (let count = 0; this.#size > 0; count += 1) {
      if (count >= recordsMax) return true;
      const slot = this.#leastRecent();
      if (count % ENDS_WARMED === 0) this.#warmOldest(slot);
      this.#end(slot, this.#reasonOfRest(slot, endReason));
    }
    return false;
  }

  /** The slot of the flow that goes the other way, seen on the same interface and VLAN; 0: there is none. */
  findReverse(slot: number): number {
    const row = this.#reverseRow;
    const isDirectionKnown = this.#fillReverseRow(slot);
    row[PACKET_HASH] = this.#hash.of(row, 0);
    const reverse = this.#find(row, 0);
    if (reverse !== EMPTY_SLOT || !isDirectionKnown) return reverse;
    row[KEY_KIND]! ^= 1 << KIND_DIRECTION_SHIFT;
    row[PACKET_HASH] = this.#hash.of(row, 0);
    return this.#find(row, 0);
  }

  /** Fills the key of the other direction; returns whether it has a direction, which is then the other one. */
  #fillReverseRow(slot: number): boolean {
    const { words } = this;
    const row = this.#reverseRow;
    const base = slot * RECORD_WORDS;
    const ports = words[base + KEY_PORTS]!;
    const kind = words[base + KEY_KIND]!;
    const isDirectionKnown = ((kind >> KIND_DIRECTION_SHIFT) & 2) === 0;
    row[KEY_SOURCE] = words[base + KEY_DESTINATION]!;
    row[KEY_DESTINATION] = words[base + KEY_SOURCE]!;
    row[KEY_PORTS] = (ports << 16) | (ports >>> 16);
    row[KEY_KIND] = isDirectionKnown ? kind ^ (1 << KIND_DIRECTION_SHIFT) : kind;
    row[KEY_INTERFACE] = words[base + KEY_INTERFACE]!;
    for (let index = 0; index < 3; index += 1) {
      row[KEY_SOURCE_PREFIX + index] = words[base + WORD_DESTINATION_PREFIX + index]!;
      row[KEY_DESTINATION_PREFIX + index] = words[base + WORD_SOURCE_PREFIX + index]!;
    }
    return isDirectionKnown;
  }

  /** Whether the flow of a packet is in the cache; computes the packet's hash. */
  holds(words: Int32Array, row: number): boolean {
    words[row + PACKET_HASH] = this.#hash.of(words, row);
    return this.#find(words, row) !== EMPTY_SLOT;
  }

  /**
   * Touches what the packets of a burst will need, in loops of reads that do not wait for one another: the
   * processor fetches several lines at a time. What is guessed wrong here costs time and nothing else.
   */
  #warm(words: Int32Array, size: number): void {
    const { pairs, mask } = this.#table;
    const guesses = this.#guesses;
    let sum = 0;
    for (let index = 0; index < size; index += 1) {
      const hash = words[(index & BURST_MASK) * PACKET_WORDS + PACKET_HASH]!;
      guesses[index] = pairs[((hash << 1) & mask) | 1]!;
    }
    const records = this.words;
    for (let index = 0; index < size; index += 1)
      sum ^= records[(guesses[index]! & SLOT_MASK) * RECORD_WORDS]!;
    for (let index = 0; index < size; index += 1) sum ^= this.#recency.warm(guesses[index]!);
    this.warmth = sum;
  }

  /**
   * As `#warm`, what it takes to end the oldest flows of a list, of which `slot` is the first: nobody has
   * touched them for long.
   */
  #warmOldest(slot: number): void {
    if (this.#size < WARM_FLOWS_MIN) return;
    const { words } = this;
    const { pairs, mask } = this.#table;
    const guesses = this.#guesses;
    let sum = 0;
    for (let index = 0; index < ENDS_WARMED; index += 1) {
      guesses[index] = slot;
      slot = this.#recency.newer(slot);
    }
    for (let index = 0; index < ENDS_WARMED; index += 1) {
      const base = guesses[index]! * RECORD_WORDS;
      sum ^= words[base + WORD_SOURCE_PREFIX]! ^ pairs[(words[base + WORD_HASH]! << 1) & mask]!;
    }
    this.warmth = sum;
  }

  /** Begins a new flow for a packet; the one in `slot`, if that is one, is over. */
  #renew(slot: number, burst: PacketBurst, row: number): void {
    if (slot !== EMPTY_SLOT) this.#end(slot, this.#reasonOfRest(slot, END_REASON_IDLE));
    this.#begin(burst, row);
  }

  #find(packets: Int32Array, row: number): number {
    return findSlot(this.#table.pairs, this.#table.mask, this.words, packets, row);
  }

  /** A flow that saw FIN or RST ended by itself, whatever makes us look at it now. */
  #reasonOfRest(slot: number, otherwise: number): number {
    const isEnded = (this.words[slot * RECORD_WORDS + WORD_BITS]! & RECORD_ENDED) !== 0;
    return isEnded ? END_REASON_END_OF_FLOW : otherwise;
  }

  #begin(burst: PacketBurst, row: number): void {
    if (this.#size === this.#options.flowsMax) this.#evict();
    const slot = this.#takeSlot();
    this.#fillRecord(slot, burst, row);
    this.#table.add(burst.words[row + PACKET_HASH]!, slot);
    this.#recency.add(IDLE_LIST, slot);
    this.#activity.add(ACTIVE_LIST, slot);
    this.#size += 1;
    this.#flowsStarted += 1;
    if (this.#observer !== undefined) this.#observer.begun(slot);
  }

  #fillRecord(slot: number, burst: PacketBurst, row: number): void {
    const { words, doubles } = this;
    const packets = burst.words;
    const timestampMs = burst.doubles[(row >> 1) + PACKET_TIME]!;
    const base = (slot & SLOT_MASK) * RECORD_WORDS;
    copyKey(words, base, packets, row);
    words[base + WORD_MACS] = packets[row + PACKET_MACS]!;
    words[base + WORD_MACS + 1] = packets[row + PACKET_MACS + 1]!;
    words[base + WORD_MACS + 2] = packets[row + PACKET_MACS + 2]!;
    words[base + WORD_HASH] = packets[row + PACKET_HASH]!;
    words[base + WORD_TTL] = (packets[row + PACKET_TTL]! & ~0xffff) | NO_TTL;
    words[base + WORD_BITS] = packets[row + PACKET_BITS]!;
    const doubleBase = base >> 1;
    doubles[doubleBase + DOUBLE_OCTETS] = 0;
    doubles[doubleBase + DOUBLE_PACKETS] = 0;
    doubles[doubleBase + DOUBLE_FIRST] = Number.POSITIVE_INFINITY;
    doubles[doubleBase + DOUBLE_LAST] = timestampMs;
    doubles[doubleBase + DOUBLE_ACTIVE] = timestampMs;
  }

  #takeSlot(): number {
    const slot = this.#freeSlot;
    if (slot === EMPTY_SLOT) {
      this.#unusedSlot += 1;
      return this.#unusedSlot - 1;
    }
    this.#freeSlot = this.words[slot * RECORD_WORDS]!;
    return slot;
  }

  #evict(): void {
    const slot = this.#leastRecent();
    this.#end(slot, this.#reasonOfRest(slot, END_REASON_LACK_OF_RESOURCES));
  }

  /** Flows that have ended go before those that are only quiet. */
  #leastRecent(): number {
    const lingering = this.#recency.oldest(LINGER_LIST);
    return lingering === LINGER_LIST ? this.#recency.oldest(IDLE_LIST) : lingering;
  }

  #end(slot: number, endReason: number): void {
    this.#report(slot, endReason);
    if (this.#observer !== undefined) this.#observer.ended(slot);
    this.#table.remove(this.words[slot * RECORD_WORDS + WORD_HASH]!, slot);
    this.#recency.remove(slot);
    this.#activity.remove(slot);
    this.words[slot * RECORD_WORDS] = this.#freeSlot;
    this.#freeSlot = slot;
    this.#size -= 1;
    this.#flowsEnded += 1;
  }

  /** A record without a packet tells nothing: what there was to tell was in the interim record before. */
  #report(slot: number, endReason: number): void {
    if (this.doubles[slot * RECORD_DOUBLES + DOUBLE_PACKETS] === 0) return;
    this.#recordsByReason[endReason]! += 1;
    this.#sink(slot, endReason);
  }

  /** Ends what is due in a list of recency; returns how many. */
  #expire(list: number, nowMs: number, timeoutMs: number, endReason: number, recordsMax: number): number {
    for (let count = 0; ; count += 1) {
      const slot = this.#recency.oldest(list);
      if (slot === list || count >= recordsMax) return count;
      if (Math.abs(nowMs - this.doubles[slot * RECORD_DOUBLES + DOUBLE_LAST]!) < timeoutMs) return count;
      if (count % ENDS_WARMED === 0) this.#warmOldest(slot);
      this.#end(slot, endReason);
    }
  }

  /** Gives interim records of the flows whose current record is old enough; returns how many it looked at. */
  #reportActive(nowMs: number, timeoutMs: number, recordsMax: number): number {
    for (let count = 0; ; count += 1) {
      const slot = this.#activity.oldest(ACTIVE_LIST);
      if (slot === ACTIVE_LIST || count >= recordsMax) return count;
      const doubleBase = slot * RECORD_DOUBLES;
      if (Math.abs(nowMs - this.doubles[doubleBase + DOUBLE_ACTIVE]!) < timeoutMs) return count;
      this.#report(slot, END_REASON_ACTIVE);
      this.doubles[doubleBase + DOUBLE_OCTETS] = 0;
      this.doubles[doubleBase + DOUBLE_PACKETS] = 0;
      this.doubles[doubleBase + DOUBLE_FIRST] = Number.POSITIVE_INFINITY;
      this.doubles[doubleBase + DOUBLE_ACTIVE] = nowMs;
      const ttlAt = slot * RECORD_WORDS + WORD_TTL;
      this.words[ttlAt] = (this.words[ttlAt]! & ~0xffff) | NO_TTL;
      this.words[slot * RECORD_WORDS + WORD_BITS]! &= ~BITS_TCP;
      if (this.#observer !== undefined) this.#observer.restarted(slot);
      this.#activity.renew(ACTIVE_LIST, slot);
    }
  }
}

/** Creates a cache with the default options where `options` has none. */
export function createFlowCache(
  options: Partial<FlowCacheOptions>,
  sink: RecordSink,
  observer?: FlowObserver,
): FlowCache {
  return new FlowCache({ ...defaultFlowCacheOptions(), ...options }, sink, observer);
}

export function defaultFlowCacheOptions(): FlowCacheOptions {
  return {
    idleTimeoutMs: IDLE_TIMEOUT_MS_DEFAULT,
    activeTimeoutMs: ACTIVE_TIMEOUT_MS_DEFAULT,
    tcpLingerMs: TCP_LINGER_MS_DEFAULT,
    flowsMax: FLOWS_MAX_DEFAULT,
  };
}
