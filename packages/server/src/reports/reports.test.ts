/** Reports over a real store: what they say, when they are made, how they are sent. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createManualClock, type ManualClock, silentLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createAlertBook } from '../alerts/alert-book.ts';
import { createAnalysisQueue } from '../analyses/analysis-queue.ts';
import { createBilling } from '../billing/billing.ts';
import { createCapacity } from '../capacity/capacity.ts';
import type { MailMessage } from '../notifications/mailer.ts';
import { type WrittenFlow, writeFlows } from '../test-flows.test-support.ts';
import { createReportDesk, type ReportDesk } from './reports.ts';

const START = Date.UTC(2026, 10, 2, 6); // a Monday
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ALL = [
  { kind: 'talkers', by: ['srcAddr'] },
  { kind: 'traffic', by: ['protocol'] },
  { kind: 'drops' },
  { kind: 'alerts' },
  { kind: 'capacity' },
];

let folder: string;
let store: FlowStore;
let clock: ManualClock;
let desk: ReportDesk;
let mails: MailMessage[];
let mailFails: boolean;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-reports-'));
  clock = createManualClock(START);
  store = await openStore({
    dataDirectory: folder,
    logger: silentLogger,
    clock: createManualClock(START),
    options: { threads: 1 },
  });
  mails = [];
  mailFails = false;
  desk = open();
});
afterEach(async () => {
  await desk.stop();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function open(): ReportDesk {
  const queue = createAnalysisQueue({ store, clock, logger: silentLogger });
  const shared = { queue, dataDirectory: folder, clock, logger: silentLogger };
  const mailer = {
    isConfigured: () => true,
    send: async (message: MailMessage) => {
      if (mailFails) throw new Error('450 try again');
      mails.push(message);
    },
  };
  const alerts = createAlertBook(shared);
  return createReportDesk({
    ...shared,
    alerts,
    mailer,
    billing: createBilling(shared),
    capacity: createCapacity(shared),
  });
}

const flow = (timeMs: number, src: string, octets: number, more: Partial<WrittenFlow> = {}): WrittenFlow => ({
  receivedAt: timeMs,
  flowStart: timeMs - 1000,
  flowEnd: timeMs,
  octets,
  src,
  dst: '192.0.2.1',
  ...more,
});

async function pass(milliseconds: number): Promise<void> {
  clock.advance(milliseconds);
  await desk.catchUp();
}

test('says what the console says, of the period and the one before', async () => {
  await writeFlows(store, [
    flow(START - 20 * HOUR, '10.0.0.1', 3_000_000),
    flow(START - 20 * HOUR, '10.0.0.2', 1_000_000, { duplicate: 1 }),
    flow(START - 40 * HOUR, '10.0.0.1', 1_500_000),
    flow(START - 19 * HOUR, '10.0.0.3', 5000, { forwardingStatus: 0x80 }),
  ]);
  const daily = { every: 'daily', minute: 300 };
  const sections = [...ALL, { kind: 'billing', account: 'nobody' }, { kind: 'policy' }];
  await desk.create({ name: 'Daily', schedule: daily, sections, formats: ['pdf', 'html', 'csv'] });
  const run = await desk.runNow('daily');
  expect(run).toMatchObject({
    state: 'made',
    cause: 'hand',
    fromMs: START - 30 * HOUR,
    toMs: START - 6 * HOUR,
  });
  const csv = desk.file('daily', run.id, 'csv').toString();
  expect(csv).toContain('10.0.0.1,3.00 M,1.50 M,up 100.0 %,1,1');
  expect(csv).not.toContain('10.0.0.2');
  expect(csv).toContain('(none),5.00 k,0,new,1,1');
  const html = desk.file('daily', run.id, 'html').toString();
  expect(html).toContain('This section could not be made: there is no account');
  expect(html).toContain('No alerts in this period.');
  expect(desk.file('daily', run.id, 'pdf').subarray(0, 5).toString()).toBe('%PDF-');
  expect(mails).toEqual([]);
});

test('is made by the clock; what was missed is made up once, and no more is kept than asked for', async () => {
  await desk.create({ name: 'Daily', schedule: { every: 'daily' }, sections: [{ kind: 'alerts' }], keep: 2 });
  await pass(30 * 60_000);
  expect(desk.runs('daily')).toHaveLength(0);
  await pass(30 * 60_000 + 1000);
  expect(desk.runs('daily')).toMatchObject([{ cause: 'clock', dueMs: START + HOUR }]);
  await pass(5000);
  expect(desk.runs('daily')).toHaveLength(1);
  await desk.stop();
  clock.advance(4 * DAY + 2 * HOUR);
  desk = open();
  await desk.catchUp();
  expect(desk.runs('daily')).toMatchObject([
    { cause: 'missed', dueMs: START + HOUR + 4 * DAY },
    { cause: 'clock' },
  ]);
  await pass(DAY);
  expect(desk.runs('daily')).toHaveLength(2);
  expect(readdirSync(path.join(folder, 'reports', 'kept', 'daily'))).toHaveLength(2);
  await desk.remove('daily');
  expect(existsSync(path.join(folder, 'reports', 'kept', 'daily', `${desk.counters().made}.pdf`))).toBe(
    false,
  );
  expect(readdirSync(path.join(folder, 'reports', 'kept', 'daily'))).toHaveLength(0);
});

test('that could not be sent is tried again with pauses, and shown', async () => {
  mailFails = true;
  const sendTo = ['noc@example.net'];
  await desk.create({ name: 'Mailed', schedule: { every: 'daily' }, sections: [{ kind: 'alerts' }], sendTo });
  await pass(HOUR);
  expect(desk.runs('mailed')[0]?.delivery).toMatchObject({
    state: 'waiting',
    attempts: 1,
    error: '450 try again',
  });
  await pass(30_000);
  expect(desk.runs('mailed')[0]?.delivery.attempts).toBe(1);
  await pass(31_000);
  expect(desk.runs('mailed')[0]?.delivery.attempts).toBe(2);
  mailFails = false;
  await desk.stop();
  desk = open();
  await pass(130_000);
  expect(desk.runs('mailed')[0]?.delivery).toMatchObject({ state: 'sent', attempts: 3, error: '' });
  expect(mails).toMatchObject([{ to: sendTo, subject: 'Mailed, 2026-11-01' }]);
  expect(mails[0]?.attachments?.[0]?.filename).toMatch(/^mailed-.*\.pdf$/);
});

test('is given up after two days', async () => {
  mailFails = true;
  await desk.create({
    name: 'Mailed',
    enabled: false,
    sections: [{ kind: 'alerts' }],
    sendTo: ['noc@example.net'],
  });
  await desk.runNow('mailed');
  for (let hour = 0; hour < 52; hour++) await pass(HOUR);
  expect(desk.runs('mailed')[0]?.delivery.state).toBe('givenUp');
});

test('is refused with what is wrong of it', async () => {
  const sections = [{ kind: 'talkers', by: ['srcAddress'] }];
  await expect(desk.create({ name: 'x', sections })).rejects.toThrow('there is no dimension');
  await expect(
    desk.create({ name: 'x', sections: [{ kind: 'drops', filter: 'prot tcp' }] }),
  ).rejects.toThrow();
  await expect(
    desk.create({ name: 'x', sections: [{ kind: 'alerts' }], schedule: { timeZone: 'Mars' } }),
  ).rejects.toThrow('IANA');
  await desk.create({ name: 'x', sections: [{ kind: 'alerts' }] });
  await expect(desk.create({ name: 'X', sections: [{ kind: 'alerts' }] })).rejects.toMatchObject({
    code: 'report_conflict',
  });
  expect(() => desk.file('x', '../../alerts', 'csv')).toThrow('has no run');
});
