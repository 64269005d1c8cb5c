import { useCallback, useMemo, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { ExploreChart } from '../explore/explore-chart.tsx';
import { EXPLORE_VIEW, type ExploreView, measureOf } from '../explore/explore-view.ts';
import { GroupsTable } from '../explore/groups-table.tsx';
import { HeavyQuestion } from '../explore/question-cost.tsx';
import { useExploreData } from '../explore/use-explore-data.ts';
import { useChartLines } from '../flows/chart-lines.tsx';
import { checkFilter } from '../flows/filter-check.ts';
import { useViewState } from '../use-view-state.ts';
import { formatView, parseView, type SharedView, type TimeRange, type ViewCodec } from '../view-state.ts';
import {
  type Dashboard,
  EXPLORE_PATH,
  movedTile,
  splitAddress,
  type Tile,
  withoutTile,
} from '../views/kept-view.ts';
import { useViews } from '../views/use-views.ts';
import { Switch } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { ProblemNote } from './problem-note.tsx';

const SMALL =
  'grid size-7 place-items-center rounded-md border border-line bg-surface text-ink-soft text-xs hover:border-line-strong hover:text-ink';

const DASHBOARDS_VIEW: ViewCodec<{ dashboard: string }> = {
  parse: (parameters) => ({ dashboard: parameters.get('dashboard') ?? '' }),
  write: ({ dashboard }, parameters) => {
    if (dashboard !== '') parameters.set('dashboard', dashboard);
  },
};

/** Tiles of *Explore* side by side; the time of the page is the time of all of them, its filter narrows each. */
export function DashboardsPage() {
  const [view, change] = useViewState(DASHBOARDS_VIEW);
  const { dashboards, known, failure, change: keep } = useViews();
  const [editing, setEditing] = useState(false);
  const shown = dashboards.find(({ id }) => id === view.dashboard) ?? dashboards[0];
  if (known && shown === undefined) return <NoDashboards />;
  const save = (part: Partial<Dashboard>): void => {
    if (shown === undefined) return;
    const { name, shared, tiles } = { ...shown, ...part };
    keep.mutate({ kind: 'dashboard', id: shown.id, input: { name, shared, tiles } });
  };
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {failure !== null && <ProblemNote problem={failure} />}
      {keep.error !== null && <ProblemNote problem={keep.error} />}
      <nav aria-label="Dashboards" className="flex flex-wrap items-center gap-2">
        {dashboards.map(({ id, name, mine, owner }) => (
          <button
            key={id}
            type="button"
            aria-pressed={id === shown?.id}
            onClick={() => change({ dashboard: id })}
            className="h-8 rounded-md border border-line bg-surface px-3 text-[0.8125rem] hover:border-line-strong aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:font-semibold"
          >
            {name}
            {!mine && <span className="text-ink-soft text-xs"> by {owner}</span>}
          </button>
        ))}
        {shown?.mine === true && (
          <button
            type="button"
            aria-pressed={editing}
            onClick={() => setEditing(!editing)}
            className="ml-auto h-8 rounded-md border border-line bg-surface px-3 text-[0.8125rem] hover:border-line-strong aria-pressed:border-accent"
          >
            {editing ? 'Done' : 'Arrange'}
          </button>
        )}
      </nav>
      {editing && shown?.mine === true && (
        <Arrange
          key={shown.id}
          dashboard={shown}
          onSave={save}
          onRemove={() => {
            keep.mutate({ kind: 'remove', what: 'dashboards', id: shown.id });
            setEditing(false);
          }}
        />
      )}
      {shown !== undefined && (
        <div className="grid grid-cols-1 gap-3 xl:grid-cols-2">
          {shown.tiles.map((tile, index) => (
            <div
              // biome-ignore lint/suspicious/noArrayIndexKey: two tiles may show the same.
              key={`${index} ${tile.address}`}
              className={`min-w-0 ${tile.wide ? 'xl:col-span-2' : ''}`}
            >
              <DashboardTile
                tile={tile}
                range={view.range}
                filter={view.filter}
                zone={view.zone}
                onRange={(range) => change({ range })}
                controls={
                  editing &&
                  shown.mine && (
                    <TileControls
                      tile={tile}
                      onMove={(step) => save({ tiles: movedTile(shown.tiles, index, step) })}
                      onWiden={() =>
                        save({
                          tiles: shown.tiles.map((each) =>
                            each === tile ? { ...tile, wide: !tile.wide } : each,
                          ),
                        })
                      }
                      onRemove={() => save({ tiles: withoutTile(shown.tiles, index) })}
                    />
                  )
                }
              />
            </div>
          ))}
        </div>
      )}
      {shown?.tiles.length === 0 && (
        <p className="px-1 text-ink-soft">
          No tile is on it. Open{' '}
          <Link href={EXPLORE_PATH} className="text-accent underline underline-offset-2">
            Explore
          </Link>
          , ask something, and put it here with the button <em>Views</em> at the top.
        </p>
      )}
    </div>
  );
}

interface DashboardTileProps extends SharedView {
  tile: Tile;
  controls: React.ReactNode;
  onRange: (range: TimeRange) => void;
}

/** One view of *Explore*, over the time and within the filter of the page. */
function DashboardTile({ tile, range, filter, zone, controls, onRange }: DashboardTileProps) {
  const [, navigate] = useLocation();
  const view = useMemo<SharedView & ExploreView>(() => {
    const own = parseView(splitAddress(tile.address).search, EXPLORE_VIEW);
    return { ...own, range, zone, filter: bothFilters(own.filter, filter) };
  }, [tile.address, range, filter, zone]);
  const mistake = checkFilter(view.filter);
  const data = useExploreData(view, mistake === undefined);
  const measure = measureOf(view.unit);
  const lines = useChartLines(data.series, measure);
  const reverse = useChartLines(data.reverse, measure);
  const byId = useMemo(() => new Map(lines.map((line) => [line.line.id, line])), [lines]);
  const [highlighted, setHighlighted] = useState<string>();
  const address = `${EXPLORE_PATH}${formatView(view, EXPLORE_VIEW)}`;
  const openAddress = useCallback(() => navigate(address), [navigate, address]);
  const all = (
    <>
      {controls}
      <Link
        href={address}
        className="text-accent text-xs hover:underline"
        aria-label={`Explore ${tile.title}`}
      >
        Explore
      </Link>
    </>
  );
  const message = mistake?.message ?? data.problem?.message;
  if (message !== undefined || data.cost.state === 'heavy' || data.ranking?.rows.length === 0) {
    return (
      <Panel title={tile.title} controls={all}>
        {data.cost.state === 'heavy' ? (
          <HeavyQuestion cost={data.cost} onNarrow={onRange} />
        ) : (
          <p className="px-4 py-6 text-ink-soft">{message ?? 'No flows of this time and filter.'}</p>
        )}
      </Panel>
    );
  }
  if (view.chart === 'table') {
    return (
      <Panel title={tile.title} controls={all}>
        {data.ranking !== undefined && (
          <GroupsTable ranking={data.ranking} measure={measure} lines={byId} onHighlight={setHighlighted} />
        )}
      </Panel>
    );
  }
  return (
    <ExploreChart
      title={tile.title}
      controls={all}
      view={view}
      series={data.series}
      lines={lines}
      reverse={view.both ? reverse : []}
      previous={data.previous}
      ranking={data.ranking}
      highlighted={highlighted}
      onHighlight={setHighlighted}
      onRange={onRange}
      onAddDimension={openAddress}
    />
  );
}

/** The parentheses hold each filter together; one that cannot be read alone is told with its own mistake. */
function bothFilters(own: string, ofPage: string): string {
  if (own.trim() === '' || ofPage.trim() === '') return own.trim() === '' ? ofPage : own;
  return `(${own}) and (${ofPage})`;
}

interface TileControlsProps {
  tile: Tile;
  onMove: (step: -1 | 1) => void;
  onWiden: () => void;
  onRemove: () => void;
}

function TileControls({ tile, onMove, onWiden, onRemove }: TileControlsProps) {
  return (
    <>
      <button
        type="button"
        className={SMALL}
        aria-label={`Move ${tile.title} back`}
        onClick={() => onMove(-1)}
      >
        ←
      </button>
      <button type="button" className={SMALL} aria-label={`Move ${tile.title} on`} onClick={() => onMove(1)}>
        →
      </button>
      <button
        type="button"
        className={SMALL}
        aria-label={tile.wide ? `Make ${tile.title} narrow` : `Make ${tile.title} wide`}
        onClick={onWiden}
      >
        {tile.wide ? '⇥' : '⇔'}
      </button>
      <button type="button" className={SMALL} aria-label={`Remove ${tile.title}`} onClick={onRemove}>
        ×
      </button>
    </>
  );
}

interface ArrangeProps {
  dashboard: Dashboard;
  onSave: (part: Partial<Dashboard>) => void;
  onRemove: () => void;
}

function Arrange({ dashboard, onSave, onRemove }: ArrangeProps) {
  const [name, setName] = useState(dashboard.name);
  return (
    <form
      aria-label="Arrange the dashboard"
      className="flex flex-wrap items-center gap-3 rounded-lg border border-accent bg-surface px-3.5 py-2.5"
      onSubmit={(event) => {
        event.preventDefault();
        onSave({ name });
      }}
    >
      <label className="flex items-center gap-2 text-xs">
        Name
        <input
          value={name}
          onChange={(event) => setName(event.target.value)}
          onBlur={() => name.trim() !== '' && name !== dashboard.name && onSave({ name })}
          className="h-8 w-48 rounded-md border border-line bg-surface px-2.5 text-[0.8125rem] focus:border-accent focus:outline-none"
        />
      </label>
      <Switch label="Shared" on={dashboard.shared} onChange={(shared) => onSave({ shared })} />
      <button
        type="button"
        onClick={onRemove}
        className="ml-auto h-8 rounded-md border border-line px-3 text-[0.8125rem] text-drop hover:border-drop"
      >
        Remove the dashboard
      </button>
    </form>
  );
}

function NoDashboards() {
  return (
    <div className="mx-auto max-w-2xl space-y-2 py-10 text-center text-ink-soft" data-testid="empty-state">
      <p className="font-semibold text-base text-ink">No dashboard is kept yet.</p>
      <p>
        Open{' '}
        <Link href={EXPLORE_PATH} className="text-accent underline underline-offset-2">
          Explore
        </Link>
        , ask what you look at every day, and choose <em>Put this on a dashboard</em> under <em>Views</em> at
        the top.
      </p>
    </div>
  );
}
