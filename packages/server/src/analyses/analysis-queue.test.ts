import { createManualClock, silentLogger } from '@weir/base';
import { beforeEach, expect, test } from 'vitest';
import { type AnalysisQueue, type AnalysisStore, createAnalysisQueue } from './analysis-queue.ts';

const answer = { columns: ['n'], rows: [{ n: 1 }], truncated: false, elapsedMs: 1 };
const clock = createManualClock();
let queue: AnalysisQueue;
let asked: string[];

const store: AnalysisStore = {
  query: () => Promise.reject(new Error('not asked here')),
  sql: (text, options) =>
    new Promise((resolve, reject) => {
      asked.push(text);
      if (text === 'for ever')
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason));
      else resolve(answer);
    }),
};

beforeEach(() => {
  asked = [];
  queue = createAnalysisQueue({ store, clock, logger: silentLogger });
});

test('one runs at a time, in order, and each is counted by its name', async () => {
  let running = 0;
  const work = (text: string) => async (own: AnalysisStore) => {
    running += 1;
    expect(running).toBe(1);
    await own.sql(text);
    running -= 1;
    return text;
  };
  const names = ['a', 'b', 'a', 'c'];
  expect(await Promise.all(names.map((name, index) => queue.run(name, work(`${index}`))))).toEqual([
    '0',
    '1',
    '2',
    '3',
  ]);
  expect(asked).toEqual(['0', '1', '2', '3']);
  expect(queue.counters()).toMatchObject({ a: { runs: 2, failures: 0 }, b: { runs: 1 }, c: { runs: 1 } });
});

test('a failure is told and counted, and the next one runs', async () => {
  const failing = queue.run('bad', () => Promise.reject(new Error('no')));
  const good = queue.run('good', (own) => own.sql('x'));
  await expect(failing).rejects.toThrow('no');
  expect((await good).rows).toEqual([{ n: 1 }]);
  expect(queue.counters()).toMatchObject({ bad: { runs: 1, failures: 1 }, good: { failures: 0 } });
});

test('one that takes too long is stopped in the store', async () => {
  const slow = queue.run('slow', (own) => own.sql('for ever'));
  await expect.poll(() => asked).toEqual(['for ever']);
  clock.advance(120_000);
  await expect(slow).rejects.toMatchObject({ code: 'analysis_timeout' });
});

test('whoever asked and went away stops it; whoever waits and goes away never starts', async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const running = queue.run('first', (own) => own.sql('for ever'), first.signal);
  const waiting = queue.run('second', (own) => own.sql('never'), second.signal);
  await expect.poll(() => asked).toEqual(['for ever']);
  second.abort(new Error('gone'));
  first.abort(new Error('left'));
  await expect(running).rejects.toThrow('left');
  await expect(waiting).rejects.toThrow('gone');
  expect(asked).toEqual(['for ever']);
});

test('whoever waits and goes away is told so while another still runs', async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const running = queue.run('first', (own) => own.sql('for ever'), first.signal);
  const waiting = queue.run('second', (own) => own.sql('never'), second.signal);
  await expect.poll(() => asked).toEqual(['for ever']);
  second.abort(new Error('gone'));
  await expect(waiting).rejects.toThrow('gone');
  first.abort(new Error('left'));
  await expect(running).rejects.toThrow('left');
});

test('more than it can do soon are refused', async () => {
  const stop = new AbortController();
  const runs = Array.from({ length: 65 }, () => queue.run('many', (own) => own.sql('for ever'), stop.signal));
  const outcomes = Promise.allSettled(runs);
  await expect.poll(() => asked.length).toBe(1);
  stop.abort(new Error('enough'));
  const codes = (await outcomes).map((each) => (each.status === 'rejected' ? each.reason.code : ''));
  expect(codes.filter((code) => code === 'analysis_busy')).toHaveLength(1);
});
