/** The server's side of agents: their register in the data folder, and settings checked as the exporter checks them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Clock, createStateFile, type Logger, UserError } from '@weir/base';
import { parseProfile } from '@weir/exporting';
import { type ApiTopic, createAgentRegister, createAgentTopic, registerSchema } from '@weir/server';
import { pinOfCertificate } from './server-connection.ts';

interface AgentsOptions {
  readonly dataDirectory: string;
  /** Address that the server listens on. */
  readonly host: string;
  /** The server's own, which may be replaced while it runs; undefined without TLS. */
  readonly certificateFile: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createAgents({
  dataDirectory,
  host,
  certificateFile,
  clock,
  logger,
}: AgentsOptions): ApiTopic {
  const file = createStateFile({
    path: path.join(dataDirectory, 'agents', 'agents.json'),
    initial: { version: 1, agents: [], tokens: [] },
    parse: (value) => registerSchema.parse(value),
    logger,
  });
  const register = createAgentRegister({ file, checkSettings: settingsProblems, clock, logger });
  const keyPin = () =>
    certificateFile === undefined ? undefined : pinOfCertificate(readFileSync(certificateFile, 'utf8'));
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
