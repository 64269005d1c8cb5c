/**
 * The hash of a flow key: simple tabulation. Each octet of the key picks a random word from a table of its
 * own, and the words are XORed. The tables come from the seed, so nobody outside can prepare keys that
 * collide; with it linear probing takes constant expected time (Pătraşcu and Thorup, "The Power of Simple
 * Tabulation Hashing", 2011). Its look-ups do not wait for one another, which is why it is faster here than a
 * chain of multiplications.
 *
 * Hot file: typed-array reads are asserted (`!`); every index is masked to its table. Constants are taken out of
 * their module at the top, see flow-cache.ts.
 */
import * as packet from './packet-burst.ts';
import { createRandomWords } from './random-words.ts';

const { KEY_INTERFACE, KEY_KIND, KEY_WORDS, KIND_IPV6, PACKET_HASH, PACKET_WORDS } = packet;

const TABLE_WORDS = 256;
/** Of a word of the key, one table an octet. */
const WORD_TABLES = 4 * TABLE_WORDS;
/** 16 octets of IPv4 addresses and ports and kind, 24 more of an IPv6 address pair. */
const TABLES = 40;

export class FlowHash {
  readonly #tables = new Int32Array(TABLES * TABLE_WORDS);
  readonly #interfaceFactor: number;

  /** Without a seed the tables are by chance, which is quicker and cannot be guessed at all. */
  constructor(seed?: number) {
    const factor = new Int32Array(1);
    if (seed === undefined) {
      crypto.getRandomValues(this.#tables);
      crypto.getRandomValues(factor);
    } else {
      const nextWord = createRandomWords(seed);
      for (let index = 0; index < this.#tables.length; index += 1) this.#tables[index] = nextWord();
      factor[0] = nextWord();
    }
    this.#interfaceFactor = factor[0]! | 1;
  }

  /** Writes the hash of each of the first `size` packets of a burst into its row. */
  hashBurst(words: Int32Array, size: number): void {
    const end = size * PACKET_WORDS;
    for (let row = 0; row < end; row += PACKET_WORDS) words[row + PACKET_HASH] = this.of(words, row);
  }

  /** A signed 32-bit word that depends on every bit of the key at `base` of `words`. */
  of(words: Int32Array, base: number): number {
    const tables = this.#tables;
    const isIpv6 = (words[base + KEY_KIND]! & KIND_IPV6) !== 0;
    const keyWords = isIpv6 ? KEY_WORDS - 1 : KEY_INTERFACE;
    let hash = Math.imul(words[base + KEY_INTERFACE]!, this.#interfaceFactor);
    for (let index = 0; index < keyWords; index += 1) {
      // From the fifth word on past the interface, which lies between what all keys have and the prefixes.
      const word = words[base + index + ((index + 12) >> 4)]!;
      const table = index * WORD_TABLES;
      hash ^=
        tables[table + (word & 255)]! ^
        tables[table + 256 + ((word >>> 8) & 255)]! ^
        tables[table + 512 + ((word >>> 16) & 255)]! ^
        tables[table + 768 + (word >>> 24)]!;
    }
    return hash;
  }
}
