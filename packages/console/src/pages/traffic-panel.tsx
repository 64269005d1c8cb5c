import { useMemo, useRef, useState } from 'react';
import type { DimensionValue, MeasureName, SeriesResponse } from '../api/contract.ts';
import { lineId } from '../api/series-patch.ts';
import {
  displayKey,
  FIXED_COLOURS,
  GROUP_BY,
  GROUPINGS,
  type GroupBy,
  groupingOf,
} from '../flows/dimension.ts';
import { formatQuantity, formatShare } from '../format/quantity.ts';
import type { ChartLine, ChartModel } from '../widgets/chart-engine.ts';
import { Panel } from '../widgets/panel.tsx';
import { Pick, Segmented } from '../widgets/segmented.tsx';
import { assignColours, OTHER_COLOUR } from '../widgets/series-colour.ts';
import { StackedChart } from '../widgets/stacked-chart.tsx';

export const MEASURE_UNITS: Readonly<Record<MeasureName, { unit: string; factor: number; title: string }>> = {
  octets: { unit: 'b/s', factor: 8, title: 'Bits per second' },
  packets: { unit: 'pkt/s', factor: 1, title: 'Packets per second' },
  flows: { unit: 'flows/s', factor: 1, title: 'Flow records per second' },
};

const MEASURE_OPTIONS = (Object.keys(MEASURE_UNITS) as MeasureName[]).map((value) => ({
  value,
  text: MEASURE_UNITS[value].unit,
  title: MEASURE_UNITS[value].title,
}));

export const GROUP_OPTIONS = GROUP_BY.map((value) => ({ value, text: GROUPINGS[value].title }));

interface TrafficPanelProps {
  series: SeriesResponse | undefined;
  by: GroupBy;
  measure: MeasureName;
  zoomed: boolean;
  onBy: (by: GroupBy) => void;
  onMeasure: (measure: MeasureName) => void;
  onZoom: (from: number, to: number) => void;
  onZoomOut: () => void;
  onKey: (key: readonly DimensionValue[], exclude: boolean) => void;
  className?: string;
}

/** The course of the traffic, stacked by one dimension, with its key below. */
export function TrafficPanel(props: TrafficPanelProps) {
  const { series, by, measure } = props;
  const [highlighted, setHighlighted] = useState<string>();
  const lines = useChartLines(series, measure);
  const { unit, title } = MEASURE_UNITS[measure];
  const model = useMemo<ChartModel>(
    () => ({
      times: series?.times ?? [],
      from: series?.from ?? 0,
      to: series?.to ?? 1,
      stepMs: series?.stepMs ?? 1,
      lines: lines.map(({ line }) => line),
      formatValue: (value) => formatQuantity(value, unit),
      highlighted,
    }),
    [series, lines, unit, highlighted],
  );
  const grouping = GROUPINGS[by].title.toLowerCase();
  return (
    <Panel
      title={title}
      note={series === undefined ? undefined : `by ${grouping}, ${stepText(series.stepMs)} steps`}
      className={props.className ?? ''}
      controls={
        <>
          {props.zoomed && (
            <button
              type="button"
              onClick={props.onZoomOut}
              className="h-7 rounded-md border border-accent px-2 text-accent text-xs hover:bg-accent-soft"
            >
              Back to live
            </button>
          )}
          <Pick label="Group the chart by" options={GROUP_OPTIONS} value={by} onChange={props.onBy} />
          <Segmented label="Unit" options={MEASURE_OPTIONS} value={measure} onChange={props.onMeasure} />
        </>
      }
    >
      <div className="relative min-h-56 flex-1 sm:min-h-64">
        {series !== undefined && (
          <StackedChart label={chartInWords(title, grouping, lines)} model={model} onZoom={props.onZoom} />
        )}
      </div>
      <ChartKey lines={lines} unit={unit} onHighlight={setHighlighted} onKey={props.onKey} />
    </Panel>
  );
}

interface KeyedLine {
  line: ChartLine;
  key: DimensionValue[] | null;
  mean: number;
}

/**
 * Lines with rates for values, the largest at the bottom of the stack, colours kept from one update to the
 * next.
 */
function useChartLines(series: SeriesResponse | undefined, measure: MeasureName): KeyedLine[] {
  const colours = useRef(new Map<string, string>());
  return useMemo(() => {
    if (series === undefined) return [];
    const keys = series.series.filter((line) => line.key !== null).map(lineId);
    const grouping = groupingOf(series.by);
    const fixed = grouping === undefined ? undefined : FIXED_COLOURS[grouping];
    colours.current = assignColours(keys, colours.current, fixed);
    const perSecond = MEASURE_UNITS[measure].factor / (series.stepMs / 1000);
    return series.series.map((entry): KeyedLine => {
      const id = lineId(entry);
      const values = entry[measure].map((value) => value * perSecond);
      const sum = values.reduce((total, value) => total + value, 0);
      return {
        key: entry.key,
        mean: values.length === 0 ? 0 : sum / values.length,
        line: {
          id,
          name: entry.key === null ? 'all others' : displayKey(series.by, entry.key),
          colour: colours.current.get(id) ?? OTHER_COLOUR,
          values,
        },
      };
    });
  }, [series, measure]);
}

interface ChartKeyProps {
  lines: readonly KeyedLine[];
  unit: string;
  onHighlight: (id: string | undefined) => void;
  onKey: TrafficPanelProps['onKey'];
}

/** Names, means and shares of the lines: also what a screen reader reads of the chart. */
function ChartKey({ lines, unit, onHighlight, onKey }: ChartKeyProps) {
  const total = lines.reduce((sum, line) => sum + line.mean, 0);
  return (
    <ul
      aria-label="Lines of the chart, mean over the time shown"
      className="flex flex-wrap gap-x-1 gap-y-0.5 px-2.5 pt-1 pb-2.5"
    >
      {lines.map(({ line, key, mean }) => (
        <li key={line.id} className="min-w-0">
          <button
            type="button"
            disabled={key === null}
            title={
              key === null
                ? undefined
                : `Mean ${formatQuantity(mean, unit)}. Click: only ${line.name}. Alt-click: without it.`
            }
            onPointerEnter={() => onHighlight(line.id)}
            onPointerLeave={() => onHighlight(undefined)}
            onFocus={() => onHighlight(line.id)}
            onBlur={() => onHighlight(undefined)}
            onClick={(event) => key !== null && onKey(key, event.altKey)}
            className="figures flex max-w-full items-center gap-1.5 rounded px-1.5 py-0.5 text-xs enabled:hover:bg-hover"
          >
            <span
              aria-hidden="true"
              className="size-2.5 shrink-0 rounded-[3px]"
              style={{ background: `var(${line.colour})` }}
            />
            <span className="truncate font-medium">{line.name}</span>
            <span className="whitespace-nowrap text-ink-soft">{formatQuantity(mean, unit)}</span>
            <span className="whitespace-nowrap text-ink-faint">{formatShare(mean, total)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function stepText(stepMs: number): string {
  return stepMs < 60_000 ? `${stepMs / 1000} s` : `${stepMs / 60_000} min`;
}

function chartInWords(title: string, by: string, lines: readonly KeyedLine[]): string {
  const largest = lines.slice(0, 3).map(({ line }) => line.name);
  const which = largest.length === 0 ? '' : `; the largest: ${largest.join(', ')}`;
  return `${title} by ${by} over time${which}. The list below has the figures.`;
}
