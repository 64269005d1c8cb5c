import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { createManualClock, renderMetrics, silentLogger, systemClock, UserError } from '@weir/base';
import { nativeCallsUnavailable } from '@weir/host';
import { afterEach, describe, expect, test } from 'vitest';
import { type Collector, type CollectorOptions, createCollector } from './collector.ts';
import { type CountingStore, type CountingStoreOptions, createCountingStore } from './counting-store.ts';
import { openBoundedDatagramSender } from './datagram-sender.ts';
import { createFlowSource, type FlowSourceInput } from './flow-source.ts';
import { generateRecords } from './generate-records.ts';
import type { ReceiverKind } from './polled-receiver.ts';
import { createRecordMix } from './record-mix.ts';
import type { SocketAddress } from './socket-address.ts';

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const RECEIVERS: ReceiverKind[] = nativeCallsUnavailable() === undefined ? ['recvmmsg', 'dgram'] : ['dgram'];

/** A source on a port of the kernel's choice. */
function freeSource(input: Partial<FlowSourceInput> = {}) {
  const source = createFlowSource({
    name: 'test',
    monitoringAddress: '127.0.0.1',
    monitoringPort: 1,
    ...input,
  });
  return { ...source, monitoringPort: 0 };
}

interface Running {
  collector: Collector;
  store: CountingStore;
  to: SocketAddress;
  stop(): Promise<void>;
}

async function startCollector(
  options: Partial<CollectorOptions> = {},
  storeOptions: CountingStoreOptions = {},
): Promise<Running> {
  const store = createCountingStore(storeOptions);
  cleanUps.push(() => store.close());
  const sources = options.sources ?? [freeSource()];
  const collector = createCollector(
    { sources, ...options },
    { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
  );
  await collector.start();
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= collector.stop();
    return stopped;
  };
  cleanUps.push(stop);
  const to = collector.address(sources[0]?.name ?? '');
  if (to === undefined) throw new Error('the collector listens nowhere');
  return { collector, store, to, stop };
}

async function listenerOf(collector: Collector) {
  const [source] = (await collector.status()).sources;
  if (source?.listener === undefined) throw new Error('the source never listened');
  return source.listener;
}

function openSender(): Promise<{
  socket: Socket;
  send(bytes: Uint8Array, to: SocketAddress): Promise<void>;
}> {
  const socket = createSocket('udp4');
  cleanUps.push(() => new Promise<void>((resolve) => void socket.close(() => resolve())));
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      resolve({
        socket,
        send: (bytes, to) =>
          new Promise((sent, failed) => {
            socket.send(bytes, to.port, to.address, (error) => (error === null ? sent() : failed(error)));
          }),
      });
    });
  });
}

/** IPFIX: options template 300 (scope ingressInterface; interfaceName, samplingInterval) and one record of it. */
const OPTIONS_MESSAGE = Uint8Array.from(
  [
    [0, 10, 0, 54, 0x65, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5],
    [0, 3, 0, 22, 1, 44, 0, 3, 0, 1, 0, 10, 0, 4, 0, 82, 0, 4, 0, 34, 0, 4],
    [1, 44, 0, 16, 0, 0, 0, 7, 0x65, 0x74, 0x68, 0x37, 0, 0, 0, 100],
  ].flat(),
);

/** Messages of a RecordMix, the first with templates. */
function mixMessages(count: number, observationDomainId = 1) {
  const mix = createRecordMix({ seed: 11, observationDomainId });
  const bytes = new Uint8Array(1500);
  const messages = Array.from({ length: count }, (_, index) =>
    bytes.slice(0, mix.writeMessage(bytes, 1_700_000_000_000, 20, index === 0)),
  );
  return { messages, totals: mix.totals };
}

describe.each(RECEIVERS)('a collector that receives with %s', (receiver) => {
  test('delivers what was sent to it, once, with every sum', async () => {
    const { collector, store, to, stop } = await startCollector({ sources: [freeSource()], receiver });
    const sent = await generateRecords(to, { records: 30_000, rate: 100_000, observationDomainId: 9 });
    await stop();
    expect(store.failures).toEqual([]);
    expect(store.sums).toEqual({ records: 30_000, octets: sent.octets, packets: sent.packets });
    expect([...store.exporters.values()]).toEqual([
      { address: '127.0.0.1', observationDomainId: 9, source: 'test', version: 10 },
    ]);
    const listener = await listenerOf(collector);
    expect(listener.receiver).toBe(receiver);
    expect(listener.counters).toMatchObject({
      datagrams: sent.datagrams,
      truncated: 0,
      refused: 0,
      nameless: 0,
    });
    expect(listener.decoder).toMatchObject({ messages: sent.messages, problems: 0, pendingKept: 0 });
    expect(listener.writer).toMatchObject({ records: 30_000, batches: store.batches, recordsDropped: 0 });
    expect(listener.exporters).toMatchObject([
      { address: '127.0.0.1', observationDomainId: 9, records: 30_000, unitsLost: 0, duplicates: 0 },
    ]);
  });

  test('a few records reach the store without more traffic', async () => {
    let arrived: () => void = () => {};
    const oneBatch = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { store, to } = await startCollector({ receiver }, { onBatch: () => arrived() });
    await generateRecords(to, { records: 3 });
    await oneBatch;
    expect(store.sums.records).toBe(3);
  });

  test('a slow store holds the socket back and loses nothing', async () => {
    const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
    const { collector, store, to, stop } = await startCollector({ receiver }, { onBatch: pause });
    await generateRecords(to, { records: 200_000, rate: 400_000 });
    await stop();
    const listener = await listenerOf(collector);
    const [exporter] = listener.exporters;
    const lost = (exporter?.unitsLost ?? 0) + listener.writer.recordsDropped;
    expect(store.sums.records).toBe(listener.writer.records);
    if (receiver === 'recvmmsg') expect(lost).toBe(0);
    expect(listener.writer.recordsDropped).toBe(0);
  });

  test('answers with status and metrics while it runs', async () => {
    const { collector, to } = await startCollector({ receiver });
    const { send } = await openSender();
    const { messages, totals } = mixMessages(5);
    for (const message of messages) await send(message, to);
    let records = 0;
    while (records < totals.records) {
      const listener = await listenerOf(collector);
      records = listener.exporters[0]?.records ?? 0;
      await nextTurn();
    }
    const text = await renderMetrics(await collector.metrics());
    expect(text).toContain('weir_collector_datagrams_total{source="test"} 5');
    expect(text).toContain(
      `weir_collector_exporter_records_total{source="test",exporter="127.0.0.1",domain="1",version="10"} ${totals.records}`,
    );
  });
});

describe.skipIf(!RECEIVERS.includes('recvmmsg'))('a store that stands still (needs native calls)', () => {
  test('what the kernel then drops is counted, in datagrams and in records', async () => {
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { collector, store, to, stop } = await startCollector(
      { receiver: 'recvmmsg' },
      { onBatch: () => released },
    );
    const { receiveBufferOctets } = await listenerOf(collector);
    // The kernel charges 2,304 octets a datagram against twice the buffer; eight batches are on their way besides.
    const datagrams = Math.ceil((2 * receiveBufferOctets) / 2304) + 10_000;
    const mix = createRecordMix({ seed: 3 });
    const sender = await openBoundedDatagramSender(to);
    const message = () => {
      const bytes = new Uint8Array(1500);
      return bytes.subarray(0, mix.writeMessage(bytes, 1_700_000_000_000, 20, mix.totals.messages === 0));
    };
    for (let sent = 0; sent < datagrams; sent += 1) await sender.send(message());
    await sender.flushed();
    release();
    let taken = -1;
    for (let now = 0; now !== taken; now = (await listenerOf(collector)).counters.datagrams) {
      taken = now;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // The loss at the end of a stream shows when the stream goes on.
    await sender.send(message());
    await sender.flushed();
    await sender.close();
    await stop();
    const { counters, exporters, writer } = await listenerOf(collector);
    expect(counters.kernelDrops).toBeGreaterThan(0);
    expect(counters.datagrams + (counters.kernelDrops ?? 0)).toBe(datagrams + 1);
    expect(writer).toMatchObject({ records: store.sums.records, recordsDropped: 0 });
    expect(store.sums.records + (exporters[0]?.unitsLost ?? 0)).toBe(mix.totals.records);
  });
});

describe('what datagrams may do to a collector', () => {
  test('hostile ones between good ones cost the good ones nothing', async () => {
    const { collector, store, to, stop } = await startCollector();
    const { send } = await openSender();
    const { messages, totals } = mixMessages(200);
    let seed = 1;
    const random = () => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return seed >>> 8;
    };
    for (const message of messages) {
      await send(message, to);
      // Another domain, so that what a mutation says of templates and numbers is about somebody else.
      const hostile = message.slice();
      hostile[15] = 66;
      for (let flips = 0; flips < 20; flips += 1) hostile[16 + (random() % (hostile.length - 16))] = random();
      await send(hostile, to);
      await send(message.subarray(0, random() % 60), to);
      await send(
        Uint8Array.from({ length: 40 }, () => random()),
        to,
      );
    }
    await stop();
    const listener = await listenerOf(collector);
    expect(listener.counters.datagrams).toBe(800);
    expect(listener.decoder.problems).toBeGreaterThan(100);
    expect(listener.counters.refused).toBeGreaterThan(100);
    const good = store.sumsByExporter.get('127.0.0.1/1');
    expect(good?.records).toBeGreaterThanOrEqual(totals.records);
    const status = listener.exporters.find(({ observationDomainId }) => observationDomainId === 1);
    expect(status?.unitsLost).toBe(0);
    expect(status?.problemsByCode.map(({ code }) => code)).toContain('message_truncated');
  });

  test('ten thousand source ports are one exporter', async () => {
    const { collector, store, to, stop } = await startCollector();
    const { messages, totals } = mixMessages(10_000);
    for (let first = 0; first < messages.length; first += 100) {
      const hundred = messages.slice(first, first + 100);
      const sockets = await Promise.all(hundred.map(() => boundSocket()));
      for (const [index, message] of hundred.entries()) await sendFrom(sockets[index], message, to);
      for (const socket of sockets) socket.close();
    }
    await stop();
    expect(store.sums).toEqual({ records: totals.records, octets: totals.octets, packets: totals.packets });
    const listener = await listenerOf(collector);
    expect(listener.exporters).toHaveLength(1);
    expect(listener.exporters[0]).toMatchObject({
      messages: 10_000,
      unitsLost: 0,
      reordered: 0,
      restarts: 0,
    });
  });

  test('forged addresses cost the good exporter nothing and take bounded room', async () => {
    const { collector, store, to, stop } = await startCollector();
    const { send } = await openSender();
    const { messages, totals } = mixMessages(300);
    const [template] = mixMessages(1, 5).messages;
    if (template === undefined) throw new Error('the mix has no message');
    // A template of a forger's own, and data that no template fits.
    const forged = template.slice(0, 200);
    for (const [index, message] of messages.entries()) {
      await send(message, to);
      const forgers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => boundSocket(`127.${n + 1}.${index >> 7}.${(index & 127) + 1}`)),
      );
      for (const forger of forgers) await sendFrom(forger, forged, to);
      for (const forger of forgers) forger.close();
    }
    await stop();
    const listener = await listenerOf(collector);
    expect(listener.counters.datagrams).toBe(6300);
    const good = store.sumsByExporter.get('127.0.0.1/1');
    expect(good).toEqual({ records: totals.records, octets: totals.octets, packets: totals.packets });
    expect(listener.exporterCount).toBeLessThan(4200);
    expect(listener.decoder.exportersEvicted).toBe(6001 - listener.exporterCount);
  });

  test('data before its template waits for it', async () => {
    const { collector, store, to, stop } = await startCollector();
    const { send } = await openSender();
    const { messages, totals } = mixMessages(20);
    for (const message of [...messages.slice(1), ...messages.slice(0, 1)]) await send(message, to);
    await stop();
    expect(store.sums.records).toBe(totals.records);
    expect((await listenerOf(collector)).decoder).toMatchObject({ pendingKept: 19, pendingReplayed: 19 });
  });

  test('two messages in one datagram are both decoded', async () => {
    const { store, to, stop } = await startCollector();
    const { send } = await openSender();
    const { messages, totals } = mixMessages(2);
    await send(Buffer.concat(messages), to);
    await stop();
    expect(store.sums).toEqual({ records: totals.records, octets: totals.octets, packets: totals.packets });
  });

  test('loss, repetition and disorder are told apart', async () => {
    const { collector, to, stop } = await startCollector();
    const { send } = await openSender();
    const { messages } = mixMessages(8);
    const units = messages.map((message) => {
      const { getUint32 } = DataView.prototype;
      return getUint32.call(new DataView(message.buffer), 8);
    });
    const [m0, m1, m2, m3, m4, m5, m6, m7] = messages as [Uint8Array, ...Uint8Array[]];
    for (const message of [m0, m1, m1, m3, m2, m4, m6, m7])
      if (message !== undefined) await send(message, to);
    void m5;
    await stop();
    const [exporter] = (await listenerOf(collector)).exporters;
    expect(exporter).toMatchObject({ messages: 8, duplicates: 1, reordered: 1, restarts: 0 });
    expect(exporter?.unitsLost).toBe((units[6] ?? 0) - (units[5] ?? 0));
  });

  test('a type refuses what it does not name, and counts it', async () => {
    const warnings: string[] = [];
    const store = createCountingStore();
    cleanUps.push(() => store.close());
    const collector = createCollector(
      { sources: [freeSource({ type: 'IPFIX' })] },
      {
        logger: {
          ...silentLogger,
          warn: (_facts: object | string, message?: string) => void warnings.push(`${message}`),
        },
        clock: systemClock,
        connectWriter: store.connectWriter,
      },
    );
    await collector.start();
    const to = collector.address('test');
    if (to === undefined) throw new Error('the collector listens nowhere');
    const { send } = await openSender();
    const v5 = new Uint8Array(24 + 48);
    v5.set([0, 5, 0, 1]);
    for (let index = 0; index < 3; index += 1) await send(v5, to);
    await send(Uint8Array.of(0, 0, 0, 5, 0, 0, 0, 1), to);
    const { messages, totals } = mixMessages(1);
    for (const message of messages) await send(message, to);
    await collector.stop();
    expect(store.sums.records).toBe(totals.records);
    const listener = await listenerOf(collector);
    expect(listener.refusedVersions).toEqual([
      { version: 0, datagrams: 1 },
      { version: 5, datagrams: 3 },
    ]);
    expect(listener.counters.refused).toBe(4);
    const [status] = (await collector.status()).sources;
    expect(status?.remarks).toEqual([
      '1 foreign datagrams arrived on this source of type IPFIX: they are not decoded.',
      '3 NetFlow v5 datagrams arrived on this source of type IPFIX: they are not decoded.',
    ]);
    expect(warnings).toEqual([
      'NetFlow v5 datagrams arrive on a source of type IPFIX',
      'foreign datagrams arrive on a source of type IPFIX',
    ]);
  });
});

describe('start and stop', () => {
  test('a socket on :: takes IPv4 and IPv6 exporters', async () => {
    const { store, to, stop } = await startCollector({ sources: [freeSource({ monitoringAddress: '::' })] });
    expect(to.address).toBe('::');
    const one = await generateRecords({ address: '127.0.0.1', port: to.port }, { records: 100 });
    const other = await generateRecords({ address: '::1', port: to.port }, { records: 50, seed: 2 });
    await stop();
    expect(store.sumsByExporter.get('127.0.0.1/1')).toMatchObject({ records: 100, octets: one.octets });
    expect(store.sumsByExporter.get('::1/1')).toMatchObject({ records: 50, octets: other.octets });
  });

  test('a listener whose thread died is replaced', async () => {
    const errors: string[] = [];
    const clock = createManualClock();
    const store = createCountingStore();
    cleanUps.push(() => store.close());
    let connected = 0;
    const collector = createCollector(
      { sources: [freeSource()] },
      {
        logger: {
          ...silentLogger,
          error: (_facts: object | string, message?: string) => void errors.push(`${message}`),
        },
        clock,
        connectWriter() {
          connected += 1;
          if (connected > 1) return store.connectWriter();
          // A store gone mad: it hands back what never was a buffer, as soon as the listener looks.
          const { port1, port2 } = new MessageChannel();
          cleanUps.push(() => port2.close());
          port2.postMessage(new ArrayBuffer(7));
          return port1;
        },
      },
    );
    await collector.start();
    cleanUps.push(() => collector.stop());
    const first = collector.address('test');
    if (first === undefined) throw new Error('the collector listens nowhere');
    let state = '';
    while (state !== 'failed') {
      await generateRecords(first, { records: 10_000 });
      const [source] = (await collector.status()).sources;
      state = source?.state ?? '';
    }
    expect(errors).toContain('the listener ended unasked and is started again');
    clock.advance(1000);
    while (state !== 'listening') {
      await nextTurn();
      const [source] = (await collector.status()).sources;
      state = source?.state ?? '';
      expect(source?.restarts).toBe(1);
    }
    const again = collector.address('test');
    if (again === undefined) throw new Error('the collector listens nowhere');
    await generateRecords(again, { records: 100 });
    await collector.stop();
    expect(store.sums.records).toBe(100);
  });

  test.each(RECEIVERS)('a busy port is one clear line (%s)', async (receiver) => {
    const { to } = await startCollector();
    const store = createCountingStore();
    cleanUps.push(() => store.close());
    const free = freeSource({ name: 'free' });
    const busy = { ...freeSource({ name: 'busy' }), monitoringPort: to.port };
    const second = createCollector(
      { sources: [free, busy], receiver },
      { logger: silentLogger, clock: createManualClock(), connectWriter: store.connectWriter },
    );
    const failure = await second.start().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as UserError).code).toBe('port_busy');
    expect((failure as UserError).message).toBe(
      `flow source "busy": cannot listen on udp/127.0.0.1:${to.port}: another process uses this port`,
    );
    expect((await second.status()).sources.map(({ state }) => state)).toEqual(['stopped', 'stopped']);
  });

  test('templates survive a restart, so that the first record decodes at once', async () => {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'weir-collecting-'));
    cleanUps.push(() => rmSync(dataDirectory, { recursive: true }));
    const { messages, totals } = mixMessages(40);
    const { send } = await openSender();
    const first = await startCollector({ dataDirectory });
    for (const message of messages.slice(0, 20)) await send(message, first.to);
    await first.stop();
    const second = await startCollector({ dataDirectory });
    for (const message of messages.slice(20)) await send(message, second.to);
    await second.stop();
    expect(first.store.sums.records + second.store.sums.records).toBe(totals.records);
    const { decoder, exporters } = await listenerOf(second.collector);
    expect(decoder).toMatchObject({ pendingKept: 0, problems: 0 });
    expect(exporters).toMatchObject([{ messages: 20, undecodedSets: 0 }]);
  });

  test('templates are saved each minute, those of removed sources no longer', async () => {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'weir-collecting-'));
    cleanUps.push(() => rmSync(dataDirectory, { recursive: true }));
    const file = join(dataDirectory, 'templates.json');
    writeFileSync(file, '{"version":1,"sources":{"removed":{"format":1,"exporters":[]}}}');
    const clock = createManualClock();
    const store = createCountingStore();
    cleanUps.push(() => store.close());
    const collector = createCollector(
      { sources: [freeSource()], dataDirectory },
      { logger: silentLogger, clock, connectWriter: store.connectWriter },
    );
    await collector.start();
    cleanUps.push(() => collector.stop());
    const { send } = await openSender();
    const to = collector.address('test');
    for (const message of mixMessages(1).messages) if (to !== undefined) await send(message, to);
    while ((await listenerOf(collector)).exporters.length === 0) await nextTurn();
    clock.advance(60_000);
    while (readFileSync(file, 'utf8').includes('removed')) await nextTurn();
    const saved = JSON.parse(readFileSync(file, 'utf8'));
    expect(saved.sources.test.exporters[0]).toMatchObject({ exporterAddress: '127.0.0.1', source: 'test' });
  });

  test.each([
    ['no JSON', '{"version":1,'],
    ['another version', '{"version":2,"sources":{}}'],
    ['nonsense for a snapshot', '{"version":1,"sources":{"test":{"exporters":[1,{"domains":{}}]}}}'],
    ['a list', '[]'],
  ])('saved templates that are damaged (%s) are left alone', async (_what, text) => {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'weir-collecting-'));
    cleanUps.push(() => rmSync(dataDirectory, { recursive: true }));
    writeFileSync(join(dataDirectory, 'templates.json'), text);
    const { store, to, stop } = await startCollector({ dataDirectory });
    await generateRecords(to, { records: 50 });
    await stop();
    expect(store.sums.records).toBe(50);
    const saved = JSON.parse(readFileSync(join(dataDirectory, 'templates.json'), 'utf8'));
    expect(saved.sources.test.exporters[0].domains[0].templates).toHaveLength(4);
  });

  test('options records tell interfaces and sampling', async () => {
    const { collector, store, to } = await startCollector();
    const { send } = await openSender();
    await send(OPTIONS_MESSAGE, to);
    let options = await collector.options();
    while (options.length === 0) options = await collector.options();
    expect(options).toEqual([
      {
        address: '127.0.0.1',
        observationDomainId: 5,
        source: 'test',
        version: 10,
        interfaces: [{ ifIndex: 7, name: 'eth7', description: undefined }],
        sampling: { domainRate: 0, samplers: [], interfaces: [[7, 100]] },
      },
    ]);
    expect(store.sums.records).toBe(0);
  });

  test('a disabled source opens nothing', async () => {
    const store = createCountingStore();
    const collector = createCollector(
      { sources: [{ ...freeSource(), enabled: false }] },
      { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
    );
    await collector.start();
    expect((await collector.status()).sources).toMatchObject([{ state: 'disabled' }]);
    expect(collector.address('test')).toBeUndefined();
    await collector.stop();
    expect(store.batches).toBe(0);
  });

  test.each([] as [Partial<FlowSourceInput>, string][])('%j is refused, not ignored', (input, parameter) => {
    const create = () =>
      createCollector(
        { sources: [freeSource(input)] },
        {
          logger: silentLogger,
          clock: systemClock,
          connectWriter: () => {
            throw new Error('not reached');
          },
        },
      );
    expect(create).toThrow(
      `flow source "test": ${parameter}: not supported by this version; allowed: leave it out`,
    );
  });
});

function boundSocket(address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, address, () => resolve(socket));
  });
}

function sendFrom(socket: Socket | undefined, bytes: Uint8Array, to: SocketAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    socket?.send(bytes, to.port, to.address, (error) => (error === null ? resolve() : reject(error)));
  });
}
