import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { systemdUnit } from './systemd-unit.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-unit-'));
afterAll(() => rmSync(folder, { recursive: true }));
const ANALYZE_MISSING = spawnSync('systemd-analyze', ['--version']).status !== 0;

const UNIT = {
  name: 'Universe',
  node: process.execPath,
  weir: '/opt/weir/bin/weir.js',
  profileFile: '/etc/weir/profiles/Universe.profile',
  exportArguments: ['--interface', 'wg0'],
};

test('the unit runs the exporter of the profile with the options given', () => {
  const text = systemdUnit({ ...UNIT, node: '/opt/node' });
  expect(text).toContain(
    'ExecStart=/opt/node /opt/weir/bin/weir.js export --profile /etc/weir/profiles/Universe.profile ' +
      '--state /run/weir/Universe --interface wg0\n',
  );
  expect(text).toContain('\nCapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN\n');
  expect(text).toContain('\nProtectHome=yes\n');
});

test('what systemd would expand in a path is escaped, and a home folder stays readable', () => {
  const text = systemdUnit({ ...UNIT, profileFile: '/home/a b/50%$HOME/"x".profile' });
  expect(text).toContain('--profile "/home/a b/50%%$$HOME/\\"x\\".profile"');
  expect(text).toContain('\nProtectHome=read-only\n');
});

describe.skipIf(ANALYZE_MISSING)('systemd-analyze (skipped where it is not installed)', () => {
  function analyze(...args: string[]) {
    const file = path.join(folder, 'weir-Universe.service');
    writeFileSync(file, systemdUnit(UNIT));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' });
    return { status, output: stdout + stderr };
  }

  test('finds nothing wrong with the unit', () => {
    expect(analyze('verify')).toEqual({ status: 0, output: '' });
  });

  test('gives it an exposure of less than 2.5 out of 10', () => {
    const { status, output } = analyze('security', '--offline=yes', '--threshold=25');
    expect(status, output).toBe(0);
    expect(output).toContain('→ Overall exposure level');
  });
});
