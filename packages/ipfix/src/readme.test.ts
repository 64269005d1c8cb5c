/** What the README says is what the package does. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { READER_LIMITS_DEFAULT } from './datagram-reader.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```\s+```json\n([\s\S]*?)```/g)];

test('there are examples of decoding and encoding', () => {
  expect(examples).toHaveLength(2);
});

test.each(examples.map(([, code, output]) => ({ code, output })))('example $#', ({ code, output }) => {
  const args = [
    '--disable-warning=ExperimentalWarning',
    '--input-type=module-typescript',
    '--eval',
    code ?? '',
  ];
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toBe(output);
});

test('the limits are those of the code', () => {
  const told = [...readme.matchAll(/\| (\d+) +\| `(\w+)` +\|/g)].map(([, value, name]) => [
    name,
    Number(value),
  ]);
  expect(Object.fromEntries(told)).toEqual(READER_LIMITS_DEFAULT);
});
