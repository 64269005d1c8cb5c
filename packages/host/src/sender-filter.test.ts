import { BlockList } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSenderFilter } from './sender-filter.ts';

/** An address as the kernel has it. */
function packed(octets: readonly number[]): Uint32Array {
  return new Uint32Array(Uint8Array.from(octets).buffer);
}

const octets4 = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 });
const octets6 = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 16, maxLength: 16 });

function text6(octets: readonly number[]): string {
  return Array.from({ length: 8 }, (_, i) =>
    (((octets[i * 2] ?? 0) << 8) | (octets[i * 2 + 1] ?? 0)).toString(16),
  ).join(':');
}

describe('createSenderFilter', () => {
  test('IPv4: agrees with a list that compares text', () => {
    const network = fc.tuple(octets4, fc.integer({ min: 0, max: 32 }));
    fc.assert(
      fc.property(
        fc.array(network, { minLength: 1, maxLength: 8 }),
        fc.array(octets4),
        (networks, senders) => {
          const model = new BlockList();
          for (const [octets, length] of networks) model.addSubnet(octets.join('.'), length, 'ipv4');
          const filter = createSenderFilter(
            networks.map(([octets, length]) => `${octets.join('.')}/${length}`),
          );
          for (const sender of senders) {
            const expected = model.check(sender.join('.'), 'ipv4');
            const mapped = packed([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...sender]);
            expect(filter.allowsIPv4(packed(sender)[0] ?? 0)).toBe(expected);
            expect(filter.allowsIPv6(mapped, 0)).toBe(expected);
            expect(filter.allows(sender.join('.'))).toBe(expected);
            expect(filter.allows(`::ffff:${sender.join('.')}`)).toBe(expected);
          }
        },
      ),
    );
  });

  test('IPv6: agrees with a list that compares text', () => {
    const network = fc.tuple(octets6, fc.integer({ min: 0, max: 128 }));
    fc.assert(
      fc.property(
        fc.array(network, { minLength: 1, maxLength: 8 }),
        fc.array(octets6),
        (networks, senders) => {
          const model = new BlockList();
          for (const [octets, length] of networks) model.addSubnet(text6(octets), length, 'ipv6');
          const filter = createSenderFilter(networks.map(([octets, length]) => `${text6(octets)}/${length}`));
          for (const sender of senders) {
            const expected = model.check(text6(sender), 'ipv6');
            expect(filter.allowsIPv6(packed(sender), 0)).toBe(expected);
            expect(filter.allows(text6(sender))).toBe(expected);
          }
        },
      ),
    );
  });

  test('single addresses, shortened ones and zones', () => {
    const filter = createSenderFilter(['192.0.2.1', '2001:db8::/32', 'fe80::/10']);
    expect(filter.allows('192.0.2.1')).toBe(true);
    expect(filter.allows('192.0.2.2')).toBe(false);
    expect(filter.allows('2001:db8::7')).toBe(true);
    expect(filter.allows('fe80::1%2')).toBe(true);
    expect(filter.allowsIPv6(packed([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]), 0)).toBe(true);
    expect(filter.allowsIPv6(packed([0x20, 1, 0xd, 0xb9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]), 0)).toBe(
      false,
    );
  });
});
