import { expect, test } from 'vitest';
import { createManualClock } from './clock.ts';

test('timers of a manual clock fire in order of their due time, repeats included', () => {
  const clock = createManualClock(1000);
  const fired: string[] = [];
  clock.every(10, () => fired.push(`every@${clock.nowMs()}`));
  clock.after(15, () => fired.push(`after@${clock.nowMs()}`));
  clock.advance(25);
  expect(fired).toEqual(['every@1010', 'after@1015', 'every@1020']);
  expect(clock.nowMs()).toBe(1025);
});

test('a cancelled timer does not fire, and a timer set by a callback does', () => {
  const clock = createManualClock();
  let count = 0;
  const cancel = clock.every(5, () => {
    count += 1;
    cancel();
    clock.after(5, () => {
      count += 10;
    });
  });
  clock.advance(100);
  expect(count).toBe(11);
});
