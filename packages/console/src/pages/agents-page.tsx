import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import {
  type Agent,
  type AgentEdit,
  type AgentHealth,
  type AgentsResponse,
  agentHealth,
  waitingEdit,
} from '../agents/agent.ts';
import { ChangeList, SettingsForm } from '../agents/settings-form.tsx';
import { type ApiError, apiSend } from '../api/client.ts';
import { useFollowedApi } from '../api/use-api.ts';
import { formatCount, formatPerSecond, formatQuantity } from '../format/quantity.ts';
import { formatAgo, formatMoment } from '../format/time.ts';
import { useViewState } from '../use-view-state.ts';
import type { ViewCodec } from '../view-state.ts';
import { CommandLine } from '../widgets/copy-button.tsx';
import { PLAIN_BUTTON, SMALL_BUTTON } from '../widgets/form.tsx';
import { Panel } from '../widgets/panel.tsx';
import { RowButton } from '../widgets/row-button.tsx';
import { ProblemNote } from './problem-note.tsx';

const EVERY_MS = 2000;

const AGENTS_VIEW: ViewCodec<{ agent: string }> = {
  parse: (parameters) => ({ agent: parameters.get('agent') ?? '' }),
  write: ({ agent }, parameters) => {
    if (agent !== '') parameters.set('agent', agent);
  },
};

/** Exporters of our own: how they fare, and their settings, edited here and applied there. */
export function AgentsPage() {
  const [view, change] = useViewState(AGENTS_VIEW);
  const answer = useFollowedApi<AgentsResponse>(['agents', {}], EVERY_MS);
  const { data } = answer;
  const agents = data?.agents ?? [];
  const chosen = agents.find(({ id }) => id === view.agent);
  return (
    <div className="mx-auto max-w-[110rem] space-y-3">
      {answer.error !== null && <ProblemNote problem={answer.error} />}
      <div className="grid grid-cols-1 items-start gap-3 xl:grid-cols-[minmax(0,5fr)_minmax(0,8fr)] xl:grid-rows-[auto_1fr]">
        <Panel title="Agents" note={data === undefined ? 'asking…' : String(agents.length)}>
          {data !== undefined && agents.length === 0 ? (
            <NoAgents />
          ) : (
            <ul aria-label="Agents" className="divide-y divide-line">
              {agents.map((agent) => (
                <AgentRow
                  key={agent.id}
                  agent={agent}
                  open={agent.id === view.agent}
                  onOpen={() => change({ agent: agent.id })}
                />
              ))}
            </ul>
          )}
        </Panel>
        <div className="xl:col-start-2 xl:row-span-2 xl:row-start-1">
          {chosen === undefined ? (
            <Panel title="Agent" className="max-xl:hidden">
              <p className="px-4 py-6 text-ink-soft">Choose an agent to see and edit its settings.</p>
            </Panel>
          ) : (
            <AgentDetail
              key={chosen.id}
              agent={chosen}
              now={data?.now ?? 0}
              onRemoved={() => change({ agent: '' })}
            />
          )}
        </div>
        <EnrolPanel whyNotReachable={data?.whyNotReachable} />
      </div>
    </div>
  );
}

const HEALTH_DOTS: Readonly<Record<AgentHealth, string>> = {
  good: 'bg-good',
  warn: 'bg-warn',
  silent: 'bg-drop',
};

function AgentRow({ agent, open, onOpen }: { agent: Agent; open: boolean; onOpen: () => void }) {
  const { health, text } = agentHealth(agent);
  const waits = waitingEdit(agent) !== undefined;
  return (
    <li>
      <RowButton open={open} onOpen={onOpen}>
        <span className="flex flex-wrap items-baseline gap-x-2">
          <span
            aria-hidden="true"
            className={`size-2 shrink-0 self-center rounded-full ${HEALTH_DOTS[health]}`}
          />
          <span className="min-w-0 truncate font-semibold">{agent.name}</span>
          <span className="wire text-ink-soft">{agent.address}</span>
          {agent.online && agent.status !== undefined && (
            <span className="figures ml-auto whitespace-nowrap font-semibold text-[0.8125rem]">
              {formatPerSecond(agent.status.rates.records)}
            </span>
          )}
        </span>
        <span className="mt-1 block pl-4 text-ink-soft text-xs">
          {text}
          {waits && ' · an edit waits for it'}
        </span>
      </RowButton>
    </li>
  );
}

interface AgentDetailProps {
  agent: Agent;
  now: number;
  onRemoved: () => void;
}

function AgentDetail({ agent, now, onRemoved }: AgentDetailProps) {
  const client = useQueryClient();
  const [sure, setSure] = useState(false);
  const settled = { onSettled: () => client.invalidateQueries({ queryKey: ['agents', {}] }) };
  const remove = useMutation<unknown, ApiError>({
    mutationFn: () => apiSend('DELETE', `agents/${agent.id}`),
    onSuccess: onRemoved,
    ...settled,
  });
  const withdraw = useMutation<unknown, ApiError>({
    mutationFn: () => apiSend('DELETE', `agents/${agent.id}/settings`),
    ...settled,
  });
  const waiting = waitingEdit(agent);
  const failure = remove.error ?? withdraw.error;
  return (
    <Panel
      title={agent.name}
      note={`${agent.platform}, enrolled ${formatMoment(agent.enrolledAt, now)} by ${agent.enrolledBy}`}
      controls={
        sure ? (
          <>
            <span className="text-xs">It goes on exporting, unseen here.</span>
            <button type="button" className={SMALL_BUTTON} onClick={() => remove.mutate()}>
              Remove
            </button>
            <button type="button" className={SMALL_BUTTON} onClick={() => setSure(false)}>
              Keep
            </button>
          </>
        ) : (
          <button type="button" className={SMALL_BUTTON} onClick={() => setSure(true)}>
            Remove…
          </button>
        )
      }
    >
      {failure !== null && <ProblemNote problem={failure} />}
      <AgentFigures agent={agent} now={now} />
      {waiting !== undefined && (
        <section aria-label="Waiting edit" className="border-line border-t bg-accent-soft px-4 py-3">
          <p role="status" className="mb-1 font-semibold text-[0.8125rem]">
            {agent.online ? 'On its way to the agent…' : 'Waits until the agent asks again.'}
          </p>
          <ChangeList
            before={agent.settings ?? {}}
            change={{ set: waiting.set, unset: [...waiting.unset] }}
          />
          <button type="button" className={`${PLAIN_BUTTON} mt-2`} onClick={() => withdraw.mutate()}>
            Withdraw
          </button>
        </section>
      )}
      {waiting === undefined && agent.settings !== undefined && agent.revision !== undefined ? (
        // The key: settings that changed on the other side begin a new draft.
        <SettingsForm key={agent.revision} agent={agent} settings={agent.settings} basis={agent.revision} />
      ) : (
        waiting === undefined && (
          <p className="border-line border-t px-4 py-6 text-ink-soft">
            The agent has not told its settings since this server started. It tells them when it asks next.
          </p>
        )
      )}
      <Edits edits={agent.edits.filter(({ outcome }) => outcome !== 'waiting')} now={now} />
    </Panel>
  );
}

function AgentFigures({ agent, now }: { agent: Agent; now: number }) {
  const { status } = agent;
  const facts: [string, string][] = [
    ['Heard of', agent.lastSeenAt === undefined ? 'never' : formatAgo(agent.lastSeenAt, now)],
    ['State', agentHealth(agent).text],
    ...(agent.profile === undefined ? [] : ([['Profile', agent.profile]] as [string, string][])),
    ...(status === undefined
      ? []
      : ([
          ['Version', status.version],
          [
            'Traffic',
            `${formatQuantity(status.rates.octets * 8, 'b/s')}, ${formatPerSecond(status.rates.packets)} packets`,
          ],
          [
            'Interfaces',
            status.interfaces.map(({ name, state }) => `${name} (${state})`).join(', ') || 'none',
          ],
        ] as [string, string][])),
  ];
  return (
    <div className="space-y-3 px-4 py-3">
      <dl className="grid grid-cols-1 gap-x-6 gap-y-1 text-xs sm:grid-cols-2">
        {facts.map(([name, value]) => (
          <div key={name} className="flex min-w-0 gap-2">
            <dt className="w-20 shrink-0 text-ink-soft">{name}</dt>
            <dd className="min-w-0 [overflow-wrap:anywhere]">{value}</dd>
          </div>
        ))}
      </dl>
      {status !== undefined && status.collectors.length > 0 && (
        <ul aria-label="Collectors" className="space-y-0.5 text-xs">
          {status.collectors.map((collector) => (
            <li key={collector.name} className="flex flex-wrap gap-x-3">
              <span className="wire font-semibold">{collector.name}</span>
              <span className={collector.state === 'connected' ? 'text-ink-soft' : 'text-warn'}>
                {collector.state}
              </span>
              <span className="figures">{formatCount(collector.flowsSent)} flows sent</span>
              {collector.flowsNotSent > 0 && (
                <span className="figures text-drop">{formatCount(collector.flowsNotSent)} not sent</span>
              )}
              {collector.lastError !== undefined && (
                <span className="text-ink-soft">{collector.lastError}</span>
              )}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

const OUTCOME_WORDS: Readonly<Record<AgentEdit['outcome'], string>> = {
  waiting: 'waits',
  applied: 'applied',
  refused: 'refused',
  conflict: 'not applied',
  withdrawn: 'withdrawn',
};

function Edits({ edits, now }: { edits: readonly AgentEdit[]; now: number }) {
  if (edits.length === 0) return null;
  return (
    <section aria-label="Edits" className="border-line border-t px-4 py-3">
      <h3 className="mb-1.5 font-semibold text-[0.8125rem]">Edits</h3>
      <ul className="space-y-1.5 text-xs">
        {edits.map((edit) => (
          <li key={edit.id}>
            <span
              className={edit.outcome === 'applied' ? 'font-semibold text-good' : 'font-semibold text-warn'}
            >
              {OUTCOME_WORDS[edit.outcome]}
            </span>{' '}
            <span className="text-ink-soft">
              {formatMoment(edit.at, now)} by {edit.by}
              {edit.message !== '' && `: ${edit.message}`}
            </span>
            <ChangeList before={{}} change={{ set: { ...edit.set }, unset: [...edit.unset] }} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A token, and the command that uses it. */
function EnrolPanel({ whyNotReachable }: { whyNotReachable: string | undefined }) {
  const token = useMutation<{ token: string; expiresAt: number }, ApiError>({
    mutationFn: () => apiSend('POST', 'agents/tokens', {}),
  });
  return (
    <Panel title="Enrol an exporter">
      <div className="space-y-3 px-4 py-3 text-[0.8125rem]">
        <p>
          A token enrols one exporter within the hour. From then on the exporter asks this server every few
          seconds; no port is opened there.
        </p>
        {whyNotReachable !== undefined && <p className="text-warn text-xs">{whyNotReachable}</p>}
        {token.error !== null && <ProblemNote problem={token.error} />}
        {token.data === undefined ? (
          <button
            type="button"
            className={PLAIN_BUTTON}
            disabled={token.isPending}
            onClick={() => token.mutate()}
          >
            Make a token
          </button>
        ) : (
          <>
            <p className="text-ink-soft text-xs">
              On the exporter's machine, then restart its service. The token is shown only now.
            </p>
            <CommandLine command={`weir agent enrol ${window.location.origin} --token ${token.data.token}`} />
            <button type="button" className={SMALL_BUTTON} onClick={() => token.mutate()}>
              Make another
            </button>
          </>
        )}
      </div>
    </Panel>
  );
}

function NoAgents() {
  return (
    <div className="space-y-2 px-4 py-6 text-ink-soft" data-testid="empty-state">
      <p className="font-semibold text-base text-ink">No exporter has enrolled here.</p>
      <p>
        Each <code className="wire">weir export</code> can show its settings here and have them edited. Make a
        token below, and run the command with it where the exporter runs.
      </p>
    </div>
  );
}
