import { describe, expect, test } from 'vitest';
import type { Exporter } from '../api/contract.ts';
import { clockText, healthOf, healthText, missingByUse, samplingText } from './exporter-summary.ts';

const template = (missing: Record<string, string[]>, options = false) => ({
  id: 256,
  options,
  fields: [],
  missing,
});
const exporter = (part: Partial<Exporter>) => ({ alarms: [], templates: [], ...part }) as unknown as Exporter;
const alarm = (message: string) => ({ code: 'loss', message, since: 0 });

describe('an exporter in a few words', () => {
  test('silence comes before other alarms, and those before that all is well', () => {
    const nowMs = Date.now();
    const silent = exporter({ silentSince: nowMs, alarms: [alarm('x'), alarm('y')] });
    expect(healthOf(silent)).toBe('silent');
    expect(healthText(silent, nowMs)).toMatch(/^silent since \d\d:\d\d:\d\d$/);
    expect(healthText(exporter({ alarms: [alarm('5 % is missing'), alarm('y')] }), 0)).toBe(
      '5 % is missing; and 1 more',
    );
    expect([healthOf(exporter({})), healthText(exporter({}), 0)]).toEqual(['good', 'well']);
  });

  test('clock and sampling', () => {
    expect([null, 400, -400, 61_000, -2500].map(clockText)).toEqual([
      '–',
      'in time',
      'in time',
      '1 min 01 s ahead',
      '2.5 s behind',
    ]);
    expect(samplingText([])).toBe('none told');
    expect(samplingText([{ scope: 'domain', rate: 1000 }])).toBe('1 in 1,000');
    expect(
      samplingText([
        { scope: 'domain', rate: 100 },
        { scope: 'sampler', id: 1, rate: 1000 },
      ]),
    ).toBe('1 in 100 to 1,000');
  });

  test('what is missing is gathered over templates of flows, not over those of options', () => {
    const missing = missingByUse(
      exporter({
        templates: [
          template({ policy: ['a'], strm: [] }),
          template({ policy: ['a', 'b'] }),
          template({ strm: ['c'] }, true),
        ],
      }),
    );
    expect([...missing].map(([use, fields]) => [use, ...fields])).toEqual([['policy', 'a', 'b']]);
  });
});
