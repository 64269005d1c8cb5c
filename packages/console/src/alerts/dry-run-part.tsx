import { useState } from 'react';
import { ApiError } from '../api/client.ts';
import { useApi } from '../api/use-api.ts';
import { formatCount } from '../format/quantity.ts';
import { formatDateTime } from '../format/time.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import { PLAIN_BUTTON } from '../widgets/form.tsx';
import { ScrollRegion } from '../widgets/scroll-region.tsx';
import { Pick } from '../widgets/segmented.tsx';
import type { DryRunResponse } from './alert-contract.ts';
import { SeverityMark } from './severity-mark.tsx';
import { useAlertChange } from './use-alert-change.ts';

const SPANS = [
  { value: '1', text: 'the last day' },
  { value: '7', text: 'the last week' },
  { value: '30', text: 'the last 30 days' },
];
const POLL_MS = 1000;

interface DryRunPartProps {
  detection: string;
  parameters: Readonly<Record<string, number>>;
  isComplete: boolean;
}

/** Plays history through a detection with the parameters as they are on the page: what would it have told? */
export function DryRunPart({ detection, parameters, isComplete }: DryRunPartProps) {
  const [days, setDays] = useState('7');
  const path = `detections/${detection}/dry-run`;
  const [isFollowed, setIsFollowed] = useState(false);
  const answer = useApi<DryRunResponse>([path, {}], { everyMs: isFollowed ? POLL_MS : false });
  const start = useAlertChange(() => setIsFollowed(true));
  const run = answer.data?.detection === detection ? answer.data : undefined;
  const isRunning = run?.state === 'running';
  if (isFollowed && run !== undefined && !isRunning && !start.isPending && !answer.isFetching)
    setIsFollowed(false);
  const isUnknown = answer.error instanceof ApiError && answer.error.problem.code === 'dry_run_unknown';
  return (
    <section aria-label="Dry run" className="space-y-2.5 px-4 py-3">
      <h3 className="font-semibold text-[0.8125rem]">Try it on history</h3>
      <div className="flex flex-wrap items-center gap-2">
        <Pick label="Time" options={SPANS} value={days} onChange={setDays} />
        <button
          type="button"
          className={PLAIN_BUTTON}
          disabled={!isComplete || isRunning || start.isPending}
          onClick={() => start.mutate({ method: 'POST', path, body: { days: Number(days), parameters } })}
        >
          Dry run
        </button>
        {isRunning && (
          <button
            type="button"
            className={PLAIN_BUTTON}
            onClick={() => start.mutate({ method: 'DELETE', path })}
          >
            Stop
          </button>
        )}
      </div>
      {start.error !== null && <ProblemNote problem={start.error} />}
      {answer.error !== null && !isUnknown && <ProblemNote problem={answer.error} />}
      {run === undefined ? (
        <p className="text-ink-soft text-xs">
          Nobody is told; nothing is kept. It runs with the parameters above, saved or not.
        </p>
      ) : (
        <DryRunResult run={run} />
      )}
    </section>
  );
}

function DryRunResult({ run }: { run: DryRunResponse }) {
  const { state, progress, alerts, findings, shown, error } = run;
  const days = Object.entries(run.perDay).sort(([one], [other]) => one.localeCompare(other));
  const span = `${formatDateTime(Date.parse(run.from))} to ${formatDateTime(Date.parse(run.to))}`;
  return (
    <div className="space-y-2" aria-live="polite">
      <p className="font-semibold">
        {state === 'running' ? `${Math.round(progress * 100)} % looked at: ` : ''}
        {alerts === 0
          ? 'It would have told nothing.'
          : `It would have fired ${alerts === 1 ? 'once' : `${formatCount(alerts)} times`}.`}
      </p>
      <p className="figures text-ink-soft text-xs">
        {span}; {formatCount(findings)} findings before grouping.
        {state === 'cancelled' && ' It was stopped before the end.'}
        {state === 'failed' && ` It failed: ${error}`}
      </p>
      {days.length > 0 && (
        <p className="figures text-ink-soft text-xs">
          {days.map(([day, count]) => `${day}: ${count}`).join(' · ')}
        </p>
      )}
      {shown.length > 0 && (
        <ScrollRegion label="What it would have told, scrollable" className="max-h-64">
          <ul className="divide-y divide-line" aria-label="What it would have told">
            {shown.map(({ id, severity, title, subject, lastSeen, count }) => (
              <li key={id} className="figures flex flex-wrap items-baseline gap-x-2.5 py-1 text-xs">
                <SeverityMark severity={severity} />
                <span>{title}</span>
                <span className="wire break-all text-ink-soft">{subject.value}</span>
                <span className="ml-auto text-ink-soft">
                  {formatDateTime(Date.parse(lastSeen))}
                  {count > 1 && `, ${formatCount(count)} times`}
                </span>
              </li>
            ))}
          </ul>
        </ScrollRegion>
      )}
    </div>
  );
}
