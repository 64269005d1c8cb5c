import { createManualClock } from '@weir/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAttemptLimit, networkOfAddress } from './attempt-limit.ts';
import { createRequestLimit } from './request-limit.ts';

describe('wrong passwords', () => {
  test('the sixth waits a second, each further twice as long, a quarter of an hour at most', () => {
    const clock = createManualClock();
    const limit = createAttemptLimit(clock);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 20; attempt += 1) {
      waits.push(limit.waitMs('192.0.2.1', `user${attempt}`));
      clock.advance(waits.at(-1) ?? 0);
      limit.failed('192.0.2.1', `user${attempt}`);
    }
    expect(waits.slice(0, 9)).toEqual([0, 0, 0, 0, 0, 1000, 2000, 4000, 8000]);
    expect(Math.max(...waits)).toBe(900_000);
    expect(limit.waitMs('192.0.2.2', 'user0')).toBe(0);
  });

  test('from everywhere at one user: he waits half a minute at most, and a right one forgets them', () => {
    const limit = createAttemptLimit(createManualClock());
    for (let host = 0; host < 100; host += 1) limit.failed(`192.0.2.${host}`, 'Ann');
    expect(limit.waitMs('198.51.100.1', 'ann')).toBe(30_000);
    limit.succeeded('198.51.100.1', 'ann');
    expect(limit.waitMs('198.51.100.1', 'ann')).toBe(0);
  });

  test('a right password of his own does not let somebody go on guessing at others', () => {
    const limit = createAttemptLimit(createManualClock());
    for (let attempt = 0; attempt < 6; attempt += 1) limit.failed('192.0.2.1', `victim${attempt}`);
    limit.failed('192.0.2.1', 'mallory');
    limit.succeeded('192.0.2.1', 'mallory');
    expect(limit.waitMs('192.0.2.1', 'victim9')).toBeGreaterThan(0);
  });

  test('an IPv6 host is its network', () => {
    expect(networkOfAddress('2001:db8:1:2:3:4:5:6')).toBe(networkOfAddress('2001:db8:1:2::9'));
    expect(networkOfAddress('2001:db8:1:3::1')).not.toBe(networkOfAddress('2001:db8:1:2::1'));
    expect(networkOfAddress('::ffff:192.0.2.1')).toBe('::ffff:192.0.2.1');
  });
});

describe('requests', () => {
  test('no client gets more than its burst and its rate, whatever its pace', () => {
    const rate = { perSecond: 10, burst: 20 };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 200 }), (pauses) => {
        const clock = createManualClock();
        const limit = createRequestLimit(clock);
        let admitted = 0;
        for (const pause of pauses) {
          clock.advance(pause);
          if (limit.admit('a', rate)) admitted += 1;
          expect(admitted).toBeLessThanOrEqual(20 + clock.monotonicMs() / 100);
        }
      }),
    );
  });

  test('one client does not use up what others may ask', () => {
    const limit = createRequestLimit(createManualClock());
    const rate = { perSecond: 1, burst: 1 };
    expect([limit.admit('a', rate), limit.admit('a', rate), limit.admit('b', rate)]).toEqual([
      true,
      false,
      true,
    ]);
  });
});
