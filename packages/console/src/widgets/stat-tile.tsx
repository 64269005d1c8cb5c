import type { ReactNode } from 'react';
import { Sparkline } from './sparkline.tsx';

interface StatTileProps {
  label: string;
  figure: string;
  unit: string;
  /** What the figure is measured over, or what it excludes. */
  note: ReactNode;
  course?: readonly number[];
}

/** One figure, large, with its unit, what it means, and how it went. */
export function StatTile({ label, figure, unit, note, course }: StatTileProps) {
  return (
    <div className="relative flex min-w-0 flex-col overflow-hidden rounded-lg border border-line bg-surface px-3.5 pt-2.5 pb-2">
      <dt className="font-medium text-ink-soft text-xs">{label}</dt>
      <dd className="figures mt-0.5 flex items-baseline gap-1.5 whitespace-nowrap">
        <span className="font-semibold text-[1.75rem] leading-9 tracking-tight">{figure}</span>
        <span className="text-ink-soft text-sm">{unit}</span>
      </dd>
      <dd
        className={`figures truncate text-ink-faint text-xs ${course === undefined ? '' : 'sm:max-w-[50%]'}`}
      >
        {note}
      </dd>
      {course !== undefined && (
        <dd className="pointer-events-none absolute right-3 bottom-2 left-1/2 hidden sm:block">
          <Sparkline values={course} />
        </dd>
      )}
    </div>
  );
}
