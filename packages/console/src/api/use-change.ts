import { type UseMutationResult, useMutation, useQueryClient } from '@tanstack/react-query';
import { type ApiError, apiSend } from './client.ts';

export interface ApiChange {
  method: 'PUT' | 'POST' | 'DELETE';
  path: string;
  body?: unknown;
}

/** Sends a change, and asks again for what `resource` names, and what is below it. */
export function useChange<Answer = unknown>(
  resource: string,
): UseMutationResult<Answer, ApiError, ApiChange> {
  const cache = useQueryClient();
  return useMutation<Answer, ApiError, ApiChange>({
    mutationFn: ({ method, path, body }) => apiSend<Answer>(method, path, body),
    onSettled: () =>
      cache.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[0]).startsWith(resource) }),
  });
}
