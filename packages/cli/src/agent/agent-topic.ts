/** The server's side of agents: their register in the data folder, and settings checked as the exporter checks them. */
import path from 'node:path';
import { type Clock, createStateFile, type Logger, UserError } from '@weir/base';
import { parseProfile } from '@weir/exporting';
import { type ApiTopic, createAgentRegister, createAgentTopic, registerSchema } from '@weir/server';

interface AgentsOptions {
  readonly dataDirectory: string;
  /** Address that the server listens on. */
  readonly host: string;
  /** Of the server's own certificate; undefined without TLS. */
  readonly keyPin: () => string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createAgents({ dataDirectory, host, keyPin, clock, logger }: AgentsOptions): ApiTopic {
  const file = createStateFile({
    path: path.join(dataDirectory, 'agents', 'agents.json'),
    initial: { version: 1, agents: [], tokens: [] },
    parse: (value) => registerSchema.parse(value),
    logger,
  });
  const register = createAgentRegister({ file, checkSettings: settingsProblems, clock, logger });
  return createAgentTopic({ register, keyPin, host, nowMs: () => clock.nowMs() });
}

const PLACE = /^settings:\d+:\d+: /;

/** A line for each thing wrong; the place in a text that nobody has written is left out. */
export function settingsProblems(settings: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    parseProfile(JSON.stringify({ FlowMetadata: settings }), 'settings');
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message.split('\n').map((line) => line.replace(PLACE, ''));
  }
}
