import { createManualClock } from '@weir/base';
import { expect, test } from 'vitest';
import { createClockedWork } from './clocked-work.ts';

test('ticks at the start and by the clock, until it is stopped', async () => {
  const clock = createManualClock();
  let ticks = 0;
  const work = createClockedWork(clock, 1000, () => {
    ticks += 1;
  });
  await work.start();
  clock.advance(2500);
  expect(ticks).toBe(3);
  await work.stop();
  clock.advance(5000);
  expect(ticks).toBe(3);
});

test('one turn begins when the one before has ended, also where that failed; stopping waits for the last', async () => {
  const work = createClockedWork(createManualClock(), 1000, () => {});
  const order: string[] = [];
  const turn = (name: string, fails = false) =>
    work.inTurn(async () => {
      order.push(`${name} begins`);
      await new Promise(setImmediate);
      order.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const [first, second] = [turn('a', true), turn('b')];
  await expect(first).rejects.toThrow('a');
  expect(await second).toBe('b');
  const last = turn('c');
  await work.stop();
  expect(order).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  expect(await last).toBe('c');
  expect(work.signal.reason).toMatchObject({ code: 'analysis_stopped' });
});
