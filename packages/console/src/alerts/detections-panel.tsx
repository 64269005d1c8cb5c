import { useState } from 'react';
import { useFollowedApi } from '../api/use-api.ts';
import { formatCount } from '../format/quantity.ts';
import { formatAgo, formatDateTime } from '../format/time.ts';
import { ProblemNote } from '../pages/problem-note.tsx';
import {
  ListField,
  NumberField,
  PLAIN_BUTTON,
  PRIMARY_BUTTON,
  SMALL_BUTTON,
  Switch,
  TextField,
} from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import type { DetectionAnswer, DetectionsResponse } from './alert-contract.ts';
import { DryRunPart } from './dry-run-part.tsx';
import { useAlertChange } from './use-alert-change.ts';

const EVERY_MS = 10_000;

interface DetectionsPanelProps {
  open: string;
  onOpen: (detection: string) => void;
}

/** What is looked for: switches, parameters, and what each would have said of the past. */
export function DetectionsPanel({ open, onOpen }: DetectionsPanelProps) {
  const answer = useFollowedApi<DetectionsResponse>(['detections', {}], EVERY_MS);
  const { data } = answer;
  const change = useAlertChange();
  const chosen = data?.detections.find(({ id }) => id === open);
  return (
    <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
      <div className="space-y-3">
        {answer.error !== null && <ProblemNote problem={answer.error} />}
        {change.error !== null && <ProblemNote problem={change.error} />}
        <Panel
          title="Detections"
          note={
            data === undefined
              ? 'asking…'
              : `${data.detections.filter((each) => each.enabled).length} of ${data.detections.length} on`
          }
        >
          <ul aria-label="Detections" className="divide-y divide-line">
            {(data?.detections ?? []).map((detection) => (
              <DetectionRow
                key={detection.id}
                detection={detection}
                open={detection.id === open}
                onOpen={() => onOpen(detection.id)}
                onSwitch={(enabled) =>
                  change.mutate({ method: 'PUT', path: `detections/${detection.id}`, body: { enabled } })
                }
              />
            ))}
          </ul>
        </Panel>
        {data !== undefined && <CommonPanel key={JSON.stringify(data.common)} data={data} />}
      </div>
      {chosen === undefined ? (
        <Panel title="Detection" className="max-xl:hidden">
          <p className="px-4 py-6 text-ink-soft">
            Choose a detection to see its formula and parameters, and to try it on the flows of the last week.
          </p>
        </Panel>
      ) : (
        <DetectionPanel key={chosen.id} detection={chosen} />
      )}
    </div>
  );
}

interface DetectionRowProps {
  detection: DetectionAnswer;
  open: boolean;
  onOpen: () => void;
  onSwitch: (enabled: boolean) => void;
}

function DetectionRow({ detection, open, onOpen, onSwitch }: DetectionRowProps) {
  const { title, what, enabled, state } = detection;
  return (
    <li
      className={`flex gap-3 px-4 py-2.5 ${open ? 'bg-accent-soft shadow-[inset_3px_0_0_var(--accent)]' : ''}`}
    >
      <div className="min-w-0 flex-1">
        <Switch label={title} on={enabled} onChange={onSwitch} help={what} />
        <p className="figures mt-1 pl-[2.625rem] text-ink-soft text-xs">{stateText(detection)}</p>
        {state.lastError !== '' && <p className="pl-[2.625rem] text-drop text-xs">{state.lastError}</p>}
      </div>
      <button
        type="button"
        aria-pressed={open}
        aria-label={`Set, try ${title}`}
        className={`${SMALL_BUTTON} self-center`}
        onClick={onOpen}
      >
        Set, try
      </button>
    </li>
  );
}

function stateText({ enabled, state }: DetectionAnswer): string {
  if (!enabled) return 'off';
  if (state.lookedAtUntil === null) return 'has not looked yet';
  const failures = state.failures > 0 ? `, ${formatCount(state.failures)} looks failed` : '';
  const mean = state.runs === 0 ? '' : `, ${Math.round(state.elapsedMs / state.runs)} ms a look`;
  const looked = formatAgo(Date.parse(state.lookedAtUntil), Date.now());
  return `found ${formatCount(state.findings)} in ${formatCount(state.runs)} looks, flows until ${looked}${mean}${failures}`;
}

function DetectionPanel({ detection }: { detection: DetectionAnswer }) {
  const [values, setValues] = useState<Record<string, number | string>>(() => valuesOf(detection));
  const change = useAlertChange();
  const numbers = Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
  const isComplete = Object.keys(numbers).length === detection.parameters.length;
  const isChanged = detection.parameters.some(({ name, value }) => values[name] !== value);
  return (
    <Panel title={detection.title} note={detection.id}>
      <div className="divide-y divide-line">
        <dl className="space-y-2 px-4 py-3 text-[0.8125rem]">
          <About term="Formula" text={detection.formula} />
          <About term="Source" text={detection.source} />
          <About term="What it misses" text={detection.misses} />
          {detection.state.learnsSince !== null && (
            <About
              term="Learned"
              text={`since ${formatDateTime(Date.parse(detection.state.learnsSince))}, remembers ${formatCount(detection.state.remembered)}`}
            />
          )}
        </dl>
        <form
          aria-label={`Parameters of ${detection.title}`}
          className="space-y-3 px-4 py-3"
          onSubmit={(event) => {
            event.preventDefault();
            change.mutate({
              method: 'PUT',
              path: `detections/${detection.id}`,
              body: { parameters: numbers },
            });
          }}
        >
          <div className="grid grid-cols-1 gap-x-4 gap-y-3 sm:grid-cols-2">
            {detection.parameters.map(({ name, unit, meaning, source, min, max }) => (
              <NumberField
                key={name}
                label={unit === '' ? name : `${name} (${unit})`}
                help={`${meaning}. ${source}.`}
                value={values[name]}
                problem={problemOf(values[name], min, max)}
                onChange={(value) => setValues({ ...values, [name]: value })}
              />
            ))}
          </div>
          {change.error !== null && <ProblemNote problem={change.error} />}
          <div className="flex flex-wrap gap-2">
            <button
              type="submit"
              className={PRIMARY_BUTTON}
              disabled={!isChanged || !isComplete || change.isPending}
            >
              Save
            </button>
            <button
              type="button"
              className={PLAIN_BUTTON}
              onClick={() =>
                setValues(Object.fromEntries(detection.parameters.map((each) => [each.name, each.default])))
              }
            >
              Defaults
            </button>
          </div>
        </form>
        <DryRunPart detection={detection.id} parameters={numbers} isComplete={isComplete} />
      </div>
    </Panel>
  );
}

const valuesOf = ({ parameters }: DetectionAnswer): Record<string, number> =>
  Object.fromEntries(parameters.map(({ name, value }) => [name, value]));

function problemOf(value: number | string | undefined, min: number, max: number): string | undefined {
  if (typeof value === 'number' && value >= min && value <= max) return undefined;
  return `a number from ${min.toLocaleString('en-US')} to ${max.toLocaleString('en-US')}`;
}

function About({ term, text }: { term: string; text: string }) {
  return (
    <div>
      <dt className="text-ink-faint text-xs">{term}</dt>
      <dd className="leading-relaxed">{text}</dd>
    </div>
  );
}

/** What is ours, what is left out, and the feeds. */
function CommonPanel({ data }: { data: DetectionsResponse }) {
  const [home, setHome] = useState(data.common.home.join('\n'));
  const [except, setExcept] = useState(data.common.except);
  const change = useAlertChange();
  const { files } = data.feeds;
  return (
    <Panel title="For all detections">
      <form
        aria-label="For all detections"
        className="space-y-3 px-4 py-3"
        onSubmit={(event) => {
          event.preventDefault();
          const networks = home
            .split('\n')
            .map((line) => line.trim())
            .filter((line) => line !== '');
          change.mutate({ method: 'PUT', path: 'detections', body: { home: networks, except } });
        }}
      >
        <ListField
          label="Networks that are ours"
          value={data.common.home}
          onChange={setHome}
          help="One a line. Everything else is outside."
        />
        <TextField
          label="Leave out"
          wire
          value={except}
          onChange={setExcept}
          placeholder="host 10.1.0.9"
          help="Flows that no detection looks at, as a filter."
        />
        {change.error !== null && <ProblemNote problem={change.error} />}
        <button type="submit" className={PRIMARY_BUTTON} disabled={change.isPending}>
          Save
        </button>
      </form>
      <section aria-label="Feeds" className="border-line border-t px-4 py-3 text-[0.8125rem]">
        <h3 className="mb-1 font-semibold">Feeds of listed addresses</h3>
        {files.length === 0 ? (
          <p className="text-ink-soft">
            None. Put a list of addresses or networks, one a line, as <code className="wire">.txt</code>,{' '}
            <code className="wire">.csv</code> or <code className="wire">.netset</code> into the folder{' '}
            <code className="wire">{data.feeds.folder}</code> of the data; it is used at the next look.
          </p>
        ) : (
          <ul className="divide-y divide-line">
            {files.map(({ name, entries, changedAt, badLines }) => (
              <li key={name} className="figures flex flex-wrap gap-x-3 py-1">
                <span className="wire">{name}</span>
                <span className="text-ink-soft">{formatCount(entries)} entries</span>
                {badLines > 0 && (
                  <span className="text-warn">{formatCount(badLines)} lines without an address</span>
                )}
                <span className="ml-auto text-ink-soft">
                  written {formatAgo(Date.parse(changedAt), Date.now())}
                </span>
              </li>
            ))}
          </ul>
        )}
      </section>
    </Panel>
  );
}
