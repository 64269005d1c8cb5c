import { describe, expect, test } from 'vitest';
import { type ActivityHour, activityOf, judgeByCells } from '../behaviour/activity.ts';
import { type Baseline, baselineAt } from './baseline.ts';
import { HOUR_MS, WEEK_MS } from './hour-of-week.ts';
import {
  filterOfKey,
  type JudgedHour,
  retransmissionFinding,
  roundTripFinding,
  trafficFinding,
  unusualHourFinding,
} from './profile-finding.ts';

/** A Wednesday, 03:00 UTC. */
const NIGHT = Date.parse('2026-11-18T03:00:00Z');

function baseline(...values: number[]): Baseline {
  const known = baselineAt(
    NIGHT,
    values.map((value, index) => ({ hourMs: NIGHT - (index + 1) * WEEK_MS, value })),
  );
  if (known === undefined) throw new Error('too few values');
  return known;
}
const judged = (kind: string, key: string, value: number, known: Baseline): JudgedHour => ({
  kind,
  key,
  hourMs: NIGHT,
  value,
  baseline: known,
});
const numbersOf = (finding: ReturnType<typeof trafficFinding>) =>
  Object.fromEntries(finding?.evidence.numbers.map(({ name, value }) => [name, value]) ?? []);

describe('traffic', () => {
  const usual = baseline(100e6, 110e6, 120e6, 130e6);

  test('six deviations and three times the median: median 115 MB, MAD 10 MB', () => {
    // 1.4826 × 10 MB = 14.8 MB, below the least deviation of 100/6 MB; (1 GB − 115 MB) / 16.7 MB = 53.1.
    const finding = trafficFinding(judged('user', 'ada', 1e9, usual));
    expect(finding).toMatchObject({ detection: 'traffic-baseline', subject: { kind: 'user', value: 'ada' } });
    expect(numbersOf(finding)).toMatchObject({ octets: 1e9, median: 115e6, MAD: 10e6, samples: 4 });
    expect(numbersOf(finding)['deviations']).toBeCloseTo(53.1, 3);
    expect(numbersOf(finding)['ratio']).toBeCloseTo(8.696, 3);
    expect(finding?.evidence.filter).toBe('(srcUser = "ada" or dstUser = "ada")');
  });

  test.each([
    ['less than three times the median', 340e6, usual],
    ['less than 100 MB', 99e6, baseline(1, 1, 1)],
    ['a basis of all hours', 1e12, { ...usual, basis: 'all-hours' as const }],
  ])('%s is no alert', (_, value, known) => {
    expect(trafficFinding(judged('host', '10.0.0.1', value, known))).toBeUndefined();
  });

  test('what was nothing before is told with a finite number', () => {
    const finding = trafficFinding(judged('host', '10.0.0.1', 1e9, baseline(0, 0, 0)));
    expect(numbersOf(finding)).toMatchObject({ deviations: 60, ratio: 1000 });
    expect(finding?.title).toBe('10.0.0.1 carried more than 1000 times its usual traffic');
    expect(JSON.stringify(finding)).not.toContain('null');
  });
});

describe('performance', () => {
  test('a round trip that is longer by 4 deviations, by half and by 10 ms', () => {
    const usual = baseline(20, 20, 21, 22);
    expect(roundTripFinding(judged('roundTrip', 'tcp/443', 40, usual))).toMatchObject({
      detection: 'slow-handshakes',
      subject: { kind: 'service', value: 'tcp/443' },
      evidence: { filter: 'protocol = tcp and port = 443' },
    });
    expect(roundTripFinding(judged('roundTrip', 'tcp/443', 29, usual))).toBeUndefined();
    expect(roundTripFinding(judged('roundTrip', 'tcp/443', 9, baseline(1, 1, 1)))).toBeUndefined();
  });

  test('packets sent again: two points more and twice as many; graver from 15 %', () => {
    const usual = baseline(0.5, 0.5, 0.6);
    expect(retransmissionFinding(judged('retransmitted', 'tcp/443', 2.4, usual))).toBeUndefined();
    expect(retransmissionFinding(judged('retransmitted', 'tcp/443', 2.6, usual))?.score).toBe(0.45);
    expect(retransmissionFinding(judged('retransmitted', 'tcp/443', 15, usual))?.score).toBe(0.7);
    expect(retransmissionFinding(judged('retransmitted', 'tcp/443', 7, baseline(4, 4, 4)))).toBeUndefined();
  });
});

describe('hours', () => {
  const nights = (...weeksAgo: number[]): ActivityHour[] =>
    weeksAgo.map((weeks) => ({ hourMs: NIGHT - weeks * WEEK_MS, octets: 5 }));
  const cells = (weeks: number, active: readonly ActivityHour[]) =>
    activityOf(active, NIGHT - weeks * WEEK_MS - HOUR_MS, NIGHT);

  test('never active in three weeks of this hour and its neighbours: a chance of 1 in 11', () => {
    const judgement = judgeByCells(cells(3, []), NIGHT);
    // The hour before it tonight counts, too.
    expect(judgement).toEqual({ hours: 10, active: 0, chance: 1 / 12, unusual: true });
    expect(unusualHourFinding('user', 'ada', NIGHT, judgement)).toMatchObject({
      detection: 'unusual-hour',
      title: 'ada was active on Wednesday 03:00 UTC, which is unusual',
    });
  });

  test('once active is usual enough; two weeks are too few to say', () => {
    expect(judgeByCells(cells(3, nights(2)), NIGHT)).toMatchObject({ active: 1, unusual: false });
    expect(judgeByCells(cells(2, []), NIGHT)).toMatchObject({ hours: 7, unusual: false });
    expect(unusualHourFinding('user', 'ada', NIGHT, judgeByCells(cells(2, []), NIGHT))).toBeUndefined();
  });

  test('hours that nobody collected are not held against anybody', () => {
    const known = activityOf([], NIGHT - 8 * WEEK_MS, NIGHT, () => false);
    expect(judgeByCells(known, NIGHT)).toMatchObject({ hours: 0, unusual: false });
  });
});

test('filters of values; quotes in names stay text', () => {
  expect(filterOfKey('peer', 'a"b')).toBe('(srcPeer = "a\\"b" or dstPeer = "a\\"b")');
  expect(filterOfKey('service', 'icmp')).toBe('protocol = icmp');
  expect(filterOfKey('total', '')).toBe('');
});
