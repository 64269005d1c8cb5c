/** Two hosts, real traffic, `weir export` on one; what it says equals what a capture on the same wire counts. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWire, namespacesMissing, type Wire } from './network-namespace.ts';
import { addTo, NEIGHBOUR_DISCOVERY_MIN, type Sums, sortedSums, sumsOfCapture } from './packet-sums.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { startWeir } from './weir-process.ts';

const folder = temporaryFolder();
const missing = namespacesMissing();
const NFCAPD_PORT = 9995;

/** What nfdump reads in the files that nfcapd wrote from our export. */
function sumsOfNfdump(files: string): Sums {
  const csv = execFileSync(
    'nfdump',
    ['-R', files, '-q', '-N', '-o', 'fmt:%pr|%sa|%sp|%da|%dp|%pkt|%byt', '-6'],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  const numbers: Record<string, number> = { TCP: 6, UDP: 17, ICMP: 1, ICMP6: 58 };
  const sums: Sums = new Map();
  for (const line of csv.trim().split('\n')) {
    const [name = '', source, sourcePort, destination, destinationPort, packets, octets] = line
      .split('|')
      .map((cell) => cell.trim());
    const protocol = numbers[name] ?? Number(name);
    if (protocol === 58 && Number(destinationPort) >= NEIGHBOUR_DISCOVERY_MIN) continue;
    const ports = protocol === 6 || protocol === 17;
    addTo(
      sums,
      `${protocol} ${source}:${ports ? sourcePort : 0} ${destination}:${ports ? destinationPort : 0}`,
      Number(packets),
      Number(octets),
    );
  }
  return sums;
}

describe.skipIf(missing !== undefined)(`weir export between two hosts ${missing ?? ''}`, () => {
  let wire: Wire;
  const children: ChildProcess[] = [];
  const capture = path.join(folder, 'wire.pcap');
  const exportCapture = path.join(folder, 'export.pcap');
  const nfcapdFolder = path.join(folder, 'nfcapd');
  let exporterStatus = -1;
  let exporterOutput = '';

  function start(prefix: readonly string[], command: string, ...args: string[]): ChildProcess {
    const [program = '', ...rest] = [...prefix, command, ...args];
    const child = spawn(program, rest, { stdio: 'ignore' });
    children.push(child);
    return child;
  }

  async function stop(child: ChildProcess): Promise<void> {
    const ended = new Promise((resolve) => child.on('exit', resolve));
    if (child.exitCode === null && child.kill('SIGINT')) await ended;
  }

  beforeAll(async () => {
    wire = createWire('exp');
    const { a, b } = wire;
    mkdirSync(nfcapdFolder);
    const profile = path.join(folder, 'Universe.profile');
    writeFileSync(
      profile,
      JSON.stringify({ FlowMetadata: { IpFixCollectors: [`Udp/127.0.0.1:${NFCAPD_PORT}`] } }),
    );
    const nfcapd = start(a.prefix, 'nfcapd', '-b', '127.0.0.1', '-p', `${NFCAPD_PORT}`, '-l', nfcapdFolder);
    const onWire = start(
      a.prefix,
      'tcpdump',
      '-i',
      a.interfaceName,
      '-B',
      '16384',
      '-s',
      '128',
      '-w',
      capture,
      'ip or ip6',
    );
    const onExport = start(
      a.prefix,
      'tcpdump',
      '-i',
      'lo',
      '-s',
      '0',
      '-w',
      exportCapture,
      'udp',
      'port',
      `${NFCAPD_PORT}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const exporter = startWeir(['export', '--profile', profile, '--interface', a.interfaceName], a.prefix);
    await exporter.said(/metering/);
    start(b.prefix, 'iperf3', '-s');
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const address of [b.ipv4, b.ipv6]) {
      a.run('ping', '-c', '3', '-i', '0.2', address);
      a.run('iperf3', '-c', address, '-n', '20M');
      a.run('iperf3', '-c', address, '-u', '-b', '20M', '-t', '1');
      spawnSync(a.prefix[0] ?? '', [...a.prefix.slice(1), 'iperf3', '-c', address, '-p', '9', '-n', '1K']);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
    exporterStatus = await exporter.stop();
    exporterOutput = exporter.output();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    for (const child of [onWire, onExport, nfcapd]) await stop(child);
  }, 120_000);

  afterAll(async () => {
    for (const child of children) await stop(child);
    wire.remove();
  });

  test('ends cleanly when it is asked to', () => {
    expect(exporterStatus, exporterOutput).toBe(0);
  });

  test('exports every flow of the capture with its packets and octets, through nfcapd', () => {
    const expected = sumsOfCapture(capture);
    expect(expected.size).toBeGreaterThan(15);
    expect(sortedSums(sumsOfNfdump(nfcapdFolder))).toEqual(sortedSums(expected));
  });

  test('is accepted whole by tshark', () => {
    const args = ['-n', '-r', exportCapture, '-d', `udp.port==${NFCAPD_PORT},cflow`, '-V'];
    const text = execFileSync('tshark', args, {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(text).toMatch(/\[Template Frame: \d+/);
    expect(text).not.toMatch(/No template found|Malformed|Expert Info \((Warning|Error)/i);
    expect(text).not.toMatch(/(Type: Unknown|Enterprise.*Unknown)/);
  });
});
