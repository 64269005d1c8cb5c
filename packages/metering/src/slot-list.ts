/**
 * Doubly linked lists of slots in one array of [previous, next] pairs. A list is a ring through its sentinel,
 * a slot number that is never a flow's: `next` of the sentinel is the newest slot, `previous` the oldest. A
 * slot is in at most one list of a SlotLists.
 *
 * Hot file: typed-array reads are asserted (`!`); every index is a slot or a sentinel. Places are computed by
 * shifts, which V8 does not check for overflow as it does sums and products.
 */
export class SlotLists {
  readonly #links: Int32Array;

  /**
   * For slots 0 … `slots` − 1. Memory is reserved at once, but the system commits it as slots are first used.
   */
  constructor(slots: number) {
    // Shared with nobody, see the slab of flow-cache.ts.
    this.#links = new Int32Array(new SharedArrayBuffer(slots * 2 * Int32Array.BYTES_PER_ELEMENT));
  }

  get octets(): number {
    return this.#links.byteLength;
  }

  /** Reads what `renew` of the slot will read, so that it is at hand then. */
  warm(slot: number): number {
    return this.#links[this.#links[slot << 1]! << 1]! ^ this.#links[this.#links[(slot << 1) | 1]! << 1]!;
  }

  /** Makes `sentinel` an empty list. */
  clear(sentinel: number): void {
    this.#links[sentinel << 1] = sentinel;
    this.#links[(sentinel << 1) | 1] = sentinel;
  }

  oldest(sentinel: number): number {
    return this.#links[sentinel << 1]!;
  }

  newest(sentinel: number): number {
    return this.#links[(sentinel << 1) | 1]!;
  }

  /** What was put into the list after `slot`; the sentinel after the newest. */
  newer(slot: number): number {
    return this.#links[slot << 1]!;
  }

  /** Puts a slot that is in no list at the new end. */
  add(sentinel: number, slot: number): void {
    const links = this.#links;
    const next = links[(sentinel << 1) | 1]!;
    links[slot << 1] = sentinel;
    links[(slot << 1) | 1] = next;
    links[next << 1] = slot;
    links[(sentinel << 1) | 1] = slot;
  }

  remove(slot: number): void {
    const links = this.#links;
    const previous = links[slot << 1]!;
    const next = links[(slot << 1) | 1]!;
    links[(previous << 1) | 1] = next;
    links[next << 1] = previous;
  }

  /** Moves a slot from wherever it is to the new end. */
  renew(sentinel: number, slot: number): void {
    if (this.#links[(sentinel << 1) | 1] === slot) return;
    this.remove(slot);
    this.add(sentinel, slot);
  }
}
