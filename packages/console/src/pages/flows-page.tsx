import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { apiGet, type Parameters } from '../api/client.ts';
import type { FlowsResponse, StatusResponse } from '../api/contract.ts';
import { useLiveFeed } from '../api/live-feed.ts';
import { useLiveState } from '../api/live-state.ts';
import { useApi } from '../api/use-api.ts';
import { checkFilter } from '../flows/filter-check.ts';
import { formatCount } from '../format/quantity.ts';
import { rangeInWords } from '../format/time-words.ts';
import { ColumnChooser } from '../records/column-chooser.tsx';
import { ExportMenu } from '../records/export-menu.tsx';
import { RecordDrawer } from '../records/record-drawer.tsx';
import { RecordTable } from '../records/record-table.tsx';
import { RECORDS_VIEW } from '../records/records-view.ts';
import { useViewState } from '../use-view-state.ts';
import { rangeBounds, type TimeRange } from '../view-state.ts';
import { Switch } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { QueryText } from '../widgets/query-text.tsx';
import { useHeld } from '../widgets/use-held.ts';
import { EmptyState } from './empty-state.tsx';
import { ProblemNote } from './problem-note.tsx';

const PAGE_RECORDS = 200;

/** Raw records, newest first, without end; or the newest as they arrive. */
export function FlowsPage() {
  const [view, change] = useViewState(RECORDS_VIEW);
  const { range, filter, columns, tail } = view;
  const mistake = checkFilter(filter);
  const [chosen, setChosen] = useState<number>();
  const close = useCallback(() => setChosen(undefined), []);
  const history = useHistory(range, filter, mistake === undefined && !tail);
  const newest = useTail(filter, range, mistake === undefined && tail);
  const status = useApi<StatusResponse>(['status', {}]);
  // Somebody who reads, or points, is not to lose the row.
  const held = useHeld(newest.data, `${tail} ${filter}`);
  const records = useMemo(
    () => (tail ? (held.value?.flows ?? []) : (history.data?.pages.flatMap((page) => page.flows) ?? [])),
    [tail, held.value, history.data],
  );
  const answered = tail ? newest.data !== undefined : history.data !== undefined;
  const sql = tail ? newest.data?.sql : history.data?.pages[0]?.sql;
  const problem = tail ? newest.error : history.error;
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = history;
  const more = useCallback(() => {
    if (!tail && hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [tail, hasNextPage, isFetchingNextPage, fetchNextPage]);
  const record = chosen === undefined ? undefined : records[chosen];

  return (
    <div className="mx-auto flex h-[calc(100dvh-11.5rem)] max-w-[130rem] flex-col gap-3 md:h-[calc(100dvh-4.5rem)]">
      {problem !== null && <ProblemNote problem={problem} />}
      <Panel
        title={tail ? 'Newest flows' : 'Flows'}
        note={noteOf(records.length, { answered, tail, behind: held.behind, hasMore: hasNextPage })}
        className="min-h-0 flex-1"
        controls={
          <>
            <Switch label="Live tail" on={tail} onChange={(on) => change({ tail: on })} />
            <QueryText sql={sql} />
            <ExportMenu question={() => exportQuestion(range, filter)} columns={columns} />
            <ColumnChooser
              columns={columns}
              records={records}
              onChange={(next) => change({ columns: next })}
            />
          </>
        }
      >
        {mistake !== undefined || (answered && records.length === 0) ? (
          <EmptyState
            span={rangeInWords(range, Date.now())}
            filter={filter}
            mistake={mistake?.message}
            status={status.data}
            onClearFilter={() => change({ filter: '' })}
          />
        ) : (
          <div {...held.handlers} className="flex min-h-0 flex-1 flex-col">
            <RecordTable
              records={records}
              columns={columns}
              chosen={chosen}
              onChoose={setChosen}
              onEnd={more}
            />
          </div>
        )}
      </Panel>
      {record !== undefined && <RecordDrawer record={record} onClose={close} />}
    </div>
  );
}

interface NoteState {
  answered: boolean;
  tail: boolean;
  behind: boolean;
  hasMore: boolean;
}

function noteOf(count: number, { answered, tail, behind, hasMore }: NoteState): string {
  if (!answered) return 'asking…';
  if (tail) return behind ? 'held while you point' : `the newest ${count}, as they arrive`;
  return hasMore ? `${formatCount(count)} loaded, more below` : `${formatCount(count)}, all of them`;
}

const timeOf = (range: TimeRange): Parameters =>
  range.kind === 'last' ? { last: range.last } : { from: range.from, to: range.to };

/** The whole time shown, its end fixed: what arrives during the export is not part of it. */
function exportQuestion(range: TimeRange, filter: string): Parameters {
  return { ...rangeBounds(range, Date.now()), filter };
}

/** Records page by page. */
function useHistory(range: TimeRange, filter: string, enabled: boolean) {
  const question = { ...timeOf(range), filter, limit: PAGE_RECORDS };
  return useInfiniteQuery({
    queryKey: ['flows', 'pages', question],
    queryFn: ({ pageParam, signal }) => {
      const cursor = pageParam === '' ? undefined : pageParam;
      return apiGet<FlowsResponse>('flows', { ...question, cursor }, signal);
    },
    initialPageParam: '',
    getNextPageParam: (page) => page.next ?? undefined,
    enabled,
  });
}

/** The newest records, from the live feed. */
function useTail(filter: string, range: TimeRange, enabled: boolean) {
  const { paused } = useLiveState();
  const last = range.kind === 'last' ? range.last : '15m';
  const question = ['flows', { last, filter, limit: PAGE_RECORDS }] as const;
  const answer = useApi<FlowsResponse>(question, { enabled });
  const feed = {
    last,
    filter,
    limit: PAGE_RECORDS,
    by: 'protocol',
    top: 1,
    points: 10,
    topBy: 'protocol',
    topRows: 1,
  };
  useLiveFeed(feed, { flows: question }, enabled && !paused);
  return answer;
}
