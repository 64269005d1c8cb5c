import fc from 'fast-check';
import { expect, test } from 'vitest';
import { localTimeOf } from '../zoned-time.ts';
import { lastDue, nextDue, type ReportSchedule, reportedRange } from './schedule.ts';

const iso = (timeMs: number): string => new Date(timeMs).toISOString();
const vienna: ReportSchedule = { every: 'daily', weekday: 1, day: 1, minute: 420, timeZone: 'Europe/Vienna' };

test('a daily report at 07:00 in Vienna, over the change of the clock', () => {
  const now = Date.parse('2026-10-25T12:00:00Z');
  expect(iso(lastDue(vienna, now))).toBe('2026-10-25T06:00:00.000Z');
  expect(iso(nextDue(vienna, now))).toBe('2026-10-26T06:00:00.000Z');
  const range = reportedRange(vienna, Date.parse('2026-10-26T06:00:00Z'));
  expect([iso(range.fromMs), iso(range.toMs)]).toEqual([
    '2026-10-24T22:00:00.000Z',
    '2026-10-25T23:00:00.000Z',
  ]);
});

test('weekly on Mondays, monthly on the 1st', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  const weekly = lastDue({ ...vienna, every: 'weekly' }, now);
  expect(iso(weekly)).toBe('2026-11-16T06:00:00.000Z');
  expect(iso(reportedRange({ ...vienna, every: 'weekly' }, weekly).fromMs)).toBe('2026-11-08T23:00:00.000Z');
  const monthly = lastDue({ ...vienna, every: 'monthly' }, now);
  expect(iso(monthly)).toBe('2026-11-01T06:00:00.000Z');
  const range = reportedRange({ ...vienna, every: 'monthly' }, monthly);
  expect([iso(range.fromMs), iso(range.toMs)]).toEqual([
    '2026-09-30T22:00:00.000Z',
    '2026-10-31T23:00:00.000Z',
  ]);
});

test('what is due comes again and again without a gap, and reports follow each other', () => {
  const schedules = fc.record({
    every: fc.constantFrom('daily', 'weekly', 'monthly'),
    weekday: fc.integer({ min: 0, max: 6 }),
    day: fc.integer({ min: 1, max: 28 }),
    minute: fc.integer({ min: 0, max: 1439 }),
    timeZone: fc.constantFrom('UTC', 'Europe/Vienna', 'America/Sao_Paulo', 'Asia/Kathmandu'),
  });
  const times = fc.integer({ min: Date.UTC(2015, 0, 1), max: Date.UTC(2030, 0, 1) });
  fc.assert(
    fc.property(schedules as fc.Arbitrary<ReportSchedule>, times, (schedule, now) => {
      const [last, next] = [lastDue(schedule, now), nextDue(schedule, now)];
      expect(last).toBeLessThanOrEqual(now);
      expect(next).toBeGreaterThan(now);
      expect(lastDue(schedule, next)).toBe(next);
      expect(lastDue(schedule, next - 1)).toBe(last);
      expect(reportedRange(schedule, next).fromMs).toBe(reportedRange(schedule, last).toMs);
      if (schedule.every === 'weekly')
        expect(localTimeOf(last, schedule.timeZone).weekday).toBe(schedule.weekday);
    }),
  );
});
