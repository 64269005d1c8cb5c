import { useApi, useEvery, useReportAsking } from '../api/use-api.ts';
import { EvidenceLinks } from '../flows/evidence-links.tsx';
import { checkFilter } from '../flows/filter-check.ts';
import { formatCount, formatShare } from '../format/quantity.ts';
import {
  millisecondsText,
  RetransmissionChart,
  RoundTripChart,
  RoundTripHeat,
} from '../performance/performance-charts.tsx';
import type {
  LossResponse,
  LossRow,
  PerformanceGroup,
  PerformanceGroupsResponse,
  PerformanceResponse,
} from '../performance/performance-contract.ts';
import { SubjectLink } from '../subjects/subject-link.tsx';
import { useViewState } from '../use-view-state.ts';
import { rangeLengthMs, type ViewCodec } from '../view-state.ts';
import { Panel } from '../widgets/panel.tsx';
import { Pick } from '../widgets/segmented.tsx';
import { SimpleTable } from '../widgets/simple-table.tsx';
import { StatTile } from '../widgets/stat-tile.tsx';
import { ProblemNote } from './problem-note.tsx';

const EVERY_MS = 30_000;
/** Longer ranges cost seconds of processor time, and hardly move in half a minute. */
const FOLLOWED_MS_MAX = 6 * 3_600_000;
const GROUPS = [
  { value: 'path', text: 'Paths' },
  { value: 'service', text: 'Services' },
  { value: 'application', text: 'Applications' },
  { value: 'server', text: 'Servers' },
  { value: 'peer', text: 'Peers' },
  { value: 'network', text: 'Networks' },
  { value: 'exporter', text: 'Exporters' },
] as const;
const ORDERS = [
  { value: 'roundTrip', text: 'slowest first' },
  { value: 'retransmitted', text: 'lossiest first' },
  { value: 'samples', text: 'busiest first' },
] as const;
const LOSS_BY = [
  { value: 'path', text: 'by exporters' },
  { value: 'peer', text: 'by peers' },
  { value: 'host', text: 'by hosts' },
  { value: 'service', text: 'by services' },
] as const;

interface PerformanceView {
  by: (typeof GROUPS)[number]['value'];
  order: (typeof ORDERS)[number]['value'];
  loss: (typeof LOSS_BY)[number]['value'];
}

const oneOf = <T extends string>(options: readonly { value: T }[], text: string | null, standard: T): T =>
  options.find(({ value }) => value === text)?.value ?? standard;

const PERFORMANCE_VIEW: ViewCodec<PerformanceView> = {
  parse: (parameters) => ({
    by: oneOf(GROUPS, parameters.get('by'), 'path'),
    order: oneOf(ORDERS, parameters.get('order'), 'roundTrip'),
    loss: oneOf(LOSS_BY, parameters.get('loss'), 'path'),
  }),
  write: ({ by, order, loss }, parameters) => {
    if (by !== 'path') parameters.set('by', by);
    if (order !== 'roundTrip') parameters.set('order', order);
    if (loss !== 'path') parameters.set('loss', loss);
  },
};

/** How connections perform: round trips, packets sent again, and what is lost between two exporters. */
export function PerformancePage() {
  const [view, change] = useViewState(PERFORMANCE_VIEW);
  const { range, filter, by, order, loss } = view;
  const mistake = checkFilter(filter);
  const time = range.kind === 'last' ? { last: range.last } : { from: range.from, to: range.to };
  const everyMs = useEvery(EVERY_MS, range.kind === 'last' && rangeLengthMs(range) <= FOLLOWED_MS_MAX);
  const options = { everyMs, enabled: mistake === undefined };
  const question = { ...time, filter };
  const overview = useApi<PerformanceResponse>(['performance', question], options);
  const groups = useApi<PerformanceGroupsResponse>(
    ['performance/groups', { ...question, by, orderBy: order }],
    options,
  );
  const lost = useApi<LossResponse>(['performance/loss', { ...question, by: loss }], options);
  const failed = [overview, groups, lost].find(({ error }) => error !== null);
  useReportAsking(mistake === undefined ? everyMs : false, failed !== undefined);
  const { data } = overview;
  const zoom = (from: number, to: number) => change({ range: { kind: 'fixed', from, to } });
  const problem = mistake === undefined ? failed?.error : new Error(mistake.message);
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {problem != null && <ProblemNote problem={problem} />}
      {data === undefined && problem == null && (
        <p role="status" className="px-1 py-6 text-ink-faint">
          Asking how connections perform…
        </p>
      )}
      {data !== undefined && data.why !== null && (
        <Panel title="Nothing to show">
          <p className="max-w-3xl px-3.5 py-4 text-ink-soft" data-testid="empty-state">
            {data.why}
          </p>
        </Panel>
      )}
      {data !== undefined && data.why === null && (
        <>
          <Totals data={data} />
          <div className="grid grid-cols-1 gap-3 xl:grid-cols-2">
            <Panel title="Round trip of handshakes" note="client to server and back">
              <RoundTripChart data={data} onZoom={zoom} />
            </Panel>
            <Panel title="Packets sent again" note="share of TCP packets">
              <RetransmissionChart data={data} onZoom={zoom} />
            </Panel>
          </div>
          <Panel title="How many took how long" note="connections by round trip">
            <RoundTripHeat data={data} />
          </Panel>
          <Panel
            title={GROUPS.find(({ value }) => value === by)?.text ?? ''}
            note="with five connections or more"
            controls={
              <>
                <Pick
                  label="What is compared"
                  options={GROUPS}
                  value={by}
                  onChange={(next) => change({ by: next })}
                />
                <Pick
                  label="Order"
                  options={ORDERS}
                  value={order}
                  onChange={(next) => change({ order: next })}
                />
              </>
            }
          >
            <Groups data={groups.data} isService={by === 'service'} />
          </Panel>
        </>
      )}
      {lost.data !== undefined && (
        <Panel
          title="Lost on the way"
          note={coverageText(lost.data)}
          controls={
            <Pick
              label="Loss by"
              options={LOSS_BY}
              value={loss}
              onChange={(next) => change({ loss: next })}
            />
          }
        >
          <Loss data={lost.data} />
        </Panel>
      )}
    </div>
  );
}

function Totals({ data }: { data: PerformanceResponse }) {
  const { totals } = data;
  const split = (ms: number | null) => {
    const [figure = '–', unit = ''] = millisecondsText(ms).split(' ');
    return { figure, unit };
  };
  const share = (count: number | null) => {
    const [figure = '–', unit = ''] = (count === null ? '–' : formatShare(count, totals.packets)).split(' ');
    return { figure, unit };
  };
  return (
    <dl className="grid grid-cols-2 gap-3 lg:grid-cols-5">
      <StatTile
        label="Round trip, median"
        {...split(totals.roundTripP50)}
        note={`client ${millisecondsText(totals.clientP50)}, server ${millisecondsText(totals.serverP50)}`}
      />
      <StatTile
        label="95th percentile"
        {...split(totals.roundTripP95)}
        note={`99th: ${millisecondsText(totals.roundTripP99)}`}
      />
      <StatTile
        label="Sent again"
        {...share(totals.retransmitted)}
        note={`${formatCount(totals.retransmitted ?? 0)} of ${formatCount(totals.packets)} packets`}
      />
      <StatTile
        label="Out of order"
        {...share(totals.outOfOrder)}
        note={`zero windows: ${totals.zeroWindows === null ? 'not told' : formatCount(totals.zeroWindows)}`}
      />
      <StatTile
        label="Connections"
        figure={formatCount(totals.samples)}
        unit=""
        note={`${formatShare(totals.recordsWithTimes, totals.records)} of TCP records tell`}
      />
    </dl>
  );
}

function Groups({ data, isService }: { data: PerformanceGroupsResponse | undefined; isService: boolean }) {
  if (data === undefined) return <p className="px-3.5 py-4 text-ink-faint">asking…</p>;
  if (data.rows.length === 0)
    return <p className="px-3.5 py-4 text-ink-soft">None has five connections in this time range.</p>;
  return (
    <SimpleTable<PerformanceGroup>
      label="Compared"
      rows={data.rows}
      idOf={({ label }) => label}
      columns={[
        { title: 'Which', cell: (row) => <GroupName row={row} /> },
        { title: 'Median', isFigure: true, cell: ({ roundTripP50 }) => millisecondsText(roundTripP50) },
        ...(isService
          ? [
              {
                title: 'Usual',
                isFigure: true,
                cell: ({ usualRoundTrip }: PerformanceGroup) => millisecondsText(usualRoundTrip),
              },
            ]
          : []),
        { title: '95th', isFigure: true, cell: ({ roundTripP95 }) => millisecondsText(roundTripP95) },
        {
          title: '99th',
          isFigure: true,
          isMinor: true,
          cell: ({ roundTripP99 }) => millisecondsText(roundTripP99),
        },
        {
          title: 'Client part',
          isFigure: true,
          isMinor: true,
          cell: ({ clientP50 }) => millisecondsText(clientP50),
        },
        {
          title: 'Server part',
          isFigure: true,
          isMinor: true,
          cell: ({ serverP50 }) => millisecondsText(serverP50),
        },
        {
          title: 'Sent again',
          isFigure: true,
          cell: ({ retransmitted, packets }) =>
            retransmitted === null ? '–' : formatShare(retransmitted, packets),
        },
        { title: 'Connections', isFigure: true, isMinor: true, cell: ({ samples }) => formatCount(samples) },
        {
          title: 'Flows',
          cell: ({ label, filter }) => (
            <EvidenceLinks about={label} filter={filter} from={data.from} to={data.to} />
          ),
        },
      ]}
    />
  );
}

function GroupName({ row: { key, label } }: { row: PerformanceGroup }) {
  const { client, server } = key;
  if (typeof server !== 'string') return <span className="wire">{label}</span>;
  return (
    <span className="wire whitespace-nowrap">
      {typeof client === 'string' && (
        <>
          <SubjectLink kind="host" value={client} /> →{' '}
        </>
      )}
      <SubjectLink kind="host" value={server} />
    </span>
  );
}

function coverageText({ coverage: { runs, matchedPackets, packets } }: LossResponse): string {
  return runs === 0 ? '' : `of ${formatShare(matchedPackets, packets)} of the packets both ends tell`;
}

function Loss({ data }: { data: LossResponse }) {
  if (data.rows.length === 0)
    return (
      <p className="max-w-3xl px-3.5 py-4 text-ink-soft" data-testid="loss-empty">
        {data.why ?? 'Of no flow both ends saw the same time.'}
      </p>
    );
  return (
    <SimpleTable<LossRow>
      label="Lost on the way"
      rows={data.rows}
      idOf={({ label }) => label}
      columns={[
        { title: 'Path', cell: ({ label }) => <span className="wire">{label}</span> },
        {
          title: 'Lost',
          isFigure: true,
          cell: ({ lossShare }) =>
            lossShare === null ? '–' : <span className="text-drop">{formatShare(lossShare, 1)}</span>,
        },
        { title: 'Packets lost', isFigure: true, cell: ({ lost }) => formatCount(lost) },
        { title: 'Sent', isFigure: true, isMinor: true, cell: ({ sentPackets }) => formatCount(sentPackets) },
        {
          title: 'Received',
          isFigure: true,
          isMinor: true,
          cell: ({ receivedPackets }) => formatCount(receivedPackets),
        },
        {
          title: 'Compared',
          isFigure: true,
          cell: ({ compared, runs }) => `${formatCount(compared)} of ${formatCount(runs)}`,
        },
        {
          title: 'Clocks differ',
          isFigure: true,
          isMinor: true,
          cell: ({ skewMs }) => (skewMs === null ? '–' : millisecondsText(Math.abs(skewMs))),
        },
        {
          title: 'Flows',
          cell: ({ label, filter }) => (
            <EvidenceLinks about={label} filter={filter} from={data.from} to={data.to} />
          ),
        },
      ]}
    />
  );
}
