/**
 * A program for tests: stores what a flood of forged templates leaves, segments of 200 columns that hardly any record
 * has; seals and merges them, and prints the most memory that it ever had, in MiB.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { silentLogger, systemClock } from '@weir/base';
import { openStore } from './flow-store.ts';
import { batchOf, realisticRecord, seededRandom } from './test-batch.ts';
import { send } from './test-store.ts';

const [, , dataDirectory = '', segments = '', batchesPerSegment = ''] = process.argv;
const LAYOUTS = 40;
const FIELDS = 5;
const FIELD_OCTETS = 8;

const layouts = Array.from({ length: LAYOUTS }, (_, layout) =>
  Array.from({ length: FIELDS }, (_, field) => ({
    enterpriseNumber: 40_000 + layout,
    elementId: 1 + field,
    length: FIELD_OCTETS,
  })),
);
const random = seededRandom(5);
const nowMs = Date.now();
const records = Array.from({ length: 8192 }, (_, row) => ({
  ...realisticRecord(random, nowMs - 60_000),
  extraLayout: row % LAYOUTS,
  extra: Uint8Array.from({ length: FIELDS * FIELD_OCTETS }, () => Math.floor(random() * 256)),
}));
const batch = batchOf(records, undefined, layouts);
const store = await openStore({ dataDirectory, logger: silentLogger, clock: systemClock });
for (let segment = 0; segment < Number(segments); segment++) {
  await send(
    store,
    Array.from({ length: Number(batchesPerSegment) }, () => batch),
  );
  await store.seal();
}
await store.compact();
const { rowCount, fileCount } = await store.status();
const answer = await store.sql('SELECT count(*) AS n, count("40003/2") AS some FROM flows');
await store.close();
const peakMiB = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
process.stdout.write(JSON.stringify({ rowCount, fileCount, answer: answer.rows, peakMiB }));
