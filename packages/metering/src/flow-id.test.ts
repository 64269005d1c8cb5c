import { clearFlowBatch, createFlowBatch, u64AsBigInt } from '@weir/ipfix';
import { describe, expect, test } from 'vitest';
import { flowIdKeyOf } from './flow-id.ts';
import { buildFrame, buildIpv4, buildIpv6, type FrameDescription } from './frame-builder.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from './link-type.ts';
import { createPacketMeter } from './packet-meter.ts';

interface Side {
  key?: string;
  direction: number;
  interfaceIndex: number;
  atMs: number;
}

const SENDER: Side = { key: 'shared', direction: 1, interfaceIndex: 3, atMs: 1000 };
const RECEIVER: Side = { key: 'shared', direction: 0, interfaceIndex: 8, atMs: 1017.25 };

/** The flowIds of packets metered as one side sees them, one flow a packet. */
function flowIds(packets: readonly Uint8Array[], linkType: number, side: Side): bigint[] {
  const batch = createFlowBatch(64);
  const sink = {
    batch,
    full() {
      clearFlowBatch(batch);
      return batch;
    },
  };
  const flowIdKey = side.key === undefined ? {} : { flowIdKey: flowIdKeyOf(side.key) };
  const meter = createPacketMeter({ flowsMax: 100, ...flowIdKey }, sink);
  for (const packet of packets) {
    const { length } = packet;
    meter.packet(packet, 0, length, length, side.atMs, side.direction, side.interfaceIndex, linkType);
  }
  meter.flushAll();
  return packets.map((_, row) => u64AsBigInt(batch.columns.flowId, row));
}

const DESCRIPTIONS: FrameDescription[] = [
  {},
  { protocol: 6 },
  { protocol: 6, sourcePort: 53, destinationPort: 1024, source: '198.51.100.2', destination: '192.0.2.1' },
  { protocol: 1 },
  { protocol: 132 },
  { protocol: 47 },
  { fragmentOffset: 100 },
  { destinationPort: 54 },
  { source: '192.0.2.3' },
];

describe('flowId', () => {
  test('is the same at both ends of a flow, and of each flow another', () => {
    const packets = DESCRIPTIONS.map(buildIpv4);
    const sent = flowIds(packets, LINKTYPE_RAW, SENDER);
    expect(flowIds(packets, LINKTYPE_RAW, RECEIVER)).toEqual(sent);
    expect(new Set(sent).size).toBe(DESCRIPTIONS.length);
  });

  test('does not know of VLANs: one end may see a tag that the other does not', () => {
    const inside = flowIds(
      DESCRIPTIONS.map((description) => buildFrame({ ...description, vlans: [30] })),
      LINKTYPE_ETHERNET,
      SENDER,
    );
    expect(flowIds(DESCRIPTIONS.map(buildIpv4), LINKTYPE_RAW, RECEIVER)).toEqual(inside);
  });

  test('is the same for IPv6: TCP, ICMPv6 and a later fragment', () => {
    const ports = [0x30, 0x39, 1, 0xbb, 0, 0, 0, 0];
    const packets = [
      buildIpv6(6, [...ports, ...ports, ...ports]),
      buildIpv6(58, [128, 0, 0, 0, 0, 1, 0, 1]),
      buildIpv6(44, [17, 0, 0, 0x10, 0, 0, 0, 7, ...ports]),
    ];
    const sent = flowIds(packets, LINKTYPE_RAW, SENDER);
    expect(flowIds(packets, LINKTYPE_RAW, RECEIVER)).toEqual(sent);
    expect(new Set(sent).size).toBe(3);
  });

  test('is another with another key, and by chance without one', () => {
    const packets = [buildIpv4()];
    const ids = [
      flowIds(packets, LINKTYPE_RAW, SENDER),
      flowIds(packets, LINKTYPE_RAW, { ...SENDER, key: 'other' }),
      flowIds(packets, LINKTYPE_RAW, { direction: 1, interfaceIndex: 3, atMs: 1 }),
      flowIds(packets, LINKTYPE_RAW, { direction: 1, interfaceIndex: 3, atMs: 1 }),
    ];
    expect(new Set(ids.flat()).size).toBe(4);
  });

  test('a text always stands for the same key', () => {
    expect(flowIdKeyOf('correct horse')).toEqual(flowIdKeyOf('correct horse'));
    expect(flowIdKeyOf('')).not.toEqual(flowIdKeyOf(' '));
  });
});
