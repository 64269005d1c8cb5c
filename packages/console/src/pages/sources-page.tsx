import { apiGet } from '../api/client.ts';
import type { FlowSourceDraft, StatusResponse } from '../api/contract.ts';
import { useApi, useEvery, useReportAsking } from '../api/use-api.ts';
import { formatCount, formatPerSecond } from '../format/quantity.ts';
import { inputOf, nameOf, withParameter } from '../sources/source-draft.ts';
import { SourceForm } from '../sources/source-form.tsx';
import { type SourceState, sourceState } from '../sources/source-state.ts';
import { StagedChanges } from '../sources/staged-changes.tsx';
import { type FlowSourceEdits, useFlowSources } from '../sources/use-flow-sources.ts';
import { useViewState } from '../use-view-state.ts';
import type { ViewCodec } from '../view-state.ts';
import { SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { Popover } from '../widgets/popover.tsx';
import { RowButton } from '../widgets/row-button.tsx';
import { ProblemNote } from './problem-note.tsx';

const EVERY_MS = 3000;
/** More sources than this scroll by themselves beside the form. */
const LIST_ROWS = 8;
const LONG_LIST = 'lg:max-h-[calc(100dvh-4.5rem)] lg:overflow-y-auto';

/** The source that is open. */
const SOURCES_VIEW: ViewCodec<{ source: string }> = {
  parse: (parameters) => ({ source: parameters.get('source') ?? '' }),
  write: ({ source }, parameters) => {
    if (source !== '') parameters.set('source', source);
  },
};

/** Flow sources: what the collector takes records from, edited here and deployed together. */
export function SourcesPage() {
  const [{ source: opened }, change] = useViewState(SOURCES_VIEW);
  const everyMs = useEvery(EVERY_MS);
  const edits = useFlowSources(everyMs);
  const status = useApi<StatusResponse>(['status', {}], { everyMs });
  useReportAsking(everyMs, status.error !== null);

  const { data, staged } = edits;
  const editable = data?.editable === true;
  const index = staged.findIndex((source) => nameOf(source) === opened);
  const open = (name: string): void => change({ source: name });
  const add = (source: FlowSourceDraft): void => {
    edits.edit([...staged, source]);
    open(nameOf(source));
  };
  const update = (at: number, next: FlowSourceDraft): void => {
    edits.edit(staged.map((source, each) => (each === at ? next : source)));
    if (at === index && nameOf(next) !== opened) change({ source: nameOf(next) }, { replace: true });
  };
  const removed = (data?.deployed ?? []).filter(
    (source) => !staged.some((each) => nameOf(each) === nameOf(source)),
  );
  const chosen = staged[index];
  return (
    <div className="mx-auto max-w-[90rem] space-y-3">
      {edits.failure !== undefined && <ProblemNote problem={edits.failure} />}
      {data?.editable === false && (
        <p className="rounded-lg border border-line bg-warn-soft px-4 py-2.5">
          Sources can be looked at, not edited: {data.whyNotEditable}
        </p>
      )}
      <div className="grid grid-cols-1 items-start gap-3 lg:grid-cols-[minmax(0,5fr)_minmax(0,7fr)]">
        <div className={`space-y-3 lg:sticky lg:top-[3.75rem] ${staged.length > LIST_ROWS ? LONG_LIST : ''}`}>
          <StagedChanges edits={edits} />
          <Panel
            title="Flow sources"
            note={data === undefined ? 'asking…' : String(staged.length)}
            controls={editable ? <AddSource onAdd={add} sources={staged} /> : undefined}
          >
            <ul className="divide-y divide-line">
              {staged.map((source, at) => (
                <SourceRow
                  // biome-ignore lint/suspicious/noArrayIndexKey: a name changes while it is typed; the place does not.
                  key={at}
                  source={source}
                  state={sourceState(source, data?.deployed ?? [], status.data)}
                  changed={data?.changes.some(({ name }) => name === nameOf(source)) === true}
                  troubled={data?.problems.some((problem) => problem.source === nameOf(source)) === true}
                  open={at === index}
                  onOpen={() => open(nameOf(source))}
                />
              ))}
              {removed.map((source) => (
                <RemovedRow
                  key={nameOf(source)}
                  source={source}
                  onKeep={() => edits.edit([...staged, source])}
                />
              ))}
              {data !== undefined && staged.length === 0 && (
                <li className="px-4 py-6 text-ink-soft">
                  No source: nothing is received from exporters.{editable && ' Add one to open a port.'}
                </li>
              )}
            </ul>
          </Panel>
        </div>
        {chosen === undefined ? (
          <Panel title="Source" className="max-lg:hidden">
            <p className="px-4 py-6 text-ink-soft">Choose a source to see and change its parameters.</p>
          </Panel>
        ) : (
          <SourcePanel
            key={index}
            source={chosen}
            state={sourceState(chosen, data?.deployed ?? [], status.data)}
            edits={edits}
            interfaces={interfacesOf(status.data)}
            editable={editable}
            onChange={(next) => update(index, next)}
            onCopy={add}
            onRemove={() => {
              edits.edit(staged.filter((_, at) => at !== index));
              open('');
            }}
          />
        )}
      </div>
      <ReviewBar edits={edits} />
    </div>
  );
}

const interfacesOf = (status: StatusResponse | undefined): string[] =>
  status?.metering.state === 'on' ? status.metering.interfaces.map(({ name }) => name) : [];

/** On a narrow screen the staged changes are above the form: this bar leads back to them. */
function ReviewBar({ edits }: { edits: FlowSourceEdits }) {
  const count = edits.data?.changes.length ?? 0;
  const problems = edits.data?.problems.length ?? 0;
  if (count === 0 && problems === 0) return null;
  return (
    <div className="sticky bottom-16 flex items-center gap-2 rounded-lg border border-accent bg-surface px-3.5 py-2 shadow-lg md:bottom-3 lg:hidden">
      <span className="text-[0.8125rem]">
        {count === 1 ? 'One staged change' : `${count} staged changes`}
        {problems > 0 && (
          <span className="text-drop">, {problems === 1 ? 'a problem' : `${problems} problems`}</span>
        )}
      </span>
      <button type="button" className={`${SMALL_BUTTON} ml-auto`} onClick={() => window.scrollTo({ top: 0 })}>
        Review
      </button>
    </div>
  );
}

const PROPOSED_TYPES = ['IPFIX', 'NetFlow', 'NetFlow v9', 'NetFlow v5', 'Any'];

/** A new source of a type, on the next free port, or with the parameters of another one. */
function AddSource({
  onAdd,
  sources,
}: {
  onAdd: (source: FlowSourceDraft) => void;
  sources: readonly FlowSourceDraft[];
}) {
  const propose = (parameters: Record<string, string>, close: () => void) => async () => {
    close();
    onAdd(await apiGet<FlowSourceDraft>('flow-sources/proposal', parameters));
  };
  const entry = 'block w-full truncate rounded px-2.5 py-1 text-left text-[0.8125rem] hover:bg-hover';
  return (
    <Popover label="Add a source" button="Add a source" buttonClassName={SMALL_BUTTON} align="right">
      {(close) => (
        <div className="max-h-[70dvh] w-60 overflow-y-auto p-1.5">
          <p className="px-2.5 py-1 text-ink-faint text-xs">New</p>
          {PROPOSED_TYPES.map((type) => (
            <button key={type} type="button" className={entry} onClick={propose({ type }, close)}>
              {type === 'Any' ? 'NetFlow and IPFIX' : type}
            </button>
          ))}
          <p className="mt-1 border-line border-t px-2.5 pt-2 pb-1 text-ink-faint text-xs">Built from</p>
          {sources.map((source) => (
            <button
              key={nameOf(source)}
              type="button"
              className={entry}
              onClick={propose({ from: nameOf(source) }, close)}
            >
              {nameOf(source)}
            </button>
          ))}
        </div>
      )}
    </Popover>
  );
}

const DOTS: Readonly<Record<SourceState['kind'], string>> = {
  listening: 'bg-good',
  failed: 'bg-drop',
  disabled: 'bg-line-strong',
  new: 'bg-accent',
  unknown: 'bg-warn',
};

interface SourceRowProps {
  source: FlowSourceDraft;
  state: SourceState;
  changed: boolean;
  troubled: boolean;
  open: boolean;
  onOpen: () => void;
}

function SourceRow({ source, state, changed, troubled, open, onOpen }: SourceRowProps) {
  return (
    <li>
      <RowButton open={open} onOpen={onOpen}>
        <span className="flex items-baseline gap-2">
          <span
            aria-hidden="true"
            className={`size-2 shrink-0 self-center rounded-full ${DOTS[state.kind]}`}
          />
          <span className="min-w-0 truncate font-semibold">{nameOf(source) || 'without a name'}</span>
          {changed && <Badge text="staged" className="border-accent text-accent" />}
          {troubled && <Badge text="problem" className="border-drop text-drop" />}
          <span className="figures ml-auto whitespace-nowrap text-xs">
            {state.kind === 'listening' ? formatPerSecond(state.recordsPerSecond) : ''}
          </span>
        </span>
        <span className="mt-0.5 flex flex-wrap items-baseline gap-x-2 pl-4 text-ink-soft text-xs">
          <span className="wire text-[0.7rem]">{inputOf(source)}</span>
          <span>{String(source['type'] ?? '')}</span>
          <span className={`ml-auto ${state.kind === 'failed' ? 'text-drop' : ''}`}>{state.text}</span>
        </span>
        {state.notes.map((note) => (
          <span key={note} className="mt-1 block pl-4 text-warn text-xs">
            {note}
          </span>
        ))}
      </RowButton>
    </li>
  );
}

function Badge({ text, className }: { text: string; className: string }) {
  return <span className={`rounded-sm border px-1 text-[0.6875rem] leading-4 ${className}`}>{text}</span>;
}

function RemovedRow({ source, onKeep }: { source: FlowSourceDraft; onKeep: () => void }) {
  return (
    <li className="flex items-baseline gap-2 px-4 py-2.5">
      <del className="min-w-0 truncate text-ink-faint">{nameOf(source)}</del>
      <span className="text-drop text-xs">is removed when changes are deployed</span>
      <button type="button" onClick={onKeep} className={`${SMALL_BUTTON} ml-auto`}>
        Keep
      </button>
    </li>
  );
}

interface SourcePanelProps {
  source: FlowSourceDraft;
  state: SourceState;
  edits: FlowSourceEdits;
  interfaces: readonly string[];
  editable: boolean;
  onChange: (source: FlowSourceDraft) => void;
  onCopy: (source: FlowSourceDraft) => void;
  onRemove: () => void;
}

function SourcePanel(props: SourcePanelProps) {
  const { source, state, edits, editable, onChange } = props;
  const name = nameOf(source);
  const enabled = source['enabled'] !== false;
  const copy = async (): Promise<void> =>
    props.onCopy(await apiGet<FlowSourceDraft>('flow-sources/proposal', { from: name }));
  return (
    <Panel
      title={name || 'Source without a name'}
      note={state.text}
      controls={
        editable && (
          <>
            <button type="button" className={SMALL_BUTTON} onClick={() => void copy()}>
              Build from it
            </button>
            <button
              type="button"
              className={SMALL_BUTTON}
              onClick={() => onChange(withParameter(source, 'enabled', !enabled))}
            >
              {enabled ? 'Disable' : 'Enable'}
            </button>
            <button type="button" className={`${SMALL_BUTTON} text-drop`} onClick={props.onRemove}>
              Remove
            </button>
          </>
        )
      }
    >
      {state.listener !== undefined && <Counters state={state} />}
      <SourceForm
        source={source}
        problems={(edits.data?.problems ?? []).filter((problem) => problem.source === name)}
        interfaces={props.interfaces}
        editable={editable}
        onChange={onChange}
      />
    </Panel>
  );
}

function Counters({ state }: { state: SourceState }) {
  const { listener } = state;
  if (listener === undefined) return null;
  const refused = (listener.refused ?? []).reduce((sum, { datagrams }) => sum + datagrams, 0);
  const figures: [label: string, figure: string, bad: boolean][] = [
    ['Records', formatPerSecond(state.recordsPerSecond), false],
    [listener.transport === 'udp' ? 'Datagrams' : 'Messages', formatCount(listener.datagrams), false],
    ['Exporters', String(state.exporters), false],
    ['Kernel drops', formatCount(listener.kernelDrops), listener.kernelDrops > 0],
    ['Wrong version', formatCount(refused), refused > 0],
  ];
  if (listener.files !== undefined) {
    figures.push(
      ['Files taken', formatCount(listener.files.taken), false],
      ['Files waiting', formatCount(listener.files.waiting), false],
      ['Files with problems', formatCount(listener.files.failed), listener.files.failed > 0],
    );
  }
  if (listener.relay !== undefined) figures.push(['Forwarded', formatCount(listener.relay.datagrams), false]);
  if (listener.connections !== undefined)
    figures.push(['Connections', String(listener.connections.length), false]);
  return (
    <div className="border-line border-b bg-sunken px-4 py-2.5">
      <dl className="flex flex-wrap gap-x-6 gap-y-1.5">
        {figures.map(([label, figure, bad]) => (
          <div key={label}>
            <dt className="text-ink-soft text-xs">{label}</dt>
            <dd className={`figures font-semibold ${bad ? 'text-warn' : ''}`}>{figure}</dd>
          </div>
        ))}
      </dl>
      {state.notes.map((note) => (
        <p key={note} className="mt-1.5 text-warn text-xs">
          {note}
        </p>
      ))}
    </div>
  );
}
