import { useMemo } from 'react';
import { formatCount, formatShare } from '../format/quantity.ts';
import { CanvasChart } from '../widgets/canvas-chart.tsx';
import type { ChartLine, ChartModel } from '../widgets/chart-engine.ts';
import type { HeatmapModel } from '../widgets/heatmap-engine.ts';
import { TimeChart } from '../widgets/time-chart.tsx';
import type { PerformanceResponse } from './performance-contract.ts';

type Zoom = (from: number, to: number) => void;

/** `0.42 ms`, `12.3 ms`, `1.20 s`. */
export function millisecondsText(ms: number | null): string {
  if (ms === null) return '–';
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 1 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

const PERCENTILES = [
  { id: 'roundTripP50', name: 'Median', colour: '--series-blue' },
  { id: 'roundTripP95', name: '95th percentile', colour: '--series-amber' },
  { id: 'roundTripP99', name: '99th percentile', colour: '--series-pink' },
] as const;

const SHARES = [
  { id: 'retransmittedShare', name: 'Sent again', colour: '--series-amber' },
  { id: 'outOfOrderShare', name: 'Out of order', colour: '--series-indigo' },
] as const;

export function RoundTripChart({ data, onZoom }: { data: PerformanceResponse; onZoom: Zoom }) {
  const model = useLines(data, PERCENTILES, millisecondsText);
  return <LinesWithKey label="Round trip of handshakes over time" model={model} onZoom={onZoom} />;
}

export function RetransmissionChart({ data, onZoom }: { data: PerformanceResponse; onZoom: Zoom }) {
  const model = useLines(data, SHARES, (value) => formatShare(value, 1));
  return <LinesWithKey label="Packets sent again and out of order over time" model={model} onZoom={onZoom} />;
}

/** Lines over the steps that have values: a step without connections is no zero. */
function useLines(
  data: PerformanceResponse,
  wanted: readonly { id: keyof PerformanceResponse['series']; name: string; colour: string }[],
  formatValue: (value: number) => string,
): ChartModel {
  return useMemo(() => {
    const first = data.series[wanted[0]?.id ?? 'roundTripP50'];
    const known = data.times.map((_, index) => index).filter((index) => first[index] !== null);
    return {
      times: known.map((index) => data.times[index] ?? 0),
      from: data.from,
      to: data.to,
      stepMs: data.stepMs,
      kind: 'lines',
      lines: wanted.map(
        ({ id, name, colour }): ChartLine => ({
          id,
          name,
          colour,
          values: known.map((index) => data.series[id][index] ?? 0),
        }),
      ),
      formatValue,
      highlighted: undefined,
    };
  }, [data, wanted, formatValue]);
}

function LinesWithKey({ label, model, onZoom }: { label: string; model: ChartModel; onZoom: Zoom }) {
  return (
    <>
      <div className="relative h-52">
        <TimeChart label={label} model={model} onZoom={onZoom} />
      </div>
      <ul className="flex flex-wrap gap-x-4 gap-y-1 border-line border-t px-3.5 py-2 text-ink-soft text-xs">
        {model.lines.map(({ id, name, colour }) => (
          <li key={id} className="flex items-center gap-1.5">
            <span
              aria-hidden="true"
              className="h-1 w-4 rounded-full"
              style={{ background: `var(${colour})` }}
            />
            {name}
          </li>
        ))}
      </ul>
    </>
  );
}

const loadHeatmap = async (element: HTMLElement) =>
  (await import('../widgets/heatmap-engine.ts')).createHeatmapEngine(element);

/** How many connections took how long, over time; the slowest on top. */
export function RoundTripHeat({ data }: { data: PerformanceResponse }) {
  const model = useMemo<HeatmapModel>(() => {
    const { endsMs, rows } = data.heat;
    const named = rows.map((values, index) => ({ name: rowName(endsMs, index), values }));
    return {
      from: data.from,
      to: data.to,
      times: data.times,
      rows: named.toReversed(),
      formatValue: (value) => `${formatCount(value)} connections`,
    };
  }, [data]);
  return (
    <div className="relative h-64">
      <CanvasChart label="Connections by round trip over time" model={model} load={loadHeatmap} />
    </div>
  );
}

function rowName(endsMs: readonly number[], index: number): string {
  const [low, high] = [endsMs[index - 1], endsMs[index]];
  if (low === undefined) return `below ${high} ms`;
  return high === undefined ? `${low} ms and more` : `${low}–${high} ms`;
}
