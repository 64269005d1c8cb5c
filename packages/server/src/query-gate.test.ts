import { createManualClock } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { createQueryGate } from './query-gate.ts';

interface Pending {
  resolve: (value: string) => void;
  signal: AbortSignal;
}

function setUp() {
  const clock = createManualClock();
  const gate = createQueryGate(clock);
  const asked: Pending[] = [];
  const ask = (signal: AbortSignal) => new Promise<string>((resolve) => asked.push({ resolve, signal }));
  return { clock, gate, asked, ask };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('query gate', () => {
  test('runs two questions at a time, the others in their order', async () => {
    const { gate, asked, ask } = setUp();
    const answers = ['a', 'b', 'c', 'd'].map((key) => gate.run(key, ask));
    await settle();
    expect(asked).toHaveLength(2);
    asked[0]?.resolve('first');
    await settle();
    expect(asked).toHaveLength(3);
    asked[1]?.resolve('second');
    await settle();
    for (const pending of asked) pending.resolve('later');
    expect(await Promise.all(answers)).toEqual(['first', 'second', 'later', 'later']);
  });

  test('refuses when too many wait', async () => {
    const { gate, asked, ask } = setUp();
    const answers = Array.from({ length: 2 + 64 }, (_, index) => gate.run(String(index), ask));
    await expect(gate.run('one more', ask)).rejects.toMatchObject({ code: 'busy' });
    expect(gate.counters()).toMatchObject({ asked: 66, refused: 1 });
    for (let index = 0; index < 66; index++) {
      asked[index]?.resolve('');
      await settle();
    }
    await Promise.all(answers);
  });

  test('remembers an answer for a moment, not longer', async () => {
    const { gate, clock } = setUp();
    let count = 0;
    const ask = async () => ++count;
    expect([await gate.run('k', ask), await gate.run('k', ask)]).toEqual([1, 1]);
    clock.advance(1000);
    expect(await gate.run('k', ask)).toBe(2);
  });

  test('a failure is not remembered', async () => {
    const { gate } = setUp();
    await expect(gate.run('k', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await gate.run('k', async () => 'yes')).toBe('yes');
    expect(gate.counters()).toMatchObject({ asked: 2, failed: 1, cancelled: 0 });
  });

  test('is cancelled when the last caller goes, not before', async () => {
    const { gate, asked, ask } = setUp();
    const one = new AbortController();
    const two = new AbortController();
    const answers = [gate.run('k', ask, one.signal), gate.run('k', ask, two.signal)].map((answer) =>
      answer.catch(() => 'gone'),
    );
    await settle();
    one.abort();
    await settle();
    expect(asked[0]?.signal.aborted).toBe(false);
    two.abort();
    await settle();
    expect(asked[0]?.signal.aborted).toBe(true);
    expect(await Promise.all(answers)).toEqual(['gone', 'gone']);
    expect(gate.counters()).toMatchObject({ asked: 1, answeredFromCache: 1, cancelled: 1 });
  });

  test('a question that waits and is cancelled is never asked', async () => {
    const { gate, asked, ask } = setUp();
    const busy = [gate.run('a', ask), gate.run('b', ask)];
    const controller = new AbortController();
    const waiting = gate.run('c', ask, controller.signal).catch(() => 'gone');
    controller.abort();
    expect(await waiting).toBe('gone');
    for (const pending of asked) pending.resolve('');
    await Promise.all(busy);
    await settle();
    expect(asked).toHaveLength(2);
  });

  test('gives up after thirty seconds and stops the store', async () => {
    const { gate, clock, asked, ask } = setUp();
    const answer = gate.run('k', ask).catch((error: unknown) => error);
    await settle();
    clock.advance(30_000);
    expect(await answer).toMatchObject({ code: 'timeout' });
    expect(asked[0]?.signal.aborted).toBe(true);
    expect(gate.counters()).toMatchObject({ timedOut: 1, cancelled: 0 });
    expect(await gate.run('k', async () => 'again')).toBe('again');
  });
});
