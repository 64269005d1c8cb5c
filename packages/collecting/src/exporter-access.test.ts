/** Whom a collector hears, how much of each, what it calls them, and what it still knows after a restart. */
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@weir/base';
import { nativeCallsUnavailable } from '@weir/host';
import { createMessageEncoder, type Template } from '@weir/ipfix';
import { afterEach, describe, expect, test } from 'vitest';
import { type Collector, type CollectorOptions, createCollector } from './collector.ts';
import { createCountingStore } from './counting-store.ts';
import { createFlowSource, type FlowSourceInput } from './flow-source.ts';
import type { ReceiverKind } from './polled-receiver.ts';
import { createRecordMix } from './record-mix.ts';

const RECEIVERS: ReceiverKind[] = nativeCallsUnavailable() === undefined ? ['recvmmsg', 'dgram'] : ['dgram'];
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function freeSource(input: Partial<FlowSourceInput>) {
  const source = createFlowSource({
    name: 'test',
    monitoringAddress: '127.0.0.1',
    monitoringPort: 1,
    ...input,
  });
  return { ...source, monitoringPort: 0 };
}

async function start(input: Partial<FlowSourceInput>, options: Partial<CollectorOptions> = {}) {
  const store = createCountingStore();
  const collector = createCollector(
    { sources: [freeSource(input)], ...options },
    { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
  );
  cleanUps.push(() => store.close());
  await collector.start();
  cleanUps.push(() => collector.stop());
  return { store, collector, port: collector.address('test')?.port ?? 0 };
}

function boundSocket(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, address, () => resolve(socket));
  });
}

function send(socket: Socket, bytes: Uint8Array, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(bytes, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
  });
}

async function sendMix(address: string, port: number, messages: number): Promise<number> {
  const socket = await boundSocket(address);
  const mix = createRecordMix();
  const bytes = new Uint8Array(1500);
  for (let index = 0; index < messages; index += 1) {
    await send(socket, bytes.subarray(0, mix.writeMessage(bytes, Date.now(), 20, index === 0)), port);
  }
  await new Promise<void>((resolve) => void socket.close(() => resolve()));
  return mix.totals.records;
}

async function listenerOf(collector: Collector) {
  const [source] = (await collector.status()).sources;
  if (source?.listener === undefined) throw new Error('the source never listened');
  return source.listener;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe.each(RECEIVERS)('over UDP, %s', (receiver) => {
  test('strangers cost a counter; who is allowed loses nothing to thousands of them', async () => {
    const { store, collector, port } = await start(
      { allow: ['127.3.0.0/24', '2001:db8::/32'] },
      { receiver },
    );
    let records = 0;
    for (let block = 0; block < 24; block += 1) {
      records += await sendMix('127.3.0.1', port, 5);
      for (let host = 1; host <= 25; host += 1) await sendMix(`127.4.${block}.${host}`, port, 1);
    }
    await until(async () => (await listenerOf(collector)).counters.strangers === 600);
    await collector.stop();
    const { counters, exporters, decoder } = await listenerOf(collector);
    expect(store.sums.records).toBe(records);
    expect(counters).toMatchObject({ datagrams: 120, strangers: 600 });
    expect(exporters.map(({ address }) => address)).toEqual(['127.3.0.1']);
    expect(decoder.datagrams).toBe(120);
  }, 30_000);

  test('an exporter sends as much as it may; the rest is counted and told', async () => {
    const { store, collector, port } = await start({ limits: { datagramsPerSecond: 10 } }, { receiver });
    await sendMix('127.3.0.1', port, 500);
    await until(async () => (await listenerOf(collector)).counters.datagrams === 500);
    const others = await sendMix('127.3.0.2', port, 5);
    await until(async () => (await listenerOf(collector)).exporters.length === 2);
    const { counters, exporters } = await listenerOf(collector);
    expect(counters.rateLimited).toBeGreaterThan(300);
    const [limited, good] = ['127.3.0.1', '127.3.0.2'].map((address) =>
      exporters.find((exporter) => exporter.address === address),
    );
    expect(good?.records).toBe(others);
    expect(limited?.messages).toBe(500 - counters.rateLimited);
    await collector.stop();
    expect(store.sums.records).toBe((limited?.records ?? 0) + others);
  }, 30_000);
});

test('over TCP a stranger is reset', async () => {
  const { collector, port } = await start({ transport: 'tcp', allow: ['127.3.0.0/24'] });
  const outcome = (localAddress: string) =>
    new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port, localAddress });
      socket.on('error', () => resolve('reset'));
      socket.on('close', () => resolve('reset'));
      socket.on('connect', () => {
        setTimeout(() => {
          resolve('open');
          socket.destroy();
        }, 300);
      });
    });
  expect(await Promise.all([outcome('127.3.0.9'), outcome('127.4.0.9')])).toEqual(['open', 'reset']);
  expect((await listenerOf(collector)).counters.strangers).toBe(1);
});

test('names and option records: configured, told, kept over a restart', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'weir-exporters-'));
  cleanUps.push(() => rmSync(dataDirectory, { recursive: true, force: true }));
  const exporters = [{ address: '127.3.0.1', name: 'core1' }];
  const first = await start({}, { dataDirectory, exporters });
  await sendMix('127.3.0.1', first.port, 2);
  const socket = await boundSocket('127.3.0.2');
  await sendOptions(socket, first.port);
  socket.close();
  await until(async () => (await first.collector.exporters()).length === 2);
  const names = (await first.collector.exporters()).map(({ name, origin }) => `${origin} ${name}`);
  expect(names.sort()).toEqual(['configured core1', 'told edge of the lab']);
  await first.collector.stop();

  const second = await start({}, { dataDirectory });
  const again = await boundSocket('127.3.0.2');
  await send(
    again,
    messagesOf((encoder) => encoder.addTemplate(INTERFACE))[0] ?? new Uint8Array(),
    second.port,
  );
  again.close();
  await until(async () => (await second.collector.exporters()).length > 0);
  expect(await second.collector.exporters()).toMatchObject([
    {
      address: '127.3.0.2',
      name: 'edge of the lab',
      named: { interfaces: 2 },
      templates: [{ options: true }],
    },
  ]);
}, 30_000);

const INTERFACE: Template = {
  templateId: 256,
  scopeFieldCount: 1,
  fields: [
    { enterpriseNumber: 0, elementId: 10, length: 4 },
    { enterpriseNumber: 0, elementId: 82, length: 65535 },
    { enterpriseNumber: 0, elementId: 300, length: 65535 },
  ],
};

function messagesOf(write: (encoder: ReturnType<typeof createMessageEncoder>) => void): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const encoder = createMessageEncoder({
    observationDomainId: 1,
    exportTimeMs: () => Date.now(),
    onMessage(bytes, octets) {
      messages.push(bytes.slice(0, octets));
      return bytes;
    },
  });
  write(encoder);
  encoder.flush();
  return messages;
}

async function sendOptions(socket: Socket, port: number): Promise<void> {
  const messages = messagesOf((encoder) => {
    encoder.addTemplate(INTERFACE);
    for (const [ifIndex, name] of [
      [1, 'eth0'],
      [2, 'eth1'],
    ] as const) {
      const fields = { interfaceName: name, observationDomainName: 'edge of the lab' };
      encoder.addRecord(INTERFACE, { scope: { ingressInterface: ifIndex }, fields });
    }
  });
  for (const message of messages) await send(socket, message, port);
}
