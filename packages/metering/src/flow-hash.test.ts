import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FlowHash } from './flow-hash.ts';
import {
  BURST_PACKETS,
  KEY_DESTINATION,
  KEY_KIND,
  KEY_PORTS,
  KEY_SOURCE,
  KEY_WORDS,
  KIND_IPV6,
  PACKET_HASH,
  PACKET_WORDS,
} from './packet-burst.ts';

const key = fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), {
  minLength: KEY_WORDS,
  maxLength: KEY_WORDS,
});

test('a burst has the hashes that its packets have one by one', () => {
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: BURST_PACKETS }), fc.integer(), (keys, seed) => {
      const hash = new FlowHash(seed);
      const words = new Int32Array(BURST_PACKETS * PACKET_WORDS);
      for (const [index, values] of keys.entries()) words.set(values, index * PACKET_WORDS);
      hash.hashBurst(words, keys.length);
      for (const index of keys.keys()) {
        const row = index * PACKET_WORDS;
        expect(words[row + PACKET_HASH]).toBe(hash.of(words, row));
      }
    }),
  );
});

test('every bit of a key counts, those of the prefixes for IPv6 alone', () => {
  const hash = new FlowHash(7);
  for (const kind of [0, KIND_IPV6]) {
    const words = new Int32Array(PACKET_WORDS);
    words[KEY_KIND] = kind;
    const plain = hash.of(words, 0);
    for (let bit = 0; bit < KEY_WORDS * 32; bit += 1) {
      if (bit === KEY_KIND * 32 + Math.log2(KIND_IPV6)) continue;
      const other = words.slice();
      other[bit >> 5]! ^= 1 << (bit & 31);
      const isOfKey = kind === KIND_IPV6 || bit < 5 * 32;
      expect(hash.of(other, 0) !== plain, `bit ${bit} of kind ${kind}`).toBe(isOfKey);
    }
  }
});

/** Keys that are close to one another, as a scan's or an attacker's are. */
const FAMILIES: Record<string, (words: Int32Array, index: number) => void> = {
  'addresses in a row': (words, index) => {
    words[KEY_SOURCE] = 0x0a000000 + index;
  },
  'addresses that differ in their high octets': (words, index) => {
    words[KEY_SOURCE] = index << 16;
  },
  'ports in a row': (words, index) => {
    words[KEY_PORTS] = index;
  },
  'ports in the high half': (words, index) => {
    words[KEY_PORTS] = index << 16;
  },
  'two words that cancel each other in a sum': (words, index) => {
    words[KEY_SOURCE] = index;
    words[KEY_DESTINATION] = -index;
  },
  'two words that cancel each other in an exclusive or': (words, index) => {
    words[KEY_SOURCE] = index * 0x10001;
    words[KEY_DESTINATION] = index * 0x10001;
  },
};

describe.each(Object.entries(FAMILIES))('%s', (_name, fill) => {
  test('fill a table as evenly as chance would, whatever the secret', () => {
    const keys = 32_768;
    const places = 65_536;
    const collisions = Array.from({ length: 16 }, (_, seed) => {
      const hash = new FlowHash(seed + 1);
      const words = new Int32Array(PACKET_WORDS);
      const used = new Uint8Array(places);
      let count = 0;
      for (let index = 0; index < keys; index += 1) {
        fill(words, index);
        const place = hash.of(words, 0) & (places - 1);
        count += used[place]!;
        used[place] = 1;
      }
      return count;
    });
    // Chance: 32768 - 65536 × (1 - e^-0.5) = 6982. Keys in a row are spread more evenly, or up to twice as badly.
    const mean = collisions.reduce((sum, count) => sum + count, 0) / collisions.length;
    expect(mean).toBeLessThan(9000);
    expect(Math.max(...collisions)).toBeLessThan(keys / 2 + 4096);
  });
});
