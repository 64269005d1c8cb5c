import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { apiGet, apiUrl, type Parameters } from './client.ts';
import type {
  FlowsResponse,
  Pulse,
  QueryResponse,
  SeriesPatch,
  SeriesResponse,
  StatusResponse,
} from './contract.ts';
import { type FeedState, usePageVisible, useReportFeed } from './live-state.ts';
import { applySeriesPatch } from './series-patch.ts';

/** Where in the query cache each kind of event belongs. */
export interface FeedTargets {
  pulse?: readonly unknown[];
  series?: readonly unknown[];
  top?: readonly unknown[];
  flows?: readonly unknown[];
  status?: readonly unknown[];
}

/**
 * Keeps the query cache up to date from `/api/v1/live` while `enabled` and the page is visible: a hidden
 * tab costs the server nothing and catches up when it is shown again.
 */
export function useLiveFeed(parameters: Parameters, targets: FeedTargets, enabled: boolean): FeedState {
  const client = useQueryClient();
  const visible = usePageVisible();
  const [state, setState] = useState<FeedState>('waiting');
  const url = apiUrl('live', parameters);
  const targetsKey = JSON.stringify(targets);

  useEffect(() => {
    if (!enabled || !visible) return setState('off');
    setState('waiting');
    const into = JSON.parse(targetsKey) as FeedTargets;
    const source = new EventSource(url);
    source.onopen = () => setState('live');
    source.onerror = () => {
      setState('waiting');
      // It tries again by itself, unless it was refused: then this question is refused, too, and says why.
      if (source.readyState === EventSource.CLOSED) void apiGet('status', {}).catch(() => {});
    };
    const on = <T>(name: keyof FeedTargets, merge: (previous: T | undefined, data: never) => T): void => {
      const key = into[name];
      if (key === undefined) return;
      source.addEventListener(name, (event) => {
        const data = JSON.parse(event.data) as never;
        client.setQueryData<T>(key, (previous) => merge(previous, data));
      });
    };
    on<Pulse>('pulse', (_, pulse) => pulse);
    on<QueryResponse>('top', (_, top) => top);
    on<FlowsResponse>('flows', (_, flows) => flows);
    on<StatusResponse>('status', (_, status) => status);
    on<SeriesResponse>('series', (previous, patch: SeriesPatch) => applySeriesPatch(previous, patch));
    return () => source.close();
  }, [client, url, targetsKey, enabled, visible]);
  useReportFeed(state);
  return state;
}
