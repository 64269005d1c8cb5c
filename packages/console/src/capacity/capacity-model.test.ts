import { expect, test } from 'vitest';
import type { Outlook } from './capacity-contract.ts';
import { forecastSentence, outlookText } from './capacity-model.ts';

const outlook: Outlook = {
  state: 'forecast',
  daysUsed: 60,
  daysNeeded: 14,
  weekly: true,
  growthPerDay: 1.5,
  growthLower: 1,
  growthUpper: 2,
  crossing: { expected: '2027-03-12', earliest: '2027-02-20', latest: null },
  horizonDays: 60,
};

test('says when a link is full, or honestly why not', () => {
  expect(outlookText(outlook)).toBe('2027-03-12');
  expect(forecastSentence(outlook, 80)).toBe(
    'Grows by +1.50 Mb/s a day (+1.00 Mb/s to +2.00 Mb/s), from 60 days, days of the week told apart. Reaches 80 % on 2027-03-12 (earliest 2027-02-20, latest not within 60 days).',
  );
  expect(outlookText({ ...outlook, state: 'short', daysUsed: 5 })).toBe(
    'not enough history: 5 days, needs 14',
  );
  expect(outlookText({ ...outlook, state: 'noSpeed', crossing: null })).toBe('no speed is set');
  const never = { expected: null, earliest: '2027-05-01', latest: null };
  expect(outlookText({ ...outlook, crossing: never })).toBe('not within 60 days');
  expect(forecastSentence({ ...outlook, growthPerDay: -0.5, crossing: never }, 80)).toContain('−500 kb/s');
});
