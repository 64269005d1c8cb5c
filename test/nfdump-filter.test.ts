/** What our filter language shares with nfdump's means the same: the same flows, on the same records. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { missingTools } from '../scripts/debian-tools.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { eventually, type RunningWeir, startWeir } from './weir-process.ts';

const folder = temporaryFolder();
const data = path.join(folder, 'store');
const nfcapdFolder = path.join(folder, 'nfcapd');
const RECORDS = 6000;
const httpPort = freePort();
const without = ['nfcapd', 'nfdump'].filter((tool) => missingTools().includes(tool));

/**
 * Left out where nfdump 1.7 answers another question: `as` wants a database of locations; rates are cut to whole
 * numbers (`pps > 100` is false for 100.9); the port of an ICMP flow is its type and code.
 */
const FILTERS = [
  'any',
  'ipv4',
  'ipv6',
  'inet6 and proto tcp',
  'proto udp',
  'proto 6 or proto 58',
  'not proto tcp',
  'host 10.20.0.1',
  'src host 10.20.0.1',
  'dst ip 198.18.0.1',
  'ip in [10.20.0.1 198.18.0.1 10.20.0.2]',
  'src ip in [10.20.0.1, 10.20.0.2]',
  'net 10.20.0.0/16',
  'src net 10.20.0.0/24',
  'dst net 198.18.0.0 255.255.0.0',
  'src net 10.0.0.0/8 and not dst net 198.18.0.0/15',
  'port 53',
  'src port 443',
  'src or dst port 443',
  'src and dst port 123',
  'src port > 50000',
  'dst port < 1024 and not proto icmp and not proto icmp6',
  'port in [53 123 993]',
  'dst port in [443, 80]',
  'flags S',
  'flags SA',
  'flags F and not flags R',
  'flags S and not flags AF',
  'tos 0',
  'bytes > 10k',
  'bytes > 1M or packets < 2',
  'packets 1',
  'packets >= 100',
  'bpp < 80',
  'bpp > 1000',
  'duration > 1000',
  'duration < 10',
  'bps > 1m',
  'if 1',
  'in if 1',
  'out if 2',
  'flowdir ingress',
  'flowdir egress and proto tcp',
  'icmp-type 8',
  'proto icmp and icmp-type 0',
  '(proto tcp and port 443) or (proto udp and port 53)',
  'host 10.20.0.1 and port 443 and bytes > 1000',
  'not (port 443 or port 53 or port 80)',
];

let nfcapd: ChildProcess | undefined;
let collector: RunningWeir | undefined;

function freePort(): number {
  return 20_000 + Math.floor(Math.random() * 20_000);
}

function nfdumpFlows(filter: string): number {
  const { stdout, stderr } = spawnSync('nfdump', ['-R', nfcapdFolder, '-q', '-o', 'fmt:%pkt', filter], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (stderr.trim() !== '') throw new Error(`nfdump '${filter}': ${stderr}`);
  return stdout.split('\n').filter((line) => /^\s*[\d.]+( [kMGT])?\s*$/.test(line)).length;
}

async function weirFlows(filter: string): Promise<number> {
  const timeRange = { fromMs: 0, toMs: 4_000_000_000_000 };
  const response = await fetch(`http://127.0.0.1:${httpPort}/api/v1/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ kind: 'groups', timeRange, filter, groupBy: [] }),
  });
  const answer = (await response.json()) as { rows: { flows: number }[]; error?: { message: string } };
  if (answer.error !== undefined) throw new Error(answer.error.message);
  return answer.rows[0]?.flows ?? -1;
}

/** A port from which every datagram goes to all of `ports`, so that both collectors get the same octets. */
async function startTee(ports: readonly number[]): Promise<{ port: number; close(): void }> {
  const [intake, sender] = [createSocket('udp4'), createSocket('udp4')];
  intake.on('message', (message) => {
    for (const port of ports) sender.send(message, port, '127.0.0.1');
  });
  await new Promise<void>((resolve) => intake.bind(0, '127.0.0.1', resolve));
  return {
    port: intake.address().port,
    close() {
      intake.close();
      sender.close();
    },
  };
}

beforeAll(async () => {
  if (without.length > 0) return;
  mkdirSync(nfcapdFolder, { recursive: true });
  const [ours, theirs] = [freePort(), freePort()];
  const listen = ['--listen', `udp/127.0.0.1:${ours}`, '--http', `127.0.0.1:${httpPort}`];
  collector = startWeir(['collect', '--data', data, ...listen]);
  nfcapd = spawn('nfcapd', ['-b', '127.0.0.1', '-p', `${theirs}`, '-l', nfcapdFolder, '-B', '4000000'], {
    stdio: 'ignore',
  });
  await collector.said(/console at/);
  const isOpen = () =>
    readFileSync('/proc/net/udp', 'utf8').includes(`:${theirs.toString(16).toUpperCase()} `);
  await eventually(async () => isOpen(), Boolean);
  const tee = await startTee([ours, theirs]);
  const to = [
    '--to',
    `udp/127.0.0.1:${tee.port}`,
    '--records',
    `${RECORDS}`,
    '--rate',
    '4000',
    '--seed',
    '5',
  ];
  const generator = startWeir(['generate', ...to]);
  await generator.said(/"records":/);
  await eventually(
    () => weirFlows('any'),
    (flows) => flows === RECORDS,
  );
  tee.close();
  const ended = new Promise((resolve) => nfcapd?.on('exit', resolve));
  nfcapd.kill('SIGTERM');
  await ended;
}, 60_000);

afterAll(async () => {
  nfcapd?.kill('SIGKILL');
  await collector?.stop();
});

test.skipIf(without.length > 0)('both have all records', async () => {
  expect(await weirFlows('any')).toBe(RECORDS);
  expect(nfdumpFlows('any')).toBe(RECORDS);
});

test.skipIf(without.length > 0).each(FILTERS)('%s', async (filter) => {
  expect(await weirFlows(filter)).toBe(nfdumpFlows(filter));
});
