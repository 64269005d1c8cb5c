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

const {
  KEY_DESTINATION,
  KEY_INTERFACE,
  KEY_KIND,
  KEY_PORTS,
  KEY_SOURCE,
  KEY_SOURCE_PREFIX,
  KIND_IPV6,
  PACKET_HASH,
  PACKET_WORDS,
} = packet;

const TABLE_WORDS = 256;
/** 16 octets of IPv4 addresses and ports and kind, 24 more of an IPv6 address pair. */
const TABLES = 40;

export class FlowHash {
  readonly #tables = new Int32Array(TABLES * TABLE_WORDS);
  readonly #interfaceFactor: number;

  constructor(seed: number) {
    const nextWord = createRandomWords(seed);
    for (let index = 0; index < this.#tables.length; index += 1) this.#tables[index] = nextWord();
    this.#interfaceFactor = nextWord() | 1;
  }

  /** Writes the hash of each of the first `size` packets of a burst into its row. */
  hashBurst(words: Int32Array, size: number): void {
    const end = size * PACKET_WORDS;
    for (let row = 0; row < end; row += PACKET_WORDS) words[row + PACKET_HASH] = this.of(words, row);
  }

  /** A signed 32-bit word that depends on every bit of the key at `base` of `words`. */
  of(words: Int32Array, base: number): number {
    const tables = this.#tables;
    const kind = words[base + KEY_KIND]!;
    const hash =
      wordOf(tables, 0, words[base + KEY_SOURCE]!) ^
      wordOf(tables, 1024, words[base + KEY_DESTINATION]!) ^
      wordOf(tables, 2048, words[base + KEY_PORTS]!) ^
      wordOf(tables, 3072, kind) ^
      Math.imul(words[base + KEY_INTERFACE]!, this.#interfaceFactor);
    return (kind & KIND_IPV6) === 0 ? hash : hash ^ this.#ofPrefixes(words, base + KEY_SOURCE_PREFIX);
  }

  #ofPrefixes(words: Int32Array, at: number): number {
    const tables = this.#tables;
    return (
      wordOf(tables, 4096, words[at]!) ^
      wordOf(tables, 5120, words[at + 1]!) ^
      wordOf(tables, 6144, words[at + 2]!) ^
      wordOf(tables, 7168, words[at + 3]!) ^
      wordOf(tables, 8192, words[at + 4]!) ^
      wordOf(tables, 9216, words[at + 5]!)
    );
  }
}

function wordOf(tables: Int32Array, base: number, word: number): number {
  return (
    tables[base + (word & 255)]! ^
    tables[base + 256 + ((word >>> 8) & 255)]! ^
    tables[base + 512 + ((word >>> 16) & 255)]! ^
    tables[base + 768 + (word >>> 24)]!
  );
}
