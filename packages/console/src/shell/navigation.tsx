import { useId } from 'react';
import { Link, useLocation } from 'wouter';
import { pageAddress, useSharedView } from '../use-view-state.ts';
import { MoreIcon } from '../widgets/icons.tsx';
import { openPalette } from './command-palette.tsx';
import { type PageEntry, SECTIONS } from './pages.tsx';
import { usePages } from './use-pages.ts';

/** Pages that a phone's bar has room for beside the button for the others. */
const BAR_PAGES = 4;

/** Where one can go, at the left of a wide screen: names where there is room, else icons. */
export function NavigationRail() {
  const pages = usePages();
  return (
    <nav
      aria-label="Pages"
      className="sticky top-0 hidden h-dvh w-14 shrink-0 flex-col border-line border-r bg-surface md:flex xl:w-48"
    >
      <a href="/" className="flex h-14 items-center gap-2.5 px-3.5" aria-label="Weir, start page">
        <img src="/weir.svg" alt="" className="size-7" />
        <span className="hidden font-semibold text-[1.0625rem] tracking-tight xl:inline">Weir</span>
      </a>
      <div className="flex-1 overflow-y-auto px-2 pb-1">
        {SECTIONS.map((section) => (
          <RailSection
            key={section}
            title={section}
            pages={pages.filter((page) => page.section === section)}
          />
        ))}
      </div>
      <button
        type="button"
        onClick={openPalette}
        title="Commands (Ctrl-K)"
        className="m-2 flex h-9 items-center justify-center gap-2 rounded-md border border-line text-ink-soft text-xs hover:border-line-strong hover:text-ink xl:justify-between xl:px-2.5"
      >
        <span className="hidden xl:inline">Commands</span>
        <kbd className="font-sans text-[0.6875rem]">Ctrl K</kbd>
      </button>
    </nav>
  );
}

function RailSection({ title, pages }: { title: string; pages: readonly PageEntry[] }) {
  const id = useId();
  if (pages.length === 0) return null;
  return (
    <section
      aria-labelledby={id}
      className="border-line border-t pt-1 first:border-t-0 first:pt-0 xl:border-t-0"
    >
      <h2 id={id} className="px-2.5 pt-1.5 pb-0.5 font-medium text-[0.6875rem] text-ink-faint max-xl:sr-only">
        {title}
      </h2>
      <ul className="flex flex-col">
        {pages.map((page) => (
          <li key={page.path}>
            <RailLink page={page} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function RailLink({ page }: { page: PageEntry }) {
  const [path] = useLocation();
  const [shared] = useSharedView();
  const here = path === page.path;
  return (
    <Link
      href={pageAddress(page.path, shared)}
      aria-label={page.name}
      aria-current={here ? 'page' : undefined}
      title={`${page.name}: ${page.about} (g ${page.letter})`}
      className="flex h-8 items-center justify-center gap-2.5 rounded-md text-ink-soft hover:bg-hover hover:text-ink aria-[current]:bg-accent-soft aria-[current]:font-semibold aria-[current]:text-accent xl:justify-start xl:px-2.5"
    >
      <page.Icon className="size-[1.125rem]" />
      <span className="hidden text-[0.8125rem] xl:inline">{page.name}</span>
    </Link>
  );
}

/** The same at the bottom of a phone's screen, within reach of the thumb. */
export function BottomBar() {
  const pages = usePages();
  const [path] = useLocation();
  const [shared] = useSharedView();
  const elsewhere = !pages.slice(0, BAR_PAGES).some((page) => page.path === path);
  return (
    <nav
      aria-label="Pages"
      className="fixed inset-x-0 bottom-0 z-40 flex h-14 border-line border-t bg-surface md:hidden"
    >
      {pages.slice(0, BAR_PAGES).map((page) => (
        <Link
          key={page.path}
          href={pageAddress(page.path, shared)}
          aria-current={path === page.path ? 'page' : undefined}
          className={BAR_ITEM}
        >
          <page.Icon className="size-5" />
          {page.name}
        </Link>
      ))}
      <button
        type="button"
        onClick={openPalette}
        aria-current={elsewhere ? 'page' : undefined}
        className={BAR_ITEM}
      >
        <MoreIcon className="size-5" />
        More
      </button>
    </nav>
  );
}

const BAR_ITEM =
  'flex flex-1 flex-col items-center justify-center gap-0.5 text-[0.6875rem] text-ink-soft aria-[current]:font-semibold aria-[current]:text-accent';
