/** Round trips, retransmissions and joined loss, against naive reckonings over the same records in the real store. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestAnalyses, type TestAnalyses } from '../profile/analysis-server.test-support.ts';
import { type TestRecord, writeRecords } from '../profile/flow-records.test-support.ts';
import { createPerformanceTopic } from './performance-routes.ts';

const NOW = Date.parse('2026-11-18T12:00:00Z');
const FROM = NOW - 3_600_000;
const CLIENT_MICROSECONDS = 10;
const SERVER_MICROSECONDS = 11;
const RETRANSMITTED = 12;
const OUT_OF_ORDER = 13;
const ZERO_WINDOWS = 14;

interface Connection {
  client: string;
  server: string;
  clientUs: number;
  serverUs: number;
  endMs: number;
  retransmitted: number;
}

const connections: Connection[] = Array.from({ length: 60 }, (_, index) => ({
  client: `10.0.0.${1 + (index % 3)}`,
  server: `10.1.0.${1 + (index % 2)}`,
  clientUs: 200 + index * 10,
  serverUs: (index % 2 === 0 ? 4000 : 40_000) + index * 100,
  endMs: FROM + index * 55_000 + 1000,
  retransmitted: index % 5,
}));

/** Both directions tell of the same handshake, an interim record too, and a second exporter again. */
function recordsOf(connection: Connection, index: number): TestRecord[] {
  const { client, server, clientUs, serverUs, endMs, retransmitted } = connection;
  const elements = {
    [CLIENT_MICROSECONDS]: clientUs,
    [SERVER_MICROSECONDS]: serverUs,
    [RETRANSMITTED]: retransmitted,
    [OUT_OF_ORDER]: 1,
    [ZERO_WINDOWS]: 0,
  };
  const common = { sessionId: 1000 + index, packets: 50, octets: 5000, elements, endMs };
  const there = {
    ...common,
    src: client,
    dst: server,
    srcPort: 40_000 + index,
    dstPort: 443,
    sessionSide: 0,
  };
  const back = { ...common, src: server, dst: client, srcPort: 443, dstPort: 40_000 + index, sessionSide: 1 };
  return [
    there,
    back,
    { ...there, endMs: endMs + 500 },
    { ...there, exporter: '192.0.2.2', duplicate: 1, elements: { ...elements, [CLIENT_MICROSECONDS]: 1 } },
  ];
}

interface Figures {
  label: string;
  samples: number;
  roundTripP50: number | null;
  roundTripP95: number;
  roundTripP99: number;
  serverP50: number;
  packets: number;
  retransmitted: number;
  outOfOrder: number;
  usualRoundTrip: number | null;
}

let analyses: TestAnalyses;
const ask = (url: string) =>
  analyses.get(createPerformanceTopic({ queue: analyses.queue, nowMs: () => NOW }), url);

/** As quantile_cont has it: between the two values that the rank lies between. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(rank)] ?? Number.NaN, sorted[Math.ceil(rank)] ?? Number.NaN];
  return low + (high - low) * (rank - Math.floor(rank));
}

const roundTrip = ({ clientUs, serverUs }: Connection) => (clientUs + serverUs) / 1000;

afterAll(() => analyses?.close());

describe('connections that exporters of ours tell of', () => {
  beforeAll(async () => {
    analyses = await openTestAnalyses(NOW);
    await writeRecords(analyses.store, connections.flatMap(recordsOf));
    await writeRecords(analyses.store, [
      { src: '10.0.0.5', dst: '10.1.0.1', srcPort: 1, dstPort: 443, endMs: NOW - 60_000 },
      { src: '10.0.0.5', dst: '10.1.0.1', srcPort: 1, dstPort: 53, protocol: 17, endMs: NOW - 60_000 },
    ]);
  });

  test('each counts once, and percentiles are exact', async () => {
    const { status, body } = await ask('/performance?last=1h');
    expect(status, JSON.stringify(body)).toBe(200);
    const { totals, why, elements } = body as {
      totals: Figures & { records: number };
      why: string | null;
      elements: string[];
    };
    const times = connections.map(roundTrip);
    expect(why).toBeNull();
    expect(elements).toContain('tcpClientRoundTripMicroseconds');
    expect(totals.samples).toBe(60);
    expect(totals.roundTripP50).toBeCloseTo(percentile(times, 0.5), 9);
    expect(totals.roundTripP95).toBeCloseTo(percentile(times, 0.95), 9);
    expect(totals.roundTripP99).toBeCloseTo(percentile(times, 0.99), 9);
    expect(totals.serverP50).toBeCloseTo(
      percentile(
        connections.map(({ serverUs }) => serverUs / 1000),
        0.5,
      ),
      9,
    );
    expect(totals).toMatchObject({
      records: 181,
      packets: 60 * 150,
      retransmitted: connections.reduce((sum, each) => sum + each.retransmitted * 3, 0),
      outOfOrder: 180,
    });
  });

  test('over time, and as a heat map, they add up to the same', async () => {
    const { body } = await ask('/performance?last=1h&steps=60');
    const { times, series, heat, stepMs } = body as {
      times: number[];
      stepMs: number;
      series: { samples: number[]; roundTripP50: (number | null)[] };
      heat: { endsMs: number[]; rows: number[][] };
    };
    expect(series.samples.reduce((sum, each) => sum + (each ?? 0), 0)).toBe(60);
    times.forEach((time, index) => {
      const inStep = connections.filter(({ endMs }) => endMs >= time && endMs < time + stepMs).map(roundTrip);
      if (inStep.length > 0) expect(series.roundTripP50[index]).toBeCloseTo(percentile(inStep, 0.5), 9);
      heat.rows.forEach((row, at) => {
        const [low, high] = [heat.endsMs[at - 1] ?? 0, heat.endsMs[at] ?? Number.POSITIVE_INFINITY];
        expect(row[index]).toBe(inStep.filter((ms) => ms >= low && ms < high).length);
      });
    });
  });

  test.each([
    ['path', (each: Connection) => `${each.client} → ${each.server}`],
    ['server', (each: Connection) => each.server],
    ['service', () => 'tcp/443'],
  ])('by %s, the slowest first', async (by, labelOf) => {
    const { body } = await ask(`/performance/groups?last=1h&by=${by}&samplesMin=1`);
    const { rows } = body as { rows: Figures[] };
    const groups = Map.groupBy(connections, labelOf);
    expect(rows.map(({ label }) => label).sort()).toEqual([...groups.keys()].sort());
    for (const row of rows) {
      const times = (groups.get(row.label) ?? []).map(roundTrip);
      expect(row.samples).toBe(times.length);
      expect(row.roundTripP95).toBeCloseTo(percentile(times, 0.95), 9);
    }
    const worst = rows.map(({ roundTripP95 }) => roundTripP95);
    expect(worst).toEqual([...worst].sort((a, b) => b - a));
  });

  test('groups of few connections are left out', async () => {
    const { body } = await ask('/performance/groups?last=1h&by=path&samplesMin=1000');
    expect((body as { rows: unknown[] }).rows).toEqual([]);
  });

  test('where there is nothing it is said why', async () => {
    expect((await ask('/performance?from=0&to=1000')).body).toMatchObject({
      why: 'There is no TCP traffic in this time range.',
      totals: { samples: 0, roundTripP50: null },
    });
    expect((await ask('/performance?last=1h&filter=srcAddr%20%3D%2010.0.0.5')).body).toMatchObject({
      why: expect.stringMatching(/^None of the TCP records/),
    });
    expect((await ask('/performance/loss?last=1h')).body).toMatchObject({
      why: expect.stringMatching(/FlowIdKey/),
      rows: [],
    });
  });
});

describe('flows that both ends export under one flowId', () => {
  /** The receiver's clock is three seconds ahead. */
  const SKEW = 3000;
  const A = '192.0.2.1';
  const B = '192.0.2.2';
  const flow = (flowId: number, startMs: number, endMs: number, packets: number) => ({
    src: '10.0.0.1',
    dst: '10.0.0.2',
    srcPort: 40_000,
    dstPort: 443,
    flowId,
    flowStart: startMs,
    endMs,
    packets,
    octets: packets * 100,
  });
  const sent = (flowId: number, startMs: number, endMs: number, packets: number): TestRecord => ({
    ...flow(flowId, startMs, endMs, packets),
    exporter: A,
    direction: 1,
  });
  const received = (flowId: number, startMs: number, endMs: number, packets: number): TestRecord => ({
    ...flow(flowId, startMs + SKEW, endMs + SKEW, packets),
    exporter: B,
    direction: 0,
  });
  const at = (minute: number) => FROM + minute * 60_000;

  let loss: TestAnalyses;
  beforeAll(async () => {
    loss = await openTestAnalyses(NOW);
    const whole = Array.from({ length: 9 }, (_, index) => index + 1).flatMap((id) => [
      sent(id, at(id), at(id) + 20_000, 100),
      received(id, at(id), at(id) + 20_000, 100 - (id % 3)),
    ]);
    await writeRecords(loss.store, [
      ...whole,
      // Interim records, of other intervals at both ends: the sums of the run are compared.
      sent(20, at(10), at(11), 60),
      sent(20, at(11), at(12), 40),
      received(20, at(10), at(10) + 30_000, 30),
      received(20, at(10) + 30_000, at(11) + 30_000, 40),
      received(20, at(11) + 30_000, at(12), 25),
      // The same addresses and ports again, half an hour later: a run of its own, which lost nothing.
      sent(1, at(40), at(40) + 5000, 10),
      received(1, at(40), at(40) + 5000, 10),
      // The receiver began to meter in the middle: nothing can be said.
      sent(30, at(20), at(22), 200),
      received(30, at(21), at(22), 100),
      // Nobody else saw it; sampled; dropped by policy before it left.
      sent(40, at(25), at(26), 77),
      { ...sent(50, at(25), at(26), 10), samplingRate: 10 },
      { ...sent(1, at(1), at(1) + 20_000, 500), forwardingStatus: 0x80 },
    ]);
  });
  afterAll(() => loss?.close());

  test('loss is what the sender sent and the receiver did not get, of runs that both saw whole', async () => {
    const topic = createPerformanceTopic({ queue: loss.queue, nowMs: () => NOW });
    const { status, body } = await loss.get(topic, '/performance/loss?last=1h&by=path');
    expect(status, JSON.stringify(body)).toBe(200);
    const { rows, coverage, why } = body as { rows: Record<string, unknown>[]; coverage: object; why: null };
    expect(why).toBeNull();
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      label: `${A} → ${B}`,
      runs: 12,
      compared: 11,
      sentPackets: 9 * 100 + 100 + 10,
      receivedPackets: 900 - 9 + 95 + 10,
      lost: 9 + 5,
      surplus: 0,
      skewMs: SKEW,
    });
    // Ids 1 to 9, two more runs of them, the long one, the partial one, the unmatched one.
    expect(coverage).toEqual({
      runs: 13,
      packets: 900 + 100 + 10 + 200 + 77,
      matchedRuns: 12,
      matchedPackets: 1210,
    });
  });

  test('by host and service it is the same', async () => {
    const topic = createPerformanceTopic({ queue: loss.queue, nowMs: () => NOW });
    for (const [by, label] of [
      ['host', '10.0.0.1 → 10.0.0.2'],
      ['service', 'tcp/443'],
    ]) {
      const { body } = await loss.get(topic, `/performance/loss?last=1h&by=${by}`);
      expect((body as { rows: object[] }).rows).toMatchObject([{ label, lost: 14, compared: 11 }]);
    }
  });
});
