import { FIELDS, fieldNamed, parseDimension } from '@weir/analysis';
import { useState } from 'react';
import { dimensionTitle } from '../flows/dimension.ts';
import { Popover } from '../widgets/popover.tsx';
import { DIMENSIONS_MAX, moved } from './explore-view.ts';

interface DimensionChipsProps {
  by: readonly string[];
  onChange: (by: readonly string[]) => void;
}

/** The dimensions in order: dragged or moved with the arrow keys, removed, added from a list. */
export function DimensionChips({ by, onChange }: DimensionChipsProps) {
  const [dragged, setDragged] = useState<number>();
  return (
    <div className="flex min-w-0 flex-wrap items-center gap-1.5">
      <ol aria-label="Grouped by, in this order" className="contents">
        {by.map((dimension, index) => (
          <li
            key={dimension}
            draggable
            onDragStart={(event) => {
              setDragged(index);
              event.dataTransfer.effectAllowed = 'move';
              event.dataTransfer.setData('text/plain', dimension);
            }}
            onDragOver={(event) => dragged !== undefined && event.preventDefault()}
            onDrop={(event) => {
              event.preventDefault();
              if (dragged !== undefined) onChange(moved(by, dragged, index));
              setDragged(undefined);
            }}
            onDragEnd={() => setDragged(undefined)}
            className={`flex h-7 cursor-grab items-center rounded-md border border-line bg-surface text-xs ${
              dragged === index ? 'opacity-50' : ''
            }`}
          >
            <button
              type="button"
              title="Drag, or move with the arrow keys"
              aria-label={`${dimensionTitle(dimension)}, ${index + 1} of ${by.length}; arrow keys move it`}
              onKeyDown={(event) => {
                const step = event.key === 'ArrowLeft' ? -1 : event.key === 'ArrowRight' ? 1 : 0;
                if (step === 0) return;
                event.preventDefault();
                onChange(moved(by, index, index + step));
              }}
              className="h-full cursor-grab rounded-l-md px-2 font-medium"
            >
              <span aria-hidden="true" className="mr-1.5 text-ink-faint">
                ⠿
              </span>
              {dimensionTitle(dimension)}
            </button>
            <PrefixLength
              dimension={dimension}
              onChange={(next) => onChange(by.map((each, at) => (at === index ? next : each)))}
            />
            <button
              type="button"
              aria-label={`Remove ${dimensionTitle(dimension)}`}
              disabled={by.length === 1}
              onClick={() => onChange(by.filter((_, at) => at !== index))}
              className="grid h-full w-6 place-items-center rounded-r-md text-ink-faint hover:text-ink disabled:hidden"
            >
              ×
            </button>
          </li>
        ))}
      </ol>
      {by.length < DIMENSIONS_MAX && (
        <AddDimension by={by} onAdd={(dimension) => onChange([...by, dimension])} />
      )}
    </div>
  );
}

const LENGTHS = ['', '8', '16', '24', '28'];

/** How much of an address counts. */
function PrefixLength({ dimension, onChange }: { dimension: string; onChange: (dimension: string) => void }) {
  const [field = '', length = ''] = dimension.split('/');
  if (fieldNamed(field)?.kind !== 'address') return null;
  return (
    <select
      aria-label={`Prefix length of ${dimensionTitle(field)}`}
      value={length}
      onChange={(event) => onChange(event.target.value === '' ? field : `${field}/${event.target.value}`)}
      className="h-full cursor-pointer bg-transparent text-ink-soft text-xs"
    >
      {[...new Set([...LENGTHS, length])].map((each) => (
        <option key={each} value={each} className="bg-surface">
          {each === '' ? 'address' : `/${each}`}
        </option>
      ))}
    </select>
  );
}

/** Those first that people ask for most. */
const FAVOURITES = [
  'srcAddr',
  'dstAddr',
  'protocol',
  'dstPort',
  'srcPort',
  'application',
  'srcCountry',
  'dstCountry',
  'srcNetwork',
  'dstNetwork',
  'srcUser',
  'srcPeer',
  'exporter',
  'direction',
  'forwardingState',
  'rule',
  'srcAs',
  'dstAs',
  'inIf',
  'outIf',
];
const DIMENSIONS: readonly { name: string; about: string }[] = FIELDS.filter(
  ({ groupable, name }) => groupable && parseDimension(name) !== undefined,
)
  .map(({ name, description }) => ({ name, about: description }))
  .sort((one, other) => rankOf(one.name) - rankOf(other.name));

function rankOf(name: string): number {
  const rank = FAVOURITES.indexOf(name);
  return rank < 0 ? FAVOURITES.length : rank;
}

const SHOWN_MAX = 40;

function AddDimension({ by, onAdd }: { by: readonly string[]; onAdd: (dimension: string) => void }) {
  const [find, setFind] = useState('');
  const wanted = find.trim().toLowerCase();
  const used = new Set(by.map((dimension) => dimension.split('/')[0]));
  const found = DIMENSIONS.filter(
    ({ name, about }) =>
      !used.has(name) && `${name} ${dimensionTitle(name)} ${about}`.toLowerCase().includes(wanted),
  ).slice(0, SHOWN_MAX);
  return (
    <Popover
      label="Add a dimension"
      button="+ Dimension"
      buttonClassName="h-7 rounded-md border border-line border-dashed px-2 text-ink-soft text-xs hover:border-line-strong hover:text-ink"
    >
      {(close) => (
        <div className="w-72 p-1.5">
          <input
            type="search"
            aria-label="Find a dimension"
            placeholder="Find"
            // biome-ignore lint/a11y/noAutofocus: who opened the list wants to type into it.
            autoFocus
            value={find}
            onChange={(event) => setFind(event.target.value)}
            onKeyDown={(event) => {
              const [first] = found;
              if (event.key !== 'Enter' || first === undefined) return;
              close();
              onAdd(first.name);
            }}
            className="mb-1 h-8 w-full rounded-md border border-line bg-sunken px-2 text-[0.8125rem] focus:border-accent focus:outline-none"
          />
          <ul className="max-h-72 overflow-y-auto">
            {found.map(({ name, about }) => (
              <li key={name}>
                <button
                  type="button"
                  title={about}
                  onClick={() => {
                    close();
                    setFind('');
                    onAdd(name);
                  }}
                  className="flex w-full items-baseline gap-2 rounded px-2 py-1 text-left text-[0.8125rem] hover:bg-hover"
                >
                  <span className="truncate">{dimensionTitle(name)}</span>
                  <span className="wire ml-auto shrink-0 text-[0.7rem] text-ink-faint">{name}</span>
                </button>
              </li>
            ))}
            {found.length === 0 && (
              <li className="px-2 py-2 text-ink-faint text-xs">There is none like that.</li>
            )}
          </ul>
        </div>
      )}
    </Popover>
  );
}
