import { Link } from 'wouter';
import { useSeesAll } from '../access/use-session.ts';
import type { AlertsResponse } from '../alerts/alert-contract.ts';
import { SeverityMark } from '../alerts/severity-mark.tsx';
import { useApi, useEvery } from '../api/use-api.ts';
import { formatCount } from '../format/quantity.ts';
import { formatAgo } from '../format/time.ts';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';

const EVERY_MS = 10_000;
const SHOWN = 5;

/** The newest alerts that nobody has closed. */
export function AlertsPanel({ className = '' }: { className?: string }) {
  const { data } = useApi<AlertsResponse>(['alerts', { state: 'active', limit: SHOWN }], {
    everyMs: useEvery(EVERY_MS),
    enabled: useSeesAll(),
  });
  if (data === undefined) return null;
  return (
    <Panel
      title="Alerts"
      note={data.total === 0 ? 'none' : formatCount(data.total)}
      className={className}
      controls={
        <Link href="/alerts" className={SMALL_BUTTON}>
          All
        </Link>
      }
    >
      {data.alerts.length === 0 ? (
        <p className="px-3.5 py-3 text-ink-soft text-[0.8125rem]">
          No detection has found anything that is still open.
        </p>
      ) : (
        <ul aria-label="Newest alerts" className="divide-y divide-line">
          {data.alerts.map(({ id, severity, title, subject, lastSeen }) => (
            <li key={id}>
              <Link href={`/alerts?v=1&alert=${id}`} className="block px-3.5 py-1.5 hover:bg-hover">
                <span className="flex items-baseline gap-2">
                  <SeverityMark severity={severity} />
                  <span className="min-w-0 truncate font-medium text-[0.8125rem]">{title}</span>
                  <span className="figures ml-auto whitespace-nowrap text-ink-soft text-xs">
                    {formatAgo(Date.parse(lastSeen), Date.now())}
                  </span>
                </span>
                <span className="wire block truncate text-ink-soft text-xs">{subject.value}</span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
