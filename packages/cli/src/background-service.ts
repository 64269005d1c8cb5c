/** Starting, stopping and asking the exporter in the background, whoever supervises it. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '@weir/base';
import type { CaptureSource } from '@weir/host';
import { complaintIn, logOctets, openLog } from './background-log.ts';
import { askControl } from './control-socket.ts';
import { parseLocalEndpoint } from './endpoint.ts';
import type { StopReport } from './exporter-device.ts';
import type { ExporterDeviceStatus } from './exporter-status.ts';
import { WEIR_PROGRAM } from './places.ts';
import { isInstalled, journalTail, systemctl, unitNameOf } from './service-manager.ts';
import { readSupervisorRecord, type ServiceState, type SupervisorRecord } from './service-state.ts';

/** Starting takes a second or two; a machine that is just booting is slower. */
const START_PATIENCE_MS = 30_000;
/** The exporter waits up to 10 s for its queues, a cache of a million flows takes some seconds as well. */
const STOP_PATIENCE_MS = 60_000;
const ASK_PATIENCE_MS = 5_000;
const LOOK_INTERVAL_MS = 100;

export interface ServiceStatus {
  readonly name: string;
  readonly profileFile: string;
  readonly supervisor: 'systemd' | 'weir' | 'none';
  /** Undefined when it does not answer. */
  readonly exporter?: ExporterDeviceStatus;
  readonly restarts?: number;
  readonly lastExit?: string;
}

/** What is known of the service at this moment. */
export async function askService(state: ServiceState): Promise<ServiceStatus> {
  const exporter = await ask(state);
  const record = readSupervisorRecord(state.supervisorFile);
  return {
    name: state.name,
    profileFile: state.profileFile,
    supervisor: record !== undefined ? 'weir' : isInstalled(state.name) ? 'systemd' : 'none',
    ...(exporter === undefined ? {} : { exporter }),
    ...(record === undefined ? {} : { restarts: record.restarts }),
    ...(record?.lastExit === undefined ? {} : { lastExit: record.lastExit }),
  };
}

/** Options of `weir export` that a service passes on. */
export interface PassedOptions {
  readonly interface: readonly string[];
  readonly capture: CaptureSource;
  readonly metrics?: string;
}

/** The words of the command line for `options`. */
export function exportArguments({ interface: interfaces, capture, metrics }: PassedOptions): string[] {
  if (metrics !== undefined) parseLocalEndpoint(metrics, '--metrics');
  return [
    ...interfaces.flatMap((name) => ['--interface', name]),
    ...(capture === 'auto' ? [] : ['--capture', capture]),
    ...(metrics === undefined ? [] : ['--metrics', metrics]),
  ];
}

/** Whether anything of the service lives, if only between two tries to start it. */
export function isAlive({ exporter, supervisor }: ServiceStatus): boolean {
  return exporter !== undefined || supervisor === 'weir';
}

/**
 * Starts it in the background and resolves when it meters, or waits for a profile that lets it. Throws a
 * UserError with what it complained about when it does not start.
 */
export async function startService(
  state: ServiceState,
  exportArguments: readonly string[],
): Promise<ServiceStatus> {
  const complaint = isInstalled(state.name) ? startUnit(state) : startSupervisor(state, exportArguments);
  const deadline = Date.now() + START_PATIENCE_MS;
  let hasSupervisor = false;
  for (;;) {
    await sleep();
    const status = await askService(state);
    if (status.exporter !== undefined && status.exporter.state !== 'starting') return status;
    hasSupervisor ||= status.supervisor === 'weir';
    const gaveUp = hasSupervisor && status.supervisor === 'none';
    if (!gaveUp && status.lastExit === undefined && Date.now() < deadline) continue;
    endSupervisor(state);
    await untilGone(state);
    throw new UserError('start_failed', `${state.name} does not start: ${complaint()}`);
  }
}

/**
 * Stops it. Undefined when there was nothing to stop; the report is missing when the exporter could not be
 * asked for one.
 */
export async function stopService(state: ServiceState): Promise<{ report?: StopReport } | undefined> {
  const status = await askService(state);
  if (!isAlive(status)) return undefined;
  const report = (await askControl(state.controlPath, 'stop', STOP_PATIENCE_MS)) as StopReport | undefined;
  // systemd is told as well: a unit that ended by itself would stay "active (exited)" for a moment.
  if (status.supervisor === 'systemd') systemctl('stop', unitNameOf(state.name));
  if (report === undefined) endSupervisor(state);
  await untilGone(state);
  return report === undefined ? {} : { report };
}

async function ask({ controlPath }: ServiceState): Promise<ExporterDeviceStatus | undefined> {
  return (await askControl(controlPath, 'status', ASK_PATIENCE_MS)) as ExporterDeviceStatus | undefined;
}

/** Returns what to say when it does not start. */
function startUnit({ name }: ServiceState): () => string {
  systemctl('start', unitNameOf(name));
  return () => journalTail(name) || `see journalctl --unit ${unitNameOf(name)}`;
}

/** Returns what to say when it does not start. */
function startSupervisor(state: ServiceState, exportArguments: readonly string[]): () => string {
  const root = path.dirname(state.folder);
  try {
    mkdirSync(state.folder, { recursive: true });
  } catch (error) {
    const remedy = 'name another folder with --state';
    throw new UserError('state_folder', `${state.folder}: ${(error as Error).message}; ${remedy}`);
  }
  const from = logOctets(state.logFile);
  const log = openLog(state.logFile);
  const supervisor = ['supervise', state.profileFile, root, '--', ...exportArguments];
  const child = spawn(process.execPath, [WEIR_PROGRAM, ...supervisor], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: path.parse(state.folder).root,
  });
  child.unref();
  closeSync(log);
  return () => complaintIn(state.logFile, from);
}

function endSupervisor({ supervisorFile }: ServiceState): void {
  const record: SupervisorRecord | undefined = readSupervisorRecord(supervisorFile);
  if (record !== undefined) process.kill(record.pid, 'SIGTERM');
}

async function untilGone(state: ServiceState): Promise<void> {
  const deadline = Date.now() + STOP_PATIENCE_MS;
  while (isAlive(await askService(state))) {
    if (Date.now() > deadline) throw new UserError('stop_failed', `${state.name} has not ended`);
    await sleep();
  }
}

function sleep(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
}
