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
 * shows a fixed time.
 */
export function useEvery(everyMs: number, follows = true): number | false {
  const { paused } = useLiveState();
  const visible = usePageVisible();
  return follows && !paused && visible ? everyMs : false;
}

/** Tells the header whether a page that asks every `everyMs` follows, and whether it gets answers. */
export function useReportAsking(everyMs: number | false, failing: boolean): void {
  useReportFeed(everyMs === false ? 'off' : failing ? 'waiting' : 'live');
}

/** A question that is asked again and again, and is all that its page is about. */
export function useFollowedApi<T>(question: ApiQuestion, everyMs: number): UseQueryResult<T> {
  const every = useEvery(everyMs);
  const answer = useApi<T>(question, { everyMs: every });
  useReportAsking(every, answer.error !== null);
  return answer;
}
