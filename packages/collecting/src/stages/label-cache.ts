/**
 * Which label an exporter's number, octets or an address stand for, as found last: direct-mapped, so that a
 * row costs a comparison instead of a look-up by text. It holds the labels that are in it.
 *
 * Hot file: typed-array reads are asserted (`!`); slots are masked.
 */
import type { LabelStore } from './label-store.ts';

/** What `find` answers for a key that is not there. */
export const UNKNOWN = -1;

export class LabelCache {
  /** To be filled before `find`. */
  readonly key: Int32Array;
  readonly #labels: LabelStore;
  readonly #mask: number;
  readonly #keys: Int32Array;
  /** Number of the label plus one; 0 where the slot is empty. */
  readonly #numbers: Int32Array;
  #slot = 0;

  /** `slots`: a power of two. */
  constructor(labels: LabelStore, keyWords: number, slots: number) {
    this.#labels = labels;
    this.key = new Int32Array(keyWords);
    this.#mask = slots - 1;
    this.#keys = new Int32Array(slots * keyWords);
    this.#numbers = new Int32Array(slots);
  }

  /** The label number that was kept for `key`, 0 for none; UNKNOWN where nothing was: `keep` is due then. */
  find(): number {
    const { key } = this;
    const words = key.length;
    let hash = 0;
    for (let word = 0; word < words; word += 1)
      hash = Math.imul(hash ^ key[word]!, 0x9e3779b1) ^ (hash >>> 15);
    this.#slot = (hash ^ (hash >>> 16)) & this.#mask;
    const base = this.#slot * words;
    for (let word = 0; word < words; word += 1) {
      if (this.#keys[base + word] !== key[word]) return UNKNOWN;
    }
    return this.#numbers[this.#slot]! - 1;
  }

  /** Keeps what `find` did not know; the answer is the number of the label. */
  keep(text: string | undefined): number {
    const number = text === undefined ? 0 : this.#labels.hold(text);
    const before = this.#numbers[this.#slot]!;
    if (before > 1) this.#labels.release(before - 1);
    this.#keys.set(this.key, this.#slot * this.key.length);
    this.#numbers[this.#slot] = number + 1;
    return number;
  }
}
