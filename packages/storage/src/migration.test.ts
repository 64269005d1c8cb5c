/** Stores that earlier versions wrote: `test-data/schema-N` is a store as that version left it. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
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
