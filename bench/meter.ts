/**
 * `npm run bench -- meter`: CPU seconds per million packets of `weir meter` on a generated capture of 5 M
 * packets and 200,000 biflows, beside softflowd and nfpcapd on the same file in the same run.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { generator, WORK_FOLDER } from './generators.ts';
import { type Cost, measureCommand } from './measured-process.ts';
import { median, printTable } from './table.ts';

const PACKETS = 5_005_767;
const OCTETS = 3_543_313_931;
const ROUNDS = 3;
const WEIR = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');

interface Contender {
  name: string;
  run(capture: string): Cost & { check: string };
}

function weir(capture: string): Cost & { check: string } {
  const output = path.join(WORK_FOLDER, 'weir.ipfix');
  const cost = measureCommand(process.execPath, [
    WEIR,
    'meter',
    capture,
    '--write',
    output,
    '--idle-timeout',
    '60',
    '--active-timeout',
    '300',
  ]);
  const summary = JSON.parse(cost.stdout.trim().split('\n').at(-1) ?? '{}');
  const exact = summary.packets === PACKETS && summary.octets === OCTETS;
  return {
    ...cost,
    check: `${summary.flows} records, ${exact ? 'packets and octets exact' : 'SUMS DIFFER'}`,
  };
}

function softflowd(capture: string): Cost & { check: string } {
  // To the discard port of loopback: export is part of its work as writing the file is of ours.
  const args = [
    '-r',
    capture,
    '-n',
    '127.0.0.1:9',
    '-v',
    '10',
    '-m',
    '1000000',
    '-c',
    'none',
    '-p',
    path.join(WORK_FOLDER, 'softflowd.pid'), // it unlinks what it is given here, a device too
  ];
  const cost = measureCommand('softflowd', [...args, '-t', 'maxlife=300', '-t', 'general=60']);
  return { ...cost, check: 'IPFIX over UDP, not received' };
}

function nfpcapd(capture: string): Cost & { check: string } {
  const folder = path.join(WORK_FOLDER, 'nfpcapd');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  const cost = measureCommand('nfpcapd', ['-r', capture, '-l', folder, '-e', '300,60', '-B', '600000']);
  return { ...cost, check: 'nfcapd files' };
}

export function benchmarkMeter(): void {
  const pcapgen = generator('pcapgen');
  if (pcapgen === undefined) {
    console.log('skipped: no shared workload generators');
    return;
  }
  const capture = path.join(WORK_FOLDER, 'meter5m.pcap');
  if (!existsSync(capture))
    execFileSync(pcapgen, [capture, '5080000', '200000', '300', '128'], { stdio: 'ignore' });
  const contenders: Contender[] = [
    { name: 'weir meter (IPFIX file)', run: weir },
    { name: 'softflowd -r (IPFIX/UDP)', run: softflowd },
    { name: 'nfpcapd -r (nfcapd file)', run: nfpcapd },
  ];
  const rows = contenders
    .filter(({ name }) => existsOnPath(name.split(' ')[0] ?? ''))
    .map(({ name, run }) => {
      const runs = Array.from({ length: ROUNDS }, () => run(capture));
      const cpu = median(runs.map((cost) => cost.cpuSeconds)) / (PACKETS / 1e6);
      const wall = median(runs.map((cost) => cost.wallSeconds));
      return [name, cpu.toFixed(3), (PACKETS / wall / 1e6).toFixed(2), wall.toFixed(2), runs[0]?.check ?? ''];
    });
  printTable(
    `Metering a capture of ${PACKETS.toLocaleString('en')} packets, median of ${ROUNDS}`,
    ['meter', 'CPU s per M packets', 'M packets/s', 'wall s', 'check'],
    rows,
  );
}

function existsOnPath(program: string): boolean {
  return program === 'weir' || ['/usr/bin', '/usr/sbin'].some((folder) => existsSync(`${folder}/${program}`));
}
