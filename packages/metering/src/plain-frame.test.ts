import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameBurst } from './frame-burst.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from './link-type.ts';
import {
  BURST_PACKETS,
  DIRECTION_UNKNOWN,
  KEY_KIND,
  KIND_IPV6,
  PACKET_WORDS,
  PacketBurst,
} from './packet-burst.ts';
import { PACKET_OUTCOMES, PacketDissector, type TransportPlace } from './packet-dissector.ts';

const IPV4_WORDS = [0, 1, 2, 3, 4, 11, 12, 13, 14, 15, 16, 18, 19];
const IPV6_WORDS = [...IPV4_WORDS, 5, 6, 7, 8, 9, 10];

/** Frames that are plain but for a few octets, which may break any of the conditions for that. */
const frame = fc
  .record({
    etherType: fc.constantFrom(0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806, 0x8100),
    protocol: fc.constantFrom(6, 17, 1, 58, 0, 44, 132),
    header: fc.uint8Array({ minLength: 90, maxLength: 90 }),
    first: fc.constantFrom(undefined, 0x45, 0x46, 0x55, 0x6f),
    fragment: fc.constantFrom(0, 0x4000, 0x2000, 0x0001, 0x1fff),
    length: fc.oneof(fc.constantFrom(0, 3, 4, 13, 14, 19, 20, 24, 33, 34, 40), fc.nat(0xffff)),
    captured: fc.oneof(fc.constantFrom(37, 38, 47, 48, 57, 58, 67, 68, 90), fc.nat(90)),
  })
  .map(({ etherType, protocol, header, first, fragment, length, captured }) => {
    const octets = new Uint8Array(header);
    const view = new DataView(octets.buffer);
    view.setUint16(12, etherType);
    const isIpv6 = etherType === 0x86dd;
    octets[14] = first ?? (isIpv6 ? 0x60 | ((header[14] ?? 0) & 15) : 0x45);
    view.setUint16(isIpv6 ? 18 : 16, length);
    if (!isIpv6) view.setUint16(20, fragment);
    octets[isIpv6 ? 20 : 23] = protocol;
    return octets.subarray(0, captured);
  });

/** What one dissector says of frames: the outcomes, and the rows of those that are IP. */
function rowsOf(burst: PacketBurst, outcomes: Float64Array) {
  const rows = Array.from({ length: burst.size }, (_, index) => {
    const row = burst.words.subarray(index * PACKET_WORDS, (index + 1) * PACKET_WORDS);
    const isIpv6 = ((row[KEY_KIND] ?? 0) & KIND_IPV6) !== 0;
    return (isIpv6 ? IPV6_WORDS : IPV4_WORDS).map((word) => row[word]);
  });
  return { rows, outcomes: [...outcomes] };
}

test('plain frames are dissected as any other frame is, one by one', () => {
  const frames = fc.array(frame, { minLength: 1, maxLength: BURST_PACKETS });
  const linkTypes = fc.constantFrom(LINKTYPE_ETHERNET, LINKTYPE_ETHERNET, LINKTYPE_RAW);
  fc.assert(
    fc.property(frames, linkTypes, (list, linkType) => {
      const given = new FrameBurst();
      given.bytes = Uint8Array.from(list.flatMap((octets) => [...octets]));
      given.view = new DataView(given.bytes.buffer);
      given.linkType = linkType;
      let offset = 0;
      for (const octets of list) {
        given.offsets[given.size] = offset;
        given.capturedLengths[given.size] = octets.length;
        given.wireLengths[given.size] = octets.length + 7;
        given.timesMs[given.size] = 1000.25 + given.size;
        given.size += 1;
        offset += octets.length;
      }
      const together = new PacketBurst();
      const counts = new Float64Array(PACKET_OUTCOMES.length);
      new PacketDissector(together).dissectFrames(given, 0, given.size, counts);

      // A dissector that is asked for the transport's place takes no short way.
      const place: TransportPlace = { view: given.view, offset: 0, end: 0, octets: 0 };
      const single = new PacketBurst();
      const singleCounts = new Float64Array(PACKET_OUTCOMES.length);
      const dissector = new PacketDissector(single, place);
      for (let index = 0; index < given.size; index += 1) {
        const row = single.size * PACKET_WORDS;
        const at = given.offsets[index] ?? 0;
        const captured = given.capturedLengths[index] ?? 0;
        const outcome = dissector.dissect(
          row,
          given.bytes,
          at,
          captured,
          captured + 7,
          DIRECTION_UNKNOWN,
          0,
          linkType,
        );
        singleCounts[outcome] = (singleCounts[outcome] ?? 0) + 1;
        if (outcome !== 0) continue;
        single.doubles[(row >> 1) + 9] = given.timesMs[index] ?? 0;
        single.size += 1;
      }
      expect(rowsOf(together, counts)).toEqual(rowsOf(single, singleCounts));
    }),
    { numRuns: 3000 },
  );
});
