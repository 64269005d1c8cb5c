import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query';
import { apiGet, type Parameters } from './client.ts';
import { useLiveState, usePageVisible, useReportFeed } from './live-state.ts';

/** A question to the API: the resource and its parameters. Also the key of the answer in the cache. */
export type ApiQuestion = readonly [path: string, parameters: Parameters];

export interface ApiOptions {
  /** False: it is not asked (now). */
  enabled?: boolean;
  /** Asked again this often. */
  everyMs?: number | false;
}

/** The answer to a question; that of the question before is shown until the new one is there. */
export function useApi<T>(question: ApiQuestion, options: ApiOptions = {}): UseQueryResult<T> {
  const [path, parameters] = question;
  return useQuery({
    queryKey: question,
    queryFn: ({ signal }) => apiGet<T>(path, parameters, signal),
    placeholderData: keepPreviousData,
    refetchInterval: options.everyMs ?? false,
    enabled: options.enabled ?? true,
  });
}

/**
 * For pages that ask again instead of being told: how often, or false while the page is paused, hidden, or
 * shows a fixed time. Reports to the header whether the page follows.
 */
export function useFollowing(everyMs: number, follows: boolean, failing: boolean): number | false {
  const { paused } = useLiveState();
  const visible = usePageVisible();
  const on = follows && !paused && visible;
  useReportFeed(on ? (failing ? 'waiting' : 'live') : 'off');
  return on ? everyMs : false;
}
