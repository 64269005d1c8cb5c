import { NarrowedPanel } from '../access/narrowed-panel.tsx';
import { useSeesAll } from '../access/use-session.ts';
import type { Parameters } from '../api/client.ts';
import type {
  ExportersResponse,
  FlowsResponse,
  MeasureName,
  Pulse,
  QueryResponse,
  SeriesResponse,
  StatusResponse,
} from '../api/contract.ts';
import { useLiveFeed } from '../api/live-feed.ts';
import { type FeedState, useLiveState } from '../api/live-state.ts';
import { type ApiOptions, useApi, useEvery } from '../api/use-api.ts';
import { GROUPINGS } from '../flows/dimension.ts';
import { checkFilter } from '../flows/filter-check.ts';
import { formatCount, quantity } from '../format/quantity.ts';
import { rangeInWords } from '../format/time-words.ts';
import { useViewState } from '../use-view-state.ts';
import { DEFAULT_SHARED, type SharedView } from '../view-state.ts';
import { Panel } from '../widgets/panel.tsx';
import { StatTile } from '../widgets/stat-tile.tsx';
import { AlertsPanel } from './alerts-panel.tsx';
import { DayPanel } from './day-panel.tsx';
import { DropsPanel } from './drops-panel.tsx';
import { EmptyState } from './empty-state.tsx';
import { FlowsPanel } from './flows-panel.tsx';
import { HealthPanel } from './health-panel.tsx';
import { OVERVIEW_VIEW, type OverviewView } from './overview-view.ts';
import { ProblemNote } from './problem-note.tsx';
import { StatusPanel } from './status-panel.tsx';
import { TopPanel } from './top-panel.tsx';
import { TrafficPanel } from './traffic-panel.tsx';

const TOP_ROWS = 10;
const CHART_LINES = 8;
const FLOW_ROWS = 50;
/** A bar needs some pixels to be seen. */
const CHART_POINTS = window.innerWidth < 640 ? 90 : 200;
const EXPORTERS_EVERY_MS = 5000;
/** What needs a query of its own is asked again this often. */
const SLOW_MS = 10_000;
/** Without the live feed the page asks again this often. */
const POLL_MS = 5000;

/** What the network carries now, who causes it, and what was seen last. */
export function OverviewPage() {
  const [view, change] = useViewState(OVERVIEW_VIEW);
  const data = useOverviewData(view);
  const seesAll = useSeesAll();
  const exporters = useApi<ExportersResponse>(['exporters', {}], {
    everyMs: useEvery(EXPORTERS_EVERY_MS),
    enabled: seesAll,
  });
  const { range, filter } = view;
  const mistake = checkFilter(filter);
  const nothing = data.flows?.flows.length === 0 && data.series?.series.length === 0;

  return (
    <div className="mx-auto grid max-w-[110rem] grid-cols-1 gap-3 lg:grid-cols-12">
      {data.problem !== undefined && <ProblemNote problem={data.problem} className="lg:col-span-12" />}
      <Tiles pulse={data.pulse} series={data.series} status={data.status} filtered={filter !== ''} />
      {nothing || mistake !== undefined ? (
        <Panel title="No traffic to show" className="lg:col-span-8 xl:col-span-9">
          <EmptyState
            span={rangeInWords(range, Date.now())}
            filter={filter}
            mistake={mistake?.message}
            status={data.status}
            onClearFilter={() => change({ filter: '' })}
          />
        </Panel>
      ) : (
        <>
          <TrafficPanel
            className="lg:col-span-8 lg:min-h-[26.5rem]"
            series={data.series}
            by={view.by}
            measure={view.measure}
            zoomed={range.kind === 'fixed'}
            onBy={(by) => change({ by })}
            onMeasure={(measure) => change({ measure })}
            onZoom={(from, to) => change({ range: { kind: 'fixed', from, to } })}
            onZoomOut={() => change({ range: DEFAULT_SHARED.range })}
          />
          <TopPanel
            className="lg:col-span-4"
            top={data.top}
            question={data.topQuestion}
            by={view.top}
            measure={view.measure}
            onBy={(top) => change({ top })}
          />
          <DayPanel
            className="lg:col-span-8"
            filter={filter}
            enabled={data.readable}
            by={view.by}
            measure={view.measure}
            onZoom={(from, to) => change({ range: { kind: 'fixed', from, to } })}
          />
          <DropsPanel className="lg:col-span-4" view={view} asking={data.asking} exporters={exporters.data} />
          <FlowsPanel
            className="lg:col-span-8 xl:col-span-9"
            flows={data.flows}
            question={data.flowsQuestion}
            live={data.feed === 'live'}
          />
        </>
      )}
      <div className="space-y-3 lg:col-span-4 xl:col-span-3">
        <AlertsPanel />
        <NarrowedPanel />
        {seesAll && (
          <>
            <HealthPanel status={data.status} exporters={exporters.data} />
            <StatusPanel status={data.status} />
          </>
        )}
      </div>
    </div>
  );
}

interface OverviewData {
  feed: FeedState;
  /** False while the filter cannot be read. */
  readable: boolean;
  /** For questions that the live feed does not answer. */
  asking: ApiOptions;
  pulse: Pulse | undefined;
  series: SeriesResponse | undefined;
  top: QueryResponse | undefined;
  topQuestion: string;
  flows: FlowsResponse | undefined;
  flowsQuestion: string;
  status: StatusResponse | undefined;
  problem: Error | undefined;
}

/** The page's questions: asked once, then kept up to date by the live feed while the range ends now. */
function useOverviewData(view: SharedView & OverviewView): OverviewData {
  const { filter, range } = view;
  const time: Parameters = range.kind === 'last' ? { last: range.last } : { from: range.from, to: range.to };
  const by = GROUPINGS[view.by].dimensions.join(',');
  const topBy = GROUPINGS[view.top].dimensions.join(',');
  const seriesParameters = {
    ...time,
    filter,
    by,
    top: CHART_LINES,
    points: CHART_POINTS,
    orderBy: view.measure,
  };
  const topParameters = { ...time, filter, by: topBy, top: TOP_ROWS, orderBy: view.measure };
  const flowParameters = { ...time, filter, limit: FLOW_ROWS };
  const targets = {
    pulse: ['pulse', { filter }],
    series: ['series', seriesParameters],
    top: ['query', topParameters],
    flows: ['flows', flowParameters],
    status: ['status', {}],
  } as const;
  const liveParameters = {
    ...time,
    filter,
    by,
    top: CHART_LINES,
    points: CHART_POINTS,
    topBy,
    topRows: TOP_ROWS,
    limit: FLOW_ROWS,
    orderBy: view.measure,
  };
  const readable = checkFilter(filter) === undefined;
  const { paused } = useLiveState();
  const feed = useLiveFeed(liveParameters, targets, readable && !paused && range.kind === 'last');
  const poll: number | false = feed === 'live' || paused || range.kind === 'fixed' ? false : POLL_MS;
  const asking = { everyMs: poll, enabled: readable };

  const pulse = useApi<Pulse>(targets.pulse, asking);
  const series = useApi<SeriesResponse>(targets.series, asking);
  const top = useApi<QueryResponse>(targets.top, asking);
  const flows = useApi<FlowsResponse>(targets.flows, asking);
  const status = useApi<StatusResponse>(targets.status, { everyMs: feed === 'live' ? false : POLL_MS });
  const failed = [series, top, flows, pulse, status].find((query) => query.error !== null);
  const slowly = useEvery(SLOW_MS, range.kind === 'last');
  return {
    feed,
    readable,
    asking: { everyMs: slowly, enabled: readable },
    pulse: pulse.data,
    series: series.data,
    top: top.data,
    topQuestion: questionOf(targets.top, top.isPlaceholderData),
    flows: flows.data,
    flowsQuestion: questionOf(targets.flows, flows.isPlaceholderData),
    status: status.data,
    problem: failed?.error ?? undefined,
  };
}

/**
 * Names what the data at hand answers: nothing that was asked, while it is still that of the question before.
 */
const questionOf = (key: readonly unknown[], isPlaceholder: boolean): string =>
  isPlaceholder ? '' : JSON.stringify(key);

interface TilesProps {
  pulse: Pulse | undefined;
  series: SeriesResponse | undefined;
  status: StatusResponse | undefined;
  filtered: boolean;
}

function Tiles({ pulse, series, status, filtered }: TilesProps) {
  const seconds = (pulse?.windowMs ?? 1000) / 1000;
  const rate = (name: MeasureName, factor: number): number =>
    pulse === undefined ? Number.NaN : (pulse[name] * factor) / seconds;
  const note = pulse === undefined ? '' : `${filtered ? 'filtered' : 'mean'}, last ${seconds} s`;
  // Who may see a part of the flows only is not told how many there are in all.
  const kept = useSeesAll() ? status?.store.records : undefined;
  const stored = kept === undefined ? '' : `${formatCount(kept)} records kept`;
  return (
    <dl className="grid grid-cols-2 gap-3 lg:col-span-12 lg:grid-cols-4">
      <StatTile
        label="Traffic"
        {...quantity(rate('octets', 8), 'b/s')}
        note={note}
        course={courseOf(series, 'octets')}
      />
      <StatTile
        label="Packets"
        {...quantity(rate('packets', 1), 'pkt/s')}
        note={note}
        course={courseOf(series, 'packets')}
      />
      <StatTile
        label="Flows"
        {...quantity(rate('flows', 1), 'flows/s')}
        note={note}
        course={courseOf(series, 'flows')}
      />
      <StatTile
        label="Active exporters"
        figure={pulse === undefined ? '–' : String(pulse.exporters)}
        unit={
          status === undefined ? '' : `of ${Math.max(status.exporters.length, pulse?.exporters ?? 0)} known`
        }
        note={stored}
      />
    </dl>
  );
}

function courseOf(series: SeriesResponse | undefined, measure: MeasureName): number[] {
  if (series === undefined) return [];
  return series.times.map((_, index) =>
    series.series.reduce((sum, line) => sum + (line[measure][index] ?? 0), 0),
  );
}
