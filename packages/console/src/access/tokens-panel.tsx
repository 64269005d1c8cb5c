import { useApi } from '../api/use-api.ts';
import { formatAgo, formatMoment } from '../format/time.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import type { AccessToken } from './access-contract.ts';
import { useAccessChange } from './use-access-change.ts';

interface TokensPanelProps {
  title: string;
  resource: 'access/tokens' | 'session/tokens';
}

/** Tokens with which programs ask, and how to take one back. */
export function TokensPanel({ title, resource }: TokensPanelProps) {
  const { data, error } = useApi<{ tokens: AccessToken[] }>([resource, {}]);
  const change = useAccessChange();
  const now = Date.now();
  return (
    <Panel title={title} note={data?.tokens.length}>
      {error !== null && <ProblemNote problem={error} className="m-3" />}
      {change.error !== null && <ProblemNote problem={change.error} className="m-3" />}
      {data?.tokens.length === 0 && <p className="px-4 py-5 text-ink-soft">No program holds a token.</p>}
      <ul aria-label={title} className="divide-y divide-line">
        {data?.tokens.map((token) => (
          <li
            key={token.id}
            className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3.5 py-2 text-[0.8125rem]"
          >
            <div className="min-w-0 flex-1">
              <p className="truncate font-medium">{token.name}</p>
              <p className="text-ink-soft text-xs">
                {[
                  resource === 'access/tokens' ? token.owner : '',
                  token.role,
                  token.expiresAt <= now ? 'expired' : `until ${formatMoment(token.expiresAt, now)}`,
                  token.lastUsedAt === null
                    ? 'never used'
                    : `used ${formatAgo(token.lastUsedAt, now)} from ${token.lastUsedFrom}`,
                ]
                  .filter((part) => part !== '')
                  .join(' · ')}
              </p>
            </div>
            <button
              type="button"
              aria-label={`Revoke ${token.name}`}
              onClick={() => change.mutate({ method: 'DELETE', path: `${resource}/${token.id}` })}
              className={SMALL_BUTTON}
            >
              Revoke
            </button>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
