import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildIpv4 } from './frame-builder.ts';
import { LINKTYPE_RAW } from './link-type.ts';
import { concatenate, PcapngBuilder, type PcapngOption } from './pcapng-stream-builder.ts';
import { PcapngStreamReader } from './pcapng-stream-reader.ts';

const DROP = (builder: PcapngBuilder) => builder.verdict(2, 1n);

function createFixture(resumes = false) {
  const passed: (readonly [
    direction: number,
    interfaceIndex: number,
    octets: number,
    timestampMs: number,
  ])[] = [];
  const dropped: (readonly [rule: string, reason: number, direction: number, interfaceIndex: number])[] = [];
  const reader = new PcapngStreamReader(
    {
      passed: (_bytes, _offset, captured, _wire, timestampMs, direction, interfaceIndex) =>
        passed.push([direction, interfaceIndex, captured, timestampMs]),
      dropped: ({ ruleName, reason, direction, interfaceIndex }) =>
        dropped.push([ruleName, reason, direction, interfaceIndex]),
      interfaceIndexOf: (name) => (name === 'wg0' ? 7 : 0),
    },
    resumes,
  );
  return { reader, passed, dropped };
}

/** A section with an interface and a packet for each list of options. */
function stream(packets: readonly (readonly PcapngOption[])[], builder = new PcapngBuilder()): Uint8Array {
  const blocks = packets.map((options) => builder.packet(buildIpv4(), { options }));
  return concatenate([builder.section(), builder.interface('wg0', LINKTYPE_RAW), ...blocks]);
}

describe('a pcapng stream', () => {
  test.each([true, false])('is the same octet by octet as at once; little-endian: %s', (littleEndian) => {
    const builder = new PcapngBuilder(littleEndian);
    const drop = [builder.flags(2), DROP(builder), builder.comment('rule=ssh-deny reason=Trust')];
    const octets = stream([[], [builder.flags(1)], drop], builder);
    for (const pieces of [[octets], [...octets].map((octet) => Uint8Array.of(octet))]) {
      const { reader, passed, dropped } = createFixture();
      for (const piece of pieces) reader.push(piece);
      reader.end();
      expect(passed).toEqual([
        [255, 7, 28, 1_700_000_000_000],
        [0, 7, 28, 1_700_000_000_000],
      ]);
      expect(dropped).toEqual([['ssh-deny', 2, 1, 7]]);
      expect(reader).toMatchObject({ framesPassed: 2, framesDropped: 1, damages: 0, isOver: false });
    }
  });

  const { verdict, comment } = { verdict: new PcapngBuilder(), comment: new PcapngBuilder() };
  test.each([
    ['XDP_DROP', [verdict.verdict(2, 1n)], ['wg0', 3]],
    ['XDP_ABORTED', [verdict.verdict(2, 0n)], ['wg0', 3]],
    ['XDP_PASS', [verdict.verdict(2, 2n)], undefined],
    ['TC_ACT_SHOT', [verdict.verdict(1, 2n)], ['wg0', 3]],
    ['TC_ACT_OK', [verdict.verdict(1, 0n)], undefined],
    ['TC_ACT_UNSPEC', [verdict.verdict(1, -1n)], undefined],
    ['hardware, whatever it says', [verdict.verdict(0, 1n)], undefined],
    ['a verdict that is cut short', [[7, Uint8Array.of(2, 1)] as const], undefined],
    ['words', [comment.comment('verdict=drop rule="deny ssh" reason=accesscontrol')], ['deny ssh', 1]],
    ['words among others', [comment.comment('seen: Verdict=DROP; reason=why rule=')], undefined],
    ['words in any case', [comment.comment('seen: Verdict=DROP reason=why rule=')], ['', 3]],
    ['a rule that let pass', [comment.comment('verdict=accept rule=7')], undefined],
    ['both', [comment.comment('rule=7'), verdict.verdict(1, 2n)], ['7', 3]],
  ] as const)('knows what was dropped: %s', (_name, options, expected) => {
    const { reader, dropped } = createFixture();
    reader.push(stream([options]));
    expect(dropped.map(([rule, reason]) => [rule, reason])).toEqual(expected === undefined ? [] : [expected]);
    expect(reader.framesPassed + reader.framesDropped).toBe(1);
  });

  test('is over at the first damage, with what came before it', () => {
    const { reader, passed } = createFixture();
    reader.push(stream([[]]));
    reader.push(new Uint8Array(64).fill(0xee));
    reader.push(stream([[]]));
    reader.end();
    expect(passed).toHaveLength(1);
    expect(reader).toMatchObject({ isOver: true, damages: 1, problem: 'a block of 4008636142 octets' });
  });

  test.each([
    ['no section header', new TextEncoder().encode('GET / HTTP/1.1\r\n'), 'no section header where'],
    [
      'a packet of no interface',
      concatenate([new PcapngBuilder().section(), new PcapngBuilder().packet(buildIpv4())]),
      'a packet of interface 0, not described',
    ],
    ['half a block', stream([[]]).subarray(0, -3), 'the stream ends within a block'],
  ])('says what is wrong: %s', (_name, octets, problem) => {
    const { reader } = createFixture();
    reader.push(octets);
    reader.end();
    expect(reader.damages).toBe(1);
    expect(reader.problem).toContain(problem);
  });

  test('a block that is too large ends it, with a bounded buffer', () => {
    const { reader } = createFixture();
    reader.push(stream([]));
    const header = Uint8Array.of(5, 0, 0, 0, 0, 0, 0xf0, 0);
    reader.push(header);
    for (let count = 0; count < 16; count += 1) reader.push(new Uint8Array(65_536));
    expect(reader.problem).toBe('a block of more than 524288 octets');
  });

  test('of a pipe goes on with the next section', () => {
    const { reader, passed } = createFixture(true);
    reader.push(stream([[], []]).subarray(0, -30));
    reader.push(stream([[], [], []]));
    reader.push(Uint8Array.of(1, 2, 3));
    reader.push(stream([[]]));
    reader.end();
    expect(passed).toHaveLength(5);
    expect(reader).toMatchObject({ damages: 2, isOver: false });
  });

  test('never throws and never stops a pipe, whatever comes', () => {
    const good = stream([[], []]);
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.constant(good),
      fc.nat({ max: good.length }).map((length) => good.slice(0, length)),
      fc.tuple(fc.nat({ max: good.length - 1 }), fc.nat({ max: 255 })).map(([at, octet]) => {
        const changed = good.slice();
        changed[at] = octet;
        return changed;
      }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, resumes) => {
        const { reader, passed } = createFixture(resumes);
        for (const octets of pieces) reader.push(octets);
        // What a damaged length swallowed is given back by more sections than it can hold.
        for (let count = 0; count < 3000 && resumes; count += 1) reader.push(good);
        const before = passed.length;
        if (resumes) reader.push(good);
        expect(passed.length - before).toBe(resumes ? 2 : 0);
      }),
      { numRuns: 200 },
    );
  });
});
