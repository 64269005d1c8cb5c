/** `weir user`: what people and scripts type. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { temporaryFolder } from './temporary-folder.ts';

const BIN = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');
const folder = temporaryFolder();

function user(
  args: readonly string[],
  input = '',
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [BIN, 'user', ...args, '--data', folder], { encoding: 'utf8', input });
}

test('adds users and lists them; the password comes on standard input only', { timeout: 120_000 }, () => {
  expect(user(['add', 'bo', '--row-filter', 'dst port 443'], 'a password of bo\n')).toMatchObject({
    status: 0,
    stdout: 'bo may log in as viewer\n',
  });
  expect(JSON.parse(user(['list', '--json']).stdout)).toMatchObject({
    name: 'bo',
    role: 'viewer',
    rowFilter: 'dst port 443',
  });
  const file = path.join(folder, 'access', 'users.json');
  expect(readFileSync(file, 'utf8')).not.toContain('a password of bo');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(user(['add', 'cy', '--password', 'on the command line'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("unknown option '--password'"),
  });
  expect(user(['add', 'cy'], '')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('no password on standard input'),
  });
});
