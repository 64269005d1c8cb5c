import { useCallback, useMemo, useState } from 'react';
import type { QueryResponse } from '../api/contract.ts';
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
import { HeavyQuestion } from '../explore/question-cost.tsx';
import { useExploreData } from '../explore/use-explore-data.ts';
import { useChartLines } from '../flows/chart-lines.tsx';
import { checkFilter } from '../flows/filter-check.ts';
import { rangeInWords } from '../format/time-words.ts';
import { useViewState } from '../use-view-state.ts';
import type { TimeRange } from '../view-state.ts';
import { Switch } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { QueryText } from '../widgets/query-text.tsx';
import { Pick, Segmented } from '../widgets/segmented.tsx';
import { AnswerNotes } from './answer-notes.tsx';
import { EmptyState } from './empty-state.tsx';
import { ProblemNote } from './problem-note.tsx';

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
