/**
 * A program for the crash test: fills the store in the folder of its argument until it is killed. Records
 * are numbered in `flowId`; after each flush a line on stdout says how many are safe.
 */
import { createBufferSender, silentLogger } from '@weir/base';
import { FLOW_BATCH_ROWS_DEFAULT, type FlowBatchNote, flowBatchOctets, noteOfFlowBatch } from '@weir/ipfix';
import { openStore } from './flow-store.ts';
import { batchOf } from './test-batch.ts';

const ROWS = 1000;
const dataDirectory = process.argv[2]!;
const firstId = Number(process.argv[3]);

const options = { segmentRowsMax: 20_000, threads: 1 };
const store = await openStore({ dataDirectory, logger: silentLogger, options });
const sender = createBufferSender<FlowBatchNote>(
  store.connectWriter(),
  4,
  flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT),
);

for (let id = firstId; ; id += ROWS) {
  const records = Array.from({ length: ROWS }, (_, row) => ({
    receivedAt: 1_763_000_000_000 + (id % 7) * 3_600_000,
    exporter: 0,
    flowId: id + row,
    octets: 1,
  }));
  const batch = batchOf(records, [
    { address: `192.0.2.${id % 200}`, observationDomainId: id, source: 's', version: 10 },
  ]);
  let buffer = sender.acquire();
  while (buffer === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    buffer = sender.acquire();
  }
  new Uint8Array(buffer).set(new Uint8Array(batch.buffer));
  sender.send(buffer, noteOfFlowBatch(batch));
  if (id % (10 * ROWS) === 0) {
    await sender.drained();
    await store.flush();
    process.stdout.write(`${id + ROWS}\n`);
  }
}
