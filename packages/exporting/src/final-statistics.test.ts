/** What a collector knows of a process that has ended: its last totals, also when it was away and reads them later. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock, type ManualClock, silentLogger } from '@weir/base';
import { createRecordDecoder, decodeRecords } from '@weir/ipfix';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCollectorFixture, transportsOf } from './collector-fixture.ts';
import { createExporter, type Exporter, type ExporterOptions } from './exporter.ts';
import { batchOf } from './flow-fixture.ts';
import { parseProfile } from './profile.ts';
import { createStreamCollector, type StreamCollector } from './stream-collector-fixture.ts';

const START_MS = 1_700_000_000_000;
/** Of the Metering Process, as the last that it said. */
const METERING: Pick<ExporterOptions, 'meteringLoss' | 'meteringState'> = {
  meteringLoss: () => ({ ignoredPackets: 7, ignoredOctets: 700, firstMs: START_MS, lastMs: START_MS }),
  meteringState: () => ({ cacheFlows: 0, cacheFlowsPeak: 12, droppedPackets: 3, droppedOctets: 180 }),
};

let spool = '';
let collector: StreamCollector;
let clock: ManualClock;

beforeEach(async () => {
  spool = mkdtempSync(join(tmpdir(), 'weir-final-'));
  collector = createStreamCollector();
  clock = createManualClock(START_MS);
  await collector.start();
});
afterEach(async () => {
  await collector.stop();
  rmSync(spool, { recursive: true });
});

/** A process that exports to the collector, and spools while that is away. */
async function start(options: typeof METERING = METERING): Promise<Exporter> {
  const metadata = { IpFixCollectors: [`Tcp/127.0.0.1:${collector.port}`], SpoolDirectory: spool };
  const profile = parseProfile(JSON.stringify({ FlowMetadata: metadata }), 'test.profile');
  const exporter = createExporter(profile, { logger: silentLogger, clock, random: () => 0, ...options });
  await exporter.start();
  return exporter;
}

/** Flows whose octets number them. */
function send(exporter: Exporter, from: number, to: number): void {
  const numbered = Array.from({ length: to - from + 1 }, (_, index) => ({
    source: '10.0.0.1',
    destination: '192.0.2.1',
    protocol: 6,
    octets: from + index,
    packets: 2,
    direction: 1,
  }));
  exporter.export(batchOf(numbered));
  exporter.flush();
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 4000; i += 1) {
    if (isSo()) return;
    clock.advance(50);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`never: ${what}`);
}

async function stop(exporter: Exporter): Promise<void> {
  let isStopped = false;
  const stopping = exporter.stop().then(() => {
    isStopped = true;
  });
  await until(() => isStopped, 'stopped');
  await stopping;
}

function arrived(count: number): Promise<void> {
  return until(() => collector.flowOctets.length >= count, `${count} flows arrived`);
}

/** Stops the collector, and gives what the exporter is then sure to know. */
async function leave(exporter: Exporter): Promise<void> {
  await collector.stop();
  await until(() => exporter.collectors()[0]?.state === 'spooling', 'noticed');
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** Totals that say whose they are. */
function finalTotals() {
  return collector.optionRecords.filter(({ scope, fields }) => {
    const isOfProcess = scope?.['exportingProcessId'] !== undefined;
    return isOfProcess && fields['exportedFlowRecordTotalCount'] !== undefined;
  });
}

function lastTotals(name: string): unknown {
  return collector.optionRecords.findLast(({ fields }) => fields[name] !== undefined)?.fields[name];
}

test('a collector that is there is told totals with all that was sent before them', async () => {
  const exporter = await start();
  for (let i = 0; i < 20; i += 1) send(exporter, i * 500 + 1, (i + 1) * 500);
  await stop(exporter);
  expect(collector.flowOctets).toEqual(numbers(10_000));
  expect(lastTotals('exportedFlowRecordTotalCount')).toBe(10_000);
  expect(finalTotals()).toEqual([]);
  expect(readdirSync(spool, { recursive: true }).filter((name) => String(name).endsWith('.ipfix'))).toEqual(
    [],
  );
});

test('so is one over UDP', async () => {
  const fixture = createCollectorFixture();
  const profile = parseProfile('{"FlowMetadata":{"IpFixCollectors":["Udp/192.0.2.1:1"]}}', 'test.profile');
  const createTransport = transportsOf([fixture]);
  const exporter = createExporter(profile, { logger: silentLogger, clock, createTransport });
  await exporter.start();
  for (let i = 0; i < 20; i += 1) send(exporter, i * 500 + 1, (i + 1) * 500);
  await stop(exporter);
  const session = { exporterAddress: 'x', localSocket: 'test', transport: 'udp', source: 'test' } as const;
  const found = decodeRecords(fixture.datagrams, session, createRecordDecoder());
  const totals = [...found].flatMap((record) =>
    'fields' in record && record.fields['exportedFlowRecordTotalCount'] !== undefined
      ? [record.fields['exportedFlowRecordTotalCount']]
      : [],
  );
  expect(totals.at(-1)).toBe(10_000);
});

test('one that was away reads them later, with their time and whose they are', async () => {
  const first = await start();
  send(first, 1, 50);
  await arrived(50);
  await leave(first);
  send(first, 51, 80);
  const stoppedAtMs = clock.nowMs();
  await stop(first);
  await collector.start();
  clock.advance(3_600_000);
  const second = await start();
  send(second, 81, 100);
  await arrived(100);
  await stop(second);

  expect(collector.flowOctets).toEqual(numbers(100));
  expect(collector.problems).toEqual([]);
  const [final, ...others] = finalTotals();
  expect(others).toEqual([]);
  expect(final?.scope).toEqual({ exportingProcessId: process.pid, observationDomainId: 1 });
  expect(final?.fields).toMatchObject({
    exportedFlowRecordTotalCount: 50,
    notSentFlowTotalCount: 0,
    ignoredPacketTotalCount: 7,
    ignoredOctetTotalCount: 700,
    droppedPacketTotalCount: 3,
    droppedOctetTotalCount: 180,
    flowCacheEntries: 0,
    flowCachePeakEntries: 12,
  });
  const atMs = Date.parse(String(final?.fields['observationTimeMilliseconds']));
  expect(atMs).toBeGreaterThanOrEqual(stoppedAtMs);
  expect(atMs).toBeLessThan(stoppedAtMs + 60_000);
  // What both processes say they sent is what arrived: nothing is missing, nothing counted twice.
  expect(50 + Number(lastTotals('exportedFlowRecordTotalCount'))).toBe(100);
});

test('each process that ends meanwhile has its own, behind its flows', async () => {
  const places: number[] = [];
  const first = await start();
  await leave(first);
  send(first, 1, 10);
  await stop(first);
  for (let run = 1; run < 4; run += 1) {
    const next = await start({});
    send(next, run * 10 + 1, (run + 1) * 10);
    await stop(next);
  }
  await collector.start();
  const last = await start();
  await until(() => {
    while (places.length < finalTotals().length) places.push(collector.flowOctets.length);
    return places.length === 4;
  }, 'all said their last');
  await stop(last);
  expect(collector.flowOctets).toEqual(numbers(40));
  // Each is read when the flows of its process are.
  for (const [index, flows] of places.entries()) expect(flows).toBeGreaterThanOrEqual((index + 1) * 10);
  expect(finalTotals().map(({ fields }) => fields['exportedFlowRecordTotalCount'])).toEqual([0, 0, 0, 0]);
  expect(finalTotals().map(({ fields }) => fields['droppedPacketTotalCount'])).toEqual([
    3,
    undefined,
    undefined,
    undefined,
  ]);
  expect(last.collectors()[0]?.counters).toMatchObject({ flowsSent: 40, flowsNotSent: 0 });
});

test('a file of the spool says it to whoever reads it', async () => {
  const first = await start();
  send(first, 1, 50);
  await arrived(50);
  await leave(first);
  send(first, 51, 80);
  await stop(first);
  const [name = ''] = readdirSync(spool, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.ipfix'));
  const session = { exporterAddress: 'x', localSocket: 'test', transport: 'file', source: 'test' } as const;
  const records = [...decodeRecords([readFileSync(join(spool, name))], session, createRecordDecoder())];
  expect(records.filter((record) => 'error' in record)).toEqual([]);
  expect(records).toHaveLength(31);
  expect(records.at(-1)).toMatchObject({
    fields: { exportedFlowRecordTotalCount: 50, droppedPacketTotalCount: 3 },
  });
});
