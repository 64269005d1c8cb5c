/** The contract of a FlowStore: what any engine behind the door must do. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatAddress, type QueryPlan } from '@weir/analysis';
import { createManualClock, silentLogger, UserError } from '@weir/base';
import { FLOW_BATCH_ROWS_DEFAULT, FLOW_COLUMNS, type FlowBatch } from '@weir/ipfix';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from './flow-store.ts';
import type { FlowStore } from './flow-store-contract.ts';
import { batchOf, type PlainRecord, realisticRecord, seededRandom, TEST_EXPORTER } from './test-batch.ts';
import { openTestStore, send, temporaryDirectory } from './test-store.ts';

const NOW_MS = 1_763_000_000_000;
const ALL_TIME = { fromMs: 0, toMs: 4e12 };
const RECORDS: QueryPlan = { kind: 'records', timeRange: ALL_TIME, limit: 100_000 };
const TOTALS: QueryPlan = {
  kind: 'groups',
  timeRange: ALL_TIME,
  groupBy: [],
  orderBy: 'octets',
  descending: true,
  limit: 1,
};

let directory: ReturnType<typeof temporaryDirectory>;
let store: FlowStore;

beforeEach(async () => {
  directory = temporaryDirectory();
  store = await openTestStore(directory.path);
});

afterEach(async () => {
  await store.close().catch(() => {});
  directory.remove();
});

function realisticBatch(seed: number, count: number) {
  const random = seededRandom(seed);
  return batchOf(Array.from({ length: count }, (_, index) => realisticRecord(random, NOW_MS + index)));
}

/** Every column at its largest value. */
const WIDEST: PlainRecord = Object.fromEntries(
  FLOW_COLUMNS.map(({ name, type, ...rest }) => {
    const meaning = 'meaning' in rest ? rest.meaning : undefined;
    const max = { u8: 0xffn, u16: 0xffffn, u32: 0xffff_ffffn, u64: 0xffff_ffff_ffff_ffffn }[type];
    if (meaning === 'timeMs') return [name, BigInt(NOW_MS)];
    if (meaning === 'mac') return [name, 0xffff_ffff_ffffn];
    if (meaning === 'country') return [name, 0x5a5an];
    return [name, meaning?.endsWith('Index') ? 0n : max];
  }),
);

const DE = 0x4445;
let nextFlowId = 1;

/** Records of labels, numbered in flowId. */
function labelled(labels: readonly string[], records: readonly PlainRecord[]): FlowBatch {
  const numbered = records.map((record) => ({ receivedAt: NOW_MS, flowId: nextFlowId++, ...record }));
  return batchOf(numbered, [TEST_EXPORTER], [], undefined, labels);
}

describe.each(['open', 'sealed', 'replayed', 'sealed after replay'])('a round trip, %s', (state) => {
  async function bringTo(): Promise<void> {
    if (state.includes('replay')) {
      await store.close();
      store = await openTestStore(directory.path);
    }
    if (state.includes('sealed')) await store.seal();
  }

  test('keeps every column, nulls, and fields without a column', async () => {
    const layout = [
      { enterpriseNumber: 0, elementId: 312, length: 2 },
      { enterpriseNumber: 65530, elementId: 80, length: 65535 },
    ];
    const extra = Uint8Array.of(1, 2, 3, 0xaa, 0xbb, 0xcc);
    const nulls: PlainRecord = { receivedAt: NOW_MS + 1, exporter: 0 };
    await send(store, [
      batchOf([{ ...WIDEST, extra }, nulls, { ...WIDEST, extra }], [TEST_EXPORTER], [layout], undefined, [
        'ada',
      ]),
    ]);
    await bringTo();
    const { rows } = await store.query(RECORDS);
    const wide = rows.filter((row) => row['octets'] !== null);
    expect(rows.length).toBe(3);
    expect(wide.length).toBe(2);
    expect(wide[0]).toEqual(wide[1]);
    expect(wide[0]).toMatchObject({
      receivedAt: new Date(NOW_MS).toISOString(),
      exporter: '192.0.2.1',
      source: 'test',
      observationDomainId: 7,
      srcAddr: formatAddress({ hi: 0xffff_ffff_ffff_ffffn, lo: 0xffff_ffff_ffff_ffffn }),
      srcPort: 65_535,
      protocol: 255,
      octets: '18446744073709551615',
      samplingRate: 4_294_967_295,
      srcMac: 'ff:ff:ff:ff:ff:ff',
      flowId: '18446744073709551615',
      extra: { dataLinkFrameSize: 258, '65530/80': 'aabbcc' },
    });
    const empty = rows.find((row) => row['octets'] === null)!;
    const present = Object.entries(empty).filter(([, value]) => value !== null);
    expect(present.map(([name]) => name).sort()).toEqual([
      'exporter',
      'observationDomainId',
      'receivedAt',
      'source',
    ]);
  });

  test('reads fields without a column as columns, and as octets where their lengths fit no type', async () => {
    const layout = [
      { enterpriseNumber: 0, elementId: 82, length: 65_535 }, // interfaceName
      { enterpriseNumber: 0, elementId: 312, length: 2 }, // dataLinkFrameSize
      { enterpriseNumber: 0, elementId: 434, length: 3 }, // mibObjectValueInteger, signed32
      { enterpriseNumber: 0, elementId: 225, length: 4 }, // postNATSourceIPv4Address
      { enterpriseNumber: 65_530, elementId: 80, length: 2 },
      { enterpriseNumber: 65_530, elementId: 80, length: 2 },
      { enterpriseNumber: 0, elementId: 325, length: 8 }, // observationTimeNanoseconds
    ];
    const octetsOf = (name: string, size: number, tail: number[]) =>
      Uint8Array.of(name.length, ...Buffer.from(name), size >> 8, size & 255, ...tail);
    const tail = [0xff, 0xff, 0xfe, 10, 0, 0, 7, 1, 2, 3, 4, 0xe9, 0x3c, 0x7b, 0, 0x80, 0, 0, 0];
    const odd = [{ enterpriseNumber: 0, elementId: 312, length: 9 }];
    const records: PlainRecord[] = [
      { octets: 1, extraLayout: 0, extra: octetsOf('eth0', 1500, tail) },
      { octets: 2, extraLayout: 0, extra: octetsOf('a longer name of an interface', 64, tail) },
      { octets: 3 },
      { octets: 4, extraLayout: 1, extra: new Uint8Array(9).fill(1) },
      { octets: 5, extraLayout: 0, extra: Uint8Array.of(2, 0x65, 0x6e, 0) },
    ];
    await send(store, [
      batchOf(
        records.map((record) => ({ receivedAt: NOW_MS, ...record })),
        [],
        [layout, odd],
      ),
    ]);
    await bringTo();
    const octetsWhere = async (filter: string) => {
      const { rows } = await store.query({ ...RECORDS, filter });
      return rows.map(({ octets }) => octets).sort();
    };
    expect(await octetsWhere('dataLinkFrameSize > 100')).toEqual([1]);
    expect(await octetsWhere('dataLinkFrameSize < 100')).toEqual([2]);
    expect(await octetsWhere('interfaceName = "eth0"')).toEqual([1]);
    expect(await octetsWhere('interfaceName ~ "e"')).toEqual([1, 2, 5]);
    expect(await octetsWhere('65530/80 = "0102"')).toEqual([1, 2]);
    expect(await octetsWhere('flowLabelIPv6 = 1')).toEqual([]);
    const { rows } = await store.query({ ...RECORDS, filter: 'octets in (1, 3, 4)' });
    const extras = new Map(rows.map(({ octets, extra }) => [octets, extra]));
    expect(extras.get(1)).toEqual({
      interfaceName: 'eth0',
      dataLinkFrameSize: 1500,
      mibObjectValueInteger: -2,
      postNATSourceIPv4Address: '10.0.0.7',
      '65530/80': ['0102', '0304'],
      observationTimeNanoseconds: '2023-12-31T23:42:56.500Z',
    });
    expect(extras.get(3)).toBeUndefined();
    expect(extras.get(4)).toEqual({ dataLinkFrameSize: '18519084246547628289' });
    const groups = await store.query({ ...TOTALS, groupBy: [{ name: 'interfaceName' }], limit: 9 });
    expect(groups.rows.map((row) => row['interfaceName'])).toContain('eth0');
    const people = 'SELECT max("dataLinkFrameSize") AS size, count("65530/80#2") AS n FROM flows';
    expect((await store.sql(people)).rows).toEqual([{ size: 1500, n: 2 }]);
  });

  test('keeps labels and countries as text, whatever the batches call them', async () => {
    const longest = 'n'.repeat(2000);
    await send(store, [
      labelled(
        ['dc1', 'ada', '', 'caf\u00e9 \u{1f310}'],
        [
          { srcSite: 0, srcUser: 1, dstName: 2, srcCountry: DE },
          { srcSite: 3, dstSite: 3, dstCountry: DE },
          { srcCountry: 0x0000, dstCountry: 0x6465 },
        ],
      ),
      labelled(
        ['ada', 'dc1', 'a\0b', 'lone \ud800', longest],
        [
          { srcSite: 1, srcUser: 0, rule: 2 },
          { rule: 3, srcSite: 4 },
        ],
      ),
    ]);
    await bringTo();
    const { rows } = await store.sql(
      'SELECT "srcSite", "dstSite", "srcUser", "dstName", "rule", "srcCountry", "dstCountry" FROM flows ORDER BY "flowId"',
    );
    const texts = rows.map((row) => Object.values(row).map((value) => value ?? '-'));
    expect(texts).toEqual([
      ['dc1', '-', 'ada', '', '-', 'DE', '-'],
      ['caf\u00e9 \u{1f310}', 'caf\u00e9 \u{1f310}', '-', '-', '-', '-', 'DE'],
      ['-', '-', '-', '-', '-', '-', '-'],
      ['dc1', '-', 'ada', '-', 'a\ufffdb', '-', '-'],
      ['n'.repeat(1024), '-', '-', '-', 'lone \ufffd', '-', '-'],
    ]);
  });

  test.each([255, 256, 65_535, 65_536])('keeps %i different labels', async (count) => {
    const labels = Array.from({ length: count }, (_, index) => `host ${index}`);
    const batches: FlowBatch[] = [];
    for (let first = 0; first < count; first += 8192) {
      const own = labels.slice(first, first + 8192);
      batches.push(
        labelled(
          own,
          own.map((_, index) => ({ srcName: index, octets: first + index })),
        ),
      );
    }
    await send(store, batches);
    await bringTo();
    const wrong = `SELECT count(*) AS n FROM flows WHERE "srcName" != concat('host ', "octets")`;
    expect((await store.sql(wrong)).rows).toEqual([{ n: 0 }]);
    const all = 'SELECT count("srcName") AS n, count(DISTINCT "srcName") AS d FROM flows';
    expect((await store.sql(all)).rows).toEqual([{ n: count, d: count }]);
  });

  test('keeps 20,000 records in batches of any size', async () => {
    const sizes = [1, 7, 8192, 3, 64, 8191, 3541, 1];
    let seed = 1;
    await send(
      store,
      sizes.map((size) => realisticBatch(seed++, size)),
    );
    await bringTo();
    const { rows } = await store.sql(
      'SELECT count(*) AS n, sum(octets)::DOUBLE AS o, count("srcAddrLo") AS a, count("vlanId") AS v FROM flows',
    );
    let octets = 0;
    seed = 1;
    for (const size of sizes) {
      const { columns } = realisticBatch(seed++, size);
      for (let row = 0; row < size; row++) octets += columns.octets[row * 2]!;
    }
    expect(rows).toEqual([{ n: 20_000, o: octets, a: 20_000, v: 0 }]);
  });
});

describe('queries', () => {
  test('an empty store answers', async () => {
    expect((await store.query(TOTALS)).rows).toEqual([{ octets: 0, packets: 0, flows: 0 }]);
    expect((await store.query(RECORDS)).rows).toEqual([]);
    expect((await store.sql('SELECT count(*) AS n FROM flows')).rows).toEqual([{ n: 0 }]);
  });

  test('a batch is visible as soon as its buffer is back', async () => {
    for (let count = 1; count <= 5; count++) {
      await send(store, [realisticBatch(count, 10)]);
      expect((await store.query(TOTALS)).rows[0]).toMatchObject({ flows: count * 10 });
    }
  });

  test('pages of records are the records', async () => {
    const records = Array.from({ length: 500 }, (_, index) => ({
      ...realisticRecord(seededRandom(index + 1), NOW_MS),
      flowEnd: NOW_MS + (index % 7),
      octets: index,
    }));
    await send(store, [batchOf(records)]);
    const octets: unknown[] = [];
    let cursor: string | undefined;
    do {
      const page = await store.query({
        kind: 'records',
        timeRange: ALL_TIME,
        limit: 33,
        ...(cursor && { cursor }),
      });
      octets.push(...page.rows.map((row) => row['octets']));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    expect(octets.length).toBe(500);
    expect(new Set(octets).size).toBe(500);
  });

  test('a series spreads a long flow over its duration', async () => {
    const flow: PlainRecord = { receivedAt: NOW_MS + 100_000, flowStart: NOW_MS, flowEnd: NOW_MS + 40_000 };
    await send(store, [batchOf([{ ...flow, octets: 4000, packets: 40, protocol: 6 }])]);
    const { rows } = await store.query({
      kind: 'series',
      timeRange: { fromMs: NOW_MS + 5000, toMs: NOW_MS + 60_000 },
      groupBy: [{ name: 'protocol' }],
      orderBy: 'octets',
      limit: 5,
      stepMs: 10_000,
    });
    expect(rows.map((row) => [row['time'], row['octets'], row['flows']])).toEqual([
      [new Date(NOW_MS).toISOString(), 500, 0],
      [new Date(NOW_MS + 10_000).toISOString(), 1000, 0],
      [new Date(NOW_MS + 20_000).toISOString(), 1000, 0],
      [new Date(NOW_MS + 30_000).toISOString(), 1000, 0],
      [new Date(NOW_MS + 40_000).toISOString(), 0, 1],
    ]);
  });

  test('a series has the largest groups and the sum of the others', async () => {
    const records = [6, 6, 17, 1, 47].map((protocol, index) => ({
      receivedAt: NOW_MS,
      flowStart: NOW_MS,
      flowEnd: NOW_MS,
      protocol,
      octets: 1000 - index * 100,
      packets: 1,
    }));
    await send(store, [batchOf(records)]);
    const { rows } = await store.query({
      kind: 'series',
      timeRange: { fromMs: NOW_MS, toMs: NOW_MS + 10_000 },
      groupBy: [{ name: 'protocol' }],
      orderBy: 'octets',
      limit: 2,
      stepMs: 10_000,
    });
    expect(rows.map(({ protocol, other, octets, flows }) => ({ protocol, other, octets, flows }))).toEqual([
      { protocol: 6, other: false, octets: 1900, flows: 2 },
      { protocol: 17, other: false, octets: 800, flows: 1 },
      { protocol: null, other: true, octets: 1300, flows: 2 },
    ]);
  });

  test('a series sums to the totals when the range holds the flows whole', async () => {
    await send(store, [realisticBatch(5, 3000)]);
    const totals = (await store.query(TOTALS)).rows[0]!;
    const { rows } = await store.query({
      kind: 'series',
      timeRange: { fromMs: NOW_MS - 1000, toMs: NOW_MS + 100_000 },
      groupBy: [{ name: 'srcAddr', prefixLength: 16, prefixLength6: 32 }],
      orderBy: 'packets',
      limit: 3,
      stepMs: 7000,
    });
    const sum = (name: string) => rows.reduce((total, row) => total + Number(row[name]), 0);
    expect(sum('octets')).toBeCloseTo(Number(totals['octets']), 3);
    expect(sum('flows')).toBe(3000);
  });

  test('an aborted query ends and is counted', async () => {
    await send(store, [realisticBatch(1, 8192)]);
    const controller = new AbortController();
    const slow = store.sql('SELECT count(*) FROM flows a, flows b, flows c', { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(slow).rejects.toMatchObject({ code: 'query_cancelled' });
    const early = new AbortController();
    const dropped = store.sql('SELECT count(*) FROM flows a, flows b, flows c', { signal: early.signal });
    early.abort();
    await expect(dropped).rejects.toMatchObject({ code: 'query_cancelled' });
    await expect(store.query(TOTALS, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'query_cancelled',
    });
    expect((await store.status()).counters).toMatchObject({ queriesCancelled: 3, queriesFailed: 0 });
    expect((await store.query(TOTALS)).rows[0]).toMatchObject({ flows: 8192 });
  });

  test('a query that takes too long is stopped', async () => {
    await store.close();
    store = await openTestStore(directory.path, { queryTimeoutMs: 50 });
    await send(store, [realisticBatch(1, 8192)]);
    await expect(store.sql('SELECT count(*) FROM flows a, flows b, flows c')).rejects.toMatchObject({
      code: 'query_timeout',
    });
  });

  test('many queries at once, while batches arrive', async () => {
    const answers = Array.from({ length: 20 }, () => store.query(TOTALS));
    await send(
      store,
      Array.from({ length: 5 }, (_, index) => realisticBatch(index + 1, 8192)),
    );
    answers.push(...Array.from({ length: 20 }, () => store.query(TOTALS)));
    const flows = (await Promise.all(answers)).map(({ rows }) => Number(rows[0]!['flows']));
    expect(flows.every((count) => count % 8192 === 0)).toBe(true);
    expect(flows.slice(20)).toEqual(new Array(20).fill(5 * 8192));
  });
});

test('SQL over a time range sees the records that ended in it, open and sealed', async () => {
  const ends = [1000, 2000, 3000, 4000];
  await send(store, [batchOf(ends.map((flowEnd) => ({ flowStart: 500, flowEnd })))]);
  const count = async () =>
    (await store.sql('SELECT count(*) AS n FROM flows', { range: { fromMs: 2000, toMs: 4000 } })).rows;
  expect(await count()).toEqual([{ n: 2 }]);
  await store.seal();
  expect(await count()).toEqual([{ n: 2 }]);
});

test('a time that no clock shows is not kept, and spoils no question', async () => {
  const records = [
    { flowStart: 2n ** 63n, flowEnd: 2n ** 64n - 1n },
    { flowStart: 1000, flowEnd: 2000 },
  ];
  await send(store, [batchOf(records)]);
  expect((await store.status()).counters.timesCleared).toBe(2);
  await store.seal();
  const { rows } = await store.sql(
    'SELECT "flowStart"::TIMESTAMP::VARCHAR AS s, "flowEnd"::TIMESTAMP::VARCHAR AS e FROM flows ORDER BY e',
  );
  expect(rows).toEqual([
    { s: '1970-01-01 00:00:01', e: '1970-01-01 00:00:02' },
    { s: null, e: null },
  ]);
});

test('sealing neither hides nor doubles a record', async () => {
  await store.close();
  store = await openTestStore(directory.path, { segmentRowsMax: 8192 });
  await send(
    store,
    [1, 2, 3].map((seed) => realisticBatch(seed, 8192)),
  );
  await send(store, [realisticBatch(4, 5000)]);
  let sealed = false;
  const sealing = store.seal().then(() => {
    sealed = true;
  });
  const counts = new Set<unknown>();
  while (!sealed) counts.add((await store.query(TOTALS)).rows[0]!['flows']);
  await sealing;
  counts.add((await store.query(TOTALS)).rows[0]!['flows']);
  expect([...counts]).toEqual([3 * 8192 + 5000]);
});

test('a segment whose dictionary of labels is full is followed by another', async () => {
  for (let first = 0; first < 270_000; first += 8000) {
    const labels = Array.from({ length: 8000 }, (_, index) => `host ${first + index}`);
    await send(store, [
      labelled(
        labels,
        labels.map((_, index) => ({ srcName: index })),
      ),
    ]);
  }
  await expect.poll(async () => (await store.status()).counters.segmentsSealed, { timeout: 20_000 }).toBe(1);
  const { rows } = await store.sql('SELECT count(DISTINCT "srcName") AS d FROM flows');
  expect(rows).toEqual([{ d: 272_000 }]);
});

describe('SQL for people', () => {
  test('sees addresses as text, IPv4 and IPv6 in their canonical forms', async () => {
    const half = fc.oneof(
      fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
      fc.constantFrom(0n, 1n, 0x10000n, 0x1_0000_0000_0001n, 0xffff_0000_0000n, 0x2001_0db8_0000_0000n),
    );
    const pairs = fc.sample(fc.tuple(half, half), { numRuns: 500, seed: 7 });
    await send(store, [
      batchOf(
        pairs.map(([hi, lo], index) => ({ receivedAt: NOW_MS, srcAddrHi: hi, srcAddrLo: lo, octets: index })),
      ),
    ]);
    const { rows } = await store.sql('SELECT "srcAddr", "dstAddr" FROM flows ORDER BY octets');
    expect(rows.map((row) => row['srcAddr'])).toEqual(pairs.map(([hi, lo]) => formatAddress({ hi, lo })));
    expect(rows.every((row) => row['dstAddr'] === null)).toBe(true);
  });

  test.each([
    ["SELECT * FROM read_text('/etc/hostname')", 'sql_invalid'],
    ["COPY flows TO '/tmp/x.csv'", 'sql_invalid'],
    ['CREATE TABLE t (a INTEGER)', 'sql_refused'],
    ['INSERT INTO exporters VALUES (9, NULL, 0, NULL, 0)', 'sql_refused'],
    ['DROP TABLE exporters', 'sql_refused'],
    ["ATTACH '/tmp/x.duckdb'", 'sql_refused'],
    ['SET enable_external_access = true', 'sql_refused'],
    ['SELECT 1; SELECT 2', 'sql_refused'],
    ['', 'sql_refused'],
    ['SELEC', 'sql_invalid'],
    ['SELECT nope FROM flows', 'sql_invalid'],
  ])('%s is %s', async (text, code) => {
    await expect(store.sql(text)).rejects.toMatchObject({ name: 'UserError', code });
  });

  test('returns at most the allowed number of rows and says so', async () => {
    await store.close();
    store = await openTestStore(directory.path, { sqlRowsMax: 100 });
    expect(await store.sql('SELECT range AS n FROM range(100)')).toMatchObject({ truncated: false });
    const { rows, truncated } = await store.sql('SELECT range AS n FROM range(100000)');
    expect({ rows: rows.length, truncated }).toEqual({ rows: 100, truncated: true });
  });

  test('two columns of one name are both there', async () => {
    expect((await store.sql('SELECT 1 AS a, 2 AS a')).rows).toEqual([{ a: 1, a_2: 2 }]);
  });
});

describe('the folder', () => {
  test('belongs to one opener', async () => {
    await expect(openTestStore(directory.path)).rejects.toMatchObject({ code: 'store_busy' });
  });

  test.skipIf(!existsSync('/proc/self'))('where the system lets nobody create is refused', async () => {
    await expect(openTestStore('/proc/no-such-folder')).rejects.toMatchObject({ code: 'store_unwritable' });
  });

  test('that cannot be written to is one line', async () => {
    const path = join(directory.path, 'file');
    writeFileSync(path, '');
    const error = await openTestStore(join(path, 'data')).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).not.toContain('\n');
    expect((error as UserError).code).toBe('store_unwritable');
  });

  test('whose log cannot be written is sealed at the end', async () => {
    rmSync(join(directory.path, 'open'), { recursive: true });
    await send(store, [realisticBatch(1, 1000)]);
    expect((await store.status()).counters.logWriteFailures).toBe(1);
    await store.close();
    store = await openTestStore(directory.path);
    expect(await store.status()).toMatchObject({ rowCount: 1000, fileCount: 1 });
  });

  test('that can write nothing says how many records it lost', async () => {
    for (const name of ['open', 'flows']) rmSync(join(directory.path, name), { recursive: true });
    writeFileSync(join(directory.path, 'flows'), '');
    await send(store, [realisticBatch(1, 1000)]);
    await expect(store.close()).rejects.toMatchObject({
      code: 'store_records_lost',
      message: expect.stringMatching(/^1000 records are lost: /),
    });
  });

  test('status counts what is there', async () => {
    await send(store, [realisticBatch(1, 1000), realisticBatch(2, 500)]);
    expect(await store.status()).toMatchObject({
      rowCount: 1500,
      openRowCount: 1500,
      openHours: ['2025-11-13T02:00:00.000Z'],
      fileCount: 0,
      exporterCount: 1,
      counters: { batchesTaken: 2, rowsTaken: 1500, batchesRefused: 0, logWriteFailures: 0 },
    });
    await store.seal();
    const status = await store.status();
    expect(status).toMatchObject({
      rowCount: 1500,
      openRowCount: 0,
      openHours: [],
      fileCount: 1,
      counters: { segmentsSealed: 1, rowsSealed: 1500, sealFailures: 0 },
    });
    expect(readdirSync(join(directory.path, 'open'))).toEqual([]);
    expect(status.oldest! >= '2025-11-13T02:13:20.000Z').toBe(true);
  });

  test('a buffer that is no batch is refused and counted', async () => {
    const { port1, port2 } = new MessageChannel();
    port2.close();
    port1.close();
    const port = store.connectWriter();
    const returned = new Promise((resolve) => port.once('message', resolve));
    const note = { capacity: FLOW_BATCH_ROWS_DEFAULT, rowCount: 1, exporters: [], layouts: [] };
    port.postMessage({ buffer: new ArrayBuffer(10), note });
    await returned;
    port.close();
    expect((await store.status()).counters).toMatchObject({ batchesRefused: 1, rowsTaken: 0 });
  });
});

describe('the owner in its own thread', () => {
  test('takes, answers, cancels and closes', async () => {
    await store.close();
    store = await openStore({ dataDirectory: directory.path, logger: silentLogger });
    await send(store, [realisticBatch(1, 8192)]);
    await store.flush();
    expect((await store.query(TOTALS)).rows[0]).toMatchObject({ flows: 8192 });
    const controller = new AbortController();
    const slow = store.sql('SELECT count(*) FROM flows a, flows b, flows c', { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(slow).rejects.toMatchObject({ code: 'query_cancelled' });
    await expect(store.query({ ...RECORDS, filter: 'port foo' } as QueryPlan)).rejects.toMatchObject({
      name: 'FilterError',
      position: 5,
    });
    await expect(openTestStore(directory.path)).rejects.toMatchObject({ code: 'store_busy' });
    await store.close();
    await expect(store.status()).rejects.toMatchObject({ code: 'store_closed' });
    store = await openTestStore(directory.path, {}, createManualClock());
    expect(await store.status()).toMatchObject({
      rowCount: 8192,
      repair: { rowsReplayed: 8192, tornOctets: 0 },
    });
  });
});
