import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatNetwork, parseAddress } from '../address.ts';
import { parseFilter } from '../filter-parser.ts';
import { AddressFeeds, parseAddressFeed } from './address-feed.ts';
import { isProbe } from './brute-force.ts';
import { excessScore, findingOf } from './detection.ts';
import { DetectionMemory } from './detection-memory.ts';
import { DETECTIONS } from './detections.ts';

describe('detections', () => {
  test('each is described, has parameters within their bounds, and looks in whole steps', () => {
    expect(new Set(DETECTIONS.map(({ id }) => id)).size).toBe(DETECTIONS.length);
    for (const detection of DETECTIONS) {
      for (const text of [detection.what, detection.formula, detection.source, detection.misses])
        expect(text.length).toBeGreaterThan(20);
      expect(detection.chunkMs % detection.stepMs).toBe(0);
      for (const parameter of detection.parameters) {
        expect(parameter.default).toBeGreaterThanOrEqual(parameter.min);
        expect(parameter.default).toBeLessThanOrEqual(parameter.max);
        expect(detection.formula + JSON.stringify(detection.parameters)).toContain(parameter.name);
      }
    }
  });

  test('a score grows with the excess and stays below 1', () => {
    expect(excessScore(15, 15, 0.45)).toBeCloseTo(0.45, 9);
    expect(excessScore(150, 15, 0.45)).toBeCloseTo(0.9, 9);
    expect(excessScore(1e12, 15, 0.45)).toBe(0.9);
  });

  test('the filter of a finding is in the language', () => {
    const [detection] = DETECTIONS;
    if (detection === undefined) throw new Error('there are detections');
    const finding = findingOf(detection, {
      subject: { kind: 'host', value: '10.0.0.1' },
      score: 7,
      firstMs: 0,
      lastMs: 1,
      range: { fromMs: 0, toMs: 2 },
      filter: 'src host 10.0.0.1 and dst host 2001:db8::1 and src port 1 and dst port 2 and protocol tcp',
      numbers: [],
      explanation: '',
    });
    expect(finding.score).toBe(1);
    expect(() => parseFilter(finding.evidence.filter)).not.toThrow();
  });
});

describe('memory', () => {
  test('keeps what was touched last, as a map that forgets', () => {
    const steps = fc.array(fc.tuple(fc.nat(20), fc.nat(100)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (touched) => {
        const memory = new DetectionMemory(8);
        const order: string[] = [];
        const model = new Map<string, number>();
        for (const [key, value] of touched) {
          memory.set(`${key}`, [value]);
          order.splice(0, order.length, ...order.filter((each) => each !== `${key}`), `${key}`);
          model.set(`${key}`, value);
        }
        const kept = order.slice(-8);
        expect(memory.state().rows).toEqual(kept.map((key) => [key, [model.get(key)]]));
        expect(memory.forgotten).toBe(touched.length === 0 ? 0 : memory.forgotten);
        expect(new DetectionMemory(8, memory.state()).state()).toEqual(memory.state());
      }),
    );
  });
});

describe('feeds', () => {
  const text = `# a list
198.51.100.23
203.0.113.0/24 ; SBL123
"ip","seen"
"2001:db8::/32","2026-05-01"
2026-05-01,198.51.100.99,botnet # comment

0.0.0.0/0
no address`;

  test('addresses and networks of any column; comments, headings and the whole world are none', () => {
    const { networks, badLines } = parseAddressFeed(text);
    expect(networks.map(formatNetwork)).toEqual([
      '198.51.100.23',
      '203.0.113.0/24',
      '2001:db8::/32',
      '198.51.100.99',
    ]);
    expect(badLines).toBe(3);
  });

  test('the longest prefix that lists an address', () => {
    const feeds = new AddressFeeds([
      { name: 'wide', changedMs: 1, ...parseAddressFeed('203.0.113.0/24') },
      { name: 'narrow', changedMs: 2, ...parseAddressFeed('203.0.113.7') },
    ]);
    const find = (address: string) => {
      const parsed = parseAddress(address);
      return parsed === undefined ? undefined : feeds.find(parsed)?.feed.name;
    };
    expect(['203.0.113.7', '203.0.113.8', '203.0.114.7'].map(find)).toEqual(['narrow', 'wide', undefined]);
    expect(feeds.networks()).toHaveLength(2);
  });
});

describe('probes', () => {
  test('come by the clock; guesses do not', () => {
    expect(isProbe(Array.from({ length: 31 }, (_, index) => index * 60_000))).toBe(true);
    expect(isProbe(Array.from({ length: 31 }, (_, index) => index * 2000))).toBe(false);
    expect(isProbe([0, 1, 60_000, 61_000, 200_000, 200_500, 400_000])).toBe(false);
  });
});
