import type { DeployResult, FlowSourceChange } from '../api/contract.ts';
import { PLAIN_BUTTON, PRIMARY_BUTTON, SMALL_BUTTON } from '../widgets/form.tsx';
import { parameterText } from './source-draft.ts';
import type { FlowSourceEdits } from './use-flow-sources.ts';

const KIND_WORDS: Readonly<Record<FlowSourceChange['kind'], string>> = {
  added: 'is added',
  removed: 'is removed',
  changed: 'changes',
  enabled: 'is enabled',
  disabled: 'is disabled',
};

const OUTCOME_WORDS: Readonly<Record<DeployResult['outcome'], string>> = {
  unchanged: 'unchanged, it lost nothing',
  adapted: 'changed while it went on, it lost nothing',
  started: 'started',
  stopped: 'stopped',
  restarted: 'restarted',
  failed: 'failed',
};

/** What a deployment would do, what hinders it, and the buttons; after it, what became of each source. */
export function StagedChanges({ edits }: { edits: FlowSourceEdits }) {
  const { data, sending, results } = edits;
  const changes = data?.changes ?? [];
  const problems = data?.problems ?? [];
  if (changes.length === 0 && problems.length === 0 && !sending) {
    return results === undefined ? null : <Results results={results} onClose={edits.forgetResults} />;
  }
  const hindered = problems.length > 0;
  return (
    <section
      aria-label="Staged changes"
      className="rounded-lg border border-accent bg-surface shadow-[0_1px_6px_rgb(0_0_0/0.07)]"
    >
      <header className="flex flex-wrap items-center gap-x-3 gap-y-2 border-line border-b px-4 py-2.5">
        <h2 className="font-semibold">Staged changes</h2>
        <span role="status" className="text-ink-soft text-xs">
          {sending ? 'checking…' : hindered ? counted(problems.length, 'problem') : 'ready to deploy'}
        </span>
        <div className="ml-auto flex gap-2">
          <button type="button" className={PLAIN_BUTTON} onClick={() => void edits.discard()}>
            Discard
          </button>
          <button
            type="button"
            className={PRIMARY_BUTTON}
            disabled={hindered || sending || data?.editable === false}
            onClick={() => void edits.deploy()}
          >
            Deploy Changes
          </button>
        </div>
      </header>
      {results !== undefined && <ResultList results={results} />}
      <ul className="divide-y divide-line">
        {changes.map((change) => (
          <Change key={`${change.kind} ${change.name}`} change={change} />
        ))}
      </ul>
      {hindered && (
        <ul className="border-line border-t px-4 py-2 text-xs" aria-label="What hinders the deployment">
          {problems.map((problem) => (
            <li key={problem.source + problem.parameter} className="py-0.5">
              <span className="font-semibold">{problem.source || 'All sources'}</span>
              {problem.parameter !== '' && <span className="wire text-ink-soft"> {problem.parameter}</span>}:{' '}
              <span className="text-drop">{problem.message}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

function Change({ change }: { change: FlowSourceChange }) {
  const listed = change.kind === 'added' || change.kind === 'removed' ? [] : change.parameters;
  return (
    <li className="px-4 py-2">
      <p className="flex flex-wrap items-baseline gap-x-2">
        <span className="font-semibold">{change.name}</span>
        <span className={change.kind === 'removed' ? 'text-drop' : 'text-ink-soft'}>
          {KIND_WORDS[change.kind]}
        </span>
        {change.restarts && (
          <span className="text-ink-faint text-xs">
            its socket is closed for a moment; others are not touched
          </span>
        )}
      </p>
      {listed.length > 0 && (
        <dl className="mt-1 space-y-0.5 text-xs">
          {listed.map(({ path, from, to }) => (
            <div key={path} className="flex flex-wrap gap-x-2">
              <dt className="wire text-ink-soft">{path}</dt>
              <dd className="min-w-0 [overflow-wrap:anywhere]">
                <del className="text-drop">{parameterText(from)}</del>
                <span aria-hidden="true" className="px-1 text-ink-faint">
                  →
                </span>
                <ins className="text-good no-underline">{parameterText(to)}</ins>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}

function Results({ results, onClose }: { results: readonly DeployResult[]; onClose: () => void }) {
  return (
    <section aria-label="Deployment" className="rounded-lg border border-line bg-surface">
      <header className="flex items-center border-line border-b px-4 py-2">
        <h2 className="font-semibold">Deployed</h2>
        <button type="button" className={`${SMALL_BUTTON} ml-auto`} onClick={onClose}>
          Close
        </button>
      </header>
      <ResultList results={results} />
    </section>
  );
}

function ResultList({ results }: { results: readonly DeployResult[] }) {
  return (
    <ul aria-label="What became of each source" className="px-4 py-2">
      {results.map(({ name, outcome, message }) => (
        <li key={name} className="flex flex-wrap items-baseline gap-x-2 py-0.5">
          <span className="font-medium">{name}</span>
          <span
            className={
              outcome === 'failed' ? 'text-drop' : outcome === 'unchanged' ? 'text-ink-soft' : 'text-good'
            }
          >
            {OUTCOME_WORDS[outcome]}
          </span>
          {message !== undefined && <span className="text-ink-soft text-xs">{message}</span>}
        </li>
      ))}
    </ul>
  );
}
