/** What goes wrong at a terminal: one clear line, the documented exit code, and nothing good lost. */
import { createSocket } from 'node:dgram';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { runWeir } from './weir-process.ts';

const folder = temporaryFolder();

function file(name: string, content: string | Uint8Array): string {
  const target = path.join(folder, name);
  writeFileSync(target, content);
  return target;
}

function oneLine(stderr: string): string {
  const lines = stderr.trim().split('\n');
  expect(lines, stderr).toHaveLength(1);
  return lines[0] ?? '';
}

describe('a profile', () => {
  test.each([
    ['{"FlowMetadata": {"Direction": "Sideways"}}', 'Sideways'],
    ['{"FlowMetadata": {"Interval": 1000}}', '60000'],
    ['{"FlowMetadata": {"IpFixCollectors": ["Udp/1.2.3.4"]}}', 'Udp/1.2.3.4'],
    ['{"FlowMetadata": {"Enabled": true\n "Interval": 0}}', 'missing comma'],
  ])('%s is refused before a socket opens', (text, expected) => {
    const profile = file('bad.profile', text);
    const { status, stderr } = runWeir(['export', '--profile', profile]);
    expect(status).toBe(2);
    expect(oneLine(stderr)).toContain(expected);
    expect(stderr).toMatch(/bad\.profile:\d+:\d+/);
  });

  test('that is missing is named', () => {
    const { status, stderr } = runWeir(['export', '--profile', path.join(folder, 'none.profile')]);
    expect(status).toBe(2);
    expect(oneLine(stderr)).toContain('none.profile');
  });
});

describe('a port that is taken', () => {
  test('for collecting fails with one line', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    const args = [
      'collect',
      '--data',
      path.join(folder, 'busy'),
      '--listen',
      `udp/127.0.0.1:${port}`,
      '--no-http',
    ];
    const { status, stderr } = runWeir([...args, '--log-level', 'error']);
    socket.close();
    expect(status).toBe(1);
    expect(oneLine(stderr)).toContain(String(port));
  });

  test('for the console fails with one line', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const args = [
      'collect',
      '--data',
      path.join(folder, 'busy'),
      '--listen',
      'udp/127.0.0.1:0',
      '--http',
      `127.0.0.1:${port}`,
    ];
    const { status, stderr } = runWeir([...args, '--log-level', 'error']);
    server.close();
    expect(status).toBe(1);
    expect(oneLine(stderr)).toContain(String(port));
  });
});

describe('files', () => {
  test('a data folder that cannot be written is named', () => {
    const blocked = path.join(file('not-a-folder', ''), 'data');
    const args = [
      'collect',
      '--data',
      blocked,
      '--listen',
      'udp/127.0.0.1:0',
      '--no-http',
      '--log-level',
      'error',
    ];
    const { status, stderr } = runWeir(args);
    expect(status).toBe(1);
    expect(oneLine(stderr)).toContain(blocked);
  });

  test('a capture that is none is named', () => {
    const { status, stderr } = runWeir([
      'meter',
      file('text.pcap', 'this is not a capture at all'),
      '--json',
    ]);
    expect(status).toBe(1);
    expect(oneLine(stderr)).toContain('text.pcap');
  });

  test('a truncated capture gives the flows before the damage', () => {
    const capture = onePacketCapture();
    const truncated = file('truncated.pcap', Buffer.concat([capture, capture.subarray(24, 24 + 16 + 10)]));
    const { status, stdout, stderr } = runWeir(['meter', truncated, '--json']);
    expect(status).toBe(1);
    expect(oneLine(stderr)).toContain('truncated.pcap');
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).destinationTransportPort),
    ).toEqual([53]);
  });

  test('a capture of export packets that is cut is decoded up to there, and that is said', () => {
    const truncated = file('export.pcap', onePacketCapture().subarray(0, 40 + 20));
    const { status, stdout, stderr } = runWeir(['decode', '--json', truncated]);
    expect(status).toBe(1);
    expect(oneLine(stderr)).toContain('export.pcap');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'capture_truncated' } });
  });

  test('a missing file is named', () => {
    const { status, stderr } = runWeir(['decode', path.join(folder, 'nowhere.pcap'), '--json']);
    expect(status).toBe(1);
    expect(oneLine(stderr)).toContain('nowhere.pcap');
  });
});

describe('the command line', () => {
  test.each([
    ['an unknown command', ['frobnicate']],
    ['an unknown option', ['meter', 'x.pcap', '--frobnicate']],
    ['a bad endpoint', ['generate', '--to', 'udp/nowhere', '--records', '1']],
    ['a bad filter', ['query', '--data', path.join(folder, 'q'), 'host', 'host']],
    ['two formats at once', ['query', '--json', '--csv']],
    ['a bad duration', ['query', '--data', path.join(folder, 'q'), '--last', 'soon']],
  ])('%s ends with 2', (_, args) => {
    mkdirSync(path.join(folder, 'q'), { recursive: true });
    expect(runWeir(args).status).toBe(2);
  });
});

/** A pcap of one DNS query over IPv4 and Ethernet. */
function onePacketCapture(): Buffer {
  const udp = Buffer.from('c0010035000c0000deadbeef', 'hex');
  const ip = Buffer.from('45000020000040004011 0000 0a000001 0a000002'.replaceAll(' ', ''), 'hex');
  const frame = Buffer.concat([Buffer.from('0200000000020200000000010800', 'hex'), ip, udp]);
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(1, 20);
  const record = Buffer.alloc(16);
  record.writeUInt32LE(1_700_000_000, 0);
  record.writeUInt32LE(frame.length, 8);
  record.writeUInt32LE(frame.length, 12);
  return Buffer.concat([header, record, frame]);
}
