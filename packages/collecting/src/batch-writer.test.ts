import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { createBufferSender, createManualClock } from '@weir/base';
import { type FlowBatchNote, flowBatchOctets } from '@weir/ipfix';
import { afterEach, describe, expect, test } from 'vitest';
import { BATCH_AGE_MS_MAX, createBatchWriter } from './batch-writer.ts';

const CAPACITY = 64;
const ports: { close(): void }[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** A writer over `buffers` buffers whose store takes and returns only when told to. */
function setUp(buffers: number) {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1);
  const clock = createManualClock();
  const sender = createBufferSender<FlowBatchNote>(port1, buffers, flowBatchOctets(CAPACITY));
  const taken: ArrayBuffer[] = [];
  const rowCounts: number[] = [];
  const store = {
    take() {
      for (let m = receiveMessageOnPort(port2); m; m = receiveMessageOnPort(port2)) {
        taken.push(m.message.buffer);
        rowCounts.push(m.message.note.rowCount);
      }
    },
    giveBack() {
      for (const buffer of taken.splice(0)) port2.postMessage(buffer, [buffer]);
    },
    rowCounts,
  };
  let whileAsleep = () => {};
  const sleep = (durationMs: number) => {
    clock.advance(durationMs);
    whileAsleep();
  };
  const writer = createBatchWriter({ sender, capacity: CAPACITY, clock, sleep });
  const onSleep = (callback: () => void) => {
    whileAsleep = callback;
  };
  return { writer, store, clock, onSleep };
}

describe('createBatchWriter', () => {
  test('sends a batch when its oldest row is old, and none that is empty', () => {
    const { writer, store, clock } = setUp(2);
    expect(writer.ready()).toBe(true);
    writer.flushIfOld();
    writer.batch.rowCount = 3;
    writer.flushIfOld();
    clock.advance(BATCH_AGE_MS_MAX - 1);
    writer.batch.rowCount = 5;
    writer.flushIfOld();
    store.take();
    expect(store.rowCounts).toEqual([]);
    clock.advance(1);
    writer.flushIfOld();
    writer.flush();
    store.take();
    expect(store.rowCounts).toEqual([5]);
    expect(writer.counters).toMatchObject({ batches: 1, records: 5, waits: 0, recordsDropped: 0 });
  });

  test('waits for a slow store and loses nothing', () => {
    const { writer, store, onSleep } = setUp(1);
    writer.wait();
    writer.batch.rowCount = CAPACITY;
    let naps = 0;
    onSleep(() => {
      naps += 1;
      if (naps === 50) {
        store.take();
        store.giveBack();
      }
    });
    const next = writer.full();
    expect(next.rowCount).toBe(0);
    expect(writer.ready()).toBe(true);
    expect(writer.counters).toEqual({
      batches: 1,
      records: 64,
      waits: 1,
      waitedMs: 50,
      recordsDropped: 0,
      recordsHurried: 0,
    });
  });

  test('tells whether it is in a hurry when a batch is finished, and counts those records', () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const sender = createBufferSender<FlowBatchNote>(port1, 2, flowBatchOctets(CAPACITY));
    const finished: [number, boolean][] = [];
    const writer = createBatchWriter({
      sender,
      capacity: CAPACITY,
      clock: createManualClock(),
      finish: (batch, hurried) => finished.push([batch.rowCount, hurried]),
    });
    for (const [rowCount, hurried] of [
      [3, false],
      [5, true],
    ] as const) {
      writer.wait();
      writer.batch.rowCount = rowCount;
      writer.hurried = hurried;
      writer.flush();
    }
    expect(finished).toEqual([
      [3, false],
      [5, true],
    ]);
    expect(writer.counters).toMatchObject({ records: 8, recordsHurried: 5 });
  });

  test('counts what it must drop when the store is dead, and recovers with it', () => {
    const { writer, store } = setUp(1);
    writer.wait();
    writer.batch.rowCount = CAPACITY;
    const spare = writer.full();
    expect(writer.ready()).toBe(false);
    expect(writer.counters).toMatchObject({ waits: 1, waitedMs: 10_000, recordsDropped: 0 });
    spare.rowCount = 10;
    store.take();
    store.giveBack();
    expect(writer.ready()).toBe(true);
    expect(writer.counters).toMatchObject({ records: 64, recordsDropped: 10 });
    expect(writer.batch).not.toBe(spare);
    expect([writer.batch.rowCount, spare.rowCount]).toEqual([0, 0]);
  });
});
