import { MessageChannel } from 'node:worker_threads';
import { createBufferSender, receiveBuffers, silentLogger } from '@weir/base';
import {
  createFlowBatch,
  FLOW_BATCH_ROWS_DEFAULT,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowBatchNote,
  flowBatchOctets,
  isPresent,
  noteOfFlowBatch,
  setPresent,
  viewFlowBatch,
} from '@weir/ipfix';
import { expect, test } from 'vitest';
import { createStagedWriter } from './staged-writer.ts';

const FILLED = [
  'receivedAt',
  'exporter',
  'srcAddrHi',
  'srcAddrLo',
  'dstAddrHi',
  'dstAddrLo',
  'srcPort',
  'dstPort',
  'protocol',
  'inIf',
] as const;

/** Rows of one conversation: from 10.0.0.1 to 10.0.0.2 and back. */
function fill(batch: FlowBatch, rows: number): void {
  const { columns } = batch;
  batch.exporters.push({ address: 'local', observationDomainId: 0, source: 'local', version: 0 });
  for (let row = 0; row < rows; row += 1) {
    const isForward = row % 2 === 0;
    columns.receivedAt.set([1_000_000, 400], row * 2);
    columns.srcAddrLo.set([isForward ? 0x0a000001 : 0x0a000002, 0xffff], row * 2);
    columns.dstAddrLo.set([isForward ? 0x0a000002 : 0x0a000001, 0xffff], row * 2);
    columns.srcPort[row] = isForward ? 40_000 : 443;
    columns.dstPort[row] = isForward ? 443 : 40_000;
    columns.protocol[row] = 6;
    columns.inIf[row] = 2;
  }
  for (const name of FILLED) setPresent(batch, FLOW_COLUMN_INDEX[name], 0, rows);
  batch.rowCount = rows;
}

test('passes batches on with their marks and names, and every buffer back', async () => {
  const store = new MessageChannel();
  const seen: { rows: number; sessions: number; name: string | undefined }[] = [];
  receiveBuffers<FlowBatchNote>(
    store.port1,
    async (buffer, note) => {
      const batch = viewFlowBatch(buffer, note);
      const ids = new Set(batch.columns.sessionId.subarray(0, batch.rowCount * 2));
      const isNamed = isPresent(batch, 'inIfName', 0);
      const name = isNamed ? batch.labels[batch.columns.inIfName[0] ?? -1] : undefined;
      expect(isPresent(batch, 'sessionSide', 1) && batch.columns.sessionSide[1]).toBe(1);
      seen.push({ rows: batch.rowCount, sessions: ids.size / 2, name });
    },
    (error) => seen.push({ rows: -1, sessions: -1, name: String(error) }),
  );
  const writer = createStagedWriter({
    logger: silentLogger,
    connectWriter: () => store.port2,
    enrichment: undefined,
  });
  await writer.start();
  writer.setNames({ interfaces: [{ ifIndex: 2, name: 'eth0' }], peers: [] });
  await writer.counters();
  const sender = createBufferSender<FlowBatchNote>(writer.port, 2, flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT));
  for (let sent = 0; sent < 5; sent += 1) {
    let buffer = sender.acquire();
    while (buffer === undefined) {
      await sender.drained();
      buffer = sender.acquire();
    }
    const batch = createFlowBatch(FLOW_BATCH_ROWS_DEFAULT, buffer);
    fill(batch, 1000);
    sender.send(batch.buffer, noteOfFlowBatch(batch));
  }
  await sender.drained();
  expect(seen).toEqual(Array.from({ length: 5 }, () => ({ rows: 1000, sessions: 1, name: 'eth0' })));
  expect((await writer.counters())?.sessions).toMatchObject({ records: 5000, sessions: 1, paired: 1 });
  sender.close();
  await writer.stop();
  store.port1.close();
});
