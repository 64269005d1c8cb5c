/** The server over the real store: records written as batches come back through the API. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createBufferSender, silentLogger, systemClock } from '@weir/base';
import {
  createFlowBatch,
  FLOW_BATCH_ROWS_DEFAULT,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowBatchNote,
  type FlowColumnName,
  flowBatchOctets,
  noteOfFlowBatch,
  setPresent,
  setU64FromNumber,
} from '@weir/ipfix';
import { type FlowStore, openStore } from '@weir/storage';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeStore } from './describe-status.ts';
import { createServer, type Server } from './server.ts';

const ROWS = 300;
let folder: string;
let store: FlowStore;
let server: Server;
const endMs = Math.floor(Date.now() / 1000) * 1000 - 30_000;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-server-'));
  store = await openStore({ dataDirectory: folder, logger: silentLogger });
  await write(store);
  const status = async () => ({
    version: '0.1.0',
    startedAt: 0,
    demo: false,
    metering: { state: 'off' as const, reason: 'a test' },
    listeners: [],
    exporters: [],
    store: describeStore(await store.status()),
  });
  server = createServer({ port: 0, store, status, logger: silentLogger, clock: systemClock });
});

afterAll(async () => {
  await server?.stop();
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Row r: TCP from 10.0.0.(r mod 3) to 192.0.2.1, 1000 octets and 2 packets over ten seconds; each tenth was
 * dropped.
 */
async function write(into: FlowStore): Promise<void> {
  const port = into.connectWriter();
  const sender = createBufferSender<FlowBatchNote>(port, 2, flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT));
  const buffer = sender.acquire();
  if (buffer === undefined) throw new Error('a new channel has a buffer');
  const batch = createFlowBatch(FLOW_BATCH_ROWS_DEFAULT, buffer);
  batch.exporters.push({ address: '192.0.2.9', observationDomainId: 0, source: 'test', version: 10 });
  for (let row = 0; row < ROWS; row++) fill(batch, row);
  batch.rowCount = ROWS;
  sender.send(buffer, noteOfFlowBatch(batch));
  await sender.drained();
  sender.close();
}

function fill(batch: FlowBatch, row: number): void {
  const { columns } = batch;
  const set64 = (name: 'receivedAt' | 'flowStart' | 'flowEnd' | 'octets' | 'packets', value: number): void =>
    setU64FromNumber(columns[name], row, value);
  set64('receivedAt', endMs);
  set64('flowStart', endMs - 10_000);
  set64('flowEnd', endMs - row);
  set64('octets', 1000);
  set64('packets', 2);
  columns.exporter[row] = 0;
  setAddress(columns.srcAddrHi, columns.srcAddrLo, row, 0x0a000000 + (row % 3));
  setAddress(columns.dstAddrHi, columns.dstAddrLo, row, 0xc0000201);
  columns.protocol[row] = 6;
  columns.srcPort[row] = 40_000;
  columns.dstPort[row] = 443;
  columns.forwardingStatus[row] = row % 10 === 0 ? 0x80 : 0x40;
  batch.extraEnd[row] = 0;
  for (const name of PRESENT) setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
}

const PRESENT: readonly FlowColumnName[] = [
  'receivedAt',
  'flowStart',
  'flowEnd',
  'octets',
  'packets',
  'exporter',
  'srcAddrHi',
  'srcAddrLo',
  'dstAddrHi',
  'dstAddrLo',
  'protocol',
  'srcPort',
  'dstPort',
  'forwardingStatus',
];

function setAddress(hi: Uint32Array, lo: Uint32Array, row: number, ipv4: number): void {
  setU64FromNumber(hi, row, 0);
  lo[row * 2] = ipv4 >>> 0;
  lo[row * 2 + 1] = 0xffff;
}

async function get(url: string): Promise<Record<string, unknown>> {
  const answer = await server.inject({ path: url, headers: { host: 'localhost' } });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

test('ranks sources', async () => {
  expect(await get('/api/v1/query?by=srcAddr&top=2')).toMatchObject({
    rows: [
      { srcAddr: '10.0.0.0', octets: 100_000, packets: 200, flows: 100 },
      { srcAddr: '10.0.0.1', octets: 100_000, packets: 200, flows: 100 },
    ],
    total: { octets: 300_000, packets: 600, flows: 300 },
  });
});

test('spreads octets over the time of the flows and loses none', async () => {
  const body = await get('/api/v1/series?by=protocol&last=5m');
  const { series } = body as unknown as import('./answers.ts').SeriesAnswer;
  expect(series.map((line) => line.key)).toEqual([[6]]);
  const sum = series[0]?.octets.reduce((total, value) => total + value, 0);
  expect(sum).toBeCloseTo(300_000, -1);
  expect(series[0]?.flows.reduce((total, value) => total + value, 0)).toBe(300);
  expect(series[0]?.octets.filter((value) => value > 0).length).toBeGreaterThan(3);
});

test('gives records page by page, and finds the dropped ones', async () => {
  const first = await get('/api/v1/flows?limit=20&filter=dropped');
  expect(first).toMatchObject({
    flows: { length: 20, 0: { srcAddr: '10.0.0.0', dstPort: 443, exporter: '192.0.2.9' } },
  });
  const second = await get(`/api/v1/flows?limit=20&filter=dropped&cursor=${first['next']}`);
  expect(second).toMatchObject({ flows: { length: 10 }, next: null });
});

test('counts what arrived in the last minute', async () => {
  expect(await get('/api/v1/pulse?filter=src%2010.0.0.1')).toMatchObject({
    flows: 100,
    octets: 100_000,
    exporters: 1,
  });
});

test('knows what is kept', async () => {
  const { store: kept } = (await get('/api/v1/status')) as { store: Record<string, unknown> };
  expect(kept).toMatchObject({ dataDirectory: folder, records: ROWS, newestAt: endMs });
});
