/** `weir meter -`, `decode -` and `replay -`: what is piped in gives what the same file gives. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { type Finished, runWeir } from './weir-process.ts';

const BIN = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');
const folder = temporaryFolder();
const capture = path.join(folder, 'capture.pcap');
const capturedExport = path.join(folder, 'export.pcap');
const ipfix = path.join(folder, 'flows.ipfix');
/** Nobody listens there: what is sent over UDP is gone. */
const NOWHERE = 'udp/127.0.0.1:9';

/** One Ethernet frame of UDP over IPv4 from 192.0.2.1. */
function frame(destinationPort: number, payload: Buffer): Buffer {
  const octets = Buffer.alloc(42 + payload.length);
  octets.writeUInt16BE(0x0800, 12);
  octets.writeUInt16BE(0x4500, 14);
  octets.writeUInt16BE(28 + payload.length, 16);
  octets.writeUInt16BE(0x4011, 22);
  octets.set([192, 0, 2, 1, 198, 51, 100, 7], 26);
  octets.writeUInt16BE(40_000, 34);
  octets.writeUInt16BE(destinationPort, 36);
  octets.writeUInt16BE(8 + payload.length, 38);
  octets.set(payload, 42);
  return octets;
}

function pcapOf(frames: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap((octets) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_700_000_000, 0);
    record.writeUInt32LE(octets.length, 8);
    record.writeUInt32LE(octets.length, 12);
    return [record, octets];
  });
  return Buffer.concat([header, ...records]);
}

/** Runs a command with what the shell command `source` writes piped into it. */
function pipe(source: string, args: readonly string[]): Finished {
  const script = `(${source}) | exec "$0" "$@"`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script, process.execPath, BIN, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
    maxBuffer: 1 << 28,
  });
  return { status: status ?? -1, stdout, stderr };
}

beforeAll(() => {
  const ports = Array.from({ length: 3000 }, (_, index) => 1000 + (index % 700));
  writeFileSync(capture, pcapOf(ports.map((port) => frame(port, Buffer.from('a payload')))));
  writeFileSync(`${capture}.gz`, gzipSync(readFileSync(capture)));
  expect(runWeir(['meter', capture, '--write', ipfix]).status).toBe(0);
  writeFileSync(`${ipfix}.gz`, gzipSync(readFileSync(ipfix)));
  const message = Buffer.from('000a00106000000000000000000000ff', 'hex');
  writeFileSync(capturedExport, pcapOf([frame(4739, message), frame(4739, message)]));
});

describe('weir meter -', () => {
  test.each([
    ['a capture', `cat '${capture}'`],
    ['a capture that is gzip', `cat '${capture}.gz'`],
    ['one octet before the others', `head -c 1 '${capture}'; sleep 0.1; tail -c +2 '${capture}'`],
  ])('meters %s as the file', (_, source) => {
    expect(pipe(source, ['meter', '-'])).toEqual(runWeir(['meter', capture]));
  });

  test('keeps what was before a damage, and says where that was', () => {
    const { status, stdout, stderr } = pipe(`head -c 1000 '${capture}'`, ['meter', '-', '--json']);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^weir: standard input: at octet \d+: the file ends within a pcap record/);
    expect(stdout.trim().split('\n')).toHaveLength(14);
  });

  test('refuses what is no capture, and does not wait for its end', () => {
    const { status, stderr } = pipe('yes', ['meter', '-']);
    expect(status).toBe(1);
    expect(stderr).toContain('standard input: not a pcap or pcapng file: it begins with 790a790a');
  });
});

describe('weir decode -', () => {
  test.each([
    ['an IPFIX file', `cat '${ipfix}'`],
    ['an IPFIX file that is gzip', `cat '${ipfix}.gz'`],
    ['one octet before the others', `head -c 1 '${ipfix}'; sleep 0.1; tail -c +2 '${ipfix}'`],
  ])('decodes %s as the file', (_, source) => {
    const decoded = pipe(source, ['decode', '-', '--json']);
    expect(decoded).toEqual(runWeir(['decode', ipfix, '--json']));
    expect(decoded.stdout.trim().split('\n')).toHaveLength(700);
  });

  test('refuses what holds no export packets, and does not wait for its end', () => {
    const { status, stderr } = pipe('yes', ['decode', '-']);
    expect(status).toBe(1);
    expect(stderr).toContain('standard input: no export packets');
  });
});

test('weir replay - sends the export packets of a capture that is piped in', () => {
  const { status, stdout } = pipe(`cat '${capturedExport}'`, [
    'replay',
    '-',
    '--to',
    NOWHERE,
    '--rate',
    '1000',
  ]);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ datagrams: 2 });
});
