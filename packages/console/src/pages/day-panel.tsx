import { useMemo } from 'react';
import type { MeasureName, SeriesResponse } from '../api/contract.ts';
import { useApi, useEvery } from '../api/use-api.ts';
import { chartInWords, MEASURE_UNITS, stepText, useChartLines } from '../flows/chart-lines.tsx';
import { GROUPINGS, type GroupBy } from '../flows/dimension.ts';
import { formatQuantity } from '../format/quantity.ts';
import { formatMinute } from '../format/time.ts';
import type { ChartModel } from '../widgets/chart-engine.ts';
import { Panel } from '../widgets/panel.tsx';
import { QueryText } from '../widgets/query-text.tsx';
import { TimeChart } from '../widgets/time-chart.tsx';

/** 15 minutes each. */
const STEPS = 96;
const LINES = 6;
const EVERY_MS = 60_000;

interface DayPanelProps {
  filter: string;
  enabled: boolean;
  by: GroupBy;
  measure: MeasureName;
  onZoom: (from: number, to: number) => void;
  className?: string;
}

/** The last 24 hours, whatever time the page shows: what is usual, and where to look. */
export function DayPanel({ filter, enabled, by, measure, onZoom, className }: DayPanelProps) {
  const everyMs = useEvery(EVERY_MS);
  const dimensions = GROUPINGS[by].dimensions.join(',');
  const question = { last: '24h', filter, by: dimensions, top: LINES, points: STEPS, orderBy: measure };
  const { data: series } = useApi<SeriesResponse>(['series', question], { enabled, everyMs });
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
      highlighted: undefined,
    }),
    [series, lines, unit],
  );
  const grouping = GROUPINGS[by].title.toLowerCase();
  return (
    <Panel
      title="The last 24 hours"
      note={`${unit} by ${grouping}; drag to look closer`}
      className={className ?? ''}
      controls={<QueryText sql={series?.sql} />}
    >
      <div className="relative h-40">
        {series?.series.length === 0 && (
          <p className="absolute inset-0 z-10 grid place-items-center px-4 text-center text-ink-soft">
            {`Steps of ${stepText(series.stepMs)} are drawn when they are over: the first one with traffic at ${formatMinute(series.to + series.stepMs)} or later.`}
          </p>
        )}
        {series !== undefined && (
          <TimeChart
            label={chartInWords(`${title} of the day`, grouping, lines)}
            model={model}
            onZoom={onZoom}
          />
        )}
      </div>
    </Panel>
  );
}
