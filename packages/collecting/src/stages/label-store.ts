/**
 * The texts that label columns point to. Within a thread each text has a number for as long as somebody holds
 * it; within a batch it has an index in `FlowBatch.labels`, given when a row first needs it. What batch a
 * number was last given an index in is told by a stamp, so that a new batch costs nothing to begin and a row
 * neither hashes nor compares text.
 *
 * Hot file: typed-array reads are asserted (`!`); numbers come from `hold`.
 */
import { FLOW_COLUMN_INDEX, type FlowBatch, type FlowColumnName } from '@weir/ipfix';

/** Texts at most: names of hosts are most of them; 262,144 × ~100 octets = 26 MiB. */
const LABELS_MAX = 262_144;
/** An index has 16 bits; the last one stays unused. */
const BATCH_LABELS_MAX = 65_535;
/** Longer than any name has reason to be; the rest is cut. */
const LABEL_CHARACTERS_MAX = 255;

/** Columns of meaning `labelIndex`. */
export type LabelColumn = Extract<
  FlowColumnName,
  | `${'src' | 'dst'}${'Network' | 'Site' | 'Name' | 'Peer' | 'User'}`
  | 'application'
  | `${'in' | 'out'}IfName`
  | `${'in' | 'out'}Vrf`
  | 'rule'
>;

export interface LabelStoreCounters {
  /** Texts that had no place among LABELS_MAX. */
  refused: number;
  /** Values left out because their batch had BATCH_LABELS_MAX labels. */
  batchFull: number;
}

export class LabelStore {
  readonly counters: LabelStoreCounters = { refused: 0, batchFull: 0 };
  readonly #labelsMax: number;
  readonly #numbers = new Map<string, number>();
  /** By number; number 0 stands for no label. */
  readonly #texts: string[] = [''];
  #holders = new Uint32Array(1024);
  #stamps = new Uint32Array(1024);
  #indexes = new Uint16Array(1024);
  readonly #free: number[] = [];
  readonly #released: number[] = [];
  #stamp = 0;

  constructor(labelsMax = LABELS_MAX) {
    this.#labelsMax = labelsMax;
  }

  /** Distinct texts that are held. */
  get size(): number {
    return this.#numbers.size;
  }

  /** The number of a text, held once more until `release`; 0 for an empty text and where there is no place. */
  hold(text: string): number {
    const cut = text.length > LABEL_CHARACTERS_MAX ? text.slice(0, LABEL_CHARACTERS_MAX) : text;
    if (cut === '') return 0;
    const number = this.#numbers.get(cut) ?? this.#place(cut);
    if (number !== 0) this.#holders[number]! += 1;
    return number;
  }

  /** Gives one hold back; the number may stand for another text from the next batch on. */
  release(number: number): void {
    if (number === 0) return;
    this.#holders[number]! -= 1;
    if (this.#holders[number] === 0) this.#released.push(number);
  }

  textOf(number: number): string {
    return this.#texts[number] ?? '';
  }

  /** To be called before the rows of a batch get labels; those that it has already are kept. */
  begin(batch: FlowBatch): void {
    for (const number of this.#released.splice(0)) this.#forget(number);
    this.#stamp += 1;
    if (this.#stamp > 0xffffffff) {
      this.#stamps.fill(0);
      this.#stamp = 1;
    }
    for (const [index, text] of batch.labels.entries()) {
      const number = this.hold(text);
      this.#stamps[number] = this.#stamp;
      this.#indexes[number] = index;
      this.release(number);
    }
  }

  /** Gives a row the label of this number, which is not 0. */
  put(batch: FlowBatch, column: LabelColumn, row: number, number: number): void {
    if (this.#stamps[number] !== this.#stamp && !this.#enter(batch, number)) return;
    batch.columns[column][row] = this.#indexes[number]!;
    batch.validity[FLOW_COLUMN_INDEX[column]]![row >> 3]! |= 1 << (row & 7);
  }

  #enter(batch: FlowBatch, number: number): boolean {
    if (batch.labels.length >= BATCH_LABELS_MAX) {
      this.counters.batchFull += 1;
      return false;
    }
    this.#stamps[number] = this.#stamp;
    this.#indexes[number] = batch.labels.push(this.#texts[number]!) - 1;
    return true;
  }

  #place(text: string): number {
    if (this.#numbers.size >= this.#labelsMax) {
      this.counters.refused += 1;
      return 0;
    }
    const number = this.#free.pop() ?? this.#texts.length;
    this.#texts[number] = text;
    this.#numbers.set(text, number);
    if (number >= this.#holders.length) this.#grow();
    return number;
  }

  #forget(number: number): void {
    if (this.#holders[number] !== 0) return;
    // A number released twice over is in the list twice.
    if (this.#numbers.get(this.#texts[number]!) !== number) return;
    this.#numbers.delete(this.#texts[number]!);
    this.#texts[number] = '';
    this.#free.push(number);
    this.#stamps[number] = 0;
  }

  #grow(): void {
    const length = this.#holders.length * 2;
    this.#holders = grown(this.#holders, new Uint32Array(length));
    this.#stamps = grown(this.#stamps, new Uint32Array(length));
    this.#indexes = grown(this.#indexes, new Uint16Array(length));
  }
}

function grown<Words extends Uint32Array | Uint16Array>(from: Words, to: Words): Words {
  to.set(from);
  return to;
}
