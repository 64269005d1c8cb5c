/** What the store does by itself: nothing is lost, doubled or hidden by it, whenever the process dies. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createManualClock } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batchOf, realisticRecord, seededRandom } from './test-batch.ts';
import { openTestStore, send, temporaryDirectory } from './test-store.ts';

const NOW_MS = 1_763_000_000_000;
const HOUR_MS = 3_600_000;
const COUNTS = `SELECT count(*) AS n, count(DISTINCT "flowId") AS ids, sum("flowId")::DOUBLE AS sum,
  sum("octets")::DOUBLE AS octets, count("srcUser") AS users, count("exporterId") AS exporters FROM flows`;

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => directory.remove());

function numbered(firstId: number, count: number, receivedAt = NOW_MS) {
  const random = seededRandom(firstId + 1);
  const records = Array.from({ length: count }, (_, row) => ({
    ...realisticRecord(random, receivedAt - 60_000),
    flowId: firstId + row,
    ...(row % 2 === 0 ? { srcUser: 0 } : {}),
  }));
  return batchOf(records, undefined, undefined, undefined, [`user ${firstId}`]);
}

function files(extension = '.parquet'): string[] {
  const names = readdirSync(join(directory.path, 'flows'), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith(extension));
}

function dieAt(work: string, faultPoint: string, ...more: string[]): void {
  const program = fileURLToPath(new URL('./test-fault-program.ts', import.meta.url));
  const { signal, stderr } = spawnSync(process.execPath, [
    program,
    directory.path,
    work,
    faultPoint,
    ...more,
  ]);
  expect({ faultPoint, signal, stderr: String(stderr) }).toEqual({
    faultPoint,
    signal: 'SIGKILL',
    stderr: '',
  });
}

describe('merging', () => {
  test('makes one sorted file of the small ones of an hour, after its end', async () => {
    const clock = createManualClock(NOW_MS);
    let store = await openTestStore(directory.path, {}, clock);
    for (let first = 0; first < 500; first += 100) {
      await send(store, [numbered(first, 100), numbered(1000 + first, 10, NOW_MS + HOUR_MS)]);
      await store.seal();
    }
    const before = (await store.sql(COUNTS)).rows;
    expect(files().length).toBe(10);
    clock.advance(HOUR_MS);
    await expect.poll(() => files(), { timeout: 20_000 }).toHaveLength(6);
    expect((await store.sql(COUNTS)).rows).toEqual(before);
    await expect.poll(async () => (await store.status()).counters.filesMerged, { timeout: 20_000 }).toBe(5);
    expect(await store.status()).toMatchObject({
      fileCount: 6,
      rowCount: 550,
      counters: { rowsMerged: 500 },
    });
    expect(await store.compact()).toEqual({ filesMerged: 5 });
    expect(await store.compact()).toEqual({ filesMerged: 0 });
    const order = 'SELECT "srcAddrLo" AS a FROM flows WHERE "flowId" < 1000';
    const addresses = (await store.sql(order)).rows.map(({ a }) => Number(a));
    expect(addresses).toEqual([...addresses].sort((a, b) => a - b));
    await store.close();
    store = await openTestStore(directory.path);
    expect((await store.sql(COUNTS)).rows).toEqual(before);
    expect((await store.status()).repair.filesReplaced).toBe(0);
    await store.close();
  });

  test('makes one file of the small ones of a day that is over, when they are summed up', async () => {
    const clock = createManualClock(NOW_MS);
    let store = await openTestStore(directory.path, {}, clock);
    for (let hour = 0; hour < 4; hour++) {
      await send(store, [numbered(hour * 100, 100, NOW_MS + hour * HOUR_MS)]);
      await store.seal();
    }
    const before = (await store.sql(COUNTS)).rows;
    await store.compact();
    expect(files()).toHaveLength(4);
    clock.advance(30 * HOUR_MS);
    const later = () => {
      clock.advance(5000);
      return files();
    };
    await expect
      .poll(later, { timeout: 20_000 })
      .toEqual([expect.stringMatching(/^date=2025-11-13.[^/]*parquet$/)]);
    expect((await store.sql(COUNTS)).rows).toEqual(before);
    expect((await store.status()).counters.rowsRolledUp).toBe(400);
    await store.close();
    store = await openTestStore(directory.path, { retentionMs: 20 * HOUR_MS }, clock);
    expect((await store.sql(COUNTS)).rows).toEqual(before);
    await store.close();
  });

  test('leaves large sorted files alone, and sorts those that were full too soon for it', async () => {
    const clock = createManualClock(NOW_MS);
    const store = await openTestStore(directory.path, { segmentRowsMax: 100 }, clock);
    await send(store, [numbered(0, 50)]);
    clock.advance(20_000);
    await send(store, [numbered(50, 50)]);
    await store.seal();
    expect(await store.compact()).toEqual({ filesMerged: 0 });
    await send(store, [numbered(100, 100)]);
    await store.seal();
    expect(await store.compact()).toEqual({ filesMerged: 1 });
    expect(await store.compact()).toEqual({ filesMerged: 0 });
    await store.close();
  });

  test('does nothing twice when the timer comes while it is asked for', async () => {
    const clock = createManualClock(NOW_MS);
    const store = await openTestStore(directory.path, {}, clock);
    for (let first = 0; first < 300; first += 100) {
      await send(store, [numbered(first, 100)]);
      await store.seal();
    }
    const compacted = [store.compact()];
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2 * HOUR_MS);
    compacted.push(store.compact());
    await Promise.all(compacted);
    expect((await store.sql(COUNTS)).rows).toMatchObject([{ n: 300, ids: 300 }]);
    expect((await store.status()).counters).toMatchObject({ rowsRolledUp: 300, rowsMerged: 300 });
    await store.close();
  });

  test('hides nothing from questions that run meanwhile', async () => {
    const store = await openTestStore(directory.path);
    for (let first = 0; first < 400; first += 100) {
      await send(store, [numbered(first, 100)]);
      await store.seal();
    }
    const questions: Promise<unknown>[] = [];
    const ask = () => questions.push(store.sql(COUNTS).then(({ rows }) => rows[0]!['ids']));
    ask();
    const compacted = store.compact();
    for (let count = 0; count < 10; count++) {
      ask();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await compacted;
    ask();
    expect(new Set(await Promise.all(questions))).toEqual(new Set([400]));
    expect(files().length).toBe(1);
    await store.close();
  });
});

describe('kill -9', () => {
  const WRITING = ['write-begin', 'write-temporary', 'write-renamed', 'file-recorded'];

  test.each(WRITING)('while sealing, at %s', async (faultPoint) => {
    let store = await openTestStore(directory.path);
    await send(store, [numbered(0, 300)]);
    const before = (await store.sql(COUNTS)).rows;
    await store.close();
    dieAt('seal', faultPoint);
    store = await openTestStore(directory.path);
    expect((await store.sql(COUNTS)).rows).toEqual(before);
    expect((await store.status()).rowCount).toBe(300);
    await store.seal();
    expect((await store.sql(COUNTS)).rows).toEqual(before);
    expect(files('.tmp')).toEqual([]);
    await store.close();
  });

  test.each([...WRITING, 'file-removed', 'file-forgotten'])('while merging, at %s', async (faultPoint) => {
    let store = await openTestStore(directory.path);
    for (let first = 0; first < 300; first += 100) {
      await send(store, [numbered(first, 100)]);
      await store.seal();
    }
    await send(store, [numbered(300, 50)]);
    const before = (await store.sql(COUNTS)).rows;
    await store.close();
    dieAt('compact', faultPoint);
    store = await openTestStore(directory.path);
    const merged = !['write-begin', 'write-temporary'].includes(faultPoint);
    const { repair, rowCount, fileCount } = await store.status();
    expect({ rowCount, fileCount }).toEqual({ rowCount: 350, fileCount: merged ? 1 : 3 });
    if (merged) expect(repair.filesReplaced + (faultPoint.startsWith('file-') ? 1 : 0)).toBeGreaterThan(0);
    expect((await store.sql(COUNTS)).rows).toEqual(before);
    await store.compact();
    expect((await store.sql(COUNTS)).rows).toEqual(before);
    expect(files()).toHaveLength(1);
    expect(files('.tmp')).toEqual([]);
    await store.close();
    expect(existsSync(join(directory.path, 'weir.duckdb'))).toBe(true);
  });

  test.each(['file-removed', 'file-forgotten'])('while the retention deletes, at %s', async (faultPoint) => {
    let store = await openTestStore(directory.path, { rollUps: false });
    for (const [first, receivedAt] of [
      [0, NOW_MS],
      [100, NOW_MS + HOUR_MS],
    ] as const) {
      await send(store, [numbered(first, 100, receivedAt)]);
      await store.seal();
    }
    await store.close();
    const hourEndMs = Math.floor(NOW_MS / HOUR_MS) * HOUR_MS + HOUR_MS;
    dieAt('expire', faultPoint, String(hourEndMs));
    store = await openTestStore(directory.path);
    expect(await store.status()).toMatchObject({ rowCount: 100, fileCount: 1 });
    expect((await store.sql(COUNTS)).rows).toMatchObject([{ n: 100, ids: 100, sum: 14_950 }]);
    expect((await store.status()).repair).toMatchObject({ filesUnreadable: 0 });
    await store.close();
  });
});
