import { describe, expect, test } from 'vitest';
import type { AlarmChange, ExporterAlarmCode } from './exporter-alarm.ts';
import { ALARM_LIMITS_DEFAULT, createExporterHealth, type ExporterSample } from './exporter-health.ts';

const START_MS = 1_700_000_000_000;

/** Looks once a second; what is not given stays as it was. */
function watched(limits = ALARM_LIMITS_DEFAULT) {
  const changes: string[] = [];
  const health = createExporterHealth(({ kind, alarm }: AlarmChange<ExporterAlarmCode>) =>
    changes.push(`${kind} ${alarm.code}`),
  );
  let now: ExporterSample = {
    nowMs: START_MS,
    monotonicMs: 0,
    messages: 0,
    records: 0,
    octets: 0,
    units: 0,
    unitsLost: 0,
    rateLimited: 0,
    templateConflicts: 0,
    waitedFor: [],
    skewMs: 0,
  };
  function look(seconds: number, change: (before: ExporterSample) => Partial<ExporterSample>): void {
    for (let second = 0; second < seconds; second += 1) {
      const next = { ...now, ...change(now) };
      now = { ...next, nowMs: next.nowMs + 1000, monotonicMs: next.monotonicMs + 1000 };
      health.look(now, limits);
    }
  }
  const codes = () => health.alarms().map(({ code }) => code);
  return { health, look, codes, changes };
}

const sending = ({ messages, records, octets, units }: ExporterSample): Partial<ExporterSample> => ({
  messages: messages + 10,
  records: records + 200,
  octets: octets + 14_000,
  units: units + 200,
});
const silent = () => ({});

describe('createExporterHealth', () => {
  test('rates are means over the last minute', () => {
    const { health, look } = watched();
    look(300, sending);
    expect(health.rates()).toEqual({ recordsPerSecond: 200, octetsPerSecond: 14_000, loss: 0 });
    look(30, silent);
    expect(health.rates().recordsPerSecond).toBeGreaterThan(80);
    expect(health.rates().recordsPerSecond).toBeLessThan(130);
    look(60, silent);
    expect(health.rates().recordsPerSecond).toBe(0);
  });

  test('an exporter that never pauses is missed after a minute, and no longer when it is back', () => {
    const { look, codes, changes } = watched();
    look(60, sending);
    look(58, silent);
    expect(codes()).toEqual([]);
    look(4, silent);
    expect(codes()).toEqual(['silent']);
    look(1, sending);
    expect(codes()).toEqual([]);
    expect(changes).toEqual(['raised silent', 'cleared silent']);
  });

  test('one that usually pauses for a minute is given five', () => {
    const { health, look, codes } = watched();
    for (let burst = 0; burst < 20; burst += 1) {
      look(1, sending);
      look(59, silent);
    }
    expect(health.usualGapMs()).toBeGreaterThanOrEqual(60_000);
    expect(health.usualGapMs()).toBeLessThan(60_000 * Math.SQRT2);
    look(200, silent);
    expect(codes()).toEqual([]);
    look(300, silent);
    expect(codes()).toEqual(['silent']);
  });

  test('silentAfterSeconds says otherwise', () => {
    const { look, codes } = watched({ ...ALARM_LIMITS_DEFAULT, silentAfterSeconds: 10 });
    look(5, sending);
    look(11, silent);
    expect(codes()).toEqual(['silent']);
  });

  test('a machine that stood still missed nobody', () => {
    const { look, codes } = watched();
    look(60, sending);
    look(1, ({ monotonicMs }) => ({ monotonicMs: monotonicMs + 3_600_000 }));
    expect(codes()).toEqual([]);
  });

  test('a clock that is off by more than 5 s; single late messages do not count', () => {
    const { health, look, codes } = watched();
    look(20, (before) => ({ ...sending(before), skewMs: 300 }));
    look(3, (before) => ({ ...sending(before), skewMs: -60_000 }));
    expect(health.clockSkewMs()).toBe(300);
    expect(codes()).toEqual([]);
    look(31, (before) => ({ ...sending(before), skewMs: 5200 }));
    expect(health.clockSkewMs()).toBe(5200);
    expect(health.alarms()).toMatchObject([
      { code: 'clock_skew', message: expect.stringContaining('ahead') },
    ]);
    look(31, (before) => ({ ...sending(before), skewMs: 4800 }));
    expect(codes()).toEqual(['clock_skew']);
    look(31, (before) => ({ ...sending(before), skewMs: 3900 }));
    expect(codes()).toEqual([]);
  });

  test('loss is told above its limit, and not for a handful of records', () => {
    const { health, look, codes } = watched();
    look(10, (before) => ({ ...sending(before), unitsLost: before.unitsLost + 1 }));
    expect(codes()).toEqual([]);
    look(100, (before) => ({ ...sending(before), unitsLost: before.unitsLost + 10 }));
    expect(codes()).toEqual(['loss']);
    expect(health.rates().loss).toBeGreaterThan(0.01);
    look(400, sending);
    expect(codes()).toEqual([]);
    expect(health.rates().loss).toBe(0);
  });

  test('a template that does not come, and one that changes to and fro', () => {
    const { health, look, codes } = watched();
    look(9, (before) => ({ ...sending(before), waitedFor: [260] }));
    expect(codes()).toEqual([]);
    look(5, (before) => ({ ...sending(before), waitedFor: [260] }));
    expect(health.alarms()).toMatchObject([
      { code: 'template_missing', message: expect.stringContaining('260') },
    ]);
    look(1, (before) => ({ ...sending(before), waitedFor: [] }));
    expect(codes()).toEqual([]);
    look(2, (before) => ({ ...sending(before), templateConflicts: before.templateConflicts + 1 }));
    expect(codes()).toEqual([]);
    look(2, (before) => ({ ...sending(before), templateConflicts: before.templateConflicts + 1 }));
    expect(codes()).toEqual(['template_conflict']);
    look(400, sending);
    expect(codes()).toEqual([]);
  });

  test('who is beyond the rate limit is told of for a minute', () => {
    const { look, codes } = watched();
    look(10, sending);
    look(1, (before) => ({ ...sending(before), rateLimited: 5 }));
    expect(codes()).toEqual(['rate_limited']);
    look(120, sending);
    expect(codes()).toEqual([]);
  });
});
