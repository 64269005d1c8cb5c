/** The package of `npm run build`: packed, installed into an empty folder, and run there. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { beforeAll, expect, type TestContext, test } from 'vitest';
import { createWire, namespacesMissing } from './network-namespace.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { writeUsage } from './usage-state.ts';
import { eventually, runWeir, startWeir } from './weir-process.ts';

const root = path.resolve(import.meta.dirname, '..');
const folder = temporaryFolder();
const installed = path.join(folder, 'node_modules/weir');
const program = path.join(installed, 'cli/bin/weir.js');
const capture = path.join(folder, 'two.pcap');
/** Installing copies 400 MB: Node, DuckDB, and the lists of countries and networks. */
const INSTALL_PATIENCE_MS = 240_000;
/** npm's words for a registry that it cannot reach, and for what it has not kept from an earlier installation. */
const NO_REGISTRY = /ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/;
let missing: string | undefined;

function run(command: string, ...args: string[]): { status: number | null; stderr: string; stdout: string } {
  return spawnSync(command, args, { cwd: folder, encoding: 'utf8', timeout: INSTALL_PATIENCE_MS });
}

function weir(...args: string[]): string {
  const { status, stdout, stderr } = runWeir(args, { cwd: folder, program });
  expect(status, stderr).toBe(0);
  return stdout;
}

/** Two packets of one UDP flow, over Ethernet and IPv4, 46 octets each from the IP header on. */
function captureOfTwoPackets(): Buffer {
  const header = Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex');
  const frame = Buffer.from(
    '0200000000020200000000010800' + // Ethernet
      '4500002e000000004011000ac0000201c0000202' + // 192.0.2.1 to 192.0.2.2
      '3039003500'.padEnd(2 * 26, '0'), // 12345 to 53
    'hex',
  );
  const packets = [1, 2].map((second) => {
    const record = Buffer.alloc(16);
    [1_760_000_000 + second, 0, frame.length, frame.length].forEach((word, index) => {
      record.writeUInt32LE(word, 4 * index);
    });
    return Buffer.concat([record, frame]);
  });
  return Buffer.concat([header, ...packets]);
}

function install(): string | undefined {
  const built = run(process.execPath, path.join(root, 'scripts/build.ts'));
  expect(built.status, built.stderr).toBe(0);
  const packed = run('npm', 'pack', path.join(root, 'dist/package'), '--pack-destination', folder);
  expect(packed.status, packed.stderr).toBe(0);
  const tarball = path.join(folder, packed.stdout.trim().split('\n').at(-1) ?? '');
  const { status, stderr } = run('npm', 'install', '--prefix', folder, '--prefer-offline', tarball);
  if (status !== 0 && NO_REGISTRY.test(stderr)) return 'no package registry, and not all packages kept';
  expect(status, stderr).toBe(0);
  return undefined;
}

function needInstalled(context: TestContext): void {
  if (missing !== undefined && process.env['CI'] !== 'true') context.skip(missing);
  expect(missing).toBeUndefined();
}

beforeAll(() => {
  missing = install();
  writeFileSync(capture, captureOfTwoPackets());
}, INSTALL_PATIENCE_MS);

test('says its version, which stands in its manifest, and has exact dependencies', (context) => {
  needInstalled(context);
  const manifest = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8'));
  expect(manifest).toMatchObject({ name: 'weir', license: 'Apache-2.0', bin: { weir: 'cli/bin/weir.js' } });
  for (const version of Object.values(manifest.dependencies)) expect(version).toMatch(/^\d+\.\d+\.\d+/);
  expect(weir('--version').trim()).toBe(manifest.version);
  expect(readFileSync(path.join(installed, 'THIRD-PARTY'), 'utf8')).toMatch(/^fastify \d.*\(MIT\)$/m);
  expect(existsSync(path.join(installed, 'LICENSE'))).toBe(true);
});

test('hands over to the Node that it brings', (context) => {
  needInstalled(context);
  const repository = path.join(root, 'node_modules');
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const others = folders.filter((place) => !place.startsWith(repository) && existsSync(`${place}/node`));
  const old = others.find((place) => /^v2[0-3]\./.test(run(`${place}/node`, '--version').stdout));
  if (old === undefined) context.skip('no Node of 20 to 23 on the PATH');
  const { stdout, stderr } = run(`${old}/node`, program, 'meter', '--json', capture);
  expect(JSON.parse(stdout || stderr)).toMatchObject({ packetDeltaCount: 2 });
});

test('meters and decodes', (context) => {
  needInstalled(context);
  const flow = {
    sourceIPv4Address: '192.0.2.1',
    destinationTransportPort: 53,
    octetDeltaCount: 92,
    packetDeltaCount: 2,
  };
  expect(JSON.parse(weir('meter', '--json', capture))).toMatchObject(flow);
  const file = path.join(folder, 'two.ipfix');
  expect(JSON.parse(weir('meter', capture, '--write', file))).toEqual({ flows: 1, packets: 2, octets: 92 });
  const decoded = weir('decode', '--json', file).trim().split('\n');
  expect(decoded.map((line) => JSON.parse(line).fields)).toContainEqual(expect.objectContaining(flow));
});

test('collects a datagram, serves the console, and writes a PDF', async (context) => {
  needInstalled(context);
  const data = path.join(folder, 'collected');
  mkdirSync(data);
  writeUsage(data, Date.now());
  const arguments_ = ['collect', '--data', data, '--listen', 'udp/127.0.0.1:0', '--http', '127.0.0.1:0'];
  const collecting = startWeir(arguments_, [], program);
  try {
    const url = /(http:\/\/[\d.:]+)/.exec(await collecting.said(/console at/))?.[1];
    const port = /listening on udp\/[\d.]+:(\d+)/.exec(await collecting.said(/listening on udp/))?.[1];
    weir('generate', '--to', `Udp/127.0.0.1:${port}`, '--records', '5');
    const question = `${url}/api/v1/query?by=observationDomainId&last=1h`;
    const ask = async () => (await fetch(question)).json() as Promise<{ rows: { flows: number }[] }>;
    const { rows } = await eventually(ask, (answer) => answer.rows.length > 0);
    expect(rows).toEqual([expect.objectContaining({ flows: 5 })]);
    const page = await (await fetch(`${url}/`)).text();
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(page)?.[1];
    expect((await fetch(`${url}${script}`)).headers.get('content-type')).toMatch(/javascript/);
    expect(await (await fetch(`${url}/api/v1/openapi.json`)).json()).toHaveProperty('paths');
    const pdf = path.join(folder, 'bill.pdf');
    weir('bill', 'acme-gmbh', '--pdf', pdf, '--data', data);
    expect(readFileSync(pdf).subarray(0, 5).toString()).toBe('%PDF-');
    expect(await collecting.stop('SIGTERM')).toBe(0);
    expect(collecting.output()).not.toMatch(/"level":(?:50|60)/);
  } finally {
    await collecting.stop('SIGKILL');
  }
  const kept = weir('query', '--data', data, '--by', 'observationDomainId', '--json');
  expect(JSON.parse(kept)).toMatchObject({ flows: 5 });
});

test('meters an interface in a worker of its own', async (context) => {
  needInstalled(context);
  const unable = namespacesMissing();
  if (unable !== undefined) context.skip(unable);
  const wire = createWire('pkg');
  const up = startWeir(['up', '--data', path.join(folder, 'up')], wire.a.prefix, program);
  try {
    await up.said(/Weir is at http/);
    wire.a.run('ping', '-c', '2', '-i', '0.2', wire.b.ipv4);
    expect(await up.stop('SIGINT')).toBe(0);
    const filter = ['icmp', 'and', 'src', 'host', wire.b.ipv4];
    const kept = weir('query', '--data', path.join(folder, 'up'), '--by', 'srcAddr', '--json', ...filter);
    expect(JSON.parse(kept)).toMatchObject({ srcAddr: wire.b.ipv4, packets: 2, octets: 168 });
  } finally {
    await up.stop('SIGKILL');
    wire.remove();
  }
});
