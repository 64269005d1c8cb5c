/** RITA's published examples and edge cases (activecm/rita, analysis/beacons_test.go), to three decimals. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BEACON_IMPACT,
  beaconScore,
  bimodalScore,
  bowleySkewness,
  coefficientOfVariationScore,
  combinedBeaconScore,
  connectionHistogram,
  dataSizeScore,
  durationScore,
  impactScore,
  LONG_CONNECTION_IMPACT,
  longestRun,
  medianAbsoluteDeviation,
  statisticalScore,
  timestampScore,
} from './beacon-score.ts';

const RANDOM_GAPS = [1, 2, 25, 42, 90, 299, 500, 1500, 4975];
const RANDOM_SIZES = [524_885, 1, 5000, 98_654, 50, 41, 965_842, 3];
const sorted = (values: readonly number[]) => [...values].sort((one, other) => one - other);

function timesWithGaps(gaps: readonly number[]): number[] {
  const times = [1_517_338_924];
  for (const gap of gaps) times.push((times.at(-1) ?? 0) + gap);
  return times;
}

describe('skew', () => {
  test.each([
    ['a simple list', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0],
    ['perfect intervals', new Array<number>(9).fill(60), 0],
    ['regular intervals', [98, 99, 99, 100, 100, 100, 101, 101, 102], 0],
    ['random intervals', RANDOM_GAPS, 0.845],
    ['random sizes', sorted(RANDOM_SIZES), 0.984],
    ['Q1 = Q2', [7, 7, 7, 7, 7, 8, 8, 8, 8], 0],
    ['Q2 = Q3', [1, 1, 2, 2, 2, 2], 0],
  ])('%s', (_, values, skew) => expect(bowleySkewness(values)).toBeCloseTo(skew, 3));
});

describe('median absolute deviation', () => {
  test.each([
    [[1, 2, 2, 3, 3, 3, 4, 5, 5], 1],
    [[11, 12, 12, 14, 15, 16], 1.5],
    [[1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 5500], 1250],
  ])('%j', (values, mad) => expect(medianAbsoluteDeviation(values)).toBeCloseTo(mad, 3));
});

describe('timestamps', () => {
  test.each([
    ['regular', [98, 99, 99, 100, 100, 100, 101, 101, 102], 0, 1, 0.995],
    ['bimodal', [98, 300, 98, 300, 98, 300, 98, 300, 98, 300], 0, 101, 0.746],
    ['random', [1, 299, 25, 4975, 90, 2, 42, 500, 1500], 0.845, 89, 0.083],
  ])('%s gaps', (_, gaps, skew, mad, score) => {
    const scored = timestampScore(timesWithGaps(gaps));
    expect(scored?.score).toBeCloseTo(score, 3);
    expect(scored?.skew).toBeCloseTo(skew, 3);
    expect(scored?.mad).toBeCloseTo(mad, 3);
  });

  test('gaps of 0 do not count; too few that do have no score', () => {
    expect(timestampScore(timesWithGaps([60, 0, 60, 0, 60, 60]))?.score).toBe(1);
    expect(timestampScore(new Array<number>(9).fill(60))).toBeUndefined();
    expect(timestampScore([1, 2])).toBeUndefined();
    expect(timestampScore([])).toBeUndefined();
  });
});

describe('sizes', () => {
  test.each([
    ['a simple list', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 2.5, 0.773],
    ['identical', new Array<number>(9).fill(60), 0, 1],
    ['close', [98, 99, 99, 100, 100, 100, 101, 101, 102], 1, 0.995],
    ['random', RANDOM_SIZES, 2523, 0.008],
    ['only 0', new Array<number>(10).fill(0), 0, 0.5],
  ])('%s', (_, sizes, mad, score) => {
    expect(dataSizeScore(sizes)?.score).toBeCloseTo(score, 3);
    expect(dataSizeScore(sizes)?.mad).toBeCloseTo(mad, 3);
  });

  test('two sizes are too few; a median of 0 takes the default', () => {
    expect(dataSizeScore([100, 200])).toBeUndefined();
    expect(statisticalScore(new Array<number>(10).fill(0), 1).score).toBe(1);
  });
});

describe('histogram', () => {
  test.each([
    ['even', new Array<number>(10).fill(1), 1],
    ['nearly even', [950, 970, 990, 1010, 1030, 1050, 1070], 0.96],
    ['hardly different', [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009], 0.997],
    ['very different', [1, 5, 10, 50, 100, 500, 1000, 5000, 10_000], 0],
  ])('coefficient of variation: %s', (_, bins, score) =>
    expect(coefficientOfVariationScore(bins)).toBeCloseTo(score, 3),
  );

  test('bins of a day; the last second is in the last one', () => {
    const bins = connectionHistogram([0, 3599, 3600, 86_400], 0, 86_400);
    expect([bins[0], bins[1], bins[23]]).toEqual([2, 1, 1]);
  });

  test('two heights are bimodal, from eleven hours on', () => {
    expect(bimodalScore(Array.from({ length: 24 }, (_, hour) => (hour % 2 === 0 ? 10 : 100)))).toBe(1);
    expect(bimodalScore([...new Array<number>(10).fill(10), 0])).toBe(0);
    // 12 bars: 5 of the height 10, 3 of 50, one each of others; one outlier is forgiven: 8 of 11.
    expect(bimodalScore([10, 10, 10, 10, 10, 50, 50, 50, 70, 80, 90, 100])).toBeCloseTo(0.727, 3);
  });

  test('the longest run goes on past the end', () => {
    expect(longestRun([1, 1, 0, 0, 1])).toBe(3);
    expect(longestRun([0, 0, 0])).toBe(0);
    expect(longestRun(new Array<number>(24).fill(2))).toBe(24);
  });
});

describe('duration', () => {
  test('needs six hours; coverage and consistency are rounded up, and 1 at most', () => {
    expect(durationScore(86_400, 86_400, 5, 5).score).toBe(0);
    expect(durationScore(43_200, 86_400, 6, 6)).toEqual({ score: 0.5, coverage: 0.5, consistency: 0.5 });
    expect(durationScore(28_801, 86_400, 8, 8)).toEqual({
      score: 0.667,
      coverage: 0.334,
      consistency: 0.667,
    });
    expect(durationScore(90_000, 86_400, 24, 24).score).toBe(1);
  });
});

describe('the whole', () => {
  test('is a quarter of each', () => {
    expect(combinedBeaconScore(0.5, 0.5, 0.5, 0.5)).toBe(0.5);
    expect(combinedBeaconScore(1, 0.995, 0.746, 0.083)).toBe(0.706);
  });

  test('a beacon every five minutes for a day has 1', () => {
    const times = Array.from({ length: 288 }, (_, index) => index * 300);
    const score = beaconScore(times, new Array<number>(288).fill(640), 0, 86_400);
    expect(score).toMatchObject({
      score: 1,
      times: { score: 1 },
      sizes: { score: 1 },
      histogram: { score: 1 },
    });
  });

  test('every score is from 0 to 1, whatever the times and sizes', () => {
    const times = fc.array(fc.nat(86_400), { minLength: 4, maxLength: 300 });
    fc.assert(
      fc.property(times, fc.array(fc.nat(1_000_000), { minLength: 3, maxLength: 300 }), (some, sizes) => {
        const score = beaconScore(sorted(some), sizes, 0, 86_400);
        if (score === undefined) return;
        for (const part of [
          score.score,
          score.times.score,
          score.sizes.score,
          score.histogram.score,
          score.duration.score,
        ]) {
          expect(part).toBeGreaterThanOrEqual(0);
          expect(part).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  test('its severity lies between the thresholds of RITA', () => {
    expect([40, 50, 60, 70, 90, 95, 100].map((score) => impactScore(score, BEACON_IMPACT))).toEqual([
      0, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8,
    ]);
    expect(impactScore(6 * 3600, LONG_CONNECTION_IMPACT)).toBe(0.5);
    expect(impactScore(1e9, LONG_CONNECTION_IMPACT)).toBe(0.8);
  });
});
