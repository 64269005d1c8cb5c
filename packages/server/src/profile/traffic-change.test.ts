/** What changed, against a naive reckoning over the same records in the real store. */
import { createManualClock, silentLogger } from '@weir/base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestAnalyses, type TestAnalyses } from './analysis-server.test-support.ts';
import { type TestRecord, writeRecords } from './flow-records.test-support.ts';
import { createProfileKeeper, type ProfileKeeper } from './profile-keeper.ts';
import { createProfileTopic } from './profile-routes.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-11-18T12:00:00Z');
const FROM = NOW - HOUR;
/** Clients 10.0.0.1–4 use services of 10.1.0.1–2 in both hours; 10.0.0.9 is new and copies a lot to 10.1.0.7. */
const records: TestRecord[] = [];
for (let index = 0; index < 240; index++) {
  const client = `10.0.0.${1 + (index % 4)}`;
  const server = `10.1.0.${1 + (index % 2)}`;
  const answer = index % 3 === 0;
  const ports = { srcPort: answer ? 443 : 40_000 + index, dstPort: answer ? 40_000 + index : 443 };
  records.push({
    src: answer ? server : client,
    dst: answer ? client : server,
    ...ports,
    endMs: (index < 120 ? FROM - HOUR : FROM) + (index % 120) * 20_000 + 5000,
    octets: 1000 + (index % 7) * 100,
    sessionId: 1 + index,
    sessionSide: answer ? 1 : 0,
    // Told again by a second observation point: not counted twice.
    ...(index % 10 === 0 ? { duplicate: 1 } : {}),
    ...(index % 4 === 0 ? { samplingRate: 10 } : {}),
  });
}
for (let index = 0; index < 20; index++)
  records.push({
    src: '10.0.0.9',
    dst: '10.1.0.7',
    srcPort: 50_000 + index,
    dstPort: 22,
    sessionSide: 0,
    endMs: FROM + index * 60_000,
    octets: 500_000,
    labels: { srcPeer: 'backup-1', dstPeer: 'store-1' },
  });
records.push({
  src: '10.0.0.8',
  dst: '10.1.0.1',
  srcPort: 50_000,
  dstPort: 25,
  endMs: FROM - 1,
  octets: 4000,
});

interface Answer {
  total: { actual: number; before: number; expected: number };
  sentences: string[];
  comparable: { factor: number; by: string };
  causes: { dimension: string }[];
  dimensions: {
    dimension: string;
    changes: {
      label: string;
      kind: string;
      actual: number;
      before: number;
      filter: string;
      flowsNow: number;
    }[];
  }[];
}

let analyses: TestAnalyses;
let keeper: ProfileKeeper;
const ask = async (query: string, rowFilter?: string) => {
  const topic = createProfileTopic({ keeper, queue: analyses.queue, nowMs: () => NOW });
  return analyses.get(topic, `/profile/changes?${query}`, rowFilter);
};

beforeAll(async () => {
  analyses = await openTestAnalyses(NOW);
  const { queue, folder } = analyses;
  keeper = createProfileKeeper({
    queue,
    dataDirectory: folder,
    clock: createManualClock(NOW),
    logger: silentLogger,
  });
  await writeRecords(analyses.store, records);
});
afterAll(() => analyses?.close());

/** Octets of a client, now and before, as somebody with the list of records would add them up. */
function naive(keyOf: (record: TestRecord) => string) {
  const sums = new Map<string, { actual: number; before: number }>();
  for (const record of records) {
    if (record.duplicate === 1) continue;
    const known = sums.get(keyOf(record)) ?? { actual: 0, before: 0 };
    const octets = (record.octets ?? 0) * (record.samplingRate ?? 1);
    if (record.endMs >= FROM && record.endMs < NOW) known.actual += octets;
    else if (record.endMs >= FROM - HOUR && record.endMs < FROM) known.before += octets;
    sums.set(keyOf(record), known);
  }
  return sums;
}

describe('an hour against the one before', () => {
  let answer: Answer;
  beforeAll(async () => {
    const { status, body } = await ask('last=1h');
    expect(status, JSON.stringify(body)).toBe(200);
    answer = body as Answer;
  });

  test('the total is what was on the wire, once', () => {
    expect(answer.total).toMatchObject(naive(() => '').get('') ?? {});
    expect(answer.comparable).toMatchObject({ factor: 1, by: 'length' });
  });

  test.each([
    ['client', (record: TestRecord) => (record.sessionSide === 1 ? record.dst : record.src)],
    ['server', (record: TestRecord) => (record.sessionSide === 1 ? record.src : record.dst)],
    ['service', (record: TestRecord) => `tcp/${record.sessionSide === 1 ? record.srcPort : record.dstPort}`],
  ])('each %s has the naive sums', (dimension, keyOf) => {
    const told = answer.dimensions.find((each) => each.dimension === dimension)?.changes ?? [];
    for (const [label, sums] of naive(keyOf)) {
      if (sums.actual === sums.before) continue;
      expect(told.find((each) => each.label === label)).toMatchObject(sums);
    }
  });

  test('what is new and gone is said so', () => {
    const clients = answer.dimensions.find(({ dimension }) => dimension === 'client')?.changes ?? [];
    expect(clients.find(({ label }) => label === '10.0.0.9')?.kind).toBe('new');
    expect(clients.find(({ label }) => label === '10.0.0.8')?.kind).toBe('gone');
    expect(clients.find(({ label }) => label === '10.0.0.1')?.kind).toMatch(/grown|shrunk/);
  });

  test('it is explained: who, with whom, which service, and that it was not there before', () => {
    expect(answer.sentences[0]).toMatch(/^\+\d+ % of octets/);
    expect(answer.sentences[1]).toMatch(
      /^\d+ % of the growth is peer backup-1 to tcp\/22, with store-1, which did not exist before\.$/,
    );
    expect(answer.causes.map(({ dimension }) => dimension)).toContain('client');
  });

  test('dimensions that no record has a value of are left out', () => {
    const names = answer.dimensions.map(({ dimension }) => dimension);
    expect(names).not.toContain('clientUser');
    expect(names).not.toContain('serverCountry');
    expect(names).toContain('clientPeer');
  });
});

test('a filter, and the row filter of who asks, narrow both periods', async () => {
  const { body } = await ask('last=1h&filter=dstPort%20%3D%2022');
  expect((body as Answer).total).toMatchObject({ actual: 10_000_000, before: 0 });
  const { body: narrowed } = await ask('last=1h', 'srcAddr = 10.0.0.8');
  expect((narrowed as Answer).total).toMatchObject({ actual: 0, before: 4000 });
});

test('periods of different lengths are made comparable', async () => {
  const from = FROM - HOUR;
  const query = `from=${FROM + HOUR / 2}&to=${NOW}&against=range&againstFrom=${from}&againstTo=${FROM}`;
  const { body } = await ask(query);
  const { total, comparable } = body as Answer;
  expect(comparable.factor).toBe(0.5);
  expect(total.expected).toBe(total.before / 2);
});

test('nothing at all is said as such', async () => {
  const { body } = await ask(`from=${NOW - 40 * 24 * HOUR}&to=${NOW - 39 * 24 * HOUR}`);
  expect(body).toMatchObject({ sentences: ['There is no traffic in either period.'], causes: [] });
});

test.each([
  ['last=1h&against=range', 'range_invalid'],
  [`last=1h&against=range&againstFrom=${FROM}&againstTo=${NOW}`, 'range_invalid'],
  ['last=200d', 'range_invalid'],
  ['last=1h&against=yesterday', 'parameter'],
  ['last=1h&filter=src%20in%20%28', 'filter'],
])('%s is refused', async (query, code) => {
  expect(await ask(query)).toMatchObject({ status: 400, body: { error: { code } } });
});
