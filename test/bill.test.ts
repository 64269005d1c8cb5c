/** `weir bill` and `weir report run`, on a folder and by the process that owns it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';
import { writeUsage } from './usage-state.ts';
import { runWeir } from './weir-process.ts';

const folder = temporaryFolder();
const month = new Date().toISOString().slice(0, 7);

beforeAll(() => {
  writeUsage(folder, Date.now());
  const report = {
    id: 'usage',
    name: 'Usage',
    enabled: false,
    schedule: { every: 'daily', weekday: 1, day: 1, minute: 0, timeZone: 'UTC' },
    sections: [{ kind: 'billing', account: 'acme-gmbh' }, { kind: 'capacity' }],
    formats: ['csv', 'pdf'],
    sendTo: [],
    keep: 3,
  };
  mkdirSync(path.join(folder, 'reports'));
  const state = { version: 1, reports: [report], lastDueMs: {}, runs: [] };
  writeFileSync(path.join(folder, 'reports', 'reports.json'), JSON.stringify(state));
});

test('prints all accounts, or one statement as text and PDF', () => {
  const all = runWeir(['bill', '--data', folder]);
  expect(all.stdout).toMatch(new RegExp(`Acme GmbH +${month} +\\S+ Mbit/s +99\\.00 EUR`));
  const text = runWeir(['bill', 'acme gmbh', '--data', folder]);
  expect(text.stdout).toContain('total 99.00 EUR');
  expect(text.stdout).toMatch(/within the commit of 90 Mbit\/s: you may use|as much as you like/);
  const pdf = path.join(folder, 'bill.pdf');
  expect(runWeir(['bill', 'acme-gmbh', '--period', month, '--pdf', pdf, '--data', folder]).status).toBe(0);
  expect(readFileSync(pdf).subarray(0, 5).toString()).toBe('%PDF-');
}, 180_000);

test('says which account there is not, and what an option needs', () => {
  const unknown = runWeir(['bill', 'nobody', '--data', folder]);
  expect([unknown.status, unknown.stderr]).toEqual([
    1,
    expect.stringContaining('there is no account "nobody"'),
  ]);
  expect(runWeir(['bill', '--pdf', 'x.pdf', '--data', folder]).status).toBe(2);
}, 180_000);

test('makes a report that is kept', () => {
  const made = JSON.parse(runWeir(['report', 'run', 'usage', '--json', '--data', folder]).stdout);
  expect(made).toMatchObject({ state: 'made', cause: 'hand', delivery: { state: 'none' } });
  const file = path.join(folder, 'reports', 'kept', 'usage', `${made.id}.csv`);
  expect(existsSync(file)).toBe(true);
  expect(readFileSync(file, 'utf8')).toContain('ge-0/0/1 (192.0.2.1),200.0');
}, 180_000);
