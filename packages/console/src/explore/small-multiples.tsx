import type { KeyedLine } from '../flows/chart-lines.tsx';
import { formatQuantity } from '../format/quantity.ts';

interface SmallMultiplesProps {
  lines: readonly KeyedLine[];
  unit: string;
  onHighlight: (id: string | undefined) => void;
}

const WIDTH = 200;
const HEIGHT = 60;

/** One small chart for each line, all to the same scale, so that they can be compared. */
export function SmallMultiples({ lines, unit }: SmallMultiplesProps) {
  const highest = Math.max(...lines.flatMap(({ line }) => [...line.values]), 0);
  return (
    <ul
      aria-label="One chart for each group"
      className="grid grid-cols-2 gap-2.5 p-3 sm:grid-cols-3 xl:grid-cols-4"
    >
      {lines.map(({ line, mean }) => (
        <li key={line.id} className="min-w-0 rounded-md border border-line px-2.5 pt-1.5 pb-2">
          <p className="figures flex items-baseline gap-2 text-xs">
            <span className="truncate font-medium">{line.name}</span>
            <span className="ml-auto whitespace-nowrap text-ink-soft">{formatQuantity(mean, unit)}</span>
          </p>
          <svg
            aria-hidden="true"
            viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
            preserveAspectRatio="none"
            className="mt-1 h-16 w-full"
            style={{ color: `var(${line.colour})` }}
          >
            <polygon points={areaOf(line.values, highest)} fill="currentColor" opacity="0.85" />
          </svg>
          <p className="figures text-[0.6875rem] text-ink-faint">
            at most {formatQuantity(Math.max(...line.values, 0), unit)}
          </p>
        </li>
      ))}
    </ul>
  );
}

function areaOf(values: readonly number[], highest: number): string {
  if (highest === 0 || values.length === 0) return '';
  const step = WIDTH / values.length;
  const tops = values.flatMap((value, index) => {
    const y = (HEIGHT - (value / highest) * HEIGHT).toFixed(2);
    return [`${(index * step).toFixed(2)},${y}`, `${((index + 1) * step).toFixed(2)},${y}`];
  });
  return `0,${HEIGHT} ${tops.join(' ')} ${WIDTH},${HEIGHT}`;
}
