import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createManualClock, systemClock } from '@weir/base';
import { afterAll, expect, test, vi } from 'vitest';
import { createProfileWatcher } from './profile-watcher.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'weir-watch-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a file that is written to, replaced or made is noticed; others in its folder are not', async () => {
  const file = path.join(folder, 'Universe.profile');
  let changes = 0;
  const watcher = createProfileWatcher(file, systemClock, () => {
    changes += 1;
  });
  await watcher.start();
  writeFileSync(file, 'one');
  await vi.waitFor(() => expect(changes).toBe(1), { timeout: 10_000 });
  writeFileSync(`${file}.new`, 'three');
  renameSync(`${file}.new`, file);
  await vi.waitFor(() => expect(changes).toBe(2), { timeout: 10_000 });
  writeFileSync(path.join(folder, 'Other.profile'), 'four');
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(changes).toBe(2);
  await watcher.stop();
});

test('where the platform reports no changes, the times of the file do', async () => {
  const clock = createManualClock();
  // A folder that is not there when the watcher starts cannot be watched.
  const later = path.join(folder, 'later');
  const file = path.join(later, 'Universe.profile');
  let changes = 0;
  const watcher = createProfileWatcher(file, clock, () => {
    changes += 1;
  });
  await watcher.start();
  mkdirSync(later);
  writeFileSync(file, 'one');
  await vi.waitFor(
    () => {
      clock.advance(2_000);
      expect(changes).toBe(1);
    },
    { timeout: 10_000 },
  );
  await watcher.stop();
});
