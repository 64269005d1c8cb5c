/**
 * The chart over time, of ECharts, loaded when the first chart is shown. Names of lines come from the wire:
 * they reach the page through `textContent` and the canvas only, never as HTML.
 */
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { type ECharts, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { formatDateTime, formatDay, formatMinute, formatTimeOfDay } from '../format/time.ts';

use([BarChart, LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

export interface ChartLine {
  id: string;
  name: string;
  /** A CSS custom property, such as `--series-blue`. */
  colour: string;
  /** One value for each time; the last line is stacked on top. Values below zero are drawn downwards. */
  values: readonly number[];
}

/** `bars` are stacked; `lines` lie over one another. */
export type ChartKind = 'bars' | 'lines';

export interface ChartModel {
  /** Starts of the steps, ms since the epoch. */
  times: readonly number[];
  from: number;
  to: number;
  stepMs: number;
  lines: readonly ChartLine[];
  kind: ChartKind;
  /** A dashed line over the others, such as that of an earlier time; not stacked. */
  overlay?: { name: string; values: readonly number[] } | undefined;
  /** End of the value axis; as high as the values need when it is not given. */
  valueMax?: number | undefined;
  formatValue: (value: number) => string;
  /** Line to bring forward, by id. */
  highlighted: string | undefined;
}

export interface ChartEngine {
  update(model: ChartModel): void;
  dispose(): void;
}

/** Draws into `element` and reports a span that was dragged over as [from, to) in ms. */
export function createChartEngine(
  element: HTMLElement,
  onZoom: (from: number, to: number) => void,
): ChartEngine {
  const chart = init(element, null, { renderer: 'canvas' });
  const resize = new ResizeObserver(() => chart.resize({ animation: { duration: 0 } }));
  resize.observe(element);
  let model: ChartModel | undefined;
  const stopDragging = watchDragging(chart, element, (fromX, toX) => {
    if (model === undefined) return;
    const [from, to] = [fromX, toX].map((x) => Number(chart.convertFromPixel({ xAxisIndex: 0 }, x)));
    if (from === undefined || to === undefined) return;
    onZoom(Math.max(model.from, Math.round(from)), Math.min(model.to, Math.round(to)));
  });

  return {
    update(next) {
      model = next;
      chart.setOption(chartOption(next, colourReader(element)), {
        replaceMerge: ['series'],
        lazyUpdate: false,
      });
    },
    dispose() {
      stopDragging();
      resize.disconnect();
      chart.dispose();
    },
  };
}

/** Resolves custom properties (which may hold `light-dark()`) to colours that a canvas understands. */
export function colourReader(element: HTMLElement): (property: string) => string {
  const probe = document.createElement('span');
  probe.hidden = true;
  element.append(probe);
  const cache = new Map<string, string>();
  queueMicrotask(() => probe.remove());
  return (property) => {
    const known = cache.get(property);
    if (known !== undefined) return known;
    probe.style.color = `var(${property})`;
    const colour = getComputedStyle(probe).color;
    cache.set(property, colour);
    return colour;
  };
}

function chartOption(model: ChartModel, colour: (property: string) => string) {
  const axisText = { color: colour('--ink-faint'), fontSize: 11, fontFamily: 'system-ui, sans-serif' };
  const downwards = model.lines.some((line) => line.values.some((value) => value < 0));
  return {
    animation: false,
    // Fixed margins: the plot must not move when the labels change.
    grid: { left: 76, right: 28, top: 14, bottom: 24, outerBoundsMode: 'none' },
    xAxis: {
      type: 'time',
      min: model.from,
      max: model.to,
      axisLine: { onZero: true, lineStyle: { color: colour(downwards ? '--line-strong' : '--line') } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        ...axisText,
        hideOverlap: true,
        formatter: (value: number) => axisTime(model, value),
      },
    },
    yAxis: {
      type: 'value',
      ...(downwards ? {} : { min: 0 }),
      ...(model.valueMax === undefined ? {} : { max: model.valueMax }),
      splitNumber: 4,
      axisLabel: {
        ...axisText,
        formatter: (value: number) => axisFigure(model, value),
      },
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
      formatter: (entries: unknown) => tooltip(model, firstDataIndex(entries)),
    },
    series: [...model.lines.map((line) => seriesOf(model, line, colour)), ...overlayOf(model, colour)],
  };
}

/** Beyond, each line of the stack is one area with steps: 10,000 bars cost twice the CPU to draw (160 for 85 ms). */
const BARS_MAX = 4000;

function seriesOf(model: ChartModel, line: ChartLine, colour: (property: string) => string) {
  const faded = model.highlighted !== undefined && model.highlighted !== line.id;
  const common = { id: line.id, name: line.name, silent: true, data: stepPoints(model, line.values) };
  const stacked = { ...common, stack: 'all' };
  if (model.kind === 'bars' && model.lines.length * model.times.length > BARS_MAX) {
    return {
      ...stacked,
      type: 'line',
      step: 'middle',
      showSymbol: false,
      lineStyle: { width: 0 },
      areaStyle: { color: colour(line.colour), opacity: faded ? 0.18 : 0.92 },
      itemStyle: { color: colour(line.colour) },
    };
  }
  if (model.kind === 'bars') {
    return {
      ...stacked,
      type: 'bar',
      barCategoryGap: '6%',
      itemStyle: { color: colour(line.colour), opacity: faded ? 0.18 : 0.92 },
    };
  }
  return {
    ...common,
    type: 'line',
    showSymbol: false,
    lineStyle: { color: colour(line.colour), width: 1.6, opacity: faded ? 0.15 : 1 },
    itemStyle: { color: colour(line.colour) },
  };
}

function overlayOf({ overlay, ...model }: ChartModel, colour: (property: string) => string) {
  if (overlay === undefined) return [];
  return [
    {
      id: 'overlay',
      name: overlay.name,
      type: 'line',
      silent: true,
      showSymbol: false,
      z: 5,
      lineStyle: { color: colour('--ink'), width: 1.4, type: 'dashed' },
      itemStyle: { color: colour('--ink') },
      data: stepPoints(model, overlay.values),
    },
  ];
}

const DAY_MS = 86_400_000;

/** As fine as the span shown needs: seconds, minutes, or days. */
export function axisTime(model: { from: number; to: number }, timeMs: number): string {
  const length = model.to - model.from;
  if (length > 3 * DAY_MS) return formatDay(timeMs);
  if (length > DAY_MS) return `${formatDay(timeMs)} ${formatMinute(timeMs)}`;
  return length <= 10 * 60_000 ? formatTimeOfDay(timeMs) : formatMinute(timeMs);
}

/** Round figures need no zeros after the point: `20 Mb/s`, `1.5 Mb/s`. */
function axisFigure(model: ChartModel, value: number): string {
  return value === 0
    ? '0'
    : model
        .formatValue(Math.abs(value))
        .replace(/(\.\d*?)0+(?= |$)/, '$1')
        .replace(/\.(?= |$)/, '');
}

/** A value holds for its whole step, so its bar stands in the middle of it. */
function stepPoints(
  model: Pick<ChartModel, 'times' | 'stepMs'>,
  values: readonly number[],
): [number, number][] {
  return model.times.map((time, index) => [time + model.stepMs / 2, values[index] ?? 0]);
}

function firstDataIndex(entries: unknown): number {
  const first: unknown = Array.isArray(entries) ? entries[0] : entries;
  if (typeof first === 'object' && first !== null && 'dataIndex' in first) return Number(first.dataIndex);
  return -1;
}

function tooltip(model: ChartModel, dataIndex: number): HTMLElement | string {
  const time = model.times[dataIndex];
  if (time === undefined) return '';
  const box = child(undefined, 'div', 'min-w-44 p-2 text-xs figures');
  child(box, 'div', 'pb-1 text-ink-faint', formatDateTime(time));
  let total = 0;
  for (const line of model.lines.toReversed()) {
    const value = line.values[dataIndex] ?? 0;
    total += Math.max(0, value);
    if (value !== 0) tooltipRow(box, line.name, model.formatValue(Math.abs(value)), line.colour);
  }
  tooltipRow(box, total === 0 ? 'Nothing' : 'Total', model.formatValue(total), undefined);
  const before = model.overlay?.values[dataIndex];
  if (before !== undefined) tooltipRow(box, model.overlay?.name ?? '', model.formatValue(before), undefined);
  return box;
}

function tooltipRow(box: HTMLElement, name: string, value: string, colour: string | undefined): void {
  const row = child(box, 'div', 'flex items-center gap-2 leading-5');
  const swatch = child(row, 'span', 'size-2 shrink-0 rounded-[2px]');
  if (colour !== undefined) swatch.style.background = `var(${colour})`;
  child(row, 'span', 'max-w-52 truncate', name);
  child(row, 'span', 'ml-auto pl-4 font-semibold', value);
}

function child(parent: HTMLElement | undefined, tag: string, className: string, text = ''): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  parent?.append(element);
  return element;
}

/** Marks the span between press and release of the mouse; calls `onSpan` with both x in pixels, in order. */
function watchDragging(chart: ECharts, element: HTMLElement, onSpan: (fromX: number, toX: number) => void) {
  const SPAN_PIXELS_MIN = 6; // below, it was a click that slipped
  const mark = child(
    undefined,
    'div',
    'pointer-events-none absolute inset-y-0 hidden bg-accent/20 border-x border-accent',
  );
  element.append(mark);
  let startX: number | undefined;

  const onDown = (event: PointerEvent): void => {
    const x = event.offsetX;
    if (event.button !== 0 || event.pointerType === 'touch') return;
    if (!chart.containPixel({ gridIndex: 0 }, [x, event.offsetY])) return;
    startX = x;
    element.setPointerCapture(event.pointerId);
  };
  const currentX = (event: PointerEvent): number => {
    const bounds = element.getBoundingClientRect();
    return Math.min(bounds.width, Math.max(0, event.clientX - bounds.left));
  };
  const onMove = (event: PointerEvent): void => {
    if (startX === undefined) return;
    const x = currentX(event);
    mark.classList.remove('hidden');
    mark.style.left = `${Math.min(startX, x)}px`;
    mark.style.width = `${Math.abs(x - startX)}px`;
  };
  const onUp = (event: PointerEvent): void => {
    if (startX === undefined) return;
    const x = currentX(event);
    const [from, to] = startX < x ? [startX, x] : [x, startX];
    startX = undefined;
    mark.classList.add('hidden');
    if (event.type === 'pointerup' && to - from >= SPAN_PIXELS_MIN) onSpan(from, to);
  };
  element.addEventListener('pointerdown', onDown);
  element.addEventListener('pointermove', onMove);
  element.addEventListener('pointerup', onUp);
  element.addEventListener('pointercancel', onUp);
  return () => {
    element.removeEventListener('pointerdown', onDown);
    element.removeEventListener('pointermove', onMove);
    element.removeEventListener('pointerup', onUp);
    element.removeEventListener('pointercancel', onUp);
  };
}
