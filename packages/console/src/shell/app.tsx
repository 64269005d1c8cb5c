import { lazy, Suspense, useEffect } from 'react';
import { useLocation } from 'wouter';
import { isLoginPage } from '../api/login-address.ts';
import { setTimeZone } from '../format/time-zone.ts';
import { useSharedView } from '../use-view-state.ts';
import { FailureBoundary } from '../widgets/failure-boundary.tsx';
import { CommandPalette } from './command-palette.tsx';
import { FilterByValue } from './filter-by-value.tsx';
import { Header } from './header.tsx';
import { BottomBar, NavigationRail } from './navigation.tsx';
import { pageAt } from './pages.tsx';
import { ShortcutHelp, useShortcuts } from './shortcuts.tsx';

/** The console, or the page before it. */
export function App() {
  const [path] = useLocation();
  if (!isLoginPage(path)) return <Console />;
  return (
    <Suspense fallback={<Loading />}>
      <LoginPage />
    </Suspense>
  );
}

const LoginPage = lazy(async () => ({ default: (await import('../pages/login-page.tsx')).LoginPage }));

/** What surrounds every page: navigation, header, palette, shortcuts. Pages load when they are opened. */
function Console() {
  const [path] = useLocation();
  const [{ zone }] = useSharedView();
  const page = pageAt(path);
  setTimeZone(zone);
  useShortcuts();
  useEffect(() => {
    document.title = page === undefined ? 'Weir' : `${page.name} · Weir`;
  }, [page]);

  return (
    <FilterByValue>
      <a
        href="#content"
        className="fixed top-1 left-1 z-[70] -translate-y-16 rounded bg-accent px-3 py-1.5 text-accent-ink focus:translate-y-0"
      >
        Skip to the content
      </a>
      <div className="flex min-h-dvh" key={zone}>
        <NavigationRail />
        <div className="flex min-w-0 flex-1 flex-col pb-14 md:pb-0">
          <Header page={page} />
          <main id="content" tabIndex={-1} className="min-w-0 flex-1 px-3 py-3 outline-none sm:px-4">
            <FailureBoundary key={path}>
              <Suspense fallback={<Loading />}>
                {page === undefined ? <NoSuchPage path={path} /> : <page.Page />}
              </Suspense>
            </FailureBoundary>
          </main>
        </div>
      </div>
      <BottomBar />
      <CommandPalette />
      <ShortcutHelp />
    </FilterByValue>
  );
}

function Loading() {
  return (
    <p role="status" className="px-1 py-6 text-ink-faint">
      Loading…
    </p>
  );
}

function NoSuchPage({ path }: { path: string }) {
  return (
    <div className="mx-auto max-w-2xl space-y-3 px-3 py-16">
      <h2 className="font-semibold text-base">There is no page {path}.</h2>
      <p className="text-ink-soft">The address may be of another version of Weir.</p>
      <a href="/" className="inline-block rounded-md bg-accent px-3 py-1.5 font-medium text-accent-ink">
        Overview
      </a>
    </div>
  );
}
