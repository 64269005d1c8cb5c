/**
 * Open addressing from hash to slot: pairs of (hash, slot) in one array, linear probing, at most half full,
 * so that a look-up costs one cache line as a rule. A removal shifts the rest of its run back (Knuth, TAOCP
 * 6.4, algorithm R): no tombstones, so it stays as fast as on the first day. The caller compares keys.
 *
 * Hot file: typed-array reads are asserted (`!`); every index is masked to the table. Places are computed by
 * shifts, which V8 does not check for overflow as it does sums and products.
 */
import { assert } from '@weir/base';

export const EMPTY_SLOT = 0;
const ENTRIES_MIN = 1024;

export class SlotTable {
  /** [hash, slot] pairs; slot 0 is an empty place. Replaced when the table grows. */
  pairs: Int32Array;
  /** Of twice a hash: the words of `pairs`, a power of two, less 2. A pair begins at an even word. */
  mask: number;
  #used = 0;

  constructor() {
    this.pairs = new Int32Array(ENTRIES_MIN * 2);
    this.mask = ENTRIES_MIN * 2 - 2;
  }

  get octets(): number {
    return this.pairs.byteLength;
  }

  /** Adds a slot (≥ 1) that is not in the table. */
  add(hash: number, slot: number): void {
    if ((this.#used + 1) * 4 > this.pairs.length) this.#grow();
    place(this.pairs, this.mask, hash, slot);
    this.#used += 1;
  }

  remove(hash: number, slot: number): void {
    const { pairs, mask } = this;
    let hole = (hash << 1) & mask;
    while (pairs[hole | 1] !== slot) {
      assert(pairs[hole | 1] !== EMPTY_SLOT, 'the slot to remove is in the table');
      hole = (hole + 2) & mask;
    }
    for (let at = (hole + 2) & mask; pairs[at | 1] !== EMPTY_SLOT; at = (at + 2) & mask) {
      const home = (pairs[at]! << 1) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      pairs[hole] = pairs[at]!;
      pairs[hole | 1] = pairs[at | 1]!;
      hole = at;
    }
    pairs[hole | 1] = EMPTY_SLOT;
    this.#used -= 1;
  }

  #grow(): void {
    const old = this.pairs;
    this.pairs = new Int32Array(old.length * 2);
    this.mask = this.pairs.length - 2;
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] !== EMPTY_SLOT) place(this.pairs, this.mask, old[at]!, old[at + 1]!);
    }
  }
}

function place(pairs: Int32Array, mask: number, hash: number, slot: number): void {
  let at = (hash << 1) & mask;
  while (pairs[at | 1] !== EMPTY_SLOT) at = (at + 2) & mask;
  pairs[at] = hash;
  pairs[at | 1] = slot;
}
