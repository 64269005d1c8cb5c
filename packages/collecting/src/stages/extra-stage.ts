/**
 * Fields without a column of their own that say what a column of the collector holds: the rule and reason of a
 * drop, application, user, VRF, the direction of a biflow, names of the other end. They stay in `extra` too.
 *
 * A layout is looked at once; a batch without such a field costs nothing, other rows are walked up to the
 * last of them. Hot file: typed-array reads are asserted (`!`); bounds are those of the layout.
 */
import { type ExtraLayout, type FlowBatch, VARIABLE_LENGTH, WEIR_ENTERPRISE_NUMBER } from '@weir/ipfix';
import type { BatchStage } from './batch-stage.ts';
import type { NamesOfExporters } from './knowledge-stage.ts';
import { LabelCache, UNKNOWN } from './label-cache.ts';
import type { LabelColumn, LabelStore } from './label-store.ts';
import { bitmapOf } from './session-records.ts';
import { BIFLOW_DIRECTION_ABSENT } from './session-stage.ts';

/** Palo Alto Networks. */
const PALO_ALTO = 25461;
const TEXT_SLOTS = 2048;
/** Octets of a text that count: names of rules and hosts are shorter; the rest of a longer one is cut. */
const TEXT_OCTETS_MAX = 128;
const TEXT_WORDS = TEXT_OCTETS_MAX / 4;

type Meaning =
  | { readonly kind: 'text'; readonly column: LabelColumn }
  | { readonly kind: 'dropReason' | 'biflowDirection' | 'applicationId' | 'remoteName' }
  | { readonly kind: 'vrfId'; readonly column: 'inVrf' | 'outVrf' };

const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  [`${WEIR_ENTERPRISE_NUMBER}/1`, { kind: 'dropReason' }],
  [`${WEIR_ENTERPRISE_NUMBER}/2`, { kind: 'text', column: 'rule' }],
  [`${WEIR_ENTERPRISE_NUMBER}/15`, { kind: 'remoteName' }],
  [`${WEIR_ENTERPRISE_NUMBER}/16`, { kind: 'remoteName' }],
  // applicationId, applicationName
  ['0/95', { kind: 'applicationId' }],
  ['0/96', { kind: 'text', column: 'application' }],
  // ingressVRFID, egressVRFID, VRFname
  ['0/234', { kind: 'vrfId', column: 'inVrf' }],
  ['0/235', { kind: 'vrfId', column: 'outVrf' }],
  ['0/236', { kind: 'text', column: 'inVrf' }],
  ['0/239', { kind: 'biflowDirection' }],
  // userName; 40000 is its forerunner on Cisco ASA
  ['0/371', { kind: 'text', column: 'srcUser' }],
  ['0/40000', { kind: 'text', column: 'srcUser' }],
  [`${PALO_ALTO}/56701`, { kind: 'text', column: 'application' }],
  [`${PALO_ALTO}/56702`, { kind: 'text', column: 'srcUser' }],
]);

/** Meaning of each field of a layout, up to the last one that has one. */
interface LayoutPlan {
  readonly lengths: readonly number[];
  readonly meanings: readonly (Meaning | undefined)[];
}

export interface ExtraStage extends BatchStage {
  /** Of each row of the batch at work, as long as `hasRemoteNames`: the number of a label, 0 for none. */
  readonly remoteNames: Uint32Array;
  /** Whether a record of the batch at work names its other end. */
  readonly hasRemoteNames: boolean;
  /** biflowDirection of each row of the batch at work, or BIFLOW_DIRECTION_ABSENT. */
  readonly biflowDirections: Uint8Array;
}

/** `rowsMax`: capacity of the batches. */
export function createExtraStage(names: NamesOfExporters, labels: LabelStore, rowsMax: number): ExtraStage {
  return new ExtraReader(names, labels, rowsMax);
}

class ExtraReader implements ExtraStage {
  hasRemoteNames = false;
  readonly remoteNames: Uint32Array;
  readonly biflowDirections: Uint8Array;
  readonly #names: NamesOfExporters;
  readonly #labels: LabelStore;
  readonly #texts: LabelCache;
  readonly #numbered: LabelCache;
  readonly #plans = new WeakMap<ExtraLayout, LayoutPlan>();
  readonly #decoder = new TextDecoder();
  #hasBiflowDirections = false;

  constructor(names: NamesOfExporters, labels: LabelStore, rowsMax: number) {
    this.#names = names;
    this.#labels = labels;
    // The key of a text: its length, its octets.
    this.#texts = new LabelCache(labels, 1 + TEXT_WORDS, TEXT_SLOTS);
    // Of what a number stands for: the exporter's generation, the kind, length and octets of the number.
    this.#numbered = new LabelCache(labels, 6, TEXT_SLOTS);
    this.remoteNames = new Uint32Array(rowsMax);
    this.biflowDirections = new Uint8Array(rowsMax).fill(BIFLOW_DIRECTION_ABSENT);
  }

  apply(batch: FlowBatch, from: number, to: number): void {
    if (this.hasRemoteNames) this.remoteNames.fill(0);
    if (this.#hasBiflowDirections) this.biflowDirections.fill(BIFLOW_DIRECTION_ABSENT);
    this.hasRemoteNames = false;
    this.#hasBiflowDirections = false;
    const plans = batch.layouts.map((layout) => this.#planOf(layout));
    if (plans.every(({ meanings }) => meanings.length === 0)) return;
    const { extraLayout } = batch.columns;
    const hasLayout = bitmapOf(batch.validity, 'extraLayout');
    for (let row = from; row < to; row += 1) {
      if ((hasLayout[row >> 3]! & (1 << (row & 7))) === 0) continue;
      const plan = plans[extraLayout[row]!]!;
      if (plan.meanings.length > 0) this.#read(batch, row, plan);
    }
  }

  #planOf(layout: ExtraLayout): LayoutPlan {
    const known = this.#plans.get(layout);
    if (known !== undefined) return known;
    const all = layout.map(({ enterpriseNumber, elementId }) =>
      MEANINGS.get(`${enterpriseNumber}/${elementId}`),
    );
    const meanings = all.slice(0, 1 + all.findLastIndex((meaning) => meaning !== undefined));
    const plan = { meanings, lengths: layout.slice(0, meanings.length).map(({ length }) => length) };
    this.#plans.set(layout, plan);
    return plan;
  }

  #read(batch: FlowBatch, row: number, { meanings, lengths }: LayoutPlan): void {
    const { extra, extraEnd } = batch;
    const end = extraEnd[row]!;
    let at = row === 0 ? 0 : extraEnd[row - 1]!;
    for (let field = 0; field < meanings.length; field += 1) {
      let length = lengths[field]!;
      if (length === VARIABLE_LENGTH) {
        if (at >= end) return;
        length = extra[at]!;
        at += 1;
        if (length === 255) {
          length = (extra[at]! << 8) | extra[at + 1]!;
          at += 2;
        }
      }
      if (at + length > end) return;
      const meaning = meanings[field];
      if (meaning !== undefined && length > 0) this.#take(batch, row, meaning, at, length);
      at += length;
    }
  }

  #take(batch: FlowBatch, row: number, meaning: Meaning, at: number, length: number): void {
    const { extra, columns } = batch;
    switch (meaning.kind) {
      case 'text':
        this.#put(batch, meaning.column, row, this.#textAt(extra, at, length));
        break;
      case 'dropReason':
        columns.dropReason[row] = extra[at + length - 1]!;
        bitmapOf(batch.validity, 'dropReason')[row >> 3]! |= 1 << (row & 7);
        break;
      case 'biflowDirection':
        this.biflowDirections[row] = extra[at + length - 1]!;
        this.#hasBiflowDirections = true;
        break;
      case 'remoteName':
        this.remoteNames[row] = this.#textAt(extra, at, length);
        this.hasRemoteNames = true;
        break;
      case 'vrfId':
        this.#put(batch, meaning.column, row, this.#numberedAt(batch, row, 1, at, length));
        break;
      case 'applicationId':
        this.#put(batch, 'application', row, this.#numberedAt(batch, row, 0, at, length));
        break;
    }
  }

  #put(batch: FlowBatch, column: LabelColumn, row: number, number: number): void {
    if (number !== 0) this.#labels.put(batch, column, row, number);
  }

  /** Number of the label with the text at `at`, without the zeros that fill up a field of fixed length. */
  #textAt(extra: Uint8Array, at: number, lengthMax: number): number {
    let length = lengthMax;
    while (length > 0 && extra[at + length - 1] === 0) length -= 1;
    if (length > TEXT_OCTETS_MAX) length = TEXT_OCTETS_MAX;
    const { key } = this.#texts;
    key.fill(0);
    key[0] = length;
    for (let octet = 0; octet < length; octet += 1) {
      key[1 + (octet >> 2)]! |= extra[at + octet]! << ((octet & 3) * 8);
    }
    const number = this.#texts.find();
    if (number !== UNKNOWN) return number;
    return this.#texts.keep(this.#decoder.decode(extra.subarray(at, at + length)));
  }

  /** Number of the label for what the exporter calls the application (`kind` 0) or VRF (1) of this number. */
  #numberedAt(batch: FlowBatch, row: number, kind: number, at: number, length: number): number {
    if (this.#names.size === 0 || length > 8) return 0;
    const { extra } = batch;
    const exporter = batch.exporters[batch.columns.exporter[row]!];
    if (exporter === undefined) return 0;
    const known = this.#names.of(exporter);
    const { key } = this.#numbered;
    key.fill(0);
    key[0] = known.generation;
    key[1] = kind;
    key[2] = length;
    for (let octet = 0; octet < length; octet += 1) {
      key[3 + (octet >> 2)]! |= extra[at + octet]! << ((octet & 3) * 8);
    }
    const number = this.#numbered.find();
    if (number !== UNKNOWN) return number;
    const digits = Buffer.from(extra.subarray(at, at + length)).toString('hex');
    return this.#numbered.keep(
      kind === 0 ? known.applicationName(digits) : known.vrfName(Number.parseInt(digits, 16)),
    );
  }
}
