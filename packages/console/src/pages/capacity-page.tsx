import { useMemo } from 'react';
import { Link } from 'wouter';
import { useApi, useFollowedApi } from '../api/use-api.ts';
import type {
  CapacityDetail,
  CapacityResponse,
  CapacitySettings,
  CapacitySummary,
} from '../capacity/capacity-contract.ts';
import {
  forecastSentence,
  outlookText,
  rateText,
  shareText,
  subjectOutlook,
  trendModel,
} from '../capacity/capacity-model.ts';
import { CapacitySettingsForm, SpeedForm } from '../capacity/capacity-settings.tsx';
import { WeekProfile } from '../capacity/week-profile.tsx';
import { formatMoment } from '../format/time.ts';
import { pageAddress, useViewState } from '../use-view-state.ts';
import type { TimeZone, ViewCodec } from '../view-state.ts';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { Segmented } from '../widgets/segmented.tsx';
import { SimpleTable } from '../widgets/simple-table.tsx';
import { TrendChart } from '../widgets/trend-chart.tsx';
import { ProblemNote } from './problem-note.tsx';

const EVERY_MS = 60_000;
const KINDS = [
  { value: 'all', text: 'All' },
  { value: 'interface', text: 'Interfaces' },
  { value: 'link', text: 'Links' },
  { value: 'exporter', text: 'Exporters' },
] as const;
type Kind = (typeof KINDS)[number]['value'];

/** Which kind is listed, and what is open. */
const CAPACITY_VIEW: ViewCodec<{ kind: Kind; subject: string; settings: boolean }> = {
  parse: (parameters) => ({
    kind: KINDS.find(({ value }) => value === parameters.get('kind'))?.value ?? 'all',
    subject: parameters.get('subject') ?? '',
    settings: parameters.get('settings') === '1',
  }),
  write: ({ kind, subject, settings }, parameters) => {
    if (kind !== 'all') parameters.set('kind', kind);
    if (subject !== '') parameters.set('subject', subject);
    if (settings) parameters.set('settings', '1');
  },
};

/** How full interfaces, links and exporters are, and when they will be. */
export function CapacityPage() {
  const [view, change] = useViewState(CAPACITY_VIEW);
  const answer = useFollowedApi<CapacityResponse>(['capacity', {}], EVERY_MS);
  const { data } = answer;
  const subjects = (data?.subjects ?? []).filter(({ kind }) => view.kind === 'all' || kind === view.kind);
  const chosen = data?.subjects.find(({ key }) => key === view.subject) ?? subjects[0];
  if (data !== undefined && view.settings) {
    return (
      <div className="mx-auto max-w-3xl">
        <CapacitySettingsForm settings={data.settings} onDone={() => change({ settings: false })} />
      </div>
    );
  }
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {answer.error !== null && <ProblemNote problem={answer.error} />}
      {data !== undefined && data.subjects.length === 0 ? (
        <NoHistory />
      ) : (
        <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,5fr)_minmax(0,6fr)]">
          <Panel
            title="Fullest first"
            note={data?.throughMs == null ? undefined : `until ${formatMoment(data.throughMs, Date.now())}`}
            controls={
              <>
                <Segmented
                  label="Kind"
                  options={KINDS}
                  value={view.kind}
                  onChange={(kind) => change({ kind, subject: '' })}
                />
                <button type="button" className={SMALL_BUTTON} onClick={() => change({ settings: true })}>
                  Settings
                </button>
              </>
            }
          >
            <SubjectTable
              subjects={subjects}
              chosen={chosen}
              threshold={data?.settings.thresholdPercent ?? 80}
              onOpen={(subject) => change({ subject })}
            />
            {(data?.turnedAway ?? 0) > 0 && (
              <p className="px-3.5 py-2 text-warn text-xs">
                There are more interfaces than are followed (500): the others have no history.
              </p>
            )}
          </Panel>
          {chosen !== undefined && data !== undefined && (
            <SubjectDetail key={chosen.key} summary={chosen} settings={data.settings} zone={view.zone} />
          )}
        </div>
      )}
    </div>
  );
}

interface SubjectTableProps {
  subjects: readonly CapacitySummary[];
  chosen: CapacitySummary | undefined;
  threshold: number;
  onOpen: (key: string) => void;
}

function SubjectTable({ subjects, chosen, threshold, onOpen }: SubjectTableProps) {
  if (subjects.length === 0) {
    return (
      <p className="px-3.5 py-4 text-ink-soft">
        There is none of this kind. Links are made of interfaces in the settings.
      </p>
    );
  }
  return (
    <SimpleTable
      label="Interfaces, links and exporters"
      idOf={({ key }) => key}
      rows={subjects}
      columns={[
        {
          title: 'What',
          cell: ({ key, name, exporter, kind }) => (
            <button
              type="button"
              aria-pressed={key === chosen?.key}
              className="value max-w-56 truncate text-left aria-pressed:font-semibold"
              onClick={() => onOpen(key)}
            >
              {name}
              {kind === 'interface' && <span className="wire block text-ink-faint text-xs">{exporter}</span>}
            </button>
          ),
        },
        { title: 'Speed', isFigure: true, isMinor: true, cell: ({ speedMbit }) => rateText(speedMbit) },
        {
          title: 'In',
          isFigure: true,
          cell: ({ in: way }) => (
            <Fill
              share={way.utilisation}
              text={way.utilisation === null ? rateText(way.p95) : shareText(way.utilisation)}
              threshold={threshold}
            />
          ),
        },
        {
          title: 'Out',
          isFigure: true,
          cell: ({ out: way }) => (
            <Fill
              share={way.utilisation}
              text={way.utilisation === null ? rateText(way.p95) : shareText(way.utilisation)}
              threshold={threshold}
            />
          ),
        },
        {
          title: `Reaches ${threshold} %`,
          cell: (subject) => <span className="text-xs">{subjectOutlook(subject)}</span>,
        },
      ]}
    />
  );
}

function Fill({ share, text, threshold }: { share: number | null; text: string; threshold: number }) {
  const isFull = share !== null && share * 100 >= threshold;
  return <span className={isFull ? 'font-semibold text-drop' : ''}>{text}</span>;
}

function SubjectDetail({
  summary,
  settings,
  zone,
}: {
  summary: CapacitySummary;
  settings: CapacitySettings;
  zone: TimeZone;
}) {
  const answer = useApi<CapacityDetail>([`capacity/subjects/${encodeURIComponent(summary.key)}`, {}], {
    everyMs: EVERY_MS,
  });
  const to = summary.lastDay === null ? Date.now() : Date.parse(summary.lastDay) + 86_400_000;
  const range = { kind: 'fixed', from: to - 86_400_000, to } as const;
  return (
    <div className="min-w-0 space-y-3">
      {answer.error !== null && <ProblemNote problem={answer.error} />}
      <Panel
        title={summary.name}
        note={
          summary.lastDay === null ? 'no whole day yet' : `${summary.days} days, until ${summary.lastDay}`
        }
        controls={
          <Link
            href={pageAddress('/explore', { range, filter: summary.filter, zone })}
            className={SMALL_BUTTON}
          >
            Its flows
          </Link>
        }
      >
        <SpeedForm subject={summary} settings={settings} />
      </Panel>
      {answer.data !== undefined &&
        (['in', 'out'] as const).map((way) => <WayPanel key={way} detail={answer.data} way={way} />)}
    </div>
  );
}

function WayPanel({ detail, way }: { detail: CapacityDetail; way: 'in' | 'out' }) {
  const history = detail.series[way];
  const { outlook, max, mean, p95 } = detail[way];
  const model = useMemo(() => trendModel(detail, history), [detail, history]);
  return (
    <Panel title={way === 'in' ? 'In' : 'Out'} note={outlookText(outlook)}>
      <p className="px-3.5 pt-2.5 text-[0.8125rem] text-ink-soft">
        Last day: 95th percentile {rateText(p95)}, most {rateText(max)}, mean {rateText(mean)}.{' '}
        {forecastSentence(outlook, detail.thresholdPercent)}
      </p>
      {history.days.length > 0 && (
        <TrendChart label={`${detail.name}, ${way}: days and forecast`} model={model} />
      )}
      <WeekProfile label={`${detail.name}, ${way}: hours of the week`} profile={history.profile} />
    </Panel>
  );
}

function NoHistory() {
  return (
    <div className="mx-auto max-w-2xl space-y-3 px-6 py-10" data-testid="empty-state">
      <h2 className="font-semibold text-base">No interface has a history yet.</h2>
      <p className="text-ink-soft">
        Every hour, 35 minutes after it is over, what each interface carried is added here. Exporters have to
        send ingressInterface or egressInterface (inIf, outIf): the page Exporters says whose templates lack
        them.
      </p>
      <Link href="/exporters" className={SMALL_BUTTON}>
        Exporters
      </Link>
    </div>
  );
}
