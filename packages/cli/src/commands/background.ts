import { EXIT_FAILED, EXIT_USAGE, UserError } from '@weir/base';
import { loadProfile, reasonDisabled } from '@weir/exporting';
import { captureCapability } from '@weir/host';
import {
  askService,
  exportArguments,
  isAlive,
  type PassedOptions,
  type ServiceStatus,
  startService,
  stopService,
} from '../background-service.ts';
import type { StopReport } from '../exporter-device.ts';
import { describeStatus } from '../exporter-status-text.ts';
import { isInstalled } from '../service-manager.ts';
import { readSupervisorRecord, type ServiceState, serviceStateOf, servicesUnder } from '../service-state.ts';

interface StateOptions {
  state?: string;
}

type StartOptions = StateOptions & PassedOptions;

/** `weir start`: exports in the background; says so when it really does. */
export async function start(profile: string | undefined, options: StartOptions): Promise<void> {
  const state = serviceStateOf(profile, options.state);
  const status = await askService(state);
  if (isAlive(status)) {
    process.stdout.write(`${state.name} is running already (${pidText(status)})\n`);
    return;
  }
  await checkBeforeStart(state, options);
  await startNow(state, exportArguments(options));
}

/** `weir stop`: ends and exports all open flows, and says how many they were. */
export async function stop(profile: string | undefined, options: StateOptions): Promise<void> {
  const state = serviceStateOf(profile, options.state);
  const ended = await stopService(state);
  process.stdout.write(
    `${ended === undefined ? `${state.name} is not running` : told(state, ended.report)}\n`,
  );
}

/**
 * `weir restart`: stop, then start, with the options of before unless others are given. A profile with a
 * mistake in it is refused before anything stops.
 */
export async function restart(profile: string | undefined, options: StartOptions): Promise<void> {
  const state = serviceStateOf(profile, options.state);
  await checkBeforeStart(state, options);
  const asked = exportArguments(options);
  const before = readSupervisorRecord(state.supervisorFile)?.exportArguments;
  const ended = await stopService(state);
  if (ended !== undefined) process.stdout.write(`${told(state, ended.report)}\n`);
  await startNow(state, asked.length > 0 || before === undefined ? asked : before);
}

/** `weir status`: of one service, or of all that have left a trace. Exit code 1 when one does not run. */
export async function status(
  profile: string | undefined,
  options: StateOptions & { json?: true },
): Promise<void> {
  const names = profile === undefined ? servicesUnder(options.state) : [];
  const states = (names.length === 0 ? [profile] : names).map((name) => serviceStateOf(name, options.state));
  const statuses = await Promise.all(states.map(askService));
  for (const told of statuses) {
    process.stdout.write(options.json ? `${JSON.stringify(told)}\n` : `${describeStatus(told)}\n`);
  }
  if (statuses.some(({ exporter }) => exporter === undefined)) process.exitCode = EXIT_FAILED;
}

async function startNow(state: ServiceState, exportArguments: readonly string[]): Promise<void> {
  const status = await startService(state, exportArguments);
  const { exporter } = status;
  process.stdout.write(`${state.name} ${whatItDoes(exporter)} (${pidText(status)})\n`);
}

function whatItDoes(exporter: ServiceStatus['exporter']): string {
  if (exporter?.state === 'metering') {
    return `meters ${exporter.interfaces.map(({ name }) => name).join(', ')}`;
  }
  return `runs, but ${exporter?.state === 'waiting' ? '' : 'is '}${exporter?.reason}`;
}

/** What can be known to fail is told here, where the person is, and not only in a log. */
async function checkBeforeStart(state: ServiceState, options: StartOptions): Promise<void> {
  const profile = await loadProfile(state.profileFile);
  if (isInstalled(state.name)) {
    if (exportArguments(options).length === 0) return;
    const remedy = `give them to: weir service install --profile ${state.profileFile}`;
    throw new UserError('start_options', `the installed unit has its own options; ${remedy}`, EXIT_USAGE);
  }
  const capability = captureCapability(options.capture);
  if (capability.allowed || reasonDisabled(profile) !== undefined) return;
  throw new UserError('capture_denied', `cannot meter: ${capability.missing}; ${capability.howToGrant}`);
}

function pidText({ exporter, supervisor }: ServiceStatus): string {
  const who = supervisor === 'none' ? '' : `, kept running by ${supervisor}`;
  return exporter === undefined ? `between two starts${who}` : `process ${exporter.pid}${who}`;
}

function told({ name }: ServiceState, report: StopReport | undefined): string {
  if (report === undefined) return `${name} has stopped`;
  const { recordsFlushed, records, collectors } = report;
  const lines = collectors.map(({ name: collector, counters }) => {
    const { flowsSent, flowsNotSent } = counters;
    return `  ${collector}: ${flowsSent} records sent, ${flowsNotSent} not sent`;
  });
  const flushed = `${recordsFlushed} open flows were ended and exported (flowEndReason 4)`;
  return [`${name} has stopped: ${flushed}, ${records} records in all`, ...lines].join('\n');
}
