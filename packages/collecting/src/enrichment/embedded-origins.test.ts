import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readEmbeddedOrigins } from './embedded-origins.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-origins-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('what is compiled is kept, used again, and made again when it is damaged', () => {
  const fresh = readEmbeddedOrigins(folder);
  const [name = ''] = readdirSync(folder);
  const file = path.join(folder, name);
  const { mtimeMs, size } = statSync(file);
  expect(readEmbeddedOrigins(folder)).toEqual(fresh);
  expect(statSync(file).mtimeMs).toBe(mtimeMs);
  writeFileSync(file, 'half a fi');
  expect(readEmbeddedOrigins(folder)).toEqual(fresh);
  expect(statSync(file).size).toBe(size);
  expect(readdirSync(folder)).toEqual([name]);
}, 60_000);
