import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GROUP_BY } from './flows/dimension.ts';
import { OVERVIEW_VIEW } from './pages/overview-view.ts';
import {
  DEFAULT_SHARED,
  formatView,
  NO_OWN_STATE,
  parseView,
  RANGES,
  rangeBounds,
  shiftedRange,
  type TimeRange,
  widenedRange,
} from './view-state.ts';

const ranges: fc.Arbitrary<TimeRange> = fc.oneof(
  fc.constantFrom(...RANGES, '90s', '3d').map((last): TimeRange => ({ kind: 'last', last })),
  fc
    .tuple(fc.nat(), fc.integer({ min: 1 }))
    .map(([from, length]): TimeRange => ({ kind: 'fixed', from, to: from + length })),
);
const views = fc.record({
  range: ranges,
  filter: fc.string({ unit: 'grapheme' }),
  zone: fc.constantFrom('local' as const, 'utc' as const),
  by: fc.constantFrom(...GROUP_BY),
  top: fc.constantFrom(...GROUP_BY),
  measure: fc.constantFrom('octets' as const, 'packets' as const, 'flows' as const),
});
const NOW = Date.UTC(2026, 4, 3, 12);
const MINUTE = 60_000;

describe('view state', () => {
  test('comes back from the URL as it was', () => {
    fc.assert(
      fc.property(views, (view) => {
        expect(parseView(formatView(view, OVERVIEW_VIEW), OVERVIEW_VIEW)).toEqual(view);
      }),
    );
  });

  test('names its version and leaves defaults out', () => {
    const view = parseView('', OVERVIEW_VIEW);
    expect(formatView(view, OVERVIEW_VIEW)).toBe('?v=1');
    expect(formatView({ ...view, filter: 'port 53', measure: 'flows', zone: 'utc' }, OVERVIEW_VIEW)).toBe(
      '?v=1&filter=port+53&tz=utc&measure=flows',
    );
  });

  test.each([
    '',
    '?',
    '?v=9&filter=tcp',
    '?by=nonsense&top=__proto__&measure=x',
    '?last=3y',
    '?last=-3m',
    '?from=9&to=1',
    '?from=x&to=y',
  ])('takes defaults for what it cannot read in %s', (search) => {
    expect(parseView(search, OVERVIEW_VIEW)).toEqual(parseView('', OVERVIEW_VIEW));
    expect(parseView(search, NO_OWN_STATE)).toEqual(DEFAULT_SHARED);
  });

  test('anything at all is a view', () => {
    fc.assert(
      fc.property(fc.string(), (search) => {
        expect(GROUP_BY).toContain(parseView(search, OVERVIEW_VIEW).by);
      }),
    );
  });
});

describe('a time range', () => {
  test('goes back by its own length, and on until it follows now', () => {
    const earlier = shiftedRange({ kind: 'last', last: '15m' }, -1, NOW);
    expect(earlier).toEqual({ kind: 'fixed', from: NOW - 30 * MINUTE, to: NOW - 15 * MINUTE });
    expect(shiftedRange(earlier, 1, NOW)).toEqual({ kind: 'fixed', from: NOW - 15 * MINUTE, to: NOW });
    expect(shiftedRange(earlier, 1, NOW - 1)).toEqual({ kind: 'last', last: '15m' });
    expect(shiftedRange({ kind: 'last', last: '1h' }, 1, NOW)).toEqual({ kind: 'last', last: '1h' });
  });

  test('widens to twice its length, never beyond now', () => {
    expect(widenedRange({ kind: 'last', last: '15m' }, NOW)).toEqual({ kind: 'last', last: '30m' });
    expect(widenedRange({ kind: 'last', last: '12h' }, NOW)).toEqual({ kind: 'last', last: '24h' });
    expect(widenedRange({ kind: 'fixed', from: NOW - 2 * MINUTE, to: NOW }, NOW)).toEqual({
      kind: 'fixed',
      from: NOW - 4 * MINUTE,
      to: NOW,
    });
  });

  test('keeps its length when it moves, and is longer when it widens', () => {
    fc.assert(
      fc.property(ranges, fc.constantFrom(-1 as const, 1 as const), (range, direction) => {
        const length = ({ from, to }: { from: number; to: number }) => to - from;
        const before = rangeBounds(range, NOW);
        fc.pre(before.to <= NOW && before.from > length(before));
        const moved = rangeBounds(shiftedRange(range, direction, NOW), NOW);
        expect(Math.abs(length(moved) - length(before))).toBeLessThanOrEqual(1);
        expect(length(rangeBounds(widenedRange(range, NOW), NOW))).toBeGreaterThan(length(before));
      }),
    );
  });
});
