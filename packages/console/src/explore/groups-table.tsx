import type { DimensionValue, MeasureName, QueryResponse } from '../api/contract.ts';
import { type KeyedLine, MEASURE_UNITS } from '../flows/chart-lines.tsx';
import { dimensionTitle } from '../flows/dimension.ts';
import { Value } from '../flows/value.tsx';
import { useValueActions } from '../flows/value-actions.ts';
import { formatCount, formatOctets, formatQuantity, formatShare } from '../format/quantity.ts';
import { statisticsOf } from './series-figures.ts';

interface GroupsTableProps {
  ranking: QueryResponse;
  measure: MeasureName;
  /** Lines of the chart, by the JSON of their key: colours, and figures over time. */
  lines: ReadonlyMap<string, KeyedLine>;
  onHighlight: (id: string | undefined) => void;
}

const FIGURE = 'figures whitespace-nowrap px-2 py-1.5 text-right';

/** The groups of the chart and their figures; each value can be clicked. */
export function GroupsTable({ ranking, measure, lines, onHighlight }: GroupsTableProps) {
  const { unit, factor } = MEASURE_UNITS[measure];
  const seconds = Math.max(1, (ranking.to - ranking.from) / 1000);
  const rate = (value: number): string => formatQuantity(value, unit);
  return (
    <div className="relative overflow-x-auto">
      <table aria-label="Groups" className="w-full border-collapse text-left text-[0.8125rem]">
        <thead className="text-ink-faint text-xs">
          <tr className="border-line border-b">
            {ranking.by.map((dimension, index) => (
              <th
                key={dimension}
                scope="col"
                className={`px-2 py-1.5 font-medium ${index === 0 ? 'pl-3.5' : ''}`}
              >
                {dimensionTitle(dimension)}
              </th>
            ))}
            {['Mean', 'Share', 'Highest', '95th', 'Last'].map((title) => (
              <th key={title} scope="col" className={`${FIGURE} font-medium`}>
                {title}
              </th>
            ))}
            {['Octets', 'Packets', 'Flows'].map((title) => (
              <th key={title} scope="col" className={`${FIGURE} font-medium max-lg:hidden`}>
                {title}
              </th>
            ))}
            <th scope="col" className="w-8">
              <span className="sr-only">What to do with it</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {ranking.rows.map((row) => {
            const key = ranking.by.map((dimension): DimensionValue => row[dimension] ?? null);
            const id = JSON.stringify(key);
            const line = lines.get(id);
            const figures = line === undefined ? undefined : statisticsOf(line.line.values);
            const value = Number(row[measure] ?? 0);
            return (
              <tr
                key={id}
                onPointerEnter={() => onHighlight(id)}
                onPointerLeave={() => onHighlight(undefined)}
                className="border-line border-b last:border-b-0 hover:bg-hover"
              >
                {ranking.by.map((dimension, index) => (
                  <td key={dimension} className={`px-2 py-1.5 ${index === 0 ? 'pl-3.5' : ''}`}>
                    <span className="flex items-center gap-2">
                      {index === 0 && (
                        <span
                          aria-hidden="true"
                          className="size-2.5 shrink-0 rounded-[3px]"
                          style={{ background: `var(${line?.line.colour ?? '--series-other'})` }}
                        />
                      )}
                      <Value
                        dimension={dimension}
                        value={key[index] ?? null}
                        className={/Addr|Port|Mac|exporter|nextHop/.test(dimension) ? 'wire' : ''}
                      />
                    </span>
                  </td>
                ))}
                <td className={`${FIGURE} font-semibold`}>{rate((value * factor) / seconds)}</td>
                <td className={FIGURE}>{formatShare(value, ranking.total[measure])}</td>
                <td className={FIGURE}>{figures === undefined ? '–' : rate(figures.max)}</td>
                <td className={FIGURE}>{figures === undefined ? '–' : rate(figures.p95)}</td>
                <td className={FIGURE}>{figures === undefined ? '–' : rate(figures.last)}</td>
                <td className={`${FIGURE} max-lg:hidden`}>{formatOctets(Number(row['octets'] ?? 0))}</td>
                <td className={`${FIGURE} max-lg:hidden`}>{formatCount(Number(row['packets'] ?? 0))}</td>
                <td className={`${FIGURE} max-lg:hidden`}>{formatCount(Number(row['flows'] ?? 0))}</td>
                <td className="pr-2 text-right">
                  <RowActions dimensions={ranking.by} values={key} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** The menu of a row: that of its first value. */
function RowActions({
  dimensions,
  values,
}: {
  dimensions: readonly string[];
  values: readonly DimensionValue[];
}) {
  const { openMenu } = useValueActions();
  const index = values.findIndex((value) => value !== null);
  const dimension = dimensions[index];
  const value = values[index];
  if (dimension === undefined || value === undefined || value === null) return null;
  return (
    <button
      type="button"
      aria-haspopup="menu"
      aria-label={`What to do with ${String(value)}`}
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        openMenu(dimension, value, { x: box.right - 256, y: box.bottom });
      }}
      className="rounded px-1.5 text-ink-faint hover:bg-hover hover:text-ink"
    >
      ⋯
    </button>
  );
}
