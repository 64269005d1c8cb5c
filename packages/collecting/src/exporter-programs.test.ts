/**
 * Other people's exporters meter a capture and send it to us and to nfcapd alike: every flow that nfdump then
 * shows must have come out of our batches, with the same key, flags and counters. Times are compared where
 * they are sent as such: sysUptime of packets captured years before the exporter was started is nonsense, of
 * which nfdump and we make different things.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { silentLogger, systemClock } from '@weir/base';
import { type FlowBatch, u64AsNumber } from '@weir/ipfix';
import ipaddr from 'ipaddr.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCollector } from './collector.ts';
import { createCountingStore } from './counting-store.ts';
import { createFlowSource } from './flow-source.ts';

const captures = fileURLToPath(new URL('../../../../shared/fixtures/generated/src/', import.meta.url));
const run = promisify(execFile);

/** Why a test that needs these programs cannot run here; undefined when it can. */
function missing(...programs: string[]): string | undefined {
  if (!existsSync(captures)) return 'no shared fixtures';
  const absent = programs.find((program) => spawnSync('which', [program]).status !== 0);
  return absent === undefined ? undefined : `${absent} is not installed`;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-collecting-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A port that nobody has at this moment. */
function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; !condition(); attempt += 1) {
    if (attempt === 500) throw new Error('what was waited for did not happen within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Octets that wait in the socket that is bound to this port (proc(5)); undefined when there is none. */
function socketQueue(port: number): number | undefined {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const line = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .find((entry) => entry.includes(local));
  return line === undefined ? undefined : Number.parseInt(line.trim().split(/[\s:]+/)[7] ?? '', 16);
}

async function startNfcapd() {
  const port = await freePort();
  const child = spawn('nfcapd', ['-b', '127.0.0.1', '-p', String(port), '-l', folder, '-t', '3600'], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  await until(() => socketQueue(port) !== undefined);
  return {
    port,
    async flows(): Promise<string[]> {
      // On SIGTERM nfcapd leaves in its socket what it has not read.
      await until(() => socketQueue(port) === 0);
      child.kill('SIGTERM');
      await ended;
      const { stdout } = await run('nfdump', ['-R', folder, '-o', 'json'], {
        env: { ...process.env, TZ: 'UTC' },
        maxBuffer: 1 << 28,
      });
      if (stdout.includes('No matching flows')) return [];
      return (JSON.parse(stdout) as NfdumpFlow[]).map(nfdumpText).sort();
    },
  };
}

interface NfdumpFlow {
  first: string;
  last: string;
  in_packets: number;
  in_bytes: number;
  proto: number;
  tcp_flags?: string;
  src_port?: number;
  dst_port?: number;
  src_tos: number;
  src4_addr?: string;
  dst4_addr?: string;
  src6_addr?: string;
  dst6_addr?: string;
}

/** What both sides say of a flow, as one line. nfdump keeps an ICMP type in place of a port: left out. */
function flowText(
  times: readonly number[],
  [src, dst]: readonly string[],
  ports: readonly number[],
  protocol: number,
  flags: number,
  counters: readonly number[],
): string {
  const hasPorts = protocol === 6 || protocol === 17;
  const key = [protocol, src, dst, ...(hasPorts ? ports : [])];
  return `${key.join(' ')} flags=${protocol === 6 ? flags : 0} ${counters.join('/')} ${times.join('-')}`;
}

function nfdumpText(flow: NfdumpFlow): string {
  const flags = [...(flow.tcp_flags ?? '')].reduce((bits, letter) => bits * 2 + (letter === '.' ? 0 : 1), 0);
  return flowText(
    [flow.first, flow.last].map((time) => Date.parse(`${time}Z`)),
    [flow.src4_addr ?? flow.src6_addr ?? '', flow.dst4_addr ?? flow.dst6_addr ?? ''],
    [flow.src_port ?? 0, flow.dst_port ?? 0],
    flow.proto,
    flags,
    [flow.in_bytes, flow.in_packets],
  );
}

function rowText({ columns: c }: FlowBatch, row: number): string {
  return flowText(
    [u64AsNumber(c.flowStart, row), u64AsNumber(c.flowEnd, row)],
    [addressText(c.srcAddrHi, c.srcAddrLo, row), addressText(c.dstAddrHi, c.dstAddrLo, row)],
    [c.srcPort[row] ?? 0, c.dstPort[row] ?? 0],
    c.protocol[row] ?? 0,
    (c.tcpFlags[row] ?? 0) & 0xff,
    [u64AsNumber(c.octets, row), u64AsNumber(c.packets, row)],
  );
}

function withoutTimes(flow: string): string {
  return flow.slice(0, flow.lastIndexOf(' '));
}

function addressText(high: Uint32Array, low: Uint32Array, row: number): string {
  const words = [high[row * 2 + 1], high[row * 2], low[row * 2 + 1], low[row * 2]];
  const octets = words.flatMap((word = 0) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255));
  return ipaddr.process(ipaddr.fromByteArray(octets).toString()).toString();
}

/** Runs an exporter against a collector of ours and nfcapd; the flows that each of them has. */
async function exportToBoth(exporter: (ports: [number, number]) => Promise<unknown>) {
  const ours: string[] = [];
  const store = createCountingStore({
    onBatch: (batch) => {
      for (let row = 0; row < batch.rowCount; row += 1) ours.push(rowText(batch, row));
    },
  });
  const source = createFlowSource({ name: 'test', monitoringAddress: '127.0.0.1', monitoringPort: 1 });
  const collector = createCollector(
    { sources: [{ ...source, monitoringPort: 0 }] },
    { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
  );
  await collector.start();
  const nfcapd = await startNfcapd();
  await exporter([collector.address('test')?.port ?? 0, nfcapd.port]);
  await collector.stop();
  const theirs = await nfcapd.flows();
  const [listener] = (await collector.status()).sources.map((status) => status.listener);
  store.close();
  return { ours: ours.sort(), theirs, store, listener };
}

const softflowdMissing = missing('softflowd', 'nfcapd', 'nfdump');
describe.skipIf(softflowdMissing !== undefined)(`softflowd ${softflowdMissing ?? ''}`, () => {
  test.each([
    ['wiki', 5, []],
    ['wiki', 9, []],
    ['wiki', 10, []],
    ['wiki', 10, ['-A', 'milli']],
    ['mp', 5, []],
    ['mp', 9, []],
    ['mp', 10, ['-A', 'milli']],
    ['v6', 9, []],
    ['v6', 10, ['-A', 'milli']],
    ['kx', 9, []],
    ['kx', 10, ['-A', 'milli']],
  ] as [string, number, string[]][])(
    '%s.pcap as version %d %j: what nfdump has, we have',
    async (capture, version, options) => {
      const withTimes = options.length > 0;
      const { ours, theirs, store, listener } = await exportToBoth(([one, other]) =>
        run('softflowd', [
          ...['-r', join(captures, `${capture}.pcap`), '-v', String(version), ...options],
          ...['-d', '-c', 'none'],
          ...['-p', join(folder, 'softflowd.pid'), '-n', `127.0.0.1:${one},127.0.0.1:${other}`],
        ]),
      );
      expect(theirs.length).toBeGreaterThan(10);
      if (withTimes) expect(ours).toEqual(theirs);
      expect(ours.map(withoutTimes).sort()).toEqual(theirs.map(withoutTimes).sort());
      expect(store.failures).toEqual([]);
      expect(listener?.decoder).toMatchObject({ problems: 0, datagramsUnreadable: 0 });
      expect(listener?.exporters).toMatchObject([{ version, duplicates: 0, problems: 0 }]);
      // softflowd's IPFIX sequence numbers count a message's own flows already and no options records, which
      // RFC 7011 section 3.1 does not allow: nfcapd reports sequence failures too.
      if (version !== 10) expect(listener?.exporters).toMatchObject([{ unitsLost: 0, reordered: 0 }]);
    },
  );
});

describe.skipIf(softflowdMissing !== undefined)(`softflowd's version 1 ${softflowdMissing ?? ''}`, () => {
  test('has the flows of its version 5; nfdump reads no version 1', async () => {
    const flows = async (version: number) => {
      const { ours } = await exportToBoth(([one]) =>
        run('softflowd', [
          ...['-r', join(captures, 'mp.pcap'), '-v', String(version), '-d', '-c', 'none'],
          ...['-p', join(folder, 'softflowd.pid'), '-n', `127.0.0.1:${one}`],
        ]),
      );
      return ours.map(withoutTimes).sort();
    };
    const five = await flows(5);
    expect(five.length).toBeGreaterThan(10);
    expect(await flows(1)).toEqual(five);
  });
});

const pmacctMissing = missing('pmacctd', 'nfcapd', 'nfdump');
describe.skipIf(pmacctMissing !== undefined)(`pmacctd with nfprobe ${pmacctMissing ?? ''}`, () => {
  test.each([5, 9, 10])('mp.pcap as version %d: what nfdump has, we have', async (version) => {
    const { ours, theirs, listener } = await exportToBoth(async ([one, other]) => {
      const config = join(folder, 'pmacctd.conf');
      writeFileSync(
        config,
        [
          'daemonize: false',
          `pcap_savefile: ${join(captures, 'mp.pcap')}`,
          'aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags',
          'plugins: nfprobe[one], nfprobe[other]',
          `nfprobe_receiver[one]: 127.0.0.1:${one}`,
          `nfprobe_receiver[other]: 127.0.0.1:${other}`,
          `nfprobe_version: ${version}`,
          '',
        ].join('\n'),
      );
      // Its core sometimes ends with an error because its plugins, having sent all, ended before it.
      await run('pmacctd', ['-f', config]).catch((error: Error & { stderr?: string }) => {
        if (!error.stderr?.includes('Shutting down on user request')) throw error;
      });
    });
    expect(theirs.length).toBeGreaterThan(10);
    expect(ours.map(withoutTimes).sort()).toEqual(theirs.map(withoutTimes).sort());
    expect(listener?.decoder).toMatchObject({ problems: 0, datagramsUnreadable: 0 });
  });
});
