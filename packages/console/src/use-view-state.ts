import { useCallback, useEffect, useState } from 'react';
import { formatViewState, parseViewState, type ViewState } from './view-state.ts';

/** The view of the address bar, and how to change it: each change is a step that Back undoes. */
export function useViewState(): [ViewState, (change: Partial<ViewState>) => void] {
  const [view, setView] = useState(() => parseViewState(window.location.search));
  useEffect(() => {
    const onPopState = (): void => setView(parseViewState(window.location.search));
    window.addEventListener('popstate', onPopState);
    return () => window.removeEventListener('popstate', onPopState);
  }, []);
  const change = useCallback((part: Partial<ViewState>) => {
    const next = { ...parseViewState(window.location.search), ...part };
    const search = formatViewState(next);
    if (search !== window.location.search) window.history.pushState(null, '', search);
    setView(next);
  }, []);
  return [view, change];
}
