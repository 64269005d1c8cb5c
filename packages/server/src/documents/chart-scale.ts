/** Axis and places of a chart, for whoever draws it. */
import type { ChartBlock } from './document.ts';

export interface ChartScale {
  /** Top of the axis, never 0. */
  readonly max: number;
  /** From 0 to `max`. */
  readonly ticks: readonly number[];
}

const TICKS = 4;

/** An axis from zero to a round number that nothing exceeds. */
export function chartScale({ series, lines = [] }: ChartBlock): ChartScale {
  let top = 0;
  for (const { values } of series) for (const value of values) top = Math.max(top, value ?? 0);
  for (const { value } of lines) top = Math.max(top, value);
  const step = roundUp(top / TICKS);
  return { max: step * TICKS, ticks: Array.from({ length: TICKS + 1 }, (_, index) => index * step) };
}

function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10].find((each) => each * power >= value * 0.999_999);
  return (factor ?? 10) * power;
}

export const tickText = (value: number): string => String(Number(value.toPrecision(4)));

/** Which labels have room: at most `count`, the first among them, evenly apart. */
export function labelIndexes(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, index) => index);
  const step = Math.ceil(length / count);
  return Array.from({ length: Math.ceil(length / step) }, (_, index) => index * step);
}

const POINTS_MAX = 600;

/**
 * A chart with no more points than the eye tells apart: of neighbours only the largest value of each series stays, so no
 * peak is lost. The labels are those of the first of the neighbours.
 */
export function thinned(chart: ChartBlock): ChartBlock {
  const size = Math.ceil(chart.labels.length / POINTS_MAX);
  if (size <= 1 || chart.shape === 'bar') return chart;
  const groups = Array.from({ length: Math.ceil(chart.labels.length / size) }, (_, index) => index * size);
  const largest = (values: readonly (number | null)[], from: number): number | null => {
    const present = values.slice(from, from + size).filter((value) => value !== null);
    return present.length === 0 ? null : Math.max(...present);
  };
  return {
    ...chart,
    labels: groups.map((from) => chart.labels[from] ?? ''),
    series: chart.series.map((series) => ({
      ...series,
      values: groups.map((from) => largest(series.values, from)),
    })),
  };
}
