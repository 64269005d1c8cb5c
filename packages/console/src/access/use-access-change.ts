import { useMutation, useQueryClient } from '@tanstack/react-query';
import { apiSend } from '../api/client.ts';

export interface AccessChange {
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  body?: object;
}

/** Changes users, roles or tokens; what the page shows of them and of the audit log is asked again. */
export function useAccessChange<Answer = object>(onDone?: (answer: Answer) => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ method, path, body }: AccessChange) => apiSend<Answer>(method, path, body),
    onSuccess: async (answer) => {
      onDone?.(answer);
      await client.invalidateQueries({
        predicate: ({ queryKey }) => /^(?:access|session)/.test(String(queryKey[0])),
      });
    },
  });
}
