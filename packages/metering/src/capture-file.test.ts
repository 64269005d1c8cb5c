import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { UserError } from '@weir/base';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { readCapture } from './capture-file.ts';
import type { CapturePacketHandler, CaptureParser } from './capture-parser.ts';
import { oneByOne } from './frame-burst.ts';
import { PcapParser } from './pcap-parser.ts';
import { PcapngParser } from './pcapng-parser.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-capture-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Seen {
  text: string;
  captured: number;
  wire: number;
  timestampMs: number;
  direction: number;
  interfaceIndex: number;
  linkType: number;
}

function collector(): { seen: Seen[]; onPacket: CapturePacketHandler } {
  const seen: Seen[] = [];
  const onPacket: CapturePacketHandler = (
    bytes,
    offset,
    captured,
    wire,
    timestampMs,
    direction,
    interfaceIndex,
    linkType,
  ) =>
    seen.push({
      text: Buffer.from(bytes.subarray(offset, offset + captured)).toString(),
      captured,
      wire,
      timestampMs,
      direction,
      interfaceIndex,
      linkType,
    });
  return { seen, onPacket };
}

const words = (littleEndian: boolean, ...values: number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    if (littleEndian) bytes.writeUInt32LE(value, index * 4);
    else bytes.writeUInt32BE(value, index * 4);
  });
  return bytes;
};

const padded = (text: string): Buffer =>
  Buffer.concat([Buffer.from(text), Buffer.alloc((4 - (text.length % 4)) % 4)]);

function pcap(magic: number, littleEndian: boolean, fraction: number, extra: number[] = []): Buffer {
  const header = words(littleEndian, magic, littleEndian ? 0x00040002 : 0x00020004, 0, 0, 65535, 0x10000001);
  const packets = ['first', 'second one'].map((text, index) =>
    Buffer.concat([
      words(littleEndian, 1_700_000_000 + index, fraction, text.length, 1500, ...extra),
      Buffer.from(text),
    ]),
  );
  return Buffer.concat([header, ...packets]);
}

function block(littleEndian: boolean, type: number, body: Buffer): Buffer {
  const length = body.length + 12;
  return Buffer.concat([words(littleEndian, type, length), body, words(littleEndian, length)]);
}

const sectionHeader = (le: boolean) =>
  block(le, 0x0a0d0d0a, words(le, 0x1a2b3c4d, le ? 0x00000001 : 0x00010000, 0xffffffff, 0xffffffff));

function interfaceDescription(
  le: boolean,
  linkType: number,
  snap: number,
  options: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(4);
  if (le) head.writeUInt16LE(linkType);
  else head.writeUInt16BE(linkType);
  return block(le, 1, Buffer.concat([head, words(le, snap), options]));
}

const option = (le: boolean, code: number, value: Buffer): Buffer => {
  const head = le ? words(le, (value.length << 16) | code) : words(le, ((code << 16) | value.length) >>> 0);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
};

function enhancedPacket(
  le: boolean,
  interfaceId: number,
  units: bigint,
  text: string,
  options: Buffer = Buffer.alloc(0),
): Buffer {
  const high = Number(units >> 32n);
  const low = Number(units & 0xffffffffn);
  return block(
    le,
    6,
    Buffer.concat([words(le, interfaceId, high, low, text.length, 1500), padded(text), options]),
  );
}

const at = 1_700_000_000_000;
const seenOnce = { captured: 5, wire: 1500, direction: 255, interfaceIndex: 0, linkType: 1 };

function write(name: string, content: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function read(name: string, content: Buffer) {
  const { seen, onPacket } = collector();
  const summary = await readCapture(write(name, content), onPacket);
  return { seen, summary };
}

describe('pcap', () => {
  test.each<[string, number, boolean, number, number[]]>([
    ['microseconds, little-endian', 0xa1b2c3d4, true, 250_000, []],
    ['microseconds, big-endian', 0xa1b2c3d4, false, 250_000, []],
    ['nanoseconds, little-endian', 0xa1b23c4d, true, 250_000_000, []],
    ['nanoseconds, big-endian', 0xa1b23c4d, false, 250_000_000, []],
    ['modified, little-endian', 0xa1b2cd34, true, 250_000, [0, 0]],
  ])('%s', async (_, magic, littleEndian, fraction, extra) => {
    const { seen, summary } = await read('a.pcap', pcap(magic, littleEndian, fraction, extra));
    expect(summary).toEqual({ format: 'pcap', packets: 2, problem: undefined });
    expect(seen).toEqual([
      { ...seenOnce, text: 'first', timestampMs: at + 250 },
      { ...seenOnce, text: 'second one', captured: 10, timestampMs: at + 1250 },
    ]);
  });

  test.each([
    ['gzip', gzipSync],
    ['Zstandard', zstdCompressSync],
  ])('compressed with %s', async (name, compress) => {
    const { seen } = await read(`a.pcap.${name}`, compress(pcap(0xa1b2c3d4, true, 0)));
    expect(seen.map(({ text }) => text)).toEqual(['first', 'second one']);
  });
});

describe('pcapng', () => {
  test.each([true, false])('interfaces, resolutions, directions; little-endian %s', async (le) => {
    const nanoseconds = Buffer.concat([option(le, 9, Buffer.of(9)), option(le, 0, Buffer.alloc(0))]);
    const offset = Buffer.alloc(8);
    if (le) offset.writeBigInt64LE(1_000_000n);
    else offset.writeBigInt64BE(1_000_000n);
    const binary = Buffer.concat([option(le, 9, Buffer.of(0x8a)), option(le, 14, offset)]);
    const flags = (bits: number) =>
      Buffer.concat([option(le, 1, Buffer.from('note')), option(le, 2, words(le, bits))]);
    const { seen, summary } = await read(
      'a.pcapng',
      Buffer.concat([
        sectionHeader(le),
        interfaceDescription(le, 1, 0, nanoseconds),
        interfaceDescription(le, 101, 0, binary),
        block(le, 0x0bad, Buffer.alloc(8)),
        enhancedPacket(le, 0, BigInt(at) * 1_000_000n + 500_000n, 'first', flags(1)),
        enhancedPacket(le, 1, 2048n, 'out', flags(2)),
        block(le, 3, Buffer.concat([words(le, 6), padded('simple')])),
        sectionHeader(le),
        interfaceDescription(le, 113, 4),
        enhancedPacket(le, 0, BigInt(at) * 1000n, 'again'),
      ]),
    );
    expect(summary).toEqual({ format: 'pcapng', packets: 4, problem: undefined });
    expect(
      seen.map(({ timestampMs, ...rest }) => ({ ...rest, timestampMs: Math.round(timestampMs * 10) / 10 })),
    ).toEqual([
      { ...seenOnce, text: 'first', timestampMs: at + 0.5, direction: 0, interfaceIndex: 1 },
      {
        ...seenOnce,
        text: 'out',
        captured: 3,
        timestampMs: 1_000_002_000,
        direction: 1,
        interfaceIndex: 2,
        linkType: 101,
      },
      { ...seenOnce, text: 'simple', captured: 6, wire: 6, timestampMs: 1_000_002_000, interfaceIndex: 1 },
      { ...seenOnce, text: 'again', timestampMs: at, interfaceIndex: 3, linkType: 113 },
    ]);
  });

  test('a time beyond every calendar is replaced by the one before', async () => {
    const le = true;
    const { seen } = await read(
      'time.pcapng',
      Buffer.concat([
        sectionHeader(le),
        interfaceDescription(le, 1, 0),
        enhancedPacket(le, 0, BigInt(at) * 1000n, 'good'),
        enhancedPacket(le, 0, 0xffff_ffff_ffff_ffffn, 'wild'),
      ]),
    );
    expect(seen.map(({ timestampMs }) => timestampMs)).toEqual([at, at]);
  });
});

describe('damage', () => {
  test('a truncated file: what was whole is kept', async () => {
    const whole = pcap(0xa1b2c3d4, true, 0);
    const { seen, summary } = await read('cut.pcap', whole.subarray(0, whole.length - 3));
    expect(seen).toHaveLength(1);
    expect(summary.problem).toMatchObject({ code: 'capture_truncated', offset: 24 + 21 });
  });

  test('a truncated gzip file: what was whole is kept', async () => {
    const whole = gzipSync(pcap(0xa1b2c3d4, true, 0));
    const { summary } = await read('cut.pcap.gz', whole.subarray(0, whole.length - 8));
    expect(summary).toMatchObject({ packets: 2, problem: { code: 'capture_truncated' } });
  });

  test('a length that cannot be ends the reading where it stands', async () => {
    const bad = pcap(0xa1b2c3d4, true, 0);
    bad.writeUInt32LE(0x7fffffff, 24 + 21 + 8);
    const { seen, summary } = await read('bad.pcap', bad);
    expect(seen).toHaveLength(1);
    expect(summary.problem).toEqual({
      code: 'capture_corrupt',
      offset: 45,
      message: 'a packet of 2147483647 captured octets',
    });
  });

  test('a packet of an interface that nobody described', async () => {
    const { summary } = await read(
      'if.pcapng',
      Buffer.concat([sectionHeader(true), enhancedPacket(true, 0, 0n, 'x')]),
    );
    expect(summary.problem).toMatchObject({ code: 'capture_corrupt', offset: 28 });
  });

  test.each([
    ['text.txt', Buffer.from('hello, this is no capture'), 'capture_not_recognized'],
    ['empty', Buffer.alloc(0), 'capture_not_recognized'],
    ['three', Buffer.of(1, 2, 3), 'capture_not_recognized'],
  ])('%s is refused in one line', async (name, content, code) => {
    const failure = await read(name, content).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect(failure).toMatchObject({ code, exitCode: 1 });
    expect((failure as UserError).message).toContain(name);
  });

  test.skipIf(process.platform === 'win32')(
    'a pipe gives what the file gives, compressed or not',
    async () => {
      const plain = pcap(0xa1b2c3d4, true, 0);
      for (const octets of [plain, gzipSync(plain), zstdCompressSync(plain)]) {
        const pipe = join(folder, `pipe-${octets.length}`);
        execFileSync('mkfifo', [pipe]);
        const { seen, onPacket } = collector();
        // Opening a pipe waits for the other end, so the writer is another process.
        const file = join(folder, 'piped');
        writeFileSync(file, octets);
        spawn('sh', ['-c', `cat '${file}' > '${pipe}'`]);
        expect(await readCapture(pipe, onPacket)).toMatchObject({ problem: undefined });
        expect(seen.map(({ text }) => text)).toEqual(['first', 'second one']);
      }
    },
  );

  test('a file that is not there', async () => {
    const failure = readCapture(join(folder, 'nowhere.pcap'), () => {});
    await expect(failure).rejects.toMatchObject({ code: 'capture_unreadable' });
  });

  test('a folder', async () => {
    await expect(readCapture(folder, () => {})).rejects.toMatchObject({ code: 'capture_unreadable' });
  });
});

describe('parsers', () => {
  /** Feeds a file a few octets at a time, as a pipe might. */
  function feed(
    create: (onPacket: CapturePacketHandler) => CaptureParser,
    content: Buffer,
    step: number,
  ): Seen[] {
    const { seen, onPacket } = collector();
    const parser = create(onPacket);
    let rest = Buffer.alloc(0);
    for (let offset = 0; offset < content.length; offset += step) {
      rest = Buffer.concat([rest, content.subarray(offset, offset + step)]);
      const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
      rest = rest.subarray(parser.parse(rest, view, 0, rest.length));
    }
    expect(rest).toHaveLength(0);
    expect(parser.packets).toBe(seen.length);
    return seen;
  }

  test('one octet at a time gives the same packets', () => {
    const content = pcap(0xa1b2c3d4, true, 5);
    const whole = feed((onPacket) => new PcapParser(oneByOne(onPacket)), content, content.length);
    expect(feed((onPacket) => new PcapParser(oneByOne(onPacket)), content, 1)).toEqual(whole);
    const blocks = Buffer.concat([
      sectionHeader(true),
      interfaceDescription(true, 1, 0),
      enhancedPacket(true, 0, 1n, 'packet'),
    ]);
    const packets = feed((onPacket) => new PcapngParser(onPacket), blocks, blocks.length);
    expect(packets).toHaveLength(1);
    expect(feed((onPacket) => new PcapngParser(onPacket), blocks, 1)).toEqual(packets);
  });

  test('any octets behind a good beginning are read to their end or to a damage', () => {
    const beginnings = [
      pcap(0xa1b2c3d4, true, 0),
      Buffer.concat([sectionHeader(true), interfaceDescription(true, 1, 0)]),
    ];
    fc.assert(
      fc.property(fc.constantFrom(0, 1), fc.uint8Array({ maxLength: 300 }), (which, rest) => {
        const content = Buffer.concat([beginnings[which] as Buffer, rest]);
        const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
        const ends: number[] = [];
        const onPacket: CapturePacketHandler = (_, offset, captured) => ends.push(offset + captured);
        const parser = which === 0 ? new PcapParser(oneByOne(onPacket)) : new PcapngParser(onPacket);
        const position = parser.parse(content, view, 0, content.length);
        expect(position).toBeLessThanOrEqual(content.length);
        expect(Math.max(0, ...ends)).toBeLessThanOrEqual(content.length);
      }),
      { numRuns: 2000 },
    );
  });
});
