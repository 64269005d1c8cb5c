import { describe, expect, test } from 'vitest';
import {
  formatCount,
  formatOctets,
  formatPerSecond,
  formatQuantity,
  formatShare,
  quantity,
} from './quantity.ts';
import { formatAgo, formatDuration } from './time.ts';

describe('quantities', () => {
  test.each([
    [0, '0 b/s'],
    [999, '999 b/s'],
    [999.6, '1.00 kb/s'],
    [1234, '1.23 kb/s'],
    [12_345_678, '12.3 Mb/s'],
    [123_456_789, '123 Mb/s'],
    [0.256, '0.26 b/s'],
    [-1500, '−1.50 kb/s'],
    [1e30, '1000000000000 Eb/s'],
  ])('%s is %s', (value, text) => {
    expect(formatQuantity(value, 'b/s')).toBe(text);
  });

  test('what is not known is a dash', () => {
    expect(quantity(Number.NaN, 'b/s')).toEqual({ figure: '–', unit: 'b/s' });
  });

  test('counts, octets, rates, shares', () => {
    expect([formatCount(9812), formatCount(12_345)]).toEqual(['9,812', '12.3 k']);
    expect(formatOctets(1_200_000)).toBe('1.20 MB');
    expect([formatPerSecond(5.87), formatPerSecond(1310)]).toEqual(['5.87 /s', '1,310 /s']);
    expect([
      formatShare(1, 3),
      formatShare(1, 1e6),
      formatShare(0, 5),
      formatShare(5, 5),
      formatShare(1, 0),
    ]).toEqual(['33.3 %', '<0.1 %', '0 %', '100 %', '–']);
  });
});

describe('times', () => {
  test.each([
    [-5, '0 ms'],
    [0.25, '0.3 ms'],
    [120, '120 ms'],
    [4200, '4.2 s'],
    [59_960, '1 min 00 s'],
    [185_000, '3 min 05 s'],
    [7_800_000, '2 h 10 min'],
    [273_600_000, '3 d 4 h'],
  ])('%s ms is %s', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });

  test('how long ago', () => {
    const ago = (seconds: number): string => formatAgo(1_000_000_000 - seconds * 1000, 1_000_000_000);
    expect([-9, 1, 12, 300, 10_800, 400_000].map(ago)).toEqual([
      'now',
      'now',
      '12 s ago',
      '5 min ago',
      '3 h ago',
      '5 d ago',
    ]);
  });
});
