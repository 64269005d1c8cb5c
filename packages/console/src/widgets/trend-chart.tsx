import { CanvasChart } from './canvas-chart.tsx';
import type { TrendModel } from './trend-engine.ts';

const load = async (element: HTMLElement) => (await import('./trend-engine.ts')).createTrendEngine(element);

interface TrendChartProps {
  /** What it shows, in words. */
  label: string;
  model: TrendModel;
}

/** Lines over time with limits across and a band, and below it what is what. */
export function TrendChart({ label, model }: TrendChartProps) {
  const { lines, limits, band } = model;
  const entries = [...lines, ...(band === undefined ? [] : [band]), ...limits];
  return (
    <figure className="min-w-0">
      <div className="relative h-64">
        <CanvasChart label={label} model={model} load={load} />
      </div>
      <figcaption className="flex flex-wrap gap-x-4 gap-y-1 px-3.5 pb-2.5 text-ink-soft text-xs">
        {entries.map(({ name, colour }) => (
          <span key={name} className="flex items-center gap-1.5">
            <span
              aria-hidden="true"
              className="size-2.5 rounded-[2px]"
              style={{ background: `var(${colour})` }}
            />
            {name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
