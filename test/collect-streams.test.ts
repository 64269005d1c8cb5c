/** `weir collect` over TCP and TLS, stopped and killed in mid-run: what its store then has of numbered records. */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { silentLogger } from '@weir/base';
import { openStore } from '@weir/storage';
import { beforeAll, describe, expect, test } from 'vitest';
import { type NumberedExporter, startNumberedExporter } from './numbered-exporter.ts';
import { startNumberedFlows } from './numbered-flows.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually, type RunningWeir, startWeir } from './weir-process.ts';

const RESTARTS = 20;
const KILLS = 5;
const OWN_KILLS = Number(process.env['WEIR_TEST_KILLS'] ?? 4);
const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const folder = temporaryFolder();
const certificate = path.join(folder, 'collector.pem');
const key = path.join(folder, 'collector.key');

beforeAll(() => {
  if (!hasOpenssl) return;
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-subj', '/CN=collector.example', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...names, '-keyout', key, '-out', certificate], {
    stdio: 'pipe',
  });
});

/** Ports that nobody has at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports = await Promise.all(
    servers.map(async (server) => {
      await once(server, 'listening');
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : 0;
    }),
  );
  for (const server of servers) server.close();
  return ports;
}

function overTcp(port: number) {
  return () => connect({ port, host: '127.0.0.1', allowHalfOpen: true });
}

function overTls(port: number) {
  const options = { port, host: '127.0.0.1', ca: readFileSync(certificate), allowHalfOpen: true };
  return () => connectTls(options);
}

async function startCollect(data: string, ...listen: string[]): Promise<RunningWeir> {
  const tls = ['--tls-certificate', certificate, '--tls-key', key];
  const options = listen.flatMap((address) => ['--listen', address]);
  const weir = startWeir(['collect', '--data', data, '--no-http', ...tls, ...options]);
  for (const address of listen) await weir.said(new RegExp(`listening on ${address}`));
  return weir;
}

/** Of one observation domain and transport: rows, different numbers, and the greatest number, in a folder's store. */
async function storedNumbers(data: string, domain: number, transport: 'tcp' | 'tls') {
  const store = await openStore({ dataDirectory: data, logger: silentLogger });
  try {
    const { rows } = await store.sql(
      `SELECT count(*) AS count, count(DISTINCT flowId) AS different, max(flowId) AS greatest
       FROM flows JOIN exporters USING (exporterId)
       WHERE observationDomainId = ${domain} AND source LIKE '${transport}/%'`,
    );
    const [row] = rows;
    return {
      count: Number(row?.['count']),
      different: Number(row?.['different']),
      greatest: Number(row?.['greatest']),
    };
  } finally {
    await store.close();
  }
}

/** What `storedNumbers` says of a store that has the numbers 0 … count - 1, each once. */
function all(count: number) {
  return { count, different: count, greatest: count - 1 };
}

function exporterOf(connectTo: NumberedExporterConnect, domain: number): NumberedExporter {
  return startNumberedExporter({
    connect: connectTo,
    observationDomainId: domain,
    recordsPerMessage: 500,
    pauseMs: 5,
  });
}
type NumberedExporterConnect = Parameters<typeof startNumberedExporter>[0]['connect'];

/** What the collectors of a folder counted as lost over a transport. */
function lostOnTheWay(data: string, transport: 'tcp' | 'tls'): number {
  const { accounts } = JSON.parse(readFileSync(path.join(data, 'deliveries.json'), 'utf8')) as {
    accounts: { source: string; recordsLost: number }[];
  };
  const ofTransport = accounts.filter(({ source }) => source.startsWith(`${transport}/`));
  expect(ofTransport, transport).toHaveLength(1);
  return ofTransport.reduce((sum, { recordsLost }) => sum + recordsLost, 0);
}

describe.skipIf(!hasOpenssl)('a collector over TCP and TLS (skipped: openssl is not installed)', () => {
  test(`stopped and started ${RESTARTS} times loses no record and doubles none`, async () => {
    const data = path.join(folder, 'stopped');
    const [tcp = 0, tls = 0] = await freePorts(2);
    const listen = [`tcp/127.0.0.1:${tcp}`, `tls/127.0.0.1:${tls}`];
    const exporters = [exporterOf(overTcp(tcp), 1), exporterOf(overTls(tls), 2)];
    for (let run = 0; run < RESTARTS; run += 1) {
      const weir = await startCollect(data, ...listen);
      await sleep(run * 20);
      expect(await weir.stop('SIGTERM'), weir.output()).toBe(0);
    }
    const last = await startCollect(data, ...listen);
    await Promise.all(exporters.map((exporter) => exporter.stop()));
    expect(await last.stop('SIGTERM')).toBe(0);
    for (const [index, { records, brokenCount, endedCount }] of exporters.entries()) {
      expect({ index, brokenCount }).toEqual({ index, brokenCount: 0 });
      expect(endedCount).toBeGreaterThan(RESTARTS / 2);
      expect(await storedNumbers(data, index + 1, index === 0 ? 'tcp' : 'tls')).toEqual(all(records));
    }
  }, 300_000);

  test(`stopped and started ${RESTARTS} times has every flow of our own exporter once, which spools meanwhile`, async () => {
    const data = path.join(folder, 'ours');
    const [tcp = 0, tls = 0] = await freePorts(2);
    const listen = [`tcp/127.0.0.1:${tcp}`, `tls/127.0.0.1:${tls}`];
    const exporter = await startNumberedFlows({
      collectors: [`Tcp/127.0.0.1:${tcp}`, { Address: `Tls/127.0.0.1:${tls}`, Tls: { Ca: certificate } }],
      observationDomainId: 3,
      spoolDirectory: path.join(folder, 'spool'),
    });
    for (let run = 1; run <= RESTARTS; run += 1) {
      const weir = await startCollect(data, ...listen);
      await eventually(
        async () => exporter.connectionsOpened,
        (count) => count >= run,
      );
      await sleep(1000);
      expect(await weir.stop('SIGTERM'), weir.output()).toBe(0);
    }
    const last = await startCollect(data, ...listen);
    await exporter.stop();
    expect(await last.stop('SIGTERM')).toBe(0);
    expect(exporter.notSent).toBe(0);
    expect(exporter.sent).toEqual([exporter.flows, exporter.flows]);
    for (const transport of ['tcp', 'tls'] as const) {
      expect(await storedNumbers(data, 3, transport), transport).toEqual(all(exporter.flows));
    }
  }, 600_000);

  test(`killed ${KILLS} times opens its store again without doubles, and the exporter can say how much is gone`, async () => {
    const data = path.join(folder, 'killed');
    const [tcp = 0] = await freePorts(1);
    const exporter = exporterOf(overTcp(tcp), 1);
    for (let run = 0; run < KILLS; run += 1) {
      const weir = await startCollect(data, `tcp/127.0.0.1:${tcp}`);
      await sleep(500 + run * 130);
      await weir.stop('SIGKILL');
    }
    const last = await startCollect(data, `tcp/127.0.0.1:${tcp}`);
    await exporter.stop();
    expect(await last.stop('SIGTERM')).toBe(0);
    const { records, recordsOnBroken, brokenCount } = exporter;
    const stored = await storedNumbers(data, 1, 'tcp');
    const lost = records - stored.count;

    // A process that is being killed may accept once more before its sockets are gone.
    expect(brokenCount).toBeGreaterThanOrEqual(KILLS);
    expect(stored.different).toBe(stored.count);
    expect(lost).toBeGreaterThanOrEqual(0);
    expect(lost).toBeLessThanOrEqual(recordsOnBroken);
  }, 120_000);

  test(`killed ${OWN_KILLS} times it counts how many records of our own exporter are gone: sent is stored and lost`, async () => {
    const data = path.join(folder, 'audited');
    const [tcp = 0, tls = 0] = await freePorts(2);
    const listen = [`tcp/127.0.0.1:${tcp}`, `tls/127.0.0.1:${tls}`];
    const exporter = await startNumberedFlows({
      collectors: [`Tcp/127.0.0.1:${tcp}`, { Address: `Tls/127.0.0.1:${tls}`, Tls: { Ca: certificate } }],
      observationDomainId: 5,
      spoolDirectory: path.join(folder, 'audited-spool'),
    });
    for (let run = 1; run <= OWN_KILLS; run += 1) {
      const weir = await startCollect(data, ...listen);
      await eventually(
        async () => exporter.connectionsOpened,
        (count) => count >= run,
      );
      // The first time until it has written down who came, which it looks at each 2 s.
      await sleep(run === 1 ? 4000 : 300 + run * 70);
      await weir.stop('SIGKILL');
    }
    const last = await startCollect(data, ...listen);
    await exporter.stop();
    expect(await last.stop('SIGTERM')).toBe(0);
    expect(exporter.notSent).toBe(0);
    for (const [index, transport] of (['tcp', 'tls'] as const).entries()) {
      const stored = await storedNumbers(data, 5, transport);
      expect(stored.different, transport).toBe(stored.count);
      const lost = lostOnTheWay(data, transport);
      // Where nothing was lost, nothing was proven.
      expect(lost, transport).toBeGreaterThan(0);
      expect(stored.count + lost, transport).toBe(exporter.sent[index]);
      expect(exporter.sent[index]).toBe(exporter.flows);
    }
  }, 180_000);
});
