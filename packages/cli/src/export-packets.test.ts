import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import type { PacketOrigin } from '@weir/collecting';
import { afterAll, describe, expect, test } from 'vitest';
import { readExportPackets } from './export-packets.ts';

const fixtures = path.resolve(import.meta.dirname, '../../../../shared/fixtures');
const captures = ['exporters', 'generated/softflowd', 'generated/pmacctd'].flatMap((folder) =>
  capturesBelow(path.join(fixtures, folder)),
);
const hasTshark = existsSync('/usr/bin/tshark');
const folder = mkdtempSync(path.join(tmpdir(), 'weir-packets-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An IPFIX message without Sets: what a splitter and a decoder take as one. */
const MESSAGE = Buffer.from('000a00106000000000000000000000ff', 'hex');

function capturesBelow(root: string): string[] {
  if (!existsSync(root)) return [];
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.pcap(ng)?$/.test(name)).map((name) => path.join(root, name));
}

interface Taken {
  packets: { hex: string; origin: PacketOrigin }[];
  problems: string[];
}

async function take(file: string): Promise<Taken> {
  const taken: Taken = { packets: [], problems: [] };
  await readExportPackets(file, {
    packet: (bytes, origin) => void taken.packets.push({ hex: Buffer.from(bytes).toString('hex'), origin }),
    problem: ({ code }) => void taken.problems.push(code),
    room: () => undefined,
  });
  return taken;
}

function write(name: string, content: Uint8Array): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

/** The payloads of the datagrams that tshark puts together, where they begin as an export packet does. */
function payloadsOfTshark(file: string): string[] {
  const args = ['-n', '-r', file, '-Y', 'udp.payload', '-T', 'fields', '-e', 'udp.payload'];
  const text = execFileSync('tshark', args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return text
    .split('\n')
    .map((line) => line.replaceAll(':', ''))
    .filter((hex) => /^000[1579a]/.test(hex));
}

describe.skipIf(captures.length === 0 || !hasTshark)(
  'captures (skipped: no shared fixtures or no tshark)',
  () => {
    test.each(captures.map((file) => path.relative(fixtures, file)))(
      '%s holds the packets that tshark finds',
      async (name) => {
        const file = path.join(fixtures, name);
        const { packets } = await take(file);
        const datagrams = packets.filter(({ origin }) => origin.transport === 'udp').map(({ hex }) => hex);
        expect(datagrams.filter((hex) => /^000[1579a]/.test(hex))).toEqual(payloadsOfTshark(file));
      },
    );
  },
);

describe('files that are no captures', () => {
  test('an IPFIX file is a stream of messages, compressed or not', async () => {
    const content = Buffer.concat([MESSAGE, MESSAGE, MESSAGE]);
    const files = [
      write('a.ipfix', content),
      write('b.ipfix.gz', gzipSync(content)),
      write('c.ipfix.zst', zstdCompressSync(content)),
    ];
    for (const file of files) {
      const { packets, problems } = await take(file);
      expect(packets.map(({ hex }) => hex)).toEqual([1, 2, 3].map(() => MESSAGE.toString('hex')));
      expect(packets[0]?.origin).toMatchObject({ transport: 'file', stream: file });
      expect(problems).toEqual([]);
    }
  });

  test('datagrams in files of their own share an exporter', async () => {
    const one = await take(write('one.dat', MESSAGE));
    const two = await take(write('two.bin', Buffer.from('000900010000000060000000000000000000002a', 'hex')));
    expect(one.packets[0]?.origin).toEqual(two.packets[0]?.origin);
    expect(two.packets).toHaveLength(1);
  });

  test('a file that ends within a message gives what is whole, and a problem', async () => {
    const { packets, problems } = await take(
      write('cut.ipfix', Buffer.concat([MESSAGE, MESSAGE.subarray(0, 9)])),
    );
    expect(packets).toHaveLength(1);
    expect(problems).toEqual(['message_truncated']);
  });

  test('a gzip file that is cut gives what is whole, and a problem', async () => {
    const zipped = gzipSync(Buffer.concat(Array.from({ length: 1000 }, () => MESSAGE)));
    const { packets, problems } = await take(write('cut.ipfix.gz', zipped.subarray(0, zipped.length - 8)));
    expect(packets.length).toBeGreaterThan(0);
    expect(problems).toContain('file_damaged');
  });

  test('an empty file and a text are refused by name', async () => {
    await expect(take(write('empty', new Uint8Array(0)))).rejects.toThrow('empty');
    await expect(take(write('text', readFileSync(import.meta.filename)))).rejects.toThrow('allowed');
  });
});

describe('IPFIX over TCP in a capture', () => {
  test('goes on behind a segment that the capture does not have', async () => {
    const sixMessages = Buffer.concat(Array.from({ length: 6 }, () => MESSAGE));
    const cuts = [0, 1, 20, 40, 70, 96];
    const segments = cuts.slice(1).map((to, index) => ({ from: cuts[index] ?? 0, to }));
    const captured = segments.filter(({ from }) => from !== 20);
    const file = write('lost.pcap', tcpCapture(4739, sixMessages, captured));
    const { packets, problems } = await take(file);
    // The first, and those that begin behind octet 40: the third is cut off in front.
    expect(packets.map(({ hex }) => hex)).toEqual(Array.from({ length: 4 }, () => MESSAGE.toString('hex')));
    expect(problems).toEqual(['message_truncated', 'stream_damaged']);
  });

  test('is found in the middle of a connection, at the customary port', async () => {
    const messages = Buffer.concat([MESSAGE, MESSAGE]);
    const middle = [{ from: 7, to: 32 }];
    expect((await take(write('middle.pcap', tcpCapture(4739, messages, middle)))).packets).toHaveLength(1);
    expect((await take(write('other.pcap', tcpCapture(80, messages, middle)))).packets).toEqual([]);
  });
});

test('IPFIX over SCTP in a capture: each user message is a message', async () => {
  const chunk = Buffer.alloc(16 + MESSAGE.length);
  chunk.set([0, 3, 0, chunk.length, 0, 0, 0, 9], 0);
  MESSAGE.copy(chunk, 16);
  const sack = Buffer.from('0300001000000000000010000000000000', 'hex').subarray(0, 16);
  const { packets } = await take(write('sctp.pcap', sctpCapture(Buffer.concat([sack, chunk]))));
  expect(packets.map(({ hex }) => hex)).toEqual([MESSAGE.toString('hex')]);
  expect(packets[0]?.origin).toMatchObject({ exporterAddress: '192.0.2.1', localSocket: '192.0.2.2:4739' });
});

/** One packet of chunks: pcap of raw IPv4 (link type 101). */
function sctpCapture(chunks: Buffer): Buffer {
  const header = Buffer.alloc(24 + 16 + 32);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt32LE(101, 20);
  header.writeUInt32LE(32 + chunks.length, 32);
  header.writeUInt32LE(32 + chunks.length, 36);
  header.set([0x45, 0, 0, 32 + chunks.length], 40);
  header.set([64, 132, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2], 48);
  header.writeUInt16BE(50000, 60);
  header.writeUInt16BE(4739, 62);
  return Buffer.concat([header, chunks]);
}

/** Segments of a connection without its handshake: pcap of raw IPv4 (link type 101). */
function tcpCapture(port: number, content: Buffer, segments: readonly { from: number; to: number }[]) {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt32LE(101, 20);
  const packets = segments.flatMap(({ from, to }) => {
    const packet = Buffer.alloc(16 + 40);
    packet.writeUInt32LE(40 + to - from, 8);
    packet.writeUInt32LE(40 + to - from, 12);
    packet.set([0x45, 0, 0, 40 + to - from], 16);
    packet.set([64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2], 24);
    packet.writeUInt16BE(50000, 36);
    packet.writeUInt16BE(port, 38);
    packet.writeUInt32BE(1000 + from, 40);
    packet.set([0x50, 0x10], 48);
    return [packet, content.subarray(from, to)];
  });
  return Buffer.concat([header, ...packets]);
}
