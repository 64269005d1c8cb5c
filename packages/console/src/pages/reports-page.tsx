import { apiUrl } from '../api/client.ts';
import { useFollowedApi } from '../api/use-api.ts';
import { useChange } from '../api/use-change.ts';
import { formatOctets } from '../format/quantity.ts';
import { formatDateTime } from '../format/time.ts';
import type { Report, ReportRun, ReportsResponse } from '../reports/report-contract.ts';
import { deliveryText, SECTION_TITLES, scheduleText } from '../reports/report-draft.ts';
import { ReportForm } from '../reports/report-form.tsx';
import { useViewState } from '../use-view-state.ts';
import type { ViewCodec } from '../view-state.ts';
import { PRIMARY_BUTTON, SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { SimpleTable } from '../widgets/simple-table.tsx';
import { ProblemNote } from './problem-note.tsx';

const EVERY_MS = 10_000;

/** The report that is edited: its id, or `new`. */
const REPORTS_VIEW: ViewCodec<{ edit: string }> = {
  parse: (parameters) => ({ edit: parameters.get('edit') ?? '' }),
  write: ({ edit }, parameters) => {
    if (edit !== '') parameters.set('edit', edit);
  },
};

/** What is reported when, to whom, and what was made of it. */
export function ReportsPage() {
  const [view, change] = useViewState(REPORTS_VIEW);
  const answer = useFollowedApi<ReportsResponse>(['reports', {}], EVERY_MS);
  const { data } = answer;
  const edited = data?.reports.find(({ id }) => id === view.edit);
  if (data !== undefined && (view.edit === 'new' || edited !== undefined)) {
    return (
      <div className="mx-auto max-w-3xl">
        <ReportForm
          key={edited?.id ?? 'new'}
          report={edited}
          mail={data.mail}
          onDone={() => change({ edit: '' })}
        />
      </div>
    );
  }
  const add = (
    <button type="button" className={PRIMARY_BUTTON} onClick={() => change({ edit: 'new' })}>
      Add report
    </button>
  );
  if (data !== undefined && data.reports.length === 0) {
    return (
      <div className="mx-auto max-w-2xl space-y-3 px-6 py-10" data-testid="empty-state">
        <h2 className="font-semibold text-base">Nothing is reported yet.</h2>
        <p className="text-ink-soft">
          A report asks what pages of the console ask, of a day, a week or a month, beside the period before.
          It is kept as PDF, HTML or CSV, and sent by e-mail where you say so.
        </p>
        {add}
      </div>
    );
  }
  return (
    <div className="mx-auto max-w-[90rem] space-y-3">
      {answer.error !== null && <ProblemNote problem={answer.error} />}
      {data !== undefined && <div className="flex justify-end">{add}</div>}
      {data?.reports.map((report) => (
        <ReportPanel key={report.id} report={report} onEdit={() => change({ edit: report.id })} />
      ))}
    </div>
  );
}

function ReportPanel({ report, onEdit }: { report: Report; onEdit: () => void }) {
  const run = useChange<ReportRun>('reports');
  const remove = useChange('reports');
  const busy = run.isPending || report.running;
  return (
    <Panel
      title={report.name}
      note={scheduleText(report)}
      controls={
        <>
          <button
            type="button"
            className={SMALL_BUTTON}
            disabled={busy}
            onClick={() => run.mutate({ method: 'POST', path: `reports/${report.id}/run` })}
          >
            {busy ? 'Being made…' : 'Run now'}
          </button>
          <button type="button" className={SMALL_BUTTON} onClick={onEdit}>
            Change
          </button>
          <button
            type="button"
            className={SMALL_BUTTON}
            onClick={() => {
              if (window.confirm(`Remove ${report.name} and what is kept of it?`)) {
                remove.mutate({ method: 'DELETE', path: `reports/${report.id}` });
              }
            }}
          >
            Remove
          </button>
        </>
      }
    >
      <p className="px-3.5 py-2 text-ink-soft text-xs">
        {report.sections.map(({ kind }) => SECTION_TITLES[kind]).join(', ')}
        {report.nextDueMs !== null && ` · next ${formatDateTime(report.nextDueMs).slice(0, 16)}`}
        {report.sendTo.length > 0 && ` · to ${report.sendTo.join(', ')}`}
      </p>
      {run.error !== null && <ProblemNote problem={run.error} className="mx-3.5 mb-2" />}
      {remove.error !== null && <ProblemNote problem={remove.error} className="mx-3.5 mb-2" />}
      {report.runs.length === 0 ? (
        <p className="px-3.5 pb-3 text-ink-faint text-xs">Not made yet.</p>
      ) : (
        <Runs report={report} />
      )}
    </Panel>
  );
}

const CAUSES: Readonly<Record<ReportRun['cause'], string>> = {
  clock: 'by the clock',
  missed: 'made up',
  hand: 'by hand',
};

function Runs({ report }: { report: Report }) {
  return (
    <SimpleTable
      label={`What was made of ${report.name}`}
      idOf={({ id }) => id}
      rows={report.runs}
      columns={[
        {
          title: 'Made',
          cell: ({ madeMs }) => <span className="figures">{formatDateTime(madeMs).slice(0, 16)}</span>,
        },
        {
          title: 'Of',
          isMinor: true,
          cell: ({ fromMs, toMs }) =>
            `${formatDateTime(fromMs).slice(0, 16)} to ${formatDateTime(toMs).slice(0, 16)}`,
        },
        { title: 'How', isMinor: true, cell: ({ cause }) => CAUSES[cause] },
        {
          title: 'State',
          cell: (run) => (
            <span className={run.state === 'failed' || run.delivery.error !== '' ? 'text-drop' : ''}>
              {deliveryText(run)}
              {run.error !== '' && `: ${run.error}`}
            </span>
          ),
        },
        { title: 'Size', isFigure: true, isMinor: true, cell: ({ octets }) => formatOctets(octets) },
        {
          title: 'Files',
          cell: (run) =>
            run.state === 'failed' ? (
              ''
            ) : (
              <span className="flex flex-wrap gap-1.5">
                {run.formats.map((format) => (
                  <a
                    key={format}
                    download
                    href={apiUrl(`reports/${report.id}/runs/${run.id}/${format}`, {})}
                    className={SMALL_BUTTON}
                  >
                    {format.toUpperCase()}
                  </a>
                ))}
              </span>
            ),
        },
      ]}
    />
  );
}
