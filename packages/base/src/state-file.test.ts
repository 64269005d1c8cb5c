import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from './logger.ts';
import { createStateFile } from './state-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function parse(value: unknown): { count: number } {
  if (typeof value !== 'object' || value === null || !('count' in value)) throw new Error('no count');
  return { count: Number(value.count) };
}

const open = () =>
  createStateFile({
    path: path.join(folder, 'deep', 'state.json'),
    initial: { count: 0 },
    parse,
    logger: silentLogger,
  });

test('what was written is there after a restart; of many writes the last one wins', async () => {
  const file = open();
  expect(file.read()).toEqual({ count: 0 });
  await Promise.all([1, 2, 3, 4].map((count) => file.write({ count })));
  expect(file.read()).toEqual({ count: 4 });
  expect(open().read()).toEqual({ count: 4 });
});

test('a damaged file is set aside', async () => {
  await open().write({ count: 7 });
  const name = path.join(folder, 'deep', 'state.json');
  writeFileSync(name, '{"cou');
  expect(open().read()).toEqual({ count: 0 });
  expect(existsSync(name)).toBe(false);
  expect(readFileSync(`${name}.damaged`, 'utf8')).toBe('{"cou');
});

test('a write that failed is told, and the next one is made', async () => {
  const file = open();
  writeFileSync(path.join(folder, 'deep'), 'a file where the folder should be');
  await expect(file.write({ count: 1 })).rejects.toThrow();
  rmSync(path.join(folder, 'deep'));
  await file.write({ count: 2 });
  expect(open().read()).toEqual({ count: 2 });
});
