import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import type { MeasureName, SeriesResponse } from '../api/contract.ts';
import { ChartKey, chartInWords, MEASURE_UNITS, stepText, useChartLines } from '../flows/chart-lines.tsx';
import { GROUP_BY, GROUPINGS, type GroupBy } from '../flows/dimension.ts';
import { formatQuantity } from '../format/quantity.ts';
import { pageAddress, useSharedView } from '../use-view-state.ts';
import type { ChartModel } from '../widgets/chart-engine.ts';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { QueryText } from '../widgets/query-text.tsx';
import { Pick, Segmented } from '../widgets/segmented.tsx';
import { TimeChart } from '../widgets/time-chart.tsx';

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
  className?: string;
}

/** The course of the traffic, stacked by one dimension, with its key below. */
export function TrafficPanel(props: TrafficPanelProps) {
  const { series, by, measure } = props;
  const [shared] = useSharedView();
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
      kind: 'bars',
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
          <QueryText sql={series?.sql} />
          <Link
            href={pageAddress('/explore', shared, { by: GROUPINGS[by].dimensions.join(',') })}
            className={SMALL_BUTTON}
          >
            Explore
          </Link>
          <Segmented label="Unit" options={MEASURE_OPTIONS} value={measure} onChange={props.onMeasure} />
        </>
      }
    >
      <div className="relative min-h-56 flex-1 sm:min-h-64">
        {series !== undefined && (
          <TimeChart label={chartInWords(title, grouping, lines)} model={model} onZoom={props.onZoom} />
        )}
      </div>
      <ChartKey lines={lines} dimensions={series?.by ?? []} unit={unit} onHighlight={setHighlighted} />
    </Panel>
  );
}
