import type { ReactNode } from 'react';

interface ScrollRegionProps {
  label: string;
  className?: string;
  children: ReactNode;
}

/** What is larger than its place, and scrolls in it: by keys, too. */
export function ScrollRegion({ label, className = '', children }: ScrollRegionProps) {
  return (
    <section
      aria-label={label}
      // Relative: what is only for screen readers is placed absolutely, and must not widen the page.
      className={`relative overflow-auto ${className}`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: without focus, keys cannot scroll it (axe: scrollable-region-focusable).
      tabIndex={0}
    >
      {children}
    </section>
  );
}
