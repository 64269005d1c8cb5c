import { expect, test } from 'vitest';
import { clockDiscipline } from './clock-discipline.ts';
import { libcUnavailable } from './libc.ts';

test.skipIf(libcUnavailable() !== undefined)('the kernel says how far the clock may be off', () => {
  const discipline = clockDiscipline();
  // A sandbox may forbid the question; an answer is between 0 and the 16 s at which the kernel stops counting.
  if (discipline === undefined) return;
  expect(discipline.errorMaxMs).toBeGreaterThanOrEqual(0);
  expect(discipline.errorMaxMs).toBeLessThanOrEqual(16_000);
});
