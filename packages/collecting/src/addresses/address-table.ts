/**
 * Ranges as a table to look addresses up in: an index over the leading bits, then a binary search. Over
 * shared memory, so that every thread of the collector has the same copy.
 *
 * Hot file: typed-array reads are asserted (`!`); indexes come from the table itself.
 */
import type { AddressRanges, Ranges } from './address-ranges.ts';
import { V6_WORDS } from './address-ranges.ts';

/** Structured-cloneable; the memory is shared. A position counts the ranges of IPv4, then those of IPv6. */
export interface AddressTable {
  /** For each value of the first 16 bits, and one more: the range that its first address is in. */
  readonly v4Index: Uint32Array;
  readonly v4Starts: Uint32Array;
  /** The same for bits 4 to 20 of 2000::/3, which is all of the Internet; other addresses do without. */
  readonly v6Index: Uint32Array;
  readonly v6Starts: Uint32Array;
  /** One a position. */
  readonly values: Uint32Array;
}

const V4_SLOTS = 1 << 16;
/** 2000::/3 by its next 17 bits. */
const V6_SLOTS = 1 << 17;
const V6_GLOBAL_FIRST = 0x20000000;
const V6_SLOT_SHIFT = 12;

/** A Uint32Array that other threads can be given without a copy. */
export function sharedWords(words: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(words * 4));
}

export function createAddressTable({ v4, v6 }: AddressRanges): AddressTable {
  const values = sharedWords(v4.values.length + v6.values.length);
  values.set(v4.values);
  values.set(v6.values, v4.values.length);
  return {
    v4Index: indexV4(v4),
    v4Starts: shared(v4.starts),
    v6Index: indexV6(v6),
    v6Starts: shared(v6.starts),
    values,
  };
}

/** Position of the range that an IPv4 address is in. */
export function findV4({ v4Index, v4Starts }: AddressTable, address: number): number {
  const slot = address >>> 16;
  let low = v4Index[slot]!;
  let high = v4Index[slot + 1]!;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (v4Starts[middle]! <= address) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Position of the range that an IPv6 address is in, given as four words, the highest first. */
export function findV6(table: AddressTable, w0: number, w1: number, w2: number, w3: number): number {
  const { v6Index, v6Starts, v4Starts } = table;
  let low = 0;
  let high = v6Starts.length / V6_WORDS - 1;
  if (w0 >>> 29 === 1) {
    const slot = (w0 - V6_GLOBAL_FIRST) >>> V6_SLOT_SHIFT;
    low = v6Index[slot]!;
    high = v6Index[slot + 1]!;
  }
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (startsAtOrBelow(v6Starts, middle * V6_WORDS, w0, w1, w2, w3)) low = middle;
    else high = middle - 1;
  }
  return v4Starts.length + low;
}

function startsAtOrBelow(
  starts: Uint32Array,
  at: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): boolean {
  const s0 = starts[at]!;
  if (s0 !== w0) return s0 < w0;
  const s1 = starts[at + 1]!;
  if (s1 !== w1) return s1 < w1;
  const s2 = starts[at + 2]!;
  if (s2 !== w2) return s2 < w2;
  return starts[at + 3]! <= w3;
}

function shared(words: Uint32Array): Uint32Array {
  const copy = sharedWords(words.length);
  copy.set(words);
  return copy;
}

function indexV4({ starts }: Ranges): Uint32Array {
  const index = sharedWords(V4_SLOTS + 1);
  let range = 0;
  for (let slot = 0; slot < V4_SLOTS; slot += 1) {
    while (range + 1 < starts.length && starts[range + 1]! <= slot * V4_SLOTS) range += 1;
    index[slot] = range;
  }
  index[V4_SLOTS] = starts.length - 1;
  return index;
}

function indexV6({ starts }: Ranges): Uint32Array {
  const index = sharedWords(V6_SLOTS + 1);
  const count = starts.length / V6_WORDS;
  let range = 0;
  for (let slot = 0; slot <= V6_SLOTS; slot += 1) {
    const first = V6_GLOBAL_FIRST + slot * (1 << V6_SLOT_SHIFT);
    while (range + 1 < count && startsAtOrBelow(starts, (range + 1) * V6_WORDS, first, 0, 0, 0)) range += 1;
    index[slot] = range;
  }
  return index;
}
