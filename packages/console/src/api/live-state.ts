/** Whether the page follows the traffic: one state for the whole page, shown and switched in its header. */
import { useCallback, useEffect, useSyncExternalStore } from 'react';

/** `live`: news arrive. `waiting`: the server does not answer. `off`: nothing is followed. */
export type FeedState = 'live' | 'waiting' | 'off';

interface LiveState {
  readonly feed: FeedState;
  /** The user wants the page to stand still. */
  readonly paused: boolean;
}

let state: LiveState = { feed: 'off', paused: false };
const listeners = new Set<() => void>();

function setState(next: LiveState): void {
  if (next.feed === state.feed && next.paused === state.paused) return;
  state = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLiveState(): LiveState & { setPaused: (paused: boolean) => void } {
  const current = useSyncExternalStore(subscribe, () => state);
  const setPaused = useCallback((paused: boolean) => setState({ ...state, paused }), []);
  return { ...current, setPaused };
}

export const togglePaused = (): void => setState({ ...state, paused: !state.paused });

/** Tells the header what became of this page's feed, for as long as the page is shown. */
export function useReportFeed(feed: FeedState): void {
  useEffect(() => {
    setState({ ...state, feed });
    return () => setState({ ...state, feed: 'off' });
  }, [feed]);
}

/** False while the tab is hidden: nobody looks, so nothing is asked. */
export function usePageVisible(): boolean {
  return useSyncExternalStore(
    (listener) => {
      document.addEventListener('visibilitychange', listener);
      return () => document.removeEventListener('visibilitychange', listener);
    },
    () => document.visibilityState === 'visible',
  );
}
