import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type LockFile, missingPlatformEntries } from './complete-lockfile.ts';

test('the lock file names the packages of every platform', () => {
  const lock: LockFile = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));
  expect(Object.keys(missingPlatformEntries(lock))).toEqual([]);
});

test('an entry that is left out is told by name, version and platform', () => {
  const lock = {
    packages: { 'node_modules/x': { dev: true, optionalDependencies: { '@x/linux-arm64-musl': '1.2.3' } } },
  };
  expect(missingPlatformEntries(lock)).toEqual({
    'node_modules/@x/linux-arm64-musl': {
      version: '1.2.3',
      dev: true,
      optional: true,
      os: ['linux'],
      cpu: ['arm64'],
      libc: ['musl'],
    },
  });
});
