import { describe, expect, test } from 'vitest';
import type { QueryResponse, QueryRow } from '../api/contract.ts';
import { countryLetters } from '../geography/country-code.ts';
import { conversationGraph, goneCount } from './conversation-graph.ts';
import { layoutOf, NARROW, WIDE } from './graph-layout.ts';

const answer = (rows: QueryRow[]): QueryResponse => ({
  from: 0,
  to: 1,
  by: ['srcAddr', 'dstAddr'],
  rows,
  total: { octets: 0, packets: 0, flows: 0 },
  tookMs: 0,
  sql: '',
});
const row = (srcAddr: string | null, dstAddr: string, octets: number, packets = 1): QueryRow => ({
  srcAddr,
  dstAddr,
  octets,
  packets,
});

describe('who talks to whom', () => {
  const traffic = answer([row('a', 'b', 10), row('b', 'a', 5), row('a', 'c', 1), row(null, 'a', 9)]);

  test('both directions are one link, and what has no value is left out', () => {
    const { nodes, links } = conversationGraph({ traffic, drops: undefined, before: undefined });
    expect(links.map(({ octets }) => octets)).toEqual([15, 1]);
    expect(nodes.map(({ value, octets }) => [value, octets])).toEqual([
      ['a', 16],
      ['b', 15],
      ['c', 1],
    ]);
    expect(links.some(({ isNew }) => isNew)).toBe(false);
  });

  test('drops are told apart, also of pairs that carried nothing', () => {
    const drops = answer([row('b', 'a', 0, 4), row('x', 'a', 0, 7)]);
    const { nodes, links } = conversationGraph({ traffic, drops, before: undefined });
    expect(links.map(({ droppedPackets }) => droppedPackets)).toEqual([4, 0, 7]);
    expect(nodes.find(({ value }) => value === 'a')?.droppedPackets).toBe(11);
  });

  test('what was not there before is new, what is not there now is gone', () => {
    const before = answer([row('b', 'a', 1), row('d', 'a', 1)]);
    const graph = conversationGraph({ traffic, drops: undefined, before });
    expect(graph.links.map(({ isNew }) => isNew)).toEqual([false, true]);
    expect(graph.nodes.filter(({ isNew }) => isNew).map(({ value }) => value)).toEqual(['c']);
    expect(goneCount(graph, before)).toBe(1);
  });

  test('the layout is the same for the same graph, inside the drawing, and moves little when it goes on', () => {
    const graph = conversationGraph({ traffic, drops: undefined, before: undefined });
    const places = layoutOf(graph, new Map(), WIDE);
    expect(layoutOf(graph, new Map(), WIDE)).toEqual(places);
    for (const { x, y } of places.values()) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(WIDE.width);
      expect(y).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThanOrEqual(WIDE.height);
    }
    expect(layoutOf({ nodes: [], links: [] }, places, NARROW).size).toBe(0);
  });
});

test('numeric codes of countries', () => {
  expect(['276', '840', '032', '999'].map(countryLetters)).toEqual(['DE', 'US', 'AR', undefined]);
});
