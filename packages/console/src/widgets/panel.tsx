import type { ReactNode } from 'react';

interface PanelProps {
  title: string;
  /** Beside the title: a count, a note. */
  note?: ReactNode;
  /** At the right end of the title's line: switches of this panel. */
  controls?: ReactNode;
  children: ReactNode;
  className?: string;
}

/** A titled region of the page. */
export function Panel({ title, note, controls, children, className = '' }: PanelProps) {
  return (
    <section
      aria-label={title}
      className={`flex min-w-0 flex-col rounded-lg border border-line bg-surface ${className}`}
    >
      <header className="flex min-h-11 flex-wrap items-center gap-x-3 gap-y-1.5 border-line border-b px-3.5 py-1.5">
        <h2 className="font-semibold text-[0.8125rem] tracking-tight">{title}</h2>
        {note !== undefined && <span className="figures text-ink-faint text-xs">{note}</span>}
        {controls !== undefined && (
          <div className="ml-auto flex flex-wrap items-center gap-2">{controls}</div>
        )}
      </header>
      {children}
    </section>
  );
}
