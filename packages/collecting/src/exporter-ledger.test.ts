import { createFlowBatch, createFlowDecoder, decodeProblem, type TransportSession } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { createExporterLedger } from './exporter-ledger.ts';
import { createRecordMix } from './record-mix.ts';

const UNWATCHED = { look: () => {}, healthOf: () => undefined };

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
