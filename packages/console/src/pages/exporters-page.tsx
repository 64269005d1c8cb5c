import { Link } from 'wouter';
import type { Exporter, ExportersResponse } from '../api/contract.ts';
import { useFollowedApi } from '../api/use-api.ts';
import { ExporterDetail } from '../exporters/exporter-detail.tsx';
import {
  clockText,
  exporterId,
  type Health,
  healthOf,
  healthText,
  missingByUse,
  samplingText,
  USE_NAMES,
} from '../exporters/exporter-summary.ts';
import { formatCount, formatPerSecond, formatShare } from '../format/quantity.ts';
import { formatAgo, formatMoment } from '../format/time.ts';
import { VERSION_NAMES } from '../sources/source-state.ts';
import { pageAddress, useViewState } from '../use-view-state.ts';
import type { ViewCodec } from '../view-state.ts';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { RowButton } from '../widgets/row-button.tsx';
import { ScrollRegion } from '../widgets/scroll-region.tsx';
import { ProblemNote } from './problem-note.tsx';

const EVERY_MS = 3000;

/** The exporter that is open, and what is looked for. */
const EXPORTERS_VIEW: ViewCodec<{ exporter: string; find: string }> = {
  parse: (parameters) => ({ exporter: parameters.get('exporter') ?? '', find: parameters.get('find') ?? '' }),
  write: ({ exporter, find }, parameters) => {
    if (exporter !== '') parameters.set('exporter', exporter);
    if (find !== '') parameters.set('find', find);
  },
};

/** Who exports to us and how they fare: alarms, rates, loss, clocks, sampling, what templates lack. */
export function ExportersPage() {
  const [view, change] = useViewState(EXPORTERS_VIEW);
  const answer = useFollowedApi<ExportersResponse>(['exporters', {}], EVERY_MS);
  const { data } = answer;
  const wanted = view.find.toLowerCase();
  const exporters = (data?.exporters ?? []).filter((exporter) =>
    `${exporter.name} ${exporter.address} ${exporter.source}`.toLowerCase().includes(wanted),
  );
  const chosen = exporters.find((exporter) => exporterId(exporter) === view.exporter);
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {answer.error !== null && <ProblemNote problem={answer.error} />}
      {data !== undefined && <Alarms data={data} onOpen={(exporter) => change({ exporter })} />}
      <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,8fr)_minmax(0,5fr)]">
        <Panel
          title="Exporters"
          note={data === undefined ? 'asking…' : countNote(data, exporters.length)}
          controls={
            <input
              type="search"
              aria-label="Find an exporter"
              placeholder="Find"
              value={view.find}
              onChange={(event) => change({ find: event.target.value }, { replace: true })}
              className="h-7 w-40 rounded-md border border-line bg-surface px-2 text-xs focus:border-accent focus:outline-none"
            />
          }
        >
          {data !== undefined && data.exporters.length === 0 ? (
            <NoExporters />
          ) : (
            <ul aria-label="Exporters" className="divide-y divide-line">
              {exporters.map((exporter) => (
                <ExporterRow
                  key={exporterId(exporter)}
                  exporter={exporter}
                  now={data?.now ?? 0}
                  open={exporterId(exporter) === view.exporter}
                  onOpen={() => change({ exporter: exporterId(exporter) })}
                />
              ))}
            </ul>
          )}
        </Panel>
        {chosen === undefined ? (
          <Panel title="Exporter" className="max-xl:hidden">
            <p className="px-4 py-6 text-ink-soft">
              Choose an exporter to see its templates, its loss and its clock.
            </p>
          </Panel>
        ) : (
          <Panel
            title={chosen.name}
            note={healthText(chosen, data?.now ?? 0)}
            controls={
              <Link
                href={pageAddress('/', {
                  range: { kind: 'last', last: '15m' },
                  filter: `exporter = ${quoted(chosen.address)}`,
                  zone: view.zone,
                })}
                className={SMALL_BUTTON}
              >
                Its traffic
              </Link>
            }
          >
            <ExporterDetail exporter={chosen} now={data?.now ?? 0} />
          </Panel>
        )}
      </div>
    </div>
  );
}

const quoted = (text: string): string => (/^[0-9a-zA-Z:.]+$/.test(text) ? text : JSON.stringify(text));

function countNote(data: ExportersResponse, shown: number): string {
  return shown === data.total ? String(data.total) : `${shown} of ${data.total}`;
}

interface Raised {
  key: string;
  who: string;
  message: string;
  since: number;
  exporter: string | undefined;
}

function Alarms({ data, onOpen }: { data: ExportersResponse; onOpen: (exporter: string) => void }) {
  const raised: Raised[] = [
    ...data.sources.flatMap(({ source, alarms }) =>
      alarms.map(({ code, message, since }) => ({
        key: `${source} ${code}`,
        who: `source ${source}`,
        message,
        since,
        exporter: undefined,
      })),
    ),
    ...data.exporters.flatMap((exporter) =>
      exporter.alarms.map(({ code, message, since }) => ({
        key: `${exporterId(exporter)} ${code}`,
        who: exporter.name,
        message,
        since,
        exporter: exporterId(exporter),
      })),
    ),
  ].sort((one, other) => other.since - one.since);
  if (raised.length === 0) return null;
  return (
    <section aria-label="Alarms" className="rounded-lg border border-warn bg-warn-soft px-4 py-2.5">
      <h2 className="mb-1 font-semibold text-[0.8125rem]">
        {raised.length === 1 ? 'One alarm' : `${raised.length} alarms`}
      </h2>
      <ScrollRegion label="Alarms, scrollable" className="max-h-44">
        <ul aria-label="Alarms, newest first">
          {raised.map(({ key, who, message, since, exporter }) => (
            <li key={key} className="flex flex-wrap items-baseline gap-x-2 py-0.5">
              {exporter === undefined ? (
                <span className="font-medium">{who}</span>
              ) : (
                <button type="button" className="value font-medium" onClick={() => onOpen(exporter)}>
                  {who}
                </button>
              )}
              <span className="min-w-0">{message}</span>
              <span className="figures text-ink-soft text-xs">since {formatMoment(since, data.now)}</span>
            </li>
          ))}
        </ul>
      </ScrollRegion>
    </section>
  );
}

const HEALTH_DOTS: Readonly<Record<Health, string>> = { good: 'bg-good', warn: 'bg-warn', silent: 'bg-drop' };

interface ExporterRowProps {
  exporter: Exporter;
  now: number;
  open: boolean;
  onOpen: () => void;
}

function ExporterRow({ exporter, now, open, onOpen }: ExporterRowProps) {
  const health = healthOf(exporter);
  const { recordsPerSecond, loss } = exporter.rates;
  const named = exporter.name !== exporter.address;
  return (
    <li>
      <RowButton open={open} onOpen={onOpen}>
        <span className="flex flex-wrap items-baseline gap-x-2">
          <span
            aria-hidden="true"
            className={`size-2 shrink-0 self-center rounded-full ${HEALTH_DOTS[health]}`}
          />
          <span className={`min-w-0 truncate font-semibold ${named ? '' : 'wire text-[0.8125rem]'}`}>
            {exporter.name}
          </span>
          {named && <span className="wire text-ink-soft">{exporter.address}</span>}
          <span className="text-ink-soft text-xs">
            {exporter.versions.map((version) => VERSION_NAMES[version] ?? `version ${version}`).join(', ')}
            {exporter.observationDomainId > 0 && `, domain ${exporter.observationDomainId}`}
          </span>
          <span className="figures ml-auto whitespace-nowrap font-semibold text-[0.8125rem]">
            {formatPerSecond(recordsPerSecond)}
          </span>
        </span>
        <span className="figures mt-1 grid grid-cols-2 gap-x-4 gap-y-0.5 pl-4 text-ink-soft text-xs md:grid-cols-[1.4fr_1fr_1fr_1fr_1fr]">
          <span className={health === 'good' ? '' : health === 'silent' ? 'text-drop' : 'text-warn'}>
            {healthText(exporter, now)}
          </span>
          <span className={exporter.sequence.lost > 0 ? 'text-warn' : ''}>{lossText(exporter, loss)}</span>
          <span>clock {clockText(exporter.clockSkewMs)}</span>
          <span>sampling {samplingText(exporter.sampling)}</span>
          <span className="md:text-right">heard of {formatAgo(exporter.lastSeen, now)}</span>
        </span>
        <Missing exporter={exporter} />
      </RowButton>
    </li>
  );
}

function lossText(exporter: Exporter, loss: number | null): string {
  if (loss !== null && loss > 0) return `${formatShare(loss, 1)} lost now`;
  return exporter.sequence.lost > 0 ? `${formatCount(exporter.sequence.lost)} lost earlier` : 'no loss';
}

/** What uses lack in its templates, in one line. */
function Missing({ exporter }: { exporter: Exporter }) {
  const missing = [...missingByUse(exporter)];
  if (missing.length === 0) return null;
  return (
    <span className="mt-1 block truncate pl-4 text-ink-faint text-xs">
      Templates lack{' '}
      {missing.map(([use, fields], index) => (
        <span key={use}>
          {index > 0 && '; '}
          {fields.size} for {USE_NAMES[use] ?? use}
        </span>
      ))}
    </span>
  );
}

function NoExporters() {
  return (
    <div className="space-y-2 px-4 py-6 text-ink-soft" data-testid="empty-state">
      <p className="font-semibold text-base text-ink">No exporter has sent anything yet.</p>
      <p>
        Point a router, a firewall or <code className="wire">weir export</code> to one of the ports on the
        page{' '}
        <Link href="/sources" className="text-accent underline underline-offset-2">
          Sources
        </Link>
        ; it appears here with its first datagram.
      </p>
    </div>
  );
}
