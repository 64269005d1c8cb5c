import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GROUP_BY } from './flows/dimension.ts';
import {
  DEFAULT_VIEW,
  formatViewState,
  parseViewState,
  RANGES,
  type TimeRange,
  type ViewState,
} from './view-state.ts';

const ranges: fc.Arbitrary<TimeRange> = fc.oneof(
  fc.constantFrom(...RANGES).map((last): TimeRange => ({ kind: 'last', last })),
  fc
    .tuple(fc.nat(), fc.integer({ min: 1 }))
    .map(([from, length]): TimeRange => ({ kind: 'fixed', from, to: from + length })),
);
const views: fc.Arbitrary<ViewState> = fc.record({
  range: ranges,
  filter: fc.string({ unit: 'grapheme' }),
  by: fc.constantFrom(...GROUP_BY),
  top: fc.constantFrom(...GROUP_BY),
  measure: fc.constantFrom('octets', 'packets', 'flows'),
});

describe('view state', () => {
  test('comes back from the URL as it was', () => {
    fc.assert(
      fc.property(views, (view) => {
        expect(parseViewState(formatViewState(view))).toEqual(view);
      }),
    );
  });

  test('names its version and leaves defaults out', () => {
    expect(formatViewState(DEFAULT_VIEW)).toBe('?v=1');
    expect(formatViewState({ ...DEFAULT_VIEW, filter: 'port 53', measure: 'flows' })).toBe(
      '?v=1&filter=port+53&measure=flows',
    );
  });

  test.each([
    '',
    '?',
    '?v=9&filter=tcp',
    '?by=nonsense&top=__proto__&measure=x',
    '?last=3m',
    '?from=9&to=1',
    '?from=x&to=y',
  ])('takes defaults for what it cannot read in %s', (search) => {
    expect(parseViewState(search)).toEqual(DEFAULT_VIEW);
  });

  test('anything at all is a view', () => {
    fc.assert(
      fc.property(fc.string(), (search) => {
        expect(GROUP_BY).toContain(parseViewState(search).by);
      }),
    );
  });
});
