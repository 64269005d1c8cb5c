import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AlertFinding } from '@weir/analysis';
import { createManualClock, silentLogger } from '@weir/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createAlertBook } from './alert-book.ts';
import { AlertLedger } from './alert-ledger.ts';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 4, 3, 12);

function finding(host: string, further: Partial<AlertFinding> = {}): AlertFinding {
  return {
    detection: 'portScan',
    title: 'Port scan',
    subject: { kind: 'host', value: host },
    score: 0.5,
    firstSeen: '2026-05-03T11:00:00.000Z',
    lastSeen: '2026-05-03T11:05:00.000Z',
    evidence: { formula: 'a > b', numbers: [], filter: `src host ${host}`, from: '', to: '' },
    explanation: 'It is a test.',
    ...further,
  };
}

describe('a ledger of alerts', () => {
  let ledger: AlertLedger;
  beforeEach(() => {
    ledger = new AlertLedger();
  });

  test('the same subject again is one alert with a count, news only when it is graver', () => {
    expect(ledger.raise(finding('10.0.0.1'), NOW_MS)).toMatchObject({ outcome: 'opened', isNews: true });
    const later = finding('10.0.0.1', { lastSeen: '2026-05-03T11:55:00.000Z', score: 0.45 });
    expect(ledger.raise(later, NOW_MS + 1)).toMatchObject({ outcome: 'grouped', isNews: false });
    const graver = ledger.raise(finding('10.0.0.1', { score: 0.9 }), NOW_MS + 2);
    expect(graver).toMatchObject({ outcome: 'grouped', isNews: true });
    expect(ledger.alerts()).toMatchObject([
      { count: 3, severity: 'critical', lastSeen: '2026-05-03T11:55:00.000Z', state: 'open' },
    ]);
    expect(ledger.raise(finding('10.0.0.1', { detection: 'beacon' }), NOW_MS).outcome).toBe('opened');
  });

  test('what was closed a moment ago does not come back; after the cooldown it does', () => {
    const { alert } = ledger.raise(finding('10.0.0.1'), NOW_MS);
    ledger.setState(alert?.id ?? '', 'closed', 'ada', 'a test of ours', NOW_MS);
    expect(ledger.raise(finding('10.0.0.1'), NOW_MS + 5 * HOUR_MS).outcome).toBe('cooling');
    expect(ledger.raise(finding('10.0.0.1'), NOW_MS + 6 * HOUR_MS).outcome).toBe('opened');
    expect(ledger.alerts().map(({ state, count }) => [state, count])).toEqual([
      ['open', 1],
      ['closed', 2],
    ]);
  });

  test('what was acknowledged is silent until it was quiet for a day', () => {
    const { alert } = ledger.raise(finding('10.0.0.1'), NOW_MS);
    ledger.setState(alert?.id ?? '', 'acknowledged', 'ada', '', NOW_MS);
    expect(ledger.raise(finding('10.0.0.1'), NOW_MS + 23 * HOUR_MS).isNews).toBe(false);
    expect(ledger.raise(finding('10.0.0.1'), NOW_MS + 46 * HOUR_MS).isNews).toBe(false);
    expect(ledger.raise(finding('10.0.0.1'), NOW_MS + 70 * HOUR_MS)).toMatchObject({
      isNews: true,
      alert: { state: 'open' },
    });
  });

  test('twenty of a kind in an hour, and how many more, each subject once', () => {
    for (let host = 0; host < 57; host++) ledger.raise(finding(`10.0.0.${host}`), NOW_MS + host);
    ledger.raise(finding('10.0.0.56'), NOW_MS + 100);
    expect(ledger.alerts()).toHaveLength(20);
    expect(ledger.alerts()[0]).toMatchObject({ subject: { value: '10.0.0.19' }, more: 37 });
    expect(ledger.counters).toMatchObject({ raised: 58, opened: 20, capped: 38 });
    expect(ledger.raise(finding('10.0.0.56'), NOW_MS + HOUR_MS + 1).outcome).toBe('opened');
  });

  test('a suppression silences by detection, subject and network until it is over', () => {
    const request = {
      reason: 'our scanner',
      createdBy: 'ada',
      until: new Date(NOW_MS + HOUR_MS).toISOString(),
    };
    ledger.raise(finding('10.1.2.3'), NOW_MS);
    ledger.suppress({ ...request, network: '10.1.0.0/16', detection: 'portScan' }, NOW_MS);
    expect(ledger.alerts()[0]?.state).toBe('suppressed');
    expect(ledger.raise(finding('10.1.9.9'), NOW_MS + 1)).toMatchObject({
      outcome: 'suppressed',
      isNews: false,
    });
    expect(ledger.raise(finding('10.2.0.1'), NOW_MS + 1).outcome).toBe('opened');
    expect(ledger.raise(finding('10.1.9.9', { detection: 'beacon' }), NOW_MS + 1).outcome).toBe('opened');
    expect(ledger.suppressions(NOW_MS)[0]?.hits).toBe(1);
    expect(ledger.raise(finding('10.1.9.9'), NOW_MS + HOUR_MS)).toMatchObject({
      outcome: 'grouped',
      isNews: true,
    });
    expect(ledger.suppressions(NOW_MS + HOUR_MS)).toEqual([]);
  });

  test('a pair is in a network when one of its ends is', () => {
    const until = new Date(NOW_MS + HOUR_MS).toISOString();
    ledger.suppress({ network: '2001:db8::/32', reason: '', createdBy: 'ada', until }, NOW_MS);
    const pair = { kind: 'pair', value: '10.0.0.1 → 2001:db8::7' } as const;
    expect(ledger.raise(finding('', { subject: pair }), NOW_MS).outcome).toBe('suppressed');
  });

  test('suppressions that make no sense are refused', () => {
    const request = { reason: '', createdBy: 'ada', until: new Date(NOW_MS + 1).toISOString() };
    expect(() => ledger.suppress(request, NOW_MS)).toThrow('name a detection');
    expect(() => ledger.suppress({ ...request, network: 'here' }, NOW_MS)).toThrow("'here' is no network");
    expect(() => ledger.suppress({ ...request, detection: 'beacon' }, NOW_MS + 2)).toThrow('no time to come');
    expect(() => ledger.unsuppress('7')).toThrow('no suppression 7');
    expect(() => ledger.setState('7', 'closed', 'ada', '', NOW_MS)).toThrow('no alert 7');
  });

  test('it is bounded: what is closed goes first', () => {
    const first = ledger.raise(finding('10.0.0.1'), NOW_MS).alert;
    const second = ledger.raise(finding('10.0.0.2'), NOW_MS).alert;
    ledger.setState(second?.id ?? '', 'closed', 'ada', '', NOW_MS);
    for (let other = 0; other < 1999; other++) {
      ledger.raise(finding(`10.1.${other >> 8}.${other & 255}`), NOW_MS + other * HOUR_MS);
    }
    expect(ledger.alerts()).toHaveLength(2000);
    expect(ledger.alert(first?.id ?? '').subject.value).toBe('10.0.0.1');
    expect(() => ledger.alert(second?.id ?? '')).toThrow('no alert');
  });
});

describe('a book of alerts', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-alerts-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('survives a restart, and tells who listens', async () => {
    const clock = createManualClock(NOW_MS);
    const options = { dataDirectory: folder, clock, logger: silentLogger };
    const book = createAlertBook(options);
    const told: [string, boolean][] = [];
    book.subscribe((alert, isNews) => told.push([alert.subject.value, isNews]));
    expect(book.raise(finding('10.0.0.1'))).toBe('opened');
    expect(book.raise(finding('10.0.0.1'))).toBe('grouped');
    const until = new Date(NOW_MS + HOUR_MS).toISOString();
    book.suppress({ detection: 'beacon', reason: '', createdBy: 'ada', until });
    expect(told).toEqual([
      ['10.0.0.1', true],
      ['10.0.0.1', false],
    ]);
    await book.stop();
    expect(JSON.parse(readFileSync(path.join(folder, 'alerts', 'alerts.json'), 'utf8'))).toMatchObject({
      version: 1,
    });
    const again = createAlertBook(options);
    expect(again.alerts()).toEqual(book.alerts());
    expect(again.suppressions()).toEqual(book.suppressions());
    expect(again.raise(finding('10.0.0.1', { detection: 'beacon' }))).toBe('suppressed');
  });
});
