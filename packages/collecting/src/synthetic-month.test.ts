import { clearFlowBatch, createFlowBatch, isPresent, u64AsNumber } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { truthOf } from './synthetic-attack.ts';
import { createSyntheticMonth } from './synthetic-month.ts';

const DAY_MS = 86_400_000;
/** A Monday. */
const FROM_MS = Date.UTC(2026, 4, 4);
const OPTIONS = { fromMs: FROM_MS, toMs: FROM_MS + 7 * DAY_MS, flows: 60_000, seed: 3 };

function readAll(options = OPTIONS) {
  const month = createSyntheticMonth(options);
  const batch = createFlowBatch(2048);
  const facts = {
    records: 0,
    octets: 0,
    ended: [] as number[],
    exporters: new Set<number>(),
    v6: 0,
    drops: 0,
    rules: new Set<string>(),
    hours: new Map<number, number>(),
    digest: 0,
    disordered: 0,
  };
  let last = 0;
  while (month.fill(batch)) {
    const hours = new Set<number>();
    for (let row = 0; row < batch.rowCount; row++) {
      const received = u64AsNumber(batch.columns.receivedAt, row);
      const ended = u64AsNumber(batch.columns.flowEnd, row);
      if (received < ended || u64AsNumber(batch.columns.flowStart, row) > ended) facts.disordered += 1;
      hours.add(Math.floor(received / 3_600_000));
      facts.records += 1;
      facts.octets += u64AsNumber(batch.columns.octets, row);
      facts.exporters.add(batch.columns.exporter[row]!);
      facts.v6 += batch.columns.srcAddrHi[row * 2 + 1] === 0 ? 0 : 1;
      facts.digest = (facts.digest * 31 + batch.columns.dstAddrLo[row * 2]! + ended) % 1_000_000_007;
      if (isPresent(batch, 'rule', row)) {
        facts.drops += 1;
        facts.rules.add(batch.labels[batch.columns.rule[row]!]!);
      }
      const hour = Math.floor((ended - FROM_MS) / 3_600_000);
      facts.hours.set(hour, (facts.hours.get(hour) ?? 0) + 1);
    }
    if (batch.rowCount > 0) {
      expect(Math.max(...hours) - Math.min(...hours)).toBeLessThanOrEqual(1);
      expect(Math.min(...hours)).toBeGreaterThanOrEqual(last - 1);
      last = Math.max(...hours);
    }
    clearFlowBatch(batch);
  }
  return { month, facts };
}

describe('a synthetic month', () => {
  const { month, facts } = readAll();

  test('has about as many records as asked for, and knows its sums', () => {
    expect(month.totals.records).toBe(facts.records);
    expect(month.totals.octets).toBe(facts.octets);
    expect(facts.disordered).toBe(0);
    expect(Math.abs(facts.records - OPTIONS.flows) / OPTIONS.flows).toBeLessThan(0.03);
    expect(month.totals.dropped).toBe(facts.drops);
    expect(month.totals.duplicates).toBeGreaterThan(facts.records * 0.01);
  });

  test('has days, weekends, exporters, IPv6 and rules', () => {
    const of = (day: number, hour: number) => facts.hours.get(day * 24 + hour) ?? 0;
    expect(of(1, 10)).toBeGreaterThan(of(1, 3) * 4);
    expect(of(1, 10)).toBeGreaterThan(of(5, 10) * 2);
    expect(facts.exporters.size).toBeGreaterThan(30);
    expect(facts.v6 / facts.records).toBeGreaterThan(0.05);
    expect(facts.rules.size).toBeGreaterThan(3);
  });

  test('tells what was planted', () => {
    expect(new Set(month.attacks.map(({ kind }) => kind))).toEqual(
      new Set(['portScan', 'hostSweep', 'beacon', 'flood', 'exfiltration', 'bruteForce']),
    );
    for (const attack of month.attacks) {
      expect(attack.startMs).toBeGreaterThanOrEqual(OPTIONS.fromMs);
      expect(attack.endMs).toBeLessThanOrEqual(OPTIONS.toMs);
      expect(truthOf(attack)).toMatchObject({ attacker: expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/) });
    }
  });

  test('is the same for the same seed, and another for another', () => {
    expect(readAll().facts.digest).toBe(facts.digest);
    expect(readAll({ ...OPTIONS, seed: 4 }).facts.digest).not.toBe(facts.digest);
  });
});
