/**
 * Numbers for sender addresses, so that a receiver's callback gets a number a datagram instead of a string.
 *
 * A hot file: `find` runs once a datagram. Typed-array reads carry `!` because every index is masked to the
 * table or counted below it.
 */
import { assert } from '@weir/base';
import { addressText, MAPPED_PREFIX_WORD } from './socket-address.ts';

/** 65,536 senders × 32 octets = 2 MiB; the largest fleets of exporters have some thousands. */
export const SENDERS_REMEMBERED_MAX = 65_536;
/** Slots for each sender remembered: open addressing stays short up to half full. */
const SLOTS_PER_SENDER = 2;
/** Four words of address and one of zone. */
const WORDS_PER_SENDER = 5;
/** 2^32 / golden ratio, odd: the usual multiplier of Fibonacci hashing. */
const HASH_MULTIPLIER = 0x9e37_79b1;

/**
 * Gives each address a key. A key is never given to a second address. When the table is full all is forgotten
 * and addresses seen again get new keys, so a flood of forged senders costs bounded memory; who
 * caches by key must bound that cache as well.
 */
export interface SenderTable {
  /** The key of an IPv4 address, given as its word in memory order. */
  findIPv4(address: number): number;
  /** The key of the IPv6 address whose four words are at `words[at]`, with its zone. */
  findIPv6(words: Uint32Array, at: number, zone: number): number;
  /** The address of a key given out since the table was last emptied, as text; undefined for older keys. */
  addressOf(key: number): string | undefined;
  /** How often the table was full and was emptied. */
  emptiedCount(): number;
}

/** `seed` makes the slots of addresses unpredictable to who forges them. */
export function createSenderTable(seed: number, sendersMax = SENDERS_REMEMBERED_MAX): SenderTable {
  assert(Number.isInteger(Math.log2(sendersMax)), 'the table holds a power of two of senders');
  const slotMask = sendersMax * SLOTS_PER_SENDER - 1;
  /** Index of a sender, plus one; 0 is a free slot. */
  const slots = new Uint32Array(slotMask + 1);
  const senders = new Uint32Array(sendersMax * WORDS_PER_SENDER);
  const texts: (string | undefined)[] = [];
  let count = 0;
  let firstKey = 0;
  let emptied = 0;
  /** Datagrams come in runs of one sender. */
  let latest = -1;

  function find(w0: number, w1: number, w2: number, w3: number, zone: number): number {
    if (latest >= 0 && isSender(latest, w0, w1, w2, w3, zone)) return firstKey + latest;
    let slot = hash(w0, w1, w2, w3, zone) & slotMask;
    for (; slots[slot] !== 0; slot = (slot + 1) & slotMask) {
      const index = slots[slot]! - 1;
      if (isSender(index, w0, w1, w2, w3, zone)) {
        latest = index;
        return firstKey + index;
      }
    }
    if (count === sendersMax) {
      empty();
      slot = hash(w0, w1, w2, w3, zone) & slotMask;
    }
    senders.set([w0, w1, w2, w3, zone], count * WORDS_PER_SENDER);
    slots[slot] = count + 1;
    latest = count;
    count += 1;
    return firstKey + latest;
  }

  function isSender(index: number, w0: number, w1: number, w2: number, w3: number, zone: number): boolean {
    const at = index * WORDS_PER_SENDER;
    return (
      senders[at + 3] === w3 &&
      senders[at + 2] === w2 &&
      senders[at + 1] === w1 &&
      senders[at] === w0 &&
      senders[at + 4] === zone
    );
  }

  function hash(w0: number, w1: number, w2: number, w3: number, zone: number): number {
    let mixed = seed;
    mixed = Math.imul(mixed ^ w0, HASH_MULTIPLIER);
    mixed = Math.imul(mixed ^ (mixed >>> 15) ^ w1, HASH_MULTIPLIER);
    mixed = Math.imul(mixed ^ (mixed >>> 15) ^ w2, HASH_MULTIPLIER);
    mixed = Math.imul(mixed ^ (mixed >>> 15) ^ w3, HASH_MULTIPLIER);
    mixed = Math.imul(mixed ^ (mixed >>> 15) ^ zone, HASH_MULTIPLIER);
    return mixed ^ (mixed >>> 15);
  }

  function empty(): void {
    slots.fill(0);
    texts.length = 0;
    firstKey += count;
    count = 0;
    emptied += 1;
  }

  return {
    findIPv4: (address) => find(0, 0, MAPPED_PREFIX_WORD, address, 0),
    findIPv6: (words, at, zone) => find(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, zone),
    addressOf(key) {
      const index = key - firstKey;
      if (index < 0 || index >= count) return undefined;
      const at = index * WORDS_PER_SENDER;
      texts[index] ??= addressText(senders.slice(at, at + 4), senders[at + 4]!);
      return texts[index];
    },
    emptiedCount: () => emptied,
  };
}
