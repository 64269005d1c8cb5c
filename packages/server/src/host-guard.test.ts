import { describe, expect, test } from 'vitest';
import { createHostGuard, hostOf, isCrossSite } from './host-guard.ts';

describe('host guard', () => {
  test.each([
    ['localhost', 'localhost'],
    ['LocalHost:8080', 'localhost'],
    ['127.0.0.1:8080', '127.0.0.1'],
    ['[::1]:8080', '::1'],
    ['[::1]', '::1'],
    [undefined, undefined],
    ['', undefined],
    ['a b', undefined],
    ['user@host', undefined],
    ['host:port', undefined],
    ['::1', undefined],
  ])('reads %s as %s', (header, host) => {
    expect(hostOf(header)).toBe(host);
  });

  test('off loopback, addresses and its own names pass, other names do not', () => {
    const isKnown = createHostGuard('0.0.0.0', ['Flows', '0.0.0.0']);
    expect(['flows:8080', '192.0.2.7', '[2001:db8::1]:80', 'localhost'].map(isKnown)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['evil.example', '192.0.2.7.evil.example', undefined].map(isKnown)).toEqual([false, false, false]);
  });

  test('requests that people or programs make themselves are not cross-site', () => {
    expect(['same-origin', 'none', undefined].map(isCrossSite)).toEqual([false, false, false]);
    expect(['cross-site', 'same-site'].map(isCrossSite)).toEqual([true, true]);
  });
});
