import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { defaultProfilePath } from '@weir/exporting';
import { afterAll, expect, test } from 'vitest';
import {
  processStartOf,
  readSupervisorRecord,
  serviceStateOf,
  servicesUnder,
  writeSupervisorRecord,
} from './service-state.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-state-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a service is named after its profile: none, a name, a path', () => {
  const standard = defaultProfilePath();
  expect(serviceStateOf(undefined, folder)).toMatchObject({ name: 'Universe', profileFile: standard });
  expect(serviceStateOf('Lab', folder)).toMatchObject({
    name: 'Lab',
    profileFile: path.join(path.dirname(standard), 'Lab.profile'),
    folder: path.join(folder, 'Lab'),
  });
  expect(serviceStateOf('./some/Home.profile', folder)).toMatchObject({
    name: 'Home',
    profileFile: path.resolve('some/Home.profile'),
  });
});

test.each(['/etc/a b.profile', '/etc/.profile', 'x'.repeat(65)])('%s cannot name a service', (profile) => {
  expect(() => serviceStateOf(profile, folder)).toThrow('cannot name a service');
});

test('services are the folders below the root that one has used', () => {
  expect(servicesUnder(path.join(folder, 'none'))).toEqual([]);
  const root = path.join(folder, 'root');
  for (const name of ['Lab', 'spool']) mkdirSync(path.join(root, name), { recursive: true });
  writeFileSync(path.join(root, 'Lab', 'supervisor.json'), '{}');
  expect(servicesUnder(root)).toEqual(['Lab']);
});

test('a supervisor is known while it lives, and no other process is taken for it', () => {
  const file = path.join(folder, 'supervisor.json');
  const record = { pid: process.pid, processStart: processStartOf(process.pid), restarts: 0 };
  expect(readSupervisorRecord(file)).toBeUndefined();
  writeSupervisorRecord(file, { ...record, exportArguments: ['--interface', 'lo'] });
  expect(readSupervisorRecord(file)).toMatchObject(record);
  writeSupervisorRecord(file, { ...record, processStart: '1', exportArguments: [] });
  expect(readSupervisorRecord(file)).toBeUndefined();
});
