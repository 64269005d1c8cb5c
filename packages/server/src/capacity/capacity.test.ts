/** Histories of interfaces from a real store, and what they lead to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BIN_MS, percentileOf } from '@weir/analysis';
import { createManualClock, type ManualClock, silentLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAlertBook } from '../alerts/alert-book.ts';
import { createAnalysisQueue } from '../analyses/analysis-queue.ts';
import { type WrittenFlow, writeFlows } from '../test-flows.test-support.ts';
import { type Capacity, createCapacity } from './capacity.ts';
import { addHours, DAY_MS, emptySubject, HOUR_MS } from './capacity-history.ts';
import type { CapacitySubject } from './capacity-schema.ts';

const START = Date.UTC(2026, 9, 10);
const OCTETS_PER_MBIT = 37_500_000;

describe('with a store', () => {
  let folder: string;
  let store: FlowStore;
  let clock: ManualClock;
  let capacity: Capacity;
  const open = () =>
    createCapacity({
      queue: createAnalysisQueue({ store, clock, logger: silentLogger }),
      dataDirectory: folder,
      clock,
      logger: silentLogger,
    });

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'weir-capacity-'));
    clock = createManualClock(START);
    // Its own clock stands still: its timers for each second of a month would fire millions of times.
    store = await openStore({
      dataDirectory: folder,
      logger: silentLogger,
      clock: createManualClock(START),
      options: { threads: 1 },
    });
    capacity = open();
  });
  afterEach(async () => {
    await capacity.stop();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** In bin `index` since START, wholly inside it. */
  const flow = (index: number, mbit: number, fields: Partial<WrittenFlow>): WrittenFlow => ({
    receivedAt: START + index * BIN_MS + 200_000,
    flowStart: START + index * BIN_MS + 1000,
    flowEnd: START + index * BIN_MS + 100_000,
    octets: mbit * OCTETS_PER_MBIT,
    ...fields,
  });

  test('each interface has the figures of its days, links and exporters their sums; all survive a restart', async () => {
    const mbits = Array.from({ length: 300 }, (_, index) => (index * 7) % 50);
    await writeFlows(store, [
      ...mbits.map((mbit, index) => flow(index, mbit, { inIf: 1, outIf: 2 })),
      ...mbits.map((_, index) => flow(index, 5, { inIf: 2, outIf: 3, samplingRate: 10 })),
    ]);
    await capacity.change({
      links: [
        {
          id: 'up',
          name: 'Uplinks',
          members: [
            { exporter: '192.0.2.1', ifIndex: 1 },
            { exporter: '192.0.2.1', ifIndex: 2 },
          ],
        },
      ],
      interfaces: [
        { exporter: '192.0.2.1', ifIndex: 1, speedMbit: 100, name: 'ge-0/0/1' },
        { exporter: '192.0.2.1', ifIndex: 2, speedMbit: 1000 },
      ],
    });
    clock.advance(20 * HOUR_MS);
    await capacity.catchUp();
    expect(capacity.subject('interface:192.0.2.1|1')).toMatchObject({ days: 0, lastDay: null });
    await capacity.stop();
    capacity = open();
    clock.advance(6 * HOUR_MS);
    await capacity.catchUp();
    const day = mbits.slice(0, 288);
    const p95 = percentileOf(day, 95);
    expect(capacity.subject('interface:192.0.2.1|1')).toMatchObject({
      name: 'ge-0/0/1',
      days: 1,
      lastDay: '2026-10-10',
      speedMbit: 100,
      in: { p95, max: 49, utilisation: p95 / 100, outlook: { state: 'short', daysUsed: 1, daysNeeded: 14 } },
      out: { p95: 0 },
    });
    const mean = day.reduce((sum, value) => sum + value, 0) / 288;
    const { days } = capacity.subject('interface:192.0.2.1|1').series.in;
    expect(days[0]?.mean).toBeCloseTo(mean, 3);
    expect(capacity.subject('interface:192.0.2.1|2')).toMatchObject({
      in: { p95: 50, max: 50 },
      out: { p95 },
    });
    const both = percentileOf(
      day.map((mbit) => mbit + 50),
      95,
    );
    expect(capacity.subject('link:up')).toMatchObject({ speedMbit: 1100, in: { p95: both }, out: { p95 } });
    expect(capacity.subject('exporter:192.0.2.1')).toMatchObject({ speedMbit: null, in: { p95: both } });
    expect(() => capacity.subject('interface:192.0.2.1|77')).toThrow('nothing is known');
  });

  test('an exporter that tells of a packet at both interfaces counts it once for each', async () => {
    const both = (index: number): WrittenFlow[] => [
      flow(index, 8, { inIf: 1, outIf: 2, direction: 0 }),
      flow(index, 8, { inIf: 1, outIf: 2, direction: 1 }),
    ];
    await writeFlows(store, Array.from({ length: 300 }, (_, index) => both(index)).flat());
    clock.advance(26 * HOUR_MS);
    await capacity.catchUp();
    expect(capacity.subject('interface:192.0.2.1|1')).toMatchObject({ in: { p95: 8 }, out: { p95: 0 } });
    expect(capacity.subject('interface:192.0.2.1|2')).toMatchObject({ in: { p95: 0 }, out: { p95: 8 } });
  });
});

test('hours in which nothing was received are not hours without traffic', () => {
  let subject = emptySubject('link:a', 'link', '', null, 'a');
  const bins = (mbit: number) => ({ in: Array(12).fill(mbit * OCTETS_PER_MBIT), out: Array(12).fill(0) });
  for (let hour = 0; hour < 26; hour++) {
    const wasObserved = hour >= 3 && hour !== 5;
    subject = addHours(
      subject,
      START + hour * HOUR_MS,
      bins(wasObserved ? 4 : 0),
      Array(12).fill(wasObserved),
    );
  }
  expect(subject.days).toEqual([
    {
      day: START / DAY_MS,
      bins: 20 * 12,
      in: { p95: 4, max: 4, mean: 4 },
      out: { p95: 0, max: 0, mean: 0 },
    },
  ]);
  expect(subject.hours).toMatchObject({ firstHour: START / HOUR_MS });
  expect(subject.hours.in.slice(0, 7)).toEqual(
    [null, null, null, 4, null, 4, null].map((_, index) => (index < 3 || index === 5 ? null : 4)),
  );
  const again = addHours(subject, START, bins(99), Array(12).fill(true));
  expect(again).toEqual(subject);
  const later = addHours(subject, START + 5000 * HOUR_MS, bins(1), Array(12).fill(true));
  expect(later.hours.in).toHaveLength(8 * 168);
  expect(later.hours.firstHour + later.hours.in.length - 1).toBe(START / HOUR_MS + 5000);
});

test('raises an alert when a threshold is near, with the day', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-capacity-'));
  const first = START / DAY_MS - 40;
  const day = (index: number): CapacitySubject['days'][number] => {
    const value = 40 + index;
    return {
      day: first + index,
      bins: 288,
      in: { p95: value, max: value, mean: value },
      out: { p95: 1, max: 1, mean: 1 },
    };
  };
  const subject: CapacitySubject = {
    ...emptySubject('interface:192.0.2.1|1', 'interface', '192.0.2.1', 1, 'ge-0/0/1'),
    days: Array.from({ length: 40 }, (_, index) => day(index)),
    today: { day: START / DAY_MS, in: [], out: [] },
    throughMs: START,
  };
  const clock = createManualClock(START + 2 * HOUR_MS);
  const alerts = createAlertBook({ dataDirectory: folder, clock, logger: silentLogger });
  const { openCapacityFiles } = await import('./capacity-files.ts');
  await openCapacityFiles(folder, silentLogger).write(subject);
  const nothing = { query: async () => ({ rows: [] }), sql: async () => ({ rows: [] }) };
  const queue = createAnalysisQueue({ store: nothing as never, clock, logger: silentLogger });
  const capacity = createCapacity({ queue, dataDirectory: folder, alerts, clock, logger: silentLogger });
  await capacity.change({
    interfaces: [{ exporter: '192.0.2.1', ifIndex: 1, speedMbit: 125 }],
    alertDays: 30,
  });
  await capacity.catchUp();
  expect(alerts.alerts()).toHaveLength(1);
  expect(alerts.alerts()[0]?.title).toBe('ge-0/0/1 (in) reaches 80 % on 2026-10-30');
  await capacity.stop();
  rmSync(folder, { recursive: true, force: true });
});
