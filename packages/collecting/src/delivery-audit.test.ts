import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@weir/base';
import type { OptionsRecord, TransportSession } from '@weir/ipfix';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDeliveryAudit } from './delivery-audit.ts';
import { createDeliveryStatements, type DeliveryStatement } from './delivery-statements.ts';

const exporter = { address: '192.0.2.1', observationDomainId: 0, source: 'branches', version: 10 };

function sessionOf(transport: TransportSession['transport'] = 'tcp'): TransportSession {
  return { exporterAddress: exporter.address, localSocket: '[::]:4739', transport, source: exporter.source };
}

function statistics(records: unknown, observationDomainId: unknown = 7): OptionsRecord {
  const scope = { observationDomainId } as OptionsRecord['scope'];
  const fields = { exportedFlowRecordTotalCount: records } as OptionsRecord['fields'];
  return { exporter, templateId: 32_768, exportTimeMs: 0, scope, fields } as OptionsRecord;
}

describe('statements', () => {
  const begin = { address: '192.0.2.1', observationDomainId: 7, source: 'branches', kind: 'begin' };

  test('the first statistics of a session say what was sent in those before', () => {
    const statements = createDeliveryStatements();
    const session = sessionOf();
    statements.take(statistics(100), session, 1000);
    statements.noteRows(session, 5, 1000);
    // Those of each minute are about this session, too.
    statements.take(statistics(103), session, 2000);
    expect(statements.drain()).toEqual([{ ...begin, records: 100, atMs: 1000 }]);
    expect(statements.drain()).toEqual([]);
  });

  test('statistics behind a record, over UDP, or that are no numbers say nothing', () => {
    const statements = createDeliveryStatements();
    const late = sessionOf('tls');
    statements.noteRows(late, 1, 1000);
    statements.take(statistics(100), late, 1000);
    statements.take(statistics(100), sessionOf('udp'), 1000);
    statements.take(statistics('9007199254740993'), sessionOf(), 1000);
    statements.take(statistics(100, null), sessionOf(), 1000);
    expect(statements.drain()).toEqual([]);
  });

  test('the count is carried on each minute by what arrived, between two milliseconds', () => {
    const statements = createDeliveryStatements();
    const session = sessionOf();
    statements.take(statistics(100), session, 1000);
    statements.drain();
    statements.noteRows(session, 5, 1500);
    statements.tick(60_000);
    expect(statements.drain()).toEqual([]);
    statements.noteRows(session, 2, 61_000);
    statements.tick(61_000);
    expect(statements.drain()).toEqual([]);
    statements.tick(61_001);
    expect(statements.drain()).toEqual([{ ...begin, kind: 'arrived', records: 107, atMs: 61_001 }]);
    statements.closeSession(session);
    statements.tick(200_000);
    expect(statements.drain()).toEqual([]);
  });

  test('the last totals of a process that has ended, replayed in a session, are not about this one', () => {
    const statements = createDeliveryStatements();
    const session = sessionOf();
    const final = statistics(5000, 9);
    statements.take(statistics(0), session, 1000);
    statements.noteRows(session, 3, 1500);
    statements.take({ ...final, scope: { ...final.scope, exportingProcessId: 77 } }, session, 1500);
    statements.drain();
    statements.tick(61_000);
    expect(statements.drain()).toEqual([{ ...begin, kind: 'arrived', records: 3, atMs: 61_000 }]);
  });

  test('of several domains in one session the rows cannot be told apart', () => {
    const statements = createDeliveryStatements();
    const session = sessionOf();
    statements.take(statistics(100, 1), session, 1000);
    statements.take(statistics(200, 2), session, 1000);
    statements.drain();
    statements.tick(100_000);
    expect(statements.drain()).toEqual([]);
  });
});

describe('the audit', () => {
  let folder = '';
  /** Records in the store, by when they were received. */
  let stored: number[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-audit-'));
    stored = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = () =>
    openDeliveryAudit({
      dataDirectory: folder,
      logger: silentLogger,
      countRecords: async (_, fromMs, toMs) => stored.filter((at) => at >= fromMs && at < toMs).length,
    });
  const said = (
    records: number,
    atMs: number,
    kind: DeliveryStatement['kind'] = 'begin',
  ): DeliveryStatement => ({
    address: '192.0.2.1',
    observationDomainId: 7,
    source: 'branches',
    records,
    atMs,
    kind,
  });
  const END = Number.POSITIVE_INFINITY;

  test('lost is what was sent between two sessions and is not in the store, over restarts', async () => {
    const first = await open();
    await first.audit([said(0, 1000)], END);
    stored = [1000, 1100, 1200];
    expect(first.losses()).toEqual([]);
    const second = await open();
    await second.audit([said(5, 9000)], END);
    expect(second.losses()).toMatchObject([{ address: '192.0.2.1', recordsLost: 2, lastLossAtMs: 9000 }]);
    // A session that begins where the one before ended lost nothing; its own records count from then on.
    stored.push(9000, 9100);
    await second.audit([said(7, 12_000)], END);
    stored.push(12_000);
    const third = await open();
    await third.audit([said(9, 20_000)], END);
    expect(third.losses()).toMatchObject([{ recordsLost: 3, lastLossAtMs: 20_000 }]);
  });

  test('a statement that was not written down in time is no loss of the count', async () => {
    await (await open()).audit([said(0, 1000)], END);
    // Killed twice; of the session at 5000 nothing was written down.
    stored = [1000, 5001, 5002];
    const audit = await open();
    await audit.audit([said(10, 9000)], END);
    expect(audit.losses()).toMatchObject([{ recordsLost: 7 }]);
  });

  test('what arrived is carried on without a question to the store', async () => {
    const audit = await open();
    await audit.audit([said(0, 1000), said(50, 61_000, 'arrived')], END);
    stored = [62_000];
    await audit.audit([said(52, 70_000)], END);
    expect(audit.losses()).toMatchObject([{ recordsLost: 1 }]);
  });

  test('an exporter that counts anew begins anew', async () => {
    const audit = await open();
    await audit.audit([said(100, 1000), said(0, 2000)], END);
    stored = [2000, 2001];
    await audit.audit([said(3, 3000)], END);
    expect(audit.losses()).toMatchObject([{ recordsLost: 1 }]);
  });

  test('what is not yet settled waits', async () => {
    const audit = await open();
    // Where nothing is known there is nothing to count.
    await audit.audit([said(0, 1000), said(4, 5000)], 1001);
    expect(readFileSync(join(folder, 'deliveries.json'), 'utf8')).toContain('"atMs":1000');
    await audit.audit([], 19_999);
    expect(audit.losses()).toEqual([]);
    await audit.audit([], 20_000);
    expect(audit.losses()).toMatchObject([{ recordsLost: 4 }]);
  });

  test('a damaged file is taken as empty; a store that cannot answer is said', async () => {
    writeFileSync(join(folder, 'deliveries.json'), '{"version":1,"accounts":[{}]}');
    const warnings: unknown[] = [];
    const audit = await openDeliveryAudit({
      dataDirectory: folder,
      logger: { ...silentLogger, warn: (...said: unknown[]) => void warnings.push(said.at(-1)) },
      countRecords: async () => {
        throw new Error('busy');
      },
    });
    await audit.audit([said(0, 1000), said(1, 2000)], END);
    expect(warnings).toEqual([
      'the saved accounts of deliveries are damaged and are not used',
      'what was lost on the way could not be counted or written down',
    ]);
    expect(audit.losses()).toEqual([]);
    expect(readFileSync(join(folder, 'deliveries.json'), 'utf8')).toContain('[{}]');
  });
});
