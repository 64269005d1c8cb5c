import { describe, expect, test } from 'vitest';
import { choosePlanSource, planNotes, type RollupCoverage, type StoreCoverage } from './plan-source.ts';
import { parseQueryPlan } from './query-plan.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 1_775_000_000_000 - (1_775_000_000_000 % DAY_MS);
const CONTEXT = [
  'exporterId',
  'inIf',
  'outIf',
  'protocol',
  'direction',
  'forwardingStatus',
  'samplingRate',
  'duplicate',
];

function rollup(
  level: '1m' | '1h',
  cube: string,
  columns: string[],
  ranked: string[],
  days: number,
): RollupCoverage {
  const total = { totalOctets: 1e12, totalPackets: 1e9, totalFlows: 1e8 };
  const bound = { boundOctets: 4e9, boundPackets: 2e6, boundFlows: 1e5 };
  const other = { otherOctets: 5e10, otherPackets: 5e7, otherFlows: 5e6 };
  return {
    level,
    cube,
    stepMs: level === '1m' ? 60_000 : 3_600_000,
    columns: [...columns, ...CONTEXT],
    ranked,
    fromMs: NOW_MS - days * DAY_MS,
    toMs: NOW_MS,
    rows: days * (level === '1m' ? 1_000_000 : 50_000),
    octets: 1e8,
    ...total,
    ...bound,
    ...other,
  };
}

const SRC = ['srcAddrHi', 'srcAddrLo'];
const ROLLUPS = [
  rollup('1h', 'src', [...SRC, 'srcCountry'], SRC, 365),
  rollup('1m', 'src', [...SRC, 'srcCountry'], SRC, 7),
  rollup('1h', 'pair', [...SRC, 'dstAddrHi', 'dstAddrLo'], [...SRC, 'dstAddrHi', 'dstAddrLo'], 365),
  rollup('1h', 'policy', ['rule', 'application'], [], 365),
];
const COVERAGE: StoreCoverage = {
  raw: { fromMs: NOW_MS - 30 * DAY_MS, toMs: NOW_MS, rows: 100e6, octets: 3e9 },
  rollups: ROLLUPS,
};

function choose(plan: object, days: number, coverage = COVERAGE) {
  const timeRange = { fromMs: NOW_MS - days * DAY_MS, toMs: NOW_MS };
  return choosePlanSource(
    parseQueryPlan({ kind: 'groups', groupBy: ['srcAddr'], timeRange, ...plan }),
    coverage,
  );
}

describe('where an answer comes from', () => {
  test('from records while those are few', () => {
    expect(choose({}, 1)).toMatchObject({ source: 'raw', why: 'records, exact' });
    expect(choose({}, 1).rows).toBeCloseTo(100e6 / 30, -2);
  });

  test('from a roll-up when records are many', () => {
    expect(choose({}, 30)).toMatchObject({
      source: 'rollup',
      level: '1h',
      cube: 'src',
      why: 'records would be 100 million in 720 files: this is the hourly roll-up, error ≤ 0.40 %',
      errorShare: 0.004,
    });
  });

  test('pairs cost more than their records', () => {
    const pairs = (groupBy: readonly string[]) => choose({ groupBy }, 1).source;
    expect(pairs(['srcAddr', 'protocol'])).toBe('raw');
    expect(pairs(['srcAddr', 'dstAddr'])).toBe('rollup');
    expect(pairs(['srcAddr/24', 'dstAddr'])).toBe('raw');
  });

  test('files count, too: few records in many of them are slow', () => {
    const few = (files: number) =>
      choose({}, 30, { ...COVERAGE, raw: { ...COVERAGE.raw!, rows: 1e6, files } });
    expect(few(30)).toMatchObject({ source: 'raw' });
    expect(few(720)).toMatchObject({
      source: 'rollup',
      why: expect.stringContaining('1 million in 720 files'),
    });
  });

  test('from a roll-up when records are gone', () => {
    const { why } = choose({}, 90);
    expect(why).toMatch(
      /^records begin at \d{4}-\d\d-\d\d 00:00 UTC: this is the hourly roll-up, error ≤ 0.40 %$/,
    );
  });

  test('several values in a group lack at most all that was not kept', () => {
    expect(choose({ groupBy: ['srcAddr/24'] }, 30).errorShare).toBe(0.05);
    expect(choose({ groupBy: ['srcCountry'], orderBy: 'flows' }, 30)).not.toHaveProperty('errorShare');
    expect(choose({ filter: 'srcAddr in (10.0.0.0/8)', groupBy: [] }, 30).errorShare).toBe(0.004);
  });

  test('the roll-up that has what is asked for', () => {
    expect(choose({ groupBy: ['host'] }, 30)).toMatchObject({ cube: 'pair' });
    expect(choose({ groupBy: ['rule'], filter: 'dropped' }, 30)).toMatchObject({ source: 'raw' });
    expect(choose({ groupBy: ['rule'], filter: 'forwardingStatus = dropped' }, 30)).toMatchObject({
      cube: 'policy',
      why: expect.stringContaining('exact to the step'),
    });
    expect(
      choose({ groupBy: ['exporter'], filter: 'proto tcp', scaled: true, deduplicated: true }, 30).source,
    ).toBe('rollup');
  });

  test('records where no roll-up will do, with the reason', () => {
    expect(choose({ groupBy: ['srcAddr', 'dstPort'] }, 90).why).toMatch(
      /^no roll-up keeps srcAddr, dstPort together that far back, and records begin at .*: what was before is not in the answer$/,
    );
    expect(choose({ filter: 'bytes > 10M' }, 30).why).toBe('only records have octets');
    expect(choose({ measures: ['count(dstAddr)'] }, 30).why).toBe(
      'only records tell how many values there are',
    );
    expect(choose({ kind: 'records' }, 30).source).toBe('raw');
    expect(choose({ kind: 'sessions' }, 30).source).toBe('raw');
    expect(choose({ filter: 'observationPointId = 3' }, 30).source).toBe('raw');
  });

  test('steps have to be whole steps of the roll-up', () => {
    expect(choose({ kind: 'series', stepMs: 300_000 }, 20)).toMatchObject({ source: 'raw' });
    expect(choose({ kind: 'series', stepMs: 300_000 }, 7)).toMatchObject({ level: '1m' });
    expect(choose({ kind: 'series', stepMs: 7_200_000 }, 30)).toMatchObject({ level: '1h' });
    expect(choose({ orderBy: 'bps95', stepMs: 1_800_000 }, 20)).toMatchObject({ source: 'raw' });
  });

  test('what is insisted on', () => {
    expect(choose({ from: 'raw' }, 30)).toMatchObject({ source: 'raw', why: 'records were asked for' });
    expect(choose({ from: 'rollup' }, 1)).toMatchObject({ source: 'rollup' });
  });

  test('a store without roll-ups, or without anything', () => {
    expect(choose({}, 90, { ...COVERAGE, rollups: [] })).toMatchObject({ source: 'raw' });
    expect(choose({}, 90, { raw: undefined, rollups: [] })).toMatchObject({ source: 'raw', rows: 0 });
    expect(choose({}, 90, { raw: undefined, rollups: ROLLUPS }).why).toMatch(/^records are gone/);
  });
});

test('notes say what counts', () => {
  const timeRange = { fromMs: 0, toMs: 1 };
  const notes = (more: object) =>
    planNotes(parseQueryPlan({ kind: 'groups', timeRange, ...more })).join('; ');
  expect(notes({})).toMatch(/sampling is not applied.*duplicates too/);
  expect(notes({ scaled: true, deduplicated: true })).toMatch(/multiplied by the sampling rate.*left out/);
});
