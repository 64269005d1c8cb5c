import { formatIPv6, parseIPv4, parseIPv6 } from '@weir/ipfix';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCryptoPan, createTruncation } from './crypto-pan.ts';

/** Key and addresses of the sample trace that comes with the authors' own implementation. */
const REFERENCE_KEY = Uint8Array.of(
  ...[21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16],
  ...[216, 152, 143, 131, 121, 121, 101, 39, 98, 87, 76, 45, 42, 132, 34, 2],
);

function octetsOf4(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

function sharedBits(a: Uint8Array, b: Uint8Array): number {
  const bits = (octets: Uint8Array) =>
    [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  const [left, right] = [bits(a), bits(b)];
  let shared = 0;
  while (shared < left.length && left[shared] === right[shared]) shared += 1;
  return shared;
}

describe('Crypto-PAn', () => {
  test.each([
    ['128.11.68.132', '135.242.180.132'],
    ['129.118.74.4', '134.136.186.123'],
    ['130.132.252.244', '133.68.164.234'],
    ['141.223.7.43', '141.167.8.160'],
    ['152.163.225.39', '151.140.114.167'],
    ['166.107.77.190', '160.132.178.185'],
    ['192.102.249.13', '252.138.62.131'],
    ['198.51.77.238', '249.18.186.254'],
    ['203.12.160.252', '244.248.163.4'],
    ['212.206.130.201', '228.69.242.193'],
    ['24.0.250.221', '100.15.198.226'],
    ['38.15.67.68', '64.3.66.187'],
    ['4.3.88.225', '124.60.155.63'],
    ['64.39.15.238', '0.219.7.41'],
    ['10.185.25.118', '117.161.29.118'],
  ])('the reference: %s becomes %s', (address, expected) => {
    const mapped = createCryptoPan(REFERENCE_KEY)(octetsOf4(address));
    expect([...mapped].join('.')).toBe(expected);
  });

  test('another well-known pair', () => {
    const key = new TextEncoder().encode('boojahyoo3vaeToong0Eijee7Ahz3yee');
    expect([...createCryptoPan(key)(octetsOf4('192.0.2.1'))].join('.')).toBe('206.2.124.120');
  });

  test.each([
    ['::1', '78ff:f001:9fc0:20df:8380:b1f1:704:ed'],
    ['::2', '78ff:f001:9fc0:20df:8380:b1f1:704:ef'],
    ['2001:db8::1', '4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e'],
    ['2001:db8::2', '4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c'],
  ])('as other implementations have it for IPv6: %s becomes %s', (address, expected) => {
    const mapped = createCryptoPan(REFERENCE_KEY)(parseIPv6(address) ?? new Uint8Array(16));
    expect(formatIPv6(mapped, 0)).toBe(expected);
  });

  test.each([4, 16])('addresses of %i octets share as many leading bits as before', (octets) => {
    const address = fc.uint8Array({ minLength: octets, maxLength: octets });
    const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(key, address, address, (secret, a, b) => {
        const map = createCryptoPan(secret);
        expect(sharedBits(map(a), map(b))).toBe(sharedBits(a, b));
      }),
    );
  });
});

test('truncation keeps the leading bits', () => {
  const map = createTruncation(20, 52);
  expect([...map(parseIPv4('192.0.255.255') ?? new Uint8Array(4))]).toEqual([192, 0, 240, 0]);
  const mapped = map(parseIPv6('2001:db8:ffff:ffff:ffff::1') ?? new Uint8Array(16));
  expect(formatIPv6(mapped, 0)).toBe('2001:db8:ffff:f000::');
  expect([...createTruncation(0, 0)(octetsOf4('1.2.3.4'))]).toEqual([0, 0, 0, 0]);
  expect([...createTruncation(32, 128)(octetsOf4('1.2.3.4'))]).toEqual([1, 2, 3, 4]);
});
