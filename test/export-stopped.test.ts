/**
 * `weir export` is stopped by SIGTERM in mid-run, while connections are open and packets go both ways: of every
 * flow the records have each packet up to one moment, which is not before the signal, and none twice.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWire, namespacesMissing, type Wire } from './network-namespace.ts';
import {
  addTo,
  type CapturedPacket,
  NEIGHBOUR_DISCOVERY_MIN,
  packetsOfCapture,
  type Sums,
} from './packet-sums.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { type RunningWeir, runWeir, startWeir } from './weir-process.ts';

const folder = temporaryFolder();
const missing = namespacesMissing();
const PORT = 4739;
const IPERF_PORTS = ['5201', '5202', '5203'] as const;
const ALL_TIME = ['--from', '2000-01-01T00:00:00Z', '--to', '2100-01-01T00:00:00Z'];
/** More than a run makes: the traffic is paced. */
const RECORDS_MAX = 50_000;
/** Two sockets that read one interface see what two processors send at once in either order. */
const ORDER_SLACK_S = 0.005;

interface FlowRecord {
  srcAddr: string;
  dstAddr: string;
  srcPort: number;
  dstPort: number;
  protocol: number;
  octets: number;
  packets: number;
}

function sumsOfStore(data: string): Sums {
  const { stdout, stderr, status } = runWeir([
    'query',
    '--data',
    data,
    ...ALL_TIME,
    '--top',
    `${RECORDS_MAX}`,
    '--json',
  ]);
  expect(status, stderr).toBe(0);
  const lines = stdout.trim().split('\n').filter(Boolean);
  expect(lines.length).toBeLessThan(RECORDS_MAX);
  const sums: Sums = new Map();
  for (const line of lines) {
    const { protocol, srcAddr, srcPort, dstAddr, dstPort, packets, octets } = JSON.parse(line) as FlowRecord;
    if (protocol === 58 && dstPort >> 8 >= NEIGHBOUR_DISCOVERY_MIN) continue;
    const [from, to] = protocol === 6 || protocol === 17 ? [srcPort, dstPort] : [0, 0];
    addTo(sums, `${protocol} ${srcAddr}:${from} ${dstAddr}:${to}`, packets, octets);
  }
  return sums;
}

/**
 * Holds each flow's sums against as many packets of the capture, from its first on; returns the time of the last
 * packet that is in a record. No flow may lack a packet that is older than one that another flow has.
 */
function expectPrefix(sums: Sums, capture: string): number {
  const packets = packetsOfCapture(capture);
  const prefix: Sums = new Map();
  const outside: CapturedPacket[] = [];
  let lastInside = 0;
  for (const packet of packets) {
    const { key, octets, time } = packet;
    if ((prefix.get(key)?.packets ?? 0) < (sums.get(key)?.packets ?? 0)) {
      addTo(prefix, key, 1, octets);
      lastInside = Math.max(lastInside, time);
    } else outside.push(packet);
  }
  expect([...prefix].sort()).toEqual([...sums].sort());
  expect(outside.length, 'the capture goes on after the exporter').toBeGreaterThan(0);
  expect(outside.filter(({ time }) => time < lastInside - ORDER_SLACK_S)).toEqual([]);
  return lastInside;
}

describe.skipIf(missing !== undefined)(`weir export is stopped in mid-run ${missing ?? ''}`, () => {
  let wire: Wire;
  const servers: ChildProcess[] = [];
  const running: RunningWeir[] = [];

  function start(prefix: readonly string[], ...command: string[]): ChildProcess {
    const [program = '', ...rest] = [...prefix, ...command];
    return spawn(program, rest, { stdio: 'ignore' });
  }

  async function end(children: readonly ChildProcess[], signal: NodeJS.Signals): Promise<void> {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      await ended;
    }
  }

  beforeAll(async () => {
    wire = createWire('stop');
    for (const port of IPERF_PORTS) servers.push(start(wire.b.prefix, 'iperf3', '-s', '-p', port));
    await sleep(500);
  });

  afterAll(async () => {
    for (const weir of running) await weir.stop('SIGKILL');
    await end(servers, 'SIGKILL');
    wire.remove();
  });

  /** Goes on until it is killed: long flows both ways, and many short ones. */
  function startTraffic(): ChildProcess[] {
    const { a, b } = wire;
    const [upload, download, datagrams] = IPERF_PORTS;
    const look = `for i in $(seq 30000); do echo x > /dev/udp/${b.ipv4}/$((10000 + i)); ((i % 20)) || sleep 0.02; done`;
    return [
      start(a.prefix, 'iperf3', '-c', b.ipv4, '-p', upload, '-b', '20M', '-t', '600'),
      start(a.prefix, 'iperf3', '-c', b.ipv6, '-p', download, '-R', '-b', '20M', '-t', '600'),
      start(a.prefix, 'iperf3', '-c', b.ipv4, '-p', datagrams, '-u', '-b', '4M', '-t', '600'),
      start(a.prefix, 'ping', '-q', '-i', '0.01', b.ipv6),
      start(a.prefix, 'bash', '-c', look),
    ];
  }

  function startCollector(data: string): Promise<RunningWeir> {
    return startIn(
      ['collect', '--data', data, '--listen', `tcp/127.0.0.1:${PORT}`, '--no-http'],
      /listening on/,
    );
  }

  async function startExporter(profile: string, interfaceName: string): Promise<RunningWeir> {
    return startIn(['export', '--profile', profile, '--interface', interfaceName], /metering/);
  }

  async function startIn(args: readonly string[], word: RegExp): Promise<RunningWeir> {
    const weir = startWeir(args, wire.a.prefix);
    running.push(weir);
    await weir.said(word);
    return weir;
  }

  /** Meters traffic, and is told to stop in the midst of it; gives when. */
  async function meterAndStop(profile: string, capture: string): Promise<number> {
    const { interfaceName, prefix } = wire.a;
    const tcpdump = ['tcpdump', '-i', interfaceName, '-B', '32768', '-s', '128', '-w', capture, 'ip or ip6'];
    const onWire = start(prefix, ...tcpdump);
    await sleep(1500);
    const exporter = await startExporter(profile, interfaceName);
    const traffic = startTraffic();
    await sleep(4000);
    const stoppedAtS = Date.now() / 1000;
    expect(await exporter.stop('SIGTERM'), exporter.output()).toBe(0);
    expect(exporter.output()).toMatch(/[1-9]\d* open flows were ended and exported \(flowEndReason 4\)/);
    await sleep(300);
    await end(traffic, 'SIGKILL');
    // It is handed packets a second late at most, and takes none any more when it is told to end.
    await sleep(1500);
    await end([onWire], 'SIGINT');
    return stoppedAtS;
  }

  function writeProfile(name: string, more: object): string {
    const profile = path.join(folder, `${name}.profile`);
    const FlowMetadata = { IpFixCollectors: [`Tcp/127.0.0.1:${PORT}`], ...more };
    writeFileSync(profile, JSON.stringify({ FlowMetadata }));
    return profile;
  }

  test('with its collector there, the sums are those of the capture', async () => {
    const data = path.join(folder, 'there');
    const capture = path.join(folder, 'there.pcap');
    const collector = await startCollector(data);
    const stoppedAtS = await meterAndStop(writeProfile('There', { ActiveTimeout: 1000 }), capture);
    expect(await collector.stop('SIGTERM')).toBe(0);
    const sums = sumsOfStore(data);
    expect(sums.size).toBeGreaterThan(100);
    expect(expectPrefix(sums, capture)).toBeGreaterThanOrEqual(stoppedAtS - ORDER_SLACK_S);
  }, 120_000);

  test('with its collector away, they are when the spool was replayed', async () => {
    const data = path.join(folder, 'away');
    const capture = path.join(folder, 'away.pcap');
    const spool = path.join(folder, 'spool');
    mkdirSync(spool);
    const profile = writeProfile('Away', { SpoolDirectory: spool });
    const stoppedAtS = await meterAndStop(profile, capture);
    const collector = await startCollector(data);
    const next = await startExporter(profile, 'lo');
    await next.said(/exporting from port/);
    expect(await next.stop('SIGTERM')).toBe(0);
    expect(await collector.stop('SIGTERM')).toBe(0);
    expect(expectPrefix(sumsOfStore(data), capture)).toBeGreaterThanOrEqual(stoppedAtS - ORDER_SLACK_S);
  }, 120_000);
});
