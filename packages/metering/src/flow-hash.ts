/**
 * The hash of a flow key: simple tabulation. Each octet of the key picks a random word from a table of its own, and
 * the words are XORed. The tables come from the seed, so nobody outside can prepare keys that collide; with it
 * linear probing takes constant expected time (Pătraşcu and Thorup, "The Power of Simple Tabulation Hashing", 2011).
 * Its look-ups do not wait for one another, which is why it is faster here than a chain of multiplications.
 *
 * Hot file: typed-array reads are asserted (`!`); every index is masked to its table.
 */
import {
  KEY_DESTINATION,
  KEY_INTERFACE,
  KEY_KIND,
  KEY_PORTS,
  KEY_SOURCE,
  KIND_IPV6,
} from './packet-header.ts';
import { createRandomWords } from './random-words.ts';

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

  /** A signed 32-bit word that depends on every bit of the key. */
  of(key: Int32Array): number {
    const tables = this.#tables;
    const kind = key[KEY_KIND]!;
    let hash =
      wordOf(tables, 0, key[KEY_SOURCE]!) ^
      wordOf(tables, 1024, key[KEY_DESTINATION]!) ^
      wordOf(tables, 2048, key[KEY_PORTS]!) ^
      wordOf(tables, 3072, kind) ^
      Math.imul(key[KEY_INTERFACE]!, this.#interfaceFactor);
    if ((kind & KIND_IPV6) !== 0) {
      hash ^=
        wordOf(tables, 4096, key[5]!) ^
        wordOf(tables, 5120, key[6]!) ^
        wordOf(tables, 6144, key[7]!) ^
        wordOf(tables, 7168, key[8]!) ^
        wordOf(tables, 8192, key[9]!) ^
        wordOf(tables, 9216, key[10]!);
    }
    return hash;
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
