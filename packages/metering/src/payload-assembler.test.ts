import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FragmentAssembler, StreamAssembler, UserMessageAssembler } from './payload-assembler.ts';
import { sctpData } from './sctp.ts';

const content = Uint8Array.from({ length: 4000 }, (_, index) => (index * 7) & 0xff);

/** Cuts the content at the given places. */
function cut(places: readonly number[]): { offset: number; part: Uint8Array }[] {
  const bounds = [...new Set([0, ...places, content.length])].sort((a, b) => a - b);
  return bounds
    .slice(1)
    .map((end, index) => ({ offset: bounds[index] ?? 0, part: content.subarray(bounds[index], end) }));
}

describe('fragments', () => {
  test('make the whole datagram in whatever order they come, repeated ones included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(content.length), { maxLength: 8 }),
        fc.infiniteStream(fc.nat()),
        (places, numbers) => {
          const assembler = new FragmentAssembler();
          const fragments = cut(places);
          const shuffled = [...fragments, ...fragments.slice(0, 2)]
            .map((fragment) => ({ fragment, order: numbers.next().value ?? 0 }))
            .sort((a, b) => a.order - b.order);
          const wholes = shuffled.flatMap(({ fragment: { offset, part } }) => {
            return assembler.add('key', offset, offset + part.length === content.length, part) ?? [];
          });
          expect(wholes[0]).toEqual(content);
        },
      ),
    );
  });

  test('of a datagram that is never whole are forgotten', () => {
    const assembler = new FragmentAssembler();
    for (let key = 0; key < 1000; key++) expect(assembler.add(`${key}`, 8, true, content)).toBeUndefined();
    expect(assembler.add('0', 0, false, content.subarray(0, 8))).toBeUndefined();
  });
});

describe('segments', () => {
  test('are given in order, each octet once, across the wrap of the sequence number', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(content.length), { maxLength: 8 }),
        fc.infiniteStream(fc.nat()),
        (places, numbers) => {
          const assembler = new StreamAssembler();
          const start = 0xffff_fff0;
          const given: number[] = [];
          const give = (bytes: Uint8Array) => void given.push(...bytes);
          assembler.add('stream', start - 1, true, new Uint8Array(0), give);
          const segments = cut(places);
          const shuffled = [...segments, ...segments.slice(1, 3)]
            .map((segment) => ({ segment, order: numbers.next().value ?? 0 }))
            .sort((a, b) => a.order - b.order);
          for (const { segment } of shuffled) {
            assembler.add('stream', (start + segment.offset) >>> 0, false, segment.part, give);
          }
          expect(Uint8Array.from(given)).toEqual(content);
        },
      ),
    );
  });

  test('go on after a segment that was never captured', () => {
    const assembler = new StreamAssembler();
    let octets = 0;
    const give = (bytes: Uint8Array) => {
      octets += bytes.length;
    };
    assembler.add('stream', 0, true, new Uint8Array(0), give);
    for (let index = 0; index < 100; index++)
      assembler.add('stream', 5001 + index * 4000, false, content, give);
    expect(octets).toBeGreaterThan(250_000);
  });

  test('behind a segment that was never captured are given at the end, and how much is missing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(content.length), { minLength: 2, maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
        fc.boolean(),
        (places, kept, isClosed) => {
          const assembler = new StreamAssembler();
          const start = 0xffff_f800;
          const given: number[] = [];
          const give = (bytes: Uint8Array, _name: string, missing: number) =>
            void given.push(...new Array<number>(missing).fill(-1), ...bytes);
          assembler.add('stream', start - 1, true, new Uint8Array(0), give);
          const segments = cut(places);
          for (const { offset, part } of segments.filter((_, index) => kept[index])) {
            assembler.add('stream', (start + offset) >>> 0, false, part, give);
          }
          if (isClosed) assembler.close('stream');
          assembler.end();
          const expected = segments.flatMap(({ part }, index) =>
            [...part].map((octet) => (kept[index] ? octet : -1)),
          );
          expect(given).toEqual(expected.slice(0, expected.findLastIndex((octet) => octet >= 0) + 1));
        },
      ),
    );
  });

  test('that fill a gap behind the FIN are still taken', () => {
    const assembler = new StreamAssembler();
    const given: number[] = [];
    const give = (bytes: Uint8Array) => void given.push(...bytes);
    assembler.add('stream', 99, true, new Uint8Array(0), give);
    assembler.add('stream', 103, false, Uint8Array.of(4, 5), give);
    assembler.close('stream');
    assembler.add('stream', 100, false, Uint8Array.of(1, 2, 3), give);
    expect(given).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('user messages of SCTP', () => {
  const chunk = (tsn: number, flags: string, ...data: number[]) => ({
    tsn,
    begins: flags.includes('B'),
    ends: flags.includes('E'),
    data: Uint8Array.from(data),
  });

  test('whole ones and those in parts, each once', () => {
    const assembler = new UserMessageAssembler();
    const taken = [
      chunk(0xffff_fffe, 'BE', 1),
      chunk(0xffff_ffff, 'B', 2),
      chunk(0xffff_fffe, 'BE', 1),
      chunk(0, '', 3),
      chunk(1, 'E', 4),
      chunk(1, 'E', 4),
      chunk(2, 'B', 5),
      chunk(4, 'E', 7),
      chunk(5, 'E', 8),
      chunk(6, 'BE', 9),
    ].map((data) => assembler.add('association', data));
    expect(taken.filter((message) => message !== undefined).map((message) => [...message])).toEqual([
      [1],
      [2, 3, 4],
      [9],
    ]);
  });

  test('that never end are not kept without bound', () => {
    const assembler = new UserMessageAssembler();
    for (let tsn = 0; tsn < 100; tsn++) {
      expect(
        assembler.add('association', chunk(tsn, tsn === 0 ? 'B' : '', ...content.subarray(0, 1000))),
      ).toBeUndefined();
    }
    expect(assembler.add('association', chunk(100, 'E', 1))).toBeUndefined();
  });

  test('any octets of a packet have chunks that lie within it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (packet) => {
        for (const { data } of sctpData(packet)) expect(data.length).toBeLessThan(packet.length);
      }),
    );
  });
});
