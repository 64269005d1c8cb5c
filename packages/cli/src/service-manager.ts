/** systemd, where it runs and a unit of ours is installed: then it starts and stops, and we only ask it to. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '@weir/base';

/** sd_booted(3): the folder is there exactly where systemd is the system's manager. */
const SYSTEMD_RUNS = '/run/systemd/system';
const UNIT_FOLDER = '/etc/systemd/system';
const LOG_LINES = 8;

export function systemdRuns(): boolean {
  return process.platform === 'linux' && existsSync(SYSTEMD_RUNS);
}

export function unitNameOf(service: string): string {
  return `weir-${service}.service`;
}

export function unitFileOf(service: string): string {
  return path.join(UNIT_FOLDER, unitNameOf(service));
}

export function isInstalled(service: string): boolean {
  return systemdRuns() && existsSync(unitFileOf(service));
}

/** Runs systemctl; throws a UserError with what it says when it fails. */
export function systemctl(...args: string[]): void {
  const { status, stderr, error } = spawnSync('systemctl', args, { encoding: 'utf8' });
  if (status === 0) return;
  const reason = error?.message ?? stderr.trim();
  throw new UserError('systemctl_failed', `systemctl ${args.join(' ')}: ${reason}`);
}

/** The last lines that a unit logged; empty where the journal may not be read. */
export function journalTail(service: string): string {
  const args = ['--unit', unitNameOf(service), '--lines', String(LOG_LINES), '--output', 'cat', '--no-pager'];
  return spawnSync('journalctl', args, { encoding: 'utf8' }).stdout?.trim() ?? '';
}
