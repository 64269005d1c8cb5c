import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatAddress,
  formatNetwork,
  isIPv4,
  lastAddressOf,
  networkContains,
  networkOf,
  parseAddress,
  parseNetwork,
} from './address.ts';

const half = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });

describe('address', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['fe80::', 'fe80::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
  ])('%s is written %s (RFC 5952)', (text, canonical) => {
    expect(formatAddress(parseAddress(text)!)).toBe(canonical);
  });

  test.each(['', '10.0.0', '10.0.0.256', '1', '0x7f.1', 'fe80::1%eth0', 'host', '1.2.3.4.5'])(
    '%j is no address',
    (text) => expect(parseAddress(text)).toBeUndefined(),
  );

  test('text and halves are inverse', () => {
    fc.assert(
      fc.property(half, half, (hi, lo) => {
        expect(parseAddress(formatAddress({ hi, lo }))).toEqual({ hi, lo });
      }),
    );
  });

  test('a network contains its first and last address and not their neighbours', () => {
    fc.assert(
      fc.property(half, half, fc.integer({ min: 1, max: 128 }), (hi, lo, prefixLength) => {
        const network = networkOf({ hi, lo }, prefixLength);
        const last = lastAddressOf(network);
        expect(networkContains(network, network)).toBe(true);
        expect(networkContains(network, last)).toBe(true);
        const after = (last.hi << 64n) + last.lo + 1n;
        if (after >> 128n === 0n) {
          const next = { hi: after >> 64n, lo: after & 0xffff_ffff_ffff_ffffn };
          expect(networkContains(network, next)).toBe(false);
        }
      }),
    );
  });

  test.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/255.255.0.0', '10.1.0.0/16'],
    ['10.1.2.3', '10.1.2.3'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:db8::1/32', '2001:db8::/32'],
    ['::/0', '::/0'],
  ])('network %s is %s', (text, canonical) => {
    expect(formatNetwork(parseNetwork(text)!)).toBe(canonical);
  });

  test.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/255.0.255.0', '::/129', '10.0.0.0/8/8'])(
    '%s is no network',
    (text) => expect(parseNetwork(text)).toBeUndefined(),
  );

  test('the first IPv4 network is IPv4', () => {
    expect(isIPv4(parseNetwork('0.0.0.0/0')!)).toBe(true);
    expect(isIPv4(parseAddress('::')!)).toBe(false);
  });
});
