import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatDateTime } from './time.ts';
import { parseMoment, rangeInWords, rangeTitle } from './time-words.ts';
import { setTimeZone, zoneName } from './time-zone.ts';

const NOW = Date.UTC(2026, 4, 3, 12, 30);

describe('moments in words', () => {
  beforeEach(() => setTimeZone('utc'));
  afterEach(() => setTimeZone('local'));

  test.each([
    ['now', '2026-05-03 12:30:00'],
    ['2h ago', '2026-05-03 10:30:00'],
    ['-30m', '2026-05-03 12:00:00'],
    ['1 day ago', '2026-05-02 12:30:00'],
    ['1.5 hours', '2026-05-03 11:00:00'],
    ['10:30', '2026-05-03 10:30:00'],
    ['today', '2026-05-03 00:00:00'],
    ['Yesterday 23:59:59', '2026-05-02 23:59:59'],
    ['yesterday at 7:05', '2026-05-02 07:05:00'],
    ['2026-04-30', '2026-04-30 00:00:00'],
    ['2026-04-30 9:05', '2026-04-30 09:05:00'],
    ['2026-04-30T09:05', '2026-04-30 09:05:00'],
    ['2026-04-30T09:05:00+02:00', '2026-04-30 07:05:00'],
    ['2026-04-30T09:05:00.000Z', '2026-04-30 09:05:00'],
  ])('%s', (text, moment) => {
    expect(formatDateTime(parseMoment(text, NOW) ?? 0)).toBe(moment);
  });

  test.each(['', 'soon', '25:00', '10:75', '2026-13-01', '2026-05-03 x', '12', 'ago'])(
    '%s is none',
    (text) => {
      expect(parseMoment(text, NOW)).toBeUndefined();
    },
  );

  test('what was written is read back as the same moment in either zone', () => {
    for (const zone of ['utc', 'local'] as const) {
      setTimeZone(zone);
      expect(parseMoment(formatDateTime(NOW), 0)).toBe(NOW);
    }
  });

  test('ranges', () => {
    expect(rangeTitle({ kind: 'last', last: '15m' }, NOW)).toBe('Last 15 minutes');
    expect(rangeTitle({ kind: 'last', last: '1h' }, NOW)).toBe('Last hour');
    expect(rangeTitle({ kind: 'last', last: '24h' }, NOW)).toBe('Last 24 hours');
    expect(rangeTitle({ kind: 'last', last: '90s' }, NOW)).toBe('Last 90 seconds');
    expect(rangeInWords({ kind: 'last', last: '7d' }, NOW)).toBe('in the last 7 days');
    expect(rangeInWords({ kind: 'fixed', from: NOW - 90_000_000, to: NOW }, NOW)).toBe(
      'between 2026-05-02 11:30 and 12:30:00',
    );
    expect(zoneName('utc', NOW)).toBe('UTC');
  });
});
