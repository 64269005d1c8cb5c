import { describe, expect, test } from 'vitest';
import { createFlowBatch, type FlowBatch, isPresent, u64AsNumber } from './flow-batch.ts';
import { createFlowDecoder } from './flow-decoder.ts';
import type { TransportSession } from './transport-session.ts';

const SESSION: TransportSession = {
  exporterAddress: '192.0.2.1',
  localSocket: '0.0.0.0:4739',
  transport: 'udp',
  source: 'test',
};

/** Big-endian octets from hexadecimal digits, white space aside. */
function octets(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(/\s/g, '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function decode(...datagrams: string[]) {
  const decoder = createFlowDecoder();
  const batch: FlowBatch = createFlowBatch(64);
  const problems: string[] = [];
  const sink = {
    batch,
    full: () => batch,
    problem: (problem: { code: string; offset: number }) =>
      problems.push(`${problem.code}@${problem.offset}`),
  };
  for (const datagram of datagrams)
    decoder.decodeDatagram(octets(datagram), SESSION, 1_700_000_000_500, sink);
  return { decoder, batch, problems };
}

describe('IPFIX', () => {
  const TEMPLATE = '0002 001c 0100 0004 0008 0004 000c 0004 0001 0004 8001 0002 0000 002a';
  const DATA = '0100 0012 0a000001 0a000002 00000064 beef';

  test('one message with a template and a record', () => {
    const { batch, decoder, problems } = decode(`000a 003e 65000000 00000000 00000007 ${TEMPLATE} ${DATA}`);
    expect(problems).toEqual([]);
    expect(batch.rowCount).toBe(1);
    expect(batch.columns.srcAddrLo[0]).toBe(0x0a000001);
    expect(batch.columns.srcAddrLo[1]).toBe(0xffff);
    expect(u64AsNumber(batch.columns.octets, 0)).toBe(100);
    expect(isPresent(batch, 'packets', 0)).toBe(false);
    expect(batch.layouts).toEqual([[{ enterpriseNumber: 42, elementId: 1, length: 2 }]]);
    expect([...batch.extra.subarray(0, batch.extraEnd[0])]).toEqual([0xbe, 0xef]);
    expect(batch.exporters).toEqual([
      { address: '192.0.2.1', observationDomainId: 7, source: 'test', version: 10 },
    ]);
    expect(decoder.counters()).toMatchObject({ datagrams: 1, messages: 1, problems: 0 });
  });

  test('a Set before its template waits and is replayed', () => {
    const { batch, decoder } = decode(
      `000a 0022 65000000 00000000 00000007 ${DATA}`,
      `000a 002c 65000000 00000001 00000007 ${TEMPLATE}`,
    );
    expect(batch.rowCount).toBe(1);
    expect(decoder.counters()).toMatchObject({ pendingKept: 1, pendingReplayed: 1 });
  });
});
