import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { matchesFilter, parseFilter } from '@weir/analysis';
import { createManualClock, silentLogger } from '@weir/base';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLiveFeed, type LiveEvent } from '../live-feed.ts';
import { createMemoryStore } from '../memory-store.test-support.ts';
import { createQueryGate } from '../query-gate.ts';
import { createStoreQuestions } from '../store-questions.ts';
import type { StatusAnswer } from '../system-status.ts';
import { flow, NOW_MS } from '../test-server.test-support.ts';
import { type AccessServer, createAccessServer } from './access-server.test-support.ts';
import { bothFilters, eitherFilter, narrowPlan } from './row-filter.ts';

/** What bo may see, and what he must never hear of: nobody else has such an address or such a number of octets. */
const ROW_FILTER = 'dstPort = 443';
const SECRET_ADDRESS = '10.99.99.99';
const SECRET_OCTETS = 7_777_777;
const records = () => [
  flow(1000, { octets: 1000 }),
  flow(2000, {
    dstPort: 22,
    srcAddr: SECRET_ADDRESS,
    dstAddr: SECRET_ADDRESS,
    octets: SECRET_OCTETS,
    protocol: 17,
  }),
  flow(400_000, { dstPort: 22, srcAddr: SECRET_ADDRESS, octets: SECRET_OCTETS }),
];

function expectNothingOfOthers(answer: unknown): void {
  const text = JSON.stringify(answer);
  expect(text).not.toContain(SECRET_ADDRESS);
  expect(text).not.toContain(String(SECRET_OCTETS));
  expect(text).not.toContain(String(SECRET_OCTETS + 1000));
}

describe('whoever has a row filter', () => {
  let made: AccessServer;
  let bo: string;
  let lists: string;
  beforeEach(async () => {
    lists = mkdtempSync(path.join(tmpdir(), 'weir-lists-'));
    writeFileSync(path.join(lists, 'web.txt'), '443\n');
    made = createAccessServer({ listsDirectory: lists }, records());
    await made.server.start();
    made.addUser('bo', 'viewer', ROW_FILTER);
    made.addUser('ann', 'admin');
    bo = await made.logIn('bo');
  });
  afterEach(async () => {
    await made.close();
    rmSync(lists, { recursive: true });
  });

  const get = (address: string) => made.ask('GET', `/api/v1/${address}`, { as: bo });

  test('hears nothing of others from any resource that answers him', async () => {
    const { body } = await made.ask('GET', '/api/v1/openapi.json', { as: bo });
    const asked: string[] = [];
    for (const [resource, methods] of Object.entries(body.paths)) {
      if (!('get' in methods) || resource.endsWith('/live')) continue;
      const parameters = resource.endsWith('/values') ? '?field=srcAddr' : '';
      const { status, body: answer } = await made.ask('GET', `${resource}${parameters}`, { as: bo });
      expect([200, 400, 403]).toContain(status);
      if (status === 200) asked.push(resource.replace('/api/v1/', ''));
      expectNothingOfOthers(answer);
    }
    expect(asked.sort()).toEqual([
      'flows',
      'lists',
      'pulse',
      'query',
      'query/estimate',
      'series',
      'session',
      'session/tokens',
      'status',
      'values',
    ]);
  });

  test('sees his own rows, totals and SQL', async () => {
    const { body } = await get('query?by=srcAddr&previous=true&last=5m');
    expect(body).toMatchObject({
      rows: [{ srcAddr: '10.0.0.1' }],
      total: { octets: 1000, packets: 10, flows: 1 },
    });
    expect(String(body['sql'])).toContain('443');
    expect(body['source']).toMatchObject({ rows: 0, octets: 0 });
    expect((await get('values?field=srcAddr&last=5m')).body['values']).toMatchObject([{ value: '10.0.0.1' }]);
    expect((await get('values?field=srcAddr&prefix=10.99')).body['values']).toEqual([]);
    for (const { filter } of made.store.plans) expect(filter).toContain(ROW_FILTER);
  });

  test('shares no answer with those who may see more', async () => {
    const ann = await made.logIn('ann');
    const both = await Promise.all(
      [ann, bo, ann, bo].map((as) => made.ask('GET', '/api/v1/values?field=srcAddr&last=5m', { as })),
    );
    const counts = both.map(({ body }) => (body['values'] as unknown[]).length);
    expect(counts).toEqual([2, 1, 2, 1]);
  });

  test.each([
    'udp',
    'tcp) or (udp',
    'tcp\n) or (dstPort = 22',
    'udp -- ',
    'udp #',
    'udp /*',
    '*/ or udp /*',
    'any',
    'not dstPort = 443',
    'tcp or udp',
    `srcAddr = ${SECRET_ADDRESS}`,
    '"',
    "dstPort = 22 or '",
    '@web',
  ])('does not get around it with the filter %j', async (filter) => {
    for (const resource of ['query', 'series', 'flows', 'pulse']) {
      const { status, body } = await get(`${resource}?filter=${encodeURIComponent(filter)}`);
      expect([200, 400]).toContain(status);
      if (status === 200) expectNothingOfOthers({ ...body, sql: '' });
    }
  });

  test('cannot bring along a list that his row filter names', async () => {
    await made.ask('PATCH', '/api/v1/access/users/bo', {
      as: await made.logIn('ann'),
      body: { rowFilter: 'dstPort in @web' },
    });
    const plan = { kind: 'records', timeRange: { fromMs: 0, toMs: 4e12 }, filter: 'dstPort in @mine' };
    const asked = { ...plan, lists: { web: ['22'], mine: ['22', '443'] } };
    const { status, body } = await made.ask('POST', '/api/v1/query', { as: bo, body: asked });
    expect(status).toBe(200);
    expect(body['rows']).toHaveLength(1);
    expectNothingOfOthers(body);
  });

  test.each(['metrics', 'api/v1/access/users'])('is refused /%s in one clear line', async (resource) => {
    const { status, body } = await made.ask('GET', `/${resource}`, { as: bo });
    expect(status).toBe(403);
    expect(body['error']).toMatchObject({ message: expect.stringMatching(/^[^\n]{20,120}\.$/) });
  });
});

test('live events are narrowed, too', async () => {
  const clock = createManualClock(NOW_MS);
  const store = createMemoryStore(records());
  const questions = createStoreQuestions({ store, gate: createQueryGate(clock), clock });
  const exporters = [{ address: SECRET_ADDRESS, records: SECRET_OCTETS }];
  const status = async () => ({ version: '1', exporters, store: {} }) as unknown as StatusAnswer;
  const feed = createLiveFeed({ questions, status, clock, logger: silentLogger });
  feed.start();
  const [narrowed, all]: LiveEvent[][] = [[], []];
  const question = {
    filter: '',
    lastMs: 300_000,
    by: ['srcAddr'],
    top: 5,
    points: 200,
    topBy: ['srcAddr'],
    topRows: 10,
    limit: 10,
    orderBy: 'octets',
  } as const;
  feed.subscribe({ ...question, rowFilter: ROW_FILTER }, (event) => narrowed?.push(event));
  feed.subscribe({ ...question, rowFilter: '' }, (event) => all?.push(event));
  for (let second = 0; second < 3; second += 1) {
    for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1000);
  }
  expect(new Set(narrowed?.map(({ name }) => name))).toEqual(
    new Set(['status', 'pulse', 'series', 'flows', 'top']),
  );
  expectNothingOfOthers(narrowed);
  expect(JSON.stringify(all)).toContain(SECRET_ADDRESS);
  feed.stop();
});

const WORDS = [
  '(',
  ')',
  ' or ',
  ' and ',
  ' not ',
  'tcp',
  'udp',
  'dstPort = 22',
  'dstPort = 443',
  'any',
  '#',
  '--',
];
const filters = fc
  .array(fc.constantFrom(...WORDS, '/*', '*/', '\n', '"', "'", ' ', '@x', '\\', ';', '0'), { maxLength: 12 })
  .map((words) => words.join(''));

describe('filters put together', () => {
  test('let nothing through that the row filter does not', () => {
    fc.assert(
      fc.property(filters, (asked) => {
        let filter: unknown;
        try {
          filter = (narrowPlan({ filter: asked }, ROW_FILTER) as { filter: string }).filter;
          parseFilter(String(filter), { lists: {} });
        } catch {
          return; // refused
        }
        for (const record of records()) {
          if (matchesFilter(parseFilter(String(filter), { lists: {} }), record))
            expect(record['dstPort']).toBe(443);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('what asks for nothing asks for the rows', () => {
    expect(bothFilters('tcp', ' ')).toBe('tcp');
    expect(bothFilters('', 'udp')).toBe('udp');
  });

  test('several grants let through what one of them does, and one without a filter everything', () => {
    expect(eitherFilter(['tcp', 'udp'])).toBe('(tcp\n) or (udp\n)');
    expect(eitherFilter(['tcp', 'tcp'])).toBe('tcp');
    expect(eitherFilter(['tcp', ''])).toBe('');
  });
});
