import { createManualClock } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { createRateLimiter } from './rate-limit.ts';

describe('createRateLimiter', () => {
  test('without limits there is none', () => {
    expect(createRateLimiter(undefined, createManualClock())).toBeUndefined();
    expect(createRateLimiter({ templates: 5 }, createManualClock())).toBeUndefined();
  });

  test('lets a burst of a second through, then the rate', () => {
    const clock = createManualClock();
    const limiter = createRateLimiter({ datagramsPerSecond: 10 }, clock);
    const admitted = () => Array.from({ length: 100 }, () => limiter?.admit()).filter(Boolean).length;
    expect(admitted()).toBe(10);
    clock.advance(500);
    expect(admitted()).toBe(5);
    clock.advance(60_000);
    expect(admitted()).toBe(10);
    expect(limiter?.limited).toBe(300 - 25);
  });

  test('records are paid for after they came', () => {
    const clock = createManualClock();
    const limiter = createRateLimiter({ recordsPerSecond: 100 }, clock);
    expect(limiter?.admit()).toBe(true);
    limiter?.spend(300);
    expect(limiter?.admit()).toBe(false);
    clock.advance(1900);
    expect(limiter?.admit()).toBe(false);
    clock.advance(200);
    expect(limiter?.admit()).toBe(true);
  });
});
