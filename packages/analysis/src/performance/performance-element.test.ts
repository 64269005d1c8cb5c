import { expect, test } from 'vitest';
import { performanceSql } from './performance-element.ts';

test('a store without such columns has no measures', () => {
  expect(performanceSql(['octets', 'packets'])).toEqual({
    clientMs: undefined,
    serverMs: undefined,
    roundTripMs: undefined,
    retransmitted: undefined,
    outOfOrder: undefined,
    zeroWindows: undefined,
    elements: [],
  });
});

test('both parts make the round trip; microseconds become milliseconds', () => {
  const sql = performanceSql(['tcpClientRoundTripMicroseconds', 'tcpServerRoundTripMicroseconds']);
  expect(sql.clientMs).toBe('coalesce(flows."tcpClientRoundTripMicroseconds"::DOUBLE / 1000)');
  expect(sql.roundTripMs).toBe(`coalesce((${sql.clientMs}) + (${sql.serverMs}))`);
});

test('sums of Cisco are divided by the connections, and are not used without them', () => {
  expect(performanceSql(['sumServerNwkTime']).serverMs).toBeUndefined();
  expect(performanceSql(['sumServerNwkTime', 'newConnectionDeltaCount']).serverMs).toBe(
    'coalesce(flows."sumServerNwkTime"::DOUBLE / nullif(flows."newConnectionDeltaCount"::DOUBLE, 0))',
  );
});

test('exporters of several kinds in one store: each record is read by what it has', () => {
  const sql = performanceSql([
    'tcpRetransmittedPackets',
    'retransmitted_in_pkts',
    'retransmitted_out_pkts',
    'npnRoundTripTime',
  ]);
  expect(sql.retransmitted).toBe(
    'coalesce(flows."tcpRetransmittedPackets"::DOUBLE, flows."retransmitted_in_pkts"::DOUBLE + flows."retransmitted_out_pkts"::DOUBLE)',
  );
  expect(sql.roundTripMs).toBe('coalesce(coalesce(flows."npnRoundTripTime"::DOUBLE / 1000))');
  expect(sql.elements).toEqual([
    'npnRoundTripTime',
    'tcpRetransmittedPackets',
    'retransmitted_in_pkts',
    'retransmitted_out_pkts',
  ]);
});
