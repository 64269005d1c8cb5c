/**
 * A program for the test of a full disk: fills the file system of its argument with records, makes room, and
 * goes on. Prints one line of JSON for each thing that it saw.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBufferSender, silentLogger, systemClock } from '@weir/base';
import { FLOW_BATCH_ROWS_DEFAULT, type FlowBatchNote, flowBatchOctets, noteOfFlowBatch } from '@weir/ipfix';
import { openStore } from './flow-store.ts';
import type { FlowStore } from './flow-store-contract.ts';
import { batchOf, realisticRecord, seededRandom } from './test-batch.ts';

const ROWS = 8192;
const directory = process.argv[2]!;
const dataDirectory = join(directory, 'data');
const ballast = join(directory, 'ballast');
const random = seededRandom(1);
writeFileSync(ballast, new Uint8Array(20_000_000));

function open(): Promise<FlowStore> {
  return openStore({ dataDirectory, logger: silentLogger, clock: systemClock, options: { threads: 1 } });
}

let store = await open();
const sender = createBufferSender<FlowBatchNote>(store.connectWriter(), 2, flowBatchOctets(ROWS));
const template = batchOf(
  Array.from({ length: ROWS }, () => realisticRecord(random, Date.now() - 60_000)),
  undefined,
  undefined,
  FLOW_BATCH_ROWS_DEFAULT,
);
let sent = 0;

async function sendBatch(): Promise<void> {
  await sender.drained();
  const buffer = sender.acquire();
  if (buffer === undefined) return;
  new Uint8Array(buffer).set(new Uint8Array(template.buffer));
  sender.send(buffer, noteOfFlowBatch(template));
  sent += ROWS;
  await sender.drained();
}

async function report(step: string): Promise<void> {
  const { rows } = await store.sql('SELECT count(*) AS n FROM flows');
  const { disk, counters, rowCount } = await store.status();
  const facts = { step, sent, counted: rows[0]!['n'], rowCount, full: disk?.fullSince !== undefined };
  process.stdout.write(`${JSON.stringify({ ...facts, failures: counters.logWriteFailures })}\n`);
}

const isFull = async () => (await store.status()).disk?.fullSince !== undefined;
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
while (!(await isFull())) {
  await sendBatch();
  if (sent % (ROWS * 10) === 0) await pause();
}
for (let count = 0; count < 5; count++) await sendBatch();
await report('full');
rmSync(ballast);
while (await isFull()) await pause();
await sendBatch();
await report('room again');
await store.seal();
await report('sealed');
await store.close();
store = await open();
await report('reopened');
await store.close();
