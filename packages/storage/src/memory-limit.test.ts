/** What questions, sealing and merging may need of memory, and what happens to those who want more. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { batchOf } from './test-batch.ts';
import { openTestStore, send, temporaryDirectory } from './test-store.ts';

/** README: a process with a store, after sealing and merging what a flood of forged templates left. */
const RESIDENT_MIB_MAX = 1024;

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => directory.remove());

test('segments of hundreds of forged columns are sealed and merged within the bound', () => {
  const program = fileURLToPath(new URL('./test-wide-program.ts', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [program, directory.path, '2', '30'], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const { rowCount, fileCount, answer, peakMiB } = JSON.parse(stdout);
  expect({ rowCount, fileCount, answer }).toEqual({
    rowCount: 491_520,
    fileCount: 1,
    answer: [{ n: 491_520, some: 12_300 }],
  });
  expect(peakMiB).toBeLessThan(RESIDENT_MIB_MAX);
}, 120_000);

test('a question that wants too much memory is refused in one line, and records arrive meanwhile', async () => {
  const store = await openTestStore(directory.path, { memoryLimitOctets: 64e6 });
  const greedy = store.sql('SELECT list(range) AS everything FROM range(50000000)').catch((error) => error);
  await send(store, [batchOf([{ octets: 1 }])]);
  expect(await greedy).toMatchObject({
    code: 'query_memory',
    message: expect.stringMatching(/^query: it needs more memory than a question may have; .*$/),
  });
  await send(store, [batchOf([{ octets: 2 }])]);
  expect((await store.sql('SELECT sum(octets)::INTEGER AS octets FROM flows')).rows).toEqual([{ octets: 3 }]);
  await store.close();
});
