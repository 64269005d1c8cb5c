import { UserError } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { parseMomentMs } from './moment.ts';

/** A Sunday afternoon, wherever the machine is. */
const NOW = new Date(2026, 4, 3, 15, 30, 20).getTime();
const local = (...parts: [number, number, number, number?, number?, number?]) => new Date(...parts).getTime();

describe('moments', () => {
  test.each([
    ['now', NOW],
    ['2h ago', NOW - 7_200_000],
    ['-30m', NOW - 1_800_000],
    ['3 days ago', NOW - 3 * 86_400_000],
    ['10:30', local(2026, 4, 3, 10, 30)],
    ['today', local(2026, 4, 3)],
    ['yesterday', local(2026, 4, 2)],
    ['yesterday 10:30', local(2026, 4, 2, 10, 30)],
    ['2026-05-01', local(2026, 4, 1)],
    ['2026/05/01 08:15:30', local(2026, 4, 1, 8, 15, 30)],
    ['2026-05-01T08:15', local(2026, 4, 1, 8, 15)],
    ['2026-05-01T08:15:00Z', Date.UTC(2026, 4, 1, 8, 15)],
    ['2026-05-01T08:15:00+02:00', Date.UTC(2026, 4, 1, 6, 15)],
    ['1777593600', 1_777_593_600_000],
    ['1777593600123', 1_777_593_600_123],
  ])('%s', (text, expected) => {
    expect(parseMomentMs(text, '--from', NOW)).toBe(expected);
  });

  test.each(['', 'soon', '25:00', '2026-13-01', '2026-05-01 9:61', '12', 'yesterday noon'])(
    '%j is none',
    (text) => {
      expect(() => parseMomentMs(text, '--from', NOW)).toThrow(UserError);
    },
  );
});
