/** Collectors that listen on TCP, spoken to by sockets of this test: sums, counters, limits, and an orderly end. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { renderMetrics, silentLogger, systemClock } from '@weir/base';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { createCollector } from './collector.ts';
import { type CountingStoreOptions, createCountingStore } from './counting-store.ts';
import { createFlowSource, type FlowSourceInput } from './flow-source.ts';
import type { ListenerStatus } from './listener-status.ts';
import { createRecordMix } from './record-mix.ts';

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startCollector(input: Partial<FlowSourceInput> = {}, storeOptions: CountingStoreOptions = {}) {
  const store = createCountingStore(storeOptions);
  const source = createFlowSource({
    name: 'test',
    monitoringAddress: '127.0.0.1',
    monitoringPort: 1,
    transport: 'tcp',
    ...input,
  });
  const collector = createCollector(
    { sources: [{ ...source, monitoringPort: 0 }] },
    { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
  );
  await collector.start();
  const port = collector.address('test')?.port ?? 0;
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= collector.stop();
    return stopped;
  };
  cleanUps.push(() => store.close(), stop);
  async function status(): Promise<ListenerStatus> {
    const [only] = (await collector.status()).sources;
    if (only?.listener === undefined) throw new Error('the source never listened');
    return only.listener;
  }
  return { collector, store, port, stop, status, stream: async () => (await status()).stream };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  cleanUps.push(() => socket.destroy());
  // A collector that refuses may reset the connection before we know that there was one.
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', () => resolve());
  });
  return socket;
}

/** Messages of a RecordMix as one piece of a stream, the first with templates. */
function mixStream(count: number, observationDomainId = 1, seed = 11) {
  const mix = createRecordMix({ seed, observationDomainId });
  const bytes = new Uint8Array(1500);
  const messages = Array.from({ length: count }, (_, index) =>
    Buffer.from(bytes.slice(0, mix.writeMessage(bytes, 1_700_000_000_000, 20, index === 0))),
  );
  const { records, octets, packets } = mix.totals;
  return { messages, stream: Buffer.concat(messages), sums: { records, octets, packets } };
}

function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) =>
    socket.write(bytes, (error) => (error ? reject(error) : resolve())),
  );
}

/** Resolves when the other side has closed the connection, in order or not. */
function ended(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve();
  socket.resume();
  return new Promise((resolve) => {
    socket.once('end', resolve);
    socket.once('close', () => resolve());
  });
}

/** Asks until the answer satisfies; what comes over a socket comes in its own time. */
async function until<T>(ask: () => Promise<T>, satisfied: (answer: T) => boolean): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await ask();
    if (satisfied(answer)) return answer;
    if (attempt > 500) throw new Error(`never satisfied: ${JSON.stringify(answer).slice(0, 1000)}`);
    await sleep(20);
  }
}

/** Random octets, good messages with octets changed, and good messages cut anywhere. */
function garbageOf(messages: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const random = fc.uint8Array({ minLength: 1, maxLength: 5000 }).map((bytes) => Buffer.from(bytes));
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 20 });
  const mutated = changes.map((places) => {
    const bytes = Buffer.concat(messages);
    for (const [at, octet] of places) bytes[at % bytes.length] = octet;
    return bytes;
  });
  const cut = fc.nat().map((at) => {
    const bytes = Buffer.concat(messages);
    return bytes.subarray(at % bytes.length);
  });
  return fc.oneof(random, mutated, cut);
}

/** Half-closes, as an exporter does that has sent everything, and waits for the other side's end. */
async function endInOrder(socket: Socket): Promise<void> {
  const closed = once(socket, 'close');
  socket.resume();
  socket.end();
  await closed;
}

describe('a collector that listens on TCP', () => {
  test('delivers what several exporters send, once, with every sum', async () => {
    const { store, port, stop, status } = await startCollector();
    const mixes = [1, 2, 3].map((domain) => mixStream(2000, domain, domain));
    await Promise.all(
      mixes.map(async ({ stream }) => {
        const socket = await open(port);
        await write(socket, stream);
        await endInOrder(socket);
      }),
    );
    await stop();
    expect(store.failures).toEqual([]);
    const total = mixes.reduce((sum, { sums }) => sum + sums.records, 0);
    expect(store.sums.records).toBe(total);
    for (const [index, { sums }] of mixes.entries()) {
      expect(store.sumsByExporter.get(`127.0.0.1/${index + 1}`)).toEqual(sums);
    }
    const last = await status();
    expect(last).toMatchObject({ transport: 'tcp', receiver: 'stream', unattributedProblems: [] });
    expect(last.counters).toMatchObject({
      datagrams: 6000,
      octets: mixes.reduce((sum, { stream }) => sum + stream.length, 0),
    });
    expect(last.writer).toMatchObject({ records: total, recordsDropped: 0 });
    expect(last.stream?.counters).toMatchObject({ accepted: 3, closed: { ended: 3, reset: 0, damaged: 0 } });
    expect(last.exporters.map(({ unitsLost, restarts }) => [unitsLost, restarts])).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  test('reads a stream that comes an octet at a time', async () => {
    const { store, port, stop } = await startCollector();
    const { stream, sums } = mixStream(3);
    const socket = await open(port);
    socket.setNoDelay(true);
    for (const octet of stream) await write(socket, Uint8Array.of(octet));
    await endInOrder(socket);
    await stop();
    expect(store.sums).toEqual(sums);
  });

  test('shows the records of each open connection', async () => {
    const { port, stream } = await startCollector();
    const { stream: octets, sums } = mixStream(50);
    const socket = await open(port);
    await write(socket, octets);
    const shown = await until(stream, (now) => now?.connections[0]?.records === sums.records);
    expect(shown?.connections).toMatchObject([
      { address: '127.0.0.1', port: socket.localPort, messages: 50, octets: octets.length },
    ]);
  });

  test('forgets the templates of a connection with it, and keeps its totals', async () => {
    const { store, port, stop, status } = await startCollector();
    const { messages, sums } = mixStream(20);
    const first = await open(port);
    await write(first, Buffer.concat(messages));
    await endInOrder(first);
    const second = await open(port);
    await write(second, messages[1] ?? Buffer.alloc(0));
    await endInOrder(second);
    await stop();
    expect(store.sums).toEqual(sums);
    expect((await status()).exporters).toMatchObject([
      { address: '127.0.0.1', records: sums.records, messages: 21, undecodedSets: 1 },
    ]);
  });

  test('accounts for what one connection lost, whatever another one counts', async () => {
    const { port, stop, status } = await startCollector();
    const { messages } = mixStream(10);
    const [one, other] = [await open(port), await open(port)];
    const skipped = messages[5]?.readUInt32BE(8) ?? 0;
    const lost = (messages[6]?.readUInt32BE(8) ?? 0) - skipped;
    await write(one, Buffer.concat(messages.filter((_, index) => index !== 5)));
    await write(other, Buffer.concat(messages));
    await endInOrder(one);
    await endInOrder(other);
    await stop();
    expect(lost).toBeGreaterThan(0);
    expect((await status()).exporters).toMatchObject([{ unitsLost: lost, restarts: 0, duplicates: 0 }]);
  });

  test('obeys the withdrawal of a template', async () => {
    const { port, stop, status } = await startCollector();
    const { messages } = mixStream(2);
    const withdrawal = Buffer.from([
      0, 10, 0, 24, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 8, 0, 2, 0, 0,
    ]);
    const socket = await open(port);
    await write(socket, Buffer.concat([messages[0] ?? Buffer.alloc(0), withdrawal]));
    await write(socket, messages[1] ?? Buffer.alloc(0));
    await endInOrder(socket);
    await stop();
    expect((await status()).exporters).toMatchObject([{ templateWithdrawals: 4, undecodedSets: 1 }]);
  });

  test('closes a connection whose stream is damaged, says where, and stores what came before', async () => {
    const { store, port, stop, status } = await startCollector();
    const { messages, stream } = mixStream(4);
    const good = mixStream(100, 7);
    const [bad, healthy] = [await open(port), await open(port)];
    const over = ended(bad);
    await write(bad, Buffer.concat([stream, Buffer.from('GET / HTTP/1.1\r\n\r\n'), ...messages]));
    await over;
    await write(healthy, good.stream);
    await endInOrder(healthy);
    await stop();
    expect(store.sumsByExporter.get('127.0.0.1/7')).toEqual(good.sums);
    const last = await status();
    expect(last.stream?.counters.closed).toMatchObject({ damaged: 1, ended: 1 });
    expect(last.unattributedProblems).toMatchObject([
      { code: 'stream_damaged', count: 1, lastMessage: expect.stringContaining(`(octet ${stream.length})`) },
    ]);
    expect(store.sumsByExporter.get('127.0.0.1/1')?.records).toBe(last.exporters[1]?.records);
    expect(last.exporters[1]?.messages).toBe(4);
  });

  test('closes a connection that sends one malformed message after the other', async () => {
    const { port, stop, status } = await startCollector();
    // A Set that is longer than its message.
    const malformed = Buffer.from([0, 10, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 99]);
    const socket = await open(port);
    const over = ended(socket);
    await write(socket, Buffer.concat(Array.from({ length: 20 }, () => malformed)));
    await over;
    await stop();
    const last = await status();
    expect(last.stream?.counters.closed.damaged).toBe(1);
    expect(last.decoder.messages).toBe(8);
  });

  test('stops reading while the store is behind, and loses nothing by it', async () => {
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { store, port, stop, stream } = await startCollector({}, { onBatch: () => held });
    const { stream: octets, sums } = mixStream(8000);
    const socket = await open(port);
    socket.end(octets);
    await until(stream, (now) => (now?.counters.pauses ?? 0) > 0);
    release();
    socket.resume();
    await once(socket, 'close');
    await stop();
    expect(store.sums).toEqual(sums);
  });

  test('a thousand idle connections and slow peers do not keep an exporter out', async () => {
    const { store, port, stop, stream } = await startCollector({
      connections: { max: 1100, perAddressMax: 1100 },
    });
    const idle = await Promise.all(Array.from({ length: 1000 }, () => open(port)));
    for (const socket of idle.slice(0, 500)) socket.write(Uint8Array.of(0, 10, 255));
    const { stream: octets, sums } = mixStream(500);
    const exporter = await open(port);
    await write(exporter, octets);
    await endInOrder(exporter);
    expect((await stream())?.connections.length).toBe(1000);
    for (const socket of idle) socket.destroy();
    await stop();
    expect(store.sums).toEqual(sums);
  });

  test('a flood of garbage beside an exporter costs the exporter nothing', async () => {
    const { store, port, stop, status } = await startCollector();
    const { stream: octets, sums } = mixStream(4000, 7);
    const { messages } = mixStream(30);
    const exporter = await open(port);
    const flood = fc.sample(garbageOf(messages), { numRuns: 300, seed: 5 });
    const flooding = (async () => {
      for (const garbage of flood) {
        const socket = connect({ port, host: '127.0.0.1' });
        const over = new Promise((resolve) => socket.once('close', resolve));
        socket.on('error', () => {});
        socket.resume();
        socket.end(garbage);
        await over;
      }
    })();
    for (let at = 0; at < octets.length; at += 10_000)
      await write(exporter, octets.subarray(at, at + 10_000));
    await flooding;
    await endInOrder(exporter);
    await stop();
    expect(store.failures).toEqual([]);
    expect(store.sumsByExporter.get('127.0.0.1/7')).toEqual(sums);
    const { accepted, closed } = (await status()).stream?.counters ?? {};
    expect(accepted).toBe(301);
    expect(Object.values(closed ?? {}).reduce((sum, count) => sum + count, 0)).toBe(301);
    expect(closed?.damaged).toBeGreaterThan(100);
  });

  test('limits the connections of the source and of an address', async () => {
    const { port, stream } = await startCollector({ connections: { max: 4, perAddressMax: 2 } });
    const sockets = [await open(port), await open(port)];
    await ended(await open(port));
    const counters = (await stream())?.counters;
    expect(counters).toMatchObject({ accepted: 2, refusedAddress: 1, refusedFull: 0 });
    for (const socket of sockets) await endInOrder(socket);
    const fourth = await open(port);
    await until(stream, (now) => now?.connections[0]?.port === fourth.localPort);
  });

  test('closes a connection that has been silent for the idle timeout', async () => {
    const { port, stream } = await startCollector({ connections: { idleTimeoutSeconds: 1 } });
    const socket = await open(port);
    await ended(socket);
    await until(stream, (now) => now?.counters.closed.idle === 1);
  });

  test('takes what an exporter still sends after it was asked to close, then ends', async () => {
    const { store, port, stop, status, stream } = await startCollector();
    const { messages, sums } = mixStream(400);
    const socket = await open(port);
    await write(socket, Buffer.concat(messages.slice(0, 100)));
    await until(stream, (now) => now?.connections[0]?.messages === 100);
    socket.resume();
    const asked = once(socket, 'end');
    const stopped = stop();
    await asked;
    await write(socket, Buffer.concat(messages.slice(100)));
    socket.end();
    await stopped;
    expect(store.sums).toEqual(sums);
    expect((await status()).stream?.counters.closed).toMatchObject({ ended: 1, cutOff: 0 });
  });

  test('does not wait for an exporter for ever', async () => {
    const { store, port, stop, status } = await startCollector();
    const { stream, sums } = mixStream(10);
    const socket = await open(port);
    await write(socket, stream);
    await stop();
    expect(store.sums).toEqual(sums);
    expect((await status()).stream?.counters.closed).toMatchObject({ ended: 0, cutOff: 1 });
  }, 15_000);

  test('shows its connections to Prometheus', async () => {
    const { collector, port, stream } = await startCollector();
    const socket = await open(port);
    await write(socket, mixStream(5).stream);
    await until(stream, (now) => now?.connections[0]?.messages === 5);
    const text = await renderMetrics(await collector.metrics());
    expect(text).toContain('weir_collector_connections{source="test"} 1');
    expect(text).toContain('weir_collector_connections_accepted_total{source="test"} 1');
    expect(text).toContain('weir_collector_connections_closed_total{source="test",reason="damaged"} 0');
  });

  test('says in one line that its port is taken', async () => {
    const { port } = await startCollector();
    const source = createFlowSource({
      name: 'second',
      monitoringAddress: '127.0.0.1',
      monitoringPort: port,
      transport: 'tcp',
    });
    const second = createCollector(
      { sources: [source] },
      {
        logger: silentLogger,
        clock: systemClock,
        connectWriter: createCountingStore().connectWriter,
      },
    );
    await expect(second.start()).rejects.toMatchObject({
      code: 'port_busy',
      message: `flow source "second": cannot listen on tcp/127.0.0.1:${port}: another process uses this port`,
    });
  });
});
