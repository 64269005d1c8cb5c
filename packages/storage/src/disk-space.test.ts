import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createManualClock, silentLogger } from '@weir/base';
import { expect, test } from 'vitest';
import { DiskSpace } from './disk-space.ts';
import { temporaryDirectory } from './test-store.ts';

/** A mount namespace of its own, in which a small file system can be mounted. */
const canMount = spawnSync('unshare', ['-m', 'true']).status === 0;

test.skipIf(!canMount)(
  'a full disk stops writing, not answers; with room the store writes on',
  () => {
    const directory = temporaryDirectory();
    try {
      const program = fileURLToPath(new URL('./test-disk-program.ts', import.meta.url));
      const script = 'mount -t tmpfs -o size=48m tmpfs "$0" && exec "$1" "$2" "$0"';
      const { stdout, stderr } = spawnSync(
        'unshare',
        ['-m', 'sh', '-c', script, directory.path, process.execPath, program],
        { timeout: 60_000, encoding: 'utf8' },
      );
      const reports = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect({ stderr, steps: reports.map(({ step }) => step) }).toEqual({
        stderr: '',
        steps: ['full', 'room again', 'sealed', 'reopened'],
      });
      for (const { step, sent, counted, rowCount, full } of reports) {
        expect({ step, counted, rowCount, full }).toEqual({
          step,
          counted: sent,
          rowCount: sent,
          full: step === 'full',
        });
      }
      expect(reports[0]?.['failures']).toBeGreaterThan(0);
    } finally {
      directory.remove();
    }
  },
  90_000,
);

test('a disk with room is not full', () => {
  const directory = temporaryDirectory();
  const disk = new DiskSpace(directory.path, createManualClock(), silentLogger);
  expect(disk.status()).toBeUndefined();
  disk.look();
  expect(disk.isFull).toBe(false);
  expect(disk.hasRoomFor(Number.MAX_SAFE_INTEGER)).toBe(true);
  expect(disk.status()?.freeOctets).toBeGreaterThan(0);
  directory.remove();
});
