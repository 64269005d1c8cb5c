/** Collectors that listen on TLS: who may speak to them, what the others are told, and certificates that change. */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { silentLogger, systemClock } from '@weir/base';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createCollector } from './collector.ts';
import { createCountingStore } from './counting-store.ts';
import { createFlowSource, type TlsSettings } from './flow-source.ts';
import { createRecordMix } from './record-mix.ts';
import { isAllowedSubject } from './tls-credentials.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

let folder: string;
const at = (name: string) => join(folder, name);

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}

/** An authority `NAME.pem` with its key, which vouches for others. */
function makeAuthority(name: string): void {
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '30',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.pem`,
  );
}

/** A certificate `FILE.pem` for `dnsName`, by an authority, valid for `days`; negative ones are over already. */
function makeCertificate(file: string, authority: string, dnsName: string, days = 30): void {
  writeFileSync(at(`${file}.ext`), `subjectAltName=DNS:${dnsName},IP:127.0.0.1\n`);
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    `/CN=${dnsName}`,
    '-keyout',
    `${file}.key`,
    '-out',
    `${file}.csr`,
  );
  openssl(
    'x509',
    '-req',
    '-in',
    `${file}.csr`,
    '-CA',
    `${authority}.pem`,
    '-CAkey',
    `${authority}.key`,
    '-CAcreateserial',
    '-days',
    String(days),
    '-extfile',
    `${file}.ext`,
    '-out',
    `${file}.pem`,
  );
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-tls-'));
  if (!hasOpenssl) return;
  makeAuthority('authority');
  makeAuthority('stranger');
  makeCertificate('collector', 'authority', 'collector.example');
  makeCertificate('renewed', 'authority', 'renewed.example');
  makeCertificate('exporter', 'authority', 'exporter.example');
  makeCertificate('visitor', 'authority', 'visitor.example');
  makeCertificate('foreign', 'stranger', 'exporter.example');
  makeCertificate('expired', 'authority', 'exporter.example', -1);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startCollector(tls: Partial<TlsSettings> = {}) {
  const store = createCountingStore();
  const settings = { certificate: at('collector.pem'), key: at('collector.key'), ...tls };
  const source = createFlowSource({
    name: 'test',
    monitoringAddress: '127.0.0.1',
    monitoringPort: 1,
    transport: 'tls',
    tls: { ...settings, ...(settings.subjects === undefined ? {} : { subjects: [...settings.subjects] }) },
  });
  const collector = createCollector(
    { sources: [{ ...source, monitoringPort: 0 }] },
    { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
  );
  cleanUps.push(
    () => store.close(),
    () => collector.stop(),
  );
  await collector.start();
  async function stream() {
    const [only] = (await collector.status()).sources;
    return only?.listener?.stream;
  }
  return { store, collector, stream, port: collector.address('test')?.port ?? 0 };
}

function clientOf(name: string | undefined, port: number, more: ConnectionOptions = {}): TLSSocket {
  const own =
    name === undefined ? {} : { cert: readFileSync(at(`${name}.pem`)), key: readFileSync(at(`${name}.key`)) };
  const ca = readFileSync(at('authority.pem'));
  const options = { port, host: '127.0.0.1', ca, allowHalfOpen: true, ...own, ...more };
  const socket = connect(options);
  socket.on('error', () => {});
  cleanUps.push(() => socket.destroy());
  return socket;
}

async function until<T>(ask: () => Promise<T>, satisfied: (answer: T) => boolean): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    const answer = await ask();
    if (satisfied(answer)) return answer;
    if (attempt > 500) throw new Error(`never satisfied: ${JSON.stringify(answer)}`);
    await sleep(20);
  }
}

function mixStream(count: number) {
  const mix = createRecordMix({ seed: 5, observationDomainId: 1 });
  const bytes = new Uint8Array(1500);
  const messages = Array.from({ length: count }, (_, index) =>
    Buffer.from(bytes.slice(0, mix.writeMessage(bytes, 1_700_000_000_000, 20, index === 0))),
  );
  const { records, octets, packets } = mix.totals;
  return { octets: Buffer.concat(messages), sums: { records, octets, packets } };
}

async function endInOrder(socket: TLSSocket, octets: Uint8Array): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.resume();
  socket.end(octets);
  await closed;
}

describe.skipIf(!hasOpenssl)('a collector that listens on TLS', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('takes what an exporter sends over %s', async (version) => {
    const { store, collector, stream, port } = await startCollector();
    const { octets, sums } = mixStream(3000);
    const socket = clientOf(undefined, port, { minVersion: version, maxVersion: version });
    await once(socket, 'secureConnect');
    await endInOrder(socket, octets);
    await collector.stop();
    expect(store.sums).toEqual(sums);
    expect((await stream())?.counters.closed).toMatchObject({ ended: 1, reset: 0, handshake: 0 });
  });

  test('shows the name of an exporter that proved it', async () => {
    const { port, stream } = await startCollector({
      clientCa: at('authority.pem'),
      subjects: ['*.example'],
    });
    const socket = clientOf('exporter', port);
    const { octets, sums } = mixStream(10);
    socket.write(octets);
    const now = await until(stream, (status) => status?.connections[0]?.records === sums.records);
    expect(now?.connections).toMatchObject([{ subject: 'exporter.example', address: '127.0.0.1' }]);
  });

  test.each([
    ['without a certificate', undefined, 'untrusted'],
    ['whose authority is another', 'foreign', 'untrusted'],
    ['whose certificate is over', 'expired', 'untrusted'],
    ['who is not on the list', 'visitor', 'notAllowed'],
  ] as const)('takes nothing from a peer %s', async (_, name, reason) => {
    const { store, collector, port, stream } = await startCollector({
      clientCa: at('authority.pem'),
      subjects: ['exporter.example'],
    });
    const socket = clientOf(name, port);
    socket.write(mixStream(10).octets);
    const now = await until(stream, (status) => status?.counters.closed[reason] === 1);
    expect(now?.connections).toEqual([]);
    await collector.stop();
    expect(store.sums.records).toBe(0);
  });

  test('counts peers that do not speak TLS', async () => {
    const { port, stream } = await startCollector();
    const socket = connectTcp({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    cleanUps.push(() => socket.destroy());
    socket.write(mixStream(10).octets);
    await until(stream, (status) => status?.counters.closed.handshake === 1);
  });

  test('uses a changed certificate for new connections, and stays with it when the next is unusable', async () => {
    for (const kind of ['pem', 'key']) copyFileSync(at(`collector.${kind}`), at(`own.${kind}`));
    const { port, stream } = await startCollector({ certificate: at('own.pem'), key: at('own.key') });
    const before = clientOf(undefined, port);
    await once(before, 'secureConnect');
    expect(before.getPeerCertificate().subject.CN).toBe('collector.example');
    for (const kind of ['pem', 'key']) copyFileSync(at(`renewed.${kind}`), at(`own.${kind}`));
    await until(stream, (status) => status?.counters.certificateReloads === 1);
    const after = clientOf(undefined, port);
    await once(after, 'secureConnect');
    expect(after.getPeerCertificate().subject.CN).toBe('renewed.example');
    writeFileSync(at('own.pem'), 'no certificate');
    await until(stream, (status) => (status?.counters.certificateReloadFailures ?? 0) >= 1);
    const later = clientOf(undefined, port);
    await once(later, 'secureConnect');
    expect(later.getPeerCertificate().subject.CN).toBe('renewed.example');
    await until(stream, (status) => status?.connections.length === 3);
  }, 30_000);

  test('takes what an exporter still sends after it was asked to close', async () => {
    const { store, collector, port, stream } = await startCollector();
    const { octets, sums } = mixStream(500);
    const socket = clientOf(undefined, port);
    await once(socket, 'secureConnect');
    socket.resume();
    const asked = once(socket, 'end');
    await until(stream, (status) => status?.connections.length === 1);
    const stopped = collector.stop();
    await asked;
    socket.end(octets);
    await stopped;
    expect(store.sums).toEqual(sums);
    expect((await stream())?.counters.closed).toMatchObject({ ended: 1, cutOff: 0 });
  });

  test.each([
    ['certificate', 'nothing.pem', /tls\.certificate: .*nothing\.pem cannot be read/],
    ['certificate', 'collector.key', /collector\.key: .*allowed: certificates as PEM/],
    ['key', 'exporter.key', /allowed: a certificate with its key/],
    ['clientCa', 'collector.csr', /collector\.csr: .*allowed: certificates as PEM/],
  ])('does not start when %s is %s', async (parameter, file, message) => {
    await expect(startCollector({ [parameter]: at(file) })).rejects.toMatchObject({
      code: 'tls_unusable',
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  });
});

test.each([
  [['Exporter.example'], ['exporter.EXAMPLE'], true],
  [['a.example'], ['*.example'], true],
  [['a.b.example'], ['*.example'], false],
  [['example'], ['*.example'], false],
  [['other', 'exporter'], ['exporter'], true],
  [[], ['exporter'], false],
  [[], undefined, true],
])('names %j on the list %j: %s', (names, allowed, expected) => {
  expect(isAllowedSubject(names, allowed)).toBe(expected);
});
