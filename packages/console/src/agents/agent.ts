/** The shapes of `/api/v1/agents`. */

export type Settings = Readonly<Record<string, unknown>>;

export interface AgentEdit {
  id: string;
  at: number;
  by: string;
  set: Settings;
  unset: readonly string[];
  outcome: 'waiting' | 'applied' | 'refused' | 'conflict' | 'withdrawn';
  message: string;
  endedAt?: number;
}

export interface AgentStatus {
  version: string;
  state: 'starting' | 'metering' | 'waiting' | 'disabled' | 'stopping';
  reason?: string;
  profileProblem?: string;
  startedAt: number;
  rates: { packets: number; octets: number; records: number };
  interfaces: readonly { name: string; state: string; packets: number; kernelDrops: number }[];
  collectors: readonly {
    name: string;
    state: string;
    flowsSent: number;
    flowsNotSent: number;
    spoolOctets: number;
    lastError?: string;
  }[];
}

export interface Agent {
  id: string;
  name: string;
  platform: string;
  enrolledAt: number;
  enrolledBy: string;
  address: string;
  lastSeenAt?: number;
  online: boolean;
  profile?: string;
  revision?: string;
  settings?: Settings;
  status?: AgentStatus;
  /** Newest first. */
  edits: readonly AgentEdit[];
}

export interface AgentsResponse {
  now: number;
  agents: readonly Agent[];
  reachable: boolean;
  whyNotReachable?: string;
}

export const waitingEdit = ({ edits }: Agent): AgentEdit | undefined =>
  edits.find(({ outcome }) => outcome === 'waiting');

export type AgentHealth = 'good' | 'warn' | 'silent';

/** How it fares, worst first, and why in words. */
export function agentHealth(agent: Agent): { health: AgentHealth; text: string } {
  const { status } = agent;
  if (status === undefined && agent.lastSeenAt === undefined) {
    return { health: 'silent', text: 'enrolled, and not started since' };
  }
  if (!agent.online || status === undefined) return { health: 'silent', text: 'does not ask any more' };
  if (status.profileProblem !== undefined) return { health: 'warn', text: status.profileProblem };
  if (status.state !== 'metering') return { health: 'warn', text: status.reason ?? status.state };
  const ill = status.collectors.find(({ state }) => state !== 'connected');
  if (ill !== undefined) {
    const why = ill.lastError === undefined ? '' : ` (${ill.lastError})`;
    return { health: 'warn', text: `${ill.name}: ${ill.state}${why}` };
  }
  return { health: 'good', text: 'metering' };
}
