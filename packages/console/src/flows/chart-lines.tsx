import { useMemo, useRef } from 'react';
import type { DimensionValue, MeasureName, SeriesResponse } from '../api/contract.ts';
import { lineId } from '../api/series-patch.ts';
import { formatQuantity, formatShare } from '../format/quantity.ts';
import type { ChartLine } from '../widgets/chart-engine.ts';
import { assignColours, OTHER_COLOUR } from '../widgets/series-colour.ts';
import { displayKey, FIXED_COLOURS, groupingOf } from './dimension.ts';
import { useValueActions } from './value-actions.ts';

export const MEASURE_UNITS: Readonly<Record<MeasureName, { unit: string; factor: number; title: string }>> = {
  octets: { unit: 'b/s', factor: 8, title: 'Bits per second' },
  packets: { unit: 'pkt/s', factor: 1, title: 'Packets per second' },
  flows: { unit: 'flows/s', factor: 1, title: 'Flow records per second' },
};

export interface KeyedLine {
  line: ChartLine;
  key: DimensionValue[] | null;
  mean: number;
}

/**
 * Lines with rates for values, the largest at the bottom of the stack, colours kept from one update to the
 * next.
 */
export function useChartLines(series: SeriesResponse | undefined, measure: MeasureName): KeyedLine[] {
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
      return {
        key: entry.key,
        mean: meanOf(values),
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

export const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

interface ChartKeyProps {
  lines: readonly KeyedLine[];
  dimensions: readonly string[];
  unit: string;
  onHighlight: (id: string | undefined) => void;
}

/** Names, means and shares of the lines: also what a screen reader reads of the chart. */
export function ChartKey({ lines, dimensions, unit, onHighlight }: ChartKeyProps) {
  const { filterBy } = useValueActions();
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
            onClick={(event) => key !== null && filterBy(dimensions, key, event.altKey)}
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

export function stepText(stepMs: number): string {
  if (stepMs < 60_000) return `${stepMs / 1000} s`;
  return stepMs < 3_600_000 ? `${stepMs / 60_000} min` : `${stepMs / 3_600_000} h`;
}

/** What a chart shows, for who cannot see it. */
export function chartInWords(title: string, by: string, lines: readonly KeyedLine[]): string {
  const largest = lines.slice(0, 3).map(({ line }) => line.name);
  const which = largest.length === 0 ? '' : `; the largest: ${largest.join(', ')}`;
  return `${title} by ${by} over time${which}. The list below has the figures.`;
}
