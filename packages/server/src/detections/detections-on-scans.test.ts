/** Scans as nmap makes them, and busy hosts of which some tries always fail. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type AlertFinding, DetectionMemory } from '@weir/analysis';
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
  many,
  playDetection,
  type Sent,
  START_MS,
  subjects,
} from './detection-play.test-support.ts';

const UDP = { protocol: 17, tcpFlags: 0, packets: 1, octets: 60 };
const PING = { protocol: 1, tcpFlags: 0, packets: 1, octets: 84, icmpTypeCode: 2048, dstPort: 0, srcPort: 0 };

let folder: string;
let store: FlowStore;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'weir-scans-'));
  const options = { threads: 1 };
  store = await openStore({
    dataDirectory: folder,
    logger: silentLogger,
    clock: createManualClock(START_MS),
    options,
  });
  const flows = [...portScans(), ...sweeps(), ...busyHosts(), ...names(), ...callers()];
  await writeFlows(
    store,
    flows.sort((one, other) => one.receivedAt - other.receivedAt),
  );
});
afterAll(async () => {
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A resolver that is asked in the fourth hour only, a client with resolvers of its own, and a tunnel. */
function names(): WrittenFlow[] {
  const ask = (atMs: number, src: string, dst: string) => flow(atMs, { src, dst, dstPort: 53, ...UDP });
  const asked = [4, 5].flatMap((hour) =>
    many(20, (index) => index).flatMap((index) => [
      ask(hour * HOUR_MS + index * 1000, '10.0.4.1', `198.51.98.${index}`),
      ask(hour * HOUR_MS + index * 1000, '10.0.4.2', `198.51.98.${index}`),
    ]),
  );
  const clients = many(5, (index) => ask(4 * HOUR_MS + index, `10.0.4.${100 + index}`, '10.0.4.1'));
  const tunnel = many(60, (index) => index).flatMap((index) =>
    both(
      4 * HOUR_MS + index * 59_000,
      {
        src: '10.0.4.3',
        dst: '203.0.113.53',
        dstPort: 53,
        protocol: 17,
        tcpFlags: 0,
        packets: 300,
        octets: 19_500,
      },
      { octets: 138_000 },
    ),
  );
  return [...asked, ...clients, ...tunnel];
}

/** One that calls each hour, one that is new and calls in two hours, one that calls in an hour and in the one after the next. */
function callers(): WrittenFlow[] {
  const call = (hour: number, src: string) =>
    flow(hour * HOUR_MS + 1000, { src, dst: '198.51.100.9', dstPort: 443 });
  return [
    ...many(6, (index) => call(6 + index, '10.0.5.1')),
    ...[9, 10].map((hour) => call(hour, '10.0.5.2')),
    ...[9, 11].map((hour) => call(hour, '10.0.5.3')),
  ];
}

/** The flow and what came back for it. */
function both(atMs: number, sent: Sent, back: Partial<WrittenFlow>): WrittenFlow[] {
  const there = flow(atMs, sent);
  const swapped = { src: sent.dst, dst: sent.src, srcPort: sent.dstPort, dstPort: there.srcPort ?? 0 };
  return [there, { ...there, sessionSide: 1, ...swapped, ...back }];
}

function portScans(): WrittenFlow[] {
  const [nobody, refused] = [
    { src: '203.0.113.1', dst: '10.0.0.1' },
    { tcpFlags: 20, packets: 1, octets: 40 },
  ];
  return [
    // NULL probes are no failed tries by their flags: that they are refused tells.
    ...many(30, (index) => index).flatMap((index) =>
      both(index * 1000, { ...nobody, dstPort: 1 + index, tcpFlags: 0, packets: 1, octets: 40 }, refused),
    ),
    // UDP: three ports answer.
    ...many(40, (index) => index).flatMap((index) => {
      const probe = { src: '203.0.113.2', dst: '10.0.0.2', dstPort: 100 + index, srcPort: 45_000, ...UDP };
      return index < 3 ? both(index * 2000, probe, { packets: 1 }) : [flow(index * 2000, probe)];
    }),
    // A port each 45 s, 80 in the hour.
    ...many(80, (index) =>
      flow(HOUR_MS + index * 45_000, { src: '203.0.113.3', dst: '10.0.0.3', dstPort: 1 + index, ...failed }),
    ),
  ];
}

function sweeps(): WrittenFlow[] {
  const pinged = (index: number) => ({ ...PING, src: '10.0.1.1', dst: `10.0.2.${index}` });
  return [
    ...many(40, (index) => index).flatMap((index) =>
      index % 10 === 0
        ? both(index * 100, pinged(index), { icmpTypeCode: 0 })
        : [flow(index * 100, pinged(index))],
    ),
    ...many(40, (index) =>
      flow(index * 100, { src: '10.0.1.2', dst: `10.0.2.${index}`, dstPort: 161, ...UDP }),
    ),
    // A worm that gets in by SMB and is refused by RDP.
    ...many(40, (index) => index).flatMap((index) => [
      flow(index * 1000, { src: '10.0.1.3', dst: `10.0.2.${index}`, dstPort: 445 }),
      flow(index * 1000 + 200, { src: '10.0.1.3', dst: `10.0.2.${index}`, dstPort: 3389, ...failed }),
    ]),
  ];
}

function busyHosts(): WrittenFlow[] {
  const site = (index: number) => `198.51.${100 + (index >> 8)}.${index & 255}`;
  return [
    // A gateway loses 40 of 200 calls.
    ...many(200, (index) =>
      flow(index * 1000, { src: '10.0.3.1', dst: site(index), dstPort: 443, ...(index < 40 ? failed : {}) }),
    ),
    // QUIC is dropped, and the browser goes on by TCP.
    ...many(60, (index) => index).flatMap((index) => [
      flow(index * 1000, { src: '10.0.3.2', dst: site(index), dstPort: 443, ...UDP, ...dropped }),
      flow(index * 1000 + 300, { src: '10.0.3.2', dst: site(index), dstPort: 443 }),
    ]),
    // Traceroute counts ports up, a server answers many clients' ports, names are looked up.
    ...many(60, (index) =>
      flow(index * 500, { src: '10.0.3.3', dst: '198.51.100.1', dstPort: 33_434 + index, ...UDP }),
    ),
    ...many(60, (index) =>
      flow(index * 500, {
        src: '10.0.3.4',
        dst: '10.0.3.5',
        dstPort: 40_000 + index,
        ...UDP,
        srcPort: 53,
        sessionSide: 1,
      }),
    ),
    ...many(90, (index) => index).flatMap((index) =>
      both(index * 500, { src: '10.0.3.4', dst: site(index), dstPort: 53, ...UDP }, { packets: 1 }),
    ),
    // A resolver asks neighbours, and all of them answer.
    ...many(200, (index) => index).flatMap((index) =>
      both(
        index * 500,
        { src: '10.0.3.7', dst: `198.51.99.${index}`, dstPort: 53, ...UDP, octets: 40 },
        { packets: 1, octets: 200 },
      ),
    ),
    // A browser closes idle connections by RST: it was not asked for those ports.
    ...many(60, (index) =>
      flow(index * 500, {
        src: '10.0.3.6',
        dst: '198.51.100.2',
        dstPort: 443,
        srcPort: 50_000 + index,
        tcpFlags: 20,
        packets: 1,
      }),
    ),
  ];
}

test('ports of a host by NULL probes and by UDP, and nothing of who is only busy', async () => {
  const found = await playDetection(store, 'portScan', hours(0, 2), HOUR_MS);
  expect(subjects(found)).toEqual(['203.0.113.1 → 10.0.0.1', '203.0.113.2 → 10.0.0.2']);
  const ports = found.map(({ title, evidence }) => [
    title,
    evidence.numbers[0]?.value,
    evidence.numbers[1]?.value,
  ]);
  expect(ports).toEqual([
    ['Port scan', 30, 30],
    ['Port scan by UDP', 37, 37],
  ]);
});

test('hosts by ping and by UDP, and nothing of who loses one in five', async () => {
  const found = await playDetection(store, 'hostSweep', hours(0, 2), HOUR_MS);
  expect(subjects(found)).toEqual(['10.0.1.1', '10.0.1.2', '10.0.1.3']);
  const [ping] = found.filter(({ subject }) => subject.value === '10.0.1.1');
  expect(ping?.title).toBe('Host sweep by ping');
  expect(ping?.evidence.numbers.slice(0, 2).map(({ value }) => value)).toEqual([36, 40]);
});

test('who loses one in five is told when it is asked for', async () => {
  const found = await playDetection(store, 'hostSweep', hours(0, 1), HOUR_MS, { failedShareMin: 0.1 });
  expect(subjects(found)).toContain('10.0.3.1');
});

test('neighbours by UDP and by ping, unless they answer', async () => {
  const found = await playDetection(store, 'scanStatistics', hours(0, 1), HOUR_MS);
  const byModel = (findings: readonly AlertFinding[]) =>
    subjects(findings.filter(({ title }) => /^(UDP|ICMP)/.test(title)));
  expect(byModel(found)).toEqual(['10.0.1.1']);
  const all = await playDetection(store, 'scanStatistics', hours(0, 1), HOUR_MS, { failedShareMin: 0 });
  expect(byModel(all)).toEqual(['10.0.1.1', '10.0.3.7']);
});

test('a resolver is one also in hours in which nobody asks it', async () => {
  const memory = new DetectionMemory(10);
  const resolver = async (hour: number) =>
    subjects(await playDetection(store, 'oddResolver', hours(hour, hour + 1), HOUR_MS, {}, memory));
  expect(await resolver(4)).toEqual(['10.0.4.2']);
  expect(await resolver(5)).toEqual(['10.0.4.2']);
});

test('data that comes through DNS: small questions, large answers', async () => {
  const found = await playDetection(store, 'dnsTunnel', hours(4, 6), HOUR_MS);
  expect(subjects(found)).toEqual(['10.0.4.3 → 203.0.113.53']);
  expect(found[0]?.evidence.numbers.find(({ name }) => name === 'answerSize')?.value).toBe(460);
});

test('what was seen once while learning is known; later, one flow is not told, two within an hour are', async () => {
  const told = await playDetection(store, 'newHost', hours(6, 12), HOUR_MS, { learnDays: 0.1 });
  expect(subjects(told)).toEqual(['10.0.5.2']);
  expect(told[0]?.evidence.numbers[0]).toMatchObject({ value: 2, threshold: 2 });
});

test('ports of a host, too slowly for five minutes', async () => {
  const found = await playDetection(store, 'scanStatistics', hours(0, 3), HOUR_MS);
  const slow = found.filter(({ title }) => title === 'Slow port scan');
  expect(subjects(slow)).toEqual(['203.0.113.3 → 10.0.0.3']);
  expect(slow[0]?.evidence.numbers[0]?.value).toBe(80);
});
