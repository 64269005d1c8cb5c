import { useLiveState } from '../api/live-state.ts';
import { checkFilter } from '../flows/filter-check.ts';
import { proposeForFilter } from '../flows/filter-completion.ts';
import { filterTokens } from '../flows/filter-tokens.ts';
import { useSharedView } from '../use-view-state.ts';
import { ViewsMenu } from '../views/views-menu.tsx';
import { FilterBox } from '../widgets/filter-box.tsx';
import { SearchIcon } from '../widgets/icons.tsx';
import { ThemeToggle } from '../widgets/theme-toggle.tsx';
import { openPalette } from './command-palette.tsx';
import type { PageEntry } from './pages.tsx';
import { RangePicker } from './range-picker.tsx';
import { UserMenu } from './user-menu.tsx';

/** The page's name; filter and time where they concern it; whether it follows the traffic. */
export function Header({ page }: { page: PageEntry | undefined }) {
  const [{ filter, range }, change] = useSharedView();
  const asksFlows = page?.asksFlows === true;
  return (
    <header className="sticky top-0 z-40 border-line border-b bg-page/95 backdrop-blur">
      <div className="flex flex-wrap items-start gap-x-3 gap-y-2 px-3 py-2 sm:px-4">
        <a href="/" className="flex h-8 items-center md:hidden" aria-label="Weir, start page">
          <img src="/weir.svg" alt="" className="size-7" />
        </a>
        <h1 className={asksFlows && page?.withoutFilter !== true ? TITLE_SHORT : TITLE}>
          {page?.name ?? 'Weir'}
        </h1>
        {asksFlows && (
          <>
            <div className="order-last w-full min-w-0 md:order-none md:w-auto md:flex-1">
              {page?.withoutFilter !== true && (
                <FilterBox
                  value={filter}
                  onApply={(next) => change({ filter: next })}
                  check={checkFilter}
                  tokens={filterTokens}
                  propose={proposeForFilter}
                />
              )}
            </div>
            <div className="order-last flex h-8 w-full items-center md:order-none md:w-auto">
              <RangePicker />
            </div>
          </>
        )}
        <div className="ml-auto flex h-8 items-center gap-1.5">
          <LivePill fixed={asksFlows && range.kind === 'fixed'} />
          <button
            type="button"
            onClick={openPalette}
            aria-label="Commands and pages"
            className="grid size-8 place-items-center rounded-md border border-line bg-surface text-ink-soft hover:border-line-strong hover:text-ink md:hidden"
          >
            <SearchIcon className="size-4" />
          </button>
          <ViewsMenu />
          <ThemeToggle />
          <UserMenu />
        </div>
      </div>
    </header>
  );
}

const TITLE = 'flex h-8 items-center font-semibold text-[0.9375rem] tracking-tight';
const TITLE_SHORT = `${TITLE} md:sr-only`;

const PILLS = {
  live: {
    text: 'Live',
    title: 'The page follows the traffic. Click (or p) to hold it.',
    dot: 'bg-good breathing',
  },
  waiting: {
    text: 'Connecting',
    title: 'Waiting for the server; the page tries again by itself.',
    dot: 'bg-warn',
  },
  paused: {
    text: 'Paused',
    title: 'The page stands still. Click (or p) to follow again.',
    dot: 'bg-line-strong',
  },
  off: {
    text: 'Not live',
    title: 'The page is not updated: there is nothing to follow, or its filter cannot be read.',
    dot: 'bg-line-strong',
  },
  fixed: {
    text: 'Fixed time',
    title: 'A fixed span of time is shown; choose a range that ends now to follow the traffic.',
    dot: 'bg-line-strong',
  },
} as const;

function LivePill({ fixed }: { fixed: boolean }) {
  const { feed, paused, setPaused } = useLiveState();
  const kind = fixed && feed !== 'waiting' ? 'fixed' : paused ? 'paused' : feed;
  const pill = PILLS[kind];
  return (
    <button
      type="button"
      title={pill.title}
      aria-pressed={paused}
      onClick={() => setPaused(!paused)}
      className="flex h-8 items-center gap-1.5 whitespace-nowrap rounded-md px-2 text-ink-soft text-xs hover:bg-hover"
    >
      <span aria-hidden="true" className={`size-2 rounded-full ${pill.dot}`} />
      <span role="status">{pill.text}</span>
    </button>
  );
}
