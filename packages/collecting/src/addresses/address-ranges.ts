/**
 * What is known of addresses, as ranges: sorted, without gaps and without overlaps, the first at address 0.
 * Value 0 stands for nothing known. A range ends where the next one starts.
 */
import { parseIPv4, parseIPv6 } from '@weir/ipfix';

/** Words of an IPv6 address, the highest first. */
export const V6_WORDS = 4;

/** The ranges of one family: addresses of `words` words, the highest first, and a value for each. */
export interface Ranges {
  readonly words: 1 | 4;
  readonly starts: Uint32Array;
  readonly values: Uint32Array;
}

export interface AddressRanges {
  readonly v4: Ranges;
  readonly v6: Ranges;
}

/** A prefix with the number that stands for what is known of it. */
export interface ValuedPrefix {
  readonly isV4: boolean;
  /** Bits behind the length are 0. */
  readonly first: bigint;
  readonly length: number;
  readonly value: number;
}

/** Appends ranges in rising order; one that says the same as the one before it is merged with it. */
export class RangesBuilder {
  readonly #starts: number[] = [];
  readonly #values: number[] = [];
  readonly #words: 1 | 4;

  constructor(words: 1 | 4) {
    this.#words = words;
    for (let word = 0; word < words; word += 1) this.#starts.push(0);
    this.#values.push(0);
  }

  /** From `first` on the value is `value`, until the next `add`. `first` is not below that of the last call. */
  add(first: bigint, value: number): void {
    const words = this.#words;
    for (let shift = words * 32 - 32; shift >= 0; shift -= 32) {
      this.#starts.push(Number((first >> BigInt(shift)) & 0xffffffffn));
    }
    this.#values.push(value);
    if (this.#sameStartAsBefore()) this.#dropOneBeforeLast();
    if (this.#values.at(-1) === this.#values.at(-2)) this.#dropLast();
  }

  build(): Ranges {
    return {
      words: this.#words,
      starts: Uint32Array.from(this.#starts),
      values: Uint32Array.from(this.#values),
    };
  }

  #sameStartAsBefore(): boolean {
    const words = this.#words;
    for (let word = 1; word <= words; word += 1) {
      if (this.#starts.at(-word) !== this.#starts.at(-word - words)) return false;
    }
    return true;
  }

  #dropOneBeforeLast(): void {
    this.#starts.length -= this.#words;
    this.#values.splice(-2, 1);
  }

  #dropLast(): void {
    this.#starts.length -= this.#words;
    this.#values.length -= 1;
  }
}

const PREFIX = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/;

/** `ADDRESS` or `ADDRESS/LENGTH`, bits behind the length cleared; undefined when it is neither. */
export function parsePrefix(text: string, value: number): ValuedPrefix | undefined {
  const match = PREFIX.exec(text.trim());
  if (match === null) return undefined;
  const [, address = '', lengthText] = match;
  const isV4 = !address.includes(':');
  const octets = isV4 ? parseIPv4(address) : parseIPv6(address);
  const bits = isV4 ? 32 : 128;
  const length = lengthText === undefined ? bits : Number(lengthText);
  if (octets === undefined || length > bits) return undefined;
  const host = BigInt(bits - length);
  return { isV4, first: (bigintOf(octets) >> host) << host, length, value };
}

export function bigintOf(octets: Uint8Array): bigint {
  return octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
}

/** Longest prefix wins; of two equal ones the later. */
export function rangesOfPrefixes(prefixes: readonly ValuedPrefix[]): AddressRanges {
  return {
    v4: flatten(
      prefixes.filter(({ isV4 }) => isV4),
      1,
    ),
    v6: flatten(
      prefixes.filter(({ isV4 }) => !isV4),
      4,
    ),
  };
}

/** Sorted by start, the shorter first, each prefix lies within those on the stack or behind them. */
function flatten(prefixes: readonly ValuedPrefix[], words: 1 | 4): Ranges {
  const bits = words * 32;
  const sorted = [...prefixes].sort((a, b) =>
    a.first === b.first ? a.length - b.length : a.first < b.first ? -1 : 1,
  );
  const builder = new RangesBuilder(words);
  const open: { end: bigint; value: number }[] = [];
  function closeUntil(address: bigint): void {
    for (let top = open.at(-1); top !== undefined && top.end <= address; top = open.at(-1)) {
      open.pop();
      if (top.end < 1n << BigInt(bits)) builder.add(top.end, open.at(-1)?.value ?? 0);
    }
  }
  for (const { first, length, value } of sorted) {
    closeUntil(first);
    builder.add(first, value);
    open.push({ end: first + (1n << BigInt(bits - length)), value });
  }
  closeUntil(1n << BigInt(bits));
  return builder.build();
}
