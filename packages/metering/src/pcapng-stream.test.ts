import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buildIpv4 } from './frame-builder.ts';
import { LINKTYPE_RAW } from './link-type.ts';
import { PcapngStream } from './pcapng-stream.ts';
import { concatenate, PcapngBuilder } from './pcapng-stream-builder.ts';

const builder = new PcapngBuilder();
const HEADER = concatenate([builder.section(), builder.interface('wg0', LINKTYPE_RAW)]);
const PASSED = builder.packet(buildIpv4());
const DROPPED = builder.packet(buildIpv4(), { options: [builder.verdict(1, 2n)] });

describe.skipIf(process.platform === 'win32')('a pcapng stream between processes', () => {
  let folder: string;
  let streams: PcapngStream[] = [];

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-pcapng-'));
  });
  afterEach(() => {
    for (const stream of streams) stream.close();
    streams = [];
    rmSync(folder, { recursive: true });
  });

  async function openStream(name: string): Promise<PcapngStream> {
    const target = { passed: () => {}, dropped: () => {}, interfaceIndexOf: () => 0 };
    const stream = new PcapngStream(path.join(folder, name), target);
    streams.push(stream);
    await stream.open();
    return stream;
  }

  async function writer(name: string): Promise<Socket> {
    const socket = connect(path.join(folder, name));
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  /** Lets the event loop turn until the status is so. */
  async function until(stream: PcapngStream, expected: Partial<ReturnType<PcapngStream['status']>>) {
    await expect.poll(() => stream.status(), { interval: 5, timeout: 5000 }).toMatchObject(expected);
  }

  test('a socket has several writers at once; a damaged one costs no other', async () => {
    const stream = await openStream('socket');
    const [one, other] = [await writer('socket'), await writer('socket')];
    one.write(HEADER);
    other.write(concatenate([HEADER, PASSED, DROPPED]));
    await until(stream, { writers: 2, framesPassed: 1, framesDropped: 1, damages: 0 });
    one.write('this is no pcapng');
    await once(one, 'close');
    other.end(concatenate([DROPPED, DROPPED]));
    await until(stream, { writers: 0, framesPassed: 1, framesDropped: 3, damages: 1 });
    expect(stream.status().problem).toMatch(/^a block of \d+ octets$/);
  });

  test('a writer that dies within a block is counted', async () => {
    const stream = await openStream('socket');
    const one = await writer('socket');
    one.end(concatenate([HEADER, PASSED.subarray(0, 20)]));
    await until(stream, { writers: 0, damages: 1, problem: 'the stream ends within a block' });
  });

  test('turns away more writers than it has room for', async () => {
    const stream = await openStream('socket');
    const all: Socket[] = [];
    for (let count = 0; count < 18; count += 1) all.push(await writer('socket'));
    await until(stream, { writers: 16, writersRefused: 2 });
    for (const socket of all) socket.destroy();
    await until(stream, { writers: 0, damages: 0 });
  });

  test('takes the place of a socket that a dead process left, not of one that is served', async () => {
    const first = await openStream('socket');
    await expect(openStream('socket')).rejects.toMatchObject({ code: 'drop_source_busy' });
    first.close();
    const stale = path.join(folder, 'stale');
    execFileSync('python3', [
      '-c',
      `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(stale)})`,
    ]);
    const stream = await openStream('stale');
    (await writer('stale')).end(concatenate([HEADER, PASSED]));
    await until(stream, { framesPassed: 1 });
    stream.close();
    await expect.poll(() => existsSync(stale)).toBe(false);
  });

  test('refuses what is neither pipe nor socket, and a folder that is not there', async () => {
    writeFileSync(path.join(folder, 'file'), '');
    await expect(openStream('file')).rejects.toMatchObject({ code: 'drop_source_failed' });
    await expect(openStream('nowhere/socket')).rejects.toMatchObject({ code: 'drop_source_failed' });
  });

  test('a pipe has one writer after the other, and survives damage', async () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const stream = await openStream('pipe');
    const write = async (...parts: Uint8Array[]) => {
      const file = await open(pipe, 'w');
      await file.write(concatenate(parts));
      await file.close();
    };
    await write(HEADER, PASSED);
    await until(stream, { framesPassed: 1, writers: 0 });
    await write(HEADER, PASSED, DROPPED.subarray(0, 30));
    await until(stream, { framesPassed: 2, damages: 1, writers: 0 });
    for (let count = 0; count < 20; count += 1) await write(HEADER, DROPPED);
    await until(stream, { framesPassed: 2, framesDropped: 20, damages: 1 });
    const file = await open(pipe, 'w');
    await file.write(concatenate([HEADER, DROPPED]));
    await stream.drain();
    expect(stream.status()).toMatchObject({ framesDropped: 21, writers: 1 });
    await file.close();
  });
});
