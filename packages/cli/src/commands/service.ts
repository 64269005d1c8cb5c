import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EXIT_USAGE, UserError } from '@weir/base';
import { parseCollectorConfig } from '@weir/collecting';
import { loadProfile } from '@weir/exporting';
import { readEnrolment } from '../agent/enrolment.ts';
import { exportArguments, type PassedOptions, stopService } from '../background-service.ts';
import { WEIR_PROGRAM } from '../places.ts';
import { systemctl, systemdRuns, unitFileOf, unitNameOf } from '../service-manager.ts';
import { serviceStateOf } from '../service-state.ts';
import { COLLECTOR_SERVICE, collectorUnit, systemdUnit, type UnitOptions } from '../systemd-unit.ts';
import { registerTaskScript, unregisterTaskScript } from '../windows-task.ts';

/** Files and folders: readable, and to be passed through, by everybody. */
const OTHERS_READ = 0o004;
const OTHERS_PASS = 0o001;

interface InstallOptions extends PassedOptions {
  readonly profile?: string;
  readonly print?: true;
  readonly collector?: true;
  readonly config?: string;
  readonly http?: string;
}

/** `weir service install`: a unit that starts with the machine. It is not started here: weir start does. */
export async function install(options: InstallOptions): Promise<void> {
  if (options.collector) {
    installCollector(options);
    return;
  }
  const { name, profileFile } = serviceStateOf(options.profile);
  const unit: UnitOptions = {
    name,
    node: process.execPath,
    weir: WEIR_PROGRAM,
    profileFile,
    enrolled: readEnrolment(profileFile) !== undefined,
    exportArguments: exportArguments(options),
  };
  const text = process.platform === 'win32' ? registerTaskScript(unit) : systemdUnit(unit);
  if (options.print) {
    process.stdout.write(text);
    return;
  }
  const { spoolDirectory } = await loadProfile(profileFile);
  if (process.platform === 'win32') powershell(text);
  else {
    checkSpool(name, spoolDirectory);
    installUnit(unit, text);
  }
}

/** `weir service install --collector`: a unit for `weir collect` on /var/lib/weir/collector. */
function installCollector({ config, http, print }: InstallOptions): void {
  const configFile = config === undefined ? undefined : path.resolve(config);
  const collectArguments = [
    ...(configFile === undefined ? [] : ['--config', configFile]),
    ...(http === undefined ? [] : ['--http', http]),
  ];
  const text = collectorUnit({ node: process.execPath, weir: WEIR_PROGRAM, collectArguments });
  if (print) {
    process.stdout.write(text);
    return;
  }
  if (configFile !== undefined) parseCollectorConfig(readFileSync(configFile, 'utf8'), configFile);
  const files = [process.execPath, WEIR_PROGRAM, ...(configFile === undefined ? [] : [configFile])];
  writeUnit(COLLECTOR_SERVICE, text, files);
  const start = `systemctl start ${unitNameOf(COLLECTOR_SERVICE)}`;
  process.stdout.write(
    `${unitFileOf(COLLECTOR_SERVICE)} installed; it starts with the machine, and now with: ${start}\n`,
  );
}

/** `weir service uninstall`: stops it, flushes, removes the unit. The profile stays. */
export async function uninstall(options: { profile?: string; collector?: true }): Promise<void> {
  if (options.collector) {
    removeUnit(COLLECTOR_SERVICE);
    return;
  }
  const state = serviceStateOf(options.profile);
  await stopService(state);
  if (process.platform === 'win32') {
    powershell(unregisterTaskScript(state.name));
    return;
  }
  removeUnit(state.name);
}

function removeUnit(name: string): void {
  const file = unitFileOf(name);
  if (!existsSync(file)) {
    process.stdout.write(`${unitNameOf(name)} is not installed\n`);
    return;
  }
  if (systemdRuns()) systemctl('disable', '--now', unitNameOf(name));
  rmSync(file);
  if (systemdRuns()) systemctl('daemon-reload');
  process.stdout.write(`${file} removed\n`);
}

function installUnit(unit: UnitOptions, text: string): void {
  writeUnit(unit.name, text, [unit.node, unit.weir, unit.profileFile]);
  process.stdout.write(
    `${unitFileOf(unit.name)} installed; it starts with the machine, and now with: weir start ${unit.name}\n`,
  );
}

/** Writes the unit and enables it; `files` are what it must be able to read. */
function writeUnit(name: string, text: string, files: readonly string[]): void {
  if (!systemdRuns()) {
    const instead = 'weir start exports in the background and keeps it running until the machine stops';
    throw new UserError('service_no_manager', `systemd does not run here; ${instead}`);
  }
  for (const file of files) checkReadable(file);
  const file = unitFileOf(name);
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new UserError('service_denied', `${file}: ${(error as Error).message}; run as root`);
  }
  systemctl('daemon-reload');
  systemctl('enable', unitNameOf(name));
}

/** The unit may write into its StateDirectory only. */
function checkSpool(name: string, spoolDirectory: string | undefined): void {
  const allowed = `/var/lib/weir/${name}`;
  if (spoolDirectory === undefined || `${path.resolve(spoolDirectory)}/`.startsWith(`${allowed}/`)) return;
  const message = `SpoolDirectory ${spoolDirectory}: the service may not write there (allowed: ${allowed})`;
  throw new UserError('service_spool', message, EXIT_USAGE);
}

/** The unit runs as a user of its own, with a /tmp of its own. */
function checkReadable(file: string): void {
  const real = realpathSync(file);
  if (/^\/(var\/)?tmp\//.test(real)) {
    throw new UserError('service_path', `${real}: a service has a /tmp of its own; put it elsewhere`);
  }
  if ((statSync(real).mode & OTHERS_READ) === 0) throw unreadable(real);
  for (let folder = path.dirname(real); folder !== '/'; folder = path.dirname(folder)) {
    if ((statSync(folder).mode & OTHERS_PASS) === 0) throw unreadable(folder);
  }
}

function unreadable(place: string): UserError {
  const remedy = 'let others read it, or put it where they may, as in /opt/weir and /etc/weir';
  return new UserError('service_path', `${place}: the service's user may not read it; ${remedy}`, EXIT_USAGE);
}

function powershell(script: string): void {
  const { status, stderr, error } = spawnSync('powershell.exe', ['-NoProfile', '-Command', script], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new UserError('service_failed', `powershell: ${error?.message ?? stderr.trim()}`);
}
