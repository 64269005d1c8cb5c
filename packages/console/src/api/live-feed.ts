import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { apiUrl, type Parameters } from './client.ts';
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
  pulse: readonly unknown[];
  series: readonly unknown[];
  top: readonly unknown[];
  flows: readonly unknown[];
  status: readonly unknown[];
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
    source.onerror = () => setState('waiting');
    const on = <T>(name: keyof FeedTargets, take: (data: T) => void): void =>
      source.addEventListener(name, (event) => take(JSON.parse(event.data) as T));
    on<Pulse>('pulse', (pulse) => client.setQueryData(into.pulse, pulse));
    on<QueryResponse>('top', (top) => client.setQueryData(into.top, top));
    on<FlowsResponse>('flows', (flows) => client.setQueryData(into.flows, flows));
    on<StatusResponse>('status', (status) => client.setQueryData(into.status, status));
    on<SeriesPatch>('series', (patch) =>
      client.setQueryData<SeriesResponse>(into.series, (previous) => applySeriesPatch(previous, patch)),
    );
    return () => source.close();
  }, [client, url, targetsKey, enabled, visible]);
  useReportFeed(state);
  return state;
}
