import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useEffect, useMemo, useRef } from 'react';
import type { FlowRecord } from '../api/contract.ts';
import { isDropped } from '../flows/flow-columns.tsx';
import { isFigure, RecordCell } from './record-cell.tsx';
import { recordColumn } from './record-column.ts';

interface RecordTableProps {
  records: readonly FlowRecord[];
  columns: readonly string[];
  /** Index of the record whose details are shown. */
  chosen: number | undefined;
  onChoose: (index: number) => void;
  /** Called when the end comes near. */
  onEnd: () => void;
}

const ROW_PIXELS = 30;
const ROWS_AHEAD = 30;

/** Raw records; only the rows that are seen are drawn, so that there may be any number of them. */
export function RecordTable({ records, columns, chosen, onChoose, onEnd }: RecordTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const definitions = useMemo(() => columns.map(recordColumn), [columns]);
  const rows = useVirtualizer({
    count: records.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PIXELS,
    overscan: 12,
  });
  const visible = rows.getVirtualItems();
  const last = visible.at(-1)?.index ?? 0;
  const nearEnd = records.length > 0 && last >= records.length - ROWS_AHEAD;
  useEffect(() => {
    if (nearEnd) onEnd();
  }, [nearEnd, onEnd]);

  const template = {
    gridTemplateColumns: `1.5rem ${definitions.map(({ width }) => `minmax(${width}rem,1fr)`).join(' ')}`,
  };
  const width = definitions.reduce((sum, column) => sum + column.width, 1.5);
  const now = Date.now();
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0 || chosen === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(records.length - 1, chosen + step));
    onChoose(next);
    rows.scrollToIndex(next);
  };
  return (
    <section
      ref={scroller}
      aria-label="Records"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard.
      tabIndex={0}
      onKeyDown={onKeyDown}
      className="relative min-h-0 flex-1 overflow-auto text-[0.8125rem] focus-visible:outline-offset-[-2px]"
    >
      <table
        aria-label="Flows"
        aria-rowcount={records.length + 1}
        className="block text-left"
        style={{ minWidth: `${width}rem` }}
      >
        <thead className="sticky top-0 z-10 block border-line border-b bg-surface">
          <tr className="grid items-center text-ink-faint text-xs" style={template}>
            <th scope="col">
              <span className="sr-only">Details</span>
            </th>
            {definitions.map((column) => (
              <th
                key={column.name}
                scope="col"
                title={column.about}
                className={`truncate px-2 py-1.5 font-medium ${isFigure(column) ? 'text-right' : ''}`}
              >
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="relative block" style={{ height: rows.getTotalSize() }}>
          {visible.map(({ index, key, start }) => {
            const record = records[index];
            if (record === undefined) return null;
            const dropped = isDropped(record);
            return (
              <tr
                key={key}
                aria-rowindex={index + 2}
                className={`absolute inset-x-0 grid items-center border-line border-b hover:bg-hover ${
                  index === chosen ? 'bg-accent-soft' : dropped ? 'bg-drop-soft' : ''
                }`}
                style={{ ...template, height: ROW_PIXELS, transform: `translateY(${start}px)` }}
              >
                <td className="grid place-items-center">
                  <button
                    type="button"
                    aria-label={`Details of record ${index + 1}${dropped ? ', dropped' : ''}`}
                    aria-pressed={index === chosen}
                    onClick={() => onChoose(index)}
                    className={`grid size-6 place-items-center rounded text-xs hover:bg-hover hover:text-ink ${
                      dropped ? 'font-bold text-drop' : 'text-ink-faint'
                    }`}
                  >
                    {dropped ? '✕' : '›'}
                  </button>
                </td>
                {definitions.map((column) => (
                  <td
                    key={column.name}
                    className={`truncate px-2 ${isFigure(column) ? 'figures text-right' : ''}`}
                  >
                    <RecordCell record={record} column={column} now={now} />
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
