import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock, type ManualClock, silentLogger } from '@weir/base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createExporter, type Exporter } from './exporter.ts';
import { batchOf, type FlowFixture } from './flow-fixture.ts';
import { parseProfile } from './profile.ts';
import { createStreamCollector, type StreamCollector } from './stream-collector-fixture.ts';

const START_MS = 1_700_000_000_000;

const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const folder = mkdtempSync(join(tmpdir(), 'weir-stream-'));
const pathOf = (name: string) => join(folder, name);

/** An authority, a certificate for the collector and one for the exporter. */
function makeCertificates(): void {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-days',
    '2',
    '-subj',
    '/CN=authority',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  for (const name of ['collector', 'exporter']) {
    openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    writeFileSync(pathOf('san'), 'subjectAltName=IP:127.0.0.1,DNS:collector.example\n');
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`);
  }
}

beforeAll(() => {
  if (hasOpenssl) makeCertificates();
});
afterAll(() => rmSync(folder, { recursive: true }));

function collectorOf(transport: 'Tcp' | 'Tls'): StreamCollector {
  if (transport === 'Tcp') return createStreamCollector();
  return createStreamCollector({
    cert: readFileSync(pathOf('collector.pem')),
    key: readFileSync(pathOf('collector.key')),
    ca: readFileSync(pathOf('ca.pem')),
    requestCert: true,
    rejectUnauthorized: true,
  });
}

interface Bench {
  readonly exporter: Exporter;
  readonly collector: StreamCollector;
  readonly clock: ManualClock;
}

function exporterTo(
  collector: StreamCollector,
  transport: 'Tcp' | 'Tls',
  metadata: object,
  clock: ManualClock,
) {
  const text = JSON.stringify({
    FlowMetadata: {
      IpFixCollectors: [`${transport}/127.0.0.1:${collector.port}`],
      Tls: { Ca: pathOf('ca.pem'), Certificate: pathOf('exporter.pem'), Key: pathOf('exporter.key') },
      ...metadata,
    },
  });
  const profile = parseProfile(text, 'test.profile');
  return createExporter(profile, { logger: silentLogger, clock, random: () => 0 });
}

async function startBench(transport: 'Tcp' | 'Tls', metadata: object = {}): Promise<Bench> {
  const collector = collectorOf(transport);
  await collector.start();
  const clock = createManualClock(START_MS);
  const exporter = exporterTo(collector, transport, metadata, clock);
  await exporter.start();
  await accepted(collector, 1);
  return { exporter, collector, clock };
}

/** Lets the sockets work, and time go on, until it is so. */
async function until(clock: ManualClock, isSo: () => boolean, what: string, stepMs = 50): Promise<void> {
  for (let i = 0; i < 4000; i += 1) {
    if (isSo()) return;
    clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`never: ${what}`);
}

/** Lets the sockets work while time stands still. */
async function untilReal(isSo: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 4000 && !isSo(); i += 1) await new Promise((resolve) => setTimeout(resolve, 1));
  if (!isSo()) throw new Error(`never: ${what}`);
}

/** The exporter has a connection before its collector knows: what it sends then may outlast a handshake's time. */
function accepted(collector: StreamCollector, connections: number): Promise<void> {
  return untilReal(() => collector.connections >= connections, `connection ${connections} accepted`);
}

async function stop({ exporter, collector, clock }: Bench): Promise<void> {
  let isStopped = false;
  const stopping = exporter.stop().then(() => {
    isStopped = true;
  });
  await until(clock, () => isStopped, 'stopped');
  await stopping;
  await collector.stop();
}

/** Flows whose octets number them: `from`, `from + 1` … */
function flows(from: number, count: number): FlowFixture[] {
  return Array.from({ length: count }, (_, index) => ({
    source: '10.0.0.1',
    destination: '192.0.2.1',
    protocol: 6,
    sourcePort: 40_000,
    destinationPort: 443,
    octets: from + index,
    packets: 1,
    startMs: START_MS,
    endMs: START_MS,
    direction: 1,
  }));
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

const transports = [['Tcp'], ['Tls']] as const;

describe.each(transports)('%s', (transport) => {
  const withCertificates = test.skipIf(transport === 'Tls' && !hasOpenssl);

  withCertificates('templates once a connection, then records', async () => {
    const bench = await startBench(transport);
    bench.exporter.export(batchOf(flows(1, 100)));
    bench.exporter.flush();
    await until(bench.clock, () => bench.collector.flowOctets.length === 100, 'all flows arrived');
    expect(bench.exporter.collectors()[0]).toMatchObject({ state: 'connected', lastError: undefined });
    const { clock } = bench;
    await until(clock, () => clock.monotonicMs() > 700_000, 'templates would be repeated over UDP', 5000);
    const { templateMessagesSent } = bench.exporter.collectors()[0]?.counters ?? {};
    await stop(bench);
    expect(templateMessagesSent).toBe(5);
    expect(bench.collector.problems).toEqual([]);
    expect(bench.collector.flowOctets).toEqual(numbers(100));
    expect(bench.exporter.collectors()[0]?.counters).toMatchObject({
      flowsSent: 100,
      flowsNotSent: 0,
      templateMessagesSent: 5,
      connectionsOpened: 1,
      connectionsBroken: 0,
    });
  });

  withCertificates(
    'a collector that stops and starts 20 times loses nothing and gets nothing twice',
    async () => {
      const bench = await startBench(transport);
      const { exporter, collector, clock } = bench;
      let sent = 0;
      for (let round = 0; round < 20; round += 1) {
        // Every other time there is more on the way than the collector has read.
        if (round % 2 === 1) collector.pause();
        for (let i = 0; i < 10; i += 1) {
          exporter.export(batchOf(flows(sent + 1, 200)));
          sent += 200;
          await new Promise((resolve) => setImmediate(resolve));
        }
        const stopping = collector.stop();
        exporter.export(batchOf(flows(sent + 1, 200)));
        sent += 200;
        await until(clock, () => exporter.collectors()[0]?.state !== 'connected', 'the connection ended');
        await stopping;
        exporter.export(batchOf(flows(sent + 1, 200)));
        sent += 200;
        await collector.start();
        await until(clock, () => exporter.collectors()[0]?.state === 'connected', 'connected again');
        await accepted(collector, round + 2);
      }
      exporter.flush();
      await until(clock, () => collector.flowOctets.length >= sent, 'all flows arrived');
      await stop(bench);
      expect(collector.problems).toEqual([]);
      expect(collector.flowOctets).toEqual(numbers(sent));
      expect(exporter.collectors()[0]?.counters).toMatchObject({
        flowsSent: sent,
        flowsNotSent: 0,
        connectionsOpened: 21,
        connectionsEnded: 20,
        connectionsBroken: 0,
      });
    },
  );

  withCertificates('what stop finds in the queue arrives before the connection ends', async () => {
    const bench = await startBench(transport);
    for (let i = 0; i < 20; i += 1) bench.exporter.export(batchOf(flows(i * 1000 + 1, 1000)));
    await stop(bench);
    expect(bench.collector.flowOctets).toEqual(numbers(20_000));
    expect(bench.collector.problems).toEqual([]);
  });
});

describe('a collector over TCP', () => {
  test('that is away when the exporter starts gets everything later', async () => {
    const bench = await startBench('Tcp');
    const { exporter, collector, clock } = bench;
    await collector.stop();
    await until(clock, () => exporter.collectors()[0]?.state === 'connecting', 'away');
    exporter.export(batchOf(flows(1, 1000)));
    clock.advance(120_000);
    expect(exporter.collectors()[0]?.lastError).toMatch(/ended|ECONNREFUSED/);
    await collector.start();
    await until(clock, () => collector.flowOctets.length === 1000, 'all flows arrived');
    await stop(bench);
    expect(collector.flowOctets).toEqual(numbers(1000));
  });

  test('that stays away longer than memory lasts loses the oldest, counted', async () => {
    const bench = await startBench('Tcp');
    const { exporter, collector, clock } = bench;
    await collector.stop();
    await until(clock, () => exporter.collectors()[0]?.state === 'connecting', 'away');
    for (let i = 0; i < 25; i += 1) exporter.export(batchOf(flows(i * 8000 + 1, 8000)));
    exporter.flush();
    const { flowsNotSent = 0, octetsNotSent } = exporter.collectors()[0]?.counters ?? {};
    expect(flowsNotSent).toBeGreaterThan(0);
    expect(octetsNotSent).toBe((flowsNotSent * (flowsNotSent + 1)) / 2);
    await collector.start();
    await until(clock, () => collector.flowOctets.length === 200_000 - flowsNotSent, 'the rest arrived');
    await stop(bench);
    expect(collector.flowOctets).toEqual(numbers(200_000).slice(flowsNotSent));
    expect(exporter.collectors()[0]?.counters.flowsNotSent).toBe(flowsNotSent);
  });

  test('that is killed loses at most what was sent and not read; the rest goes on in order', async () => {
    const bench = await startBench('Tcp');
    const { exporter, collector, clock } = bench;
    exporter.export(batchOf(flows(1, 100)));
    exporter.flush();
    await until(clock, () => collector.flowOctets.length === 100, 'the first arrived');
    await collector.kill();
    await until(clock, () => exporter.collectors()[0]?.state === 'connecting', 'the connection broke');
    exporter.export(batchOf(flows(101, 100)));
    await collector.start();
    await until(clock, () => collector.flowOctets.length === 200, 'the rest arrived');
    await stop(bench);
    expect(collector.flowOctets).toEqual(numbers(200));
    expect(exporter.collectors()[0]?.counters).toMatchObject({ connectionsBroken: 1, connectionsEnded: 0 });
  });

  test('that does not read holds the queue, then the connection is given up', async () => {
    const bench = await startBench('Tcp');
    const { exporter, collector, clock } = bench;
    collector.pause();
    let sent = 0;
    for (let i = 0; i < 400 && (exporter.collectors()[0]?.queuedMessages ?? 0) < 100; i += 1) {
      exporter.export(batchOf(flows(sent + 1, 8000)));
      sent += 8000;
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(exporter.collectors()[0]?.queuedMessages).toBeGreaterThanOrEqual(100);
    await until(clock, () => exporter.collectors()[0]?.state === 'connecting', 'given up', 1000);
    expect(exporter.collectors()[0]).toMatchObject({
      lastError: expect.stringMatching(/took nothing for 30 s|broke/),
    });
    expect(exporter.collectors()[0]?.counters.connectionsBroken).toBe(1);
    await collector.kill();
    await stop(bench);
  });

  test('back-off grows while nobody is there, and begins anew after a session', async () => {
    const clock = createManualClock(START_MS);
    const collector = createStreamCollector();
    await collector.start();
    await collector.stop();
    const exporter = exporterTo(collector, 'Tcp', {}, clock);
    await exporter.start();
    const delays: number[] = [];
    let before = clock.monotonicMs();
    const clockAfter = clock.after;
    clock.after = (delayMs, callback) => {
      delays.push(delayMs);
      return clockAfter(delayMs, callback);
    };
    for (let i = 0; i < 10; i += 1) {
      const { length } = delays;
      await until(clock, () => delays.length > length, 'another try', 500);
      before = clock.monotonicMs();
    }
    expect(delays).toEqual([200, 400, 800, 1600, 2500, 2500, 2500, 2500, 2500, 2500]);
    expect(before).toBeGreaterThan(0);
    clock.after = clockAfter;
    await exporter.stop();
  });
});

describe.skipIf(!hasOpenssl)('TLS', () => {
  test('an exporter without a certificate is refused by a collector that demands one', async () => {
    const collector = collectorOf('Tls');
    await collector.start();
    const clock = createManualClock(START_MS);
    const exporter = exporterTo(collector, 'Tls', { Tls: { Ca: pathOf('ca.pem') } }, clock);
    await exporter.start();
    await until(clock, () => exporter.collectors()[0]?.lastError !== undefined, 'refused');
    exporter.export(batchOf(flows(1, 10)));
    expect(collector.flowOctets).toEqual([]);
    await stop({ exporter, collector, clock });
  });

  test('a collector that another authority vouches for is not believed', async () => {
    const collector = collectorOf('Tls');
    await collector.start();
    const clock = createManualClock(START_MS);
    const exporter = exporterTo(collector, 'Tls', { Tls: { Ca: pathOf('exporter.pem') } }, clock);
    await exporter.start();
    expect(exporter.collectors()[0]).toMatchObject({
      state: 'connecting',
      lastError: expect.stringMatching(/certificate/),
    });
    await stop({ exporter, collector, clock });
  });

  test('the name in the certificate must be the one of the profile', async () => {
    const collector = collectorOf('Tls');
    await collector.start();
    const clock = createManualClock(START_MS);
    const files = { Ca: pathOf('ca.pem'), Certificate: pathOf('exporter.pem'), Key: pathOf('exporter.key') };
    const wrong = exporterTo(collector, 'Tls', { Tls: { ...files, ServerName: 'other.example' } }, clock);
    await wrong.start();
    expect(wrong.collectors()[0]?.lastError).toContain('other.example');
    await wrong.stop();
    const right = exporterTo(collector, 'Tls', { Tls: { ...files, ServerName: 'collector.example' } }, clock);
    await right.start();
    expect(right.collectors()[0]).toMatchObject({ state: 'connected', lastError: undefined });
    await stop({ exporter: right, collector, clock });
  });

  test('a file that is missing is named, and read once it is there', async () => {
    const collector = collectorOf('Tls');
    await collector.start();
    const clock = createManualClock(START_MS);
    const late = pathOf('late.pem');
    const files = { Ca: late, Certificate: pathOf('exporter.pem'), Key: pathOf('exporter.key') };
    const exporter = exporterTo(collector, 'Tls', { Tls: files }, clock);
    await exporter.start();
    expect(exporter.collectors()[0]?.lastError).toContain(late);
    writeFileSync(late, readFileSync(pathOf('ca.pem')));
    await until(clock, () => exporter.collectors()[0]?.state === 'connected', 'connected');
    await stop({ exporter, collector, clock });
  });

  test('a new certificate is used within a minute or two, and no record is lost', async () => {
    const bench = await startBench('Tls');
    const { exporter, collector, clock } = bench;
    exporter.export(batchOf(flows(1, 100)));
    utimesSync(pathOf('exporter.pem'), new Date(), new Date(Date.now() + 5000));
    await until(
      clock,
      () => (exporter.collectors()[0]?.counters.connectionsOpened ?? 0) === 2,
      'renewed',
      1000,
    );
    exporter.export(batchOf(flows(101, 100)));
    await until(clock, () => collector.flowOctets.length === 200, 'all flows arrived');
    await stop(bench);
    expect(collector.flowOctets).toEqual(numbers(200));
    expect(collector.problems).toEqual([]);
    expect(exporter.collectors()[0]?.counters).toMatchObject({ connectionsBroken: 0, flowsNotSent: 0 });
  });
});

test('an attempt that nobody answers holds up neither start nor stop, and ends with the exporter', async () => {
  const silent = createServer();
  const port = await new Promise<number>((resolve) => {
    silent.listen(0, '127.0.0.1', () => resolve((silent.address() as AddressInfo).port));
  });
  const connected = once(silent, 'connection');
  const clock = createManualClock(START_MS);
  const exporter = exporterTo({ ...createStreamCollector(), port }, 'Tls', { Tls: {} }, clock);
  let isStarted = false;
  const starting = exporter.start().then(() => {
    isStarted = true;
  });
  const [socket] = (await connected) as [Socket];
  const closed = once(socket.on('error', () => {}).resume(), 'close');
  await until(clock, () => isStarted, 'started');
  await starting;
  let isStopped = false;
  const stopping = exporter.stop().then(() => {
    isStopped = true;
  });
  await until(clock, () => isStopped, 'stopped');
  await stopping;
  await closed;
  silent.close();
});

test('a collector that refuses is tried again at least every 5 s, and each attempt is known by its port', async () => {
  const bench = await startBench('Tcp');
  const { exporter, collector, clock } = bench;
  await collector.stop();
  await until(clock, () => exporter.localSockets().length > 6, 'six attempts');
  const attempts = () => exporter.localSockets().map(({ localPort, remotePort }) => [localPort, remotePort]);
  expect(new Set(attempts().map(([localPort]) => localPort)).size).toBe(attempts().length);
  expect(
    attempts().every(([localPort, remotePort]) => localPort !== 0 && remotePort === collector.port),
  ).toBe(true);
  const before = JSON.stringify(attempts());
  clock.advance(5000);
  await untilReal(() => JSON.stringify(attempts()) !== before, 'another attempt within 5 s');
  await until(clock, () => exporter.localSockets().length === 16, 'sixteen attempts');
  await collector.start();
  await stop(bench);
});
