import { useDeferredValue, useState } from 'react';
import { useApi } from '../api/use-api.ts';
import { checkFilter } from '../flows/filter-check.ts';
import { formatCount, formatOctets } from '../format/quantity.ts';
import { formatDateTime, formatMoment } from '../format/time.ts';
import type { SubjectListResponse, SubjectRow } from '../subjects/subject-contract.ts';
import { type SubjectKind, SubjectLink } from '../subjects/subject-link.tsx';
import { SubjectView } from '../subjects/subject-view.tsx';
import { useViewState } from '../use-view-state.ts';
import type { ViewCodec } from '../view-state.ts';
import { PLAIN_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { Segmented } from '../widgets/segmented.tsx';
import { SimpleTable } from '../widgets/simple-table.tsx';
import { ProblemNote } from './problem-note.tsx';

const KINDS = [
  { value: 'host', text: 'Hosts' },
  { value: 'user', text: 'Users' },
  { value: 'peer', text: 'Peers' },
] as const;
const PATHS: Readonly<Record<SubjectKind, string>> = { host: 'hosts', user: 'users', peer: 'peers' };

interface SubjectsView {
  of: SubjectKind;
  /** Empty: the list. */
  is: string;
}

const SUBJECTS_VIEW: ViewCodec<SubjectsView> = {
  parse: (parameters) => ({
    of: KINDS.find(({ value }) => value === parameters.get('of'))?.value ?? 'host',
    is: parameters.get('is') ?? '',
  }),
  write: ({ of, is }, parameters) => {
    if (of !== 'host' || is !== '') parameters.set('of', of);
    if (is !== '') parameters.set('is', is);
  },
};

/** Who is there, and all about one of them. */
export function SubjectsPage() {
  const [view, change] = useViewState(SUBJECTS_VIEW);
  const { range, filter, of, is } = view;
  const mistake = checkFilter(filter);
  const time = range.kind === 'last' ? { last: range.last } : { from: range.from, to: range.to };
  const asked = mistake === undefined ? filter : '';
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {mistake !== undefined && <ProblemNote problem={new Error(mistake.message)} />}
      {is === '' ? (
        <SubjectList kind={of} time={time} filter={asked} onKind={(next) => change({ of: next })} />
      ) : (
        <>
          <button type="button" className={PLAIN_BUTTON} onClick={() => change({ is: '' })}>
            All {PATHS[of]}
          </button>
          <SubjectView
            kind={of}
            value={is}
            time={time}
            filter={asked}
            onZoom={(from, to) => change({ range: { kind: 'fixed', from, to } })}
          />
        </>
      )}
    </div>
  );
}

interface SubjectListProps {
  kind: SubjectKind;
  time: Record<string, string | number | undefined>;
  filter: string;
  onKind: (kind: SubjectKind) => void;
}

function SubjectList({ kind, time, filter, onKind }: SubjectListProps) {
  const [search, setSearch] = useState('');
  const searched = useDeferredValue(search.trim());
  const answer = useApi<SubjectListResponse>([
    PATHS[kind],
    { ...time, filter, search: searched, limit: 100 },
  ]);
  const { data } = answer;
  return (
    <>
      {answer.error !== null && <ProblemNote problem={answer.error} />}
      <Panel
        title={KINDS.find(({ value }) => value === kind)?.text ?? ''}
        note={data === undefined ? 'asking…' : kind === 'host' ? 'inside, by traffic' : 'by traffic'}
        controls={
          <>
            <input
              type="search"
              aria-label="Part of an address or name"
              placeholder="address or name"
              value={search}
              maxLength={100}
              onChange={(event) => setSearch(event.target.value)}
              className="h-7 w-40 rounded-md border border-line bg-sunken px-2 text-xs placeholder:text-ink-faint"
            />
            <Segmented label="Kind" options={KINDS} value={kind} onChange={onKind} />
          </>
        }
      >
        {data?.rows.length === 0 ? (
          <p className="px-3.5 py-4 text-ink-soft" data-testid="empty-state">
            {data.why}
          </p>
        ) : (
          <SimpleTable<SubjectRow>
            label={KINDS.find(({ value }) => value === kind)?.text ?? ''}
            rows={data?.rows ?? []}
            idOf={({ value }) => value}
            columns={[
              {
                title: 'Who',
                cell: ({ value, name, isNew }) => (
                  <>
                    <SubjectLink kind={kind} value={value} className={kind === 'host' ? 'wire' : ''} />
                    {isNew && (
                      <span className="ml-1.5 rounded border border-good px-1 text-[0.6875rem] text-good leading-4">
                        new this week
                      </span>
                    )}
                    <span className="ml-1.5 text-ink-faint">{name ?? ''}</span>
                  </>
                ),
              },
              { title: 'Network', isMinor: true, cell: ({ network }) => network ?? '' },
              { title: 'Sent', isFigure: true, cell: ({ sent }) => formatOctets(sent) },
              { title: 'Received', isFigure: true, cell: ({ received }) => formatOctets(received) },
              { title: 'Flows', isFigure: true, isMinor: true, cell: ({ flows }) => formatCount(flows) },
              {
                title: 'Drops',
                isFigure: true,
                cell: ({ drops }) =>
                  drops === 0 ? '' : <span className="text-drop">{formatCount(drops)}</span>,
              },
              {
                title: 'First seen',
                isMinor: true,
                cell: ({ firstSeenMs }) =>
                  firstSeenMs === null ? '' : formatDateTime(firstSeenMs).slice(0, 16),
              },
              {
                title: 'Last',
                isMinor: true,
                cell: ({ lastMs }) => formatMoment(lastMs, data?.to ?? lastMs),
              },
            ]}
          />
        )}
      </Panel>
    </>
  );
}
