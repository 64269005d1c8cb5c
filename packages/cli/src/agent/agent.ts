/**
 * The exporter as an agent of a Weir server: it says how it fares, takes changes of its profile, and tells what became
 * of them. It asks, nobody asks it: no port is opened. Metering and exporting never wait for the server.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { type CancelTimer, type Clock, type Component, type Logger, UserError } from '@weir/base';
import { type Profile, parseProfile, printableProfile, profileRevision } from '@weir/exporting';
import { z } from 'zod';
import type { ExporterDeviceStatus } from '../exporter-status.ts';
import type { Enrolment } from './enrolment.ts';
import { connectToServer, type ServerAnswer } from './server-connection.ts';
import { applySettings, type ChangeResult, type ProfileHolder } from './settings-change.ts';

const REPORT_PATH = '/api/v1/agents/self/report';
const INTERVAL_DEFAULT_MS = 5_000;
const INTERVAL_LEAST_MS = 1_000;
const INTERVAL_MOST_MS = 300_000;
/** While the server does not answer. */
const AWAY_MAX_MS = 60_000;

const reportAnswerSchema = z.object({
  nextReportMs: z.number().catch(INTERVAL_DEFAULT_MS),
  change: z
    .object({
      id: z.string(),
      basis: z.string(),
      set: z.record(z.string(), z.unknown()),
      unset: z.array(z.string()),
    })
    .optional(),
});

export interface AgentOptions {
  readonly enrolment: Enrolment;
  readonly profileFile: string;
  readonly status: () => ExporterDeviceStatus;
  readonly holder: ProfileHolder;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface AgentCounters {
  reports: number;
  failures: number;
  applied: number;
  refused: number;
}

export interface Agent extends Component {
  counters(): Readonly<AgentCounters>;
}

export function createAgent(options: AgentOptions): Agent {
  const { enrolment, profileFile, holder, clock, logger } = options;
  const connection = connectToServer(enrolment);
  const credential = `${enrolment.agentId}.${enrolment.secret}`;
  const counters: AgentCounters = { reports: 0, failures: 0, applied: 0, refused: 0 };
  let cancelTimer: CancelTimer = () => {};
  let running: Promise<void> = Promise.resolve();
  let isStopped = false;
  let failuresInRow = 0;
  /** Told until the server has heard it. */
  let untold: ChangeResult | undefined;

  function schedule(delayMs: number): void {
    if (isStopped) return;
    cancelTimer = clock.after(delayMs, () => {
      running = report().catch((error: unknown) => failed(error));
    });
  }

  async function report(): Promise<void> {
    const told = untold;
    const answer = await connection.post(REPORT_PATH, await reportOf(options, told), credential);
    if (answer.status === 401 || answer.status === 403) {
      logger.error(`${enrolment.server}: ${messageOf(answer)}; it is not asked again until the next start`);
      return;
    }
    if (answer.status !== 200) throw new UserError('server_refused', messageOf(answer));
    if (failuresInRow > 0) logger.info(`${enrolment.server} answers again`);
    failuresInRow = 0;
    counters.reports += 1;
    if (untold === told) untold = undefined;
    const { nextReportMs, change } = reportAnswerSchema.parse(answer.body);
    if (change === undefined) {
      schedule(Math.max(INTERVAL_LEAST_MS, Math.min(INTERVAL_MOST_MS, nextReportMs)));
      return;
    }
    untold = await applySettings(change, profileFile, holder);
    counters[untold.outcome === 'applied' ? 'applied' : 'refused'] += 1;
    logger.info({ ...untold, set: Object.keys(change.set), unset: change.unset }, 'a change from the server');
    schedule(0);
  }

  function failed(error: unknown): void {
    counters.failures += 1;
    failuresInRow += 1;
    if (failuresInRow === 1) {
      logger.warn(
        `${error instanceof Error ? error.message : String(error)}; exporting goes on, trying again`,
      );
    }
    schedule(Math.min(AWAY_MAX_MS, INTERVAL_DEFAULT_MS * 2 ** Math.min(10, failuresInRow - 1)));
  }

  return {
    async start() {
      logger.info(`settings are shown and edited at ${enrolment.server}`);
      schedule(0);
    },
    async stop() {
      isStopped = true;
      cancelTimer();
      connection.close();
      await running;
    },
    counters: () => counters,
  };
}

async function reportOf({ profileFile, status }: AgentOptions, result: ChangeResult | undefined) {
  const profile = await profileOf(profileFile);
  const now = status();
  return {
    name: hostname(),
    platform: `${process.platform} ${process.arch}`,
    profile: profileFile,
    ...(profile === undefined
      ? {}
      : { revision: profileRevision(profile), settings: printableProfile(profile).FlowMetadata }),
    status: {
      version: now.version,
      state: now.state,
      reason: now.reason,
      profileProblem: now.profileProblem,
      startedAt: now.startedAt,
      rates: now.rates,
      interfaces: now.interfaces.map(({ name, state, packets, kernelDrops }) => ({
        name,
        state,
        packets,
        kernelDrops,
      })),
      collectors: now.collectors.map(({ name, state, counters, lastError, spoolOctets }) => ({
        name,
        state,
        flowsSent: counters.flowsSent,
        flowsNotSent: counters.flowsNotSent,
        spoolOctets,
        lastError,
      })),
    },
    ...(result === undefined ? {} : { result }),
  };
}

/** As it is in the file; undefined while that cannot be used, which the status says. */
async function profileOf(file: string): Promise<Profile | undefined> {
  try {
    return parseProfile(await readFile(file, 'utf8'), file);
  } catch {
    return undefined;
  }
}

function messageOf({ status, body }: ServerAnswer): string {
  const problem = z.object({ error: z.object({ message: z.string() }) }).safeParse(body);
  return problem.success ? problem.data.error.message : `the server answered ${status}`;
}
