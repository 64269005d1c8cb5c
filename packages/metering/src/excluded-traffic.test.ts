import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import type { ExcludedSocket } from './excluded-traffic.ts';
import { buildFrame, type FrameDescription } from './frame-builder.ts';
import { createPacketMeter } from './packet-meter.ts';

const mapped = (...octets: number[]) => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets);

function meter(excluded: ExcludedSocket[], frames: FrameDescription[]) {
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
  for (const description of frames) {
    const frame = buildFrame(description);
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
