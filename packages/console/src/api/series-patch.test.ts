import { describe, expect, test } from 'vitest';
import type { SeriesPatch, SeriesResponse } from './contract.ts';
import { applySeriesPatch } from './series-patch.ts';

function series(from: number, values: Record<string, number[]>, count: number): SeriesResponse {
  return {
    from,
    to: from + count * 10,
    stepMs: 10,
    by: ['protocol'],
    times: Array.from({ length: count }, (_, index) => from + index * 10),
    series: Object.entries(values).map(([key, all]) => ({
      key: key === 'other' ? null : [key],
      octets: all,
      packets: all,
      flows: all,
    })),
    tookMs: 1,
  };
}

function patchOf(whole: SeriesResponse, fromTime: number): SeriesPatch {
  const first = whole.times.findIndex((time) => time >= fromTime);
  const cut = (values: number[]): number[] => values.slice(first);
  return {
    ...whole,
    fromTime,
    times: whole.times.slice(first),
    series: whole.series.map(({ key, octets, packets, flows }) => ({
      key,
      octets: cut(octets),
      packets: cut(packets),
      flows: cut(flows),
    })),
  };
}

describe('series patch', () => {
  const before = series(0, { tcp: [1, 2, 3, 4], other: [9, 9, 9, 9] }, 4);
  const after = series(10, { other: [9, 9, 8, 7], tcp: [2, 3, 5, 6] }, 4);

  test('replaces the end, forgets what left the window, follows the new order', () => {
    expect(applySeriesPatch(before, patchOf(after, 30))).toEqual(after);
  });

  test('a whole one needs nothing before it', () => {
    const whole = { ...after, fromTime: after.from };
    expect(applySeriesPatch(undefined, whole)).toEqual(after);
    expect(applySeriesPatch(before, whole)).toEqual(after);
  });

  test('another step is another series', () => {
    expect(applySeriesPatch({ ...before, stepMs: 5 }, patchOf(after, 30)).times).toEqual([30, 40]);
  });
});
