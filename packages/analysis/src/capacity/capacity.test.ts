import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  crossingOf,
  DAYS_NEEDED,
  type DailyValue,
  type Forecast,
  forecastOf,
  weekdayOf,
} from './forecast.ts';
import { hourOfWeekProfile } from './hour-of-week.ts';

/** Numbers of a normal distribution that are the same each time. */
function normal(seed: number): () => number {
  let state = seed * 2_654_435_761 || 1;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 4_294_967_296;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

interface Truth {
  readonly level: number;
  readonly growth: number;
  readonly weekend: number;
  readonly noise: number;
  /** How much a day's noise takes over from the day before. */
  readonly memory: number;
  readonly outliers: number;
}

function series(truth: Truth, count: number, seed: number): DailyValue[] {
  const random = normal(seed);
  const weekends = [0, 6];
  let noise = 0;
  return Array.from({ length: count }, (_, index) => {
    const day = 20_000 + index;
    noise = truth.memory * noise + Math.sqrt(1 - truth.memory ** 2) * truth.noise * random();
    const odd = truth.outliers > 0 && index % truth.outliers === truth.outliers - 1 ? truth.level : 0;
    const season = weekends.includes(weekdayOf(day)) ? -truth.weekend : 0;
    return { day, value: Math.max(0, truth.level + truth.growth * index + season + noise + odd) };
  });
}

const forecast = (values: readonly DailyValue[]): Forecast => {
  const found = forecastOf(values);
  if (found.kind === 'short') throw new Error('too short');
  return found;
};

describe('a forecast', () => {
  test('goes on with a line exactly, and says when it reaches a limit', () => {
    const values = Array.from({ length: 30 }, (_, index) => ({ day: 100 + index, value: 10 + 2 * index }));
    const { growthPerDay, days, weekly } = forecast(values);
    expect(growthPerDay).toBeCloseTo(2, 10);
    expect(weekly).toBe(true);
    expect(days).toHaveLength(30);
    expect(days[4]?.expected).toBeCloseTo(10 + 2 * 34, 8);
    expect(crossingOf(forecast(values), 80).expected).toBe(135);
    expect(crossingOf(forecast(values), 1000)).toEqual({ expected: null, earliest: null, latest: null });
  });

  test('is not made of too few days; unknown days do not count', () => {
    const values = Array.from({ length: 20 }, (_, day) => ({ day, value: day % 2 === 0 ? 5 : null }));
    expect(forecastOf(values)).toEqual({ kind: 'short', days: 10, needed: DAYS_NEEDED });
    expect(forecastOf(values.map(({ day }) => ({ day, value: 5 }))).kind).toBe('forecast');
  });

  test('knows weekends, and one odd day in ten does not move it', () => {
    const truth: Truth = { level: 100, growth: 1, weekend: 40, noise: 0, memory: 0, outliers: 11 };
    const { growthPerDay, weekdayEffects, days } = forecast(series(truth, 90, 1));
    expect(growthPerDay).toBeCloseTo(1, 1);
    expect(weekdayEffects[0]).toBeCloseTo(-40, 0);
    expect(weekdayEffects[3]).toBeCloseTo(0, 0);
    const sunday = days.findIndex(({ day }) => weekdayOf(day) === 0);
    expect(days[sunday]!.expected).toBeCloseTo(100 + 90 + sunday - 40, -1);
  });

  test.each([
    ['quiet and straight', { level: 100, growth: 0.5, weekend: 0, noise: 5, memory: 0, outliers: 0 }],
    ['weekends', { level: 400, growth: 1, weekend: 120, noise: 20, memory: 0, outliers: 0 }],
    [
      'days that hang together',
      { level: 300, growth: -0.3, weekend: 60, noise: 15, memory: 0.5, outliers: 0 },
    ],
    ['odd days', { level: 200, growth: 0.8, weekend: 30, noise: 10, memory: 0.2, outliers: 40 }],
  ] satisfies [string, Truth][])('has about 90 %% of the days to come in its band: %s', (_name, truth) => {
    let [inside, all] = [0, 0];
    for (let seed = 1; seed <= 60; seed++) {
      const [past, ahead] = [45 + (seed % 4) * 30, 30];
      const values = series({ ...truth, outliers: truth.outliers }, past + ahead, seed);
      const { days } = forecast(values.slice(0, past));
      for (const [index, { lower, upper }] of days.slice(0, ahead).entries()) {
        const actual = values[past + index]!.value!;
        if (truth.outliers > 0 && (past + index) % truth.outliers === truth.outliers - 1) continue;
        inside += Number(actual >= lower && actual <= upper);
        all += 1;
      }
    }
    expect(inside / all).toBeGreaterThan(0.85);
    expect(inside / all).toBeLessThan(0.98);
  });

  test('scales with its figures, and its band holds what it expects', () => {
    const values = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 14, maxLength: 60 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 50 }), (list, factor) => {
        const of = (times: number) => forecast(list.map((value, day) => ({ day, value: value * times })));
        const [one, many] = [of(1), of(factor)];
        expect(many.growthPerDay).toBeCloseTo(one.growthPerDay * factor, 6);
        for (const { lower, expected, upper } of one.days) {
          expect(lower).toBeLessThanOrEqual(expected);
          expect(upper).toBeGreaterThanOrEqual(expected);
          expect(lower).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});

test('hours of the week are medians, Monday 00:00 UTC first', () => {
  const monday = Date.UTC(2026, 10, 16) / 3_600_000;
  const weeks = Array.from({ length: 3 * 168 }, (_, index) => (index % 168) + (index >= 336 ? 1000 : 0));
  const profile = hourOfWeekProfile(monday, weeks);
  expect(profile[0]).toBe(0);
  expect(profile[167]).toBe(167);
  expect(hourOfWeekProfile(monday + 1, [7, null])).toEqual([null, 7, ...Array(166).fill(null)]);
});
