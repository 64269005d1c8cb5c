/** Checking a store, and records from one store to another. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createManualClock, silentLogger } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedStore, openStore } from './flow-store.ts';
import { batchOf, realisticRecord, seededRandom, TEST_EXPORTER } from './test-batch.ts';
import { send, temporaryDirectory } from './test-store.ts';

const HOUR_MS = 3_600_000;
/** 2025-11-13 00:00 UTC. */
const MIDNIGHT_MS = 1_762_992_000_000;
const EVERYTHING = { fromMs: 0, toMs: 4e12 };
const ALL =
  'SELECT * EXCLUDE ("exporterId", "extraLayoutId") FROM flows JOIN exporters USING ("exporterId") ORDER BY "flowId"';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => directory.remove());

function open(name: string): Promise<EmbeddedStore> {
  const dataDirectory = join(directory.path, name);
  const clock = createManualClock(MIDNIGHT_MS);
  return openStore({ dataDirectory, logger: silentLogger, clock, options: { threads: 1 } });
}

const OTHER = { ...TEST_EXPORTER, address: '192.0.2.9' };
const LAYOUT = [{ enterpriseNumber: 0, elementId: 312, length: 2 }];
const ODD = [{ enterpriseNumber: 0, elementId: 312, length: 9 }];

function hour(index: number, exporters = [TEST_EXPORTER, OTHER]) {
  const random = seededRandom(index + 1);
  const records = Array.from({ length: 200 }, (_, row) => ({
    ...realisticRecord(random, MIDNIGHT_MS + index * HOUR_MS),
    flowId: index * 1000 + row,
    exporter: row % exporters.length,
    srcUser: 0,
    ...(row % 4 === 0 ? { extraLayout: 0, extra: Uint8Array.of(1, row) } : {}),
    ...(row % 9 === 1 ? { extraLayout: 1, extra: new Uint8Array(9) } : {}),
  }));
  return batchOf(records, exporters, [LAYOUT, ODD], undefined, ['ada']);
}

function parquetFiles(name: string): string[] {
  const root = join(directory.path, name);
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return names
    .filter((each) => each.endsWith('.parquet'))
    .map((each) => join(root, each))
    .sort();
}

describe('check', () => {
  test('finds nothing in a good store', async () => {
    const store = await open('store');
    await send(store, [hour(0), hour(1)]);
    await store.seal();
    await store.compact();
    const report = await store.check(false);
    expect(report).toMatchObject({ files: 4, rows: 400, damaged: [] });
    await store.close();
  });

  test.each(['flows', 'rollup=1h'])('finds a damaged file of %s, and repair sets it aside', async (part) => {
    let store = await open('store');
    for (const index of [0, 1]) {
      await send(store, [hour(index)]);
      await store.seal();
    }
    await store.compact();
    await store.close();
    const [path = ''] = parquetFiles(join('store', part));
    const octets = readFileSync(path);
    octets.fill(0xff, 200, octets.length >> 1);
    writeFileSync(path, octets);
    store = await open('store');
    const report = await store.check(false);
    expect(report.damaged).toEqual([{ path, problem: expect.any(String) }]);
    const repaired = await store.check(true);
    expect(repaired.damaged[0]?.setAside).toContain('damaged');
    expect(existsSync(path)).toBe(false);
    expect((await store.check(false)).damaged).toEqual([]);
    const { rows } = await store.sql('SELECT count(*) AS n FROM flows');
    expect(rows).toEqual([{ n: part === 'flows' ? 200 : 400 }]);
    await store.compact();
    await store.close();
    store = await open('store');
    expect((await store.check(false)).damaged).toEqual([]);
    await store.close();
  });

  test('names a file that says nothing of itself', async () => {
    let store = await open('store');
    await send(store, [hour(0)]);
    await store.seal();
    await store.close();
    const [path = ''] = parquetFiles('store');
    writeFileSync(path, 'PAR1 and nothing else');
    store = await open('store');
    expect((await store.check(true)).damaged).toEqual([
      { path, problem: 'it does not say what it holds', setAside: expect.any(String) },
    ]);
    await store.close();
  });
});

describe('export and import', () => {
  test('bring the same records into a store with other keys, once', async () => {
    const from = await open('from');
    for (const index of [0, 1, 2]) await send(from, [hour(index)]);
    const before = await from.sql(ALL);
    const folder = join(directory.path, 'exported');
    expect(await from.exportRecords(EVERYTHING, folder)).toEqual({ files: 3, rows: 600, known: 0 });
    await from.close();
    const to = await open('to');
    await send(to, [hour(10, [{ ...OTHER, address: '198.51.100.1' }, OTHER])]);
    await to.seal();
    expect(await to.importRecords([folder])).toEqual({ files: 3, rows: 600, known: 0 });
    const { rows } = await to.sql(ALL);
    expect(rows.filter(({ flowId }) => Number(flowId) < 10_000)).toEqual(before.rows);
    expect(await to.importRecords([folder])).toEqual({ files: 0, rows: 0, known: 3 });
    await to.compact();
    expect((await to.check(false)).damaged).toEqual([]);
    const again = await to.importRecords(parquetFiles('exported'));
    expect(again).toEqual({ files: 0, rows: 0, known: 3 });
    const plan = { kind: 'records', timeRange: EVERYTHING, limit: 1000, filter: 'flowId = 1' } as const;
    expect((await to.query(plan)).rows[0]).toMatchObject({ extra: { dataLinkFrameSize: 0 }, srcUser: 'ada' });
    await to.close();
  });

  test('take the records of the range and no others', async () => {
    const from = await open('from');
    for (const index of [0, 1, 2]) await send(from, [hour(index)]);
    const range = { fromMs: MIDNIGHT_MS + HOUR_MS + 10_000, toMs: MIDNIGHT_MS + HOUR_MS + 40_000 };
    const within = `coalesce("flowEnd", "receivedAt") >= epoch_ms(${range.fromMs}) AND coalesce("flowEnd", "receivedAt") < epoch_ms(${range.toMs})`;
    const expected = await from.sql(
      `SELECT count(*) AS n, sum("flowId")::DOUBLE AS s FROM flows WHERE ${within}`,
    );
    const folder = join(directory.path, 'exported');
    const { rows: count } = await from.exportRecords(range, folder);
    expect(count).toBe(expected.rows[0]!['n']);
    expect(count).toBeGreaterThan(0);
    await from.close();
    const to = await open('to');
    await to.importRecords([folder]);
    expect((await to.sql('SELECT count(*) AS n, sum("flowId")::DOUBLE AS s FROM flows')).rows).toEqual(
      expected.rows,
    );
    await to.close();
  });

  test('refuse what was not exported, in one line', async () => {
    const store = await open('store');
    const stray = join(directory.path, '20251113T02-000001.parquet');
    writeFileSync(stray, 'no such file');
    await expect(store.importRecords([stray])).rejects.toMatchObject({ code: 'store_import' });
    await expect(store.importRecords([join(directory.path, 'absent')])).rejects.toMatchObject({
      message: expect.stringContaining('there is no file or folder'),
    });
    await store.close();
  });
});
