/**
 * Other people's collectors read what the exporter sends: nfcapd with nfdump, pmacct's nfacctd, and tshark's
 * CFLOW dissector.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createManualClock, silentLogger } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { createCollectorFixture, transportsOf } from './collector-fixture.ts';
import { createExporter } from './exporter.ts';
import { batchOf, type FlowFixture } from './flow-fixture.ts';
import { parseProfile } from './profile.ts';

const HAS_NFDUMP = hasProgram('nfcapd', '-V') && hasProgram('nfdump', '-V');
const HAS_NFACCTD = hasProgram('nfacctd', '-V');
const HAS_TSHARK = hasProgram('tshark', '--version');
const START_MS = 1_763_000_000_000;
const ICMP_TYPE_CODES = [0x0800, 0x0000, 0x0303, 0x0b00];
const ICMPV6_TYPE_CODES = [0x8000, 0x8100, 0x0104, 0x8700];

function hasProgram(name: string, argument: string): boolean {
  return spawnSync(name, [argument], { stdio: 'ignore' }).error === undefined;
}

/** Flows of every kind, each distinct by its ports or type, with a VLAN here and a MAC address there. */
function makeFlows(count: number): FlowFixture[] {
  return Array.from({ length: count }, (_, i) => {
    const isIpv4 = i % 3 !== 0;
    const protocol = [6, 17, isIpv4 ? 1 : 58, 47][i % 4] ?? 6;
    const hasPorts = protocol === 6 || protocol === 17;
    const startMs = START_MS + i * 7;
    const dropped = i % 10 === 9;
    return {
      source: isIpv4 ? `10.1.${i >> 8}.${i & 255}` : `2001:db8:1::${(i + 1).toString(16)}`,
      destination: isIpv4 ? `192.0.2.${i % 256}` : `2001:db8:2::${((i % 256) + 1).toString(16)}`,
      protocol,
      ...(hasPorts ? { sourcePort: 1024 + i, destinationPort: 443 } : {}),
      octets: i % 50 === 0 ? 5_000_000_000 + i : 40 + i,
      packets: 1 + (i % 9),
      startMs,
      endMs: startMs + (i % 1000),
      direction: i & 1,
      columns: {
        inIf: 2,
        outIf: 70_000,
        tos: i & 255,
        endReason: 1 + (i % 5),
        forwardingStatus: dropped ? 0x80 : 0x40,
        firewallEvent: dropped ? 3 : 0,
        minTtl: 63,
        maxTtl: 64,
        ...(protocol === 6 ? { tcpFlags: i % 64 } : {}),
        ...(protocol === 1 ? { icmpTypeCode: ICMP_TYPE_CODES[(i >> 2) % 4] ?? 0 } : {}),
        ...(protocol === 58 ? { icmpTypeCode: ICMPV6_TYPE_CODES[(i >> 2) % 4] ?? 0 } : {}),
        ...(i % 7 === 0 ? { vlanId: 1 + (i % 4000) } : {}),
        ...(i % 11 === 0 ? { flowId: i } : {}),
        ...(i % 13 === 0 ? { srcMac: 0x020000000000 + i, dstMac: 0x020000000001 } : {}),
      },
    };
  });
}

interface SeenFlow {
  source: string;
  destination: string;
  protocol: number;
  sourcePort: number;
  /** ICMP: type and code. */
  destinationPort: number;
  octets: number;
  packets: number;
  startMs: number;
  endMs: number;
  direction: number;
  tcpFlags: number;
  tos: number;
  inIf: number;
  outIf: number;
  vlanId: number;
}

function expectedFlow({ columns = {}, ...flow }: FlowFixture): SeenFlow {
  return {
    source: flow.source,
    destination: flow.destination,
    protocol: flow.protocol,
    sourcePort: flow.sourcePort ?? 0,
    destinationPort: columns.icmpTypeCode ?? flow.destinationPort ?? 0,
    octets: flow.octets ?? 0,
    packets: flow.packets ?? 0,
    startMs: flow.startMs ?? 0,
    endMs: flow.endMs ?? 0,
    direction: flow.direction ?? 0,
    tcpFlags: columns.tcpFlags ?? 0,
    tos: columns.tos ?? 0,
    inIf: columns.inIf ?? 0,
    outIf: columns.outIf ?? 0,
    vlanId: columns.vlanId ?? 0,
  };
}

function sorted(flows: readonly SeenFlow[]): SeenFlow[] {
  return [...flows].sort((a, b) => a.startMs - b.startMs);
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((bound) => socket.bind(0, '127.0.0.1', () => bound()));
  const { port } = socket.address();
  await new Promise<void>((closed) => socket.close(() => closed()));
  return port;
}

/** Octets in the socket's receive queue, from /proc/net/udp; undefined while nobody is bound to the port. */
async function queuedOctets(port: number): Promise<number | undefined> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of (await readFile('/proc/net/udp', 'latin1')).split('\n')) {
    const [, local = '', , , queues = ''] = line.trim().split(/\s+/);
    if (local.endsWith(suffix)) return Number.parseInt(queues.split(':')[1] ?? '0', 16);
  }
  return undefined;
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400 && !(await isTrue()); i += 1) await wait(25);
}

describe.skipIf(!HAS_NFDUMP)('nfcapd', () => {
  const FLAG_LETTERS = 'CEUAPRSF';

  /** `...AP.SF` as a number. */
  function flagsOf(text: string): number {
    return [...text].reduce(
      (flags, letter, i) => (letter === FLAG_LETTERS[i] ? flags | (0x80 >> i) : flags),
      0,
    );
  }

  function fromJson(record: Record<string, string | number>): SeenFlow {
    const number = (name: string) => Number(record[name] ?? 0);
    const time = (name: string) => Date.parse(`${record[name]}Z`);
    const isIcmp = record['icmp_type'] !== undefined;
    return {
      source: String(record['src4_addr'] ?? record['src6_addr']),
      destination: String(record['dst4_addr'] ?? record['dst6_addr']),
      protocol: number('proto'),
      sourcePort: number('src_port'),
      destinationPort: isIcmp ? number('icmp_type') * 256 + number('icmp_code') : number('dst_port'),
      octets: number('in_bytes'),
      packets: number('in_packets'),
      startMs: time('first'),
      endMs: time('last'),
      direction: number('flow_dir') || number('direction'),
      tcpFlags: flagsOf(String(record['tcp_flags'] ?? '')),
      tos: number('src_tos'),
      inIf: number('input_snmp'),
      outIf: number('output_snmp'),
      vlanId: number('src_vlan'),
    };
  }

  async function runNfcapd(port: number, folder: string, work: () => Promise<void>): Promise<string> {
    let log = '';
    const process: ChildProcess = spawn(
      'nfcapd',
      ['-b', '127.0.0.1', '-p', String(port), '-w', folder, '-t', '3600', '-v'],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    process.stdout?.on('data', (text: Buffer) => {
      log += text.toString();
    });
    process.stderr?.on('data', (text: Buffer) => {
      log += text.toString();
    });
    const ended = new Promise<void>((resolve) => process.once('exit', () => resolve()));
    try {
      await until(async () => (await queuedOctets(port)) !== undefined);
      await work();
      await until(async () => (await queuedOctets(port)) === 0);
    } finally {
      process.kill('SIGTERM');
      await ended;
    }
    return log;
  }

  test.each(['Both', 'Absolute'])(
    'stores the same flows and counters, without a warning: %s',
    async (times) => {
      const folder = await mkdtemp(join(tmpdir(), 'weir-nfcapd-'));
      const flows = makeFlows(3000);
      try {
        const port = await freePort();
        const profile = parseProfile(
          JSON.stringify({
            FlowMetadata: {
              IpFixCollectors: [{ Address: `Udp/127.0.0.1:${port}`, Times: times }],
              MaxMessagesPerSecond: 2000,
            },
          }),
          'test.profile',
        );
        const exporter = createExporter(profile, { logger: silentLogger });
        const log = await runNfcapd(port, folder, async () => {
          await exporter.start();
          for (let from = 0; from < flows.length; from += 500) {
            await exporter.whenRoom();
            exporter.export(batchOf(flows.slice(from, from + 500)));
          }
          await exporter.stop();
        });
        expect(exporter.collectors()[0]?.counters).toMatchObject({
          flowsSent: 3000,
          messagesNotSent: 0,
          refused: 0,
        });
        expect(log).toContain('Flows: 3000,');
        expect(log).toContain('Sequence Errors: 0, Bad Packets: 0');
        expect(log.split('\n').filter((line) => /warn|skip|invalid|unknown|mismatch/i.test(line))).toEqual(
          [],
        );
        const json = execFileSync('nfdump', ['-R', folder, '-o', 'json'], {
          env: { ...process.env, TZ: 'UTC' },
          maxBuffer: 2 ** 26,
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        const seen = (JSON.parse(json.toString()) as Record<string, string | number>[]).map(fromJson);
        expect(sorted(seen)).toEqual(flows.map(expectedFlow));
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
});

describe.skipIf(!HAS_NFACCTD)('nfacctd', () => {
  type Row = Record<string, string | number>;

  /** Its core hands records to its plugin, and says to nobody when it has. */
  const CORE_TO_PLUGIN_MS = 500;

  const milliseconds = (timeMs: number) =>
    new Date(timeMs).toISOString().replace('T', ' ').replace('Z', '000');

  /** Its print plugin writes when it is told to end. */
  async function runNfacctd(port: number, folder: string, work: () => Promise<void>): Promise<Row[]> {
    const file = join(folder, 'flows.json');
    const settings = [
      'nfacctd_ip: 127.0.0.1',
      `nfacctd_port: ${port}`,
      'plugins: print',
      'aggregate: src_host, dst_host, proto, src_port, dst_port, tos, in_iface, out_iface, timestamp_start, timestamp_end',
      'print_output: json',
      'print_output_file_append: true',
      'print_refresh_time: 1',
      `print_output_file: ${file}`,
      'print_cache_entries: 20011',
      'timestamps_utc: true',
    ];
    await writeFile(join(folder, 'nfacctd.conf'), `${settings.join('\n')}\n`);
    const collector = spawn('nfacctd', ['-f', join(folder, 'nfacctd.conf')], { stdio: 'ignore' });
    const ended = new Promise<void>((resolve) => collector.once('exit', () => resolve()));
    const rows = async () => {
      const text = await readFile(file, 'utf8').catch(() => '');
      return text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Row);
    };
    try {
      await until(async () => (await queuedOctets(port)) !== undefined);
      await work();
      await until(async () => (await queuedOctets(port)) === 0);
      await wait(CORE_TO_PLUGIN_MS);
    } finally {
      collector.kill('SIGINT');
      await ended;
    }
    let count = -1;
    await until(async () => {
      const before = count;
      count = (await rows()).length;
      return count > 0 && count === before;
    });
    return rows();
  }

  async function collect(times: string, flows: readonly FlowFixture[]): Promise<Row[]> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-nfacctd-'));
    try {
      const port = await freePort();
      const IpFixCollectors = [{ Address: `Udp/127.0.0.1:${port}`, Times: times }];
      const profile = parseProfile(JSON.stringify({ FlowMetadata: { IpFixCollectors } }), 'test.profile');
      const exporter = createExporter(profile, { logger: silentLogger });
      return await runNfacctd(port, folder, async () => {
        await exporter.start();
        exporter.export(batchOf(flows));
        await exporter.stop();
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  function expectedRow({ columns = {}, ...flow }: FlowFixture): Row {
    return {
      ip_src: flow.source,
      ip_dst: flow.destination,
      port_src: flow.sourcePort ?? 0,
      port_dst: flow.destinationPort ?? 0,
      tos: columns.tos ?? 0,
      packets: flow.packets ?? 0,
      bytes: flow.octets ?? 0,
    };
  }

  const distinct = (row: Row) => `${row['ip_src']} ${row['ip_dst']} ${row['port_src']}`;
  const sortedRows = (rows: readonly Row[]) => [...rows].sort((a, b) => (distinct(a) < distinct(b) ? -1 : 1));

  test('reads every flow, its times to the millisecond, when it gets no system uptimes', async () => {
    const flows = makeFlows(300);
    const rows = await collect('Absolute', flows);
    const expected = flows.map((flow) => ({
      ...expectedRow(flow),
      timestamp_start: milliseconds(flow.startMs ?? 0),
      timestamp_end: milliseconds(flow.endMs ?? 0),
    }));
    expect(rows).toHaveLength(300);
    expect(sortedRows(rows)).toMatchObject(sortedRows(expected));
  });

  test('reads every flow but its times with them', async () => {
    const flows = makeFlows(300);
    const rows = await collect('Both', flows);
    expect(rows).toHaveLength(300);
    expect(sortedRows(rows)).toMatchObject(sortedRows(flows.map(expectedRow)));
    // Why `Times` exists: the start it says is the Export Time.
    expect(rows[0]?.['timestamp_start']).not.toContain(milliseconds(START_MS).slice(0, 10));
  });
});

describe.skipIf(!HAS_TSHARK)('tshark', () => {
  const PORT = 4739;

  /** A capture of the datagrams as raw IPv4 (LINKTYPE_RAW). */
  function pcapOf(datagrams: readonly Uint8Array[]): Buffer {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(65_535, 16);
    header.writeUInt32LE(101, 20);
    const parts: Uint8Array[] = [header];
    for (const datagram of datagrams) {
      const packet = Buffer.alloc(16 + 28);
      packet.writeUInt32LE(START_MS / 1000, 0);
      packet.writeUInt32LE(28 + datagram.length, 8);
      packet.writeUInt32LE(28 + datagram.length, 12);
      packet.writeUInt8(0x45, 16);
      packet.writeUInt16BE(28 + datagram.length, 18);
      packet.writeUInt8(64, 24);
      packet.writeUInt8(17, 25);
      packet.writeUInt32BE(0x0a000001, 28);
      packet.writeUInt32BE(0x0a000002, 32);
      packet.writeUInt16BE(40_000, 36);
      packet.writeUInt16BE(PORT, 38);
      packet.writeUInt16BE(8 + datagram.length, 40);
      parts.push(packet, datagram);
    }
    return Buffer.concat(parts);
  }

  async function exportedDatagrams(flows: readonly FlowFixture[]): Promise<Uint8Array[]> {
    const collector = createCollectorFixture();
    const profile = parseProfile(
      '{"FlowMetadata":{"IpFixCollectors":["Udp/192.0.2.9:4739"]}}',
      'test.profile',
    );
    const exporter = createExporter(profile, {
      logger: silentLogger,
      clock: createManualClock(START_MS),
      createTransport: transportsOf([collector]),
      meteringLoss: () => ({ ignoredPackets: 5, ignoredOctets: 600, firstMs: START_MS, lastMs: START_MS }),
    });
    await exporter.start();
    exporter.export(batchOf(flows));
    await exporter.stop();
    return collector.datagrams;
  }

  function tshark(path: string, ...options: string[]): string {
    return execFileSync('tshark', ['-r', path, '-d', `udp.port==${PORT},cflow`, ...options], {
      maxBuffer: 2 ** 27,
      stdio: ['ignore', 'pipe', 'ignore'],
    }).toString();
  }

  test('dissects every message, option records too, without a malformed field or a warning', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weir-tshark-'));
    const flows = makeFlows(400);
    try {
      const path = join(folder, 'export.pcap');
      await writeFile(path, pcapOf(await exportedDatagrams(flows)));
      expect(tshark(path, '-q', '-z', 'expert').trim()).toBe('');
      const text = tshark(path, '-V');
      expect(text).not.toMatch(/malformed|no template|unknown field|\[Expert/i);
      const octets = [...text.matchAll(/^\s+Octets: (\d+)$/gm)].map(([, value]) => Number(value));
      const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
      expect(octets).toHaveLength(400);
      expect(sum(octets)).toBe(sum(flows.map((flow) => flow.octets ?? 0)));
      const drops = [...text.matchAll(/Firewall Event: Flow denied \(3\)/g)];
      expect(drops).toHaveLength(flows.filter(({ columns }) => columns?.firewallEvent === 3).length);
      expect(text).toMatch(/Ignored Packet.*: 5$/im);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
