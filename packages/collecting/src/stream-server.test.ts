/** The limits of connections that depend on time, with a clock that the test moves. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { createManualClock, type ManualClock, silentLogger } from '@weir/base';
import { afterEach, describe, expect, test } from 'vitest';
import { createFlowSource, type FlowSourceInput } from './flow-source.ts';
import { openStreamServer, type StreamServer } from './stream-server.ts';
import type { CloseReason } from './stream-status.ts';

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** An IPFIX message without Sets. */
const EMPTY_MESSAGE = Uint8Array.of(0, 10, 0, 16, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1);

async function openServer(input: Partial<FlowSourceInput> = {}) {
  const clock = createManualClock();
  const source = createFlowSource({
    name: 'test',
    monitoringAddress: '127.0.0.1',
    monitoringPort: 1,
    transport: 'tcp',
    ...input,
  });
  const store = { isRoomy: true, messages: 0, sessionsClosed: 0 };
  const server = await openStreamServer({
    source: { ...source, monitoringPort: 0 },
    clock,
    logger: silentLogger,
    roomy: () => store.isRoomy,
    message() {
      store.messages += 1;
      return { records: 0, malformed: false };
    },
    problem: () => {},
    sessionClosed() {
      store.sessionsClosed += 1;
    },
  });
  const port = server.localPort;
  cleanUps.push(() => finish(server, clock));
  return { server, clock, store, port };
}

/** Lets the time pass in which exporters may close their side. */
async function finish(server: StreamServer, clock: ManualClock): Promise<void> {
  let isOver = false;
  void server.finish().then(() => {
    isOver = true;
  });
  while (!isOver) {
    clock.advance(100);
    await nextTurn();
  }
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  cleanUps.push(() => socket.destroy());
  // A collector that refuses may reset the connection before we know that there was one.
  socket.on('error', () => {});
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
    socket.once('close', () => resolve());
  });
  socket.resume();
  return socket;
}

async function until(satisfied: () => boolean): Promise<void> {
  for (let attempt = 0; !satisfied(); attempt += 1) {
    if (attempt > 2000) throw new Error('what was waited for did not happen');
    await sleep(5);
  }
}

function openCount(server: StreamServer): number {
  return server.status().connections.length;
}

function closed(server: StreamServer, reason: CloseReason): number {
  return server.status().counters.closed[reason];
}

test('a connection that was silent for 10 s makes room, one that sent a message does not', async () => {
  const { server, clock, store, port } = await openServer({ connections: { max: 2, perAddressMax: 2 } });
  const exporter = await open(port);
  exporter.write(EMPTY_MESSAGE);
  await until(() => store.messages === 1);
  await open(port);
  await until(() => openCount(server) === 2);
  await open(port);
  await until(() => server.status().counters.refusedAddress === 1);
  clock.advance(10_001);
  const late = await open(port);
  await until(() => closed(server, 'displaced') === 1 && openCount(server) === 2);
  const ports = server.status().connections.map((connection) => connection.port);
  expect(ports).toEqual([exporter.localPort, late.localPort]);
  expect(server.status().counters).toMatchObject({ accepted: 3, refusedFull: 0 });
});

test('the limit of the source is counted apart from that of an address', async () => {
  const { server, port } = await openServer({ connections: { max: 1, perAddressMax: 2 } });
  await open(port);
  await until(() => openCount(server) === 1);
  await open(port);
  await until(() => server.status().counters.refusedFull === 1);
  expect(server.status().counters.refusedAddress).toBe(0);
});

test('a message that was begun must end within a minute, however slowly octets come', async () => {
  const { server, clock, store, port } = await openServer();
  const socket = await open(port);
  for (let octets = 1; octets <= 7; octets += 1) {
    socket.write(EMPTY_MESSAGE.subarray(octets - 1, octets));
    await until(() => server.status().connections[0]?.octets === octets);
    clock.advance(8000);
    server.tick();
  }
  expect(openCount(server)).toBe(1);
  clock.advance(8000);
  server.tick();
  await until(() => closed(server, 'stalled') === 1);
  expect(store).toMatchObject({ messages: 0, sessionsClosed: 1 });
});

test('only silence counts against an idle connection, not the time in which the store has no room', async () => {
  const { server, clock, store, port } = await openServer({ connections: { idleTimeoutSeconds: 60 } });
  const socket = await open(port);
  socket.write(EMPTY_MESSAGE);
  await until(() => store.messages === 1);
  clock.advance(59_000);
  socket.write(EMPTY_MESSAGE);
  await until(() => store.messages === 2);
  clock.advance(59_000);
  server.tick();
  store.isRoomy = false;
  socket.write(EMPTY_MESSAGE);
  await until(() => server.status().counters.pauses === 1);
  clock.advance(120_000);
  server.tick();
  store.isRoomy = true;
  clock.advance(10);
  await until(() => store.messages === 3);
  expect(server.status().counters.pausedMs).toBeGreaterThanOrEqual(120_000);
  clock.advance(61_000);
  server.tick();
  await until(() => closed(server, 'idle') === 1);
});

test('connections that come while the store has no room are not read either', async () => {
  const { server, clock, store, port } = await openServer();
  store.isRoomy = false;
  for (const socket of [await open(port), await open(port)]) socket.write(EMPTY_MESSAGE);
  await until(() => openCount(server) === 2 && server.status().counters.pauses === 1);
  clock.advance(1000);
  await sleep(20);
  expect(store.messages).toBe(0);
  store.isRoomy = true;
  clock.advance(10);
  await until(() => store.messages === 2);
});

test('idle connections stay where 0 says so', async () => {
  const { server, clock, port } = await openServer({ connections: { idleTimeoutSeconds: 0 } });
  await open(port);
  await until(() => openCount(server) === 1);
  clock.advance(86_400_000);
  server.tick();
  await sleep(20);
  expect(openCount(server)).toBe(1);
});

describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('over TLS (skipped: no openssl)', () => {
  test('a peer must agree upon TLS within 10 s, however slowly octets come', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weir-handshake-'));
    cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=c'];
    execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', 'key', '-out', 'pem'], {
      cwd: folder,
      stdio: 'pipe',
    });
    const { server, clock, port } = await openServer({
      transport: 'tls',
      tls: { certificate: join(folder, 'pem'), key: join(folder, 'key') },
    });
    const socket = await open(port);
    // A handshake record that announces 512 octets.
    for (const octet of [0x16, 3, 1, 2, 0]) {
      socket.write(Uint8Array.of(octet));
      await sleep(5);
      clock.advance(1500);
      server.tick();
    }
    expect(closed(server, 'handshake')).toBe(0);
    clock.advance(3000);
    server.tick();
    await until(() => closed(server, 'handshake') === 1);
    expect(server.status()).toMatchObject({ connections: [], counters: { accepted: 1 } });
  });
});
