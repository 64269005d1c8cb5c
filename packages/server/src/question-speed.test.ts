import { expect, test } from 'vitest';
import { createQuestionSpeed } from './question-speed.ts';

test('what is expected follows what large answers took; small ones teach nothing', () => {
  const speed = createQuestionSpeed();
  expect(speed.expectedMs(100_000_000)).toBe(10_000);
  for (let count = 0; count < 30; count += 1) speed.learn(5_000, 500);
  expect(speed.expectedMs(100_000_000)).toBe(10_000);
  for (let count = 0; count < 30; count += 1) speed.learn(10_000_000, 500);
  expect(speed.expectedMs(100_000_000)).toBeGreaterThan(4_900);
  expect(speed.expectedMs(100_000_000)).toBeLessThan(5_100);
  speed.learn(10_000_000, 0);
  expect(Number.isFinite(speed.expectedMs(1))).toBe(true);
});
