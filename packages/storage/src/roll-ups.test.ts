/** What a roll-up answers is what the records answer, but for what it says that it left out. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type AnswerRow, parseQueryPlan } from '@weir/analysis';
import { createManualClock } from '@weir/base';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FlowStore } from './flow-store-contract.ts';
import { batchOf, type PlainRecord, realisticRecord, seededRandom, TEST_EXPORTER } from './test-batch.ts';
import { openTestStore, send, temporaryDirectory } from './test-store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 2025-11-13 00:00 UTC. */
const MIDNIGHT_MS = 1_762_992_000_000;
const OTHER_EXPORTER = { ...TEST_EXPORTER, address: '192.0.2.2' };

let directory: ReturnType<typeof temporaryDirectory>;
let store: FlowStore;

beforeEach(async () => {
  directory = temporaryDirectory();
  store = await openTestStore(directory.path, {}, createManualClock(MIDNIGHT_MS));
});

afterEach(async () => {
  await store.close().catch(() => {});
  directory.remove();
});

/** Records of one hour, some of which ended in the hour before. */
function recordsOf(seed: number, hour: number, count: number): PlainRecord[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const receivedAt = MIDNIGHT_MS + hour * HOUR_MS + Math.floor(random() * HOUR_MS);
    return {
      ...realisticRecord(random, receivedAt - 120_000),
      receivedAt,
      exporter: index % 2,
      flowId: seed * 100_000 + index,
      ...(index % 3 === 0 ? { rule: 0, srcCountry: 0x4445 } : {}),
      ...(index % 50 === 0 ? { flowStart: undefined, flowEnd: undefined } : {}),
    } as PlainRecord;
  });
}

function batch(records: readonly PlainRecord[]) {
  const present = records.map(
    (record) =>
      Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as PlainRecord,
  );
  return batchOf(present, [TEST_EXPORTER, OTHER_EXPORTER], [], undefined, ['allow ssh']);
}

async function ask(from: 'raw' | 'rollup', plan: object) {
  return store.query(parseQueryPlan({ limit: 100_000, ...plan, from }));
}

function byKey(rows: readonly AnswerRow[]): Map<string, unknown> {
  return new Map(
    rows.map(({ octets, packets, flows, ...key }) => [JSON.stringify(key), { octets, packets, flows }]),
  );
}

function rollUpFiles(): string[] {
  const names = readdirSync(directory.path, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.startsWith('rollup=') && name.endsWith('.parquet')).sort();
}

describe('where nothing was left out', () => {
  test('a roll-up answers as the records do, for any range, also of what is not rolled up', async () => {
    for (let hour = 0; hour < 5; hour++) await send(store, [batch(recordsOf(hour + 1, hour, 90))]);
    await store.compact();
    await store.seal();
    await store.compact();
    expect(rollUpFiles().length).toBe(2);
    await send(store, [batch(recordsOf(9, 5, 100)), batch(recordsOf(10, 2, 40))]);
    const dimension = fc.constantFrom(
      [],
      ['srcAddr'],
      ['dstAddr', 'protocol'],
      ['srcAddr', 'dstAddr'],
      ['dstPort'],
      ['srcAs', 'dstAs'],
      ['srcCountry'],
      ['rule', 'exporter'],
      ['inIf', 'outIf', 'direction'],
    );
    const filter = fc.constantFrom('', 'proto tcp', 'inIf = 1', 'not proto udp and outIf != 3');
    const moment = fc.integer({ min: MIDNIGHT_MS - HOUR_MS, max: MIDNIGHT_MS + 7 * HOUR_MS });
    await fc.assert(
      fc.asyncProperty(dimension, filter, moment, moment, async (groupBy, text, one, two) => {
        const timeRange = { fromMs: Math.min(one, two), toMs: Math.max(one, two) + 1 };
        const plan = { kind: 'groups', timeRange, groupBy, ...(text === '' ? {} : { filter: text }) };
        const rolled = await ask('rollup', plan);
        const raw = await ask('raw', plan);
        expect(byKey(rolled.rows)).toEqual(byKey(raw.rows));
      }),
      { numRuns: 60 },
    );
    const answer = await ask('rollup', {
      kind: 'groups',
      timeRange: { fromMs: 0, toMs: 4e12 },
      groupBy: ['srcAddr'],
    });
    expect(answer.source).toMatchObject({ source: 'rollup', cube: 'src' });
  });

  test('late records only add; files of a day become one; a reopened store has them all', async () => {
    for (let hour = 0; hour < 3; hour++) {
      await send(store, [batch(recordsOf(hour + 1, hour, 60))]);
      await store.seal();
    }
    await store.compact();
    await send(store, [batch(recordsOf(7, 1, 30))]);
    await store.seal();
    await store.compact();
    expect(rollUpFiles().length).toBe(2);
    const { counters } = await store.status();
    expect(counters).toMatchObject({ rowsRolledUp: 210, rollUpsWritten: 4 });
    const plan = { kind: 'groups', timeRange: { fromMs: 0, toMs: 4e12 }, groupBy: ['srcAddr', 'protocol'] };
    const raw = byKey((await ask('raw', plan)).rows);
    expect(byKey((await ask('rollup', plan)).rows)).toEqual(raw);
    await store.close();
    store = await openTestStore(directory.path);
    expect(byKey((await ask('rollup', plan)).rows)).toEqual(raw);
    await store.compact();
    expect((await store.status()).counters.rollUpsWritten).toBe(0);
  });
});

describe('where values were left out', () => {
  test('sums are whole, what is kept is exact, and nothing that lacks has more than the bound', async () => {
    const random = seededRandom(4);
    const records = Array.from({ length: 6000 }, (_, index) => ({
      receivedAt: MIDNIGHT_MS + index,
      flowEnd: MIDNIGHT_MS + index,
      srcAddrHi: 0,
      srcAddrLo: 0xffff_0a00_0000n + BigInt(Math.floor(4000 * random() ** 2)),
      protocol: 6,
      octets: Math.floor(1000 * random() ** 3),
      packets: 1 + Math.floor(random() * 5),
    }));
    await send(store, [batchOf(records)]);
    await store.seal();
    await store.compact();
    const timeRange = { fromMs: MIDNIGHT_MS, toMs: MIDNIGHT_MS + DAY_MS };
    const [total] = (await ask('raw', { kind: 'groups', timeRange })).rows;
    expect((await ask('rollup', { kind: 'groups', timeRange })).rows).toEqual([total]);
    const plan = { kind: 'groups', timeRange, groupBy: ['srcAddr'] };
    const raw = byKey((await ask('raw', plan)).rows);
    const { rows, source } = await ask('rollup', plan);
    const rolled = byKey(rows);
    const cube = (await store.coverage()).rollups.find(
      ({ level, cube: name }) => level === source.level && name === 'src',
    );
    const missing = [...raw]
      .filter(([key]) => !rolled.has(key))
      .map(([, sums]) => sums as { octets: number; flows: number });
    for (const [key, sums] of rolled) if (!key.includes('null')) expect(sums).toEqual(raw.get(key));
    expect(missing.length).toBeGreaterThan(500);
    expect(Math.max(...missing.map(({ octets }) => octets))).toBe(cube?.boundOctets);
    expect(Math.max(...missing.map(({ flows }) => flows))).toBe(cube?.boundFlows);
    expect(missing.reduce((sum, { octets }) => sum + octets, 0)).toBe(cube?.otherOctets);
    expect(source.errorShare).toBeGreaterThan(0);
    const top = await ask('rollup', { ...plan, limit: 10 });
    expect(top.rows.filter(({ srcAddr }) => srcAddr !== null)).toEqual(
      (await ask('raw', { ...plan, limit: 10 })).rows.slice(
        0,
        top.rows.filter(({ srcAddr }) => srcAddr !== null).length,
      ),
    );
  });
});

describe('kill -9 while rolling up', () => {
  const POINTS = ['write-begin', 'write-temporary', 'write-renamed', 'file-recorded', 'roll-up-listed'];

  test.each(POINTS)('at %s', async (faultPoint) => {
    await send(store, [batch(recordsOf(1, 0, 20))]);
    await store.seal();
    await store.close();
    const program = fileURLToPath(new URL('./test-fault-program.ts', import.meta.url));
    const { signal } = spawnSync(process.execPath, [program, directory.path, 'compact', faultPoint]);
    expect(signal).toBe('SIGKILL');
    store = await openTestStore(directory.path);
    const plan = { kind: 'groups', timeRange: { fromMs: 0, toMs: 4e12 }, groupBy: ['srcAddr'] };
    const raw = byKey((await ask('raw', plan)).rows);
    expect(byKey((await ask('rollup', plan)).rows)).toEqual(raw);
    await store.compact();
    expect(rollUpFiles().length).toBe(2);
    expect(byKey((await ask('rollup', plan)).rows)).toEqual(raw);
  });

  test.each(['write-renamed', 'file-removed', 'file-forgotten'])(
    'and while merging days, at %s',
    async (faultPoint) => {
      for (let hour = 0; hour < 3; hour++) {
        await send(store, [batch(recordsOf(hour + 1, hour, 60))]);
        await store.seal();
      }
      await store.compact();
      await send(store, [batch(recordsOf(7, 1, 30))]);
      await store.seal();
      await store.close();
      const program = fileURLToPath(new URL('./test-fault-program.ts', import.meta.url));
      const { signal } = spawnSync(process.execPath, [program, directory.path, 'compact', faultPoint]);
      expect(signal).toBe('SIGKILL');
      store = await openTestStore(directory.path);
      const plan = { kind: 'groups', timeRange: { fromMs: 0, toMs: 4e12 }, groupBy: ['srcAddr'] };
      const raw = byKey((await ask('raw', plan)).rows);
      expect(byKey((await ask('rollup', plan)).rows)).toEqual(raw);
      await store.compact();
      expect(rollUpFiles().length).toBe(2);
      expect(byKey((await ask('rollup', plan)).rows)).toEqual(raw);
    },
  );
});
