import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SeriesAnswer } from './answers.ts';
import { seriesPatch, wholeSeries } from './series-patch.ts';

const STEP_MS = 10;

/** Values by line and step of time; what is missing is zero. */
function answer(from: number, count: number, values: Record<string, number[]>): SeriesAnswer {
  const times = Array.from({ length: count }, (_, index) => from + index * STEP_MS);
  const series = Object.entries(values).map(([key, octets]) => {
    const all = times.map((_, index) => octets[index] ?? 0);
    return { key: key === 'other' ? null : [key], octets: all, packets: all, flows: all };
  });
  return { from, to: from + count * STEP_MS, stepMs: STEP_MS, by: ['protocol'], times, series, tookMs: 0 };
}

/** What a receiver makes of it, the plain way: a map from line and time to value. */
function cells(series: Pick<SeriesAnswer, 'times' | 'series'>): Map<string, number> {
  return new Map(
    series.series.flatMap((line) =>
      series.times.map((time, index): [string, number] => [`${line.key} ${time}`, line.octets[index] ?? 0]),
    ),
  );
}

describe('series patch', () => {
  test('is nothing when nothing changed', () => {
    const same = answer(0, 3, { tcp: [1, 2, 3] });
    expect(seriesPatch(same, { ...same, tookMs: 9 })).toBeUndefined();
  });

  test('starts at the first step that changed', () => {
    const patch = seriesPatch(answer(0, 4, { tcp: [1, 2, 3, 4] }), answer(10, 4, { tcp: [2, 3, 9, 5] }));
    expect(patch).toMatchObject({ from: 10, fromTime: 30, times: [30, 40], series: [{ octets: [9, 5] }] });
  });

  test('is everything when a line comes or goes', () => {
    const next = answer(0, 2, { tcp: [1, 2], udp: [0, 1] });
    expect(seriesPatch(answer(0, 2, { tcp: [1, 2] }), next)).toEqual(wholeSeries(next));
  });

  test('together with what was there it makes the new answer', () => {
    const values = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 6, maxLength: 6 });
    const lines = fc.record({ tcp: values, udp: values, other: values });
    fc.assert(
      fc.property(lines, lines, fc.integer({ min: 0, max: 8 }), (before, after, shift) => {
        const previous = answer(0, 6, before);
        const next = answer(shift * STEP_MS, 6, after);
        const patch = seriesPatch(previous, next) ?? {
          ...next,
          fromTime: next.to,
          times: [],
          series: next.series,
        };
        const made = new Map(
          [...cells(previous)].filter(([cell]) => {
            const time = Number(cell.split(' ')[1]);
            return time >= next.from && time < patch.fromTime;
          }),
        );
        for (const [cell, value] of cells(patch)) made.set(cell, value);
        expect(made).toEqual(cells(next));
      }),
    );
  });
});
