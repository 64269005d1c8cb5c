/** Rows over time, each cell as strong as its value; over ECharts. */
import { HeatmapChart } from 'echarts/charts';
import { GridComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { formatDateTime } from '../format/time.ts';
import type { CanvasEngine } from './canvas-chart.tsx';
import { axisTime, colourReader } from './chart-engine.ts';

use([HeatmapChart, GridComponent, TooltipComponent, VisualMapComponent, CanvasRenderer]);

export interface HeatmapModel {
  from: number;
  to: number;
  times: readonly number[];
  /** The first row is drawn on top. */
  rows: readonly { name: string; values: readonly number[] }[];
  formatValue: (value: number) => string;
}

export function createHeatmapEngine(element: HTMLElement): CanvasEngine<HeatmapModel> {
  const chart = init(element, null, { renderer: 'canvas' });
  const resize = new ResizeObserver(() => chart.resize({ animation: { duration: 0 } }));
  resize.observe(element);
  return {
    update: (model) => void chart.setOption(heatmapOption(model, colourReader(element)), { notMerge: true }),
    dispose() {
      resize.disconnect();
      chart.dispose();
    },
  };
}

/** Names may take this part of the width. */
const NAME_PIXELS = 170;

function heatmapOption(model: HeatmapModel, colour: (property: string) => string) {
  const highest = Math.max(1, ...model.rows.flatMap(({ values }) => [...values]));
  const axisText = { color: colour('--ink-faint'), fontSize: 11, fontFamily: 'system-ui, sans-serif' };
  const rows = model.rows.toReversed();
  return {
    animation: false,
    grid: { left: NAME_PIXELS, right: 16, top: 8, bottom: 24, outerBoundsMode: 'none' },
    xAxis: {
      type: 'category',
      data: model.times.map((time) => axisTime(model, time)),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: colour('--line') } },
      axisLabel: { ...axisText, hideOverlap: true },
    },
    yAxis: {
      type: 'category',
      data: rows.map(({ name }) => name),
      axisTick: { show: false },
      axisLine: { show: false },
      axisLabel: { ...axisText, color: colour('--ink-soft'), width: NAME_PIXELS - 16, overflow: 'truncate' },
    },
    visualMap: {
      show: false,
      min: 0,
      // The square root brings out what is small beside what is large.
      max: Math.sqrt(highest),
      dimension: 2,
      inRange: { color: [colour('--sunken'), colour('--heat-mid'), colour('--heat-high')] },
    },
    tooltip: {
      confine: true,
      padding: 0,
      borderColor: colour('--line'),
      backgroundColor: colour('--surface'),
      textStyle: { color: colour('--ink'), fontSize: 12 },
      formatter: ({ data }: { data: readonly [number, number, number] }) => {
        const [step, row] = data;
        const box = document.createElement('div');
        box.className = 'p-2 text-xs figures';
        const value = model.formatValue(rows[row]?.values[step] ?? 0);
        box.textContent = `${formatDateTime(model.times[step] ?? 0)} · ${rows[row]?.name}: ${value}`;
        return box;
      },
    },
    series: [
      {
        type: 'heatmap',
        data: rows.flatMap(({ values }, row) =>
          model.times.map((_, step) => [step, row, Math.sqrt(values[step] ?? 0)]),
        ),
        itemStyle: { borderWidth: 0 },
        emphasis: { itemStyle: { borderWidth: 1, borderColor: colour('--ink') } },
      },
    ],
  };
}
