/**
 * What the background service keeps outside of its process: for each profile a folder with the control
 * socket, the supervisor's own file and the log. Under systemd the folder is the unit's RuntimeDirectory.
 */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { EXIT_USAGE, UserError } from '@weir/base';
import { defaultProfilePath } from '@weir/exporting';

const PROFILE_EXTENSION = '.profile';
/** Becomes the name of a folder, of a unit and of a pipe. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export interface ServiceState {
  /** The profile's file name without its extension. */
  readonly name: string;
  readonly profileFile: string;
  readonly folder: string;
  readonly controlPath: string;
  readonly supervisorFile: string;
  readonly logFile: string;
}

/** What the supervisor says of itself. */
export interface SupervisorRecord {
  readonly pid: number;
  /** Tells the process from a later one with the same id; empty where the platform does not say. */
  readonly processStart: string;
  /** Options of `weir export` that the service was started with. */
  readonly exportArguments: readonly string[];
  /** Times that the exporter was started again. */
  readonly restarts: number;
  /** Exit code or signal of the last exporter that ended. */
  readonly lastExit?: string;
  /** Undefined while none runs. */
  readonly exporterPid?: number;
}

/**
 * The state of the service of `profile`: a name of a file in the platform's profile folder, or a path.
 * `root` is the folder of all services, by default the platform's.
 */
export function serviceStateOf(profile: string | undefined, root = stateRoot()): ServiceState {
  const profileFile = profileFileOf(profile);
  const name = path.basename(profileFile, PROFILE_EXTENSION);
  if (!NAME.test(name)) {
    const allowed = 'up to 64 letters, digits, dots, hyphens and underscores, before .profile';
    throw new UserError('usage_profile', `'${name}' cannot name a service (allowed: ${allowed})`, EXIT_USAGE);
  }
  const folder = path.join(root, name);
  return {
    name,
    profileFile,
    folder,
    controlPath: controlPathOf(folder),
    supervisorFile: path.join(folder, 'supervisor.json'),
    logFile: path.join(folder, 'export.log'),
  };
}

/** The names of all services that have left a trace under `root`. */
export function servicesUnder(root = stateRoot()): string[] {
  try {
    return readdirSync(root).filter((name) => NAME.test(name) && hasTrace(serviceStateOf(name, root)));
  } catch {
    return [];
  }
}

function hasTrace({ controlPath, supervisorFile }: ServiceState): boolean {
  return existsSync(controlPath) || existsSync(supervisorFile);
}

/** Where the exporter of a state folder answers. */
export function controlPathOf(folder: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\weir-${path.basename(folder)}`;
  return path.join(path.resolve(folder), 'control.sock');
}

function stateRoot(): string {
  if (process.getuid?.() === 0) return '/run/weir';
  const runtime = process.env['XDG_RUNTIME_DIR'];
  return runtime === undefined ? path.join(homedir(), '.weir') : path.join(runtime, 'weir');
}

function profileFileOf(profile: string | undefined): string {
  const standard = defaultProfilePath();
  if (profile === undefined) return standard;
  const isName = path.basename(profile) === profile && !profile.endsWith(PROFILE_EXTENSION);
  if (!isName) return path.resolve(profile);
  return path.join(path.dirname(standard), `${profile}${PROFILE_EXTENSION}`);
}

export function writeSupervisorRecord(file: string, record: SupervisorRecord): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(record)}\n`);
  renameSync(`${file}.new`, file);
}

/** The record of a supervisor that is alive; undefined when there is none. */
export function readSupervisorRecord(file: string): SupervisorRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as SupervisorRecord;
    return isRunning(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

function isRunning({ pid, processStart }: SupervisorRecord): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return processStartOf(pid) === processStart;
}

/** Field 22 of proc(5) stat: ticks since boot. The name in parentheses may hold anything, so from its end. */
export function processStartOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
