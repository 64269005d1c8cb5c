import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { collectorUnit, systemdUnit } from './systemd-unit.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-unit-'));
afterAll(() => rmSync(folder, { recursive: true }));
const ANALYZE_MISSING = spawnSync('systemd-analyze', ['--version']).status !== 0;

const UNIT = {
  name: 'Universe',
  node: process.execPath,
  weir: '/opt/weir/bin/weir.js',
  profileFile: '/etc/weir/profiles/Universe.profile',
  enrolled: false,
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

test('the unit of the collector runs it on its own folder, with what it needs and no more', () => {
  const text = collectorUnit({
    node: '/opt/node',
    weir: '/opt/weir.js',
    collectArguments: ['--config', '/etc/c.json'],
  });
  expect(text).toContain(
    'ExecStart=/opt/node /opt/weir.js collect --data /var/lib/weir/collector --config /etc/c.json\n',
  );
  expect(text).toContain('\nStateDirectory=weir/collector\n');
  expect(text).toContain('\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_NET_ADMIN\n');
  expect(text).not.toContain('AF_PACKET');
});

test('the folder of a profile that a server may edit can be written to, and no other', () => {
  expect(systemdUnit({ ...UNIT, enrolled: true })).toContain('ReadWritePaths=/etc/weir/profiles\n');
  expect(systemdUnit(UNIT)).not.toContain('ReadWritePaths');
});

describe.skipIf(ANALYZE_MISSING)('systemd-analyze (skipped where it is not installed)', () => {
  const COLLECTOR = collectorUnit({ node: UNIT.node, weir: UNIT.weir, collectArguments: [] });

  function analyze(...args: string[]) {
    return analyzeText(systemdUnit(UNIT), ...args);
  }

  function analyzeText(text: string, ...args: string[]) {
    const file = path.join(folder, 'weir-Universe.service');
    writeFileSync(file, text);
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

  test('finds nothing wrong with the unit of the collector, whose exposure is no greater', () => {
    expect(analyzeText(COLLECTOR, 'verify')).toEqual({ status: 0, output: '' });
    expect(analyzeText(COLLECTOR, 'security', '--offline=yes', '--threshold=25').status).toBe(0);
  });
});
