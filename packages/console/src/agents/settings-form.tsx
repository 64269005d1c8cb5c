import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type ApiError, apiSend } from '../api/client.ts';
import { parameterText } from '../sources/source-draft.ts';
import {
  FieldGroup,
  ListField,
  NumberField,
  PLAIN_BUTTON,
  PRIMARY_BUTTON,
  SelectField,
  Switch,
} from '../widgets/form.tsx';
import type { Agent, Settings } from './agent.ts';
import {
  changeBetween,
  collectorLines,
  collectorsOf,
  furtherText,
  isEmpty,
  type SettingsChange,
  withFurther,
} from './settings-draft.ts';

const DIRECTIONS = [
  { value: 'Both', text: 'Both: a record for each direction' },
  { value: 'SendingToPeer', text: 'SendingToPeer: what leaves this machine' },
  { value: 'ReceivedFromPeer', text: 'ReceivedFromPeer: what arrives here' },
];

interface SettingsFormProps {
  agent: Agent;
  settings: Settings;
  /** Its revision: an edit of another one is refused. */
  basis: string;
}

/** The exporter's settings. Nothing is sent before Apply; both sides check what is sent. */
export function SettingsForm({ agent, settings, basis }: SettingsFormProps) {
  const [draft, setDraft] = useState<Settings>(settings);
  const [further, setFurther] = useState(() => furtherText(settings));
  const client = useQueryClient();
  const change = changeBetween(settings, draft);
  const apply = useMutation<unknown, ApiError>({
    mutationFn: () => apiSend('PUT', `agents/${agent.id}/settings`, { basis, ...change }),
    onSettled: () => client.invalidateQueries({ queryKey: ['agents', {}] }),
  });
  const problems = apply.error?.message.split('\n') ?? [];
  const problem = (name: string) => problems.find((line) => line.startsWith(name));
  const set = (name: string, value: unknown) => {
    apply.reset();
    setDraft({ ...draft, [name]: value });
  };
  const furtherProblem = problemOf(settings, further);
  const names = (draft['Names'] ?? {}) as { Dns?: boolean; Tls?: boolean };
  return (
    <form
      aria-label={`Settings of ${agent.name}`}
      onSubmit={(event) => {
        event.preventDefault();
        apply.mutate();
      }}
    >
      <FieldGroup title="What is exported">
        <Switch
          label="Enabled"
          on={draft['Enabled'] === true}
          help="Off: nothing is metered, and the agent goes on asking here."
          onChange={(on) => set('Enabled', on)}
        />
        <SelectField
          label="Direction"
          value={String(draft['Direction'] ?? '')}
          options={DIRECTIONS}
          problem={problem('Direction')}
          help="Dropped frames are exported whatever the direction."
          onChange={(value) => set('Direction', value)}
        />
        <NumberField
          label="Interval in milliseconds"
          value={draft['Interval']}
          problem={problem('Interval')}
          help="0: a record at the end of a flow only; else also after each so many (60000 is a minute)."
          onChange={(value) => set('Interval', value)}
        />
        <NumberField
          label="Idle timeout in milliseconds"
          value={draft['IdleTimeout']}
          problem={problem('IdleTimeout')}
          help="A flow without a packet for so long has ended."
          onChange={(value) => set('IdleTimeout', value)}
        />
        <ListField
          label="Collectors"
          value={collectorLines(draft['IpFixCollectors'])}
          problem={problem('IpFixCollectors')}
          placeholder="Udp/192.0.2.1:4739"
          help="One a line: Udp/, Tcp/ or Tls/IP:Port. None: nothing is exported."
          onChange={(text) => set('IpFixCollectors', collectorsOf(text))}
        />
        <ListField
          label="Interfaces"
          value={Array.isArray(draft['Interfaces']) ? draft['Interfaces'].map(String) : []}
          problem={problem('Interfaces')}
          help="One a line; empty: all that are up."
          onChange={(text) => set('Interfaces', collectorsOf(text))}
        />
        <Switch
          label="TCP performance"
          on={draft['TcpPerformance'] === true}
          help="Round trips, retransmissions, zero windows."
          onChange={(on) => set('TcpPerformance', on)}
        />
        <Switch
          label="Names from DNS answers"
          on={names.Dns === true}
          onChange={(on) => set('Names', { ...names, Dns: on })}
        />
        <Switch
          label="Server names of TLS and QUIC"
          on={names.Tls === true}
          onChange={(on) => set('Names', { ...names, Tls: on })}
        />
      </FieldGroup>
      <details className="border-line border-t px-4 py-3">
        <summary className="cursor-pointer font-semibold text-[0.8125rem]">Further properties</summary>
        <label className="mt-2 block space-y-1">
          <span className="block text-ink-soft text-xs">
            As in the profile; one that is left out gets its default. A file may be named that the profile
            names already.
          </span>
          <textarea
            value={further}
            rows={10}
            spellCheck={false}
            aria-label="Further properties as JSON"
            aria-invalid={furtherProblem !== undefined}
            onChange={(event) => {
              apply.reset();
              setFurther(event.target.value);
              if (problemOf(draft, event.target.value) === undefined) {
                setDraft(withFurther(draft, event.target.value));
              }
            }}
            className="w-full rounded-md border border-line bg-surface px-2.5 py-1.5 font-mono text-xs leading-5 focus:border-accent focus:outline-none aria-invalid:border-drop"
          />
        </label>
        {furtherProblem !== undefined && (
          <p role="alert" className="text-drop text-xs">
            {furtherProblem}
          </p>
        )}
      </details>
      {!isEmpty(change) && (
        <div className="border-line border-t bg-sunken px-4 py-3">
          <h3 className="mb-1 font-semibold text-[0.8125rem]">What will change on {agent.name}</h3>
          <ChangeList before={settings} change={change} />
          {problems.length > 0 && (
            <ul role="alert" className="mt-2 text-drop text-xs">
              {problems.map((line) => (
                <li key={line}>{line}</li>
              ))}
            </ul>
          )}
          <div className="mt-3 flex gap-2">
            <button
              type="submit"
              className={PRIMARY_BUTTON}
              disabled={apply.isPending || furtherProblem !== undefined}
            >
              Apply to {agent.name}
            </button>
            <button
              type="button"
              className={PLAIN_BUTTON}
              onClick={() => {
                apply.reset();
                setDraft(settings);
                setFurther(furtherText(settings));
              }}
            >
              Discard
            </button>
          </div>
        </div>
      )}
    </form>
  );
}

/** Property by property: what it was and what it becomes. */
export function ChangeList({ before, change }: { before: Settings; change: SettingsChange }) {
  const lines = [
    ...Object.entries(change.set).map(([name, value]) => ({ name, becomes: parameterText(value) })),
    ...change.unset.map((name) => ({ name, becomes: 'its default' })),
  ];
  return (
    <ul className="space-y-0.5 text-xs">
      {lines.map(({ name, becomes }) => (
        <li key={name} className="min-w-0 [overflow-wrap:anywhere]">
          <span className="wire font-semibold">{name}</span>{' '}
          {name in before && (
            <>
              <del className="text-ink-faint">{parameterText(before[name])}</del>{' '}
              <span aria-hidden="true">→</span>{' '}
            </>
          )}
          <ins className="no-underline">{becomes}</ins>
        </li>
      ))}
    </ul>
  );
}

function problemOf(settings: Settings, text: string): string | undefined {
  try {
    withFurther(settings, text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
