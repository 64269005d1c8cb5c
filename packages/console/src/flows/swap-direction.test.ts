import { describe, expect, test } from 'vitest';
import { oppositeField, swapDirection } from './swap-direction.ts';

describe('the other direction', () => {
  test.each([
    ['srcAddr = 10.0.0.1 and dstPort = 443', 'dstAddr = 10.0.0.1 and srcPort = 443'],
    ['src host 10.0.0.1', 'dst host 10.0.0.1'],
    ['sport 53 or dport > 1024', 'dstPort 53 or srcPort > 1024'],
    ['in if 3', 'out if 3'],
    ['srcPort in (53, 443)', 'dstPort in (53, 443)'],
    ['host 10.0.0.1 port 53', 'host 10.0.0.1 port 53'],
    ['srcName = "src dst"', 'dstName = "src dst"'],
    ['ingress', 'egress'],
    ['', ''],
  ])('%s', (filter, swapped) => {
    expect(swapDirection(filter)).toBe(swapped);
    if (!filter.includes('sport')) expect(swapDirection(swapped)).toBe(filter);
  });

  test('of dimensions', () => {
    expect(['srcAddr/24', 'inIf', 'outVrf', 'protocol', 'srcMac'].map(oppositeField)).toEqual([
      'dstAddr/24',
      'outIf',
      'inVrf',
      'protocol',
      'dstMac',
    ]);
  });
});
