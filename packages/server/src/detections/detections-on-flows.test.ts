/** Every detection over flows in a real store: it finds what was made for it, and stays silent beside it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type AlertFinding, DETECTIONS, DetectionMemory, parseFilter } from '@weir/analysis';
import { createManualClock, silentLogger } from '@weir/base';
import { type FlowStore, openStore } from '@weir/storage';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type WrittenFlow, writeFlows } from '../test-flows.test-support.ts';
import {
  dropped,
  failed,
  flow,
  HOUR_MS,
  hours,
  MINUTE_MS,
  many,
  playDetection,
  START_MS,
  subjects,
} from './detection-play.test-support.ts';

const DAY_MS = 24 * HOUR_MS;

let folder: string;
let store: FlowStore;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-detect-'));
  store = await openStore({
    dataDirectory: folder,
    logger: silentLogger,
    clock: createManualClock(START_MS),
    options: { threads: 1 },
  });
  await writeFlows(
    store,
    [...attacks(), ...ordinary()].sort((one, other) => one.receivedAt - other.receivedAt),
  );
});
afterAll(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

function attacks(): WrittenFlow[] {
  return [
    ...many(30, (index) =>
      flow(HOUR_MS + index * 1000, { src: '203.0.113.9', dst: '10.0.0.7', dstPort: 1 + index, ...failed }),
    ),
    ...many(40, (index) =>
      flow(HOUR_MS + index * 1000, { src: '10.0.5.5', dst: `10.0.6.${index}`, dstPort: 445, ...failed }),
    ),
    ...many(50, (index) =>
      flow(2 * HOUR_MS + index * MINUTE_MS, {
        src: '10.0.5.6',
        dst: `10.0.7.${index}`,
        dstPort: 3389,
        ...failed,
      }),
    ),
    ...many(200, (index) =>
      flow(HOUR_MS + index * 700, {
        src: '10.0.5.7',
        dst: `10.0.8.${index}`,
        dstPort: 161,
        protocol: 17,
        tcpFlags: 0,
        packets: 1,
        octets: 40,
        srcPort: 5000,
      }),
    ),
    ...many(100, (index) =>
      flow(HOUR_MS + index * 700, {
        src: '10.0.5.8',
        dst: `10.0.9.${index}`,
        dstPort: 0,
        protocol: 1,
        icmpTypeCode: 2048,
        tcpFlags: 0,
        packets: 1,
        octets: 84,
      }),
    ),
    ...many(60, (index) =>
      flow(HOUR_MS + index * 7000, {
        src: '203.0.113.8',
        dst: '10.0.0.8',
        dstPort: 22,
        packets: 14,
        octets: 2100 + (index % 7) * 10,
      }),
    ),
    ...many(288, (index) =>
      flow(index * 5 * MINUTE_MS + ((index * 7919) % 20_000), {
        src: '10.0.1.1',
        dst: '203.0.113.1',
        dstPort: 443,
        srcPort: 20_000 + index,
      }),
    ),
    ...many(144, (index) =>
      flow(index * 10 * MINUTE_MS + 5000, {
        src: '10.0.1.2',
        dst: '203.0.113.2',
        dstPort: 443,
        srcPort: 20_000 + index,
        ...failed,
        ...dropped,
      }),
    ),
    ...many(3000, (index) =>
      flow(3 * HOUR_MS + index * 1000, {
        src: '10.0.1.3',
        dst: '203.0.113.3',
        dstPort: 53,
        protocol: 17,
        tcpFlags: 0,
        packets: 2,
        octets: 420,
      }),
    ),
    ...many(9, (index) =>
      flow(4 * HOUR_MS + index * 1000, {
        src: '10.0.1.4',
        dst: `203.0.113.${40 + index}`,
        dstPort: 53,
        protocol: 17,
        tcpFlags: 0,
        packets: 1,
        octets: 70,
      }),
    ),
    ...many(60, (index) =>
      flow(5 * HOUR_MS + index * MINUTE_MS, {
        src: '10.0.1.5',
        dst: '203.0.113.5',
        dstPort: 443,
        octets: 100_000_000,
        packets: 70_000,
      }),
    ),
    ...many(600, (index) =>
      flow(6 * HOUR_MS + index * 100, {
        src: `203.0.114.${index % 250}`,
        dst: '10.0.0.9',
        srcPort: 123,
        dstPort: 40_000,
        protocol: 17,
        tcpFlags: 0,
        packets: 6000,
        octets: 2_800_000,
        sessionSide: 1,
      }),
    ),
    flow(7 * HOUR_MS, { src: '10.0.1.6', dst: '198.51.100.3', dstPort: 443 }),
    flow(7 * HOUR_MS + 1000, { src: '10.0.1.7', dst: '198.51.100.4', dstPort: 443, ...failed, ...dropped }),
    ...many(150, (index) =>
      flow(8 * HOUR_MS + index * 4 * MINUTE_MS, {
        src: '10.0.1.8',
        dst: '203.0.113.6',
        dstPort: 4444,
        srcPort: 50_000,
        flowStart: START_MS + 8 * HOUR_MS + (index - 1) * 4 * MINUTE_MS,
      }),
    ),
    ...many(3, (index) =>
      flow(20 * HOUR_MS + index * 1000, {
        src: '10.0.1.9',
        dst: '10.0.0.250',
        srcPort: 8443,
        dstPort: 50_000,
        sessionSide: 1,
      }),
    ),
  ];
}

/** People, probes and clocks: none of it is to be told. */
function ordinary(): WrittenFlow[] {
  return [
    ...many(2000, (index) =>
      flow(((index * 48_271) % 86_399) * 1000, {
        src: `10.0.2.${index % 40}`,
        dst: `203.0.115.${(index * 31) % 200}`,
        dstPort: 443,
        packets: 20,
        octets: 3000 + ((index * 7919) % 90_000),
      }),
    ),
    ...many(1440, (index) =>
      flow(index * MINUTE_MS, { src: '10.0.3.1', dst: '10.0.3.9', dstPort: 22, packets: 5, octets: 320 }),
    ),
    ...many(1350, (index) =>
      flow(index * 64_000, {
        src: '10.0.3.2',
        dst: '203.0.113.123',
        dstPort: 123,
        protocol: 17,
        tcpFlags: 0,
        packets: 1,
        octets: 76,
        srcPort: 123,
      }),
    ),
    ...many(2000, (index) =>
      flow(((index * 16_807) % 86_399) * 1000, {
        src: '10.0.3.53',
        dst: `203.0.116.${index % 250}`,
        dstPort: 53,
        protocol: 17,
        tcpFlags: 0,
        packets: 1,
        octets: 72,
      }),
    ),
    ...many(480, (index) =>
      flow(index * 3 * MINUTE_MS, {
        src: `10.0.2.${index % 4}`,
        dst: '10.0.3.53',
        dstPort: 53,
        protocol: 17,
        tcpFlags: 0,
        packets: 1,
        octets: 70,
      }),
    ),
    ...many(3, (index) =>
      flow(index * HOUR_MS, {
        src: '10.0.0.250',
        dst: '10.0.2.1',
        srcPort: 443,
        dstPort: 50_000,
        sessionSide: 1,
      }),
    ),
  ];
}

const play = (
  id: string,
  ...asked: Parameters<typeof playDetection> extends [unknown, unknown, ...infer Rest] ? Rest : never
) => playDetection(store, id, ...asked);
const numbers = (finding: AlertFinding | undefined) =>
  Object.fromEntries((finding?.evidence.numbers ?? []).map(({ name, value }) => [name, value]));

test.each([
  ['portScan', hours(0, 24), 24, ['203.0.113.9 → 10.0.0.7']],
  ['hostSweep', hours(0, 24), 24, ['10.0.5.5', '10.0.5.7', '10.0.5.8']],
  ['scanStatistics', hours(0, 4), 1, ['10.0.5.5', '10.0.5.6', '10.0.5.7', '10.0.5.8', '203.0.113.9']],
  ['bruteForce', hours(0, 24), 24, ['203.0.113.8 → 10.0.0.8']],
  ['dnsTunnel', hours(0, 24), 24, ['10.0.1.3 → 203.0.113.3']],
  ['oddResolver', hours(0, 24), 24, ['10.0.1.4']],
  ['exfiltration', hours(4, 7), 1, ['10.0.1.5']],
  ['ddos', hours(0, 24), 24, ['10.0.0.9']],
  ['listedAddress', hours(0, 24), 24, ['10.0.1.6 → 198.51.100.3', '10.0.1.7 → 198.51.100.4']],
  ['longConnection', hours(7, 19), 1, ['10.0.1.8 → 203.0.113.6']],
] as const)('%s', async (id, range, partHours, expected) => {
  const findings = await play(id, range, partHours * HOUR_MS);
  // A scan of one host has one destination, which the statistics do not judge.
  const wanted = id === 'scanStatistics' ? expected.filter((value) => value !== '203.0.113.9') : expected;
  expect(subjects(findings)).toEqual([...wanted]);
  for (const { evidence, score, explanation } of findings) {
    expect(() => parseFilter(evidence.filter)).not.toThrow();
    expect(Date.parse(evidence.to)).toBeGreaterThan(Date.parse(evidence.from));
    expect(score).toBeGreaterThan(0);
    expect(explanation).not.toMatch(/NaN|undefined|Infinity/);
    for (const { value } of evidence.numbers) expect(Number.isFinite(value)).toBe(true);
  }
});

test('a beacon has RITA’s sub-scores; one that we dropped is said to be blocked', async () => {
  // What the 23 hours before it left in its memory.
  const hour = START_MS / HOUR_MS + 22;
  const ipv4 = (address: string) =>
    0xffff_0000_0000 + address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const remembered = (from: string, to: string, port: number, protocol: number, each: number) =>
    [
      `0 ${ipv4(from)} 0 ${ipv4(to)} ${port} ${protocol}`,
      [hour, hour - 22, 0.02, ...new Array<number>(24).fill(each)],
    ] as const;
  const memory = new DetectionMemory(100, {
    sinceMs: START_MS,
    rows: [
      remembered('10.0.1.1', '203.0.113.1', 443, 6, 12),
      remembered('10.0.1.2', '203.0.113.2', 443, 6, 6),
      remembered('10.0.2.1', '203.0.115.31', 443, 6, 1),
    ],
  });
  const findings = await play('beacon', hours(23, 24), HOUR_MS, {}, memory);
  expect(subjects(findings)).toEqual(['10.0.1.1 → 203.0.113.1', '10.0.1.2 → 203.0.113.2']);
  const [open, blocked] = ['10.0.1.1', '10.0.1.2'].map((host) =>
    findings.findLast(({ subject }) => subject.value.startsWith(host)),
  );
  expect(open?.title).toBe('Beacon');
  expect(numbers(open)).toMatchObject({ connections: 288, dropped: 0, DS: 1, DUR: 1 });
  expect(numbers(open)['beacon']).toBeGreaterThan(0.95);
  expect(blocked?.title).toBe('Blocked beacon');
  expect(numbers(blocked)).toMatchObject({ connections: 144, dropped: 144, beacon: 1 });
  expect(blocked?.score).toBeLessThanOrEqual(0.6);
});

test('a listed address that we dropped is less grave than one that was talked with', async () => {
  const findings = await play('listedAddress', hours(7, 8), HOUR_MS);
  expect(findings.map(({ subject, score }) => [subject.value.slice(0, 8), score])).toEqual(
    expect.arrayContaining([
      ['10.0.1.6', 0.75],
      ['10.0.1.7', 0.3],
    ]),
  );
});

test('what answers for the first time after learning is new, and is told once', async () => {
  const findings = await play('newService', hours(0, 24), 4 * HOUR_MS, { learnDays: 0.5 });
  expect(subjects(findings)).toEqual(['10.0.1.9 8443/tcp']);
  expect(findings).toHaveLength(1);
});

test('an upload is held against the host’s own days', async () => {
  const memory = new DetectionMemory(10, { sinceMs: START_MS - 5 * DAY_MS, rows: [] });
  const day = START_MS / DAY_MS;
  // It sent as much every day: nothing is unusual.
  memory.set('10.0.1.5', [day - 1, 6e9, 6.1e9, 5.9e9, 6e9]);
  const run = (state: DetectionMemory) => play('exfiltration', hours(5, 6), HOUR_MS, {}, state);
  expect(await run(memory)).toEqual([]);
  const unknown = new DetectionMemory(10, { sinceMs: START_MS - 5 * DAY_MS, rows: [] });
  const [finding] = await run(unknown);
  expect(numbers(finding)).toMatchObject({ today: 6_000_000_000, median: 0, days: 5 });
});

test('every detection was looked at here, or is one of the kinds of first seen', () => {
  const others = DETECTIONS.filter(({ source }) => source.startsWith('Arkime')).map(({ id }) => id);
  expect(others).toEqual(['newService', 'newHost', 'newPeer']);
});
