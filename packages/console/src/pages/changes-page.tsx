import { useApi } from '../api/use-api.ts';
import type { ChangesResponse, TrafficChange } from '../changes/change-contract.ts';
import { EvidenceLinks } from '../flows/evidence-links.tsx';
import { checkFilter } from '../flows/filter-check.ts';
import { formatOctets, formatShare } from '../format/quantity.ts';
import { formatDateTime } from '../format/time.ts';
import { type SubjectKind, SubjectLink } from '../subjects/subject-link.tsx';
import { useViewState } from '../use-view-state.ts';
import type { ViewCodec } from '../view-state.ts';
import { Panel } from '../widgets/panel.tsx';
import { Pick, Segmented } from '../widgets/segmented.tsx';
import { SimpleTable } from '../widgets/simple-table.tsx';
import { ProblemNote } from './problem-note.tsx';

const AGAINST = [
  { value: 'previous', text: 'The time before', title: 'As long, and just before' },
  { value: 'week-ago', text: 'A week ago', title: 'The same hours of the week before' },
] as const;
type Against = (typeof AGAINST)[number]['value'];

const DIMENSIONS: Readonly<Record<string, string>> = {
  clientAndService: 'Host and service',
  peerAndService: 'Peer and service',
  client: 'Who asks',
  server: 'Who is asked',
  service: 'Service',
  clientPeer: 'Peer that asks',
  serverPeer: 'Peer that is asked',
  clientUser: 'User',
  clientNetwork: 'Network that asks',
  serverNetwork: 'Network that is asked',
  serverCountry: 'Country',
  application: 'Application',
  exporter: 'Exporter',
};

const CHANGES_VIEW: ViewCodec<{ against: Against; by: string }> = {
  parse: (parameters) => ({
    against: parameters.get('against') === 'week-ago' ? 'week-ago' : 'previous',
    by: parameters.get('by') ?? '',
  }),
  write: ({ against, by }, parameters) => {
    if (against !== 'previous') parameters.set('against', against);
    if (by !== '') parameters.set('by', by);
  },
};

/** What is new, gone, grown or shrunk against an earlier time, and what explains it. */
export function ChangesPage() {
  const [view, change] = useViewState(CHANGES_VIEW);
  const { range, filter, against, by } = view;
  const mistake = checkFilter(filter);
  const time = range.kind === 'last' ? { last: range.last } : { from: range.from, to: range.to };
  const answer = useApi<ChangesResponse>(['profile/changes', { ...time, filter, against }], {
    enabled: mistake === undefined,
  });
  const { data } = answer;
  const chosen = data?.dimensions.find(({ dimension }) => dimension === by) ?? firstOf(data);
  const problem = mistake === undefined ? answer.error : new Error(mistake.message);
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {problem !== null && <ProblemNote problem={problem} />}
      <Panel
        title="What changed"
        note={data === undefined ? 'asking…' : periodsText(data)}
        controls={
          <Segmented
            label="Against"
            options={AGAINST}
            value={against}
            onChange={(next) => change({ against: next })}
          />
        }
      >
        {data !== undefined && (
          <div className="space-y-2 px-3.5 py-3" data-testid="story">
            {data.sentences.map((sentence, index) => (
              <p key={sentence} className={index === 0 ? 'font-semibold text-lg' : 'text-ink-soft'}>
                {sentence}
              </p>
            ))}
            <p className="text-ink-faint text-xs">{data.comparable.why}</p>
          </div>
        )}
      </Panel>
      {data !== undefined && chosen !== undefined && (
        <Panel
          title={`By ${(DIMENSIONS[chosen.dimension] ?? chosen.dimension).toLowerCase()}`}
          note="the largest changes"
          controls={
            <Pick
              label="What is compared"
              options={optionsOf(data)}
              value={chosen.dimension}
              onChange={(next) => change({ by: next })}
            />
          }
        >
          <Changes data={data} changes={chosen.changes} />
        </Panel>
      )}
    </div>
  );
}

/** Pairs tell most; else the dimension that explains most. */
function firstOf(data: ChangesResponse | undefined) {
  const wanted = ['peerAndService', 'clientAndService', data?.causes[0]?.dimension];
  return wanted
    .map((name) => data?.dimensions.find(({ dimension }) => dimension === name))
    .find((found) => found !== undefined && found.changes.length > 0);
}

const optionsOf = ({ dimensions }: ChangesResponse) =>
  dimensions.map(({ dimension }) => ({ value: dimension, text: DIMENSIONS[dimension] ?? dimension }));

function periodsText({ now, before }: ChangesResponse): string {
  const text = ({ from, to }: { from: number; to: number }) =>
    `${formatDateTime(from).slice(5, 16)} to ${formatDateTime(to).slice(5, 16)}`;
  return `${text(now)}, against ${text(before)}`;
}

const KIND_COLOURS: Readonly<Record<TrafficChange['kind'], string>> = {
  new: 'border-good text-good',
  gone: 'border-drop text-drop',
  grown: 'border-line-strong text-ink-soft',
  shrunk: 'border-line-strong text-ink-soft',
  same: 'border-line text-ink-faint',
};

function Changes({ data, changes }: { data: ChangesResponse; changes: readonly TrafficChange[] }) {
  const total = (data.total?.actual ?? 0) - (data.total?.expected ?? 0);
  if (changes.length === 0)
    return (
      <p className="px-3.5 py-4 text-ink-soft" data-testid="empty-state">
        Nothing changed here.
      </p>
    );
  return (
    <SimpleTable<TrafficChange>
      label="Changes"
      rows={changes}
      idOf={({ label }) => label}
      columns={[
        { title: 'Which', cell: (change) => <ChangeName change={change} /> },
        {
          title: 'What',
          cell: ({ kind }) => (
            <span className={`rounded border px-1 text-[0.6875rem] leading-4 ${KIND_COLOURS[kind]}`}>
              {kind}
            </span>
          ),
        },
        { title: 'Now', isFigure: true, cell: ({ actual }) => formatOctets(actual) },
        { title: 'Expected', isFigure: true, cell: ({ expected }) => formatOctets(expected) },
        {
          title: 'Change',
          isFigure: true,
          cell: ({ actual, expected }) => `${actual > expected ? '+' : ''}${formatOctets(actual - expected)}`,
        },
        {
          title: 'Of the whole change',
          isFigure: true,
          isMinor: true,
          cell: ({ actual, expected }) => shareText(actual - expected, total),
        },
        {
          title: 'Flows',
          cell: ({ label, filter, kind }) => (
            <EvidenceLinks
              about={label}
              filter={filter}
              from={kind === 'gone' ? data.before.from : data.now.from}
              to={kind === 'gone' ? data.before.to : data.now.to}
            />
          ),
        },
      ]}
    />
  );
}

/** A part against the change: negative where it went the other way. */
function shareText(part: number, whole: number): string {
  if (whole === 0) return '–';
  return part / whole < 0 ? `−${formatShare(-part / whole, 1)}` : formatShare(part / whole, 1);
}

const KEY_KINDS: Readonly<Record<string, SubjectKind>> = {
  client: 'host',
  server: 'host',
  clientPeer: 'peer',
  serverPeer: 'peer',
  clientUser: 'user',
};

function ChangeName({ change: { dimension, key, label } }: { change: TrafficChange }) {
  const name =
    KEY_KINDS[dimension] === undefined
      ? (['client', 'clientPeer'].find((each) => key[each] != null) ?? '')
      : dimension;
  const [kind, value] = [KEY_KINDS[name], key[name]];
  if (kind === undefined || typeof value !== 'string') return <span className="wire">{label}</span>;
  const at = label.indexOf(value);
  return (
    <span className="wire">
      {label.slice(0, at)}
      <SubjectLink kind={kind} value={value} />
      {label.slice(at + value.length)}
    </span>
  );
}
