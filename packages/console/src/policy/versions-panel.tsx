import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { PolicyDocument } from '@weir/analysis';
import { apiGet, apiSend } from '../api/client.ts';
import { useApi } from '../api/use-api.ts';
import { formatMoment } from '../format/time.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import type { PolicyResponse, PolicyVersion } from './policy-contract.ts';

/** Who changed the policy and when; any version can be looked at, and be the newest again. */
export function VersionsPanel({
  current,
  onLoad,
}: {
  current: number | undefined;
  onLoad: (document: PolicyDocument, newest: number) => void;
}) {
  const versions = useApi<{ versions: PolicyVersion[] }>(['policy/versions', {}]);
  const entries = versions.data?.versions ?? [];
  const client = useQueryClient();
  const load = useMutation({
    mutationFn: (version: number) => apiGet<PolicyDocument>(`policy/versions/${version}`, {}),
    onSuccess: (document) => onLoad(document, entries[0]?.version ?? 0),
  });
  const revert = useMutation({
    mutationFn: (version: number) => apiSend<PolicyResponse>('POST', `policy/versions/${version}/revert`, {}),
    onSuccess: (answer) => {
      if (answer.document !== null) onLoad(answer.document, answer.version?.version ?? 0);
      return client.invalidateQueries({
        predicate: ({ queryKey }) => String(queryKey[0]).startsWith('policy'),
      });
    },
  });
  const problem = load.error ?? revert.error;
  if (entries.length === 0) return null;
  return (
    <Panel title="History" note={`${entries.length} versions`}>
      {problem !== null && <ProblemNote problem={problem} className="m-3" />}
      <ul aria-label="Versions" className="max-h-80 divide-y divide-line overflow-auto">
        {entries.map(({ version, at, by, comment }) => (
          <li
            key={version}
            className="flex flex-wrap items-baseline gap-x-2 gap-y-1 px-4 py-2 text-[0.8125rem]"
          >
            <b className="figures font-semibold">{version}</b>
            <span className="figures text-ink-soft">{formatMoment(Date.parse(at), Date.now())}</span>
            <span>{by}</span>
            <span className="min-w-0 flex-1 text-ink-soft [overflow-wrap:anywhere]">{comment}</span>
            {version !== current && (
              <span className="flex gap-1.5">
                <button
                  type="button"
                  aria-label={`As draft: version ${version}`}
                  className={SMALL_BUTTON}
                  onClick={() => load.mutate(version)}
                >
                  As draft
                </button>
                <button
                  type="button"
                  aria-label={`Revert to version ${version}`}
                  className={SMALL_BUTTON}
                  onClick={() => revert.mutate(version)}
                >
                  Revert
                </button>
              </span>
            )}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
