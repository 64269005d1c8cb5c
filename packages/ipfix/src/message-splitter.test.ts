import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DecodeProblem } from './decode-error.ts';
import { createMessageSplitter } from './message-splitter.ts';

function message(setOctets: number, sequenceNumber: number): Uint8Array {
  const bytes = new Uint8Array(16 + setOctets);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 10);
  view.setUint16(2, bytes.length);
  view.setUint32(8, sequenceNumber);
  if (setOctets < 4) return bytes;
  view.setUint16(16, 256);
  view.setUint16(18, setOctets);
  bytes.fill(0xee, 20);
  return bytes;
}

function split(chunks: readonly Uint8Array[], octetsMax?: number) {
  const messages: { offset: number; hex: string }[] = [];
  const problems: DecodeProblem[] = [];
  const splitter = createMessageSplitter(
    {
      message: (bytes, offset) => messages.push({ offset, hex: Buffer.from(bytes).toString('hex') }),
      problem: (problem) => problems.push(problem),
    },
    octetsMax,
  );
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return { messages, problems, counters: splitter.counters };
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const join = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const octetByOctet = (bytes: Uint8Array) => Array.from(bytes, (octet) => Uint8Array.of(octet));
const offsetsOf = (parts: readonly Uint8Array[]) =>
  parts.map((_, index) => parts.slice(0, index).reduce((sum, part) => sum + part.length, 0));

describe('MessageSplitter', () => {
  test('gives the same messages however the stream is cut', () => {
    const streams = fc.array(fc.integer({ min: 4, max: 400 }), { maxLength: 20 });
    fc.assert(
      fc.property(streams, fc.array(fc.nat(3000)), (sizes, cuts) => {
        const parts = sizes.map((size, index) => message(size, index));
        const stream = join(parts);
        const at = [0, ...cuts.filter((cut) => cut < stream.length).toSorted((a, b) => a - b), stream.length];
        const chunks = at.slice(1).map((end, index) => stream.subarray(at[index], end));
        const offsets = offsetsOf(parts);
        const expected = parts.map((part, index) => ({ offset: offsets[index], hex: hexOf(part) }));
        expect(split(chunks)).toMatchObject({ messages: expected, problems: [] });
      }),
    );
  });

  test('fed one octet at a time', () => {
    const parts = [message(4, 0), message(100, 1), message(0, 2), message(5000, 3)];
    const { messages, problems, counters } = split(octetByOctet(join(parts)));
    expect(messages.map(({ hex }) => hex)).toEqual(parts.map(hexOf));
    expect(problems).toEqual([]);
    expect(counters).toEqual({ messages: 4, octets: 5168, octetsSkipped: 0, damages: 0 });
  });

  test('the longest message there is', () => {
    const longest = message(65535 - 16, 1);
    expect(split([longest, message(8, 2)]).messages.map(({ hex }) => hex.length / 2)).toEqual([65535, 24]);
  });

  test.each([
    ['octets in between', Uint8Array.of(1, 2, 3, 4, 5)],
    ['zeros in between', new Uint8Array(100)],
    ['what looks like a header, but whose Set does not fit', Uint8Array.of(0, 1, 0, 10, 0, 40, 9, 9, 9, 9)],
  ])('goes on behind %s, and says where and how many', (_, damage) => {
    const parts = [message(20, 0), message(30, 1)];
    const stream = join([parts[0]!, damage, parts[1]!]);
    for (const chunks of [[stream], octetByOctet(stream)]) {
      const { messages, problems, counters } = split(chunks);
      expect(messages.map(({ hex }) => hex)).toEqual(parts.map(hexOf));
      expect(problems).toEqual([
        expect.objectContaining({
          code: 'stream_damaged',
          offset: 36,
          message: expect.stringContaining(`(${damage.length} octets skipped)`),
        }),
      ]);
      expect(counters).toMatchObject({ octetsSkipped: damage.length, damages: 1 });
    }
  });

  test('a stream that ends within a message keeps what came before', () => {
    const stream = join([message(20, 0), message(30, 1).subarray(0, 40)]);
    const { messages, problems } = split([stream]);
    expect(messages).toHaveLength(1);
    expect(problems.map(({ code, offset }) => [code, offset])).toEqual([['message_truncated', 36]]);
  });

  test('a length that reaches beyond the end does not hide the messages behind it', () => {
    const tooLong = message(20, 0);
    new DataView(tooLong.buffer).setUint16(2, 60000);
    const stream = join([message(8, 0), tooLong, message(30, 1), message(12, 2)]);
    const { messages, problems } = split([stream]);
    expect(messages.map(({ offset }) => offset)).toEqual([0, 60, 106]);
    expect(problems.map(({ code }) => code)).toEqual(['message_truncated', 'stream_damaged']);
  });

  test('a message longer than allowed is damage', () => {
    const { messages, problems, counters } = split([message(2000, 0), message(20, 1)], 1000);
    expect(messages.map(({ offset }) => offset)).toEqual([2016]);
    expect(problems.map(({ code }) => code)).toEqual(['stream_damaged']);
    expect(counters.octetsSkipped).toBe(2016);
  });

  test('any stream is messages, problems and skipped octets, and every octet is one of them', () => {
    const part = fc.oneof(
      fc.integer({ min: 4, max: 60 }).map((size) => message(size, 7)),
      fc.uint8Array({ maxLength: 60 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const stream = join(parts);
        const whole = split([stream]);
        expect(split(octetByOctet(stream))).toEqual(whole);
        const given = whole.messages.reduce((sum, { hex }) => sum + hex.length / 2, 0);
        expect(given + whole.counters.octetsSkipped).toBe(stream.length);
      }),
    );
  });
});
