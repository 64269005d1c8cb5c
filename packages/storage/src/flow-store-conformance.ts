/**
 * The contract of a FlowStore as tests. An engine passes when `describeFlowStore` does, over a fresh store for
 * each test: what goes in comes out, by records, groups and series, at once, after sealing, after closing and
 * opening again; sums are the sums of a plain loop over the records.
 */
import { type AnswerRow, parseQueryPlan, type QueryPlan } from '@weir/analysis';
import { createBufferSender } from '@weir/base';
import {
  FLOW_BATCH_ROWS_DEFAULT,
  type FlowBatch,
  type FlowBatchNote,
  flowBatchOctets,
  noteOfFlowBatch,
} from '@weir/ipfix';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FlowStore } from './flow-store-contract.ts';
import { batchOf, type PlainRecord, realisticRecord, seededRandom, TEST_EXPORTER } from './test-batch.ts';

/** An engine under test. */
export interface FlowStoreSubject {
  /** An empty store. */
  create(): Promise<FlowStore>;
  /** Closes the store and opens it again, with what it holds. */
  reopen(store: FlowStore): Promise<FlowStore>;
  /** After each test. */
  destroy(store: FlowStore): Promise<void>;
}

const NOW_MS = 1_763_000_000_000;
const ALL_TIME = { fromMs: 0, toMs: 4e12 };
const OTHER = { ...TEST_EXPORTER, address: '2001:db8::1', source: 'other', version: 9 };
const LAYOUT = [
  { enterpriseNumber: 0, elementId: 312, length: 2 },
  { enterpriseNumber: 65_530, elementId: 80, length: 65_535 },
];
const LABELS = ['dc1', 'ada', 'allow ssh'];

function recordsOf(seed: number, count: number): PlainRecord[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => ({
    ...realisticRecord(random, NOW_MS - 60_000 + index),
    flowId: seed * 100_000 + index,
    exporter: index % 2,
    ...(index % 3 === 0 ? { srcSite: 0, srcUser: 1, srcCountry: 0x4445 } : {}),
    ...(index % 5 === 0 ? { extraLayout: 0, extra: Uint8Array.of(2, index & 255, 1, 0xaa) } : {}),
  }));
}

function batch(records: readonly PlainRecord[]): FlowBatch {
  return batchOf(records, [TEST_EXPORTER, OTHER], [LAYOUT], undefined, LABELS);
}

async function send(store: FlowStore, batches: readonly FlowBatch[]): Promise<void> {
  const port = store.connectWriter();
  const sender = createBufferSender<FlowBatchNote>(port, 2, flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT));
  for (const each of batches) {
    await sender.drained();
    const buffer = sender.acquire();
    if (buffer === undefined) throw new Error('a drained sender has a buffer');
    new Uint8Array(buffer).set(new Uint8Array(each.buffer));
    sender.send(buffer, noteOfFlowBatch(each));
  }
  await sender.drained();
  port.close();
}

function plan(input: object): QueryPlan {
  return parseQueryPlan({ timeRange: ALL_TIME, ...input });
}

function sum(records: readonly PlainRecord[]): AnswerRow {
  let [octets, packets] = [0, 0];
  for (const record of records) {
    octets += Number(record.octets ?? 0);
    packets += Number(record.packets ?? 0);
  }
  return { octets, packets, flows: records.length };
}

const STATES = ['at once', 'sealed', 'opened again', 'compacted'] as const;

export function describeFlowStore(name: string, subject: FlowStoreSubject): void {
  describe(`${name} is a FlowStore`, () => {
    let store: FlowStore;

    beforeEach(async () => {
      store = await subject.create();
    });

    afterEach(() => subject.destroy(store));

    async function bringTo(state: (typeof STATES)[number]): Promise<void> {
      if (state === 'at once') return;
      if (state === 'opened again') store = await subject.reopen(store);
      else await store.seal();
      if (state === 'compacted') await store.compact();
    }

    describe.each(STATES)('%s', (state) => {
      const records = [...recordsOf(1, 700), ...recordsOf(2, 300)];

      beforeEach(async () => {
        await send(store, [batch(records.slice(0, 700)), batch(records.slice(700))]);
        await bringTo(state);
      });

      test('records come out as they went in, newest first', async () => {
        const { rows } = await store.query(plan({ kind: 'records', limit: 10_000 }));
        expect(rows.map(({ flowId }) => Number(flowId)).sort((a, b) => a - b)).toEqual(
          records.map(({ flowId }) => Number(flowId)),
        );
        const ends = rows.map(({ flowEnd }) => Date.parse(String(flowEnd)));
        expect(ends).toEqual([...ends].sort((a, b) => b - a));
        const first = rows.find(({ flowId }) => flowId === 100_000);
        expect(first).toMatchObject({
          exporter: '192.0.2.1',
          octets: Number(records[0]?.octets),
          srcPort: records[0]?.srcPort,
          srcSite: 'dc1',
          srcUser: 'ada',
          srcCountry: 'DE',
          dstSite: null,
          vlanId: null,
          extra: { dataLinkFrameSize: 512, '65530/80': 'aa' },
        });
      });

      test('sums are those of a loop over the records', async () => {
        expect((await store.query(plan({ kind: 'groups' }))).rows).toEqual([sum(records)]);
        const { rows } = await store.query(
          plan({ kind: 'groups', groupBy: ['protocol', 'exporter'], limit: 100 }),
        );
        for (const { protocol, exporter, ...sums } of rows) {
          const index = exporter === TEST_EXPORTER.address ? 0 : 1;
          expect(sums).toEqual(
            sum(records.filter((each) => each.protocol === protocol && each.exporter === index)),
          );
        }
        const octets = rows.map((row) => Number(row['octets']));
        expect(octets).toEqual([...octets].sort((a, b) => b - a));
      });

      test('filters see columns, labels, countries and elements', async () => {
        const flows = async (filter: string) => {
          const { rows } = await store.query(plan({ kind: 'groups', filter }));
          return rows[0]!['flows'];
        };
        const count = (matches: (record: PlainRecord) => boolean) => records.filter(matches).length;
        expect(await flows('proto tcp')).toBe(count(({ protocol }) => protocol === 6));
        expect(await flows('srcUser = "ada"')).toBe(count(({ srcUser }) => srcUser === 1));
        expect(await flows('srcCountry = DE')).toBe(count(({ srcCountry }) => srcCountry !== undefined));
        expect(await flows('dataLinkFrameSize >= 512')).toBe(count(({ extra }) => extra !== undefined));
        expect(await flows('exporter = 2001:db8::1')).toBe(count(({ exporter }) => exporter === 1));
      });

      test('a series adds up to the totals', async () => {
        const timeRange = { fromMs: NOW_MS - 3_600_000, toMs: NOW_MS + 3_600_000 };
        const { rows } = await store.query(
          parseQueryPlan({ kind: 'series', timeRange, groupBy: ['protocol'], stepMs: 60_000, from: 'raw' }),
        );
        const total = rows.reduce((before, { octets }) => before + Number(octets), 0);
        expect(total).toBeCloseTo(Number(sum(records)['octets']), 0);
      });

      test('says what there is, and what a question would read', async () => {
        const coverage = await store.coverage();
        const ends = records.map(({ flowEnd }) => Number(flowEnd));
        expect(coverage.raw).toMatchObject({
          fromMs: Math.min(...ends),
          toMs: Math.max(...ends) + 1,
          rows: records.length,
        });
        expect((await store.status()).rowCount).toBe(records.length);
        const source = await store.estimate(plan({ kind: 'groups', from: 'raw' }));
        expect(source).toMatchObject({ source: 'raw', rows: records.length });
      });
    });

    test('an empty store answers', async () => {
      expect((await store.query(plan({ kind: 'groups' }))).rows).toEqual([
        { octets: 0, packets: 0, flows: 0 },
      ]);
      expect((await store.query(plan({ kind: 'records' }))).rows).toEqual([]);
      expect((await store.coverage()).raw).toBeUndefined();
    });

    test('pages of records are the records', async () => {
      await send(store, [batch(recordsOf(3, 100))]);
      const ids: unknown[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.query(plan({ kind: 'records', limit: 33, ...(cursor && { cursor }) }));
        ids.push(...page.rows.map(({ flowId }) => flowId));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      expect(new Set(ids).size).toBe(100);
      expect(ids.length).toBe(100);
    });

    test('an aborted question ends', async () => {
      const controller = new AbortController();
      controller.abort();
      await expect(
        store.query(plan({ kind: 'groups' }), { signal: controller.signal }),
      ).rejects.toMatchObject({
        code: 'query_cancelled',
      });
    });

    test('SQL that changes anything is refused', async () => {
      for (const text of ['DROP VIEW flows', 'CREATE TABLE t (a INTEGER)', 'SELECT 1; SELECT 2']) {
        await expect(store.sql(text)).rejects.toMatchObject({ name: 'UserError' });
      }
    });
  });
}
