import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';

const WEIR = path.resolve(import.meta.dirname, '../bin/weir.js');
const isLinux = process.platform === 'linux';

describe.runIf(isLinux)('compiled code', () => {
  const home = mkdtempSync(path.join(tmpdir(), 'weir-cache-'));
  const folder = path.join(home, 'weir');
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  function run(cacheHome: string): string {
    const env = { ...process.env, XDG_CACHE_HOME: cacheHome };
    return execFileSync(process.execPath, [WEIR, '--version'], { env, encoding: 'utf8' }).trim();
  }

  test('is kept in a folder of the user, who alone can write to it', () => {
    const version = run(home);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(run(home)).toBe(version);
  });

  test('is neither kept nor read where others can write', () => {
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    run(home);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('is not needed: a start without such a folder is a start', () => {
    expect(run('/dev/null')).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
