/**
 * A machine of which systemd is in charge: a container whose first process it is, with this machine's programs
 * and a copy of nothing but their configuration. Boots, runs one script as root, and is gone.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

const PROJECT = path.resolve(import.meta.dirname, '..');
/** What programs look up of users, of libraries and of the system itself. */
const CONFIGURATION = [
  'passwd',
  'group',
  'shadow',
  'nsswitch.conf',
  'ld.so.cache',
  'pam.d',
  'security',
  'systemd',
];
const PATIENCE_MS = 150_000;

/** How a script there calls this project: it may itself lie below /tmp, which services do not see. */
export const WEIR_THERE = `/opt/node/${path.basename(process.execPath)} /opt/weir/packages/cli/bin/weir.js`;
const BOUND = ['/usr', `${PROJECT}:/opt/weir`, `${path.dirname(process.execPath)}:/opt/node`];

/** Why there can be no such machine here; undefined where there can. */
export function whyNoSystemdMachine(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root';
  if (spawnSync('systemd-nspawn', ['--version']).status !== 0) return 'systemd-nspawn is not installed';
  if (!existsSync('/usr/lib/systemd/systemd')) return 'systemd is not installed';
  return existsSync('/sys/fs/cgroup') ? undefined : 'no control groups';
}

/** Runs the script in a new machine below `folder` and returns what it wrote, with what the machine said. */
export function runOnSystemdMachine(folder: string, script: string): { output: string; console: string } {
  const root = path.join(folder, 'root');
  for (const name of [
    'usr/lib',
    'etc/systemd/system/multi-user.target.wants',
    'opt',
    'root',
    'var/log',
    'var/lib',
  ])
    mkdirSync(path.join(root, name), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, path.join(root, name));
  for (const name of CONFIGURATION)
    if (existsSync(`/etc/${name}`)) cpSync(`/etc/${name}`, path.join(root, 'etc', name), { recursive: true });
  cpSync('/usr/lib/os-release', path.join(root, 'etc/os-release'));
  cpSync('/usr/lib/os-release', path.join(root, 'usr/lib/os-release'));
  writeFileSync(path.join(root, 'etc/machine-id'), `${'0123456789abcdef'.repeat(2)}\n`);
  writeFileSync(path.join(root, 'opt/script'), `#!/bin/bash\nexec > /var/log/script 2>&1\n${script}`, {
    mode: 0o755,
  });
  const unit = path.join(root, 'etc/systemd/system/script.service');
  writeFileSync(
    unit,
    '[Service]\nType=oneshot\nExecStart=/opt/script\nExecStopPost=/usr/bin/systemctl --no-block poweroff\n',
  );
  symlinkSync(
    '../script.service',
    path.join(root, 'etc/systemd/system/multi-user.target.wants/script.service'),
  );
  const { stdout } = spawnSync(
    'systemd-nspawn',
    [
      ...['-D', root, '--boot', '--register=no', '--keep-unit', '--private-network'],
      ...BOUND.map((folder) => `--bind-ro=${folder}`),
      '--capability=CAP_NET_ADMIN,CAP_NET_RAW',
    ],
    { encoding: 'utf8', timeout: PATIENCE_MS },
  );
  const written = path.join(root, 'var/log/script');
  return { output: existsSync(written) ? readFileSync(written, 'utf8') : '', console: stdout };
}
