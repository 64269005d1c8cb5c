import { useMemo } from 'react';
import { Link } from 'wouter';
import { useApi } from '../api/use-api.ts';
import { countryName } from '../flows/dimension.ts';
import { EvidenceLinks } from '../flows/evidence-links.tsx';
import { formatCount, formatOctets, formatQuantity, formatShare } from '../format/quantity.ts';
import { formatDateTime, formatDuration, formatMoment } from '../format/time.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import { pageAddress, useSharedView } from '../use-view-state.ts';
import type { ChartModel } from '../widgets/chart-engine.ts';
import { Panel } from '../widgets/panel.tsx';
import { SimpleTable } from '../widgets/simple-table.tsx';
import { StatTile } from '../widgets/stat-tile.tsx';
import { TimeChart } from '../widgets/time-chart.tsx';
import { ActivityMap } from './activity-map.tsx';
import { BaselinePanel } from './baseline-panel.tsx';
import type { SubjectPeer, SubjectResponse, SubjectService } from './subject-contract.ts';
import { type SubjectKind, SubjectLink } from './subject-link.tsx';

const PATHS: Readonly<Record<SubjectKind, string>> = { host: 'hosts', user: 'users', peer: 'peers' };

interface SubjectViewProps {
  kind: SubjectKind;
  value: string;
  time: Record<string, string | number | undefined>;
  filter: string;
  onZoom: (from: number, to: number) => void;
}

/** All about a host, user or peer. */
export function SubjectView({ kind, value, time, filter, onZoom }: SubjectViewProps) {
  const answer = useApi<SubjectResponse>([
    `${PATHS[kind]}/${encodeURIComponent(value)}`,
    { ...time, filter },
  ]);
  const { data } = answer;
  if (answer.error !== null) return <ProblemNote problem={answer.error} />;
  if (data === undefined || data.value !== value)
    return (
      <p role="status" className="px-1 py-6 text-ink-faint">
        Asking for all about {value}…
      </p>
    );
  return (
    <div className="space-y-3">
      <Identity data={data} />
      {data.totals.flows === 0 ? (
        <Panel title="Traffic">
          <p className="px-3.5 py-4 text-ink-soft" data-testid="empty-state">
            It has no traffic in this time range.{' '}
            {data.sightings === null
              ? 'Nothing is remembered of it either: a longer time range may show it.'
              : `It was seen last at ${formatDateTime(data.sightings.lastMs)}: choose a time range that reaches there.`}
          </p>
        </Panel>
      ) : (
        <Found data={data} onZoom={onZoom} />
      )}
    </div>
  );
}

function Identity({ data }: { data: SubjectResponse }) {
  const { totals, peerCounts, performance, sightings, names, activity } = data;
  const own = names.filter(({ kind }) => kind !== data.kind);
  return (
    <>
      <Panel
        title={data.value}
        note={own.map(({ value }) => value).join(' · ')}
        controls={<EvidenceLinks about={data.value} filter={data.filter} from={data.from} to={data.to} />}
      >
        <p className="figures flex flex-wrap gap-x-4 gap-y-1 px-3.5 py-2 text-ink-soft text-xs">
          {sightings === null ? (
            <span>Since when it is known is not remembered: only hosts inside, users and peers are.</span>
          ) : (
            <span>
              First seen {formatDateTime(sightings.firstMs).slice(0, 16)}, last{' '}
              {formatDateTime(sightings.lastMs).slice(0, 16)}
            </span>
          )}
          {names
            .filter(({ kind }) => kind === 'user' || kind === 'peer')
            .filter(({ kind }) => kind !== data.kind)
            .map(({ kind, value }) => (
              <span key={`${kind} ${value}`}>
                {kind} <SubjectLink kind={kind === 'user' ? 'user' : 'peer'} value={value} />
              </span>
            ))}
          {data.kind !== 'host' &&
            data.addresses.map(({ address }) => (
              <span key={address}>
                from <SubjectLink kind="host" value={address} className="wire" />
              </span>
            ))}
        </p>
      </Panel>
      <dl className="grid grid-cols-2 gap-3 lg:grid-cols-5">
        <StatTile label="Sent" {...sized(totals.sent)} note={rateNote(totals.sent, data)} />
        <StatTile label="Received" {...sized(totals.received)} note={rateNote(totals.received, data)} />
        <StatTile
          label="Talked with"
          figure={formatCount(peerCounts.all)}
          unit="hosts"
          note={`${peerCounts.fresh} not since ${formatDateTime(data.historyFrom).slice(0, 10)}`}
        />
        <StatTile
          label="Round trip"
          figure={performance?.roundTripP50 == null ? '–' : performance.roundTripP50.toFixed(1)}
          unit={performance?.roundTripP50 == null ? '' : 'ms'}
          note={performance?.roundTripP50 == null ? 'no exporter tells' : `median of ${performance.samples}`}
        />
        <StatTile
          label="Unusual hours"
          figure={String(activity.unusual.length)}
          unit=""
          note={`${knownText(activity.weeks)} known`}
        />
      </dl>
    </>
  );
}

/** Weeks are what counts; less is said in days or hours. */
function knownText(weeks: number): string {
  if (weeks >= 1) return `${weeks.toFixed(1)} weeks`;
  return weeks * 7 >= 2 ? `${Math.floor(weeks * 7)} days` : `${Math.ceil(weeks * 168)} hours`;
}

function sized(octets: number): { figure: string; unit: string } {
  const [figure = '', unit = ''] = formatOctets(octets).split(' ');
  return { figure, unit };
}

const rateNote = (octets: number, { from, to }: SubjectResponse): string =>
  formatQuantity((octets * 8000) / Math.max(1, to - from), 'b/s');

function Found({ data, onZoom }: { data: SubjectResponse; onZoom: (from: number, to: number) => void }) {
  const model = useMemo<ChartModel>(() => {
    const rate = (octets: number) => (octets * 8000) / data.stepMs;
    return {
      times: data.times,
      from: data.from,
      to: data.to,
      stepMs: data.stepMs,
      kind: 'bars',
      lines: [
        { id: 'received', name: 'Received', colour: '--series-blue', values: data.series.received.map(rate) },
        {
          id: 'sent',
          name: 'Sent',
          colour: '--series-amber',
          values: data.series.sent.map((octets) => -rate(octets)),
        },
      ],
      formatValue: (value) => formatQuantity(value, 'b/s'),
      highlighted: undefined,
    };
  }, [data]);
  return (
    <>
      <div className="grid grid-cols-1 gap-3 xl:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <Panel title="Traffic" note="received upwards, sent downwards">
          <div className="relative h-56">
            <TimeChart label={`Traffic of ${data.value} over time`} model={model} onZoom={onZoom} />
          </div>
        </Panel>
        <Panel title="When it is active" note={`${knownText(data.activity.weeks)} known`}>
          <ActivityMap cells={data.activity.cells} />
        </Panel>
      </div>
      <BaselinePanel kind={data.kind} value={data.value} onZoom={onZoom} />
      <Unusual data={data} />
      <Alerts data={data} />
      <Peers data={data} />
      <Services data={data} />
      <Drops data={data} />
      <div className="grid grid-cols-1 items-start gap-3 lg:grid-cols-2">
        <Countries data={data} />
        <Uses data={data} />
      </div>
      <Sessions data={data} />
    </>
  );
}

function Unusual({ data }: { data: SubjectResponse }) {
  const { unusual } = data.activity;
  if (unusual.length === 0) return null;
  return (
    <Panel title="Active at unusual hours" note={String(unusual.length)}>
      <SimpleTable
        label="Unusual hours"
        rows={unusual}
        idOf={({ hourMs }) => String(hourMs)}
        columns={[
          { title: 'Hour', cell: ({ hourMs }) => formatDateTime(hourMs).slice(0, 16) },
          {
            title: 'Why',
            cell: ({ hours, active, chance }) =>
              `in ${active} of ${hours} such hours before; chance ${formatShare(chance, 1)}`,
          },
          { title: 'Octets', isFigure: true, cell: ({ octets }) => formatOctets(octets) },
          {
            title: 'Flows',
            cell: ({ hourMs }) => (
              <EvidenceLinks
                about={formatDateTime(hourMs)}
                filter={data.filter}
                from={hourMs}
                to={hourMs + 3_600_000}
              />
            ),
          },
        ]}
      />
    </Panel>
  );
}

const NEW_MARK = (
  <span className="ml-1.5 rounded border border-good px-1 text-[0.6875rem] text-good leading-4">new</span>
);

function Peers({ data }: { data: SubjectResponse }) {
  return (
    <Panel title="With whom" note={`${data.peers.length} of ${formatCount(data.peerCounts.all)}`}>
      <SimpleTable<SubjectPeer>
        label="With whom"
        rows={data.peers}
        idOf={({ address }) => address}
        columns={[
          {
            title: 'Host',
            cell: (peer) => (
              <>
                <SubjectLink kind="host" value={peer.address} className="wire" />
                {peer.isNew && NEW_MARK}
                <span className="ml-1.5 text-ink-faint">{peer.peer ?? peer.name ?? ''}</span>
              </>
            ),
          },
          {
            title: 'User',
            isMinor: true,
            cell: ({ user }) => (user === null ? '' : <SubjectLink kind="user" value={user} />),
          },
          {
            title: 'Country',
            isMinor: true,
            cell: ({ country }) => (country === null ? '' : (countryName(country) ?? country)),
          },
          { title: 'Sent', isFigure: true, cell: ({ sent }) => formatOctets(sent) },
          { title: 'Received', isFigure: true, cell: ({ received }) => formatOctets(received) },
          { title: 'Sessions', isFigure: true, isMinor: true, cell: ({ sessions }) => formatCount(sessions) },
          {
            title: 'Known since',
            isMinor: true,
            cell: ({ firstMs }) => (firstMs === null ? '' : formatMoment(firstMs, data.to)),
          },
          {
            title: 'Flows',
            cell: ({ address }) => (
              <EvidenceLinks
                about={address}
                filter={`${data.filter} and (srcAddr = ${address} or dstAddr = ${address})`}
                from={data.from}
                to={data.to}
              />
            ),
          },
        ]}
      />
    </Panel>
  );
}

function Services({ data }: { data: SubjectResponse }) {
  return (
    <Panel title="Services" note="used, and offered to others">
      <SimpleTable<SubjectService>
        label="Services"
        rows={data.services}
        idOf={({ role, service }) => `${role} ${service}`}
        columns={[
          {
            title: 'Service',
            cell: ({ service, application, isNew }) => (
              <>
                <span className="wire">{service}</span>
                {isNew && NEW_MARK}
                <span className="ml-1.5 text-ink-faint">{application ?? ''}</span>
              </>
            ),
          },
          { title: 'Role', cell: ({ role }) => (role === 'client' ? 'used' : 'offered') },
          { title: 'Others', isFigure: true, cell: ({ others }) => formatCount(others) },
          { title: 'Sent', isFigure: true, cell: ({ sent }) => formatOctets(sent) },
          { title: 'Received', isFigure: true, cell: ({ received }) => formatOctets(received) },
          { title: 'Sessions', isFigure: true, isMinor: true, cell: ({ sessions }) => formatCount(sessions) },
          {
            title: 'Flows',
            cell: ({ service, filter }) => (
              <EvidenceLinks
                about={service}
                filter={filter === '' ? data.filter : `${data.filter} and ${filter}`}
                from={data.from}
                to={data.to}
              />
            ),
          },
        ]}
      />
    </Panel>
  );
}

function Drops({ data }: { data: SubjectResponse }) {
  if (data.drops.length === 0) return null;
  return (
    <Panel title="Dropped by policy">
      <SimpleTable
        label="Dropped by policy"
        rows={data.drops}
        idOf={(row) => `${row.rule} ${row.from} ${row.service}`}
        columns={[
          { title: 'Rule', cell: ({ rule }) => rule ?? 'not said' },
          { title: 'Direction', cell: ({ from }) => (from ? 'from it' : 'to it') },
          { title: 'Service', cell: ({ service }) => <span className="wire">{service}</span> },
          { title: 'Packets', isFigure: true, cell: ({ packets }) => formatCount(packets) },
          {
            title: 'Flows',
            cell: ({ service }) => (
              <EvidenceLinks
                about={`drops of ${service}`}
                filter={`${data.filter} and dropped`}
                from={data.from}
                to={data.to}
              />
            ),
          },
        ]}
      />
    </Panel>
  );
}

function Alerts({ data }: { data: SubjectResponse }) {
  if (data.alerts.length === 0) return null;
  return (
    <Panel title="Alerts" note={String(data.alerts.length)}>
      <SimpleTable
        label="Alerts"
        rows={data.alerts}
        idOf={({ id }) => id}
        columns={[
          { title: 'What', cell: ({ id, title }) => <AlertLink id={id} title={title} /> },
          { title: 'Severity', cell: ({ severity }) => severity },
          { title: 'State', cell: ({ state }) => state },
          { title: 'Last', cell: ({ lastSeen }) => formatMoment(Date.parse(lastSeen), data.to) },
        ]}
      />
    </Panel>
  );
}

function AlertLink({ id, title }: { id: string; title: string }) {
  const [shared] = useSharedView();
  return (
    <Link
      href={pageAddress('/alerts', { ...shared, filter: '' }, { alert: id })}
      className="text-accent hover:underline"
    >
      {title}
    </Link>
  );
}

function Countries({ data }: { data: SubjectResponse }) {
  if (data.countries.length === 0) return null;
  return (
    <Panel title="Countries">
      <SimpleTable
        label="Countries"
        rows={data.countries.slice(0, 12)}
        idOf={({ country }) => country}
        columns={[
          { title: 'Country', cell: ({ country }) => countryName(country) ?? country },
          { title: 'Sent', isFigure: true, cell: ({ sent }) => formatOctets(sent) },
          { title: 'Received', isFigure: true, cell: ({ received }) => formatOctets(received) },
        ]}
      />
    </Panel>
  );
}

function Uses({ data }: { data: SubjectResponse }) {
  if (data.uses.length === 0) return null;
  return (
    <Panel title="First and last use" note="all that is remembered">
      <SimpleTable
        label="First and last use"
        rows={data.uses.slice(0, 50)}
        idOf={({ service }) => service}
        columns={[
          { title: 'Service', cell: ({ service }) => <span className="wire">{service}</span> },
          { title: 'First', cell: ({ firstMs }) => formatDateTime(firstMs).slice(0, 16) },
          { title: 'Last', cell: ({ lastMs }) => formatDateTime(lastMs).slice(0, 16) },
        ]}
      />
    </Panel>
  );
}

function Sessions({ data }: { data: SubjectResponse }) {
  if (data.sessions.length === 0) return null;
  const text = (value: string | number | null | undefined) =>
    value === null || value === undefined ? '' : String(value);
  return (
    <Panel title="Newest sessions" note={String(data.sessions.length)}>
      <SimpleTable
        label="Newest sessions"
        rows={data.sessions}
        idOf={(row) => JSON.stringify(row)}
        columns={[
          { title: 'Began', cell: (row) => formatMoment(momentOf(row['start']), data.to) },
          { title: 'From', cell: (row) => <span className="wire">{text(row['initiator'])}</span> },
          {
            title: 'To',
            cell: (row) => (
              <span className="wire">{`${text(row['responder'])} ${text(row['responderPort'])}`}</span>
            ),
          },
          { title: 'Lasted', isFigure: true, cell: (row) => formatDuration(Number(row['duration'] ?? 0)) },
          { title: 'Octets', isFigure: true, cell: (row) => formatOctets(Number(row['octets'] ?? 0)) },
        ]}
      />
    </Panel>
  );
}

const momentOf = (value: string | number | null | undefined): number =>
  typeof value === 'number' ? value : Date.parse(String(value));
