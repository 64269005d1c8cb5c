import type { Alert } from '@weir/analysis';
import { Link } from 'wouter';
import { formatCount, formatOctets, formatQuantity } from '../format/quantity.ts';
import { formatDateTime } from '../format/time.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import { pageAddress } from '../use-view-state.ts';
import { DEFAULT_SHARED, type SharedView } from '../view-state.ts';
import type { ChartModel } from '../widgets/chart-engine.ts';
import { PLAIN_BUTTON, PRIMARY_BUTTON, SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { ScrollRegion } from '../widgets/scroll-region.tsx';
import { TimeChart } from '../widgets/time-chart.tsx';
import type { AlertDetailResponse } from './alert-contract.ts';
import { SeverityMark, STATE_TEXTS } from './severity-mark.tsx';
import { SuppressForm } from './suppress-form.tsx';
import { useAlertChange } from './use-alert-change.ts';

interface AlertDetailProps {
  answer: AlertDetailResponse;
  zone: SharedView['zone'];
  onZoom: (from: number, to: number) => void;
}

/** All of one alert: what it means, the numbers of its formula, before and after, its flows, and what to do with it. */
export function AlertDetail({ answer, zone, onZoom }: AlertDetailProps) {
  const { alert } = answer;
  const { evidence } = alert;
  const range = { kind: 'fixed' as const, from: Date.parse(evidence.from), to: Date.parse(evidence.to) };
  const shared: SharedView = { ...DEFAULT_SHARED, zone, range, filter: evidence.filter };
  return (
    <Panel
      title={alert.title}
      note={`alert ${alert.id}`}
      controls={
        <>
          <Link href={pageAddress('/flows', shared)} className={SMALL_BUTTON}>
            Its flows
          </Link>
          <Link href={pageAddress('/explore', shared)} className={SMALL_BUTTON}>
            Explore
          </Link>
        </>
      }
    >
      <div className="divide-y divide-line">
        <div className="space-y-2 px-4 py-3">
          <p className="flex flex-wrap items-baseline gap-x-2.5 gap-y-1">
            <SeverityMark severity={alert.severity} />
            <span className="wire min-w-0 break-all font-semibold text-[0.8125rem]">
              {alert.subject.value}
            </span>
            <span className="figures text-ink-soft text-xs">
              score {alert.score.toFixed(3)} · {STATE_TEXTS[alert.state]}
              {alert.by !== undefined && ` by ${alert.by}`}
            </span>
          </p>
          <p className="max-w-prose leading-relaxed">{alert.explanation}</p>
          {alert.note !== undefined && <p className="text-ink-soft text-xs">Note: {alert.note}</p>}
          <p className="figures text-ink-soft text-xs">
            First seen {formatDateTime(Date.parse(alert.firstSeen))}, last{' '}
            {formatDateTime(Date.parse(alert.lastSeen))}, found{' '}
            {alert.count === 1 ? 'once' : `${formatCount(alert.count)} times`}.
            {alert.more > 0 &&
              ` ${formatCount(alert.more)} more like this were found in the same hour and are not listed.`}
          </p>
        </div>
        <Actions alert={alert} />
        <Course answer={answer} onZoom={onZoom} />
        <Numbers alert={alert} />
        <Sample answer={answer} />
      </div>
    </Panel>
  );
}

function Actions({ alert }: { alert: Alert }) {
  const change = useAlertChange();
  const to = (state: 'open' | 'acknowledged' | 'closed') => () =>
    change.mutate({ method: 'POST', path: `alerts/${alert.id}/state`, body: { state } });
  return (
    <div className="space-y-2 px-4 py-3">
      <div className="flex flex-wrap gap-2">
        {alert.state === 'open' && (
          <button
            type="button"
            className={PRIMARY_BUTTON}
            disabled={change.isPending}
            onClick={to('acknowledged')}
          >
            Acknowledge
          </button>
        )}
        {alert.state === 'closed' || alert.state === 'suppressed' ? (
          <button type="button" className={PLAIN_BUTTON} disabled={change.isPending} onClick={to('open')}>
            Open again
          </button>
        ) : (
          <button type="button" className={PLAIN_BUTTON} disabled={change.isPending} onClick={to('closed')}>
            Close
          </button>
        )}
        {alert.state !== 'suppressed' && alert.state !== 'closed' && (
          <SuppressForm key={alert.id} alert={alert} />
        )}
      </div>
      {change.error !== null && <ProblemNote problem={change.error} />}
    </div>
  );
}

function Course({ answer, onZoom }: { answer: AlertDetailResponse; onZoom: AlertDetailProps['onZoom'] }) {
  const { series, alert } = answer;
  const model = chartOf(answer);
  const total = series.points.reduce((sum, { octets }) => sum + octets, 0);
  return (
    <section aria-label="Before and after" className="px-4 py-3">
      <h3 className="mb-1 font-semibold text-[0.8125rem]">Before and after</h3>
      {series.points.length === 0 ? (
        <p className="text-ink-soft">
          The store has no flows of this time any more: records are older than they are kept.
        </p>
      ) : (
        <>
          <div className="relative h-44">
            <TimeChart
              label={`Traffic of ${alert.subject.value} before and after`}
              model={model}
              onZoom={onZoom}
            />
          </div>
          <p className="figures text-ink-faint text-xs">
            {formatOctets(total)} in all. Found from {formatDateTime(Date.parse(alert.evidence.from))} to{' '}
            {formatDateTime(Date.parse(alert.evidence.to))}; as long before and after is shown.
          </p>
        </>
      )}
    </section>
  );
}

/** Steps within the time of the alert in the colour of drops, the others in that of traffic. */
function chartOf({ series, alert }: AlertDetailResponse): ChartModel {
  const { stepMs, points } = series;
  const [from, to] = [Date.parse(series.from), Date.parse(series.to)];
  const start = Math.floor(from / stepMs) * stepMs;
  const times = Array.from(
    { length: Math.ceil((to - start) / stepMs) },
    (_, index) => start + index * stepMs,
  );
  const byTime = new Map(points.map(({ time, octets }) => [Date.parse(time), (octets * 8000) / stepMs]));
  const alertFrom = Math.min(Date.parse(alert.firstSeen), Date.parse(alert.evidence.from));
  const alertTo = Date.parse(alert.evidence.to);
  const isDuring = (time: number) => time + stepMs > alertFrom && time < alertTo;
  const valuesWhere = (wanted: boolean) =>
    times.map((time) => (isDuring(time) === wanted ? (byTime.get(time) ?? 0) : 0));
  return {
    times,
    from: start,
    to,
    stepMs,
    kind: 'bars',
    lines: [
      { id: 'around', name: 'before and after', colour: '--series-blue', values: valuesWhere(false) },
      { id: 'during', name: 'in the time of the alert', colour: '--drop', values: valuesWhere(true) },
    ],
    formatValue: (value) => formatQuantity(value, 'b/s'),
    highlighted: undefined,
  };
}

function Numbers({ alert }: { alert: Alert }) {
  const { formula, numbers } = alert.evidence;
  return (
    <section aria-label="Evidence" className="px-4 py-3">
      <h3 className="mb-1 font-semibold text-[0.8125rem]">Evidence</h3>
      <p className="mb-2 text-ink-soft text-xs leading-relaxed">{formula}</p>
      <ScrollRegion label="Numbers of the formula">
        <table className="figures w-full text-left text-[0.8125rem]">
          <thead className="text-ink-faint text-xs">
            <tr>
              <th scope="col" className="py-1 pr-3 font-medium">
                Number
              </th>
              <th scope="col" className="py-1 pr-3 text-right font-medium">
                Value
              </th>
              <th scope="col" className="py-1 pr-3 text-right font-medium">
                Threshold
              </th>
              <th scope="col" className="py-1 font-medium">
                Meaning
              </th>
            </tr>
          </thead>
          <tbody className="divide-y divide-line">
            {numbers.map(({ name, value, unit, threshold, meaning }) => (
              <tr key={name}>
                <th scope="row" className="wire py-1 pr-3 font-medium">
                  {name}
                </th>
                <td className="whitespace-nowrap py-1 pr-3 text-right font-semibold">
                  {numberText(value, unit)}
                </td>
                <td className="whitespace-nowrap py-1 pr-3 text-right text-ink-soft">
                  {threshold === undefined ? '' : numberText(threshold, unit)}
                </td>
                <td className="min-w-40 py-1 text-ink-soft">{meaning}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </ScrollRegion>
    </section>
  );
}

function numberText(value: number, unit = ''): string {
  if (unit === 'octets') return formatOctets(value);
  const text = value.toLocaleString('en-US', { maximumFractionDigits: 3 });
  return unit === '' ? text : `${text} ${unit}`;
}

function Sample({ answer }: { answer: AlertDetailResponse }) {
  const { flows, alert } = answer;
  return (
    <section aria-label="Flows" className="px-4 py-3">
      <h3 className="mb-1 font-semibold text-[0.8125rem]">Flows</h3>
      <p className="wire mb-2 break-all text-ink-soft text-xs">{alert.evidence.filter}</p>
      {flows.length === 0 ? (
        <p className="text-ink-soft">None is in the store any more.</p>
      ) : (
        <ScrollRegion label="The newest flows, scrollable" className="max-h-64">
          <ul className="divide-y divide-line" aria-label="The newest flows">
            {flows.map((flow, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: records have no name, and the list never changes its order.
              <li key={index} className="figures flex flex-wrap gap-x-3 py-1 text-xs">
                <span className="text-ink-soft">{formatDateTime(Date.parse(String(flow['flowEnd'])))}</span>
                <span className="wire break-all">
                  {String(flow['srcAddr'] ?? '')}:{String(flow['srcPort'] ?? '')} →{' '}
                  {String(flow['dstAddr'] ?? '')}:{String(flow['dstPort'] ?? '')}
                </span>
                <span className="ml-auto">{formatOctets(Number(flow['octets'] ?? 0))}</span>
              </li>
            ))}
          </ul>
        </ScrollRegion>
      )}
    </section>
  );
}
