/** Learning from the real store: once each hour, exactly, with alerts; and what is known over a restart. */
import type { AlertFinding } from '@weir/analysis';
import { silentLogger } from '@weir/base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AlertBook } from '../alerts/alert-book.ts';
import { openTestAnalyses, type TestAnalyses } from './analysis-server.test-support.ts';
import { type TestRecord, writeRecords } from './flow-records.test-support.ts';
import { createProfileKeeper, type ProfileKeeper } from './profile-keeper.ts';
import { createProfileTopic } from './profile-routes.ts';

const HOUR = 3_600_000;
const WEEK = 168 * HOUR;
/** A Wednesday. */
const NOW = Date.parse('2026-11-18T12:00:00Z');
const BASE = NOW - 4 * WEEK - HOUR;

/** Four weeks in which ada's laptop works an hour of Wednesday, 40 MB each time; then 4 GB in the last hour. */
function quiet(): TestRecord[] {
  const records: TestRecord[] = [];
  for (let week = 0; week < 4; week++)
    for (let index = 0; index < 4; index++)
      records.push(work(BASE + week * WEEK + index * 60_000, 10_000_000 + week * 1000));
  return records;
}
const work = (endMs: number, octets: number): TestRecord => ({
  src: '10.0.0.1',
  dst: '198.51.100.7',
  srcPort: 40_000,
  dstPort: 443,
  sessionSide: 0,
  endMs: endMs + 2000,
  octets,
  labels: { srcUser: 'ada', srcPeer: 'laptop' },
});

const findings: AlertFinding[] = [];
const book = {
  raise(finding: AlertFinding) {
    findings.push(finding);
    return 'opened';
  },
} as unknown as AlertBook;

let analyses: TestAnalyses;
let keeper: ProfileKeeper;
const create = () =>
  createProfileKeeper({
    queue: analyses.queue,
    dataDirectory: analyses.folder,
    alerts: book,
    clock: analyses.clock,
    logger: silentLogger,
  });

beforeAll(async () => {
  analyses = await openTestAnalyses(NOW - HOUR);
  await writeRecords(analyses.store, quiet());
  keeper = create();
});
afterAll(async () => {
  await keeper?.stop();
  await analyses?.close();
});

test('it learns what the store has of the weeks before, each hour once', async () => {
  await keeper.catchUp();
  const hours = keeper.baselines.history('host', '10.0.0.1', NOW) ?? [];
  expect(hours.map(({ value }) => value)).toEqual(
    [0, 1, 2, 3].map((week) => Math.fround(4 * (10_000_000 + week * 1000))),
  );
  for (const [kind, key] of [
    ['user', 'ada'],
    ['peer', 'laptop'],
    ['service', 'tcp/443'],
    ['total', ''],
  ] as const)
    expect(keeper.baselines.history(kind, key, NOW)).toEqual(hours);
  // Outside, and without a network's name.
  expect(keeper.baselines.history('host', '198.51.100.7', NOW)).toBeUndefined();
  expect(keeper.firstSeen.of('user', 'ada')?.firstMs).toBe(BASE);
  expect(keeper.firstSeen.entries('access', 'user\tada\t').map(({ key }) => key)).toEqual([
    'user\tada\ttcp/443',
  ]);
  const { hoursLearned } = keeper.status().counters;
  await keeper.catchUp();
  expect(keeper.status().counters.hoursLearned).toBe(hoursLearned);
  expect(findings).toEqual([]);
});

test('a new hour that is far above is alerted with its numbers, before it is learned', async () => {
  await writeRecords(analyses.store, [work(NOW - HOUR, 4e9)]);
  analyses.clock.advance(HOUR);
  await keeper.catchUp();
  expect(keeper.baselines.hasLearned(NOW - HOUR)).toBe(false);
  analyses.clock.advance(11 * 60_000);
  await keeper.catchUp();
  expect(findings.map(({ subject, detection }) => `${detection} ${subject.value}`).sort()).toEqual([
    'traffic-baseline 10.0.0.1',
    'traffic-baseline ada',
    'traffic-baseline all traffic',
    'traffic-baseline laptop',
    'traffic-baseline tcp/443',
  ]);
  const numbers = Object.fromEntries(
    findings[0]?.evidence.numbers.map(({ name, value }) => [name, value]) ?? [],
  );
  expect(numbers).toMatchObject({ octets: 4e9, samples: 4 });
  expect(numbers['ratio']).toBeCloseTo(100, 0);
  expect(findings[0]?.evidence).toMatchObject({
    from: new Date(NOW - HOUR).toISOString(),
    to: new Date(NOW).toISOString(),
  });
});

test('baselines are answered with their basis, and honestly where little is known', async () => {
  const topic = createProfileTopic({ keeper, queue: analyses.queue, nowMs: () => NOW + HOUR });
  const query = `from=${NOW - 2 * HOUR}&to=${NOW}`;
  const { body } = await analyses.get(topic, `/profile/baseline?kind=user&key=ada&${query}`);
  expect(body).toMatchObject({
    known: true,
    unit: 'octets',
    filter: '(srcUser = "ada" or dstUser = "ada")',
    hours: [
      { value: null, basis: null },
      { value: 4e9, basis: 'hour-of-week', samples: 4, median: 4 * 10_001_500 },
    ],
  });
  const unknown = await analyses.get(topic, `/profile/baseline?kind=user&key=eve&${query}`);
  expect(unknown.body).toMatchObject({
    known: false,
    note: expect.stringContaining('not among the largest'),
  });
  const refused = await analyses.get(topic, '/profile/baseline?from=0&to=9999999999');
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'range_invalid' } } });
});

test('somebody with a row filter is told nothing of baselines’ numbers', async () => {
  const topic = createProfileTopic({ keeper, queue: analyses.queue, nowMs: () => NOW });
  const { body } = await analyses.get(topic, '/profile/status', 'srcUser = "eve"');
  expect(body).toMatchObject({ values: 0, sightings: 0 });
});

test('what is known outlives a restart', async () => {
  const before = keeper.baselines.history('user', 'ada', NOW);
  await keeper.stop();
  keeper = create();
  expect(keeper.baselines.history('user', 'ada', NOW)).toEqual(before);
  expect(keeper.status().learnedThroughMs).toBe(NOW);
  expect(keeper.status().weeks).toBeGreaterThan(4);
});

test('people are forgotten when they are switched off, and nothing more is learned of them', async () => {
  await keeper.changeSettings({ ...keeper.settings(), people: false });
  expect(keeper.baselines.keys('user')).toEqual([]);
  expect(keeper.firstSeen.entries('access')).toEqual([]);
  expect(keeper.baselines.keys('host')).toEqual(['10.0.0.1']);
  await keeper.forget('host', '10.0.0.1');
  await expect(keeper.forget('host', '10.0.0.1')).rejects.toMatchObject({ code: 'profile_unknown' });
  await keeper.forgetAll();
  expect(keeper.status()).toMatchObject({ values: 0, sightings: 0, hours: 0 });
});
