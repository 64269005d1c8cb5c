/**
 * What it costs to keep flow records: the way of a FlowBatch from a producer thread's port into the store,
 * and on into Parquet. Realistic records of 20 elements (23 columns), full batches.
 *
 *   node packages/storage/bench/append.ts [ROWS] [RATE]      RATE in rows/s, 0 for as fast as it goes
 *
 * CPU is of the whole process. The producer only copies ready batches, which is counted too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseQueryPlan } from '@weir/analysis';
import { createBufferSender, createStderrLogger } from '@weir/base';
import { FLOW_BATCH_ROWS_DEFAULT, type FlowBatchNote, flowBatchOctets, noteOfFlowBatch } from '@weir/ipfix';
import { openStore } from '../src/index.ts';
import { batchOf, realisticRecord, seededRandom } from '../src/test-batch.ts';

const rowsWanted = Number(process.argv[2] ?? 10_000_000);
const rate = Number(process.argv[3] ?? 0);
const BATCHES = 60;
const START_MS = Math.floor(Date.now() / 3_600_000) * 3_600_000;

const directory = mkdtempSync(join(process.env['WEIR_BENCH_DIRECTORY'] ?? tmpdir(), 'weir-append-'));
process.stderr.write(`preparing ${BATCHES} batches; store in ${directory}\n`);
const batches = Array.from({ length: BATCHES }, (_, index) => {
  const random = seededRandom(index * 7919 + 1);
  const records = Array.from({ length: FLOW_BATCH_ROWS_DEFAULT }, (_, row) =>
    realisticRecord(random, START_MS + index * 164 + Math.floor(row / 50)),
  );
  return batchOf(records);
});

const store = await openStore({ dataDirectory: directory, logger: createStderrLogger('bench') });
const sender = createBufferSender<FlowBatchNote>(
  store.connectWriter(),
  8,
  flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT),
);
process.stdout.write(`${cpus().length} × ${cpus()[0]?.model}, node ${process.version}, ${rowsWanted} rows\n`);
process.stdout.write(
  'step                 wall s   rows/s      CPU s/M rows  (system)   RSS MB   octets/row on disk\n',
);

const append = meter();
let rows = 0;
while (rows < rowsWanted) {
  const batch = batches[(rows / FLOW_BATCH_ROWS_DEFAULT) % BATCHES]!;
  const buffer = sender.acquire();
  if (buffer === undefined || (rate > 0 && rows / rate > append.seconds())) {
    if (buffer !== undefined) sender.release(buffer);
    await new Promise((resolve) => setTimeout(resolve, 1));
    continue;
  }
  new Uint8Array(buffer).set(new Uint8Array(batch.buffer, 0, batch.extra.byteOffset));
  sender.send(buffer, noteOfFlowBatch(batch));
  rows += batch.rowCount;
}
await sender.drained();
await store.flush();
await report('append (+ sealing)', append);
const rest = meter();
await store.seal();
await report('seal the rest', rest);
await report('together', append);

const timeRange = { fromMs: START_MS - 3_600_000, toMs: START_MS + 7_200_000 };
for (const groupBy of [['srcAddr'], ['protocol'], ['srcAddr', 'dstAddr', 'srcPort', 'dstPort', 'protocol']]) {
  const plan = parseQueryPlan({ kind: 'groups', timeRange, groupBy });
  for (const warmth of ['', 'warm ']) {
    const clock = meter();
    await store.query(plan);
    await report(`${warmth}top 10 ${groupBy.length > 2 ? '5-tuple' : groupBy.join()}`, clock);
  }
}
await store.close();
rmSync(directory, { recursive: true, force: true });

function meter() {
  const cpu = process.cpuUsage();
  const start = performance.now();
  return { seconds: () => (performance.now() - start) / 1000, cpu: () => process.cpuUsage(cpu) };
}

async function report(step: string, clock: ReturnType<typeof meter>): Promise<void> {
  const [seconds, cpu] = [clock.seconds(), clock.cpu()];
  const { octetsOnDisk, rowCount, openRowCount, counters } = await store.status();
  const columns = [
    step.padEnd(20),
    seconds.toFixed(2).padStart(6),
    `${(rows / seconds / 1e6).toFixed(2)} M`.padStart(8),
    ((cpu.user + cpu.system) / rows).toFixed(3).padStart(17),
    `(${(cpu.system / rows).toFixed(3)})`.padStart(10),
    (process.memoryUsage().rss / 1e6).toFixed(0).padStart(9),
    (octetsOnDisk / rowCount).toFixed(1).padStart(12),
    `   open ${openRowCount}, delayed ${counters.batchesDelayed}`,
  ];
  process.stdout.write(`${columns.join(' ')}\n`);
}
