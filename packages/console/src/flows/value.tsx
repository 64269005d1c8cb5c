import type { ReactNode } from 'react';
import type { DimensionValue } from '../api/contract.ts';
import { displayValue } from './dimension.ts';
import { useValueActions } from './value-actions.ts';

interface ValueProps {
  dimension: string;
  value: DimensionValue;
  /** Shown instead of the value's own text. */
  children?: ReactNode;
  className?: string;
  /** More to say in the title. */
  about?: string;
}

/** A value that a click puts into the filter; with Alt, what excludes it; with the other button, a menu. */
export function Value({ dimension, value, children, className = '', about }: ValueProps) {
  const { filterBy, openMenu } = useValueActions();
  const { text, hint } = displayValue(dimension, value);
  if (value === null) return <span className="text-ink-faint">–</span>;
  const name = hint === undefined ? text : `${text} (${hint})`;
  return (
    <button
      type="button"
      className={`value ${className}`}
      title={`${about ?? name}. Click: only ${text}. Alt-click: without it. Right-click: more.`}
      onClick={(event) => filterBy([dimension], [value], event.altKey)}
      onContextMenu={(event) => {
        event.preventDefault();
        const box = event.currentTarget.getBoundingClientRect();
        // Opened by a key, the event has no place of its own.
        openMenu(
          dimension,
          value,
          event.clientX === 0 ? { x: box.left, y: box.bottom } : { x: event.clientX, y: event.clientY },
        );
      }}
    >
      {children ?? text}
      {children === undefined && hint !== undefined && <span className="ml-1 text-ink-faint">{hint}</span>}
    </button>
  );
}
