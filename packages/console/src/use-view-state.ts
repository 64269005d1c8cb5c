import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';
import { formatView, NO_OWN_STATE, parseView, type SharedView, type ViewCodec } from './view-state.ts';

type Change<View> = (part: Partial<View>, options?: { replace?: boolean }) => void;

/**
 * The view of the address bar, and how to change it: each change is a step that Back undoes, unless it
 * replaces the last one. `codec` must be the same object at every render.
 */
export function useViewState<Own extends object>(
  codec: ViewCodec<Own>,
): [SharedView & Own, Change<SharedView & Own>] {
  const search = useSearch();
  const [, navigate] = useLocation();
  const view = useMemo(() => parseView(search, codec), [search, codec]);
  const change = useCallback<Change<SharedView & Own>>(
    (part, options) => {
      const current = window.location.search;
      const next = formatView({ ...parseView(current, codec), ...part }, codec);
      if (next !== current) navigate(window.location.pathname + next, { replace: options?.replace ?? false });
    },
    [navigate, codec],
  );
  return [view, change];
}

/** What all pages share. A change keeps the page's own parameters as they are. */
export function useSharedView(): [SharedView, Change<SharedView>] {
  const search = useSearch();
  const [, navigate] = useLocation();
  const view = useMemo(() => parseView(search, NO_OWN_STATE), [search]);
  const change = useCallback<Change<SharedView>>(
    (part, options) => {
      const { search: current, pathname } = window.location;
      const next = withShared(current, { ...parseView(current, NO_OWN_STATE), ...part });
      if (next !== current) navigate(pathname + next, { replace: options?.replace ?? false });
    },
    [navigate],
  );
  return [view, change];
}

const SHARED_PARAMETERS = ['v', 'from', 'to', 'last', 'filter', 'tz'];

function withShared(search: string, shared: SharedView): string {
  const parameters = new URLSearchParams(formatView(shared, NO_OWN_STATE));
  for (const [name, value] of new URLSearchParams(search)) {
    if (!SHARED_PARAMETERS.includes(name)) parameters.append(name, value);
  }
  return `?${parameters}`;
}

/** The address of another page that shows the same time and filter; `own` are parameters of that page. */
export function pageAddress(
  path: string,
  shared: SharedView,
  own: Readonly<Record<string, string>> = {},
): string {
  const parameters = new URLSearchParams(formatView(shared, NO_OWN_STATE));
  for (const [name, value] of Object.entries(own)) parameters.set(name, value);
  const text = parameters.toString();
  return text === 'v=1' ? path : `${path}?${text}`;
}
