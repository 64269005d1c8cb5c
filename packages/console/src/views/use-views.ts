import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ApiError, apiSend } from '../api/client.ts';
import { useApi } from '../api/use-api.ts';
import type { Dashboard, KeptView, ViewsResponse } from './kept-view.ts';

const QUESTION = ['views', {}] as const;

type Change =
  | { kind: 'view'; name: string; address: string; shared: boolean }
  | { kind: 'dashboard'; id?: string; input: Pick<Dashboard, 'name' | 'shared' | 'tiles'> }
  | { kind: 'remove'; what: 'views' | 'dashboards'; id: string };

/** What is kept, and how to keep more. */
export function useViews() {
  const client = useQueryClient();
  const answer = useApi<ViewsResponse>(QUESTION);
  const change = useMutation<unknown, ApiError, Change>({
    mutationFn: send,
    onSettled: () => client.invalidateQueries({ queryKey: QUESTION }),
  });
  const views: readonly KeptView[] = answer.data?.views ?? [];
  const dashboards: readonly Dashboard[] = answer.data?.dashboards ?? [];
  return { views, dashboards, known: answer.data !== undefined, failure: answer.error, change };
}

function send(change: Change): Promise<unknown> {
  switch (change.kind) {
    case 'view': {
      const { kind: _, ...input } = change;
      return apiSend('POST', 'views', input);
    }
    case 'dashboard':
      return change.id === undefined
        ? apiSend('POST', 'dashboards', change.input)
        : apiSend('PUT', `dashboards/${change.id}`, change.input);
    case 'remove':
      return apiSend('DELETE', `${change.what}/${change.id}`);
  }
}
