import { describe, expect, test } from 'vitest';
import type { FlowFields } from './flow-fields.ts';
import { buildFrame } from './frame-builder.ts';
import { LINKTYPE_ETHERNET } from './link-type.ts';
import { createPacketMeter } from './packet-meter.ts';
import { createRows, meterTrace, missing, tshark } from './trace-oracle.test-support.ts';

/** What is kept of flows beside their counters, against tshark's own analysis of the same traces. */
const keyOf = (fields: FlowFields) =>
  [
    fields['sourceIPv4Address'] ?? fields['sourceIPv6Address'],
    fields['sourceTransportPort'],
    fields['destinationIPv4Address'] ?? fields['destinationIPv6Address'],
    fields['destinationTransportPort'],
  ].join(' ');

const COUNTS = ['tcpRetransmittedPackets', 'tcpOutOfOrderPackets', 'tcpZeroWindowPackets'];
const ADDRESSES = ['ip.src', 'ipv6.src', 'tcp.srcport', 'ip.dst', 'ipv6.dst', 'tcp.dstport'];
const ANALYSIS = ['retransmission', 'out_of_order', 'zero_window', 'initial_rtt'].map(
  (name) => `tcp.analysis.${name}`,
);

function tsharkAnalysis(name: string) {
  const counts = new Map<string, number[]>();
  const roundTrips = new Map<string, number>();
  for (const cells of tshark(name, 'tcp', [...ADDRESSES, ...ANALYSIS])) {
    const [source4, source6, sourcePort, destination4, destination6, destinationPort, ...analysis] = cells;
    const key = [source4 || source6, sourcePort, destination4 || destination6, destinationPort].join(' ');
    const sums = counts.get(key) ?? [0, 0, 0];
    counts.set(
      key,
      sums.map((sum, index) => sum + (analysis[index] ? 1 : 0)),
    );
    if (analysis[3]) roundTrips.set(key, Number(analysis[3]) * 1e6);
  }
  return { counts, roundTrips };
}

/**
 * Uniflows for which tshark says otherwise, and why: it takes a packet whose timestamp is before that of the
 * packet before it for retransmitted, we for out of order.
 */
const TIME_GOES_BACK = ['10.180.156.2 80 10.180.156.1 40004'];
/** It goes on with a connection after FIN or RST; to us a SYN then begins another flow. */
const SYN_AFTER_END = ['10.180.156.1 40009 10.180.156.2 80'];
const EXPLAINED: readonly string[] = [...TIME_GOES_BACK, ...SYN_AFTER_END];

/** Between two SYN/ACKs: our parts run from the first to the server's answer, from the last to the client's. */
const REPEATED_WITHIN_US = 10;

const TCP_TRACES = [
  'zeek/Traces/tcp/ssh-dups.pcap',
  'zeek/Traces/tcp/retransmit-timeout.pcapng',
  'zeek/Traces/http/m57-long-49600-80.pcap',
  'zeek/Traces/ssh/ssh.pcap',
  'arkime/tcp-reassembly-synthetic.pcap',
  'nDPI/pcap/1kxun.pcap',
  'PcapPlusPlus/ExamplesTest/pcap_examples/many-protocols.pcap',
];

describe.skipIf(missing !== '')(`TCP performance is what tshark finds${missing}`, () => {
  test.each(TCP_TRACES)('%s', async (name) => {
    const rows = await meterTrace(name, { tcpPerformance: true });
    const { counts, roundTrips } = tsharkAnalysis(name);
    const found = new Map<string, number[]>();
    const foundRoundTrips = new Map<string, number>();
    for (const fields of rows.filter((row) => row['protocolIdentifier'] === 6)) {
      const sums = found.get(keyOf(fields)) ?? [0, 0, 0];
      found.set(
        keyOf(fields),
        sums.map((sum, index) => sum + Number(fields[COUNTS[index] ?? ''])),
      );
      const client = fields['tcpClientRoundTripMicroseconds'];
      const server = fields['tcpServerRoundTripMicroseconds'];
      if (client === undefined || server === undefined) continue;
      foundRoundTrips.set(keyOf(fields), Number(client) + Number(server));
    }
    for (const key of EXPLAINED) for (const map of [counts, found, roundTrips]) map.delete(key);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(counts));
    for (const [key, roundTrip] of roundTrips) {
      const ours = foundRoundTrips.get(key);
      if (ours !== undefined) expect(Math.abs(ours - roundTrip), key).toBeLessThan(REPEATED_WITHIN_US);
    }
    expect(foundRoundTrips.size).toBeGreaterThanOrEqual(roundTrips.size * 0.9);
  });
});

describe('details of flows', () => {
  test('without an option a record has no extra field', async () => {
    const { rows, sink } = createRows();
    const meter = createPacketMeter({ flowsMax: 10 }, sink);
    const frame = buildFrame({ protocol: 6 });
    meter.packet(frame, 0, frame.length, frame.length, 1000, 0, 1, LINKTYPE_ETHERNET);
    meter.flushAll();
    sink.full();
    expect(Object.keys(rows[0] ?? {}).filter((name) => name.startsWith('tcp'))).toEqual(['tcpControlBits']);
  });

  test('packets cut off before the window count for the flow and not for its analysis', () => {
    const { rows, sink } = createRows();
    const meter = createPacketMeter({ flowsMax: 10, tcpPerformance: true }, sink);
    const frame = buildFrame({ protocol: 6, payload: 500 });
    for (const captured of [14 + 20 + 20, 14 + 20 + 14, 14 + 20 + 20]) {
      meter.packet(frame, 0, captured, frame.length, 1000, 0, 1, LINKTYPE_ETHERNET);
    }
    meter.flushAll();
    sink.full();
    expect(rows).toMatchObject([
      { packetDeltaCount: 3, tcpRetransmittedPackets: 1, tcpOutOfOrderPackets: 0, tcpZeroWindowPackets: 2 },
    ]);
  });

  test('many rows with extra fields go through small batches', () => {
    const { rows, sink } = createRows();
    const meter = createPacketMeter({ flowsMax: 1000, tcpPerformance: true }, sink);
    for (let sourcePort = 1; sourcePort <= 500; sourcePort += 1) {
      const frame = buildFrame({ protocol: sourcePort % 2 === 0 ? 6 : 17, sourcePort });
      meter.packet(frame, 0, frame.length, frame.length, 1000, 0, 1, LINKTYPE_ETHERNET);
    }
    meter.flushAll();
    sink.full();
    expect(rows).toHaveLength(500);
    const analysed = rows.filter((row) => row['tcpRetransmittedPackets'] === 0);
    expect(analysed.every((row) => row['protocolIdentifier'] === 6)).toBe(true);
    expect(analysed).toHaveLength(250);
  });
});
