import { ALERT_SEVERITIES } from '@weir/analysis';
import { Link } from 'wouter';
import { useApi } from '../api/use-api.ts';
import { formatCount } from '../format/quantity.ts';
import { formatAgo } from '../format/time.ts';
import { Panel } from '../widgets/panel.tsx';
import { RowButton } from '../widgets/row-button.tsx';
import { Pick, Segmented } from '../widgets/segmented.tsx';
import type { AlertSummary, AlertsResponse, DetectionsResponse } from './alert-contract.ts';
import { ALERT_FILTERS, type AlertsView } from './alerts-view.ts';
import { SeverityMark, STATE_TEXTS } from './severity-mark.tsx';

const ABOUT_STATES: Readonly<Record<AlertsView['state'], string>> = {
  active: 'Active',
  suppressed: 'Suppressed',
  closed: 'Closed',
  all: 'All',
};

interface AlertListProps {
  view: AlertsView;
  answer: AlertsResponse | undefined;
  onChange: (part: Partial<AlertsView>, options?: { replace?: boolean }) => void;
}

/** The alerts that meet what is chosen; the one that is open is marked. */
export function AlertList({ view, answer, onChange }: AlertListProps) {
  const now = Date.now();
  return (
    <Panel
      title="Alerts"
      note={answer === undefined ? 'asking…' : formatCount(answer.total)}
      controls={
        <>
          <Segmented
            label="State"
            options={ALERT_FILTERS.map((value) => ({ value, text: ABOUT_STATES[value] }))}
            value={view.state}
            onChange={(state) => onChange({ state })}
          />
          <Pick
            label="At least"
            options={ALERT_SEVERITIES.map((value) => ({
              value,
              text: value === 'low' ? 'any severity' : `${value} or graver`,
            }))}
            value={view.severity}
            onChange={(severity) => onChange({ severity })}
          />
          <input
            type="search"
            aria-label="Find an alert"
            placeholder="Find"
            value={view.find}
            onChange={(event) => onChange({ find: event.target.value }, { replace: true })}
            className="h-7 w-32 rounded-md border border-line bg-surface px-2 text-xs focus:border-accent focus:outline-none"
          />
        </>
      }
    >
      {answer !== undefined && answer.alerts.length === 0 ? (
        <NoAlerts view={view} answer={answer} />
      ) : (
        <ul aria-label="Alerts" className="divide-y divide-line">
          {(answer?.alerts ?? []).map((alert) => (
            <AlertRow
              key={alert.id}
              alert={alert}
              now={now}
              open={alert.id === view.alert}
              onOpen={() => onChange({ alert: alert.id })}
            />
          ))}
        </ul>
      )}
      {answer !== undefined && answer.total > answer.alerts.length && (
        <p className="px-4 py-2 text-ink-soft text-xs">
          The newest {answer.alerts.length} of {formatCount(answer.total)}; narrow the choice to see others.
        </p>
      )}
    </Panel>
  );
}

interface AlertRowProps {
  alert: AlertSummary;
  now: number;
  open: boolean;
  onOpen: () => void;
}

function AlertRow({ alert, now, open, onOpen }: AlertRowProps) {
  const { severity, title, subject, count, more, state, score, lastSeen } = alert;
  return (
    <li>
      <RowButton open={open} onOpen={onOpen}>
        <span className="flex flex-wrap items-baseline gap-x-2.5 gap-y-0.5">
          <SeverityMark severity={severity} />
          <span className="font-semibold">{title}</span>
          <span className="wire min-w-0 break-all text-ink-soft">{subject.value}</span>
          <span className="figures ml-auto whitespace-nowrap text-ink-soft text-xs">
            {formatAgo(Date.parse(lastSeen), now)}
          </span>
        </span>
        <span className="figures mt-1 flex flex-wrap gap-x-4 text-ink-soft text-xs sm:pl-[4.625rem]">
          <span>score {score.toFixed(2)}</span>
          <span>{count === 1 ? 'found once' : `found ${formatCount(count)} times`}</span>
          <span>{STATE_TEXTS[state]}</span>
          {more > 0 && <span className="text-warn">{formatCount(more)} more like this</span>}
        </span>
      </RowButton>
    </li>
  );
}

/** Why there is nothing, and what to do. */
function NoAlerts({ view, answer }: { view: AlertsView; answer: AlertsResponse }) {
  const { data } = useApi<DetectionsResponse>(['detections', {}]);
  const known = Object.values(answer.counts.states).reduce((sum, count) => sum + (count ?? 0), 0);
  const enabled = data?.detections.filter((each) => each.enabled) ?? [];
  const until =
    enabled
      .map(({ state }) => state.lookedAtUntil ?? '')
      .sort()
      .at(-1) ?? '';
  const isNarrowed = view.find !== '' || view.severity !== 'low' || view.state !== 'active';
  return (
    <div className="space-y-2 px-4 py-6 text-ink-soft" data-testid="empty-state">
      <p className="font-semibold text-base text-ink">
        {isNarrowed ? 'No alert is like that.' : 'Nothing is suspicious.'}
      </p>
      {isNarrowed && known > 0 && <p>{formatCount(known)} others are hidden by what is chosen above.</p>}
      {data !== undefined && (
        <p>
          {enabled.length === 0
            ? 'No detection is switched on.'
            : until === ''
              ? `${enabled.length} detections are on and have not looked yet: the first look comes within a minute, at flows that ended two minutes ago.`
              : `${enabled.length} of ${data.detections.length} detections are on; the newest look was at flows until ${new Date(until).toLocaleTimeString()}.`}{' '}
          <Link href="/alerts?v=1&tab=detections" className="text-accent underline underline-offset-2">
            What is looked for, and what it would have found
          </Link>
        </p>
      )}
    </div>
  );
}
