/** Flows between columns of values, over ECharts. Names come from the wire: they reach the canvas only. */
import { SankeyChart as EChartsSankey } from 'echarts/charts';
import { TooltipComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import type { CanvasEngine } from './canvas-chart.tsx';
import { colourReader } from './chart-engine.ts';

use([EChartsSankey, TooltipComponent, CanvasRenderer]);

export interface SankeyModel {
  /** `colour` is a CSS custom property. */
  nodes: readonly { id: string; name: string; column: number; colour: string }[];
  links: readonly { source: string; target: string; value: number }[];
  formatValue: (value: number) => string;
}

export function createSankeyEngine(
  element: HTMLElement,
  onNode: (id: string, exclude: boolean) => void,
): CanvasEngine<SankeyModel> {
  const chart = init(element, null, { renderer: 'canvas' });
  const resize = new ResizeObserver(() => chart.resize({ animation: { duration: 0 } }));
  resize.observe(element);
  chart.on('click', (event) => {
    const altKey = (event.event?.event as unknown as MouseEvent | undefined)?.altKey === true;
    if (event.dataType === 'node' && typeof event.name === 'string') onNode(event.name, altKey);
  });
  return {
    update: (model) => void chart.setOption(sankeyOption(model, colourReader(element)), { notMerge: true }),
    dispose() {
      resize.disconnect();
      chart.dispose();
    },
  };
}

function sankeyOption(model: SankeyModel, colour: (property: string) => string) {
  const names = new Map(model.nodes.map((node) => [node.id, node.name]));
  const columns = Math.max(0, ...model.nodes.map(({ column }) => column)) + 1;
  const text = (content: string): HTMLElement => {
    const box = document.createElement('div');
    box.className = 'p-2 text-xs figures';
    box.textContent = content;
    return box;
  };
  return {
    animation: false,
    tooltip: {
      confine: true,
      padding: 0,
      borderColor: colour('--line'),
      backgroundColor: colour('--surface'),
      textStyle: { color: colour('--ink'), fontSize: 12 },
      formatter: (item: {
        dataType?: string;
        name: string;
        value: number;
        data: { source?: string; target?: string };
      }) =>
        text(
          item.dataType === 'edge'
            ? `${names.get(item.data.source ?? '')} → ${names.get(item.data.target ?? '')}: ${model.formatValue(item.value)}`
            : `${names.get(item.name)}: ${model.formatValue(item.value)}`,
        ),
    },
    series: [
      {
        type: 'sankey',
        left: 12,
        right: 120,
        top: 12,
        bottom: 12,
        nodeWidth: 10,
        nodeGap: 6,
        draggable: false,
        emphasis: { focus: 'adjacency' },
        lineStyle: { color: 'source', opacity: 0.32, curveness: 0.5 },
        label: {
          color: colour('--ink'),
          fontSize: 11,
          overflow: 'truncate',
          width: Math.max(80, 360 / columns),
          formatter: (node: { name: string }) => names.get(node.name) ?? '',
        },
        data: model.nodes.map((node) => ({
          name: node.id,
          depth: node.column,
          itemStyle: { color: colour(node.colour), borderWidth: 0 },
        })),
        links: model.links.map((link) => ({ ...link })),
      },
    ],
  };
}
