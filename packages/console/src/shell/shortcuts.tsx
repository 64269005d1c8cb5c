import { useEffect, useRef } from 'react';
import { useLocation } from 'wouter';
import { togglePaused } from '../api/live-state.ts';
import { pageAddress, useSharedView } from '../use-view-state.ts';
import { shiftedRange, widenedRange } from '../view-state.ts';
import { FOCUS_FILTER } from '../widgets/filter-box.tsx';
import { openPalette } from './command-palette.tsx';
import { PAGES } from './pages.tsx';

/** After `g` the letter of a page has to come within this time. */
const CHORD_MS = 1200;

const HELP: readonly [keys: string, meaning: string][] = [
  ['Ctrl K', 'commands and pages'],
  ['/', 'to the filter'],
  ['p', 'hold the page, follow again'],
  ['[  ]', 'earlier, later'],
  ['-', 'twice as long a time'],
  ...PAGES.map(({ letter, name }): [string, string] => [`g ${letter}`, name]),
  ['?', 'this list'],
];

/** Keys that work wherever nobody is typing. */
export function useShortcuts(): void {
  const [shared, change] = useSharedView();
  const [, navigate] = useLocation();
  const newest = useRef({ shared, change, navigate });
  newest.current = { shared, change, navigate };
  useEffect(() => {
    let chordUntil = 0;
    const onKey = (event: KeyboardEvent): void => {
      const modified = event.ctrlKey || event.metaKey;
      if (modified && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        openPalette();
        return;
      }
      if (modified || event.altKey || isTyping(event)) return;
      const now = performance.now();
      const action = now < chordUntil ? goTo(event.key) : ACTIONS[event.key];
      chordUntil = event.key === 'g' ? now + CHORD_MS : 0;
      if (action === undefined) return;
      event.preventDefault();
      action(newest.current);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

interface Reach {
  shared: ReturnType<typeof useSharedView>[0];
  change: ReturnType<typeof useSharedView>[1];
  navigate: (to: string) => void;
}

function goTo(letter: string): ((reach: Reach) => void) | undefined {
  const page = PAGES.find((each) => each.letter === letter);
  return page === undefined ? undefined : ({ shared, navigate }) => navigate(pageAddress(page.path, shared));
}

const ACTIONS: Readonly<Record<string, (reach: Reach) => void>> = {
  '/': () => window.dispatchEvent(new Event(FOCUS_FILTER)),
  p: togglePaused,
  '[': ({ shared, change }) => change({ range: shiftedRange(shared.range, -1, Date.now()) }),
  ']': ({ shared, change }) => change({ range: shiftedRange(shared.range, 1, Date.now()) }),
  '-': ({ shared, change }) => change({ range: widenedRange(shared.range, Date.now()) }),
  '?': () => openHelp(),
};

/** True in fields, in the editor (whose shadow root hides the real target) and in open dialogs. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0];
  if (!(target instanceof HTMLElement)) return false;
  return (
    target.isContentEditable ||
    target.closest('input, textarea, select, dialog[open], [role="menu"]') !== null
  );
}

const HELP_ID = 'shortcut-help';

export function openHelp(): void {
  const dialog = document.getElementById(HELP_ID);
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

export function ShortcutHelp() {
  return (
    <dialog
      id={HELP_ID}
      aria-label="Keyboard shortcuts"
      className="m-auto w-[22rem] max-w-[calc(100vw-2rem)] rounded-lg border border-line-strong bg-surface p-4 text-ink shadow-2xl backdrop:bg-black/40"
    >
      <h2 className="mb-2 font-semibold">Keyboard</h2>
      <dl className="grid grid-cols-[5rem_1fr] gap-y-1 text-[0.8125rem]">
        {HELP.map(([keys, meaning]) => (
          <div key={keys} className="contents">
            <dt>
              <kbd className="wire">{keys}</kbd>
            </dt>
            <dd className="text-ink-soft">{meaning}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog" className="mt-3 text-right">
        <button
          type="submit"
          className="rounded-md border border-line px-2.5 py-1 text-xs hover:border-line-strong"
        >
          Close
        </button>
      </form>
    </dialog>
  );
}
