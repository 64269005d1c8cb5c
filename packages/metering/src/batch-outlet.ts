/**
 * Where a metering thread puts its rows: batches over the buffers of a BufferSender, sent when they are full
 * or when their oldest row is old enough. When the consumer holds all buffers, `room` falls to what is left,
 * so that the meter keeps what is due in its cache; only what cannot wait (a full cache must evict) is lost,
 * and counted.
 */
import { assert, type BufferSender } from '@weir/base';
import {
  clearFlowBatch,
  createFlowBatch,
  type FlowBatch,
  type FlowBatchNote,
  noteOfFlowBatch,
  u64AsNumber,
} from '@weir/ipfix';
import type { FlowRowSink } from './flow-row.ts';

/** A query sees a record within 2 s of its end; this is the meter's share of them. */
export const BATCH_AGE_MS_MAX = 200;

export interface BatchOutletCounters {
  batchesSent: number;
  recordsSent: number;
  /** Records that had to be given up because the consumer held every buffer, and what they counted. */
  recordsLost: number;
  packetsLost: number;
  octetsLost: number;
}

export class BatchOutlet implements FlowRowSink {
  readonly counters: BatchOutletCounters = {
    batchesSent: 0,
    recordsSent: 0,
    recordsLost: 0,
    packetsLost: 0,
    octetsLost: 0,
  };
  readonly #sender: BufferSender<FlowBatchNote>;
  readonly #capacity: number;
  /** Octets of a row's extra fields at most. */
  #extraOctetsMax: number;
  #batch: FlowBatch;
  #spare: FlowBatch | undefined;
  #oldestRowMs: number | undefined;

  /**
   * The buffers of `sender` are those of batches of `capacity` rows, whose extra fields have at most
   * `extraOctetsMax` octets each.
   */
  constructor(sender: BufferSender<FlowBatchNote>, capacity: number, extraOctetsMax = 0) {
    this.#sender = sender;
    this.#capacity = capacity;
    this.#extraOctetsMax = extraOctetsMax;
    const batch = this.#acquire();
    assert(batch !== undefined, 'a new sender has a free buffer');
    this.#batch = batch;
  }

  get batch(): FlowBatch {
    return this.#batch;
  }

  /** From now on rows have so many octets of extra fields at most. */
  setExtraOctetsMax(octets: number): void {
    this.#extraOctetsMax = octets;
  }

  /** Rows that can be written now without a loss. */
  room(): number {
    this.#spare ??= this.#acquire();
    const inBatch = this.#roomIn(this.#batch);
    return this.#spare === undefined ? inBatch - 1 : inBatch + this.#roomIn(this.#spare) - 1;
  }

  full(): FlowBatch {
    if (!this.#send()) this.#giveUp();
    return this.#batch;
  }

  /** Sends the rows that are there when the oldest has been seen here BATCH_AGE_MS_MAX ago. */
  sendOld(nowMs: number): void {
    if (this.#batch.rowCount === 0) return;
    this.#oldestRowMs ??= nowMs;
    if (Math.abs(nowMs - this.#oldestRowMs) >= BATCH_AGE_MS_MAX) this.#send();
  }

  /** Sends what is left and waits until the consumer has taken everything. */
  async finish(): Promise<void> {
    while (this.#batch.rowCount > 0 && !this.#send()) await this.#sender.drained();
    await this.#sender.drained();
  }

  /** Waits until a buffer is free. */
  async waitForRoom(): Promise<void> {
    const octetsOfWhole = this.#batch.extra.length;
    if (this.room() < this.#rowsIn(this.#capacity, octetsOfWhole)) await this.#sender.drained();
  }

  #roomIn({ rowCount, extra, extraEnd }: FlowBatch): number {
    const extraUsed = rowCount === 0 ? 0 : extraEnd[rowCount - 1]!;
    return this.#rowsIn(this.#capacity - rowCount, extra.length - extraUsed);
  }

  /** Rows that fit whatever extra fields they have. */
  #rowsIn(rows: number, extraOctets: number): number {
    if (this.#extraOctetsMax === 0) return rows;
    return Math.min(rows, Math.floor(extraOctets / this.#extraOctetsMax));
  }

  #send(): boolean {
    const next = this.#spare ?? this.#acquire();
    if (next === undefined) return false;
    this.#spare = undefined;
    this.counters.batchesSent += 1;
    this.counters.recordsSent += this.#batch.rowCount;
    this.#sender.send(this.#batch.buffer, noteOfFlowBatch(this.#batch));
    this.#batch = next;
    this.#oldestRowMs = undefined;
    return true;
  }

  #giveUp(): void {
    const { rowCount, columns } = this.#batch;
    this.counters.recordsLost += rowCount;
    for (let row = 0; row < rowCount; row += 1) {
      this.counters.packetsLost += u64AsNumber(columns.packets, row);
      this.counters.octetsLost += u64AsNumber(columns.octets, row);
    }
    clearFlowBatch(this.#batch);
    this.#oldestRowMs = undefined;
  }

  #acquire(): FlowBatch | undefined {
    const buffer = this.#sender.acquire();
    return buffer === undefined ? undefined : createFlowBatch(this.#capacity, buffer);
  }
}
