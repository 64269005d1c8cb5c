/**
 * The hash of a flow key: vector multiply-shift. The key is cut into halves of words, each half is multiplied by
 * a secret number of its own, and the products are added modulo 2^32. The 16 highest bits of such a sum are
 * strongly universal (Dietzfelbinger, "Universal hashing and k-wise independence via integer arithmetic without
 * primes", 1996): whatever two keys somebody prepares without knowing the secret, they collide in them with a
 * probability of 2^-16. Two sums with secrets of their own make a hash of 32 such bits. Its multiplications do
 * not wait for one another and it needs no tables, which the memory of the flows would drive out of the
 * first-level cache: simple tabulation, which was here before, took nearly twice the time.
 *
 * Hot file: typed-array reads are asserted (`!`); every index is below the length by its mask or its loop.
 * Constants are taken out of their module at the top, see flow-cache.ts.
 */
import * as packet from './packet-burst.ts';
import { createRandomWords } from './random-words.ts';

const { BURST_MASK, BURST_PACKETS, KEY_DESTINATION, KEY_INTERFACE, KEY_KIND, KEY_PORTS, KEY_SOURCE } = packet;
const { KEY_WORDS, KEY_WORDS_IPV4, KIND_IPV6, PACKET_HASH, PACKET_WORDS } = packet;

/** Halves of the words of a key; the factors of the first sum, and then those of the second. */
const HALVES = 2 * KEY_WORDS;

export class FlowHash {
  readonly #factors = new Int32Array(2 * HALVES);
  /** Of the packets of the burst, the sums over what a key of IPv4 has. */
  readonly #firstSums = new Int32Array(BURST_PACKETS);
  readonly #secondSums = new Int32Array(BURST_PACKETS);

  /** Without a seed the factors are by chance, and cannot be guessed. */
  constructor(seed?: number) {
    if (seed === undefined) {
      crypto.getRandomValues(this.#factors);
      return;
    }
    const nextWord = createRandomWords(seed);
    for (let index = 0; index < this.#factors.length; index += 1) this.#factors[index] = nextWord();
  }

  /** Writes the hash of each of the first `size` packets of a burst into its row. */
  hashBurst(words: Int32Array, size: number): void {
    this.#hashIpv4(words, size);
    for (let index = 0; index < size; index += 1) {
      const row = (index & BURST_MASK) * PACKET_WORDS;
      if ((words[row + KEY_KIND]! & KIND_IPV6) === 0) continue;
      words[row + PACKET_HASH] = this.#add(
        words,
        row,
        KEY_WORDS_IPV4,
        KEY_WORDS,
        this.#firstSums[index]!,
        this.#secondSums[index]!,
      );
    }
  }

  /** As `of` for keys of IPv4, with the factors at hand: of a burst nearly all packets are. */
  #hashIpv4(words: Int32Array, size: number): void {
    const firstSums = this.#firstSums;
    const secondSums = this.#secondSums;
    const factors = this.#factors;
    const a0 = factors[0]!;
    const a1 = factors[1]!;
    const a2 = factors[2]!;
    const a3 = factors[3]!;
    const a4 = factors[4]!;
    const a5 = factors[5]!;
    const a6 = factors[6]!;
    const a7 = factors[7]!;
    const a8 = factors[8]!;
    const a9 = factors[9]!;
    const b0 = factors[HALVES]!;
    const b1 = factors[HALVES + 1]!;
    const b2 = factors[HALVES + 2]!;
    const b3 = factors[HALVES + 3]!;
    const b4 = factors[HALVES + 4]!;
    const b5 = factors[HALVES + 5]!;
    const b6 = factors[HALVES + 6]!;
    const b7 = factors[HALVES + 7]!;
    const b8 = factors[HALVES + 8]!;
    const b9 = factors[HALVES + 9]!;
    for (let index = 0; index < size; index += 1) {
      const row = (index & BURST_MASK) * PACKET_WORDS;
      const source = words[row + KEY_SOURCE]!;
      let high = source >>> 16;
      let low = source & 0xffff;
      let first = (Math.imul(high, a0) + Math.imul(low, a1)) | 0;
      let second = (Math.imul(high, b0) + Math.imul(low, b1)) | 0;
      const destination = words[row + KEY_DESTINATION]!;
      high = destination >>> 16;
      low = destination & 0xffff;
      first = (first + Math.imul(high, a2) + Math.imul(low, a3)) | 0;
      second = (second + Math.imul(high, b2) + Math.imul(low, b3)) | 0;
      const ports = words[row + KEY_PORTS]!;
      high = ports >>> 16;
      low = ports & 0xffff;
      first = (first + Math.imul(high, a4) + Math.imul(low, a5)) | 0;
      second = (second + Math.imul(high, b4) + Math.imul(low, b5)) | 0;
      const kind = words[row + KEY_KIND]!;
      high = kind >>> 16;
      low = kind & 0xffff;
      first = (first + Math.imul(high, a6) + Math.imul(low, a7)) | 0;
      second = (second + Math.imul(high, b6) + Math.imul(low, b7)) | 0;
      const interfaceIndex = words[row + KEY_INTERFACE]!;
      high = interfaceIndex >>> 16;
      low = interfaceIndex & 0xffff;
      first = (first + Math.imul(high, a8) + Math.imul(low, a9)) | 0;
      second = (second + Math.imul(high, b8) + Math.imul(low, b9)) | 0;
      firstSums[index] = first;
      secondSums[index] = second;
      words[row + PACKET_HASH] = (first & 0xffff_0000) | (second >>> 16);
    }
  }

  /** A signed 32-bit word that depends on every bit of the key at `base` of `words`. */
  of(words: Int32Array, base: number): number {
    const isIpv6 = (words[base + KEY_KIND]! & KIND_IPV6) !== 0;
    return this.#add(words, base, 0, isIpv6 ? KEY_WORDS : KEY_WORDS_IPV4, 0, 0);
  }

  /** The hash of which `first` and `second` are the sums up to the word `from` of a key. */
  #add(words: Int32Array, base: number, from: number, to: number, first: number, second: number): number {
    const factors = this.#factors;
    for (let index = from; index < to; index += 1) {
      const word = words[base + index]!;
      const high = word >>> 16;
      const low = word & 0xffff;
      const at = index << 1;
      first = (first + Math.imul(high, factors[at]!) + Math.imul(low, factors[at + 1]!)) | 0;
      second =
        (second + Math.imul(high, factors[at + HALVES]!) + Math.imul(low, factors[at + HALVES + 1]!)) | 0;
    }
    return (first & 0xffff_0000) | (second >>> 16);
  }
}
