import type { MatrixCell, Outcome } from '@weir/analysis';
import { apiUrl } from '../api/client.ts';
import { useApi, useEvery, useReportAsking } from '../api/use-api.ts';
import { checkFilter } from '../flows/filter-check.ts';
import { formatCount } from '../format/quantity.ts';
import { formatDuration } from '../format/time.ts';
import { rangeInWords } from '../format/time-words.ts';
import { CellPanel } from '../policy/cell-panel.tsx';
import { MatrixGrid } from '../policy/matrix-grid.tsx';
import { CELL_STATES, type CellState, LOOKS } from '../policy/outcome-look.tsx';
import type { MatrixResponse, PolicyResponse } from '../policy/policy-contract.ts';
import { PolicyEditor } from '../policy/policy-editor.tsx';
import { POLICY_VIEW, type PolicyView } from '../policy/policy-view.ts';
import { RulesPanels } from '../policy/rules-panel.tsx';
import { TrendPanel } from '../policy/trend-panel.tsx';
import { useViewState } from '../use-view-state.ts';
import type { SharedView } from '../view-state.ts';
import { CommandLine } from '../widgets/copy-button.tsx';
import { PRIMARY_BUTTON, SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { Pick, Segmented } from '../widgets/segmented.tsx';
import { ProblemNote } from './problem-note.tsx';

/** A pass over a day costs seconds of a core. */
const EVERY_MS = 60_000;

const TABS = [
  { value: 'matrix', text: 'Matrix' },
  { value: 'rules', text: 'Rules' },
  { value: 'edit', text: 'Edit' },
] as const;

/** The intended policy held against what was seen and what was dropped. */
export function PolicyPage() {
  const [view, change] = useViewState(POLICY_VIEW);
  const policy = useApi<PolicyResponse>(['policy', {}]);
  const { data } = policy;
  const errors = data?.problems.filter(({ severity }) => severity === 'error') ?? [];
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {policy.error !== null && <ProblemNote problem={policy.error} />}
      {errors.length > 0 && (
        <p
          role="alert"
          className="rounded-lg border border-drop bg-drop-soft px-3.5 py-2 [overflow-wrap:anywhere]"
        >
          {data?.file} cannot be used, what it was before holds: line {errors[0]?.line}, {errors[0]?.path}{' '}
          {errors[0]?.message}
        </p>
      )}
      {data !== undefined && (
        <div className="flex flex-wrap items-center gap-3">
          <Segmented label="View" options={TABS} value={view.tab} onChange={(tab) => change({ tab })} />
          {data.version !== null && (
            <span className="text-ink-soft text-xs">
              {data.document?.name ?? 'Policy'}, version {data.version.version} by {data.version.by}
            </span>
          )}
          {data.document !== null && <AuditLinks view={view} />}
        </div>
      )}
      {data !== undefined && data.document === null && view.tab !== 'edit' && (
        <NoPolicy file={data.file} onEdit={() => change({ tab: 'edit' })} />
      )}
      {data !== undefined && view.tab === 'edit' && <PolicyEditor policy={data} view={view} />}
      {data?.document != null && view.tab !== 'edit' && <Judged view={view} change={change} policy={data} />}
    </div>
  );
}

function AuditLinks({ view }: { view: SharedView }) {
  const question = questionOf(view);
  return (
    <span className="ml-auto flex gap-2">
      {(['csv', 'pdf'] as const).map((format) => (
        <a key={format} href={apiUrl(`policy/audit.${format}`, question)} download className={SMALL_BUTTON}>
          Audit as {format.toUpperCase()}
        </a>
      ))}
    </span>
  );
}

function questionOf({ range, filter }: SharedView) {
  return range.kind === 'last' ? { last: range.last, filter } : { from: range.from, to: range.to, filter };
}

function NoPolicy({ file, onEdit }: { file: string; onEdit: () => void }) {
  return (
    <Panel title="There is no policy yet">
      <div className="max-w-2xl space-y-3 px-4 py-4 text-ink-soft" data-testid="empty-state">
        <p>
          Say once what the network should carry: groups of addresses, peers or users, and which of them may
          reach which with what. Weir holds it against what was seen and what was dropped, and shows what
          passes although it is denied, what is dropped although it is allowed, and what never came.
        </p>
        <p>
          Begin with the rules of your firewall (nftables) or a table (CSV): both can be imported in the
          editor, or on the command line:
        </p>
        <CommandLine command={`nft list ruleset | npx weir policy import --from nftables - > ${file}`} />
        <button type="button" className={PRIMARY_BUTTON} onClick={onEdit}>
          Write a policy
        </button>
      </div>
    </Panel>
  );
}

interface JudgedProps {
  view: SharedView & PolicyView;
  change: (part: Partial<PolicyView>) => void;
  policy: PolicyResponse;
}

function Judged({ view, change, policy }: JudgedProps) {
  const mistake = checkFilter(view.filter);
  const question = questionOf(view);
  const everyMs = useEvery(EVERY_MS, view.range.kind === 'last');
  const answer = useApi<MatrixResponse>(['policy/matrix', question], {
    everyMs,
    enabled: mistake === undefined,
  });
  useReportAsking(mistake === undefined ? everyMs : false, answer.error !== null);
  const { data } = answer;
  if (mistake !== undefined)
    return <p className="text-ink-soft">The filter cannot be read: {mistake.message}</p>;
  if (answer.error !== null) return <ProblemNote problem={answer.error} />;
  if (data === undefined)
    return <p className="px-1 py-6 text-ink-soft">Holding the policy against the flows…</p>;
  if (view.tab === 'rules') {
    const fixed = { from: data.fromMs, to: data.toMs, filter: view.filter };
    return <RulesPanels matrix={data.matrix} question={fixed} />;
  }
  return (
    <MatrixView view={view} change={change} data={data} policy={policy} asking={answer.isPlaceholderData} />
  );
}

function MatrixView({
  view,
  change,
  data,
  policy,
  asking,
}: JudgedProps & { data: MatrixResponse; asking: boolean }) {
  const { matrix, fromMs, toMs } = data;
  const cell = matrix.cells.find(({ from, to }) => from === view.source && to === view.destination);
  return (
    <>
      <Totals data={data} state={view.state} onChoose={(state) => change({ state })} />
      <div
        className={`grid grid-cols-1 items-start gap-3 ${cell === undefined ? '' : 'xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]'}`}
      >
        <Panel
          title="Who reached whom"
          note={
            asking
              ? 'asking…'
              : `${formatCount(matrix.connections)} connections ${rangeInWords(view.range, Date.now())}`
          }
          controls={
            <Pick
              label="Only cells that are"
              options={STATE_CHOICES}
              value={view.state ?? 'all'}
              onChange={(state) => change({ state: state === 'all' ? undefined : state })}
            />
          }
        >
          <MatrixGrid
            matrix={matrix}
            state={view.state}
            chosen={cell}
            onChoose={(next: MatrixCell) =>
              change({
                source: next.from,
                destination: next.to,
                outcome: outcomeOf(view.state),
                service: undefined,
              })
            }
          />
          <Notes data={data} />
        </Panel>
        {cell !== undefined && (
          <CellPanel
            cell={cell}
            outcome={view.outcome}
            service={view.service}
            view={view}
            fromMs={fromMs}
            toMs={toMs}
            onChoose={(outcome, service) => change({ outcome, service })}
            onClose={() => change({ source: '', destination: '', outcome: undefined, service: undefined })}
          />
        )}
      </div>
      <TrendPanel watch={policy.watch} />
    </>
  );
}

const outcomeOf = (state: CellState | undefined): Outcome | undefined =>
  state === 'missing' ? undefined : state;

const STATE_CHOICES: readonly { value: CellState | 'all'; text: string }[] = [
  { value: 'all', text: 'All cells' },
  ...CELL_STATES.map((state) => ({ value: state, text: LOOKS[state].title })),
];

interface TotalsProps {
  data: MatrixResponse;
  state: CellState | undefined;
  onChoose: (state: CellState | undefined) => void;
}

/** A figure for each state; a click shows only such cells. */
function Totals({ data, state, onChoose }: TotalsProps) {
  const { totals, expected } = data.matrix;
  const missing = expected.filter(({ seen }) => seen.connections === 0).length;
  return (
    <div className="grid grid-cols-2 gap-2 sm:grid-cols-3 xl:grid-cols-5">
      {CELL_STATES.map((each) => {
        const { sign, title, about, ink } = LOOKS[each];
        const amount = each === 'missing' ? missing : totals[each].connections;
        return (
          <button
            key={each}
            type="button"
            title={about}
            aria-pressed={state === each}
            onClick={() => onChoose(state === each ? undefined : each)}
            className="rounded-lg border border-line bg-surface px-3.5 py-2 text-left hover:border-line-strong aria-pressed:border-accent aria-pressed:shadow-[0_0_0_1px_var(--accent)]"
          >
            <span className="flex items-baseline gap-1.5 font-medium text-ink-soft text-xs">
              <span aria-hidden="true" className={ink}>
                {sign}
              </span>
              {title}
            </span>
            <span
              className={`figures block font-semibold text-2xl leading-8 ${amount > 0 ? ink : 'text-ink-faint'}`}
            >
              {formatCount(amount)}
            </span>
          </button>
        );
      })}
    </div>
  );
}

function Notes({ data }: { data: MatrixResponse }) {
  const notes = [
    ...data.notes,
    ...data.matrix.notes,
    `${formatCount(data.records)} records were read in ${formatDuration(data.elapsedMs)}.`,
  ];
  return (
    <ul
      aria-label="What limits the figures"
      className="space-y-0.5 border-line border-t px-3.5 py-2 text-ink-faint text-xs"
    >
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}
