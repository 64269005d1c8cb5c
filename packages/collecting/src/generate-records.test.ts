import { createSocket } from 'node:dgram';
import { createManualClock } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generateRecords } from './generate-records.ts';
import { createRecordMix, MIX_MESSAGE_OCTETS_MAX } from './record-mix.ts';
import { replayPayloads } from './replay-payloads.ts';

/** A socket that keeps what it receives. */
function openSink() {
  const socket = createSocket('udp4');
  const received: Uint8Array[] = [];
  socket.on('message', (bytes) => void received.push(bytes));
  return {
    received,
    socket,
    bound: new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve)),
    async until(count: number): Promise<void> {
      while (received.length < count) await new Promise((resolve) => socket.once('message', resolve));
    },
  };
}

let sink: ReturnType<typeof openSink>;
let to: { address: string; port: number };
beforeEach(async () => {
  sink = openSink();
  await sink.bound;
  sink.socket.setRecvBufferSize(4 << 20);
  to = { address: '127.0.0.1', port: sink.socket.address().port };
});
afterEach(() => new Promise<void>((resolve) => void sink.socket.close(() => resolve())));

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

describe('createRecordMix', () => {
  test('messages have their own length, fit the path and count records in their sequence numbers', () => {
    const mix = createRecordMix({ seed: 7, observationDomainId: 3 });
    const bytes = new Uint8Array(MIX_MESSAGE_OCTETS_MAX);
    for (let index = 0; index < 500; index += 1) {
      const before = mix.totals.records;
      const octets = mix.writeMessage(bytes, 1_700_000_000_000, 64, index % 100 === 0);
      const message = view(bytes);
      expect(octets).toBeLessThanOrEqual(MIX_MESSAGE_OCTETS_MAX);
      expect([message.getUint16(0), message.getUint16(2)]).toEqual([10, octets]);
      expect(message.getUint32(8)).toBe(before);
      expect(message.getUint32(12)).toBe(3);
    }
    expect(mix.totals.messages).toBe(500);
    expect(mix.totals.records).toBeGreaterThan(500 * 12);
  });

  test('the same seed gives the same octets, another seed others', () => {
    const first = [1, 1, 2].map((seed) => {
      const bytes = new Uint8Array(MIX_MESSAGE_OCTETS_MAX);
      createRecordMix({ seed }).writeMessage(bytes, 1_700_000_000_000, 20, true);
      return Buffer.from(bytes).toString('hex');
    });
    expect(first[0]).toBe(first[1]);
    expect(first[0]).not.toBe(first[2]);
  });
});

describe('generateRecords', () => {
  test('sends exactly the records asked for', async () => {
    const result = await generateRecords(to, { records: 1234, seed: 5 });
    expect(result).toMatchObject({ records: 1234, refused: 0, datagrams: result.messages });
    await sink.until(result.messages);
    const templates = sink.received.filter((bytes) => view(bytes).getUint16(16) === 2);
    expect(templates).toHaveLength(1);
  });

  test('keeps the rate by the clock and repeats templates by time', async () => {
    const clock = createManualClock();
    const controller = new AbortController();
    const running = generateRecords(to, {
      records: Number.POSITIVE_INFINITY,
      rate: 100,
      clock,
      signal: controller.signal,
    });
    for (let turn = 0; turn < 500; turn += 1) {
      clock.advance(20);
      await new Promise((resolve) => setImmediate(resolve));
    }
    controller.abort();
    clock.advance(20);
    const result = await running;
    expect(result.records).toBeGreaterThan(950);
    expect(result.records).toBeLessThanOrEqual(1003);
    await sink.until(result.messages);
    expect(sink.received.filter((bytes) => view(bytes).getUint16(16) === 2)).toHaveLength(2);
  });

  test('counts refusals and goes on when nobody listens', async () => {
    const gone = openSink();
    await gone.bound;
    const { port } = gone.socket.address();
    await new Promise<void>((resolve) => void gone.socket.close(() => resolve()));
    const result = await generateRecords({ address: '127.0.0.1', port }, { records: 20_000 });
    expect(result.records).toBe(20_000);
    expect(result.refused).toBeGreaterThan(0);
  });
});

describe('replayPayloads', () => {
  const payload = (index: number, timestampMs: number) => ({ bytes: Uint8Array.of(index), timestampMs });

  test('keeps order, also when the iterable reuses its buffer', async () => {
    const shared = new Uint8Array(2);
    function* reusing() {
      for (let index = 0; index < 300; index += 1) {
        view(shared).setUint16(0, index);
        yield { bytes: shared, timestampMs: 0 };
      }
    }
    const result = await replayPayloads(reusing(), to, { rate: Number.POSITIVE_INFINITY });
    expect(result).toMatchObject({ datagrams: 300, octets: 600, refused: 0, oversized: 0 });
    await sink.until(300);
    expect(sink.received.map((bytes) => view(bytes).getUint16(0))).toEqual([...Array(300).keys()]);
  });

  test('follows the capture with long pauses shortened, and ignores steps back', async () => {
    const clock = createManualClock();
    const payloads = [payload(0, 1000), payload(1, 1500), payload(2, 900), payload(3, 3_600_900)];
    let done = false;
    const running = replayPayloads(payloads, to, { clock }).then((result) => {
      done = true;
      return result;
    });
    while (!done) {
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { durationMs } = await running;
    expect(durationMs).toBeGreaterThanOrEqual(10_500);
    expect(durationMs).toBeLessThan(12_000);
  });

  test('leaves out what no datagram can carry', async () => {
    const payloads = [{ bytes: new Uint8Array(65_508), timestampMs: 0 }, payload(1, 0)];
    expect(await replayPayloads(payloads, to)).toMatchObject({ datagrams: 1, oversized: 1 });
  });
});
