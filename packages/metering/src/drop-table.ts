/**
 * A bounded queue of drop records (drop-record.ts) that can also be found by key. Records are emitted in the
 * order in which they were begun, all after the same time, so the slab is a ring: the oldest record is the
 * next that is due, and neither lists nor a free list are needed.
 *
 * Hot file: typed-array reads are asserted (`!`); every index comes from a slot number of the ring.
 */
import { assert } from '@weir/base';
import {
  DROP_DOUBLES,
  DROP_OCTETS,
  DROP_WORD_CAUSE,
  DROP_WORD_OTHER_INTERFACE,
  DROP_WORDS,
} from './drop-record.ts';
import {
  DOUBLE_FIRST,
  DOUBLE_LAST,
  DOUBLE_OCTETS,
  DOUBLE_PACKETS,
  WORD_BITS,
  WORD_DESTINATION_PREFIX,
  WORD_HASH,
  WORD_SOURCE_PREFIX,
  WORD_TTL,
} from './flow-record.ts';
import { KEY_DESTINATION_PREFIX, KEY_SOURCE_PREFIX, KEY_WORDS_IPV4 } from './packet-burst.ts';
import { EMPTY_SLOT, SlotTable } from './slot-table.ts';

const PREFIX_WORDS = 3;

export class DropTable {
  /** The slab; DROP_WORDS a slot. `doubles` is the same memory. Slots are numbered from 1. */
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly capacity: number;
  peak = 0;
  readonly #index = new SlotTable();
  #oldest = 1;
  #size = 0;

  /** Memory is reserved at once, but the system commits it as slots are first used. */
  constructor(capacity: number) {
    assert(capacity >= 1, 'a table holds at least one record');
    this.capacity = capacity;
    const slab = new ArrayBuffer((capacity + 1) * DROP_OCTETS);
    this.words = new Int32Array(slab);
    this.doubles = new Float64Array(slab);
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size === this.capacity;
  }

  get octets(): number {
    return this.words.byteLength + this.#index.octets;
  }

  /** The slot of the key at `base` of `packet`, laid out as in a PacketBurst, or EMPTY_SLOT. */
  find(hash: number, packet: Int32Array, base: number, otherInterface: number, cause: number): number {
    const { pairs, mask } = this.#index;
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const slot = pairs[at | 1]!;
      if (slot === EMPTY_SLOT) return EMPTY_SLOT;
      if (pairs[at] === hash && this.#hasKey(slot, packet, base, otherInterface, cause)) return slot;
    }
  }

  /** Begins a record for a key that is not there, counters at 0. The table is not full. */
  add(hash: number, packet: Int32Array, base: number, otherInterface: number, cause: number): number {
    assert(!this.isFull, 'there is room for a record');
    const slot = ((this.#oldest - 1 + this.#size) % this.capacity) + 1;
    const { words, doubles } = this;
    const at = slot * DROP_WORDS;
    for (let index = 0; index < KEY_WORDS_IPV4; index += 1) words[at + index] = packet[base + index]!;
    for (let index = 0; index < PREFIX_WORDS; index += 1) {
      words[at + WORD_SOURCE_PREFIX + index] = packet[base + KEY_SOURCE_PREFIX + index]!;
      words[at + WORD_DESTINATION_PREFIX + index] = packet[base + KEY_DESTINATION_PREFIX + index]!;
    }
    words[at + WORD_BITS] = 0;
    words[at + WORD_TTL] = 0;
    words[at + WORD_HASH] = hash;
    words[at + DROP_WORD_OTHER_INTERFACE] = otherInterface;
    words[at + DROP_WORD_CAUSE] = cause;
    const doubleAt = slot * DROP_DOUBLES;
    doubles[doubleAt + DOUBLE_OCTETS] = 0;
    doubles[doubleAt + DOUBLE_PACKETS] = 0;
    doubles[doubleAt + DOUBLE_FIRST] = Number.POSITIVE_INFINITY;
    doubles[doubleAt + DOUBLE_LAST] = 0;
    this.#index.add(hash, slot);
    this.#size += 1;
    if (this.#size > this.peak) this.peak = this.#size;
    return slot;
  }

  /** The record that was begun first, or EMPTY_SLOT. */
  oldest(): number {
    return this.#size === 0 ? EMPTY_SLOT : this.#oldest;
  }

  removeOldest(): void {
    assert(this.#size > 0, 'there is a record to remove');
    this.#index.remove(this.words[this.#oldest * DROP_WORDS + WORD_HASH]!, this.#oldest);
    this.#oldest = (this.#oldest % this.capacity) + 1;
    this.#size -= 1;
  }

  #hasKey(slot: number, packet: Int32Array, base: number, otherInterface: number, cause: number): boolean {
    const { words } = this;
    const at = slot * DROP_WORDS;
    if (words[at + DROP_WORD_CAUSE] !== cause) return false;
    if (words[at + DROP_WORD_OTHER_INTERFACE] !== otherInterface) return false;
    for (let index = 0; index < KEY_WORDS_IPV4; index += 1) {
      if (words[at + index] !== packet[base + index]) return false;
    }
    for (let index = 0; index < PREFIX_WORDS; index += 1) {
      if (words[at + WORD_SOURCE_PREFIX + index] !== packet[base + KEY_SOURCE_PREFIX + index]) return false;
      if (words[at + WORD_DESTINATION_PREFIX + index] !== packet[base + KEY_DESTINATION_PREFIX + index])
        return false;
    }
    return true;
  }
}
