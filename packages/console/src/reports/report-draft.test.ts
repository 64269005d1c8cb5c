import { expect, test } from 'vitest';
import { minuteOf, newReport, scheduleText, timeText } from './report-draft.ts';

test('times of day are read and written', () => {
  expect(minuteOf('07:00')).toBe(420);
  expect(minuteOf('7:05')).toBe(425);
  expect(minuteOf('24:00')).toBeUndefined();
  expect(timeText(1439)).toBe('23:59');
});

test('a schedule is said in words', () => {
  const report = newReport('Europe/Vienna');
  expect(scheduleText(report)).toBe('every Monday at 07:00 (Europe/Vienna)');
  expect(scheduleText({ ...report, schedule: { ...report.schedule, every: 'monthly', day: 5 } })).toBe(
    'on day 5 of every month at 07:00 (Europe/Vienna)',
  );
  expect(scheduleText({ ...report, enabled: false })).toBe('by hand only');
});
