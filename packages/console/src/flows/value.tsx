import { createContext, type ReactNode, use } from 'react';
import type { DimensionValue } from '../api/contract.ts';
import { displayValue } from './dimension.ts';

/** What a click on a value does; the page that owns the filter provides it. */
export type FilterBy = (dimension: string, value: DimensionValue, exclude: boolean) => void;

const FilterByContext = createContext<FilterBy>(() => {});
export const FilterByProvider = FilterByContext.Provider;

interface ValueProps {
  dimension: string;
  value: DimensionValue;
  /** Shown instead of the value's own text. */
  children?: ReactNode;
  className?: string;
  /** More to say in the title. */
  about?: string;
}

/** A value that a click puts into the filter; with Alt, what excludes it. */
export function Value({ dimension, value, children, className = '', about }: ValueProps) {
  const filterBy = use(FilterByContext);
  const { text, hint } = displayValue(dimension, value);
  if (value === null) return <span className="text-ink-faint">–</span>;
  const name = hint === undefined ? text : `${text} (${hint})`;
  return (
    <button
      type="button"
      className={`value ${className}`}
      title={`${about ?? name}. Click: only ${text}. Alt-click: without it.`}
      onClick={(event) => filterBy(dimension, value, event.altKey)}
    >
      {children ?? text}
      {children === undefined && hint !== undefined && <span className="ml-1 text-ink-faint">{hint}</span>}
    </button>
  );
}
