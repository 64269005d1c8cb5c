/**
 * `npm run bench -- meter`: CPU seconds per million packets of `weir meter`, as people install it and out of the
 * source tree, on a generated capture of 5 M packets and 200,000 biflows, beside softflowd and nfpcapd on the same
 * file in the same run. The contenders take turns, so that a machine that changes its speed changes it for all.
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
const ROUNDS = 5;
const ROOT = path.resolve(import.meta.dirname, '..');
const SOURCE_TREE = path.join(ROOT, 'packages/cli/bin/weir.js');
const PACKAGE = path.join(ROOT, 'dist/package/cli/bin/weir.js');

interface Contender {
  name: string;
  run(capture: string): Cost & { check: string };
}

function weir(program: string, capture: string): Cost & { check: string } {
  const output = path.join(WORK_FOLDER, 'weir.ipfix');
  const cost = measureCommand(process.execPath, [
    program,
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

/** The costs of each contender, a round each; a first round of all is left out, which fills the page cache. */
function runInTurns(contenders: readonly Contender[], capture: string): (Cost & { check: string })[][] {
  const runs: (Cost & { check: string })[][] = contenders.map(() => []);
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [index, { run }] of contenders.entries()) {
      const cost = run(capture);
      if (round > 0) runs[index]?.push(cost);
    }
  }
  return runs;
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
  execFileSync(process.execPath, [path.join(ROOT, 'scripts/build.ts')], { stdio: 'ignore' });
  const contenders = [
    { name: 'weir meter (IPFIX file), package', run: (file: string) => weir(PACKAGE, file) },
    { name: 'weir meter (IPFIX file), source tree', run: (file: string) => weir(SOURCE_TREE, file) },
    { name: 'softflowd -r (IPFIX/UDP)', run: softflowd },
    { name: 'nfpcapd -r (nfcapd file)', run: nfpcapd },
  ].filter(({ name }) => existsOnPath(name.split(' ')[0] ?? ''));
  const runs = runInTurns(contenders, capture);
  const peer = runs[contenders.findIndex(({ run }) => run === softflowd)] ?? [];
  const rows = contenders.map(({ name }, index) => {
    const costs = runs[index] ?? [];
    const cpu = costs.map(({ cpuSeconds }) => cpuSeconds / (PACKETS / 1e6));
    const wall = median(costs.map(({ wallSeconds }) => wallSeconds));
    const shares = costs.map(({ cpuSeconds }, round) => cpuSeconds / (peer[round]?.cpuSeconds ?? Number.NaN));
    return [
      name,
      median(cpu).toFixed(3),
      `${Math.round(median(shares) * 100)} %`,
      (PACKETS / wall / 1e6).toFixed(2),
      wall.toFixed(2),
      costs[0]?.check ?? '',
    ];
  });
  printTable(
    `Metering a capture of ${PACKETS.toLocaleString('en')} packets, median of ${ROUNDS}`,
    ['meter', 'CPU s per M packets', 'of softflowd’s', 'M packets/s', 'wall s', 'check'],
    rows,
  );
}

function existsOnPath(program: string): boolean {
  return program === 'weir' || ['/usr/bin', '/usr/sbin'].some((folder) => existsSync(`${folder}/${program}`));
}
