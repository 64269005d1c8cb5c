import type { ReactNode } from 'react';

export interface Bar {
  id: string;
  label: ReactNode;
  /** 0 … 1: length of the bar. */
  share: number;
  colour: string;
  figure: string;
  /** Beside the figure, quieter. */
  note: string;
}

/** A ranking: each row has a label, a bar as long as its share, and figures. */
export function BarList({ label, bars }: { label: string; bars: readonly Bar[] }) {
  return (
    <ol aria-label={label} className="py-1">
      {bars.map((bar) => (
        <li
          key={bar.id}
          className="relative grid grid-cols-[minmax(0,1fr)_minmax(5.2rem,auto)_3.4rem] items-baseline gap-x-2 px-3.5 py-[0.3rem] hover:bg-hover"
        >
          <div className="min-w-0">{bar.label}</div>
          <span className="figures text-right font-semibold text-[0.8125rem]">{bar.figure}</span>
          <span className="figures text-right text-ink-faint text-xs">{bar.note}</span>
          <span aria-hidden="true" className="col-span-3 mt-1 h-[3px] overflow-hidden rounded-full bg-sunken">
            <span
              className="block h-full rounded-full"
              style={{
                width: `${Math.max(0.4, Math.min(1, bar.share) * 100)}%`,
                background: `var(${bar.colour})`,
              }}
            />
          </span>
        </li>
      ))}
    </ol>
  );
}
