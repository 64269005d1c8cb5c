/** Lines with gaps, a band, and limits across, of ECharts; loaded when the first such chart is shown. */
import { LineChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { formatDateTime } from '../format/time.ts';
import type { CanvasEngine } from './canvas-chart.tsx';
import { axisTime, colourReader } from './chart-engine.ts';

use([LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

export interface TrendLine {
  readonly name: string;
  /** A CSS custom property. */
  readonly colour: string;
  /** One for each time; null leaves a gap. */
  readonly values: readonly (number | null)[];
  readonly dashed?: boolean;
}

export interface TrendModel {
  readonly times: readonly number[];
  readonly lines: readonly TrendLine[];
  readonly band?:
    | {
        readonly name: string;
        readonly colour: string;
        readonly lower: readonly (number | null)[];
        readonly upper: readonly (number | null)[];
      }
    | undefined;
  /** Horizontal lines. */
  readonly limits: readonly { readonly name: string; readonly value: number; readonly colour: string }[];
  readonly formatValue: (value: number) => string;
}

/** Draws into `element`. Names reach the page as text only. */
export function createTrendEngine(element: HTMLElement): CanvasEngine<TrendModel> {
  const chart = init(element, null, { renderer: 'canvas' });
  const resize = new ResizeObserver(() => chart.resize({ animation: { duration: 0 } }));
  resize.observe(element);
  return {
    update: (model) =>
      chart.setOption(optionOf(model, colourReader(element)), {
        replaceMerge: ['series'],
        lazyUpdate: false,
      }),
    dispose() {
      resize.disconnect();
      chart.dispose();
    },
  };
}

type Colour = (property: string) => string;
type Point = [number, number | null];

function optionOf(model: TrendModel, colour: Colour) {
  const from = model.times[0] ?? 0;
  const to = model.times.at(-1) ?? 1;
  const axisText = { color: colour('--ink-faint'), fontSize: 11, fontFamily: 'system-ui, sans-serif' };
  return {
    animation: false,
    grid: { left: 76, right: 20, top: 14, bottom: 24, outerBoundsMode: 'none' },
    xAxis: {
      type: 'time',
      min: from,
      max: to,
      axisLine: { lineStyle: { color: colour('--line') } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        ...axisText,
        hideOverlap: true,
        formatter: (value: number) => axisTime({ from, to }, value),
      },
    },
    yAxis: {
      type: 'value',
      min: 0,
      splitNumber: 4,
      axisLabel: { ...axisText, formatter: (value: number) => model.formatValue(value) },
      splitLine: { lineStyle: { color: colour('--line') } },
    },
    tooltip: {
      trigger: 'axis',
      confine: true,
      transitionDuration: 0,
      padding: 0,
      borderWidth: 1,
      borderColor: colour('--line'),
      backgroundColor: colour('--surface'),
      textStyle: { color: colour('--ink'), fontSize: 12 },
      axisPointer: { type: 'line', lineStyle: { color: colour('--line-strong'), type: 'solid' } },
      formatter: (entries: unknown) => tooltip(model, timeOf(entries)),
    },
    series: [
      ...bandSeries(model, colour),
      ...model.lines.map((line) => lineSeries(line, pointsOf(model.times, line.values), colour)),
      ...model.limits.map(({ name, value, colour: property }) =>
        lineSeries(
          { name, colour: property, values: [], dashed: true },
          [
            [from, value],
            [to, value],
          ],
          colour,
        ),
      ),
    ],
  };
}

const pointsOf = (times: readonly number[], values: readonly (number | null)[]): Point[] =>
  times.map((time, index) => [time, values[index] ?? null]);

function lineSeries(line: TrendLine, data: Point[], colour: Colour) {
  const { name, colour: property, dashed } = line;
  const lineStyle = { color: colour(property), width: 1.5, type: dashed === true ? 'dashed' : 'solid' };
  return {
    name,
    type: 'line',
    silent: true,
    showSymbol: false,
    data,
    lineStyle,
    itemStyle: { color: colour(property) },
  };
}

/** The lower end, invisible, and what is between the ends stacked on it. */
function bandSeries({ band, times }: TrendModel, colour: Colour) {
  if (band === undefined) return [];
  const width = band.upper.map((upper, index) => {
    const lower = band.lower[index] ?? null;
    return upper === null || lower === null ? null : upper - lower;
  });
  const common = { type: 'line', silent: true, showSymbol: false, stack: 'band', lineStyle: { width: 0 } };
  return [
    { ...common, name: 'lower', data: pointsOf(times, band.lower) },
    {
      ...common,
      name: band.name,
      data: pointsOf(times, width),
      areaStyle: { color: colour(band.colour), opacity: 0.18 },
    },
  ];
}

function timeOf(entries: unknown): number | undefined {
  const first: unknown = Array.isArray(entries) ? entries[0] : entries;
  if (typeof first !== 'object' || first === null || !('axisValue' in first)) return undefined;
  return Number(first.axisValue);
}

function tooltip(model: TrendModel, time: number | undefined): HTMLElement | string {
  const index = time === undefined ? -1 : nearest(model.times, time);
  const at = model.times[index];
  if (at === undefined) return '';
  const box = document.createElement('div');
  box.className = 'min-w-44 p-2 text-xs figures';
  box.append(row(formatDateTime(at).slice(0, 16), '', undefined));
  const { band, lines, limits, formatValue } = model;
  for (const { name, values, colour } of lines) {
    const value = values[index];
    if (value !== null && value !== undefined) box.append(row(name, formatValue(value), colour));
  }
  const [lower, upper] = [band?.lower[index], band?.upper[index]];
  if (band !== undefined && typeof lower === 'number' && typeof upper === 'number') {
    box.append(row(band.name, `${formatValue(lower)} to ${formatValue(upper)}`, band.colour));
  }
  for (const { name, value, colour } of limits) box.append(row(name, formatValue(value), colour));
  return box;
}

function nearest(times: readonly number[], time: number): number {
  let best = 0;
  for (const [index, each] of times.entries()) {
    if (Math.abs(each - time) < Math.abs((times[best] ?? 0) - time)) best = index;
  }
  return best;
}

function row(name: string, value: string, colour: string | undefined): HTMLElement {
  const line = document.createElement('div');
  line.className = 'flex items-center gap-2 leading-5';
  const swatch = document.createElement('span');
  swatch.className = 'size-2 shrink-0 rounded-[2px]';
  if (colour !== undefined) swatch.style.background = `var(${colour})`;
  const label = document.createElement('span');
  label.textContent = name;
  const figure = document.createElement('span');
  figure.className = 'ml-auto pl-4 font-semibold';
  figure.textContent = value;
  line.append(swatch, label, figure);
  return line;
}
