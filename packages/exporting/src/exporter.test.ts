import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { createBufferSender, createManualClock, type ManualClock, silentLogger } from '@weir/base';
import { createFlowBatch, type FlowBatchNote, flowBatchOctets, noteOfFlowBatch } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { type CollectorFixture, createCollectorFixture, transportsOf } from './collector-fixture.ts';
import { createExporter, type Exporter } from './exporter.ts';
import { addFlow, batchOf, type FlowFixture } from './flow-fixture.ts';
import { parseProfile } from './profile.ts';
import { MESSAGES_PER_ANNOUNCEMENT } from './udp-connection.ts';

const START_MS = 1_700_000_000_000;
const STANDARD_IDS = [256, 257, 258, 259, 260, 261, 262, 263];
const STATISTICS_IDS = [32_768, 32_769, 32_770, 32_771];

const tcp: FlowFixture = {
  source: '10.0.0.1',
  destination: '192.0.2.1',
  protocol: 6,
  sourcePort: 40_000,
  destinationPort: 443,
  octets: 1500,
  packets: 3,
  startMs: START_MS - 900,
  endMs: START_MS,
  direction: 1,
};

interface Bench {
  readonly exporter: Exporter;
  readonly clock: ManualClock;
  readonly collectors: CollectorFixture[];
}

function profileOf(metadata: object) {
  return parseProfile(JSON.stringify({ FlowMetadata: metadata }), 'test.profile');
}

async function startBench(
  count = 1,
  metadata: object = {},
  prepare?: (collector: CollectorFixture) => void,
): Promise<Bench> {
  const collectors = Array.from({ length: count }, createCollectorFixture);
  for (const collector of collectors) prepare?.(collector);
  const clock = createManualClock(START_MS);
  const addresses = collectors.map((_, index) => `Udp/192.0.2.${index + 1}:4739`);
  const exporter = createExporter(profileOf({ IpFixCollectors: addresses, ...metadata }), {
    logger: silentLogger,
    clock,
    systemInitTimeMs: START_MS - 1000,
    createTransport: transportsOf(collectors),
  });
  await exporter.start();
  return { exporter, clock, collectors };
}

function only(bench: Bench): CollectorFixture {
  const [collector] = bench.collectors;
  if (collector === undefined) throw new RangeError('a bench has a collector');
  return collector;
}

/** Positions of the messages that announce templates of the data's domain. */
function announcements({ messages }: CollectorFixture): number[] {
  return messages.flatMap(({ sets }, index) => (sets.some(({ setId }) => setId === 2) ? [index] : []));
}

function isData(setId: number): boolean {
  return setId >= 256 && setId < 32_768;
}

/** Advances in ticks, so that each timer's callbacks see the time they are due at. */
async function advance({ clock }: Bench, durationMs: number): Promise<void> {
  clock.advance(durationMs);
  await Promise.resolve();
}

/** Stops while time goes on, as queues that are held back need it. */
async function stop(bench: Bench): Promise<void> {
  let isStopped = false;
  const stopping = bench.exporter.stop().then(() => {
    isStopped = true;
  });
  for (let i = 0; i < 20_000 && !isStopped; i += 1) await advance(bench, 5);
  await stopping;
}

describe('templates', () => {
  test('come before the first data, all standard ones and those of the statistics', async () => {
    const bench = await startBench();
    const [templates, ...options] = only(bench).messages.slice(0, 5);
    expect(templates?.observationDomainId).toBe(1);
    expect(templates?.sets.flatMap(({ templateIds }) => templateIds)).toEqual(STANDARD_IDS);
    expect(options.map(({ observationDomainId }) => observationDomainId)).toEqual([0, 0, 0, 0]);
    expect(options.map(({ sets }) => sets.map(({ templateIds }) => templateIds))).toEqual(
      STATISTICS_IDS.map((id) => [[id]]),
    );
    await stop(bench);
  });

  test('are repeated soon after the start, and then every interval', async () => {
    const bench = await startBench();
    const collector = only(bench);
    const times: number[] = [];
    for (let second = 1; second <= 1400; second += 1) {
      const before = announcements(collector).length;
      await advance(bench, 1000);
      if (announcements(collector).length > before) times.push(second);
    }
    expect(times).toEqual([1, 10, 60, 660, 1260]);
    await stop(bench);
  });

  test('are repeated after so many messages', async () => {
    const bench = await startBench();
    const collector = only(bench);
    for (let i = 0; i < 2 * MESSAGES_PER_ANNOUNCEMENT + 2; i += 1) {
      bench.exporter.export(batchOf([tcp]));
      bench.exporter.flush();
      await advance(bench, 1);
    }
    const dataBetween = announcements(collector).map(
      (at) => collector.messages.slice(0, at).filter(({ sets }) => isData(sets[0]?.setId ?? 0)).length,
    );
    expect(dataBetween).toEqual([0, MESSAGES_PER_ANNOUNCEMENT, 2 * MESSAGES_PER_ANNOUNCEMENT]);
    await stop(bench);
  });

  test('a template that a record needs is announced before its record', async () => {
    const bench = await startBench();
    bench.exporter.export(batchOf([{ ...tcp, columns: { vlanId: 12 } }]));
    bench.exporter.flush();
    const ids = only(bench)
      .messages.slice(-2)
      .map(({ sets }) => sets.flatMap((set) => [...set.templateIds, set.setId]));
    expect(ids).toEqual([[256 + 8 * 2, 2], [256 + 8 * 2]]);
    await stop(bench);
  });
});

describe('sequence numbers', () => {
  test('count the data records of each domain, and no templates', async () => {
    const bench = await startBench();
    for (let i = 1; i <= 5; i += 1) {
      bench.exporter.export(batchOf(new Array<FlowFixture>(i).fill(tcp)));
      bench.exporter.flush();
      await advance(bench, 61_000);
    }
    await stop(bench);
    const recordOctets =
      only(bench).messages.find(({ sets }) => sets[0]?.setId === 256)?.sets[0]?.octets ?? 0;
    let flows = 0;
    let optionRecords = 0;
    for (const { observationDomainId, sequenceNumber, sets } of only(bench).messages) {
      expect(sequenceNumber).toBe(observationDomainId === 1 ? flows : optionRecords);
      for (const { setId, octets } of sets) {
        if (isData(setId)) flows += (octets - 4) / (recordOctets - 4);
        else if (setId >= 32_768) optionRecords += 1;
      }
    }
    expect(flows).toBe(15);
    expect(optionRecords).toBeGreaterThan(9);
  });

  test('every message says when it left', async () => {
    const bench = await startBench();
    await advance(bench, 5000);
    bench.exporter.export(batchOf([tcp]));
    bench.exporter.flush();
    expect(only(bench).messages.at(-1)?.exportTime).toBe(START_MS / 1000 + 5);
    await stop(bench);
  });
});

describe('messages', () => {
  test('that are not full leave within a second', async () => {
    const bench = await startBench();
    bench.exporter.export(batchOf([tcp]));
    const before = only(bench).messages.length;
    await advance(bench, 999);
    expect(
      only(bench)
        .messages.slice(before)
        .some(({ sets }) => sets[0]?.setId === 256),
    ).toBe(true);
    await stop(bench);
  });

  test('are as large as the narrowest path carries', async () => {
    const bench = await startBench(2);
    const flows = new Array<FlowFixture>(64).fill(tcp);
    for (const octets of [1400, 900]) {
      if (bench.collectors[1] !== undefined) bench.collectors[1].payloadOctetsMax = octets;
      await advance(bench, 60_000);
      const before = only(bench).messages.length;
      bench.exporter.export(batchOf(flows));
      await advance(bench, 1000);
      const sizes = only(bench)
        .messages.slice(before)
        .map((message) => message.octets);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(octets);
      expect(Math.max(...sizes)).toBeGreaterThan(octets - 100);
    }
    await stop(bench);
  });

  test('go to every collector, each with a sequence of its own', async () => {
    const bench = await startBench(3);
    bench.exporter.export(batchOf(new Array<FlowFixture>(100).fill(tcp)));
    await stop(bench);
    for (const { counters } of bench.exporter.collectors()) expect(counters.flowsSent).toBe(100);
    const [first, ...others] = bench.collectors.map(({ datagrams }) =>
      datagrams.map((bytes) => Buffer.from(bytes).toString('hex')),
    );
    for (const other of others) expect(other).toEqual(first);
  });

  test('leave at the rate of the profile', async () => {
    const bench = await startBench(1, { MaxMessagesPerSecond: 100, MaxMessageSize: 512 });
    const flows = new Array<FlowFixture>(64).fill(tcp);
    for (let i = 0; i < 20; i += 1) bench.exporter.export(batchOf(flows));
    const atOnce = only(bench).messages.length;
    expect(atOnce).toBe(64);
    await advance(bench, 500);
    expect(only(bench).messages.length - atOnce).toBeGreaterThanOrEqual(49);
    expect(only(bench).messages.length - atOnce).toBeLessThanOrEqual(51);
    await advance(bench, 10_000);
    await stop(bench);
    expect(bench.exporter.collectors()[0]?.counters).toMatchObject({ flowsSent: 1280, messagesNotSent: 0 });
  });
});

describe('a collector that does not keep up', () => {
  test('loses what its queue cannot hold, counted, and the others lose nothing', async () => {
    const bench = await startBench(2, { MaxMessageSize: 60_000 }, (collector) => {
      collector.payloadOctetsMax = 60_000;
    });
    const [slow] = bench.collectors;
    if (slow !== undefined) slow.keeps = true;
    const flows = new Array<FlowFixture>(8192).fill(tcp);
    for (let i = 0; i < 20; i += 1) {
      bench.exporter.export(batchOf(flows));
      await advance(bench, 1000);
    }
    await stop(bench);
    const [lossy, whole] = bench.exporter.collectors();
    expect(whole?.counters).toMatchObject({ flowsSent: 163_840, messagesNotSent: 0, flowsNotSent: 0 });
    expect(lossy?.counters.flowsNotSent).toBeGreaterThan(0);
    expect((lossy?.counters.flowsSent ?? 0) + (lossy?.counters.flowsNotSent ?? 0)).toBe(163_840);
    expect(lossy?.counters.octetsNotSent).toBe((lossy?.counters.flowsNotSent ?? 0) * 1500);
    expect(lossy?.counters.packetsNotSent).toBe((lossy?.counters.flowsNotSent ?? 0) * 3);
  });

  test('holds a producer that waits for room, so that nothing is lost', async () => {
    const bench = await startBench(1, {}, (collector) => {
      collector.keeps = true;
    });
    const flows = new Array<FlowFixture>(8192).fill(tcp);
    let batches = 0;
    const producing = (async () => {
      for (; batches < 12; batches += 1) {
        await bench.exporter.whenRoom();
        bench.exporter.export(batchOf(flows));
      }
    })();
    await new Promise((resolve) => setImmediate(resolve));
    expect(batches).toBeLessThan(12);
    let isDone = false;
    void producing.then(() => {
      isDone = true;
    });
    for (let i = 0; i < 10_000 && !isDone; i += 1) {
      only(bench).release();
      await advance(bench, 5);
    }
    only(bench).keeps = false;
    only(bench).release();
    for (let i = 0; i < 500; i += 1) await advance(bench, 5);
    expect(bench.exporter.collectors()[0]?.counters).toMatchObject({ messagesNotSent: 0, flowsNotSent: 0 });
    await stop(bench);
    expect(bench.exporter.collectors()[0]?.counters.flowsSent).toBe(12 * 8192);
  });
});

function errorOf(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe('a machine that gets another address', () => {
  const counters = (bench: Bench) => bench.exporter.collectors()[0]?.counters;

  test('a socket whose way is lost is replaced, and what it could not send is sent by the next, after templates', async () => {
    const bench = await startBench();
    await advance(bench, 5000);
    const sentBefore = only(bench).messages.length;
    only(bench).sendErrors.push(errorOf('ENETUNREACH'));
    bench.exporter.export(batchOf([tcp]));
    bench.exporter.flush();
    await advance(bench, 1000);
    expect(only(bench)).toMatchObject({ opened: 2, closed: 1 });
    expect(counters(bench)).toMatchObject({ connectionsOpened: 2, flowsSent: 1, messagesNotSent: 0 });
    const sets = only(bench)
      .messages.slice(sentBefore)
      .flatMap((message) => message.sets);
    const first = (isWanted: (setId: number) => boolean) => sets.findIndex(({ setId }) => isWanted(setId));
    expect(first((setId) => setId === 2)).toBeGreaterThanOrEqual(0);
    expect(first((setId) => setId === 2)).toBeLessThan(first(isData));
    await stop(bench);
  });

  test('what no socket can send is counted, and the exporter stops', async () => {
    const bench = await startBench();
    await advance(bench, 5000);
    only(bench).sendErrors.push(...Array.from({ length: 200 }, () => errorOf('EADDRNOTAVAIL')));
    bench.exporter.export(batchOf([tcp]));
    bench.exporter.flush();
    await advance(bench, 1000);
    expect(counters(bench)).toMatchObject({ flowsSent: 0, flowsNotSent: 1 });
    expect(only(bench).opened).toBe(2);
    await stop(bench);
  });

  test('is noticed within a minute where nothing fails', async () => {
    const bench = await startBench();
    await advance(bench, 30_000);
    only(bench).hasMoved = true;
    await advance(bench, 31_000);
    expect(only(bench)).toMatchObject({ opened: 2, closed: 1 });
    await advance(bench, 120_000);
    expect(only(bench)).toMatchObject({ opened: 2, closed: 1 });
    await stop(bench);
  });
});

describe('errors of the network', () => {
  test('a message whose send reports an earlier refusal is sent again', async () => {
    const bench = await startBench();
    only(bench).sendErrors.push(errorOf('ECONNREFUSED'));
    bench.exporter.export(batchOf([tcp]));
    bench.exporter.flush();
    expect(bench.exporter.collectors()[0]?.counters).toMatchObject({
      refused: 1,
      flowsSent: 1,
      messagesNotSent: 0,
    });
    await stop(bench);
  });

  test('a refusing collector gets its templates every second, so that it can start at any time', async () => {
    const bench = await startBench();
    await advance(bench, 100_000);
    const before = announcements(only(bench)).length;
    for (let second = 0; second < 5; second += 1) {
      only(bench).transport.onRefused();
      await advance(bench, 1000);
    }
    expect(announcements(only(bench)).length - before).toBe(5);
    await advance(bench, 10_000);
    expect(announcements(only(bench)).length - before).toBe(5);
    expect(bench.exporter.collectors()[0]?.counters.refused).toBe(5);
    await stop(bench);
  });

  test('another error counts the message as not sent', async () => {
    const bench = await startBench();
    only(bench).sendErrors.push(errorOf('ENETUNREACH'));
    bench.exporter.export(batchOf([tcp, tcp]));
    await stop(bench);
    expect(bench.exporter.collectors()[0]?.counters).toMatchObject({
      sendErrors: 1,
      messagesNotSent: 1,
      flowsNotSent: 2,
      packetsNotSent: 6,
      octetsNotSent: 3000,
      flowsSent: 0,
    });
  });

  test('a socket that cannot be opened is tried again; what waits is sent then', async () => {
    const bench = await startBench(1, {}, ({ openErrors }) => {
      openErrors.push(errorOf('ENOTFOUND'), errorOf('ENETUNREACH'));
    });
    expect(bench.exporter.localSockets()).toEqual([]);
    bench.exporter.export(batchOf([tcp]));
    await bench.exporter.whenRoom();
    await advance(bench, 1000);
    expect(only(bench).opened).toBe(2);
    await advance(bench, 1999);
    expect(only(bench).opened).toBe(2);
    await advance(bench, 1);
    expect(only(bench).opened).toBe(3);
    await stop(bench);
    expect(bench.exporter.collectors()[0]?.counters).toMatchObject({ flowsSent: 1, flowsNotSent: 0 });
    expect(announcements(only(bench))[0]).toBe(0);
  });
});

describe('a collector whose socket opens late', () => {
  function startLate() {
    const collector = createCollectorFixture();
    const { open } = collector.transport;
    const gate = Promise.withResolvers<void>();
    collector.transport.open = async () => {
      await gate.promise;
      return open();
    };
    const clock = createManualClock(START_MS);
    const exporter = createExporter(profileOf({ IpFixCollectors: ['Udp/late.example:4739'] }), {
      logger: silentLogger,
      clock,
      createTransport: transportsOf([collector]),
    });
    return { bench: { exporter, clock, collectors: [collector] }, started: exporter.start(), gate };
  }

  test('holds up nobody: flows are taken, and sent when it is open', async () => {
    const { bench, started, gate } = startLate();
    await advance(bench, 1000);
    await started;
    bench.exporter.export(batchOf([tcp]));
    gate.resolve();
    await stop(bench);
    expect(bench.exporter.collectors()[0]?.counters).toMatchObject({ flowsSent: 1, flowsNotSent: 0 });
  });

  test('is closed again when the exporter has ended meanwhile', async () => {
    const { bench, started, gate } = startLate();
    await advance(bench, 1000);
    await started;
    bench.exporter.export(batchOf([tcp]));
    await stop(bench);
    const closedBefore = only(bench).closed;
    gate.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect(only(bench)).toMatchObject({ opened: 1, closed: closedBefore + 1, datagrams: [] });
    expect(bench.exporter.collectors()[0]?.counters).toMatchObject({ flowsSent: 0, flowsNotSent: 1 });
  });
});

describe('without a collector', () => {
  test.each([[{}], [{ IpFixCollectors: ['Udp/192.0.2.1:1'], Enabled: false }]])(
    '%j: nothing is opened, every record is counted as unused',
    async (metadata) => {
      const lines: string[] = [];
      const logger = { ...silentLogger, warn: (line: unknown) => void lines.push(String(line)) };
      const exporter = createExporter(profileOf(metadata), { logger, clock: createManualClock() });
      await exporter.start();
      exporter.export(batchOf([tcp, tcp]));
      await exporter.whenRoom();
      await exporter.stop();
      expect(exporter.counters()).toMatchObject({ recordsTaken: 2, recordsUnused: 2, recordsPacked: 0 });
      expect(exporter.localSockets()).toEqual([]);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(
        /^test.profile: (effectively disabled: no collector|disabled: Enabled is false)$/,
      );
    },
  );
});

describe('stopping', () => {
  test.each(['Udp/192.0.2.1:4739', 'Tcp/127.0.0.1:9'])(
    'an exporter that was never started ends at once, and counts what it was given: %s',
    async (collector) => {
      const exporter = createExporter(profileOf({ IpFixCollectors: [collector] }), {
        logger: silentLogger,
        clock: createManualClock(),
      });
      exporter.export(batchOf([tcp, tcp]));
      await exporter.stop();
      await exporter.stop();
      expect(exporter.collectors()[0]?.counters).toMatchObject({ flowsSent: 0, flowsNotSent: 2 });
    },
  );

  test('twice is once', async () => {
    const bench = await startBench();
    await stop(bench);
    const sent = only(bench).messages.length;
    await bench.exporter.stop();
    expect(only(bench).messages).toHaveLength(sent);
    expect(only(bench).closed).toBe(1);
  });

  test('sends what is packed, then the last statistics, then closes', async () => {
    const bench = await startBench();
    bench.exporter.export(batchOf([tcp]));
    expect(only(bench).messages.some(({ sets }) => sets[0]?.setId === 256)).toBe(false);
    await stop(bench);
    const sets = only(bench)
      .messages.slice(-2)
      .map((message) => message.sets[0]?.setId);
    expect(sets).toEqual([256, 32_768]);
    expect(only(bench).closed).toBe(1);
    expect(bench.exporter.counters()).toMatchObject({ recordsTaken: 1, recordsPacked: 1 });
  });
});

test('a worker hands batches over a port, and gets its buffers back', async () => {
  const bench = await startBench();
  const sender = createBufferSender<FlowBatchNote>(bench.exporter.connectWriter(), 2, flowBatchOctets(64));
  for (let sent = 0; sent < 5; ) {
    const buffer = sender.acquire();
    if (buffer === undefined) {
      await sender.drained();
      continue;
    }
    const batch = createFlowBatch(64, buffer);
    addFlow(batch, tcp);
    sender.send(buffer, noteOfFlowBatch(batch));
    sent += 1;
  }
  await sender.drained();
  await stop(bench);
  expect(bench.exporter.counters()).toMatchObject({ batchesTaken: 5, recordsTaken: 5, recordsPacked: 5 });
  expect(bench.exporter.collectors()[0]?.counters.flowsSent).toBe(5);
});

describe('over real sockets', () => {
  async function bound(family: 'udp4' | 'udp6', address: string) {
    const socket = createSocket(family);
    await new Promise<void>((resolve) => socket.bind(0, address, () => resolve()));
    return socket;
  }

  test.each([
    ['udp4', '127.0.0.1', '127.0.0.1'],
    ['udp6', '::1', '[::1]'],
  ] as const)('%s %s as %s', async (family, address, host) => {
    const socket = await bound(family, address);
    const received: Buffer[] = [];
    const ports = new Set<number>();
    const arrived = new Promise<void>((resolve) => {
      socket.on('message', (message, { port }) => {
        received.push(message);
        ports.add(port);
        if (message.readUInt16BE(16) === 256) resolve();
      });
    });
    const { port } = socket.address();
    const exporter = createExporter(profileOf({ IpFixCollectors: [`Udp/${host}:${port}`] }), {
      logger: silentLogger,
    });
    await exporter.start();
    exporter.export(batchOf([tcp]));
    await exporter.stop();
    await arrived;
    expect(exporter.reservedPorts()).toEqual([...ports]);
    expect(exporter.localSockets()).toMatchObject([{ protocol: 17, remotePort: port }]);
    expect(received[0]?.readUInt16BE(0)).toBe(10);
    socket.close();
  });

  test('to a host name', async () => {
    const { address, family } = await lookup('localhost');
    const socket = await bound(family === 6 ? 'udp6' : 'udp4', address);
    const profile = profileOf({ IpFixCollectors: [`Udp/localhost:${socket.address().port}`] });
    const exporter = createExporter(profile, { logger: silentLogger });
    await exporter.start();
    expect(exporter.localSockets()).toMatchObject([{ remoteAddress: address }]);
    await exporter.stop();
    socket.close();
  });

  test('a port where nothing listens is counted and harms nothing', async () => {
    const socket = await bound('udp4', '127.0.0.1');
    const { port } = socket.address();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    const exporter = createExporter(profileOf({ IpFixCollectors: [`Udp/127.0.0.1:${port}`] }), {
      logger: silentLogger,
    });
    await exporter.start();
    for (let i = 0; i < 50; i += 1) {
      exporter.export(batchOf([tcp]));
      exporter.flush();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await exporter.stop();
    const [collector] = exporter.collectors();
    expect(collector?.counters.refused).toBeGreaterThan(0);
    expect((collector?.counters.flowsSent ?? 0) + (collector?.counters.flowsNotSent ?? 0)).toBe(50);
  });
});
