import { useEffect, useRef, useState } from 'react';
import { useTheme } from '../theme.ts';

/** What draws a model into an element. */
export interface CanvasEngine<Model> {
  update(model: Model): void;
  dispose(): void;
}

interface CanvasChartProps<Model> {
  /** What the chart shows, in words: there is nothing in a canvas to read. */
  label: string;
  model: Model;
  /** Loads the engine and starts it. The same function at every render. */
  load: (element: HTMLElement) => Promise<CanvasEngine<Model>>;
  className?: string;
}

/** A chart whose engine is loaded when it is shown first. Fills its parent. */
export function CanvasChart<Model>({ label, model, load, className = '' }: CanvasChartProps<Model>) {
  const element = useRef<HTMLDivElement>(null);
  const [engine, setEngine] = useState<CanvasEngine<Model>>();
  const { dark } = useTheme();

  useEffect(() => {
    let created: CanvasEngine<Model> | undefined;
    let gone = false;
    const place = element.current;
    if (place === null) return;
    void load(place).then((started) => {
      created = started;
      if (gone) started.dispose();
      else setEngine(started);
    });
    return () => {
      gone = true;
      created?.dispose();
    };
  }, [load]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme means other colours of the same model.
  useEffect(() => engine?.update(model), [engine, model, dark]);

  return <div ref={element} role="img" aria-label={label} className={`absolute inset-0 ${className}`} />;
}
