import { type ReactNode, useCallback, useMemo, useRef } from 'react';
import type { QueryResponse, SeriesResponse } from '../api/contract.ts';
import {
  ChartKey,
  chartInWords,
  type KeyedLine,
  MEASURE_UNITS,
  meanOf,
  stepText,
} from '../flows/chart-lines.tsx';
import { dimensionTitle, displayValue } from '../flows/dimension.ts';
import { useValueActions } from '../flows/value-actions.ts';
import { formatQuantity } from '../format/quantity.ts';
import { DEFAULT_SHARED, type SharedView, type TimeRange } from '../view-state.ts';
import { CanvasChart } from '../widgets/canvas-chart.tsx';
import type { ChartModel } from '../widgets/chart-engine.ts';
import { PLAIN_BUTTON } from '../widgets/form.tsx';
import type { HeatmapModel } from '../widgets/heatmap-engine.ts';
import { Panel } from '../widgets/panel.tsx';
import { QueryText } from '../widgets/query-text.tsx';
import { TimeChart } from '../widgets/time-chart.tsx';
import { type ExploreView, measureOf } from './explore-view.ts';
import { sankeyOf } from './sankey-model.ts';
import { negated, sharesOf, totalOf } from './series-figures.ts';
import { SmallMultiples } from './small-multiples.tsx';

interface ExploreChartProps {
  /** Instead of what is counted. */
  title?: string;
  /** At the end of the title's line. */
  controls?: ReactNode;
  view: SharedView & ExploreView;
  series: SeriesResponse | undefined;
  lines: readonly KeyedLine[];
  /** Lines of the other direction; empty when it is not asked for. */
  reverse: readonly KeyedLine[];
  previous: SeriesResponse | undefined;
  ranking: QueryResponse | undefined;
  highlighted: string | undefined;
  onHighlight: (id: string | undefined) => void;
  onRange: (range: TimeRange) => void;
  onAddDimension: (dimension: string) => void;
}

const TITLES = {
  bps: 'Bits per second',
  pps: 'Packets per second',
  fps: 'Flow records per second',
  share: 'Share of the octets',
} as const;

/** The chart that was chosen, in a panel of its own. */
export function ExploreChart(props: ExploreChartProps) {
  const { view, series } = props;
  const title = props.title ?? TITLES[view.unit];
  const grouping = view.by.map((dimension) => dimensionTitle(dimension).toLowerCase()).join(', ');
  const note = series === undefined ? 'asking…' : `by ${grouping}, ${stepText(series.stepMs)} steps`;
  const isSankey = view.chart === 'sankey';
  return (
    <Panel
      title={title}
      note={isSankey ? `by ${grouping}` : note}
      controls={
        <>
          {view.range.kind === 'fixed' && (
            <button
              type="button"
              onClick={() => props.onRange(DEFAULT_SHARED.range)}
              className="h-7 rounded-md border border-accent px-2 text-accent text-xs hover:bg-accent-soft"
            >
              Back to live
            </button>
          )}
          <QueryText sql={isSankey ? props.ranking?.sql : series?.sql} />
          {props.controls}
        </>
      }
    >
      <Chart {...props} title={title} grouping={grouping} />
    </Panel>
  );
}

function Chart(props: ExploreChartProps & { title: string; grouping: string }) {
  const { view, lines } = props;
  switch (view.chart) {
    case 'grid':
      return (
        <SmallMultiples
          lines={lines.filter(({ key }) => key !== null)}
          unit={MEASURE_UNITS[measureOf(view.unit)].unit}
          onHighlight={props.onHighlight}
        />
      );
    case 'heatmap':
      return <Heatmap {...props} />;
    case 'sankey':
      return <Sankey {...props} />;
    default:
      return <OverTime {...props} />;
  }
}

function OverTime(props: ExploreChartProps & { title: string; grouping: string }) {
  const { view, series, lines, reverse, previous, highlighted } = props;
  const measure = measureOf(view.unit);
  const { unit, factor } = MEASURE_UNITS[measure];
  const inShares = view.unit === 'share';
  const model = useMemo<ChartModel>(() => {
    const count = series?.times.length ?? 0;
    const drawn = (some: readonly KeyedLine[], down: boolean) => {
      const total = totalOf(
        some.map(({ line }) => line.values),
        count,
      );
      return some.map(({ line }) => {
        const values = inShares ? sharesOf(line.values, total) : line.values;
        return down
          ? { ...line, id: `reverse ${line.id}`, name: `${line.name}, back`, values: negated(values) }
          : { ...line, values };
      });
    };
    const perSecond = factor / ((previous?.stepMs ?? 1000) / 1000);
    const before = previous?.series.map((line) => line[measure]) ?? [];
    return {
      times: series?.times ?? [],
      from: series?.from ?? 0,
      to: series?.to ?? 1,
      stepMs: series?.stepMs ?? 1,
      lines: [...drawn(lines, false), ...drawn(reverse, true)],
      kind: view.chart === 'lines' ? 'lines' : 'bars',
      overlay:
        previous === undefined || inShares
          ? undefined
          : { name: 'Previous period', values: totalOf(before, count).map((value) => value * perSecond) },
      valueMax: inShares && view.chart === 'stacked' ? 100 : undefined,
      formatValue: (value) =>
        inShares ? `${value.toFixed(value < 10 ? 1 : 0)} %` : formatQuantity(value, unit),
      highlighted,
    };
  }, [series, lines, reverse, previous, view.chart, inShares, measure, unit, factor, highlighted]);
  return (
    <>
      <div className="relative h-72 sm:h-[22rem]">
        {series !== undefined && (
          <TimeChart
            label={chartInWords(props.title, props.grouping, lines)}
            model={model}
            onZoom={(from, to) => props.onRange({ kind: 'fixed', from, to })}
          />
        )}
      </div>
      {previous !== undefined && !inShares && (
        <Comparison series={series} previous={previous} unit={view.unit} />
      )}
      <ChartKey lines={lines} dimensions={series?.by ?? []} unit={unit} onHighlight={props.onHighlight} />
    </>
  );
}

interface ComparisonProps {
  series: SeriesResponse | undefined;
  previous: SeriesResponse;
  unit: ExploreView['unit'];
}

/** How the mean went from the period before to this one. */
function Comparison({ series, previous, unit }: ComparisonProps) {
  if (series === undefined) return null;
  const measure = measureOf(unit);
  const mean = ({ series: lines, times, stepMs }: SeriesResponse): number =>
    meanOf(
      totalOf(
        lines.map((line) => line[measure]),
        times.length,
      ),
    ) *
    (MEASURE_UNITS[measure].factor / (stepMs / 1000));
  const [now, before] = [mean(series), mean(previous)];
  const change = before === 0 ? undefined : ((now - before) / before) * 100;
  const name = MEASURE_UNITS[measure].unit;
  return (
    <p className="figures px-3.5 pt-1 text-ink-soft text-xs">
      <span aria-hidden="true">┄</span> Mean {formatQuantity(now, name)}; in the period before{' '}
      {formatQuantity(before, name)}
      {change !== undefined && (
        <span className="font-semibold text-ink">
          {' '}
          ({change >= 0 ? '+' : '−'}
          {Math.abs(change).toFixed(0)} %)
        </span>
      )}
      .
    </p>
  );
}

const loadHeatmap = async (element: HTMLElement) =>
  (await import('../widgets/heatmap-engine.ts')).createHeatmapEngine(element);

function Heatmap({
  view,
  series,
  lines,
  title,
  grouping,
}: ExploreChartProps & { title: string; grouping: string }) {
  const { unit } = MEASURE_UNITS[measureOf(view.unit)];
  const rows = useMemo(() => lines.filter(({ key }) => key !== null), [lines]);
  const model = useMemo<HeatmapModel>(
    () => ({
      from: series?.from ?? 0,
      to: series?.to ?? 1,
      times: series?.times ?? [],
      rows: rows.map(({ line }) => ({ name: line.name, values: line.values })),
      formatValue: (value) => formatQuantity(value, unit),
    }),
    [series, rows, unit],
  );
  return (
    <div className="relative min-h-48" style={{ height: `${rows.length * 1.6 + 3}rem` }}>
      {series !== undefined && (
        <CanvasChart label={chartInWords(title, grouping, rows)} model={model} load={loadHeatmap} />
      )}
    </div>
  );
}

function Sankey({ view, ranking, onAddDimension }: ExploreChartProps) {
  const { filterBy } = useValueActions();
  const measure = measureOf(view.unit);
  const { unit, factor } = MEASURE_UNITS[measure];
  const model = useMemo(() => {
    if (ranking === undefined) return undefined;
    const seconds = Math.max(1, (ranking.to - ranking.from) / 1000);
    const built = sankeyOf(ranking.by, ranking.rows, (row) => (Number(row[measure] ?? 0) * factor) / seconds);
    return {
      ...built,
      nodes: built.nodes.map((node) => ({ ...node, name: displayValue(node.dimension, node.value).text })),
      formatValue: (value: number) => formatQuantity(value, unit),
    };
  }, [ranking, measure, factor, unit]);
  const newest = useRef(model);
  newest.current = model;
  const load = useCallback(
    async (element: HTMLElement) => {
      const { createSankeyEngine } = await import('../widgets/sankey-engine.ts');
      return createSankeyEngine(element, (id, exclude) => {
        const node = newest.current?.nodes.find((each) => each.id === id);
        if (node !== undefined) filterBy([node.dimension], [node.value], exclude);
      });
    },
    [filterBy],
  );
  if (view.by.length < 2) {
    const other = view.by[0]?.startsWith('srcAddr') ? 'dstAddr' : 'srcAddr';
    return (
      <div className="space-y-3 px-4 py-8 text-ink-soft">
        <p>A Sankey diagram shows what goes from one dimension to the next: it needs at least two.</p>
        <button type="button" className={PLAIN_BUTTON} onClick={() => onAddDimension(other)}>
          Add {dimensionTitle(other).toLowerCase()}
        </button>
      </div>
    );
  }
  return (
    <div className="relative h-80 sm:h-[28rem]">
      {model !== undefined && (
        <CanvasChart
          label={`What goes from ${view.by.map(dimensionTitle).join(' to ')}. The table below has the figures.`}
          model={model}
          load={load}
        />
      )}
    </div>
  );
}
