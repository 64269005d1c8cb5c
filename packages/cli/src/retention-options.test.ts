import { UserError } from '@weir/base';
import { expect, test } from 'vitest';
import { readRetention } from './retention-options.ts';

test('durations and sizes become options of the store, absent ones none', () => {
  expect(readRetention({})).toEqual({});
  expect(readRetention({ keep: '30d', keepMinutes: '26w', keepHours: '365d', keepSize: '1.5T' })).toEqual({
    retentionMs: 30 * 86_400_000,
    retentionMinutesMs: 182 * 86_400_000,
    retentionHoursMs: 365 * 86_400_000,
    octetsMax: 1.5e12,
  });
  expect(readRetention({ keepSize: '200GB' })).toEqual({ octetsMax: 2e11 });
});

test('what is neither is refused in one line', () => {
  for (const options of [{ keep: 'long' }, { keepSize: 'much' }, { keepSize: '-1G' }]) {
    expect(() => readRetention(options)).toThrow(UserError);
  }
});
