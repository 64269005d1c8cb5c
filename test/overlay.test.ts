/** Three exporters on a WireGuard overlay, a collector outside of it: what only the endpoints can tell. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { lossSql, performanceTotalsSql } from '@weir/analysis';
import { silentLogger } from '@weir/base';
import { openStore } from '@weir/storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOverlay, type Overlay, overlayMissing, stopChild } from './overlay-network.ts';
import { addTo, type Sums, sortedSums, sumsOfCapture } from './packet-sums.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { type RunningWeir, runWeir, startWeir } from './weir-process.ts';

const folder = temporaryFolder();
const missing = overlayMissing();
const COLLECTOR_PORT = 4739;
const ALL_TIME = ['--from', '2000-01-01T00:00:00Z', '--to', '2100-01-01T00:00:00Z'];
const DENIED_PORT = 2222;
const UNTRUSTED_PORT = 5555;
const ACCESS_CONTROL_GROUP = 5;
const TRUST_GROUP = 6;
/** Logged and dropped on what arrives from the overlay, and on what would leave into it. */
const rulesFor = (interfaceName: string) => `table inet weir {
  counter denied { }
  counter untrusted { }
  chain input { type filter hook input priority 0;
    iifname ${interfaceName} tcp dport ${DENIED_PORT} counter name denied log group ${ACCESS_CONTROL_GROUP} prefix "ssh-deny" drop
  }
  chain output { type filter hook output priority 0;
    oifname ${interfaceName} udp dport ${UNTRUSTED_PORT} counter name untrusted log group ${TRUST_GROUP} prefix "no-trust" drop
  }
}
`;

/** Its numbers: the name is that of a column. */
const DROP_REASON_ELEMENT = '32473/1';

interface FlowRecord {
  exporter: string;
  srcAddr: string;
  dstAddr: string;
  srcPort: number;
  dstPort: number;
  protocol: number;
  octets: number;
  packets: number;
  direction?: number;
  flowId: number | string;
  forwardingStatus?: number;
  dropReason?: number | string;
  extra?: Record<string, string | number | boolean>;
}

/** All records of a store, after its collector has ended. */
function recordsOf(data: string): FlowRecord[] {
  const { stdout, stderr, status } = runWeir([
    'query',
    '--data',
    data,
    ...ALL_TIME,
    '--top',
    '100000',
    '--json',
  ]);
  expect(status, stderr).toBe(0);
  return stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

function isDropped({ forwardingStatus = 0 }: FlowRecord): boolean {
  return forwardingStatus >> 6 === 2;
}

/** The element where it came in, or the column that a collector makes of it. */
function dropReasonOf({ dropReason, extra }: FlowRecord): number {
  return Number(dropReason ?? extra?.[DROP_REASON_ELEMENT] ?? extra?.['dropReason']);
}

function sumsOfRecords(records: readonly FlowRecord[]): Sums {
  const sums: Sums = new Map();
  for (const { protocol, srcAddr, srcPort, dstAddr, dstPort, packets, octets } of records) {
    const hasPorts = protocol === 6 || protocol === 17;
    if (protocol === 58 && dstPort >> 8 >= 130) continue;
    addTo(
      sums,
      `${protocol} ${srcAddr}:${hasPorts ? srcPort : 0} ${dstAddr}:${hasPorts ? dstPort : 0}`,
      packets,
      octets,
    );
  }
  return sums;
}

describe.skipIf(missing !== undefined)(`weir export on an overlay ${missing ?? ''}`, () => {
  let overlay: Overlay;
  const running: RunningWeir[] = [];
  const data = path.join(folder, 'data');
  const captureOf = (name: string) => path.join(folder, `${name}.pcap`);
  let records: FlowRecord[] = [];
  let counters = '';

  async function startCollector(directory: string): Promise<RunningWeir> {
    const args = ['collect', '--data', directory, '--listen', `udp/0.0.0.0:${COLLECTOR_PORT}`, '--no-http'];
    const collector = startWeir(args, overlay.collector.prefix);
    running.push(collector);
    await collector.said(/listening on udp/);
    return collector;
  }

  async function startExporters(properties: object): Promise<RunningWeir[]> {
    const collectors = { IpFixCollectors: [`Udp/${overlay.collector.underlay}:${COLLECTOR_PORT}`] };
    const exporters = overlay.hosts.map((host) => {
      const profile = path.join(folder, `${host.name}.profile`);
      writeFileSync(
        profile,
        JSON.stringify({ FlowMetadata: { ...collectors, FlowIdKey: 'overlay test', ...properties } }),
      );
      return startWeir(['export', '--profile', profile, '--interface', host.interfaceName], host.prefix);
    });
    running.push(...exporters);
    await Promise.all(exporters.map((exporter) => exporter.said(/metering/)));
    return exporters;
  }

  beforeAll(async () => {
    overlay = await createOverlay(folder);
    const [a, b, c] = overlay.hosts;
    const rules = path.join(folder, 'rules.nft');
    writeFileSync(rules, rulesFor(b.interfaceName));
    b.run('nft', '-f', rules);
    const collector = await startCollector(data);
    const captures = overlay.hosts.map((host) =>
      host.start('tcpdump', '-i', host.interfaceName, '-B', '16384', '-s', '128', '-w', captureOf(host.name)),
    );
    const web =
      "require('node:http').createServer((_, answer) => answer.end('x'.repeat(50000))).listen(8000, '::')";
    const servers = [b.start('iperf3', '-s'), c.start(process.execPath, '-e', web)];
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const exporters = await startExporters({
      TcpPerformance: true,
      DropSources: [
        { Nflog: ACCESS_CONTROL_GROUP, Reason: 'AccessControl' },
        { Nflog: TRUST_GROUP, Reason: 'Trust' },
      ],
    });
    for (const family of ['ipv4', 'ipv6'] as const) {
      a.run('ping', '-c', '3', '-i', '0.2', c[family]);
      a.run('iperf3', '-c', b[family], '-n', '2M');
      a.run('iperf3', '-c', b[family], '-u', '-b', '5M', '-t', '1');
      const url = family === 'ipv4' ? c.ipv4 : `[${c.ipv6}]`;
      b.run('curl', '-s', '-o', '/dev/null', `http://${url}:8000/`);
      a.attempt(
        'curl',
        '-s',
        '--max-time',
        '2',
        `http://${family === 'ipv4' ? b.ipv4 : `[${b.ipv6}]`}:${DENIED_PORT}/`,
      );
      b.attempt('bash', '-c', `for i in 1 2 3; do echo x > /dev/udp/${c[family]}/${UNTRUSTED_PORT}; done`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1500));
    for (const exporter of exporters) expect(await exporter.stop(), exporter.output()).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const child of [...captures, ...servers]) await stopChild(child);
    expect(await collector.stop()).toBe(0);
    counters = b.run('nft', 'list', 'counters');
    records = recordsOf(data);
  }, 120_000);

  afterAll(async () => {
    for (const weir of running) await weir.stop('SIGKILL');
    await overlay.remove();
  });

  test.each([0, 1, 2])(
    'the records of host %i are what its overlay interface carried, to the octet',
    (index) => {
      const host = overlay.hosts[index];
      const own = records.filter((record) => record.exporter === host?.underlay && !isDropped(record));
      const expected = sumsOfCapture(captureOf(host?.name ?? ''));
      expect(expected.size).toBeGreaterThan(5);
      expect(sortedSums(sumsOfRecords(own))).toEqual(sortedSums(expected));
    },
  );

  test.each([
    ['denied', 'ssh-deny', 1, 0],
    ['untrusted', 'no-trust', 2, 1],
  ])(
    'every frame that rule %s refused is in a record with reason and rule',
    (counter, ruleName, dropReason, direction) => {
      const counted = new RegExp(`counter ${counter} {\\s+packets (\\d+) bytes (\\d+)`).exec(counters);
      const dropped = records.filter(
        (record) => isDropped(record) && record.extra?.['ruleName'] === ruleName,
      );
      expect(Number(counted?.[1])).toBeGreaterThan(1);
      expect(dropped.reduce((sum, record) => sum + record.packets, 0)).toBe(Number(counted?.[1]));
      expect(dropped.reduce((sum, record) => sum + record.octets, 0)).toBe(Number(counted?.[2]));
      for (const record of dropped) {
        expect(dropReasonOf(record)).toBe(dropReason);
        expect(record.direction).toBe(direction);
        expect(record.exporter).toBe(overlay.hosts[1].underlay);
      }
    },
  );

  test('both ends give a flow the same flowId, so that they can be joined', () => {
    const [a, b] = overlay.hosts;
    const sent = records.filter(
      (record) => record.exporter === a.underlay && record.direction === 1 && record.dstPort === 5201,
    );
    const received = new Map(
      records
        .filter((record) => record.exporter === b.underlay && record.direction === 0)
        .map((record) => [record.flowId, record]),
    );
    expect(sent.length).toBeGreaterThan(3);
    for (const record of sent) {
      const other = received.get(record.flowId);
      expect(other).toMatchObject({ srcPort: record.srcPort, protocol: record.protocol });
      // What the overlay lost on the way is the difference; it never adds a packet.
      expect(other?.packets).toBeLessThanOrEqual(record.packets);
    }
  });

  test('joined flows tell what was lost between any two, and handshakes how far they are from each other', async () => {
    const store = await openStore({ dataDirectory: data, logger: silentLogger });
    try {
      const { columns } = await store.sql('SELECT * FROM flows LIMIT 0');
      const asked = { range: { fromMs: 0, toMs: Date.now() + 60_000 }, filter: { text: '' }, columns };
      const { rows } = await store.sql(lossSql({ ...asked, by: 'path', limit: 20 }));
      const [a, b, c] = overlay.hosts.map(({ underlay }) => underlay);
      expect(rows.map(({ sender, receiver }) => `${sender} ${receiver}`).sort()).toEqual(
        [`${a} ${b}`, `${a} ${c}`, `${b} ${a}`, `${b} ${c}`, `${c} ${a}`, `${c} ${b}`].sort(),
      );
      for (const {
        sender,
        receiver,
        compared,
        sentPackets,
        receivedPackets,
        lost,
        surplus,
        skewMs,
      } of rows) {
        const ids = new Set(
          records
            .filter((record) => record.exporter === receiver && record.direction === 0)
            .map(({ flowId }) => flowId),
        );
        const joined = records.filter(
          (record) =>
            record.exporter === sender &&
            record.direction === 1 &&
            !isDropped(record) &&
            ids.has(record.flowId),
        );
        expect(Number(sentPackets)).toBeLessThanOrEqual(
          joined.reduce((sum, { packets }) => sum + packets, 0),
        );
        expect(Number(compared)).toBeGreaterThan(0);
        expect(Number(sentPackets) - Number(receivedPackets)).toBe(Number(lost) - Number(surplus));
        expect(surplus).toBe(0);
        // One machine, one clock.
        expect(Math.abs(Number(skewMs))).toBeLessThan(50);
      }
      const [timed] = (await store.sql(performanceTotalsSql(asked))).rows;
      expect(Number(timed?.['samples'])).toBeGreaterThanOrEqual(6);
      expect(Number(timed?.['roundTripP50'])).toBeGreaterThan(0);
      expect(Number(timed?.['roundTripP99'])).toBeLessThan(5000);
    } finally {
      await store.close();
    }
  });

  test('SendingToPeer at both ends gives two records a TCP connection instead of four', async () => {
    const [a, , c] = overlay.hosts;
    const directory = path.join(folder, 'sending');
    mkdirSync(directory);
    const collector = await startCollector(directory);
    const exporters = await startExporters({ Direction: 'SendingToPeer' });
    const web = c.start(
      process.execPath,
      '-e',
      "require('node:http').createServer((_, answer) => answer.end('x')).listen(8001)",
    );
    await new Promise((resolve) => setTimeout(resolve, 700));
    a.run('curl', '-s', '-o', '/dev/null', `http://${c.ipv4}:8001/`);
    for (const exporter of exporters) await exporter.stop();
    await stopChild(web);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await collector.stop();
    const connection = recordsOf(directory).filter(
      ({ srcPort, dstPort }) => srcPort === 8001 || dstPort === 8001,
    );
    expect(connection.map(({ exporter, direction }) => `${exporter} ${direction}`).sort()).toEqual([
      `${a.underlay} 1`,
      `${c.underlay} 1`,
    ]);
  });
});
