import { createManualClock, silentLogger } from '@weir/base';
import { createFlowBatch, createFlowDecoder, decodeProblem, type TransportSession } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { ALARM_LIMITS_DEFAULT } from './exporter-health.ts';
import { createExporterLedger } from './exporter-ledger.ts';
import { createExporterWatch } from './exporter-watch.ts';
import { createRecordMix } from './record-mix.ts';

const UNWATCHED = { look: () => {}, healthOf: () => undefined, habits: () => [], expect: () => {} };

function sessionOf(exporterAddress: string): TransportSession {
  return { exporterAddress, localSocket: '0.0.0.0:4739', transport: 'udp', source: 'edge' };
}

describe('createExporterLedger', () => {
  test('says when an exporter was first and last seen', () => {
    const decoder = createFlowDecoder();
    const ledger = createExporterLedger(decoder, UNWATCHED);
    const batch = createFlowBatch(8192);
    const sink = { batch, full: () => batch };
    const bytes = new Uint8Array(1500);
    const mix = createRecordMix();
    const message = bytes.subarray(0, mix.writeMessage(bytes, 1000, 20, true));
    const [one, other] = [sessionOf('192.0.2.1'), sessionOf('192.0.2.2')];
    decoder.decodeDatagram(message, one, 1000, sink);
    ledger.look(1000);
    decoder.decodeDatagram(message, one, 2000, sink);
    decoder.decodeDatagram(message, other, 2000, sink);
    ledger.look(2000);
    ledger.look(3000);
    const records = mix.totals.records;
    expect(ledger.exporters()).toMatchObject([
      { address: '192.0.2.1', firstSeenMs: 1000, lastSeenMs: 2000, messages: 2, records: records * 2 },
      { address: '192.0.2.2', firstSeenMs: 2000, lastSeenMs: 2000, messages: 1, records },
    ]);
  });

  test('an exporter known from an earlier life is silent until it sends', () => {
    const before = createFlowDecoder();
    const batch = createFlowBatch(8192);
    const bytes = new Uint8Array(1500);
    const message = bytes.subarray(0, createRecordMix().writeMessage(bytes, 1000, 20, true));
    before.decodeDatagram(message, sessionOf('192.0.2.1'), 1000, { batch, full: () => batch });
    const decoder = createFlowDecoder();
    decoder.restore(before.snapshot());
    const ledger = createExporterLedger(decoder, UNWATCHED);
    ledger.look(5000);
    expect(ledger.exporters()).toEqual([]);
  });

  test('who never comes back after a restart is missed, by what is remembered of its pauses', () => {
    const clock = createManualClock();
    const messages: string[] = [];
    const logger = {
      ...silentLogger,
      warn: (_facts: object | string, message?: string) => messages.push(message ?? ''),
    };
    const watch = () =>
      createExporterWatch({ clock, logger, limitsOf: () => ALARM_LIMITS_DEFAULT, rateLimitedOf: () => 0 });
    const batch = createFlowBatch(8192);
    const bytes = new Uint8Array(1500);
    const mix = createRecordMix();
    const decoder = createFlowDecoder();
    const before = createExporterLedger(decoder, watch());
    const beganMs = clock.nowMs();
    for (let second = 0; second < 60; second += 1) {
      const message = bytes.subarray(0, mix.writeMessage(bytes, clock.nowMs(), 20, second === 0));
      decoder.decodeDatagram(message, sessionOf('192.0.2.1'), clock.nowMs(), { batch, full: () => batch });
      before.look(clock.nowMs());
      clock.advance(1000);
    }
    const memory: unknown = JSON.parse(JSON.stringify(before.memory()));
    const lastSeenMs = clock.nowMs() - 1000;

    clock.advance(3_600_000);
    const after = createExporterLedger(createFlowDecoder(), watch());
    after.restore([{ address: 'nonsense' }, ...(memory as object[])], 'renamed', clock.nowMs());
    for (let second = 0; second < 58; second += 1) {
      clock.advance(1000);
      after.look(clock.nowMs());
    }
    expect(after.exporters()).toMatchObject([
      { address: '192.0.2.1', source: 'renamed', firstSeenMs: beganMs, lastSeenMs, records: 0, alarms: [] },
    ]);
    for (let second = 0; second < 5; second += 1) {
      clock.advance(1000);
      after.look(clock.nowMs());
    }
    expect(after.exporters()).toMatchObject([{ silentSinceMs: lastSeenMs, alarms: [{ code: 'silent' }] }]);
    expect(messages).toEqual([
      expect.stringMatching(/^exporter 192\.0\.2\.1: nothing has come for 6\d s; it usually/),
    ]);
    expect(after.memory()).toMatchObject([{ firstSeenMs: beganMs, lastSeenMs }]);

    clock.advance(8 * 86_400_000);
    const late = createExporterLedger(createFlowDecoder(), watch());
    late.restore(memory, 'renamed', clock.nowMs());
    expect(late.exporters()).toEqual([]);
  });

  test('counts problems by code and keeps the latest of each in words', () => {
    const ledger = createExporterLedger({ domainCounters: () => [] }, UNWATCHED);
    ledger.problem(decodeProblem('set_length_invalid', 16), undefined, 1);
    ledger.problem(decodeProblem('message_truncated', 3), undefined, 2);
    ledger.problem(decodeProblem('set_length_invalid', 40), undefined, 3);
    expect(ledger.unattributedProblems()).toMatchObject([
      {
        code: 'set_length_invalid',
        count: 2,
        lastAtMs: 3,
        lastMessage: expect.stringContaining('(octet 40)'),
      },
      { code: 'message_truncated', count: 1, lastAtMs: 2 },
    ]);
  });
});
