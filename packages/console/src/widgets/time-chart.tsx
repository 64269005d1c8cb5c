import { useCallback, useRef } from 'react';
import { CanvasChart } from './canvas-chart.tsx';
import type { ChartModel } from './chart-engine.ts';

interface TimeChartProps {
  label: string;
  model: ChartModel;
  onZoom: (from: number, to: number) => void;
}

/** Values over time; dragging over it zooms. Fills its parent. */
export function TimeChart({ label, model, onZoom }: TimeChartProps) {
  const zoom = useRef(onZoom);
  zoom.current = onZoom;
  const load = useCallback(async (element: HTMLElement) => {
    const { createChartEngine } = await import('./chart-engine.ts');
    return createChartEngine(element, (from, to) => zoom.current(from, to));
  }, []);
  return <CanvasChart label={label} model={model} load={load} className="cursor-crosshair" />;
}
