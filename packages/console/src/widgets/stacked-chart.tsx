import { useEffect, useRef, useState } from 'react';
import { useTheme } from '../theme.ts';
import type { ChartEngine, ChartModel } from './chart-engine.ts';

interface StackedChartProps {
  /** What the chart shows, in words: there is nothing in a canvas to read. */
  label: string;
  model: ChartModel;
  onZoom: (from: number, to: number) => void;
}

/** Lines stacked over time; dragging over it zooms. Fills its parent. */
export function StackedChart({ label, model, onZoom }: StackedChartProps) {
  const element = useRef<HTMLDivElement>(null);
  const [engine, setEngine] = useState<ChartEngine>();
  const zoom = useRef(onZoom);
  zoom.current = onZoom;
  const { dark } = useTheme();

  useEffect(() => {
    let created: ChartEngine | undefined;
    let gone = false;
    void import('./chart-engine.ts').then(({ createChartEngine }) => {
      if (gone || element.current === null) return;
      created = createChartEngine(element.current, (from, to) => zoom.current(from, to));
      setEngine(created);
    });
    return () => {
      gone = true;
      created?.dispose();
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme means other colours of the same model.
  useEffect(() => engine?.update(model), [engine, model, dark]);

  return <div ref={element} role="img" aria-label={label} className="absolute inset-0 cursor-crosshair" />;
}
