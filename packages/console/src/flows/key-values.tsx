import type { DimensionValue } from '../api/contract.ts';
import { displayValue } from './dimension.ts';
import { Value } from './value.tsx';

/** The values of a group, each of which can be clicked. */
export function KeyValues({
  dimensions,
  values,
}: {
  dimensions: readonly string[];
  values: readonly DimensionValue[];
}) {
  return (
    <span className="flex min-w-0 flex-wrap items-baseline gap-x-1">
      {dimensions.map((dimension, index) => {
        const value = values[index] ?? null;
        const wire = /Addr$|Port$|exporter/.test(dimension) ? 'wire' : '';
        return (
          <span key={dimension} className="flex min-w-0 items-baseline gap-1">
            {index > 0 && <span className="text-ink-faint">→</span>}
            {value === null ? (
              <span className="text-ink-faint">{displayValue(dimension, null).text}</span>
            ) : (
              <Value dimension={dimension} value={value} className={wire} />
            )}
          </span>
        );
      })}
    </span>
  );
}
