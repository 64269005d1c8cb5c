/** Bins against a naive model, whatever comes late, twice, or while the program is off. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BIN_MS, chargeOf, percentileOf } from '@weir/analysis';
import { createManualClock, type ManualClock, silentLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAlertBook } from '../alerts/alert-book.ts';
import { createAnalysisQueue } from '../analyses/analysis-queue.ts';
import { type WrittenFlow, writeFlows } from '../test-flows.test-support.ts';
import { type Billing, createBilling } from './billing.ts';

const START = Date.UTC(2026, 9, 10, 10);
const HOUR = 3_600_000;
const ACCOUNT = {
  name: 'Acme GmbH',
  direction: { by: 'networks', networks: ['10.1.0.0/16'] },
  plan: { kind: 'percentile', measure: 'greater', currency: 'EUR', commit: '1', rate: '10' },
};

let folder: string;
let store: FlowStore;
let clock: ManualClock;
let billing: Billing;
let written: WrittenFlow[];

beforeEach(() => begin(START));
afterEach(end);

async function begin(startMs: number): Promise<void> {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-billing-'));
  clock = createManualClock(startMs);
  store = await openHere();
  written = [];
  billing = open();
}

/** With a clock of its own that stands still: its timers for each second of a month would fire millions of times. */
const openHere = (): Promise<FlowStore> =>
  openStore({
    dataDirectory: folder,
    logger: silentLogger,
    clock: createManualClock(START),
    options: { threads: 1 },
  });

async function end(): Promise<void> {
  await billing.stop();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
}

/** As after a start of the program: all it knows is on the disk. */
function open(): Billing {
  const queue = createAnalysisQueue({ store, clock, logger: silentLogger });
  return createBilling({ queue, dataDirectory: folder, clock, logger: silentLogger });
}

async function arrive(flows: readonly Omit<WrittenFlow, 'receivedAt'>[]): Promise<void> {
  const complete = flows.map((flow) => ({ ...flow, receivedAt: clock.nowMs() }) as WrittenFlow);
  written.push(...complete);
  await writeFlows(store, complete);
}

/** To the account's network when `into`, else from it. */
const flow = (
  startMs: number,
  lengthMs: number,
  octets: number,
  into = true,
): Omit<WrittenFlow, 'receivedAt'> => ({
  flowStart: startMs,
  flowEnd: startMs + lengthMs,
  octets,
  src: into ? '192.0.2.9' : '10.1.0.7',
  dst: into ? '10.1.0.7' : '192.0.2.9',
});

async function pass(milliseconds: number): Promise<void> {
  clock.advance(milliseconds);
  await billing.catchUp();
}

/** Bins by going through every record. */
function naive(fromMs: number, count: number, into: boolean): number[] {
  const bins = Array<number>(count).fill(0);
  for (const { flowStart = 0, flowEnd = 0, octets, dst, duplicate, samplingRate = 1 } of written) {
    if (duplicate === 1 || (dst === '10.1.0.7') !== into) continue;
    for (const index of bins.keys()) {
      const [low, high] = [fromMs + index * BIN_MS, fromMs + (index + 1) * BIN_MS];
      const share =
        flowEnd === flowStart
          ? Number(flowStart >= low && flowStart < high)
          : Math.max(0, Math.min(high, flowEnd) - Math.max(low, flowStart)) / (flowEnd - flowStart);
      bins[index]! += octets * samplingRate * share;
    }
  }
  return bins;
}

function expectBins(): void {
  const { statement, bins } = billing.statement('acme-gmbh');
  const count = bins.in.length;
  const expected = {
    in: naive(statement.period.fromMs, count, true),
    out: naive(statement.period.fromMs, count, false),
  };
  for (const way of ['in', 'out'] as const) {
    for (const [index, value] of expected[way].entries()) {
      expect(Math.abs(value - (bins[way][index] ?? -1)), `bin ${index} ${way}`).toBeLessThan(0.1);
    }
  }
  const hand = Math.max(percentileOf(expected.in, 95), percentileOf(expected.out, 95));
  expect(Number(statement.charge.billed)).toBeCloseTo(hand / 37_500_000, 5);
}

describe('bins', () => {
  test('are those of a naive model, whatever comes late or while the program is off', async () => {
    const late = fc.constantFrom(0, 0, 0, 2 * HOUR, 5 * HOUR, 30 * HOUR, 120 * HOUR);
    const some = fc.record({
      agoMs: fc.integer({ min: 0, max: 20 * 60_000 }),
      lateMs: late,
      lengthMs: fc.constantFrom(0, 1000, 290_000, 900_000, 5_400_000),
      octets: fc.integer({ min: 1, max: 50_000_000 }),
      into: fc.boolean(),
      duplicate: fc.constantFrom(0, 0, 1),
      samplingRate: fc.constantFrom(1, 1, 100),
    });
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ flows: fc.array(some, { minLength: 1, maxLength: 5 }) }) },
      {
        weight: 3,
        arbitrary: fc.record({ passMs: fc.constantFrom(60_000, BIN_MS, 20 * 60_000, HOUR, 7 * HOUR) }),
      },
      { weight: 1, arbitrary: fc.constant({ restart: true }) },
    );
    await fc.assert(
      fc
        .asyncProperty(fc.array(step, { minLength: 1, maxLength: 10 }), async (steps) => {
          await billing.create(ACCOUNT);
          await billing.catchUp();
          for (const each of steps) {
            if ('passMs' in each) await pass(each.passMs);
            else if ('restart' in each) {
              await billing.stop();
              billing = open();
            } else {
              await arrive(
                each.flows.map(({ agoMs, lateMs, lengthMs, octets, into, ...rest }) => ({
                  ...flow(clock.nowMs() - agoMs - lateMs - lengthMs, lengthMs, octets, into),
                  ...rest,
                })),
              );
            }
          }
          await pass(HOUR + 120_000);
          expectBins();
        })
        .beforeEach(async () => {
          await end();
          await begin(START);
        }),
      { numRuns: 6 },
    );
  }, 120_000);

  test('of an account that is made later are read from the records', async () => {
    await arrive([flow(START - 50 * HOUR, 600_000, 9_000_000), flow(START - 30 * HOUR, 0, 5_000_000, false)]);
    clock.advance(HOUR);
    await arrive([flow(START - 1000, 1000, 7_000_000)]);
    clock.advance(120_000);
    await billing.create(ACCOUNT);
    await billing.catchUp();
    const { statement, bins } = billing.statement('Acme GmbH');
    expect(statement.state).toBe('running');
    // Flows that ended before the first record was received may be missing: those bins are said to be unknown.
    expect(statement.notes.join(' ')).toContain('Bins before 2026-10-10 10:00 UTC count as 0');
    expect(bins.in.reduce((sum, value) => sum + value, 0)).toBe(0);
    await arrive([flow(clock.nowMs() - 1000, 1000, 7_000_000)]);
    await pass(10 * 60_000);
    expect(billing.statement('acme-gmbh').bins.in.reduce((sum, value) => sum + value, 0)).toBe(7_000_000);
  });

  test('outlive the records', async () => {
    await billing.create(ACCOUNT);
    await billing.catchUp();
    await arrive([flow(START - 60_000, 1000, 7_000_000)]);
    await pass(2 * HOUR);
    await billing.stop();
    await store.close();
    rmSync(path.join(folder, 'flows'), { recursive: true, force: true });
    rmSync(path.join(folder, 'open'), { recursive: true, force: true });
    store = await openHere();
    billing = open();
    await pass(HOUR);
    expect(billing.statement('acme-gmbh').bins.in.reduce((sum, value) => sum + value, 0)).toBe(7_000_000);
    await expect(billing.reread('acme-gmbh', '2026-10')).rejects.toMatchObject({
      code: 'billing_records_conflict',
    });
  });
});

describe('a statement', () => {
  const HEAVY = 37_500_000 * 3; // 3 Mbit/s in a bin

  async function october(): Promise<void> {
    await billing.create(ACCOUNT);
    await billing.catchUp();
    // 447 bins of 3 Mbit/s of 8,928: one more than the 446 that are left out.
    const first = START - (START % BIN_MS) + BIN_MS;
    clock.advance(447 * BIN_MS + BIN_MS);
    await arrive(Array.from({ length: 446 }, (_, index) => flow(first + index * BIN_MS, 0, HEAVY)));
    await pass(20 * 60_000);
  }

  test('is exact to the bin: the 447th of 8,928 decides', async () => {
    await october();
    clock.advance(Date.UTC(2026, 10, 1) - clock.nowMs());
    await pass(120_000);
    expect(billing.statement('acme-gmbh', '2026-10').statement).toMatchObject({
      state: 'closing',
      binsAll: 8928,
      charge: { billed: '0.000000', total: '10.00' },
    });
    await arrive([flow(START - (START % BIN_MS) + 447 * BIN_MS, 0, HEAVY)]);
    await pass(HOUR + 120_000);
    const { statement } = billing.statement('acme-gmbh', '2026-10');
    expect(statement.charge).toMatchObject({ billed: '3.000000', total: '30.00' });
    expect(statement.lateRecords).toBe(1);
  }, 120_000);

  test('whose commit will be or is exceeded raises one alert, with the numbers', async () => {
    await billing.stop();
    const alerts = createAlertBook({ dataDirectory: folder, clock, logger: silentLogger });
    const queue = createAnalysisQueue({ store, clock, logger: silentLogger });
    billing = createBilling({ queue, dataDirectory: folder, alerts, clock, logger: silentLogger });
    await october();
    const [warning, ...others] = alerts.alerts();
    expect(others).toEqual([]);
    expect(warning).toMatchObject({
      title: 'Acme GmbH: the commit of 1 Mbit/s will be exceeded in 2026-10',
      subject: { kind: 'account', value: 'Acme GmbH' },
      count: 1,
    });
    const expected = warning?.evidence.numbers.find(({ name }) => name === 'expected');
    expect(expected).toMatchObject({ value: 3, threshold: 1, unit: 'Mbit/s' });
    await pass(BIN_MS);
    expect(alerts.alerts()[0]?.count).toBe(1);
    await arrive([flow(START - (START % BIN_MS) + 447 * BIN_MS, 0, HEAVY)]);
    await pass(HOUR + 120_000);
    expect(alerts.alerts()).toHaveLength(1);
    expect(alerts.alerts()[0]?.title).toContain('is exceeded in 2026-10');
  }, 120_000);

  test('that is closed stays; what comes later is a correction on the next one, once', async () => {
    await october();
    clock.advance(Date.UTC(2026, 10, 1) - clock.nowMs());
    await pass(49 * HOUR);
    expect(billing.statement('acme-gmbh', '2026-10').statement).toMatchObject({
      state: 'closed',
      total: '10.00',
    });
    await arrive([flow(START - (START % BIN_MS) + 447 * BIN_MS, 0, HEAVY)]);
    await pass(HOUR + 120_000);
    expect(billing.statement('acme-gmbh', '2026-10').statement).toMatchObject({
      state: 'closed',
      total: '10.00',
    });
    const correction = { period: '2026-10', before: '10.00', after: '30.00', amount: '20.00' };
    expect(billing.statement('acme-gmbh').statement).toMatchObject({
      state: 'running',
      corrections: [correction],
      total: '30.00',
    });
    clock.advance(Date.UTC(2026, 11, 1) - clock.nowMs());
    await pass(49 * HOUR);
    expect(billing.statement('acme-gmbh', '2026-11').statement).toMatchObject({
      corrections: [correction],
      total: '30.00',
    });
    await pass(HOUR);
    expect(billing.statement('acme-gmbh', '2026-12').statement).toMatchObject({
      corrections: [],
      total: '10.00',
    });
  }, 120_000);

  test('does not count duplicates, and says what is an estimate', async () => {
    await billing.create(ACCOUNT);
    await billing.catchUp();
    const at = START + 60_000;
    clock.advance(120_000);
    await arrive([
      { ...flow(at, 1000, 1_000_000), duplicate: 0 },
      { ...flow(at, 1000, 1_000_000), duplicate: 1, exporter: 1 },
      { ...flow(at, 1000, 1000), packets: 4, samplingRate: 1000 },
    ]);
    await pass(10 * 60_000);
    const { statement, bins } = billing.statement('acme-gmbh');
    expect(bins.in.reduce((sum, value) => sum + value, 0)).toBe(2_000_000);
    expect(statement.notes.join(' ')).toContain(
      '50.0 % of the octets are estimates: packets were sampled (one in 1000 at most)',
    );
  });
});

describe('accounts', () => {
  test('that count other flows are read again; what was billed stays billed', async () => {
    await arrive([flow(START - HOUR, 0, 1)]);
    clock.advance(BIN_MS);
    const created = await billing.create(ACCOUNT);
    await billing.catchUp();
    clock.advance(60_000);
    await arrive([
      flow(START + 30_000, 1000, 7_000_000),
      { ...flow(START + 30_000, 1000, 3_000_000), protocol: 17 },
    ]);
    await pass(10 * 60_000);
    await billing.change(created.id, { ...ACCOUNT, filter: 'udp' });
    await billing.catchUp();
    expect(billing.statement(created.id).bins.in.reduce((sum, value) => sum + value, 0)).toBe(3_000_000);
    await expect(
      billing.change(created.id, { ...ACCOUNT, calendar: { startDay: 15 } }),
    ).rejects.toMatchObject({ code: 'billing_account_conflict' });
    await expect(billing.create({ ...ACCOUNT, name: 'ACME gmbh' })).rejects.toMatchObject({
      code: 'billing_account_conflict',
    });
    await billing.remove(created.id);
    await billing.catchUp();
    expect(() => billing.statement(created.id)).toThrow('there is no account');
  });

  test('a plan that changes does not change what was billed', async () => {
    const created = await billing.create(ACCOUNT);
    await billing.catchUp();
    await pass(Date.UTC(2026, 10, 4) - clock.nowMs());
    await pass(HOUR);
    await billing.change(created.id, { ...ACCOUNT, plan: { ...ACCOUNT.plan, rate: '99' } });
    expect(billing.statement(created.id, '2026-10').statement.total).toBe('10.00');
    expect(billing.statement(created.id).statement).toMatchObject({ corrections: [], total: '99.00' });
    expect(chargeOf({ in: [], out: [] }, billing.account(created.id).plan).total).toBe('99.00');
  });
});
