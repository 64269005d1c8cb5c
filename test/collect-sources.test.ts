/** Flow sources of a running `weir collect`: edited over HTTP and in the file, on an interface, from a folder. */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '@weir/base';
import { generateRecords } from '@weir/collecting';
import { openStore } from '@weir/storage';
import { describe, expect, test } from 'vitest';
import { createWire, namespacesMissing } from './network-namespace.ts';
import { numberedFile } from './numbered-file.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually, type RunningWeir, startWeir } from './weir-process.ts';

const HOST = '127.0.0.1';
const FILE_KILLS = 5;
const FILES = 4;
const RECORDS_PER_FILE = 200_000;
const BIN = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');
const folder = temporaryFolder();

async function freePorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4'));
  const ports = await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<number>((resolve) => socket.bind(0, HOST, () => resolve(socket.address().port))),
    ),
  );
  for (const socket of sockets) socket.close();
  return ports;
}

async function urlOf(weir: RunningWeir): Promise<string> {
  const line = await weir.said(/console at http:/);
  return /http:[^"]+/.exec(line)?.[0] ?? '';
}

function createClient(url: string) {
  return async (method: string, route: string, body?: object) => {
    const answer = await fetch(`${url}/api/v1${route}`, {
      method,
      ...(method === 'GET'
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body ?? {}) }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, never> };
  };
}

interface Counts {
  count: number;
  different: number;
}

async function stored(data: string): Promise<Counts> {
  const store = await openStore({ dataDirectory: data, logger: silentLogger });
  try {
    const { rows } = await store.sql(
      'SELECT count(*) AS count, count(DISTINCT flowId) AS different FROM flows',
    );
    return { count: Number(rows[0]?.['count']), different: Number(rows[0]?.['different']) };
  } finally {
    await store.close();
  }
}

describe('flow sources of a running collector', () => {
  test('are edited over HTTP and in the file, beside a stream that loses nothing', async () => {
    const [steady = 0, other = 0, third = 0] = await freePorts(3);
    const config = path.join(folder, 'collector.json');
    const source = (name: string, monitoringPort: number) => ({
      name,
      monitoringPort,
      monitoringAddress: HOST,
    });
    writeFileSync(config, `{\n  // ours\n  "sources": [${JSON.stringify(source('steady', steady))}]\n}\n`);
    const data = path.join(folder, 'edited');
    const weir = startWeir(['collect', '--config', config, '--data', data, '--http', `${HOST}:0`]);
    const ask = createClient(await urlOf(weir));

    const ending = new AbortController();
    const stream = generateRecords(
      { address: HOST, port: steady },
      { records: Number.POSITIVE_INFINITY, rate: 50_000, signal: ending.signal },
    );
    const sources = [source('steady', steady), source('other', other)];
    const staged = await ask('PUT', '/flow-sources/staged', { sources });
    expect(staged.body).toMatchObject({ changes: [{ kind: 'added', name: 'other' }], problems: [] });
    expect((await ask('POST', '/flow-sources/deploy')).body).toMatchObject({
      results: [
        { name: 'steady', outcome: 'unchanged' },
        { name: 'other', outcome: 'started' },
      ],
    });
    const written = readFileSync(config, 'utf8');
    expect(written).toContain('// ours');
    expect(written).toContain(`"monitoringPort": ${other}`);

    writeFileSync(config, written.replace(`"monitoringPort": ${other}`, `"monitoringPort": ${third}`));
    process.kill(weir.pid, 'SIGHUP');
    await weir.said(new RegExp(`listening on udp/${HOST}:${third}`));
    writeFileSync(config, 'no configuration at all');
    process.kill(weir.pid, 'SIGHUP');
    await weir.said(/what cannot stays as it was/);

    ending.abort();
    const sent = await stream;
    await weir.stop();
    expect((await stored(data)).count).toBe(sent.records);
    expect(weir.output()).not.toMatch(/Error/);
  });

  test('without a file of their own are kept in the data folder', async () => {
    const [port = 0] = await freePorts(1);
    const data = path.join(folder, 'kept');
    mkdirSync(data);
    writeFileSync(path.join(data, 'collector.json'), '{"sources": []}');
    const args = ['collect', '--data', data, '--http', `${HOST}:0`];
    const first = startWeir(args);
    const ask = createClient(await urlOf(first));
    await ask('PUT', '/flow-sources/staged', {
      sources: [{ name: 'a', monitoringPort: port, monitoringAddress: HOST, type: 'IPFIX' }],
    });
    await ask('POST', '/flow-sources/deploy');
    await ask('PUT', '/flow-sources/staged', { sources: [] });
    await first.stop();

    const second = startWeir(args);
    const again = createClient(await urlOf(second));
    expect((await again('GET', '/flow-sources')).body).toMatchObject({
      deployed: [{ name: 'a', monitoringPort: port }],
      changes: [{ kind: 'removed', name: 'a' }],
    });
    const socket = createSocket('udp4');
    socket.send(new Uint8Array([0, 5, 0, 0]), port, HOST, () => socket.close());
    const { body } = await eventually(
      () => again('GET', '/status'),
      (answer) => JSON.stringify(answer.body).includes('NetFlow v5'),
    );
    expect(body['listeners']).toMatchObject([
      { remarks: ['1 NetFlow v5 datagrams arrived on this source of type IPFIX: they are not decoded.'] },
    ]);
    await second.stop();
  }, 120_000);
});

describe('a folder of files', () => {
  test(`${FILE_KILLS} kills: every record is stored, those of files that were taken once`, async () => {
    const drop = path.join(folder, 'drop');
    const data = path.join(folder, 'files');
    mkdirSync(drop);
    const config = path.join(folder, 'files.json');
    writeFileSync(config, JSON.stringify({ sources: [{ name: 'files', sourceFilePath: drop }] }));
    const args = ['collect', '--config', config, '--data', data, '--no-http'];
    for (let file = 0; file < FILES; file += 1) {
      const temporary = path.join(drop, `${file}.tmp`);
      writeFileSync(temporary, numberedFile(file * RECORDS_PER_FILE, RECORDS_PER_FILE));
      renameSync(temporary, path.join(drop, `${file}.ipfix`));
    }
    await sleep(2100); // files that were written just now are left alone

    for (let kill = 0; kill < FILE_KILLS; kill += 1) {
      const weir = startWeir(args);
      await weir.said(/reading/);
      await sleep(Math.random() * 700);
      await weir.stop('SIGKILL');
    }
    const last = startWeir(args);
    const ledger = () => takenFiles(data).filter(({ done }) => done);
    await eventually(
      async () => ledger(),
      (done) => done.length === FILES,
    );
    await last.stop();
    const { count, different } = await stored(data);
    expect(different).toBe(FILES * RECORDS_PER_FILE);
    // A kill repeats at most what followed the last step, which is less than a file here.
    expect(count).toBeLessThanOrEqual(different + FILE_KILLS * RECORDS_PER_FILE);

    const idle = startWeir(args);
    await idle.said(/reading/);
    await sleep(500);
    await idle.stop();
    expect((await stored(data)).count).toBe(count);
  }, 240_000);
});

function takenFiles(data: string): { name: string; done: boolean }[] {
  const list = execFileSync('sh', ['-c', `cat ${data}/taken-files/*.jsonl`], { encoding: 'utf8' });
  const entries = list.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as { name: string; done: boolean }];
    } catch {
      return []; // the line that a kill cut short
    }
  });
  return [...new Map(entries.map((entry) => [entry.name, entry])).values()];
}

const noNamespaces = namespacesMissing();
describe.skipIf(noNamespaces !== undefined)(
  `a monitoring interface (${noNamespaces ?? 'namespaces'})`,
  () => {
    test('hears what arrives there and nothing else', async () => {
      const wire = createWire('c1if');
      const { a, b } = wire;
      try {
        // A second wire between the same hosts.
        execFileSync('ip', [
          '-n',
          a.namespace,
          'link',
          'add',
          'second',
          'type',
          'veth',
          'peer',
          'name',
          'second',
          'netns',
          b.namespace,
        ]);
        for (const [host, address] of [
          [a, '10.78.0.1/24'],
          [b, '10.78.0.2/24'],
        ] as const) {
          host.run('ip', 'addr', 'add', address, 'dev', 'second');
          host.run('ip', 'link', 'set', 'second', 'up');
        }
        const config = path.join(folder, 'interface.json');
        const source = { name: 'first wire', monitoringPort: 4739, monitoringInterface: b.interfaceName };
        writeFileSync(config, JSON.stringify({ sources: [source] }));
        const data = path.join(folder, 'interface');
        const weir = startWeir(['collect', '--config', config, '--data', data, '--no-http'], b.prefix);
        await weir.said(/listening on/);
        const generate = (to: string, records: number) =>
          a.run(process.execPath, BIN, 'generate', '--to', `Udp/${to}:4739`, '--records', String(records));
        generate('10.78.0.2', 1000);
        generate(b.ipv4, 300);
        await sleep(500);
        await weir.stop();
        expect((await stored(data)).count).toBe(300);
      } finally {
        wire.remove();
      }
    });
  },
);

/** Sends each message of an IPFIX file as a datagram: address to send from, file, address and port to send to. */
const SENDER = `
const [from, file, to, port] = process.argv.slice(1);
const bytes = require('node:fs').readFileSync(file);
const socket = require('node:dgram').createSocket('udp4');
socket.bind(0, from, () => {
  let offset = 0;
  const next = () => {
    if (offset >= bytes.length) return socket.close();
    const length = bytes.readUInt16BE(offset + 2);
    socket.send(bytes.subarray(offset, offset + length), Number(port), to, next);
    offset += length;
  };
  next();
});`;

describe.skipIf(noNamespaces !== undefined)(`a relay (${noNamespaces ?? 'namespaces'})`, () => {
  test.each([
    [true, '10.77.0.9'],
    [false, '10.77.0.1'],
  ])(
    'that keeps the address of the exporter (%j) is seen as %s',
    async (preserveSource, seen) => {
      const wire = createWire(`c1r${preserveSource}`.slice(0, 8));
      const { a, b } = wire;
      try {
        a.run('ip', 'addr', 'add', '10.77.0.9/24', 'dev', a.interfaceName);
        const config = path.join(folder, `relay-${preserveSource}.json`);
        const forwarding = { enabled: true, destinations: [`Udp/${b.ipv4}:4739`], preserveSource };
        writeFileSync(
          config,
          JSON.stringify({ sources: [{ name: 'front', monitoringPort: 2055, forwarding }] }),
        );
        const data = path.join(folder, `behind-${preserveSource}`);
        const behind = startWeir(
          ['collect', '--data', data, '--listen', 'udp/0.0.0.0:4739', '--no-http'],
          b.prefix,
        );
        await behind.said(/listening on/);
        const front = startWeir(
          [
            'collect',
            '--config',
            config,
            '--data',
            path.join(folder, `front-${preserveSource}`),
            '--no-http',
          ],
          a.prefix,
        );
        await front.said(/listening on/);
        const file = path.join(folder, 'datagrams.ipfix');
        writeFileSync(file, numberedFile(0, 1000, 20));
        a.run(process.execPath, '-e', SENDER, '10.77.0.9', file, a.ipv4, '2055');
        await sleep(500);
        await front.stop();
        await behind.stop();
        expect(await stored(data)).toEqual({ count: 1000, different: 1000 });
        const store = await openStore({ dataDirectory: data, logger: silentLogger });
        const { rows } = await store.sql(
          'SELECT DISTINCT address FROM flows JOIN exporters USING (exporterId)',
        );
        await store.close();
        expect(JSON.stringify(rows)).toContain(seen);
      } finally {
        wire.remove();
      }
    },
    120_000,
  );
});
