import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { afterAll, describe, expect, test } from 'vitest';
import { type FlowFields, flowFields } from './flow-fields.ts';
import { buildFrame, type FrameDescription } from './frame-builder.ts';
import { type MeterFileOptions, meterFile } from './meter-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-meter-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface TimedFrame extends FrameDescription {
  /** Milliseconds from the beginning of the capture. */
  atMs: number;
}

function capture(frames: readonly TimedFrame[]): Buffer {
  const header = Buffer.alloc(24);
  for (const [index, word] of [0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1].entries()) {
    header.writeUInt32LE(word, index * 4);
  }
  const records = frames.map(({ atMs, ...description }) => {
    const frame = buildFrame(description);
    const head = Buffer.alloc(16);
    head.writeUInt32LE(1_700_000_000 + Math.floor(atMs / 1000), 0);
    head.writeUInt32LE((atMs % 1000) * 1000, 4);
    head.writeUInt32LE(frame.length, 8);
    head.writeUInt32LE(frame.length, 12);
    return Buffer.concat([head, frame]);
  });
  return Buffer.concat([header, ...records]);
}

/**
 * Meters the frames and gives all rows, in the order in which they were written, with times from the
 * beginning.
 */
async function meter(frames: readonly TimedFrame[], options: MeterFileOptions = {}) {
  const path = join(folder, 'test.pcap');
  writeFileSync(path, capture(frames));
  const batch = createFlowBatch(64);
  const rows: FlowFields[] = [];
  const full = () => {
    for (let row = 0; row < batch.rowCount; row += 1) rows.push(flowFields(batch, row));
    clearFlowBatch(batch);
    return batch;
  };
  const summary = await meterFile(
    path,
    { idleTimeoutMs: 15_000, activeTimeoutMs: 60_000, flowIdKey: [1, 2], ...options },
    { batch, full },
  );
  full();
  return { rows, counters: summary.counters };
}

const brief = (rows: FlowFields[]) =>
  rows.map((row) => [row['flowEndReason'], row['packetDeltaCount'], row['octetDeltaCount']].join('/'));

describe('meterFile', () => {
  test('a record has every field under its IANA name', async () => {
    const frame = { protocol: 6, tcpControlBits: 0x12, typeOfService: 0x20, vlans: [30], timeToLive: 60 };
    const { rows } = await meter([
      { ...frame, atMs: 0 },
      { ...frame, atMs: 1500, timeToLive: 58, payload: 10 },
    ]);
    expect(rows).toEqual([
      {
        flowStartMilliseconds: '2023-11-14T22:13:20.000Z',
        flowEndMilliseconds: '2023-11-14T22:13:21.500Z',
        sourceIPv4Address: '192.0.2.1',
        destinationIPv4Address: '198.51.100.2',
        sourceTransportPort: 1024,
        destinationTransportPort: 53,
        protocolIdentifier: 6,
        octetDeltaCount: 90,
        packetDeltaCount: 2,
        tcpControlBits: 0x12,
        ipClassOfService: 0x20,
        minimumTTL: 58,
        maximumTTL: 60,
        vlanId: 30,
        flowEndReason: 4,
        sourceMacAddress: '02:00:00:00:00:01',
        destinationMacAddress: '02:00:00:00:00:02',
        flowId: expect.stringMatching(/^\d{16,20}$/),
      },
    ]);
  });

  test('the capture is the clock: idle flows end while it runs, the rest at its end', async () => {
    const { rows, counters } = await meter([
      { atMs: 0 },
      { atMs: 10_000, sourcePort: 7 },
      { atMs: 15_500, sourcePort: 8 },
      { atMs: 40_000, sourcePort: 7 },
    ]);
    expect(rows.map((row) => [row['sourceTransportPort'], row['flowEndReason']])).toEqual([
      [1024, 1],
      [7, 1],
      [8, 1],
      [7, 4],
    ]);
    expect(counters).toMatchObject({
      frames: 4,
      packets: 4,
      octets: 112,
      records: 4,
      flowsStarted: 4,
      flowsHeld: 0,
    });
  });

  test('a long flow gives interim records with one flowId, and their sum is the flow', async () => {
    const frames = Array.from({ length: 200 }, (_, index) => ({ atMs: index * 1000 }));
    const { rows } = await meter(frames);
    expect(brief(rows)).toEqual(['2/60/1680', '2/60/1680', '2/60/1680', '4/20/560']);
    expect(new Set(rows.map((row) => row['flowId'])).size).toBe(1);
    for (const row of rows) {
      expect(Date.parse(String(row['flowEndMilliseconds']))).toBeGreaterThanOrEqual(
        Date.parse(String(row['flowStartMilliseconds'])),
      );
    }
  });

  test('FIN and RST end flows, the last ACK belongs to them', async () => {
    const tcp = { protocol: 6, tcpControlBits: 0x10 };
    const { rows } = await meter([
      { ...tcp, atMs: 0, tcpControlBits: 2 },
      { ...tcp, atMs: 20, tcpControlBits: 0x11 },
      { ...tcp, atMs: 40 },
      { ...tcp, atMs: 50, sourcePort: 9, tcpControlBits: 4 },
      { atMs: 5_000, sourcePort: 1 },
    ]);
    expect(brief(rows)).toEqual(['3/3/120', '3/1/40', '4/1/28']);
  });

  test('time that goes back ends nothing and loses nothing', async () => {
    const { rows } = await meter([
      { atMs: 10_000 },
      { atMs: 9_000 },
      { atMs: 9_500, sourcePort: 3 },
      { atMs: 10_100 },
    ]);
    expect(brief(rows)).toEqual(['4/1/28', '4/3/84']);
    expect(rows[1]).toMatchObject({
      flowStartMilliseconds: '2023-11-14T22:13:29.000Z',
      flowEndMilliseconds: '2023-11-14T22:13:30.100Z',
    });
  });

  test('one packet from the far future costs no later packet its flow', async () => {
    const { rows } = await meter([
      { atMs: 0 },
      { atMs: 2_000_000_000, sourcePort: 3 },
      { atMs: 100 },
      { atMs: 200 },
      { atMs: 300 },
    ]);
    expect(brief(rows)).toEqual(['1/1/28', '1/1/28', '4/3/84']);
  });

  test('a full cache gives up the least recent flow and says why', async () => {
    const frames = [1, 2, 3, 1, 4].map((sourcePort, index) => ({ sourcePort, atMs: index }));
    const { rows, counters } = await meter(frames, { flowsMax: 3 });
    expect(rows.map((row) => [row['sourceTransportPort'], row['flowEndReason']])).toEqual([
      [2, 5],
      [3, 4],
      [1, 4],
      [4, 4],
    ]);
    expect(counters.recordsLackOfResources).toBe(1);
  });

  test('ICMP has its type and code, under the name of its family', async () => {
    const { rows } = await meter([{ atMs: 0, protocol: 1 }]);
    expect(rows[0]).toMatchObject({
      icmpTypeCodeIPv4: 0,
      sourceTransportPort: 0,
      destinationTransportPort: 0,
    });
  });

  test('the reader waits between chunks for whoever takes the rows', async () => {
    let waits = 0;
    const afterChunk = async () => {
      waits += 1;
    };
    await meter([{ atMs: 0 }], { afterChunk });
    expect(waits).toBe(1);
  });
});
