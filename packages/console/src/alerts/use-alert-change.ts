import { useMutation, useQueryClient } from '@tanstack/react-query';
import { apiSend } from '../api/client.ts';

interface AlertChange {
  method: 'POST' | 'PUT' | 'DELETE';
  path: string;
  body?: object;
}

const CONCERNED = /^(?:alerts|detections|notifications)/;

/** Changes alerts, detections or notifications; what pages show of them is asked again. */
export function useAlertChange<Answer = object>(onDone?: (answer: Answer) => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ method, path, body }: AlertChange) => apiSend<Answer>(method, path, body),
    onSuccess: async (answer) => {
      onDone?.(answer);
      await client.invalidateQueries({ predicate: ({ queryKey }) => CONCERNED.test(String(queryKey[0])) });
    },
  });
}
