import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { apiSend } from '../api/client.ts';
import type { DeployResponse, DeployResult, FlowSourceDraft, FlowSourcesResponse } from '../api/contract.ts';
import { useApi } from '../api/use-api.ts';

/** Typing is sent when it has paused for so long. */
const STAGE_AFTER_MS = 350;
const QUESTION = ['flow-sources', {}] as const;

export interface FlowSourceEdits {
  data: FlowSourcesResponse | undefined;
  /** The staged sources as they are on the screen, newer than `data` while an edit is on its way. */
  staged: readonly FlowSourceDraft[];
  failure: Error | undefined;
  /** True while the server has not yet answered the last edit. */
  sending: boolean;
  results: readonly DeployResult[] | undefined;
  edit: (sources: readonly FlowSourceDraft[]) => void;
  discard: () => Promise<void>;
  deploy: () => Promise<void>;
  forgetResults: () => void;
}

/** The flow sources of the collector, and edits of them: staged at the server as they are made. */
export function useFlowSources(everyMs: number | false): FlowSourceEdits {
  const client = useQueryClient();
  const [local, setLocal] = useState<readonly FlowSourceDraft[]>();
  const [problem, setProblem] = useState<Error>();
  const [results, setResults] = useState<readonly DeployResult[]>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const pending = useRef<readonly FlowSourceDraft[]>(undefined);
  const sent = useRef(0);
  const query = useApi<FlowSourcesResponse>(QUESTION, { everyMs: local === undefined ? everyMs : false });

  const take = useCallback(
    (answer: FlowSourcesResponse) => {
      client.setQueryData([...QUESTION], answer);
      setProblem(undefined);
    },
    [client],
  );
  /** Sends what was typed last; only the answer to the newest edit counts. */
  const flush = useCallback(async (): Promise<void> => {
    clearTimeout(timer.current);
    const sources = pending.current;
    if (sources === undefined) return;
    pending.current = undefined;
    sent.current += 1;
    const mine = sent.current;
    try {
      const answer = await apiSend<FlowSourcesResponse>('PUT', 'flow-sources/staged', { sources });
      if (mine !== sent.current || pending.current !== undefined) return;
      take(answer);
      setLocal(undefined);
    } catch (error) {
      if (mine === sent.current) setProblem(error as Error);
    }
  }, [take]);
  useEffect(() => () => void flush(), [flush]);

  const edit = useCallback(
    (sources: readonly FlowSourceDraft[]) => {
      setLocal(sources);
      setResults(undefined);
      pending.current = sources;
      clearTimeout(timer.current);
      timer.current = setTimeout(() => void flush(), STAGE_AFTER_MS);
    },
    [flush],
  );
  const send = useCallback(
    async <T extends FlowSourcesResponse>(path: string): Promise<T | undefined> => {
      await flush();
      try {
        const answer = await apiSend<T>('POST', path, {});
        take(answer);
        setLocal(undefined);
        return answer;
      } catch (error) {
        setProblem(error as Error);
        void query.refetch();
        return undefined;
      }
    },
    [flush, take, query.refetch],
  );
  return {
    data: query.data,
    staged: local ?? query.data?.staged ?? [],
    failure: problem ?? query.error ?? undefined,
    sending: local !== undefined,
    results,
    edit,
    discard: async () => {
      pending.current = undefined;
      await send('flow-sources/discard');
    },
    deploy: async () => setResults((await send<DeployResponse>('flow-sources/deploy'))?.results),
    forgetResults: () => setResults(undefined),
  };
}
