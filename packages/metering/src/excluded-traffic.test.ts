import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import type { ExcludedSocket } from './excluded-traffic.ts';
import { buildFrame, buildIpv4, buildIpv6, type FrameDescription } from './frame-builder.ts';
import { createPacketMeter } from './packet-meter.ts';

const mapped = (...octets: number[]) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets);

function meter(excluded: ExcludedSocket[], frames: FrameDescription[]) {
  return meterOctets(excluded, frames.map(buildFrame));
}

function meterOctets(excluded: ExcludedSocket[], frames: Uint8Array[]) {
  const batch = createFlowBatch(64);
  const sink = {
    batch,
    full() {
      clearFlowBatch(batch);
      return batch;
    },
  };
  const packetMeter = createPacketMeter({}, sink);
  packetMeter.excludedTraffic.replace(excluded);
  for (const frame of frames) {
    packetMeter.packet(frame, 0, frame.length, frame.length, 0, 0, 1, 1);
  }
  packetMeter.flushAll();
  return { ports: [...batch.columns.srcPort.subarray(0, batch.rowCount)], counters: packetMeter.counters() };
}

describe('excluded traffic', () => {
  const there = {
    source: '192.0.2.1',
    destination: '198.51.100.2',
    sourcePort: 40_000,
    destinationPort: 4739,
  };
  const back = {
    source: '198.51.100.2',
    destination: '192.0.2.1',
    sourcePort: 4739,
    destinationPort: 40_000,
  };

  test('both directions of a socket are left out, and counted', () => {
    const { ports, counters } = meter(
      [{ protocol: 17, localPort: 40_000 }],
      [there, back, back, { sourcePort: 5 }],
    );
    expect(ports).toEqual([5]);
    expect(counters).toMatchObject({
      records: 1,
      recordsExcluded: 2,
      packetsExcluded: 3,
      octetsExcluded: 84,
      packets: 4,
    });
  });

  test('only what matches all that is said', () => {
    const socket = {
      protocol: 17,
      localPort: 40_000,
      localAddress: mapped(192, 0, 2, 1),
      remotePort: 4739,
      remoteAddress: mapped(198, 51, 100, 2),
    };
    const near: FrameDescription[] = [
      { ...there, protocol: 6 },
      { ...there, source: '192.0.2.9' },
      { ...there, destinationPort: 53 },
      { ...there, destination: '198.51.100.9' },
    ];
    expect(meter([socket], [...near, there]).counters).toMatchObject({ records: 4, recordsExcluded: 1 });
  });
});

describe('ICMP errors about excluded traffic', () => {
  const socket = { protocol: 17, localPort: 40_000, remotePort: 4739 };
  const ours = { sourcePort: 40_000, destinationPort: 4739, payload: 100 };
  const others = { sourcePort: 40_001, destinationPort: 4739, payload: 100 };

  /** An Ethernet frame of `etherType` around a packet. */
  function framed(etherType: number, packet: Uint8Array): Uint8Array {
    const frame = new Uint8Array(14 + packet.length);
    new DataView(frame.buffer).setUint16(12, etherType);
    frame.set(packet, 14);
    return frame;
  }

  /** An ICMP message with the first `quotedOctets` of a packet. */
  function icmpv4(type: number, about: FrameDescription, quotedOctets = 28): Uint8Array {
    const quoted = buildIpv4(about).subarray(0, quotedOctets);
    const packet = buildIpv4({ protocol: 1, payload: quoted.length });
    packet[20] = type;
    packet.set(quoted, 28);
    return framed(0x0800, packet);
  }

  function icmpv6(type: number, transport: readonly number[], extension: readonly number[] = []): Uint8Array {
    const nextHeader = extension.length === 0 ? 17 : 60;
    const quoted = buildIpv6(nextHeader, [...extension, ...transport]);
    return framed(0x86dd, buildIpv6(58, [type, 4, 0, 0, 0, 0, 0, 0, ...quoted]));
  }

  const udp = (source: number, destination: number) => [
    ...[source >> 8, source & 0xff, destination >> 8, destination & 0xff],
    ...[0, 8, 0, 0],
  ];

  test.each([
    ['destination unreachable', icmpv4(3, ours)],
    ['time exceeded', icmpv4(11, ours)],
    ['parameter problem', icmpv4(12, ours)],
    ['just the ports quoted', icmpv4(3, ours, 24)],
    ['IPv6 destination unreachable', icmpv6(1, udp(40_000, 4739))],
    ['packet too big', icmpv6(2, udp(40_000, 4739))],
    ['IPv6 time exceeded', icmpv6(3, udp(40_000, 4739))],
    ['IPv6 parameter problem', icmpv6(4, udp(40_000, 4739))],
    ['behind an extension header', icmpv6(1, udp(40_000, 4739), [17, 0, 0, 0, 0, 0, 0, 0])],
  ])('%s: left out, and counted', (_, frame) => {
    const { counters } = meterOctets([socket], [frame]);
    const octets = frame.length - 14;
    expect(counters).toMatchObject({ frames: 1, packets: 1, octets, records: 0, recordsExcluded: 0 });
    expect(counters).toMatchObject({ packetsExcluded: 1, octetsExcluded: octets, flowsStarted: 0 });
    expect(meterOctets([], [frame]).counters).toMatchObject({ records: 1, packetsExcluded: 0 });
  });

  test.each([
    ['about what another program sent', icmpv4(3, others)],
    ['about another protocol', icmpv4(3, { ...ours, protocol: 6 })],
    ['about a later fragment', icmpv4(3, { ...ours, fragmentOffset: 10 })],
    ['with too little quoted', icmpv4(3, ours, 23)],
    ['with nothing quoted', icmpv4(3, ours, 0)],
    ['of an echo that happens to look so', icmpv4(8, ours)],
    ['of a redirect', icmpv4(5, ours)],
    ['IPv6, about what another program sent', icmpv6(1, udp(40_001, 4739))],
    ['IPv6 echo', icmpv6(128, udp(40_000, 4739))],
    ['IPv6, cut within the extension headers', icmpv6(1, [17, 0, 0], [60, 0, 0, 0, 0, 0, 0, 0])],
  ])('an ICMP message %s is metered', (_, frame) => {
    expect(meterOctets([socket], [frame]).counters).toMatchObject({ records: 1, packetsExcluded: 0 });
  });

  test('addresses are compared where they are known', () => {
    const there = { ...ours, source: '192.0.2.1', destination: '198.51.100.2' };
    const known = { ...socket, localAddress: mapped(192, 0, 2, 1), remoteAddress: mapped(198, 51, 100, 2) };
    expect(meterOctets([known], [icmpv4(3, there)]).counters.records).toBe(0);
    expect(meterOctets([known], [icmpv4(3, { ...there, source: '192.0.2.7' })]).counters.records).toBe(1);
  });
});
