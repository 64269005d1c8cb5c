import { useId, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { togglePaused, useLiveState } from '../api/live-state.ts';
import { checkFilter } from '../flows/filter-check.ts';
import { rangeTitle } from '../format/time-words.ts';
import { useTheme } from '../theme.ts';
import { pageAddress, useSharedView } from '../use-view-state.ts';
import { RANGES } from '../view-state.ts';
import { PAGES } from './pages.tsx';
import { matchingCommands, type PaletteCommand } from './palette-match.ts';
import { openHelp } from './shortcuts.tsx';
import { usePages } from './use-pages.ts';

const PALETTE_ID = 'command-palette';
/** Of the list, which scrolls: all pages are there before anything is typed, for a phone has no other list of them. */
const ROWS_MAX = 40;

export function openPalette(): void {
  const dialog = document.getElementById(PALETTE_ID);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

const EXAMPLES = [
  { text: 'host 10.0.0.1', meaning: 'from or to an address' },
  { text: 'net 10.0.0.0/8 and port 443', meaning: 'web traffic of a network, both directions' },
  { text: 'udp bytes > 10M', meaning: 'UDP flows of more than ten megabytes' },
  { text: 'dropped', meaning: 'what a policy refused' },
  { text: 'not (port 53 or icmp)', meaning: 'without the noise' },
];

/** Ctrl-K: pages, times, themes; whatever is typed and is a filter can be applied. */
export function CommandPalette() {
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const id = useId();
  const commands = useCommands();
  const typed = useFilterCommand(text);
  const found = matchingCommands(typed === undefined ? commands : [...commands, typed], text).slice(
    0,
    ROWS_MAX,
  );
  const at = Math.min(chosen, found.length - 1);
  const close = (): void => dialog.current?.close();
  const run = (command: PaletteCommand | undefined): void => {
    close();
    command?.run();
  };
  return (
    <dialog
      ref={dialog}
      id={PALETTE_ID}
      aria-label="Commands"
      onClose={() => {
        // What had the focus before may have been the page itself, which cannot take it back.
        if (dialog.current?.contains(document.activeElement)) field.current?.blur();
        setText('');
        setChosen(0);
      }}
      onPointerDown={(event) => event.target === dialog.current && close()}
      className="mx-auto mt-[12dvh] mb-auto w-[34rem] max-w-[calc(100vw-1.5rem)] overflow-hidden rounded-xl border border-line-strong bg-surface p-0 text-ink shadow-2xl backdrop:bg-black/40"
    >
      <input
        ref={field}
        type="text"
        role="combobox"
        aria-label="Command, page or filter"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found.length === 0 ? undefined : `${id}-${at}`}
        placeholder="Go to a page, choose a time, or type a filter"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setChosen(0);
        }}
        onKeyDown={(event) => {
          const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
          if (step !== 0) setChosen((at + step + found.length) % Math.max(1, found.length));
          else if (event.key === 'Enter') run(found[at]);
          else return;
          event.preventDefault();
        }}
        className="h-12 w-full border-line border-b bg-transparent px-4 text-[0.9375rem] outline-none"
      />
      <div
        id={`${id}-list`}
        role="listbox"
        aria-label="Commands"
        className="max-h-[60dvh] overflow-y-auto py-1.5"
      >
        {found.map((command, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled in the field, which keeps the focus.
          <div
            key={command.id}
            id={`${id}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onClick={() => run(command)}
            onPointerMove={() => setChosen(index)}
            className="mx-1.5 flex cursor-pointer items-baseline gap-3 rounded-md px-2.5 py-1.5 aria-selected:bg-accent-soft"
          >
            <span className="w-12 shrink-0 text-ink-faint text-xs">{command.group}</span>
            <span className="max-w-[70%] shrink-0 truncate">{command.title}</span>
            {command.hint !== undefined && (
              <span className="ml-auto min-w-0 truncate text-ink-soft text-xs">{command.hint}</span>
            )}
          </div>
        ))}
        {found.length === 0 && (
          <p className="px-4 py-3 text-ink-faint">
            Nothing is called that{text.trim() === '' ? '' : ', and it is no filter'}.
          </p>
        )}
      </div>
    </dialog>
  );
}

function useCommands(): PaletteCommand[] {
  const [shared, change] = useSharedView();
  const [, navigate] = useLocation();
  const { choose } = useTheme();
  const { paused } = useLiveState();
  const pages = usePages();
  return useMemo(() => {
    const filterCommands = EXAMPLES.map(
      ({ text, meaning }): PaletteCommand => ({
        id: `filter ${text}`,
        group: 'Filter',
        title: text,
        hint: meaning,
        run: () => change({ filter: text }),
      }),
    );
    return [
      ...pages.map(
        (page): PaletteCommand => ({
          id: `page ${page.path}`,
          group: 'Page',
          title: page.name,
          hint: `${page.about} · g ${page.letter}`,
          run: () => navigate(pageAddress(page.path, shared)),
        }),
      ),
      {
        id: 'pause',
        group: 'View',
        title: paused ? 'Follow the traffic again' : 'Hold the page',
        hint: 'p',
        run: togglePaused,
      },
      ...(shared.filter === ''
        ? []
        : [{ id: 'clear', group: 'Filter', title: 'Show all flows', run: () => change({ filter: '' }) }]),
      ...RANGES.map(
        (last): PaletteCommand => ({
          id: `time ${last}`,
          group: 'Time',
          title: rangeTitle({ kind: 'last', last }, 0),
          run: () => change({ range: { kind: 'last', last } }),
        }),
      ),
      ...(['local', 'utc'] as const).map(
        (zone): PaletteCommand => ({
          id: `zone ${zone}`,
          group: 'Time',
          title: zone === 'utc' ? 'Times in UTC' : 'Times in local time',
          run: () => change({ zone }),
        }),
      ),
      ...(['light', 'dark', 'auto'] as const).map(
        (theme): PaletteCommand => ({
          id: `theme ${theme}`,
          group: 'View',
          title: theme === 'auto' ? 'Theme of the system' : `${theme === 'dark' ? 'Dark' : 'Light'} theme`,
          run: () => choose(theme),
        }),
      ),
      {
        id: 'copy',
        group: 'View',
        title: 'Copy the address of this view',
        run: () => void navigator.clipboard?.writeText(window.location.href).catch(() => {}),
      },
      { id: 'keys', group: 'Help', title: 'Keyboard shortcuts', hint: '?', run: openHelp },
      {
        id: 'api',
        group: 'Help',
        title: 'The API, described (OpenAPI)',
        run: () => window.open('/api/v1/openapi.json', '_blank', 'noopener'),
      },
      ...filterCommands,
    ];
  }, [shared, change, navigate, choose, paused, pages]);
}

/** What is typed, as a filter, when it is one. */
function useFilterCommand(text: string): PaletteCommand | undefined {
  const [shared, change] = useSharedView();
  const [path, navigate] = useLocation();
  const filter = text.trim();
  if (filter.length < 2 || checkFilter(filter) !== undefined) return undefined;
  const asksFlows = PAGES.find((page) => page.path === path)?.asksFlows === true;
  return {
    id: 'typed',
    group: 'Filter',
    title: filter,
    hint: 'apply this filter',
    always: true,
    run: () => (asksFlows ? change({ filter }) : navigate(pageAddress('/', { ...shared, filter }))),
  };
}
