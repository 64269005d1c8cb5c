import { useCallback, useMemo, useState } from 'react';
import type { Parameters } from '../api/client.ts';
import type { QueryResponse, SeriesResponse, StatusResponse } from '../api/contract.ts';
import { useApi, useEvery, useReportAsking } from '../api/use-api.ts';
import { DimensionChips } from '../explore/dimension-chips.tsx';
import { ExploreChart } from '../explore/explore-chart.tsx';
import {
  CHART_KINDS,
  type ExploreChart as ChartName,
  EXPLORE_VIEW,
  type ExploreUnit,
  type ExploreView,
  LIMITS,
  measureOf,
  UNITS,
} from '../explore/explore-view.ts';
import { GroupsTable } from '../explore/groups-table.tsx';
import { HeavyQuestion, type QuestionCost, useQuestionCost } from '../explore/question-cost.tsx';
import { previousBounds } from '../explore/series-figures.ts';
import { useChartLines } from '../flows/chart-lines.tsx';
import { checkFilter } from '../flows/filter-check.ts';
import { oppositeField, swapDirection } from '../flows/swap-direction.ts';
import { rangeInWords } from '../format/time-words.ts';
import { useViewState } from '../use-view-state.ts';
import { rangeLengthMs, type SharedView, type TimeRange } from '../view-state.ts';
import { Switch } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { QueryText } from '../widgets/query-text.tsx';
import { Pick, Segmented } from '../widgets/segmented.tsx';
import { AnswerNotes } from './answer-notes.tsx';
import { EmptyState } from './empty-state.tsx';
import { ProblemNote } from './problem-note.tsx';

/** A bar needs some pixels to be seen. */
const POINTS = window.innerWidth < 640 ? 90 : 200;

const CHART_NAMES: Readonly<Record<ChartName, string>> = {
  stacked: 'Stacked',
  lines: 'Lines',
  grid: 'Grid',
  sankey: 'Sankey',
  heatmap: 'Heatmap',
  table: 'Table',
};
const CHART_OPTIONS = CHART_KINDS.map((value) => ({ value, text: CHART_NAMES[value] }));
const UNIT_NAMES: Readonly<Record<ExploreUnit, { text: string; title: string }>> = {
  bps: { text: 'b/s', title: 'Bits per second' },
  pps: { text: 'pkt/s', title: 'Packets per second' },
  fps: { text: 'flows/s', title: 'Flow records per second' },
  share: { text: '%', title: 'Share of the octets' },
};
const UNIT_OPTIONS = UNITS.map((value) => ({ value, ...UNIT_NAMES[value] }));
const LIMIT_OPTIONS = LIMITS.map((limit) => ({ value: String(limit), text: `Top ${limit}` }));

/** Any dimensions, any chart: what the flows of a filter and a time are made of. */
export function ExplorePage() {
  const [view, change] = useViewState(EXPLORE_VIEW);
  const [highlighted, setHighlighted] = useState<string>();
  const mistake = checkFilter(view.filter);
  const data = useExploreData(view, mistake === undefined);
  const measure = measureOf(view.unit);
  const lines = useChartLines(data.series, measure);
  const reverse = useChartLines(data.reverse, measure);
  const linesById = useMemo(() => new Map(lines.map((line) => [line.line.id, line])), [lines]);
  const setRange = useCallback((range: TimeRange) => change({ range }), [change]);
  const nothing = data.ranking?.rows.length === 0;

  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {data.problem !== undefined && <ProblemNote problem={data.problem} />}
      <Controls view={view} onChange={change} />
      {data.cost.state === 'heavy' ? (
        <Panel title="A long question">
          <HeavyQuestion cost={data.cost} onNarrow={setRange} />
        </Panel>
      ) : nothing || mistake !== undefined ? (
        <Panel title="Nothing to show">
          <EmptyState
            span={rangeInWords(view.range, Date.now())}
            filter={view.filter}
            mistake={mistake?.message}
            status={data.status}
            onClearFilter={() => change({ filter: '' })}
          />
        </Panel>
      ) : (
        <>
          {view.chart !== 'table' && (
            <ExploreChart
              view={view}
              series={data.series}
              lines={lines}
              reverse={view.both ? reverse : []}
              previous={data.previous}
              ranking={data.ranking}
              highlighted={highlighted}
              onHighlight={setHighlighted}
              onRange={setRange}
              onAddDimension={(dimension) => change({ by: [...view.by, dimension] })}
            />
          )}
          <Panel
            title="Groups"
            note={data.ranking === undefined ? 'asking…' : groupsNote(data.ranking)}
            controls={<QueryText sql={data.ranking?.sql} />}
          >
            {data.ranking !== undefined && (
              <GroupsTable
                ranking={data.ranking}
                measure={measure}
                lines={linesById}
                onHighlight={setHighlighted}
              />
            )}
            {data.ranking !== undefined && <AnswerNotes answer={data.ranking} />}
          </Panel>
        </>
      )}
    </div>
  );
}

function groupsNote(ranking: QueryResponse): string {
  const count = ranking.rows.length === 1 ? 'one group' : `${ranking.rows.length} groups`;
  return `${count}, answered in ${Math.round(ranking.tookMs)} ms`;
}

interface ControlsProps {
  view: ExploreView;
  onChange: (part: Partial<ExploreView>) => void;
}

function Controls({ view, onChange }: ControlsProps) {
  const overTime = view.chart === 'stacked' || view.chart === 'lines';
  return (
    <section
      aria-label="How it is shown"
      className="space-y-2.5 rounded-lg border border-line bg-surface px-3.5 py-2.5"
    >
      <DimensionChips by={view.by} onChange={(by) => onChange({ by })} />
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <div className="max-w-full overflow-x-auto">
          <Segmented
            label="Chart"
            options={CHART_OPTIONS}
            value={view.chart}
            onChange={(chart) => onChange({ chart })}
          />
        </div>
        <Segmented
          label="Unit"
          options={UNIT_OPTIONS}
          value={view.unit}
          onChange={(unit) => onChange({ unit })}
        />
        <Pick
          label="Groups shown"
          options={LIMIT_OPTIONS}
          value={String(view.limit)}
          onChange={(limit) => onChange({ limit: Number(limit) })}
        />
        {overTime && (
          <>
            <Switch
              label="Previous period"
              on={view.previous}
              onChange={(previous) => onChange({ previous })}
            />
            <Switch label="Both directions" on={view.both} onChange={(both) => onChange({ both })} />
          </>
        )}
      </div>
    </section>
  );
}

interface ExploreData {
  series: SeriesResponse | undefined;
  reverse: SeriesResponse | undefined;
  previous: SeriesResponse | undefined;
  ranking: QueryResponse | undefined;
  status: StatusResponse | undefined;
  cost: QuestionCost;
  problem: Error | undefined;
}

function useExploreData(view: SharedView & ExploreView, understood: boolean): ExploreData {
  const { range, filter } = view;
  const time: Parameters = range.kind === 'last' ? { last: range.last } : { from: range.from, to: range.to };
  const measure = measureOf(view.unit);
  const asked = { ...time, filter, top: view.limit, orderBy: measure };
  const by = view.by.join(',');
  const cost = useQuestionCost({ ...asked, by }, range, understood);
  const readable = understood && cost.state === 'free';
  // What costs seconds is not asked again and again.
  const follows = range.kind === 'last' && (cost.estimate?.expectedMs ?? 0) < FOLLOWED_MS;
  const everyMs = useEvery(pollMs(range), follows);
  const overTime = view.chart === 'stacked' || view.chart === 'lines';
  const options = { everyMs, enabled: readable };
  const series = useApi<SeriesResponse>(['series', { ...asked, by, points: POINTS }], options);
  const ranking = useApi<QueryResponse>(['query', { ...asked, by }], options);
  const reverse = useApi<SeriesResponse>(
    [
      'series',
      { ...asked, filter: swapDirection(filter), by: view.by.map(oppositeField).join(','), points: POINTS },
    ],
    { everyMs, enabled: readable && overTime && view.both },
  );
  // Anything that few values have: only the sum of all lines is shown.
  const before = previousBounds(series.data ?? { from: 1, to: 2 });
  const previous = useApi<SeriesResponse>(
    ['series', { ...before, filter, by: 'ipVersion', top: 2, orderBy: measure, points: POINTS }],
    { enabled: readable && overTime && view.previous && series.data !== undefined },
  );
  const nothing = ranking.data?.rows.length === 0;
  const status = useApi<StatusResponse>(['status', {}], { enabled: nothing || !understood });
  const failed = [series, ranking, reverse, previous].find((query) => query.error !== null);
  useReportAsking(readable ? everyMs : false, failed !== undefined);
  return {
    series: series.data,
    reverse: reverse.data,
    previous: view.previous ? previous.data : undefined,
    ranking: ranking.data,
    status: status.data,
    cost,
    problem: failed?.error ?? undefined,
  };
}

/** Questions that are expected to take longer are answered once. */
const FOLLOWED_MS = 2_000;

/** The longer the time shown, the less a moment matters. */
function pollMs(range: TimeRange): number {
  const minutes = rangeLengthMs(range) / 60_000;
  return minutes <= 15 ? 5000 : minutes <= 60 ? 10_000 : minutes <= 360 ? 30_000 : 60_000;
}
