/** Stores that earlier versions wrote: `test-data/schema-N` is a store as that version left it. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { parseQueryPlan } from '@weir/analysis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openTestStore, temporaryDirectory } from './test-store.ts';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => directory.remove());

function unpack(schema: string): string {
  const path = join(directory.path, schema);
  cpSync(fileURLToPath(new URL(`../test-data/${schema}`, import.meta.url)), path, { recursive: true });
  const packed = join(path, 'weir.duckdb.gz');
  writeFileSync(join(path, 'weir.duckdb'), gunzipSync(readFileSync(packed)));
  rmSync(packed);
  return path;
}

/** What version 1 itself said of its sample: 200 sealed and 100 open records of two exporters. */
const SCHEMA_1_TOTALS = [
  {
    address: '192.0.2.1',
    version: 10,
    flows: 150,
    octets: 531_968,
    ids: 22_370,
    low: '10.0.0.0',
    high: '192.90.64.166',
  },
  {
    address: '2001:db8::5',
    version: 9,
    flows: 150,
    octets: 392_571,
    ids: 22_480,
    low: '10.0.0.118',
    high: '192.93.69.43',
  },
];
const TOTALS = `SELECT address, version, count(*) AS flows, sum("octets")::DOUBLE AS octets,
  sum("flowId")::DOUBLE AS ids, min("srcAddr") AS low, max("dstAddr") AS high
  FROM flows JOIN exporters USING ("exporterId") GROUP BY ALL ORDER BY ALL`;

describe.each(['as it was left', 'without its database'])('a store of schema 1, %s', (state) => {
  test('opens, and is all there, open and sealed', async () => {
    const path = unpack('schema-1');
    if (state === 'without its database') rmSync(join(path, 'weir.duckdb'));
    let store = await openTestStore(path);
    const totals = async () => (await store.sql(TOTALS)).rows;
    const expected = state === 'as it was left' ? SCHEMA_1_TOTALS : await totals();
    expect(await totals()).toEqual(expected);
    expect(expected.map(({ octets }) => octets)).toEqual(SCHEMA_1_TOTALS.map(({ octets }) => octets));
    const extras = async () => {
      const all = { kind: 'records', timeRange: { fromMs: 0, toMs: 4e12 }, limit: 1000 } as const;
      return (await store.query(all)).rows.filter((row) => row['extra'] !== undefined).length;
    };
    expect(await extras()).toBe(75);
    await store.seal();
    expect(await extras()).toBe(75);
    expect(await totals()).toEqual(expected);
    await store.close();
    store = await openTestStore(path);
    expect(await totals()).toEqual(expected);
    const extra = await store.query({
      kind: 'records',
      timeRange: { fromMs: 0, toMs: 4e12 },
      filter: 'flowId = 4',
      limit: 1,
    });
    expect(extra.rows[0]).toMatchObject({
      srcAddr: '10.0.36.53',
      extra: { dataLinkFrameSize: 260, interfaceName: 'eth1', '65530/80': 'be04' },
    });
    await store.close();
  });
});

test('a store of schema 2 opens, with labels, elements and roll-ups', async () => {
  const store = await openTestStore(unpack('schema-2'));
  expect((await store.status()).repair).toMatchObject({ rowsReplayed: 70, filesUnreadable: 0 });
  const totals = `SELECT address, count(*) AS flows, sum("octets")::DOUBLE AS octets, sum("flowId")::DOUBLE AS ids,
    count("srcUser") AS users, count("dataLinkFrameSize") AS sizes, count("extraLayoutId") AS kept
    FROM flows JOIN exporters USING ("exporterId") GROUP BY ALL ORDER BY ALL`;
  expect((await store.sql(totals)).rows).toEqual([
    { address: '192.0.2.1', flows: 100, octets: 404_476, ids: 9915, users: 34, sizes: 43, kept: 3 },
    { address: '2001:db8::5', flows: 100, octets: 315_180, ids: 9985, users: 34, sizes: 8, kept: 17 },
  ]);
  const plan = {
    kind: 'groups',
    timeRange: { fromMs: 0, toMs: 4e12 },
    groupBy: ['srcAddr', 'rule'],
    limit: 1000,
  };
  const ask = async (groupBy: string[], from: string) => {
    const { rows, source } = await store.query(parseQueryPlan({ ...plan, groupBy, from }));
    return { rows, source: source.source };
  };
  for (const groupBy of [['srcAddr'], ['rule'], ['dstPort', 'protocol']]) {
    const { rows, source } = await ask(groupBy, 'rollup');
    expect(source).toBe('rollup');
    expect(rows).toEqual((await ask(groupBy, 'raw')).rows);
  }
  // Its roll-ups had no cube of interfaces, and those that come have.
  expect((await ask(['exporter', 'inIf'], 'rollup')).source).toBe('raw');
  await store.seal();
  await store.compact();
  expect((await store.coverage()).rollups.filter(({ cube }) => cube === 'interface')).toHaveLength(2);
  for (const groupBy of [['exporter', 'inIf', 'outIf'], ['srcAddr', 'exporter'], ['rule']]) {
    const { rows, source } = await ask(groupBy, 'rollup');
    expect(source).toBe('rollup');
    expect(rows).toEqual((await ask(groupBy, 'raw')).rows);
  }
  await store.close();
});

describe('a store of a later version is refused in one line', () => {
  const openIt = (path: string) => openTestStore(path);

  test('by the number in its database', async () => {
    const path = unpack('schema-1');
    await (await openIt(path)).close();
    const instance = await DuckDBInstance.create(join(path, 'weir.duckdb'));
    const connection = await instance.connect();
    await connection.run('INSERT INTO store VALUES (999)');
    connection.disconnectSync();
    instance.closeSync();
    await expect(openIt(path)).rejects.toMatchObject({
      code: 'store_newer',
      message: expect.stringMatching(
        /^a later version of weir wrote the store .* \(schema 999; .* up to 2\)$/,
      ),
    });
  });

  test('by a column of its log, which is left as it is', async () => {
    const path = unpack('schema-1');
    const [name = ''] = readdirSync(join(path, 'open'));
    const log = join(path, 'open', name);
    const octets = Buffer.from(
      readFileSync(log).toString('latin1').replaceAll('"protocol"', '"protozoa"'),
      'latin1',
    );
    for (let offset = 0; offset < octets.length; offset += octets.readUInt32LE(offset + 4)) {
      const end = offset + octets.readUInt32LE(offset + 4);
      octets.writeUInt32LE(crc32(octets.subarray(offset + 12, end)), offset + 8);
    }
    writeFileSync(log, octets);
    await expect(openIt(path)).rejects.toMatchObject({ code: 'store_newer' });
    expect(readFileSync(log).equals(octets)).toBe(true);
  });

  test('by what a file says of itself', async () => {
    const path = unpack('schema-1');
    rmSync(join(path, 'weir.duckdb'));
    const [name = ''] = readdirSync(join(path, 'flows'), { recursive: true, encoding: 'utf8' }).filter(
      (each) => each.endsWith('.parquet'),
    );
    const file = join(path, 'flows', name);
    const text = readFileSync(file).toString('latin1').replace('"schemaVersion":1', '"schemaVersion":9');
    writeFileSync(file, Buffer.from(text, 'latin1'));
    await expect(openIt(path)).rejects.toMatchObject({ code: 'store_newer' });
  });
});
