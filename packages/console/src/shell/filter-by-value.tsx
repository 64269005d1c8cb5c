import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import type { DimensionValue } from '../api/contract.ts';
import { dimensionTitle, displayValue } from '../flows/dimension.ts';
import { filterTerm, withTerm } from '../flows/filter-text.ts';
import { type ValueActions, ValueActionsProvider } from '../flows/value-actions.ts';
import { subjectKindOf, subjectParameters } from '../subjects/subject-link.tsx';
import { pageAddress, useSharedView } from '../use-view-state.ts';
import { type PageEntry, pageAt } from './pages.tsx';

interface OpenMenu {
  dimension: string;
  value: DimensionValue;
  at: { x: number; y: number };
}

/** Lets every value below become part of the filter, and draws the menu of the one that was asked for. */
export function FilterByValue({ children }: { children: ReactNode }) {
  const [shared, change] = useSharedView();
  const [path, navigate] = useLocation();
  const [menu, setMenu] = useState<OpenMenu>();
  const newest = useRef({ shared, path });
  newest.current = { shared, path };

  const filterBy = useCallback<ValueActions['filterBy']>(
    (dimensions, values, exclude) => {
      const terms = dimensions.map((dimension, index) =>
        filterTerm(dimension, values[index] ?? null, exclude),
      );
      const known = terms.filter((term) => term !== undefined);
      if (known.length === 0) return;
      const { filter } = newest.current.shared;
      // Without a pair is not without each of the two.
      const added = exclude && known.length > 1 ? [`(${known.join(' or ')})`] : known;
      const next = added.reduce(withTerm, filter);
      if (pageAt(newest.current.path)?.asksFlows === true) change({ filter: next });
      else navigate(pageAddress('/', { ...newest.current.shared, filter: next }));
    },
    [change, navigate],
  );
  const openMenu = useCallback<ValueActions['openMenu']>(
    (dimension, value, at) => setMenu({ dimension, value, at }),
    [],
  );
  const actions = useMemo(() => ({ filterBy, openMenu }), [filterBy, openMenu]);
  return (
    <ValueActionsProvider value={actions}>
      {children}
      {menu !== undefined && <ValueMenu menu={menu} filterBy={filterBy} onClose={() => setMenu(undefined)} />}
    </ValueActionsProvider>
  );
}

interface ValueMenuProps {
  menu: OpenMenu;
  filterBy: ValueActions['filterBy'];
  onClose: () => void;
}

const MENU_WIDTH = 260;
const MENU_HEIGHT = 272;

function ValueMenu({ menu, filterBy, onClose }: ValueMenuProps) {
  const { dimension, value, at } = menu;
  const [shared] = useSharedView();
  const [, navigate] = useLocation();
  const box = useRef<HTMLDivElement>(null);
  const opener = useRef(document.activeElement);
  useEffect(() => {
    box.current?.querySelector('button')?.focus();
    const onPress = (event: PointerEvent): void => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) onClose();
    };
    window.addEventListener('pointerdown', onPress);
    window.addEventListener('scroll', onClose, { once: true, capture: true });
    return () => {
      window.removeEventListener('pointerdown', onPress);
      window.removeEventListener('scroll', onClose, { capture: true });
      if (opener.current instanceof HTMLElement) opener.current.focus();
    };
  }, [onClose]);
  const { text } = displayValue(dimension, value);
  const term = filterTerm(dimension, value);
  const only = term === undefined ? shared.filter : withTerm(shared.filter, term);
  const goTo = (page: PageEntry | undefined, own: Record<string, string>) => () => {
    if (page !== undefined) navigate(pageAddress(page.path, { ...shared, filter: only }, own));
  };
  const kind = subjectKindOf(dimension);
  const openPage =
    kind === undefined || value === null
      ? undefined
      : () =>
          navigate(
            pageAddress(
              '/users-and-hosts',
              { ...shared, filter: '' },
              subjectParameters(kind, String(value)),
            ),
          );
  const entries: [string, (() => void) | undefined][] = [
    [`Only ${text}`, () => filterBy([dimension], [value], false)],
    [`Without ${text}`, () => filterBy([dimension], [value], true)],
    ['Explore it', pageAt('/explore') && goTo(pageAt('/explore'), {})],
    [
      `Group by ${dimensionTitle(dimension).toLowerCase()}`,
      pageAt('/explore') && (() => navigate(pageAddress('/explore', shared, { by: dimension }))),
    ],
    ['Its flows', pageAt('/flows') && goTo(pageAt('/flows'), {})],
    ['Open its page', openPage],
    ['Copy', () => void navigator.clipboard?.writeText(String(value)).catch(() => {})],
  ];
  const place = {
    left: Math.max(4, Math.min(at.x, window.innerWidth - MENU_WIDTH)),
    top: Math.max(4, Math.min(at.y, window.innerHeight - MENU_HEIGHT)),
  };
  return (
    <div
      ref={box}
      role="menu"
      aria-label={`${dimensionTitle(dimension)} ${text}`}
      tabIndex={-1}
      style={place}
      onKeyDown={(event) => moveInMenu(event, onClose)}
      className="fixed z-[60] w-64 rounded-lg border border-line-strong bg-surface py-1 shadow-2xl"
    >
      <p className="truncate px-3 pt-1 pb-1.5 text-ink-faint text-xs">
        {dimensionTitle(dimension)} <span className="wire text-ink">{text}</span>
      </p>
      {entries.map(([title, run]) =>
        run === undefined ? null : (
          <button
            key={title}
            type="button"
            role="menuitem"
            onClick={() => {
              onClose();
              run();
            }}
            className="block w-full truncate px-3 py-1.5 text-left text-[0.8125rem] hover:bg-hover focus-visible:bg-hover focus-visible:outline-offset-[-2px]"
          >
            {title}
          </button>
        ),
      )}
    </div>
  );
}

function moveInMenu(event: React.KeyboardEvent<HTMLDivElement>, onClose: () => void): void {
  if (event.key === 'Escape' || event.key === 'Tab') {
    event.preventDefault();
    onClose();
    return;
  }
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (step === 0) return;
  event.preventDefault();
  const items: Element[] = [...event.currentTarget.querySelectorAll('button')];
  const at = document.activeElement === null ? -1 : items.indexOf(document.activeElement);
  const next = items[(at + step + items.length) % items.length];
  if (next instanceof HTMLElement) next.focus();
}
