import { createSocket, type Socket } from 'node:dgram';
import { renderMetrics, silentLogger, systemClock } from '@weir/base';
import { afterEach, describe, expect, test } from 'vitest';
import { type Collector, createCollector } from './collector.ts';
import { type CountingStore, createCountingStore } from './counting-store.ts';
import { openBoundedDatagramSender } from './datagram-sender.ts';
import { createFlowSource, type FlowSource, type FlowSourceInput } from './flow-source.ts';
import { generateRecords } from './generate-records.ts';
import { createRecordMix } from './record-mix.ts';
import { parseDestination } from './relay-destination.ts';
import type { RelayStatus } from './relay-status.ts';
import { carriesTemplates } from './template-message.ts';

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const HOST = '127.0.0.1';

interface Sink {
  readonly socket: Socket;
  readonly port: number;
  readonly received: Buffer[];
  close(): Promise<void>;
}

function openSink(port = 0): Promise<Sink> {
  const socket = createSocket('udp4');
  const received: Buffer[] = [];
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= new Promise((resolve) => void socket.close(() => resolve()));
    return closed;
  };
  socket.on('message', (message) => void received.push(message));
  cleanUps.push(close);
  return new Promise((resolve) => {
    socket.bind(port, HOST, () => {
      socket.setRecvBufferSize(8 << 20);
      resolve({ socket, port: socket.address().port, received, close });
    });
  });
}

async function freePort(): Promise<number> {
  const sink = await openSink();
  await sink.close();
  return sink.port;
}

async function start(
  sources: FlowSource[],
): Promise<{ collector: Collector; store: CountingStore; relay(): Promise<RelayStatus> }> {
  const store = createCountingStore();
  cleanUps.push(() => store.close());
  const collector = createCollector(
    { sources },
    { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
  );
  await collector.start();
  cleanUps.push(() => collector.stop());
  async function relay(): Promise<RelayStatus> {
    const status = (await collector.status()).sources[0]?.listener?.relay;
    if (status === undefined) throw new Error('the source does not relay');
    return status;
  }
  return { collector, store, relay };
}

function sourceOn(monitoringPort: number, forwarding?: FlowSourceInput['forwarding']): FlowSource {
  const input = { name: `on ${monitoringPort}`, monitoringPort, monitoringAddress: HOST };
  return createFlowSource({ ...input, ...(forwarding && { forwarding }) });
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** An exporter of ours; only its first message carries templates. */
async function openExporter(port: number) {
  const mix = createRecordMix({ seed: 3 });
  const sender = await openBoundedDatagramSender({ address: HOST, port });
  cleanUps.push(() => sender.close());
  const sent: Buffer[] = [];
  return {
    sent,
    totals: mix.totals,
    async send(count: number): Promise<void> {
      for (let index = 0; index < count; index += 1) {
        const bytes = new Uint8Array(1500);
        const octets = mix.writeMessage(bytes, 1_700_000_000_000, 20, mix.totals.messages === 0);
        sent.push(Buffer.from(bytes.subarray(0, octets)));
        await sender.send(bytes.subarray(0, octets));
      }
      await sender.flushed();
    },
  };
}

describe('forwarding', () => {
  test('every datagram goes to every destination, byte for byte and in order', async () => {
    const [one, other] = [await openSink(), await openSink()];
    const port = await freePort();
    const destinations = [`Udp/${HOST}:${one.port}`, HOST];
    const { collector, relay } = await start([
      sourceOn(port, { enabled: true, port: other.port, destinations }),
    ]);
    const exporter = await openExporter(port);
    await exporter.send(300);
    // Before the first there is one message of templates more.
    await until(() => one.received.length === 301 && other.received.length === 301);
    for (const { received } of [one, other]) {
      expect(carriesTemplates(received[0] ?? Buffer.alloc(0))).toBe(true);
      expect(Buffer.concat(received.slice(1))).toEqual(Buffer.concat(exporter.sent));
    }
    await until(async () => (await relay()).destinations[0]?.sent === 301);
    expect(await relay()).toMatchObject({ datagrams: 300, dropped: 0, oversized: 0, templateMessages: 1 });
    expect((await relay()).destinations).toMatchObject([
      { address: HOST, port: one.port, sent: 301, failed: 0, refused: 0, sampledOut: 0, problem: undefined },
      { port: other.port, sent: 301 },
    ]);
    const metrics = await renderMetrics(await collector.metrics());
    const labels = `source="on ${port}",destination="${HOST}:${one.port}"`;
    expect(metrics).toContain(`weir_collector_relay_destination_sent_total{${labels}} 301`);
    expect(metrics).toContain(`weir_collector_relay_dropped_total{source="on ${port}"} 0`);
  });

  test('a collector that begins to listen after the templates were sent decodes at once', async () => {
    const [front, behind] = [await freePort(), await freePort()];
    const { relay, store } = await start([
      sourceOn(front, { enabled: true, destinations: [`Udp/${HOST}:${behind}`] }),
    ]);
    const exporter = await openExporter(front);
    await exporter.send(5);
    await until(async () => ((await relay()).destinations[0]?.failed ?? 0) > 0);
    expect((await relay()).destinations[0]?.problem).toBe('ECONNREFUSED');

    const late = await start([sourceOn(behind)]);
    const before = exporter.totals.records;
    // Somebody listens again: that is known when datagrams are not refused any more.
    await until(async () => {
      await exporter.send(1);
      return (await relay()).destinations[0]?.problem === undefined;
    });
    await exporter.send(5);
    await until(() => store.sums.records === exporter.totals.records);
    await late.collector.stop();
    const [source] = (await late.collector.status()).sources;
    const [status] = source?.listener?.exporters ?? [];
    // What came before the templates waited for them: nothing of what was sent since it listens is missing.
    expect(source?.listener?.decoder).toMatchObject({ pendingExpired: 0, pendingDropped: 0 });
    expect(status).toMatchObject({ unitsLost: 0, restarts: 0 });
    expect(late.store.sums.records).toBeGreaterThan(0);
    expect(late.store.sums.records).toBeLessThanOrEqual(exporter.totals.records - before);
  }, 30_000);

  test('one in so many, and every message with templates', async () => {
    const sink = await openSink();
    const port = await freePort();
    const destinations = [`Udp/${HOST}:${sink.port} 1/10`];
    const { relay } = await start([sourceOn(port, { enabled: true, destinations })]);
    const exporter = await openExporter(port);
    await exporter.send(101);
    await until(async () => ((await relay()).destinations[0]?.sampledOut ?? 0) === 90);
    // Known templates, the exporter's own, and ten of a hundred.
    await until(() => sink.received.length === 12);
    expect(await relay()).toMatchObject({ datagrams: 101, dropped: 0 });
  });

  test('known templates are repeated', async () => {
    const sink = await openSink();
    const port = await freePort();
    const destinations = [`Udp/${HOST}:${sink.port}`];
    await start([sourceOn(port, { enabled: true, destinations, templatesEverySeconds: 1 })]);
    const exporter = await openExporter(port);
    await until(async () => {
      await exporter.send(1);
      return sink.received.filter(carriesTemplates).length >= 4;
    });
  }, 20_000);

  test('what is taken is relayed or counted as not relayed; collecting takes everything', async () => {
    const sink = await openSink();
    const port = await freePort();
    const destinations = [`Udp/${HOST}:${sink.port}`, `Udp/${HOST}:${await freePort()}`];
    const { collector, store, relay } = await start([sourceOn(port, { enabled: true, destinations })]);
    const sent = await generateRecords({ address: HOST, port }, { records: 120_000, rate: 60_000 });
    await collector.stop();
    expect(store.sums).toMatchObject({ records: 120_000, octets: sent.octets });
    const { datagrams, dropped } = await relay();
    expect(datagrams + dropped).toBe(sent.datagrams);
  }, 30_000);
});

test.each([
  [{ enabled: true, destinations: [] }, 'forwarding.destinations: found none'],
  [{ enabled: true, port: 9995, destinations: [HOST] }, 'where this source listens itself'],
  [{ enabled: true, destinations: ['Udp/127.0.0.9:9995', '192.0.2.1'] }, 'where this source listens itself'],
])('%j is refused', (forwarding, message) => {
  const source = createFlowSource({ name: 'a', monitoringPort: 9995, forwarding });
  expect(() =>
    createCollector(
      { sources: [source] },
      { logger: silentLogger, clock: systemClock, connectWriter: createCountingStore().connectWriter },
    ),
  ).toThrow(message);
});

test.each([
  ['192.0.2.1', { address: '192.0.2.1', port: undefined, oneIn: 1 }],
  ['2001:DB8::1 1/100', { address: '2001:db8::1', port: undefined, oneIn: 100 }],
  ['Udp/[2001:db8::1]:2055 1/2', { address: '2001:db8::1', port: 2055, oneIn: 2 }],
  ['udp/192.0.2.1:0', undefined],
  ['192.0.2.1 1/0', undefined],
  ['192.0.2.1 2/3', undefined],
  ['192.0.2.1  1/3', undefined],
  ['tcp/192.0.2.1:2055', undefined],
  ['', undefined],
])('the destination "%s"', (text, expected) => {
  expect(parseDestination(text)).toEqual(expected);
});
