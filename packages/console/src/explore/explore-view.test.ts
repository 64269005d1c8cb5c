import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatView, parseView } from '../view-state.ts';
import { CHART_KINDS, EXPLORE_VIEW, LIMITS, moved, UNITS } from './explore-view.ts';
import { negated, previousBounds, sharesOf, statisticsOf, totalOf } from './series-figures.ts';

const views = fc.record({
  by: fc.uniqueArray(fc.constantFrom('srcAddr', 'dstAddr/24', 'protocol', 'dstPort', 'exporter'), {
    minLength: 1,
  }),
  chart: fc.constantFrom(...CHART_KINDS),
  unit: fc.constantFrom(...UNITS),
  limit: fc.constantFrom(...LIMITS),
  previous: fc.boolean(),
  both: fc.boolean(),
});

describe('the state of the explorer', () => {
  test('comes back from the URL as it was', () => {
    fc.assert(
      fc.property(views, (own) => {
        const view = { ...parseView('', EXPLORE_VIEW), ...own };
        expect(parseView(formatView(view, EXPLORE_VIEW), EXPLORE_VIEW)).toEqual(view);
      }),
    );
  });

  test.each([
    ['?by=', ['srcAddr']],
    ['?by=nonsense,octets,__proto__', ['srcAddr']],
    ['?by=SrcPort,srcport,proto', ['srcPort', 'protocol']],
    ['?by=srcAddr/24,srcAddr/24', ['srcAddr/24']],
  ])('%s groups by %j', (search, by) => {
    expect(parseView(search, EXPLORE_VIEW).by).toEqual(by);
  });

  test('an entry is put to another place', () => {
    expect(moved(['a', 'b', 'c'], 0, 2)).toEqual(['b', 'c', 'a']);
    expect(moved(['a', 'b', 'c'], 2, 0)).toEqual(['c', 'a', 'b']);
    expect(moved(['a', 'b'], 1, 9)).toEqual(['a', 'b']);
  });
});

describe('figures of a series', () => {
  test('total, shares, and the other direction', () => {
    const lines = [
      [1, 2],
      [3, 0],
    ];
    expect(totalOf(lines, 2)).toEqual([4, 2]);
    expect(sharesOf([1, 2], [4, 2])).toEqual([25, 100]);
    expect(sharesOf([0], [0])).toEqual([0]);
    expect(negated([1, 0])).toEqual([-1, 0]);
  });

  test('the 95th percentile is the highest of what is left when the top twentieth is dropped', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(statisticsOf(values)).toEqual({ min: 1, max: 100, last: 100, p95: 95 });
    expect(statisticsOf([])).toEqual({ min: 0, max: 0, last: 0, p95: 0 });
  });

  test('the period before ends where this one begins', () => {
    expect(previousBounds({ from: 100, to: 130 })).toEqual({ from: 70, to: 100 });
  });
});
