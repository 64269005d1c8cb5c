/**
 * Country and autonomous system of an address in one look-up: the ranges of both cut at each other's starts.
 *
 * Hot file: typed-array reads are asserted (`!`); positions come from the table itself.
 */
import type { AddressRanges, Ranges } from './address-ranges.ts';
import { type AddressTable, createAddressTable, sharedWords } from './address-table.ts';

/** Structured-cloneable, over shared memory. */
export interface OriginTable {
  /** Its values are numbers of autonomous systems; 0 where none is known. */
  readonly table: AddressTable;
  /** Country by position, as in the column `srcCountry`; 0 where none is known. */
  readonly countries: Uint16Array;
}

/** Creates the table; either of the two may say nothing at all (NO_RANGES). */
export function createOriginTable(countries: AddressRanges, systems: AddressRanges): OriginTable {
  const v4 = cut(countries.v4, systems.v4);
  const v6 = cut(countries.v6, systems.v6);
  const length = v4.first.length + v6.first.length;
  const byPosition = new Uint16Array(new SharedArrayBuffer(length * 2));
  byPosition.set(v4.first);
  byPosition.set(v6.first, v4.first.length);
  return { table: createAddressTable({ v4: v4.ranges, v6: v6.ranges }), countries: byPosition };
}

/** The union of both lists' starts: `first` has the values of `one`, `ranges` those of `other`. */
function cut(one: Ranges, other: Ranges): { first: Uint32Array; ranges: Ranges } {
  const { words } = one;
  const lengthMax = one.values.length + other.values.length;
  const starts = new Uint32Array(lengthMax * words);
  const first = new Uint32Array(lengthMax);
  const values = new Uint32Array(lengthMax);
  let length = 0;
  let a = 0;
  let b = 0;
  while (a < one.values.length || b < other.values.length) {
    const order = compareStarts(one, a, other, b);
    const from = order <= 0 ? one.starts : other.starts;
    const at = (order <= 0 ? a : b) * words;
    for (let word = 0; word < words; word += 1) starts[length * words + word] = from[at + word]!;
    if (order <= 0) a += 1;
    if (order >= 0) b += 1;
    first[length] = one.values[a - 1]!;
    values[length] = other.values[b - 1]!;
    length += 1;
  }
  const ranges = { words, starts: starts.slice(0, length * words), values: values.slice(0, length) };
  return { first: first.slice(0, length), ranges };
}

/** Negative, 0 or positive; a list that is at its end comes last. */
function compareStarts(one: Ranges, a: number, other: Ranges, b: number): number {
  if (a === one.values.length) return 1;
  if (b === other.values.length) return -1;
  for (let word = 0; word < one.words; word += 1) {
    const difference = one.starts[a * one.words + word]! - other.starts[b * one.words + word]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Says nothing of any address. */
export const NO_RANGES: AddressRanges = {
  v4: { words: 1, starts: new Uint32Array(1), values: new Uint32Array(1) },
  v6: { words: 4, starts: new Uint32Array(4), values: new Uint32Array(1) },
};

/** Structured-cloneable, over shared memory. */
export interface AsNames {
  /** Rising. */
  readonly numbers: Uint32Array;
  /** Where each name ends in `text`, in UTF-8; it begins one octet behind the end of the one before. */
  readonly ends: Uint32Array;
  readonly text: Uint8Array;
}

/** Takes numbers, rising, and their names, each followed by a line feed. */
export function createAsNames(numbers: Uint32Array, lines: Uint8Array): AsNames {
  const ends = sharedWords(numbers.length);
  let count = 0;
  for (let at = 0; at < lines.length && count < ends.length; at += 1) {
    if (lines[at] === 0x0a) ends[count++] = at;
  }
  const text = new Uint8Array(new SharedArrayBuffer(lines.length));
  text.set(lines);
  const ownNumbers = sharedWords(numbers.length);
  ownNumbers.set(numbers);
  return { numbers: ownNumbers, ends, text };
}

/** The name of an autonomous system; undefined where it has none here. */
export function asNameOf({ numbers, ends, text }: AsNames, number: number): string | undefined {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < number) low = middle + 1;
    else high = middle;
  }
  if (numbers[low] !== number) return undefined;
  const from = low === 0 ? 0 : ends[low - 1]! + 1;
  // A decoder takes no shared memory: the name is copied first.
  return new TextDecoder().decode(text.slice(from, ends[low]!));
}
