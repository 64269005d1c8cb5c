import { createSocket, type Socket } from 'node:dgram';
import { createManualClock, type Logger, silentLogger, systemClock, UserError } from '@weir/base';
import { afterEach, describe, expect, test } from 'vitest';
import { type Collector, type CollectorOptions, createCollector } from './collector.ts';
import { type CountingStore, createCountingStore } from './counting-store.ts';
import { openBoundedDatagramSender } from './datagram-sender.ts';
import { createFlowSource, type FlowSource, type FlowSourceInput } from './flow-source.ts';
import { flowSourceChanges } from './flow-source-change.ts';
import { generateRecords } from './generate-records.ts';
import { createRecordMix } from './record-mix.ts';

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const HOST = '127.0.0.1';

function takePort(): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, HOST, () => resolve({ socket, port: socket.address().port }));
  });
}

const close = (socket: Socket) => new Promise<void>((resolve) => void socket.close(() => resolve()));

/** Ports that nobody has now. */
async function freePorts(count: number): Promise<number[]> {
  const taken = await Promise.all(Array.from({ length: count }, takePort));
  await Promise.all(taken.map(({ socket }) => close(socket)));
  return taken.map(({ port }) => port);
}

function sourceOn(name: string, monitoringPort: number, more: Partial<FlowSourceInput> = {}): FlowSource {
  return createFlowSource({ name, monitoringPort, monitoringAddress: HOST, ...more });
}

async function start(
  sources: FlowSource[],
  more: Partial<CollectorOptions & { logger: Logger }> = {},
): Promise<{ collector: Collector; store: CountingStore }> {
  const store = createCountingStore();
  cleanUps.push(() => store.close());
  const { logger = silentLogger, ...options } = more;
  const collector = createCollector(
    { sources, ...options },
    { logger, clock: systemClock, connectWriter: store.connectWriter },
  );
  await collector.start();
  cleanUps.push(() => collector.stop());
  return { collector, store };
}

async function statusOf(collector: Collector, name: string) {
  const { sources } = await collector.status();
  const found = sources.find(({ source }) => source.name === name);
  if (found === undefined) throw new Error(`there is no source ${name}`);
  return found;
}

const outcomes = ({ results }: Awaited<ReturnType<Collector['deploy']>>) =>
  Object.fromEntries(results.map(({ name, outcome }) => [name, outcome]));

describe('deploy', () => {
  test('a source that stays loses no datagram while others come, change, go and fail', async () => {
    const [stays = 0, changes = 0, changed = 0, goes = 0, comes = 0] = await freePorts(5);
    const busy = await takePort();
    cleanUps.push(() => close(busy.socket));
    const steady = sourceOn('steady', stays);
    const { collector, store } = await start([steady, sourceOn('b', changes), sourceOn('c', goes)]);
    const { startedAtMs } = (await statusOf(collector, 'steady')).listener ?? {};

    const ending = new AbortController();
    const stream = generateRecords(
      { address: HOST, port: stays },
      { records: Number.POSITIVE_INFINITY, rate: 250_000, signal: ending.signal },
    );
    const seen: Record<string, string>[] = [];
    for (let round = 0; round < 4; round += 1) {
      const others =
        round % 2 === 0
          ? [sourceOn('b', changed), sourceOn('d', comes), sourceOn('e', busy.port)]
          : [sourceOn('b', changes), sourceOn('c', goes)];
      seen.push(outcomes(await collector.deploy([sourceOn('steady', stays), ...others])));
    }
    ending.abort();
    const sent = await stream;
    expect(seen[0]).toEqual({ steady: 'unchanged', b: 'restarted', d: 'started', e: 'failed', c: 'stopped' });
    expect(seen[1]).toEqual({ steady: 'unchanged', b: 'restarted', c: 'started', d: 'stopped' });
    // About 10,000 datagrams/s, for as long as the four deployments took.
    expect(sent.datagrams).toBeGreaterThan(1000);

    await collector.stop();
    const { listener } = await statusOf(collector, 'steady');
    // What the kernel could not hold is no matter of deploying; it is nothing here.
    expect(listener?.counters).toMatchObject({ datagrams: sent.datagrams, kernelDrops: 0 });
    expect(listener?.exporters).toMatchObject([
      { records: sent.records, unitsLost: 0, restarts: 0, duplicates: 0 },
    ]);
    expect(listener?.startedAtMs).toBe(startedAtMs);
    expect(store.sums).toMatchObject({ records: sent.records, octets: sent.octets });
  }, 60_000);

  test('sessions, alarms and forwarding change while the listener goes on', async () => {
    const [port = 0] = await freePorts(1);
    const behind = await takePort();
    cleanUps.push(() => close(behind.socket));
    let relayed = 0;
    behind.socket.on('message', () => {
      relayed += 1;
    });
    const { collector, store } = await start([sourceOn('a', port)]);
    const { startedAtMs } = (await statusOf(collector, 'a')).listener ?? {};
    const ending = new AbortController();
    const stream = generateRecords(
      { address: HOST, port },
      { records: Number.POSITIVE_INFINITY, rate: 50_000, signal: ending.signal },
    );
    const forwarding = { enabled: true, destinations: [`Udp/${HOST}:${behind.port}`] };
    const more = {
      forwarding,
      alarms: { lossPercent: 3 },
      asymmetricFlows: true,
      sessions: { windowSeconds: 9 },
    };
    const changes = flowSourceChanges([sourceOn('a', port)], [sourceOn('a', port, more)]);
    expect(changes).toMatchObject([{ name: 'a', kind: 'changed', restarts: false }]);
    expect(outcomes(await collector.deploy([sourceOn('a', port, more)]))).toEqual({ a: 'adapted' });
    while (relayed < 100) await new Promise(setImmediate);
    // The thread that relays tells of itself now and then.
    await expect
      .poll(async () => (await statusOf(collector, 'a')).listener?.relay?.destinations, { timeout: 10_000 })
      .toHaveLength(1);
    expect(outcomes(await collector.deploy([sourceOn('a', port)]))).toEqual({ a: 'adapted' });
    ending.abort();
    const sent = await stream;
    expect((await statusOf(collector, 'a')).listener?.relay).toBeUndefined();
    await collector.stop();
    const { listener } = await statusOf(collector, 'a');
    expect(listener?.startedAtMs).toBe(startedAtMs);
    expect(listener?.exporters).toMatchObject([{ records: sent.records, unitsLost: 0, restarts: 0 }]);
    expect(store.sums.records).toBe(sent.records);
  }, 60_000);

  test('what is said of exporters holds from then on: names, and the silence after which one is missed', async () => {
    const [port = 0] = await freePorts(1);
    const { collector } = await start([sourceOn('a', port)]);
    await generateRecords({ address: HOST, port }, { records: 100 });
    while ((await collector.exporters()).length === 0);
    expect(await collector.exporters()).toMatchObject([{ name: HOST, alarms: [] }]);
    collector.describeExporters({ exporters: [{ address: HOST, name: 'core1', silentAfterSeconds: 1 }] });
    const missed = async () => (await collector.exporters())[0]?.alarms.some(({ code }) => code === 'silent');
    while (!(await missed())) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await collector.exporters()).toMatchObject([{ name: 'core1', origin: 'configured' }]);
  }, 30_000);

  test('sources exchange their ports', async () => {
    const [one = 0, two = 0] = await freePorts(2);
    const { collector } = await start([sourceOn('a', one), sourceOn('b', two)]);
    const deployment = await collector.deploy([sourceOn('a', two), sourceOn('b', one)]);
    expect(outcomes(deployment)).toEqual({ a: 'restarted', b: 'restarted' });
    expect([collector.address('a')?.port, collector.address('b')?.port]).toEqual([two, one]);
  });

  test('a changed source that cannot be started falls back to what it was', async () => {
    const [port = 0] = await freePorts(1);
    const busy = await takePort();
    cleanUps.push(() => close(busy.socket));
    const before = sourceOn('a', port);
    const { collector, store } = await start([before]);
    const { results, sources } = await collector.deploy([sourceOn('a', busy.port)]);
    expect(results).toMatchObject([{ name: 'a', outcome: 'failed' }]);
    expect(results[0]?.message).toContain(`${HOST}:${busy.port}`);
    expect(results[0]?.message).toContain('its former settings hold');
    expect(sources).toEqual([before]);
    await generateRecords({ address: HOST, port }, { records: 100 });
    await collector.stop();
    expect(store.sums.records).toBe(100);
  });

  test('what can be neither changed nor restored is kept, disabled', async () => {
    const [port = 0] = await freePorts(1);
    const busy = await takePort();
    cleanUps.push(() => close(busy.socket));
    const { collector } = await start([sourceOn('a', port)]);
    const { results, sources } = await collector.deploy([sourceOn('a', busy.port), sourceOn('b', port)]);
    expect(results).toMatchObject([
      { name: 'a', outcome: 'failed' },
      { name: 'b', outcome: 'started' },
    ]);
    expect(results[0]?.message).toContain('it is disabled');
    expect(sources).toEqual([sourceOn('a', port, { enabled: false }), sourceOn('b', port)]);
  });

  test('a renamed source decodes at once with the templates that it had', async () => {
    const [port = 0] = await freePorts(1);
    const { collector, store } = await start([sourceOn('old', port)]);
    const mix = createRecordMix({ seed: 5 });
    const bytes = new Uint8Array(1500);
    const message = (withTemplates: boolean) =>
      bytes.slice(0, mix.writeMessage(bytes, 1_700_000_000_000, 20, withTemplates));
    const sender = await openBoundedDatagramSender({ address: HOST, port });
    cleanUps.push(() => sender.close());
    await sender.send(message(true));
    await sender.flushed();
    while (((await statusOf(collector, 'old')).listener?.exporters[0]?.records ?? 0) === 0);
    const deployment = await collector.deploy([sourceOn('new', port)]);
    expect(outcomes(deployment)).toEqual({ new: 'restarted' });
    await sender.send(message(false));
    await sender.flushed();
    await collector.stop();
    const { listener } = await statusOf(collector, 'new');
    expect(listener?.decoder).toMatchObject({ pendingKept: 0, messages: 1 });
    expect(store.sums.records).toBe(mix.totals.records);
    expect(listener?.exporters[0]).toMatchObject({ source: 'new' });
  });

  test('disabled and enabled', async () => {
    const [port = 0] = await freePorts(1);
    const { collector } = await start([sourceOn('a', port)]);
    expect(outcomes(await collector.deploy([sourceOn('a', port, { enabled: false })]))).toEqual({
      a: 'stopped',
    });
    expect(await statusOf(collector, 'a')).toMatchObject({ state: 'disabled' });
    const other = sourceOn('a', port, { enabled: false, type: 'IPFIX' });
    expect(outcomes(await collector.deploy([other]))).toEqual({ a: 'unchanged' });
    expect(outcomes(await collector.deploy([{ ...other, enabled: true }]))).toEqual({ a: 'started' });
    expect(collector.address('a')?.port).toBe(port);
  });

  test('sources that contradict each other are refused together, and nothing changes', async () => {
    const [port = 0] = await freePorts(1);
    const { collector } = await start([sourceOn('a', port)]);
    await expect(collector.deploy([sourceOn('b', port), sourceOn('c', port)])).rejects.toThrow(UserError);
    expect(collector.sources()).toEqual([sourceOn('a', port)]);
    expect(await statusOf(collector, 'a')).toMatchObject({ state: 'listening' });
  });
});

describe('a tolerant start', () => {
  test('goes on without the source whose port is taken, and takes it when it is free', async () => {
    const [port = 0] = await freePorts(1);
    const busy = await takePort();
    const clock = createManualClock();
    const store = createCountingStore();
    cleanUps.push(() => store.close());
    const collector = createCollector(
      { sources: [sourceOn('a', port), sourceOn('b', busy.port)], tolerant: true },
      { logger: silentLogger, clock, connectWriter: store.connectWriter },
    );
    await collector.start();
    cleanUps.push(() => collector.stop());
    const waiting = await statusOf(collector, 'b');
    expect(waiting).toMatchObject({ state: 'failed' });
    expect(waiting.problem).toContain(String(busy.port));
    expect(await statusOf(collector, 'a')).toMatchObject({ state: 'listening', problem: undefined });
    await close(busy.socket);
    clock.advance(1000);
    while ((await statusOf(collector, 'b')).state !== 'listening') await new Promise(setImmediate);
    expect((await statusOf(collector, 'b')).problem).toBeUndefined();
  });
});
