import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSenderTable } from './sender-table.ts';
import { addressText, MAPPED_PREFIX_WORD } from './socket-address.ts';

/** Addresses from a small set, so that they repeat, collide and overflow a table of 8. */
const sender = fc.record({
  words: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((octets) => new Uint32Array(octets.buffer)),
  zone: fc.integer({ min: 0, max: 2 }),
});

describe('a sender table', () => {
  test('behaves as a map of texts that forgets all when it is full', () => {
    const property = fc.property(
      fc.array(sender, { minLength: 1, maxLength: 14 }),
      fc.array(fc.nat({ max: 13 }), { maxLength: 200 }),
      fc.integer(),
      (senders, picks, seed) => {
        const table = createSenderTable(seed, 8);
        let model = new Map<string, number>();
        let nextKey = 0;
        let emptied = 0;
        for (const pick of picks) {
          const { words, zone } = senders[pick % senders.length]!;
          const text = addressText(words, zone);
          if (!model.has(text)) {
            if (model.size === 8) {
              model = new Map();
              emptied += 1;
            }
            model.set(text, nextKey++);
          }
          const key = table.findIPv6(words, 0, zone);
          expect(key).toBe(model.get(text));
          expect(table.addressOf(key)).toBe(text);
        }
        expect(table.emptiedCount()).toBe(emptied);
        expect(table.addressOf(nextKey)).toBeUndefined();
        expect(table.addressOf(nextKey - 9)).toBeUndefined();
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  test('takes an IPv4 address and its IPv4-mapped form for the same sender', () => {
    const table = createSenderTable(1);
    const address = new Uint32Array(Uint8Array.of(192, 0, 2, 1).buffer)[0]!;
    const mapped = Uint32Array.of(9, 0, 0, MAPPED_PREFIX_WORD, address);
    expect(table.findIPv6(mapped, 1, 0)).toBe(table.findIPv4(address));
    expect(table.addressOf(0)).toBe('192.0.2.1');
  });
});

describe('address text', () => {
  const text = (octets: number[], zone = 0) =>
    addressText(new Uint32Array(Uint8Array.from(octets).buffer), zone);

  test('is RFC 5952 for IPv6, dotted for IPv4, with the zone by number', () => {
    expect(text([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])).toBe('2001:db8::1');
    expect(text([0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xab, 0])).toBe('2001:db8:0:1::ab00');
    expect(text([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], 3)).toBe('fe80::9%3');
    expect(text([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 255])).toBe('10.0.0.255');
    expect(text(new Array(16).fill(0))).toBe('::');
  });
});
