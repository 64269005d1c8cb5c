import type { MeasureName, QueryResponse } from '../api/contract.ts';
import { MEASURE_UNITS } from '../flows/chart-lines.tsx';
import { FIXED_COLOURS, GROUPINGS, type GroupBy } from '../flows/dimension.ts';
import { KeyValues } from '../flows/key-values.tsx';
import { formatQuantity, formatShare } from '../format/quantity.ts';
import { type Bar, BarList } from '../widgets/bar-list.tsx';
import { Panel } from '../widgets/panel.tsx';
import { QueryText } from '../widgets/query-text.tsx';
import { Pick } from '../widgets/segmented.tsx';
import { useHeld } from '../widgets/use-held.ts';
import { GROUP_OPTIONS } from './traffic-panel.tsx';

interface TopPanelProps {
  top: QueryResponse | undefined;
  /** Names the question that `top` answers. */
  question: string;
  by: GroupBy;
  measure: MeasureName;
  onBy: (by: GroupBy) => void;
  className?: string;
}

/** Who carries most of the traffic; stands still while it is pointed at. */
export function TopPanel({ top, question, by, measure, onBy, className }: TopPanelProps) {
  const held = useHeld(top, question);
  const bars = held.value === undefined ? [] : barsOf(held.value, by, measure);
  const note = held.behind ? 'held while you point' : undefined;
  return (
    <Panel
      title={`Top ${GROUPINGS[by].plural.toLowerCase()}`}
      note={note}
      className={className ?? ''}
      controls={
        <>
          <QueryText sql={top?.sql} />
          <Pick label="Rank by" options={GROUP_OPTIONS} value={by} onChange={onBy} />
        </>
      }
    >
      <div {...held.handlers} className="min-h-0 flex-1">
        <BarList label={`Top ${GROUPINGS[by].plural.toLowerCase()}`} bars={bars} />
        {top !== undefined && bars.length === 0 && (
          <p className="px-3.5 py-2 text-ink-faint">Nothing in this time.</p>
        )}
      </div>
    </Panel>
  );
}

function barsOf(top: QueryResponse, by: GroupBy, measure: MeasureName): Bar[] {
  const seconds = Math.max(1, (top.to - top.from) / 1000);
  const { unit, factor } = MEASURE_UNITS[measure];
  const largest = Math.max(...top.rows.map((row) => Number(row[measure] ?? 0)), 1);
  return top.rows.map((row): Bar => {
    const value = Number(row[measure] ?? 0);
    const key = top.by.map((dimension) => row[dimension] ?? null);
    const id = JSON.stringify(key);
    return {
      id,
      label: <KeyValues dimensions={top.by} values={key} />,
      share: value / largest,
      colour: FIXED_COLOURS[by]?.[id] ?? '--accent',
      figure: formatQuantity((value * factor) / seconds, unit),
      note: formatShare(value, top.total[measure]),
    };
  });
}
