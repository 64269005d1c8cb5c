/** What is on disk is whole, whenever the process was killed. */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createManualClock } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { batchOf, realisticRecord, seededRandom } from './test-batch.ts';
import { openTestStore, send, temporaryDirectory } from './test-store.ts';

const NOW_MS = 1_763_000_000_000;
const HOUR_MS = 3_600_000;
const COUNTS =
  'SELECT count(*) AS n, count(DISTINCT "flowId") AS ids, min("flowId") AS low, max("flowId") AS high FROM flows';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => directory.remove());

function numbered(firstId: number, count: number, receivedAt = NOW_MS) {
  return batchOf(
    Array.from({ length: count }, (_, row) => ({
      receivedAt,
      flowEnd: receivedAt,
      exporter: 0,
      flowId: firstId + row,
    })),
  );
}

function parquetFiles(): string[] {
  return readdirSync(join(directory.path, 'flows'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.parquet'))
    .map((name) => join(directory.path, 'flows', name));
}

function logs(): string[] {
  return readdirSync(join(directory.path, 'open')).map((name) => join(directory.path, 'open', name));
}

/** Runs the ingesting program until it has acknowledged something and `delayMs` more; returns the last count. */
function ingestAndKill(firstId: number, delayMs: number): Promise<number> {
  const program = fileURLToPath(new URL('./test-ingest-program.ts', import.meta.url));
  const child = spawn(process.execPath, [program, directory.path, String(firstId)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let acknowledged = firstId;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (acknowledged === firstId) setTimeout(() => child.kill('SIGKILL'), delayMs);
    acknowledged = Number(line);
  });
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => {
      if (code === null) resolve(acknowledged);
      else reject(new Error(`the program ended by itself with code ${code}`));
    });
  });
}

describe('kill -9', () => {
  test('keeps what was acknowledged, whole batches only, nothing twice', async () => {
    let next = 0;
    for (const delayMs of [0, 130, 310, 50, 470]) {
      const acknowledged = await ingestAndKill(next, delayMs);
      const store = await openTestStore(directory.path);
      const { n, ids, low, high } = (await store.sql(COUNTS)).rows[0]!;
      expect(Number(n)).toBeGreaterThanOrEqual(acknowledged);
      expect({ ids, low, high }).toEqual({ ids: n, low: 0, high: Number(n) - 1 });
      expect(Number(n) % 1000).toBe(0);
      const orphans = 'SELECT count(*) AS n FROM flows ANTI JOIN exporters USING ("exporterId")';
      expect((await store.sql(orphans)).rows).toEqual([{ n: 0 }]);
      expect((await store.status()).rowCount).toBe(n);
      await store.close();
      next = Number(n);
    }
    expect(parquetFiles().length).toBeGreaterThan(0);
  });
});

describe('the opening mends', () => {
  test('a log whose last frame is torn, at any octet', async () => {
    const store = await openTestStore(directory.path);
    await send(store, [numbered(0, 100), numbered(100, 50)]);
    await store.close();
    const [log] = logs();
    const octets = statSync(log!).size;
    for (const cut of [1, 7, 100, 400]) {
      truncateSync(log!, octets - cut);
      const again = await openTestStore(directory.path);
      const { rowCount, repair } = await again.status();
      expect(rowCount).toBe(100);
      expect(repair).toMatchObject({ rowsReplayed: 100, segmentsReplayed: 1 });
      expect(repair.tornOctets).toBeGreaterThan(0);
      await send(again, [numbered(100, 50)]);
      await again.close();
      expect(statSync(log!).size).toBe(octets);
    }
  });

  test('a log with damage inside: what was before it is kept', async () => {
    const store = await openTestStore(directory.path);
    await send(store, [numbered(0, 100), numbered(100, 50), numbered(150, 50)]);
    await store.close();
    const [log] = logs();
    const octets = readFileSync(log!);
    octets[Math.floor(octets.length / 2)]! ^= 0x40;
    writeFileSync(log!, octets);
    const again = await openTestStore(directory.path);
    expect((await again.sql(COUNTS)).rows[0]).toMatchObject({ n: 100, high: 99 });
    await again.close();
  });

  test('garbage in place of a log, and files that are not ours', async () => {
    mkdirSync(join(directory.path, 'open'), { recursive: true });
    writeFileSync(join(directory.path, 'open', '20251113T02-000001.log'), 'garbage that is no frame at all');
    writeFileSync(join(directory.path, 'open', 'README'), 'not ours');
    const store = await openTestStore(directory.path);
    expect(await store.status()).toMatchObject({ rowCount: 0, repair: { tornOctets: 31, logsRemoved: 1 } });
    await send(store, [numbered(0, 10)]);
    await store.close();
    expect(
      logs()
        .map((path) => basename(path))
        .sort(),
    ).toEqual(['20251113T02-000002.log', 'README']);
  });

  test('a Parquet file that was half written', async () => {
    const store = await openTestStore(directory.path);
    await send(store, [numbered(0, 100)]);
    await store.close();
    const folder = join(directory.path, 'flows', 'date=2025-11-13', 'hour=02');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, '20251113T02-000001.parquet.tmp'), 'PAR1 half');
    const again = await openTestStore(directory.path);
    expect((await again.sql(COUNTS)).rows[0]).toMatchObject({ n: 100, ids: 100 });
    expect((await again.status()).repair.temporaryFilesRemoved).toBe(1);
    await again.seal();
    expect((await again.sql(COUNTS)).rows[0]).toMatchObject({ n: 100, ids: 100 });
    await again.close();
  });

  test('a segment that is both sealed and in its log', async () => {
    const store = await openTestStore(directory.path);
    await send(store, [numbered(0, 100)]);
    await store.flush();
    const [log] = logs();
    const copy = join(directory.path, 'copy');
    copyFileSync(log!, copy);
    await store.seal();
    await store.close();
    copyFileSync(copy, log!);
    const again = await openTestStore(directory.path);
    expect((await again.sql(COUNTS)).rows[0]).toMatchObject({ n: 100, ids: 100 });
    expect((await again.status()).repair).toMatchObject({ logsRemoved: 1, rowsReplayed: 0 });
    expect(logs()).toEqual([]);
    await again.close();
  });

  test('a lost database: everything is in the Parquet files', async () => {
    const random = seededRandom(3);
    const records = Array.from({ length: 500 }, (_, index) => realisticRecord(random, NOW_MS + index));
    const store = await openTestStore(directory.path);
    await send(store, [batchOf(records)]);
    await store.seal();
    const sql = 'SELECT * FROM flows JOIN exporters USING ("exporterId") ORDER BY ALL';
    const before = await store.sql(sql);
    await store.close();
    for (const name of readdirSync(directory.path)) {
      if (name.startsWith('weir.duckdb')) rmSync(join(directory.path, name));
    }
    const again = await openTestStore(directory.path);
    expect((await again.sql(sql)).rows).toEqual(before.rows);
    expect((await again.status()).repair.filesAdopted).toBe(1);
    await again.close();
  });

  test('a damaged Parquet file is left out and said so', async () => {
    const store = await openTestStore(directory.path);
    await send(store, [numbered(0, 100)]);
    await store.seal();
    await send(store, [numbered(100, 20)]);
    await store.seal();
    await store.close();
    appendFileSync(parquetFiles()[0]!, 'garbage');
    const again = await openTestStore(directory.path);
    expect(await again.status()).toMatchObject({ rowCount: 20, repair: { filesUnreadable: 1 } });
    expect((await again.sql(COUNTS)).rows[0]).toMatchObject({ n: 20 });
    await again.close();
  });
});

describe('time', () => {
  test('an hour is sealed after its end, records go to the hour in which they arrived', async () => {
    const clock = createManualClock(NOW_MS);
    const store = await openTestStore(directory.path, {}, clock);
    const hourEnd = Math.ceil(NOW_MS / HOUR_MS) * HOUR_MS;
    await send(store, [numbered(0, 10, NOW_MS), numbered(10, 5, hourEnd + 1), numbered(15, 5, hourEnd - 1)]);
    expect((await store.status()).openHours).toEqual([
      '2025-11-13T02:00:00.000Z',
      '2025-11-13T03:00:00.000Z',
    ]);
    clock.advance(hourEnd - NOW_MS + 20_000);
    await store.flush();
    expect((await store.status()).counters.segmentsSealed).toBe(0);
    clock.advance(20_000);
    await expect
      .poll(async () => (await store.status()).counters.segmentsSealed, { timeout: 20_000 })
      .toBe(1);
    expect(await store.status()).toMatchObject({
      openHours: ['2025-11-13T03:00:00.000Z'],
      openRowCount: 5,
      rowCount: 20,
      fileCount: 1,
    });
    expect(parquetFiles()[0]).toContain(join('date=2025-11-13', 'hour=02'));
    expect((await store.sql(COUNTS)).rows[0]).toMatchObject({ n: 20, ids: 20 });
    await store.close();
  });

  test('a large segment is sealed before its hour ends', async () => {
    const store = await openTestStore(directory.path, { segmentRowsMax: 1000 });
    await send(store, [numbered(0, 600), numbered(600, 600), numbered(1200, 100)]);
    await expect
      .poll(async () => (await store.status()).counters.segmentsSealed, { timeout: 20_000 })
      .toBe(1);
    expect(await store.status()).toMatchObject({ rowCount: 1300, openRowCount: 100, fileCount: 1 });
    await store.close();
  });

  test('files past the retention are deleted', async () => {
    const clock = createManualClock(NOW_MS);
    const store = await openTestStore(directory.path, { retentionMs: 3 * HOUR_MS }, clock);
    await send(store, [numbered(0, 10, NOW_MS)]);
    await store.seal();
    await send(store, [numbered(10, 10, NOW_MS + 2 * HOUR_MS)]);
    await store.seal();
    clock.advance(4 * HOUR_MS);
    await expect.poll(async () => (await store.status()).counters.filesExpired, { timeout: 20_000 }).toBe(1);
    expect((await store.sql(COUNTS)).rows[0]).toMatchObject({ n: 10, low: 10 });
    await store.close();
    const again = await openTestStore(directory.path);
    expect(await again.status()).toMatchObject({ rowCount: 10, fileCount: 1 });
    await again.close();
  });
});
