import fc from 'fast-check';
import { expect, test } from 'vitest';
import { baselineAt, deviationOf, deviationsAbove, medianOf } from './baseline.ts';
import { HOUR_MS, hourOfWeek, hourOfWeekText, hourStartOf, WEEK_MS, weekNumber } from './hour-of-week.ts';

/** A Monday, 10:00 UTC. */
const MONDAY = Date.parse('2026-11-16T10:00:00Z');
const weeksBefore = (...values: number[]) =>
  values.map((value, index) => ({ hourMs: MONDAY - (index + 1) * WEEK_MS, value }));

test('hours of the week begin on Monday, in UTC, on either side of the epoch’s Thursday', () => {
  expect(hourOfWeek(Date.parse('2026-11-16T00:00:00Z'))).toBe(0);
  expect(hourOfWeek(Date.parse('2026-11-22T23:59:59.999Z'))).toBe(167);
  expect(hourOfWeek(0)).toBe(72);
  expect(hourOfWeekText(hourOfWeek(Date.parse('2026-11-22T03:10:00Z')))).toBe('Sunday 03:00');
  expect(weekNumber(Date.parse('2026-11-16T00:00:00Z'))).toBe(
    weekNumber(Date.parse('2026-11-15T23:59:00Z')) + 1,
  );
  expect(hourStartOf(MONDAY + 59)).toBe(MONDAY);
});

test('daylight saving changes nothing: 168 hours later is the same hour', () => {
  const before = Date.parse('2026-10-20T02:00:00+02:00');
  expect(hourOfWeek(before)).toBe(hourOfWeek(before + WEEK_MS));
});

test('median and MAD of the same hour of the weeks before', () => {
  // Median of 10, 12, 14, 100 is 13; deviations 3, 1, 1, 87: MAD 2.
  expect(baselineAt(MONDAY, weeksBefore(10, 12, 14, 100))).toEqual({
    basis: 'hour-of-week',
    samples: 4,
    median: 13,
    mad: 2,
    low: 13 - 3 * 1.4826 * 2,
    high: 13 + 3 * 1.4826 * 2,
  });
});

test('with few weeks, the same hour of other working days stands in; the weekend does not', () => {
  const days = [1, 2, 3, 4].map((days) => ({ hourMs: MONDAY - days * 24 * HOUR_MS, value: days }));
  // Sunday and Saturday are left out.
  expect(baselineAt(MONDAY, days)).toBeUndefined();
  const more = [...days, { hourMs: MONDAY - 5 * 24 * HOUR_MS, value: 5 }];
  expect(baselineAt(MONDAY, more)).toMatchObject({ basis: 'hour-of-day', samples: 3, median: 4 });
});

test('a day of hours is a baseline of last resort, less is none; the hour itself and later ones do not count', () => {
  const hours = Array.from({ length: 24 }, (_, index) => ({
    hourMs: MONDAY - (index + 1) * HOUR_MS,
    value: 7,
  }));
  expect(baselineAt(MONDAY, hours)).toMatchObject({ basis: 'all-hours', samples: 24, median: 7 });
  expect(baselineAt(MONDAY, hours.slice(1))).toBeUndefined();
  expect(baselineAt(MONDAY, [])).toBeUndefined();
  expect(
    baselineAt(
      MONDAY,
      [0, 1, 2, 3].map((weeks) => ({ hourMs: MONDAY + weeks * WEEK_MS, value: 1 })),
    ),
  ).toBeUndefined();
});

test('the spread of steady traffic is a tenth of its median, not nothing', () => {
  const baseline = baselineAt(MONDAY, weeksBefore(100, 100, 100));
  expect(baseline).toMatchObject({ median: 100, mad: 0 });
  if (baseline === undefined) throw new Error('there is one');
  expect(deviationOf(baseline)).toBe(10);
  expect(deviationsAbove(160, baseline)).toBe(6);
  expect(deviationsAbove(160, baseline, 20)).toBe(3);
});

test('of what never was, anything is infinitely far above, and nothing is usual', () => {
  const baseline = baselineAt(MONDAY, weeksBefore(0, 0, 0));
  if (baseline === undefined) throw new Error('there is one');
  expect(deviationsAbove(1, baseline)).toBe(Number.POSITIVE_INFINITY);
  expect(deviationsAbove(0, baseline)).toBe(0);
});

test('the median has as many values below as above', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1, maxLength: 30 }), (values) => {
      const median = medianOf(values);
      const below = values.filter((value) => value < median).length;
      const above = values.filter((value) => value > median).length;
      expect(Math.max(below, above)).toBeLessThanOrEqual(values.length / 2);
    }),
  );
});
