/** The pipeline with a meter that sends what the test says, and a collector on loopback that reads it. */
import { createSocket, type Socket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBufferSender, silentLogger, systemClock, UserError } from '@weir/base';
import { type Profile, parseProfile } from '@weir/exporting';
import {
  createFlowBatch,
  createRecordDecoder,
  decodeRecords,
  FLOW_COLUMN_INDEX,
  type FlowBatchNote,
  flowBatchOctets,
  noteOfFlowBatch,
  setPresent,
  setU64FromNumber,
} from '@weir/ipfix';
import type { LiveMeter, LiveMeterChange, LiveMeterDependencies, LiveMeterOptions } from '@weir/metering';
import { afterEach, expect, test, vi } from 'vitest';
import { createExportPipeline } from './export-pipeline.ts';

const CAPACITY = 64;

interface FakeMeter {
  readonly options: LiveMeterOptions;
  started: boolean;
  stopped: boolean;
  excludedPorts: number[];
  readonly changes: LiveMeterChange[];
  /** Sends one flow whose octets are `octets`; flowEndReason 1, idle, unless said otherwise. */
  send(octets: number, endReason?: number): Promise<void>;
}

const open: { close(): void }[] = [];
afterEach(() => {
  for (const resource of open.splice(0)) resource.close();
});

function createWorld() {
  const meters: FakeMeter[] = [];
  const failures = { startOf: '' };
  function createLiveMeter(options: LiveMeterOptions, { port }: LiveMeterDependencies): LiveMeter {
    const sender = createBufferSender<FlowBatchNote>(port, 4, flowBatchOctets(CAPACITY));
    const meter: FakeMeter = {
      options,
      started: false,
      stopped: false,
      changes: [],
      excludedPorts: (options.excludedSockets ?? []).map(({ localPort = 0 }) => localPort),
      async send(octets, endReason = 1) {
        let buffer = sender.acquire();
        while (buffer === undefined) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          buffer = sender.acquire();
        }
        const batch = createFlowBatch(CAPACITY, buffer);
        fill(batch, octets, endReason);
        sender.send(batch.buffer, noteOfFlowBatch(batch));
      },
    };
    meters.push(meter);
    return {
      async start() {
        if (options.interfaces.includes(failures.startOf)) throw new UserError('capture_denied', 'no');
        meter.started = true;
      },
      async stop() {
        await meter.send(999, 4);
        await sender.drained();
        meter.stopped = true;
        sender.close();
      },
      status: () => undefined,
      async adapt(change) {
        if (change.interfaces.includes(failures.startOf)) throw new UserError('capture_denied', 'no');
        meter.changes.push(change);
      },
      exclude: (sockets) => {
        meter.excludedPorts = sockets.map(({ localPort = 0 }) => localPort);
      },
    };
  }
  const pipeline = createExportPipeline({
    interfaces: [],
    capture: 'auto',
    logger: silentLogger,
    clock: systemClock,
    onFailure: (error) => {
      throw error;
    },
    createLiveMeter,
    planMetering({ idleTimeoutMs, activeTimeoutMs, interfaces, tcpPerformance }) {
      if (interfaces.includes('none')) throw new UserError('interface_unknown', "no interface 'none'");
      return { idleTimeoutMs, activeTimeoutMs, interfaces, tcpPerformance };
    },
  });
  return { pipeline, meters, failures };
}

function fill(batch: ReturnType<typeof createFlowBatch>, octets: number, endReason: number): void {
  batch.rowCount = 1;
  batch.extraEnd[0] = 0;
  const { columns } = batch;
  columns.dstAddrLo[1] = 0xffff;
  columns.srcAddrLo[1] = 0xffff;
  setU64FromNumber(columns.octets, 0, octets);
  columns.protocol[0] = 17;
  columns.direction[0] = 0;
  columns.endReason[0] = endReason;
  for (const name of [
    'srcAddrHi',
    'srcAddrLo',
    'dstAddrHi',
    'dstAddrLo',
    'octets',
    'protocol',
    'direction',
    'endReason',
  ] as const) {
    setPresent(batch, FLOW_COLUMN_INDEX[name], 0, 1);
  }
}

interface Collector {
  readonly address: string;
  octets(): number[];
  /** Names of peers, as told. */
  peers(): unknown[];
}

async function createCollector(): Promise<Collector> {
  const socket: Socket = createSocket('udp4');
  open.push(socket);
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const decoder = createRecordDecoder();
  const seen: number[] = [];
  const peers: unknown[] = [];
  socket.on('message', (bytes, { address, port }) => {
    const source = `${address}:${port}`;
    const session = { exporterAddress: source, localSocket: 'test', transport: 'udp', source } as const;
    for (const found of decodeRecords([bytes], session, decoder)) {
      if ('error' in found) throw new Error(JSON.stringify(found));
      const octets = found.fields['octetDeltaCount'];
      if (octets !== undefined) seen.push(Number(octets));
      if (found.fields['peerName'] !== undefined) peers.push(found.fields['peerName']);
    }
  });
  return {
    address: `Udp/127.0.0.1:${socket.address().port}`,
    octets: () => seen.sort((a, b) => a - b),
    peers: () => peers,
  };
}

function profileOf(collectors: readonly Collector[], more: object = {}): Profile {
  const IpFixCollectors = collectors.map(({ address }) => address);
  return parseProfile(JSON.stringify({ FlowMetadata: { IpFixCollectors, ...more } }), 'test.profile');
}

test('collectors that change get every flow once, and the meter with its flows goes on', async () => {
  const { pipeline, meters } = createWorld();
  const [first, second] = [await createCollector(), await createCollector()];
  expect(await pipeline.apply(profileOf([first]))).toBe('exporter and meter');
  const [meter] = meters;
  const sending = (async () => {
    for (let octets = 1; octets <= 200; octets += 1) await meter?.send(octets);
  })();
  const changes: string[] = [];
  for (const collectors of [[second], [first], [second], [first]]) {
    changes.push(await pipeline.apply(profileOf(collectors)));
  }
  await sending;
  await pipeline.stop();
  expect(changes).toEqual(['exporter', 'exporter', 'exporter', 'exporter']);
  expect(meters).toHaveLength(1);
  const all = Array.from({ length: 200 }, (_, index) => index + 1);
  await vi.waitFor(() => {
    expect([...first.octets(), ...second.octets()].sort((a, b) => a - b)).toEqual([...all, 999]);
  });
  expect(pipeline.valve.counters).toMatchObject({ records: 201, recordsForced: 1 });
});

test('collectors are told of the peers that the profile says where to find', async () => {
  const { pipeline } = createWorld();
  const collector = await createCollector();
  const folder = mkdtempSync(join(tmpdir(), 'weir-peers-'));
  const file = join(folder, 'peers.json');
  writeFileSync(file, JSON.stringify([{ name: 'laptop', overlayPrefixes: ['10.9.0.2/32'] }]));
  await pipeline.apply(profileOf([collector], { Peers: [`File:${file}`] }));
  await vi.waitFor(() => expect(collector.peers()).toEqual(['laptop']));
  await pipeline.apply(profileOf([collector]));
  await pipeline.stop();
  expect(collector.peers()).toEqual(['laptop']);
  rmSync(folder, { recursive: true });
});

test('the meter is told of other timeouts and interfaces, and goes on', async () => {
  const { pipeline, meters } = createWorld();
  const collector = await createCollector();
  await pipeline.apply(profileOf([collector]));
  const { exporter } = pipeline;
  const changed = profileOf([collector], { IdleTimeout: 5000, Interfaces: ['eth1'] });
  expect(await pipeline.apply(changed)).toBe('meter');
  expect(pipeline.exporter).toBe(exporter);
  expect(meters.map(({ stopped }) => stopped)).toEqual([false]);
  expect(meters[0]?.changes).toMatchObject([
    { interfaces: ['eth1'], idleTimeoutMs: 5000, activeTimeoutMs: 0 },
  ]);
  expect(await pipeline.apply(changed)).toBe('nothing');
  await pipeline.stop();
  await vi.waitFor(() => expect(collector.octets()).toEqual([999]));
});

test('a meter that is to look for something else is told so, and goes on', async () => {
  const { pipeline, meters } = createWorld();
  const collector = await createCollector();
  await pipeline.apply(profileOf([collector]));
  const { exporter } = pipeline;
  expect(await pipeline.apply(profileOf([collector], { TcpPerformance: false }))).toBe('meter');
  expect(pipeline.exporter).toBe(exporter);
  expect(meters.map(({ stopped, changes }) => [stopped, changes.at(-1)?.tcpPerformance])).toEqual([
    [false, false],
  ]);
  expect(meters[0]?.excludedPorts).toEqual(exporter?.localSockets().map(({ localPort }) => localPort));
  await pipeline.stop();
  await vi.waitFor(() => expect(collector.octets()).toEqual([999]));
});

test('the meter is told of the sockets that a new exporter sends from', async () => {
  const { pipeline, meters } = createWorld();
  const [first, second] = [await createCollector(), await createCollector()];
  await pipeline.apply(profileOf([first]));
  await pipeline.apply(profileOf([first, second]));
  const ports = pipeline.exporter?.localSockets().map(({ localPort }) => localPort) ?? [];
  expect(ports).toHaveLength(2);
  expect(meters[0]?.excludedPorts).toEqual(expect.arrayContaining(ports));
  await pipeline.stop();
});

test('a profile that disables stops both, one that enables starts both', async () => {
  const { pipeline, meters } = createWorld();
  const collector = await createCollector();
  expect(await pipeline.apply(profileOf([]))).toBe('exporter and meter');
  expect(meters).toHaveLength(0);
  await pipeline.apply(profileOf([collector]));
  expect(meters).toHaveLength(1);
  await pipeline.apply(profileOf([collector], { Enabled: false }));
  expect(meters[0]?.stopped).toBe(true);
  expect(pipeline.exporter).toBeUndefined();
  await vi.waitFor(() => expect(collector.octets()).toEqual([999]));
  await pipeline.stop();
});

test('a profile that cannot be carried out leaves the one before in force', async () => {
  const { pipeline, meters, failures } = createWorld();
  const [first, second] = [await createCollector(), await createCollector()];
  const before = profileOf([first]);
  await pipeline.apply(before);
  await expect(pipeline.apply(profileOf([second], { Interfaces: ['none'] }))).rejects.toThrow('no interface');
  expect(meters).toHaveLength(1);
  expect(pipeline.profile).toBe(before);

  failures.startOf = 'eth9';
  const adapting = profileOf([second], { Interfaces: ['eth9'] });
  await expect(pipeline.apply(adapting)).rejects.toThrow('no');
  expect(pipeline.profile).toBe(before);
  expect(meters.map(({ stopped }) => stopped)).toEqual([false]);

  const replacing = profileOf([second], { Interfaces: ['eth9'], TcpPerformance: false });
  await expect(pipeline.apply(replacing)).rejects.toThrow('no');
  expect(pipeline.profile).toBe(before);
  expect(meters.map(({ started, stopped }) => [started, stopped])).toEqual([[true, false]]);
  await meters[0]?.send(7);
  await pipeline.stop();
  await vi.waitFor(() => expect(first.octets()).toEqual([7, 999]));
  expect(second.octets()).toEqual([]);
});
