import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Contribution, explainChange, explanatoryPower, surprise } from './contribution.ts';

const of = (expected: number, actual: number): Contribution => ({ expected, actual });

describe('a fall from 100 to 50, seen by three dimensions', () => {
  const total = of(100, 50);
  const dimensions = {
    dataCentre: [of(94, 47), of(6, 3)],
    advertiser: [of(50, 24), of(20, 21), of(20, 4), of(10, 1)],
    device: [of(50, 49), of(25, 1), of(25, 0)],
  };

  test('explanatory powers are shares of the change, and may be negative', () => {
    expect(dimensions.advertiser.map((each) => explanatoryPower(each, total))).toEqual([
      0.52, -0.02, 0.32, 0.18,
    ]);
    expect(dimensions.device.map((each) => explanatoryPower(each, total))).toEqual([0.02, 0.48, 0.5]);
  });

  test('surprise is the part of the Jensen-Shannon divergence, to three decimals', () => {
    expect(surprise(of(94, 47), total)).toBeCloseTo(0, 10);
    // p = 0.25, q = 0: 0.5 · 0.25 · ln 2
    expect(surprise(of(25, 0), total)).toBeCloseTo(0.087, 3);
    // p = 0.25, q = 0.02: 0.5 · (0.25 · ln(0.5 / 0.27) + 0.02 · ln(0.04 / 0.27))
    expect(surprise(of(25, 1), total)).toBeCloseTo(0.058, 3);
    // p = 0.5, q = 0.98: 0.5 · (0.5 · ln(1 / 1.48) + 0.98 · ln(1.96 / 1.48))
    expect(surprise(of(50, 49), total)).toBeCloseTo(0.04, 3);
  });

  test('the device explains it best: mobile and tablet; the data centre, which lost evenly, least', () => {
    const explained = explainChange(total, dimensions);
    expect(explained.map(({ dimension }) => dimension)).toEqual(['device', 'advertiser', 'dataCentre']);
    expect(explained[0]?.values.map(({ value }) => value)).toEqual([of(25, 0), of(25, 1)]);
    expect(explained[0]?.explanatoryPower).toBeCloseTo(0.98, 10);
    expect(explained[2]?.values.map(({ value }) => value)).toEqual([of(94, 47)]);
  });
});

test('what is new explains a growth from nothing', () => {
  const explained = explainChange(of(0, 10), { a: [of(0, 9), of(0, 1)] });
  expect(explained[0]?.values.map(({ explanatoryPower }) => explanatoryPower)).toEqual([0.9]);
});

test('no change has no explanation', () => {
  expect(explainChange(of(5, 5), { a: [of(5, 0), of(0, 5)] })).toEqual([]);
});

test('the powers of all values of a dimension sum up to 1, and surprise is the divergence of the shares', () => {
  const value = fc.tuple(fc.nat(1000), fc.nat(1000)).map(([expected, actual]) => of(expected, actual));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (values) => {
      const total = of(
        values.reduce((sum, { expected }) => sum + expected, 0),
        values.reduce((sum, { actual }) => sum + actual, 0),
      );
      fc.pre(total.actual !== total.expected && total.actual > 0 && total.expected > 0);
      const powers = values.map((each) => explanatoryPower(each, total));
      expect(powers.reduce((sum, power) => sum + power, 0)).toBeCloseTo(1, 8);
      const divergence = values.reduce((sum, each) => sum + surprise(each, total), 0);
      expect(divergence).toBeGreaterThanOrEqual(-1e-12);
      expect(divergence).toBeLessThanOrEqual(Math.LN2 + 1e-12);
    }),
  );
});
