/** What plans of the richer kinds mean: SQL beside a naive reading of the same records. */
import { type FlowRecord, type GroupsPlan, parseQueryPlan } from '@weir/analysis';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FlowStore } from './flow-store-contract.ts';
import { batchOf } from './test-batch.ts';
import { EXPORTERS, evaluatorRecord, LABELS, NOW_MS, recordArbitrary } from './test-records.ts';
import { openTestStore, send, temporaryDirectory } from './test-store.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let store: FlowStore;
const records = fc.sample(recordArbitrary(), { numRuns: 1500, seed: 20_260_301 });
const evaluated = records.map(evaluatorRecord);

beforeAll(async () => {
  directory = temporaryDirectory();
  store = await openTestStore(directory.path);
  await send(store, [batchOf(records.slice(0, 700), EXPORTERS, [], undefined, LABELS)]);
  await store.seal();
  await send(store, [batchOf(records.slice(700), EXPORTERS, [], undefined, LABELS)]);
});

afterAll(async () => {
  await store.close();
  directory.remove();
});

const RANGE = { fromMs: NOW_MS, toMs: NOW_MS + 200_000 };
const number = (record: FlowRecord, name: string): number => Number(record[name] ?? 0);
const end = (record: FlowRecord): number => Number(record['flowEnd'] ?? record['receivedAt']);
const inRange = (record: FlowRecord, { fromMs, toMs } = RANGE): boolean =>
  end(record) >= fromMs && end(record) < toMs;

function ask(plan: Partial<GroupsPlan> & object) {
  return store.query(parseQueryPlan({ kind: 'groups', timeRange: RANGE, limit: 100_000, ...plan }));
}

function groupBy(list: readonly FlowRecord[], key: (record: FlowRecord) => unknown) {
  const groups = new Map<string, FlowRecord[]>();
  for (const record of list) {
    const text = JSON.stringify(key(record) ?? null);
    groups.set(text, [...(groups.get(text) ?? []), record]);
  }
  return groups;
}

const sum = (list: readonly FlowRecord[], value: (record: FlowRecord) => number): number =>
  list.reduce((total, record) => total + value(record), 0);

test('scaled: octets and packets times the sampling rate', async () => {
  const { rows } = await ask({ groupBy: [], scaled: true });
  const rate = (record: FlowRecord) => Math.max(1, number(record, 'samplingRate'));
  expect(
    Number(rows[0]?.['octets']) / sum(evaluated, (each) => number(each, 'octets') * rate(each)),
  ).toBeCloseTo(1, 9);
  expect(
    Number(rows[0]?.['packets']) / sum(evaluated, (each) => number(each, 'packets') * rate(each)),
  ).toBeCloseTo(1, 9);
  expect(rows[0]?.['flows']).toBe(evaluated.length);
});

test('deduplicated: without the records that are marked', async () => {
  const { rows } = await ask({ groupBy: [], deduplicated: true });
  const kept = evaluated.filter((record) => record['duplicate'] !== 1);
  expect(rows[0]).toMatchObject({ flows: kept.length, octets: sum(kept, (each) => number(each, 'octets')) });
  expect(kept.length).toBeLessThan(evaluated.length);
});

test.each(['host', 'user', 'country', 'port'])('either side: %s', async (name) => {
  const [source, destination] = {
    host: ['srcAddr', 'dstAddr'],
    user: ['srcUser', 'dstUser'],
    country: ['srcCountry', 'dstCountry'],
    port: ['srcPort', 'dstPort'],
  }[name] as [string, string];
  const { rows } = await ask({ groupBy: [name] as never });
  const expected = new Map<string, { octets: number; sent: number; flows: number }>();
  for (const record of evaluated) {
    const sides = [record[source] ?? null, record[destination] ?? null];
    sides.forEach((value, side) => {
      if (side === 1 && value === sides[0]) return;
      const key = JSON.stringify(value);
      const group = expected.get(key) ?? { octets: 0, sent: 0, flows: 0 };
      expected.set(key, group);
      group.octets += number(record, 'octets');
      if (side === 0) group.sent += number(record, 'octets');
      group.flows += 1;
    });
  }
  expect(rows.length).toBe(expected.size);
  for (const row of rows) {
    const group = expected.get(JSON.stringify(row[name]));
    expect(row).toMatchObject({ octets: group?.octets, octetsSent: group?.sent, flows: group?.flows });
    expect(Number(row['octetsSent']) + Number(row['octetsReceived'])).toBe(row['octets']);
  }
});

test('hosts cut to networks count a flow within one network once', async () => {
  const { rows } = await ask({
    groupBy: ['host/0'] as never,
    filter: 'srcAddr in (0.0.0.0/0) and dstAddr in (0.0.0.0/0)',
  });
  const both = evaluated.filter((record) =>
    ['srcAddr', 'dstAddr'].every((name) => String(record[name]).includes('.')),
  );
  expect(rows).toEqual([expect.objectContaining({ 'host/0': '0.0.0.0/0', flows: both.length })]);
});

test('the number of distinct values', async () => {
  const { rows } = await ask({
    groupBy: ['protocol'] as never,
    measures: ['count(srcAddr)', 'count(dstPort)', 'count(srcUser)'],
    orderBy: 'count(srcAddr)',
  });
  const groups = groupBy(evaluated, (record) => record['protocol']);
  for (const row of rows) {
    const members = groups.get(JSON.stringify(row['protocol'])) ?? [];
    for (const name of ['srcAddr', 'dstPort', 'srcUser']) {
      const values = new Set(members.map((record) => record[name]).filter((value) => value !== undefined));
      expect(row[`count(${name})`]).toBe(values.size);
    }
  }
  const order = rows.map((row) => Number(row['count(srcAddr)']));
  expect(order).toEqual([...order].sort((a, b) => b - a));
});

test('the period before', async () => {
  const timeRange = { fromMs: NOW_MS + 60_000, toMs: NOW_MS + 120_000 };
  const { rows } = await ask({
    timeRange,
    groupBy: ['direction'] as never,
    previous: true,
    measures: ['bps'],
  });
  const groups = groupBy(
    evaluated.filter((record) => inRange(record, { fromMs: NOW_MS, toMs: NOW_MS + 120_000 })),
    (record) => record['direction'],
  );
  expect(rows.length).toBe(groups.size);
  for (const row of rows) {
    const members = groups.get(JSON.stringify(row['direction'])) ?? [];
    const now = members.filter((record) => inRange(record, timeRange));
    const before = members.filter((record) => !inRange(record, timeRange));
    expect(row).toMatchObject({
      flows: now.length,
      flowsBefore: before.length,
      octets: sum(now, (each) => number(each, 'octets')),
      octetsBefore: sum(before, (each) => number(each, 'octets')),
    });
    expect(row['bps']).toBeCloseTo((sum(now, (each) => number(each, 'octets')) * 8000) / 60_000, 3);
  }
});

test('rates: average, busiest step, 95th percentile', async () => {
  const stepMs = 2000;
  const timeRange = { fromMs: NOW_MS + 10_000, toMs: NOW_MS + 110_000 };
  const plan = {
    timeRange,
    groupBy: ['direction'] as never,
    measures: ['pps', 'bps95', 'fpsMax'],
    orderBy: 'bpsMax',
    stepMs,
  };
  const filter = '(flowEnd >= flowStart or not flowEnd exists) and receivedAt >= flowStart';
  const { rows } = await ask({ ...plan, filter });
  const sane = evaluated.filter((record) => {
    const [start, last] = [record['flowStart'], record['flowEnd']].map(
      (value) => value as number | undefined,
    );
    if (start === undefined || number(record, 'receivedAt') < start) return false;
    return last === undefined || last >= start;
  });
  const groups = groupBy(sane, (record) => record['direction']);
  for (const row of rows) {
    const members = groups.get(JSON.stringify(row['direction'])) ?? [];
    const ended = members.filter((record) => inRange(record, timeRange));
    expect(row).toMatchObject({ flows: ended.length });
    expect(row['pps']).toBeCloseTo((sum(ended, (each) => number(each, 'packets')) * 1000) / 100_000, 3);
    const steps = naiveSteps(members, timeRange, stepMs);
    const octets = steps.map((step) => step.octets).sort((a, b) => b - a);
    expect(steps.length).toBe(50);
    expectClose(row['bpsMax'], (octets[0]! * 8000) / stepMs);
    expectClose(row['bps95'], (octets[Math.floor(50 * 0.05)]! * 8000) / stepMs);
    expect(row['fpsMax']).toBeCloseTo((Math.max(...steps.map((step) => step.flows)) * 1000) / stepMs, 6);
  }
  const order = rows.map((row) => Number(row['bpsMax']));
  expect(order).toEqual([...order].sort((a, b) => b - a));
});

function expectClose(actual: unknown, expected: number): void {
  expect(Math.abs(Number(actual) - expected)).toBeLessThanOrEqual(1e-6 * (1 + expected));
}

function naiveSteps(members: readonly FlowRecord[], { fromMs, toMs }: typeof RANGE, stepMs: number) {
  const steps = [];
  for (let at = Math.floor(fromMs / stepMs) * stepMs; at < toMs; at += stepMs) {
    let [octets, flows] = [0, 0];
    for (const record of members) {
      const last = end(record);
      const first = Number(record['flowStart'] ?? last);
      if (last < fromMs || first >= toMs) continue;
      const overlap = Math.min(last, toMs, at + stepMs) - Math.max(first, fromMs, at);
      const isPoint = last === first && last >= at && last < at + stepMs;
      octets +=
        number(record, 'octets') * (isPoint ? 1 : last === first ? 0 : Math.max(0, overlap) / (last - first));
      if (last >= at && last < at + stepMs && last < toMs) flows += 1;
    }
    steps.push({ octets, flows });
  }
  return steps;
}

test('sessions: what each end sent, whichever side a record is of', async () => {
  const session = (side: number, octets: number, more: object = {}) => ({
    receivedAt: NOW_MS + 500_000,
    flowStart: NOW_MS + 400_000 + side * 1000,
    flowEnd: NOW_MS + 460_000 + side * 2000,
    srcAddrHi: 0n,
    dstAddrHi: 0n,
    srcAddrLo: 0xffff_0a00_0001n + BigInt(side),
    dstAddrLo: 0xffff_0a00_0002n - BigInt(side),
    srcPort: side === 0 ? 50_000 : 443,
    dstPort: side === 0 ? 443 : 50_000,
    protocol: 6,
    octets,
    packets: 1,
    sessionSide: side,
    directionRule: 7,
    exporter: 0,
    ...more,
  });
  await send(store, [
    batchOf(
      [
        session(0, 100, { sessionId: 1n }),
        session(1, 5000, { sessionId: 1n }),
        session(0, 11, { sessionId: 1n, duplicate: 1 }),
        session(0, 70, { sessionId: 2n, reverseOctets: 700, reversePackets: 3 }),
        session(0, 1),
      ],
      EXPORTERS,
    ),
  ]);
  const timeRange = { fromMs: NOW_MS + 400_000, toMs: NOW_MS + 600_000 };
  const { rows } = await store.query(parseQueryPlan({ kind: 'sessions', timeRange, deduplicated: true }));
  const ends = {
    initiator: '10.0.0.1',
    initiatorPort: 50_000,
    responder: '10.0.0.2',
    responderPort: 443,
    protocol: 6,
    directionRule: 7,
  };
  expect(rows).toMatchObject([
    {
      sessionId: 1,
      ...ends,
      octetsSent: 100,
      octetsReceived: 5000,
      octets: 5100,
      flows: 2,
      duration: 62_000,
    },
    { sessionId: 2, ...ends, octetsSent: 70, octetsReceived: 700, packetsReceived: 3, octets: 770, flows: 1 },
  ]);
  const all = await store.query(
    parseQueryPlan({ kind: 'sessions', timeRange, orderBy: 'start', descending: false }),
  );
  expect(all.rows).toMatchObject([{ sessionId: 1, octetsSent: 111, flows: 3 }, { sessionId: 2 }]);
});
