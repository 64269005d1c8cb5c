import { useState } from 'react';
import type { FlowRecord } from '../api/contract.ts';
import { dimensionTitle } from '../flows/dimension.ts';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Popover } from '../widgets/popover.tsx';
import { allColumns, COLUMNS_WIDE } from './record-column.ts';

interface ColumnChooserProps {
  columns: readonly string[];
  records: readonly FlowRecord[];
  onChange: (columns: readonly string[]) => void;
}

/** Which fields are shown, those that are first. */
export function ColumnChooser({ columns, records, onChange }: ColumnChooserProps) {
  const [find, setFind] = useState('');
  const wanted = find.trim().toLowerCase();
  const names = [...columns, ...allColumns(records).filter((name) => !columns.includes(name))].filter(
    (name) => `${name} ${dimensionTitle(name)}`.toLowerCase().includes(wanted),
  );
  return (
    <Popover label="Columns" button="Columns" buttonClassName={SMALL_BUTTON} align="right">
      {() => (
        <div className="w-72 p-2">
          <input
            type="search"
            aria-label="Find a column"
            placeholder="Find"
            value={find}
            onChange={(event) => setFind(event.target.value)}
            className="mb-1 h-8 w-full rounded-md border border-line bg-sunken px-2 text-[0.8125rem] focus:border-accent focus:outline-none"
          />
          <ul className="max-h-80 overflow-y-auto">
            {names.map((name) => (
              <li key={name}>
                <label className="flex cursor-pointer items-baseline gap-2 rounded px-2 py-1 text-[0.8125rem] hover:bg-hover">
                  <input
                    type="checkbox"
                    checked={columns.includes(name)}
                    disabled={columns.length === 1 && columns[0] === name}
                    onChange={(event) =>
                      onChange(
                        event.target.checked ? [...columns, name] : columns.filter((each) => each !== name),
                      )
                    }
                    className="accent-(--accent)"
                  />
                  <span className="truncate">{dimensionTitle(name)}</span>
                  <span className="wire ml-auto truncate text-[0.7rem] text-ink-faint">{name}</span>
                </label>
              </li>
            ))}
          </ul>
          <button
            type="button"
            onClick={() => onChange(COLUMNS_WIDE)}
            className="mt-1 w-full rounded px-2 py-1 text-left text-accent text-xs hover:bg-hover"
          >
            As they were
          </button>
        </div>
      )}
    </Popover>
  );
}
