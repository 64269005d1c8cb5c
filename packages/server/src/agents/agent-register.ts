/**
 * Exporters of our own that enrolled here: who they are, what they said last, and edits of their settings that wait for
 * them. An agent asks every few seconds; nothing is ever sent to one that did not ask.
 */
import { randomUUID, timingSafeEqual } from 'node:crypto';
import { type Clock, type Logger, type StateFile, UserError } from '@weir/base';
import { hashOfKey, randomKey } from '../access/random-key.ts';
import type { AgentReport, AgentView, EditRecord, RegisterState, SettingsEdit } from './agent-schema.ts';

const AGENTS_MAX = 10_000;
const TOKENS_MAX = 1_000;
const TOKEN_MS = 60 * 60_000;
const EDITS_KEPT = 10;
/** Agents report so often, and more rarely where they are many: 200 reports a second are enough for a server. */
const REPORT_INTERVAL_MS = 5_000;
const AGENTS_A_SECOND = 200;
/** Missed so many reports: away. */
const AWAY_AFTER_INTERVALS = 4;
/** Last seen is written down at most so often. */
const NOTE_INTERVAL_MS = 60_000;

type KeptAgent = RegisterState['agents'][number];
type KeptEdit = KeptAgent['edits'][number];

export interface AgentRegisterOptions {
  readonly file: StateFile<RegisterState>;
  /** What is wrong with settings, a line each, as the exporter itself would say it. */
  readonly checkSettings: (settings: Readonly<Record<string, unknown>>) => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface AgentCounters {
  reports: number;
  refused: number;
  edits: number;
}

export interface AgentRegister {
  /** A key that enrols one agent within the hour; shown once. */
  createToken(by: string): { token: string; expiresAt: number };
  /** Throws a UserError `agent_token_refused` when the token is none, used, or too old. */
  enrol(
    token: string,
    who: { name: string; platform: string; address: string },
  ): { id: string; secret: string };
  /** The agent of a credential `id.secret`; undefined when there is none. */
  authenticate(credential: string): string | undefined;
  /** Takes a report, and gives the edit that waits for the agent. */
  report(id: string, report: AgentReport, address: string): { nextReportMs: number; change?: AgentChange };
  /**
   * Stages an edit for the agent's next question. Throws a UserError `agent_unknown`, `agent_edit_invalid` with what is
   * wrong, or `agent_conflict` when others were faster.
   */
  edit(id: string, edit: SettingsEdit, by: string): { id: string };
  /** Takes back an edit that still waits. */
  withdraw(id: string): void;
  remove(id: string): void;
  list(): AgentView[];
  counters(): Readonly<AgentCounters>;
}

export interface AgentChange {
  readonly id: string;
  readonly basis: string;
  readonly set: Readonly<Record<string, unknown>>;
  readonly unset: readonly string[];
}

export function createAgentRegister(options: AgentRegisterOptions): AgentRegister {
  const { file, clock, logger } = options;
  const agents = new Map(file.read().agents.map((agent) => [agent.id, agent]));
  const reports = new Map<string, AgentReport>();
  let tokens = [...file.read().tokens];
  let notedAtMs = Number.NEGATIVE_INFINITY;
  const counters: AgentCounters = { reports: 0, refused: 0, edits: 0 };

  function keep(): void {
    notedAtMs = clock.monotonicMs();
    file
      .write({ version: 1, agents: [...agents.values()], tokens })
      .catch((error: unknown) =>
        logger.error({ error: String(error) }, 'the list of agents could not be written'),
      );
  }

  function agentOf(id: string): KeptAgent {
    const agent = agents.get(id);
    if (agent === undefined) throw new UserError('agent_unknown', 'there is no such agent');
    return agent;
  }

  const intervalMs = () => Math.max(REPORT_INTERVAL_MS, Math.ceil((agents.size / AGENTS_A_SECOND) * 1000));

  function endEdit(agent: KeptAgent, id: string, outcome: EditRecord['outcome'], message: string): void {
    const edit = agent.edits.find((each) => each.id === id && each.outcome === 'waiting');
    if (edit === undefined) return;
    Object.assign(edit, { outcome, message, endedAt: clock.nowMs() });
    keep();
  }

  return {
    createToken(by) {
      const nowMs = clock.nowMs();
      tokens = tokens.filter(({ expiresAt }) => expiresAt > nowMs);
      if (tokens.length >= TOKENS_MAX) {
        throw new UserError('agent_tokens_busy', `${TOKENS_MAX} tokens wait to be used; one less in an hour`);
      }
      const token = randomKey();
      const expiresAt = nowMs + TOKEN_MS;
      tokens.push({ hash: hashOfKey(token), expiresAt, by });
      keep();
      return { token, expiresAt };
    },
    enrol(token, { name, platform, address }) {
      const hash = hashOfKey(token);
      const known = tokens.find((each) => sameHash(each.hash, hash) && each.expiresAt > clock.nowMs());
      if (known === undefined) {
        counters.refused += 1;
        throw new UserError('agent_token_refused', 'the token is unknown, used or too old: make another');
      }
      if (agents.size >= AGENTS_MAX) {
        throw new UserError(
          'agents_busy',
          `there are ${AGENTS_MAX} agents, and no more are taken: remove some`,
        );
      }
      tokens = tokens.filter((each) => each !== known);
      const [id, secret] = [randomUUID(), randomKey()];
      const enrolled = { enrolledAt: clock.nowMs(), enrolledBy: known.by };
      agents.set(id, { id, name, platform, address, secretHash: hashOfKey(secret), ...enrolled, edits: [] });
      keep();
      return { id, secret };
    },
    authenticate(credential) {
      const [id = '', secret = ''] = credential.split('.');
      const agent = agents.get(id);
      if (agent !== undefined && sameHash(agent.secretHash, hashOfKey(secret))) return id;
      counters.refused += 1;
      return undefined;
    },
    report(id, report, address) {
      const agent = agentOf(id);
      counters.reports += 1;
      reports.set(id, report);
      Object.assign(agent, {
        name: report.name,
        platform: report.platform,
        address,
        lastSeenAt: clock.nowMs(),
      });
      if (report.result !== undefined) {
        endEdit(agent, report.result.id, report.result.outcome, report.result.message);
      }
      if (clock.monotonicMs() - notedAtMs > NOTE_INTERVAL_MS) keep();
      const waiting = waitingEdit(agent);
      return {
        nextReportMs: intervalMs(),
        ...(waiting === undefined ? {} : { change: changeOf(waiting) }),
      };
    },
    edit(id, edit, by) {
      const agent = agentOf(id);
      const report = reports.get(id);
      if (report?.settings === undefined) {
        throw new UserError('agent_conflict', 'the agent has not said its settings yet: wait until it does');
      }
      if (waitingEdit(agent) !== undefined) {
        throw new UserError('agent_conflict', 'an edit waits for this agent already: withdraw it first');
      }
      if (report.revision !== edit.basis) {
        throw new UserError(
          'agent_conflict',
          'the settings have changed meanwhile: look at them and edit again',
        );
      }
      const problems = options.checkSettings(settingsAfter(report.settings, edit));
      if (problems.length > 0) throw new UserError('agent_edit_invalid', problems.join('\n'));
      const record: KeptEdit = {
        id: randomUUID(),
        at: clock.nowMs(),
        by,
        set: edit.set,
        unset: edit.unset,
        basis: edit.basis,
        outcome: 'waiting',
        message: '',
      };
      agent.edits = [record, ...agent.edits].slice(0, EDITS_KEPT);
      counters.edits += 1;
      keep();
      return { id: record.id };
    },
    withdraw(id) {
      const agent = agentOf(id);
      const waiting = waitingEdit(agent);
      if (waiting === undefined) throw new UserError('agent_conflict', 'no edit waits for this agent');
      endEdit(agent, waiting.id, 'withdrawn', '');
    },
    remove(id) {
      agentOf(id);
      agents.delete(id);
      reports.delete(id);
      keep();
    },
    list: () =>
      [...agents.values()].map((agent) => viewOf(agent)).sort((a, b) => a.name.localeCompare(b.name)),
    counters: () => counters,
  };

  function viewOf(agent: KeptAgent): AgentView {
    const { secretHash: _, edits, lastSeenAt, ...told } = agent;
    const report = reports.get(agent.id);
    const silentMs = clock.nowMs() - (lastSeenAt ?? Number.NEGATIVE_INFINITY);
    return {
      ...told,
      ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
      online: report !== undefined && silentMs < AWAY_AFTER_INTERVALS * intervalMs(),
      ...(report === undefined ? {} : { profile: report.profile, status: report.status }),
      ...(report?.revision === undefined ? {} : { revision: report.revision }),
      ...(report?.settings === undefined ? {} : { settings: report.settings }),
      edits: edits.map(({ basis: _basis, ...edit }) => edit),
    };
  }
}

const waitingEdit = ({ edits }: KeptAgent) => edits.find(({ outcome }) => outcome === 'waiting');

const changeOf = ({ id, basis, set, unset }: KeptEdit): AgentChange => ({ id, basis, set, unset });

/** The secret that a report tells only the presence of is left out: it has no form that a profile may have. */
function settingsAfter(settings: Readonly<Record<string, unknown>>, { set, unset }: SettingsEdit) {
  const taken = new Set([...unset, 'FlowIdKey']);
  const kept = Object.entries(settings).filter(([name]) => !taken.has(name));
  return { ...Object.fromEntries(kept), ...set };
}

function sameHash(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
