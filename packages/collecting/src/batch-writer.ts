/**
 * The producer's end of the way into the store: holds the batch that is being filled, sends it when it is
 * full or old, and says when the store is behind.
 *
 * A decoder cannot pause in the middle of a datagram. So when the store holds every buffer, `full` blocks
 * this thread, which is a listener's own, until one returns: the kernel's socket buffer takes the burst. A
 * store that gives nothing back for WAIT_MS_MAX costs the records of the batch, and they are counted.
 */
import type { BufferSender, Clock } from '@weir/base';
import {
  clearFlowBatch,
  createFlowBatch,
  type FlowBatch,
  type FlowBatchNote,
  noteOfFlowBatch,
} from '@weir/ipfix';

/** How old the oldest row of a batch may become before the batch is sent: a tenth of the 2 s to a query. */
export const BATCH_AGE_MS_MAX = 200;
/** A store that seals an hour stops for a second or two; one that is silent for ten is not coming back soon. */
const WAIT_MS_MAX = 10_000;
const WAIT_STEP_MS = 1;

export interface BatchWriterCounters {
  batches: number;
  records: number;
  /** Times that no buffer was free when one was needed. */
  waits: number;
  /** Milliseconds spent waiting for a buffer. */
  waitedMs: number;
  /** Records given up because no buffer came back in time. */
  recordsDropped: number;
  /** Records sent without what takes time, because more arrived than could be taken. */
  recordsHurried: number;
}

export interface BatchWriter {
  /** The batch to fill: has room for at least one row. Changes with every `full`, `flush` and `ready`. */
  readonly batch: FlowBatch;
  readonly counters: Readonly<BatchWriterCounters>;
  /** To be set while more arrives than can be taken: `finish` then leaves out what takes time. */
  hurried: boolean;
  /** Whether a buffer of the store is at hand. While not, its owner stops reading its socket. Never blocks. */
  ready(): boolean;
  /** Whether a second one is too, so that what fills the batch in between need not wait. Never blocks. */
  roomy(): boolean;
  /** Blocks until `ready`, at most `waitMsMax`; after that rows are counted as dropped until it is again. */
  wait(): void;
  /** Sends the batch, which need not be full, and returns an empty one. May block as `wait` does. */
  full(): FlowBatch;
  /** Sends the batch when its oldest row is BATCH_AGE_MS_MAX old. To be called at least every 50 ms. */
  flushIfOld(): void;
  /** Sends the batch when it holds any row. Never blocks. */
  flush(): void;
}

export interface BatchWriterOptions {
  sender: BufferSender<FlowBatchNote>;
  capacity: number;
  clock: Clock;
  /** What is done to the rows of a batch before it is sent: called once for each batch that holds any. */
  finish?: (batch: FlowBatch, hurried: boolean) => void;
  /** After so long without a buffer rows are given up; Infinity where the sender waits with us. */
  waitMsMax?: number;
  /** Blocks this thread for so many milliseconds. */
  sleep?: (durationMs: number) => void;
}

/** Creates the writer over a sender whose buffers are those of batches of `capacity` rows. */
export function createBatchWriter({
  sender,
  capacity,
  clock,
  finish = () => {},
  waitMsMax = WAIT_MS_MAX,
  sleep = blockThread,
}: BatchWriterOptions): BatchWriter {
  const counters: BatchWriterCounters = {
    batches: 0,
    records: 0,
    waits: 0,
    waitedMs: 0,
    recordsDropped: 0,
    recordsHurried: 0,
  };
  /** No buffer of the channel: takes the rows for which there is none, so that they are counted. */
  const spare = createFlowBatch(capacity);
  let batch = spare;
  let firstRowMs = -1;
  let hurried = false;

  function ready(): boolean {
    if (batch !== spare) return true;
    const buffer = sender.acquire();
    if (buffer === undefined) return false;
    dropSpareRows();
    batch = createFlowBatch(capacity, buffer);
    return true;
  }

  function roomy(): boolean {
    if (!ready()) return false;
    const second = sender.acquire();
    if (second !== undefined) sender.release(second);
    return second !== undefined;
  }

  function wait(): void {
    if (ready()) return;
    const startedMs = clock.monotonicMs();
    counters.waits += 1;
    for (let waitedMs = 0; !ready() && waitedMs < waitMsMax; waitedMs += WAIT_STEP_MS) sleep(WAIT_STEP_MS);
    counters.waitedMs += clock.monotonicMs() - startedMs;
  }

  function dropSpareRows(): void {
    counters.recordsDropped += spare.rowCount;
    if (spare.rowCount > 0) clearFlowBatch(spare);
  }

  function send(): void {
    firstRowMs = -1;
    if (batch === spare) {
      dropSpareRows();
      return;
    }
    finish(batch, hurried);
    if (hurried) counters.recordsHurried += batch.rowCount;
    counters.batches += 1;
    counters.records += batch.rowCount;
    sender.send(batch.buffer, noteOfFlowBatch(batch));
    batch = spare;
  }

  return {
    get batch() {
      return batch;
    },
    counters,
    get hurried() {
      return hurried;
    },
    set hurried(value) {
      hurried = value;
    },
    ready,
    roomy,
    wait,
    full() {
      send();
      wait();
      return batch;
    },
    flushIfOld() {
      if (batch.rowCount === 0) return;
      const nowMs = clock.monotonicMs();
      if (firstRowMs < 0) firstRowMs = nowMs;
      if (nowMs - firstRowMs >= BATCH_AGE_MS_MAX) send();
    },
    flush() {
      if (batch.rowCount > 0) send();
    },
  };
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

function blockThread(durationMs: number): void {
  Atomics.wait(sleeper, 0, 0, durationMs);
}
