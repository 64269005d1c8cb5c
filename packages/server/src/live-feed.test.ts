import { createManualClock, silentLogger } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { createLiveFeed, type LiveEvent, type LiveQuestion } from './live-feed.ts';
import { createMemoryStore, type MemoryStore } from './memory-store.test-support.ts';
import { createQueryGate } from './query-gate.ts';
import { createStoreQuestions } from './store-questions.ts';
import type { StatusAnswer } from './system-status.ts';
import { createTestServer, flow, NOW_MS } from './test-server.test-support.ts';

const QUESTION: LiveQuestion = {
  filter: '',
  lastMs: 300_000,
  by: ['protocol'],
  top: 5,
  points: 200,
  topBy: ['srcAddr'],
  topRows: 10,
  limit: 10,
  orderBy: 'octets',
  rowFilter: '',
};

function createFeed(store: MemoryStore = createMemoryStore([flow(5000)])) {
  const clock = createManualClock(NOW_MS);
  const questions = createStoreQuestions({ store, gate: createQueryGate(clock), clock });
  const status = async () => ({ version: '1' }) as unknown as StatusAnswer;
  const feed = createLiveFeed({ questions, status, clock, logger: silentLogger });
  feed.start();
  return { feed, clock, store };
}

/** Lets everything that waits for promises happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('live feed', () => {
  test('a new client gets all parts at once, then only what changed', async () => {
    const { feed, clock, store } = createFeed();
    const events: LiveEvent[] = [];
    feed.subscribe(QUESTION, (event) => events.push(event));
    await settle();
    expect(events.map((event) => event.name)).toEqual(['status', 'pulse', 'series', 'flows', 'top']);

    events.length = 0;
    store.records.push(flow(-500, { octets: 9 }));
    clock.advance(1000);
    await settle();
    expect(events.map((event) => event.name)).toContain('flows');
    expect(events.find((event) => event.name === 'flows')?.data).toMatchObject({
      flows: [{ octets: 9 }, {}],
    });
  });

  test('clients with the same question share what it costs', async () => {
    const { feed, store } = createFeed();
    for (let client = 0; client < 20; client++) feed.subscribe(QUESTION, () => {});
    await settle();
    // pulse, series, records, and the ranking with its total
    expect(store.plans).toHaveLength(5);
    expect(feed.counters()).toMatchObject({ clients: 20, views: 1 });
  });

  test('a client that comes later gets the whole series, not a patch', async () => {
    const { feed, clock, store } = createFeed();
    feed.subscribe(QUESTION, () => {});
    await settle();
    store.records.push(flow(-1000));
    clock.advance(5000);
    await settle();
    const events: LiveEvent[] = [];
    feed.subscribe(QUESTION, (event) => events.push(event));
    const series = events.find((event) => event.name === 'series')?.data as {
      fromTime: number;
      from: number;
    };
    expect(series.fromTime).toBe(series.from);
  });

  test('nobody there, nothing asked', async () => {
    const { feed, clock, store } = createFeed();
    const leave = feed.subscribe(QUESTION, () => {});
    await settle();
    leave?.();
    const asked = store.plans.length;
    clock.advance(60_000);
    await settle();
    expect(store.plans).toHaveLength(asked);
    expect(feed.counters()).toMatchObject({ clients: 0, views: 0 });
  });

  test('the number of clients and of different questions is bounded', async () => {
    const { feed } = createFeed();
    for (let client = 0; client < 64; client++) expect(feed.subscribe(QUESTION, () => {})).toBeDefined();
    expect(feed.subscribe(QUESTION, () => {})).toBeUndefined();

    const other = createFeed().feed;
    for (let view = 0; view < 16; view++) {
      expect(other.subscribe({ ...QUESTION, filter: `port ${view}` }, () => {})).toBeDefined();
    }
    expect(other.subscribe({ ...QUESTION, filter: 'port 99' }, () => {})).toBeUndefined();
    expect(other.counters()).toMatchObject({ clients: 16, views: 16, refusedClients: 1 });
  });

  test('what takes long is asked less often', async () => {
    const { feed, clock, store } = createFeed();
    const query = store.query;
    store.query = async (...args) => {
      clock.advance(500); // Each question costs half a second.
      return query(...args);
    };
    feed.subscribe(QUESTION, () => {});
    await settle();
    const first = store.plans.length;
    for (let second = 0; second < 4; second++) {
      clock.advance(900);
      await settle();
    }
    // 4.5 s of rest for each part that took 0.5 s: none was asked a third time.
    expect(store.plans.length - first).toBeLessThanOrEqual(first);
    expect(feed.counters().failedPolls).toBe(0);
  });

  test('a store that fails does not end the feed', async () => {
    const { feed, clock, store } = createFeed();
    const query = store.query;
    store.query = () => Promise.reject(new Error('engine'));
    const events: LiveEvent[] = [];
    feed.subscribe(QUESTION, (event) => events.push(event));
    await settle();
    expect(feed.counters().failedPolls).toBe(4);
    store.query = query;
    clock.advance(20_000);
    await settle();
    expect(events.map((event) => event.name)).toContain('flows');
  });
});

test('events travel as server-sent events with the security headers, and stop ends them', async () => {
  const { server } = createTestServer({}, [flow(2000)]);
  await server.start();
  const answer = await fetch(`${server.address().url}/api/v1/live?filter=tcp`);
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('event: top')) text += (await reader?.read())?.value ?? '';
  expect(text).toMatch(/^retry: 2000\n\n/);
  for (const name of ['status', 'pulse', 'series', 'flows'])
    expect(text).toContain(`event: ${name}\ndata: {`);
  expect(server.counters().live).toMatchObject({ clients: 1, views: 1 });
  await server.stop();
});
