import type { Parameters } from '../api/client.ts';
import type { QueryResponse, SeriesResponse, StatusResponse } from '../api/contract.ts';
import { useApi, useEvery, useReportAsking } from '../api/use-api.ts';
import { oppositeField, swapDirection } from '../flows/swap-direction.ts';
import { rangeLengthMs, type SharedView, type TimeRange } from '../view-state.ts';
import { type ExploreView, measureOf } from './explore-view.ts';
import { type QuestionCost, useQuestionCost } from './question-cost.tsx';
import { previousBounds } from './series-figures.ts';

/** A bar needs some pixels to be seen. */
const POINTS = window.innerWidth < 640 ? 90 : 200;

export interface ExploreData {
  series: SeriesResponse | undefined;
  reverse: SeriesResponse | undefined;
  previous: SeriesResponse | undefined;
  ranking: QueryResponse | undefined;
  status: StatusResponse | undefined;
  cost: QuestionCost;
  problem: Error | undefined;
}

/** What the charts of a view show; nothing is asked while its filter is not understood or it costs too much. */
export function useExploreData(view: SharedView & ExploreView, understood: boolean): ExploreData {
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
