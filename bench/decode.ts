/**
 * `npm run bench -- decode`: the codec alone (records a second on one core), then the same 2 M records by us, by
 * nfcapd, nfdump and tshark. nfcapd as Debian builds it reads no captures: it gets the datagrams over UDP.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { generator, WORK_FOLDER } from './generators.ts';
import { cpuSecondsOf, measureCommand, sleep, startService, udpPortIsOpen } from './measured-process.ts';
import { median, printTable } from './table.ts';

const RECORDS = 2_000_000;
const RECORDS_TSHARK = 200_000;
const ROUNDS = 3;
const PORT = 20_739;

export async function benchmarkDecode(): Promise<void> {
  spawnSync(process.execPath, [path.resolve(import.meta.dirname, '../packages/ipfix/bench/decode.ts')], {
    stdio: 'inherit',
  });
  const ipfixgen = generator('ipfixgen');
  if (ipfixgen === undefined) {
    console.log('skipped: no shared workload generators');
    return;
  }
  const rows = [
    ours(capture(ipfixgen, RECORDS)),
    ...(await nfdumpRows(ipfixgen)),
    ...tsharkRow(capture(ipfixgen, RECORDS_TSHARK)),
  ];
  printTable(
    `Decoding ${RECORDS.toLocaleString('en')} records of 20 elements, median of ${ROUNDS}`,
    ['decoder', 'CPU s per M records', 'records'],
    rows,
  );
}

function capture(ipfixgen: string, records: number): string {
  const file = path.join(WORK_FOLDER, `ipfix-${records}.pcap`);
  if (!existsSync(file)) execFileSync(ipfixgen, ['pcap', file, `${records}`, '4739'], { stdio: 'ignore' });
  return file;
}

function ours(file: string): string[] {
  const script = path.resolve(import.meta.dirname, 'decode-capture.ts');
  const runs = Array.from({ length: ROUNDS }, () => measureCommand(process.execPath, [script, file]));
  const records = Number(runs[0]?.stdout);
  return [
    'weir: capture → columns, start of the process included',
    perMillion(median(runs.map((run) => run.cpuSeconds)), records),
    `${records}`,
  ];
}

async function nfdumpRows(ipfixgen: string): Promise<string[][]> {
  if (!existsSync('/usr/bin/nfcapd')) return [];
  const folder = path.join(WORK_FOLDER, 'decode');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const args = ['-b', '127.0.0.1', '-p', `${PORT}`, '-l', folder, '-B', '4000000'];
  const service = await startService('nfcapd', args, async () => udpPortIsOpen(PORT));
  const before = cpuSecondsOf(service.pid);
  execFileSync(ipfixgen, ['udp', '127.0.0.1', `${PORT}`, `${RECORDS}`, '10000'], { stdio: 'ignore' });
  await sleep(1000);
  const collected = cpuSecondsOf(service.pid) - before;
  await service.stop();
  const records = Number(
    /^Flows: (\d+)/m.exec(execFileSync('nfdump', ['-R', folder, '-I'], { encoding: 'utf8' }))?.[1],
  );
  const read = median(
    Array.from({ length: ROUNDS }, () => measureCommand('nfdump', ['-R', folder, '-o', 'null']).cpuSeconds),
  );
  return [
    ['nfcapd: loopback UDP → its file, 200,000/s', perMillion(collected, records), `${records}`],
    ['nfdump -o null: its file → records', perMillion(read, records), `${records}`],
  ];
}

function tsharkRow(file: string): string[][] {
  if (!existsSync('/usr/bin/tshark')) return [];
  const fields = [
    'cflow.srcaddr',
    'cflow.dstaddr',
    'cflow.srcport',
    'cflow.dstport',
    'cflow.octets',
    'cflow.packets',
  ];
  const args = [
    '-n',
    '-r',
    file,
    '-d',
    'udp.port==4739,cflow',
    '-T',
    'fields',
    ...fields.flatMap((field) => ['-e', field]),
  ];
  const { cpuSeconds } = measureCommand('tshark', args);
  return [
    [
      `tshark -T fields, ${fields.length} fields`,
      perMillion(cpuSeconds, RECORDS_TSHARK),
      `${RECORDS_TSHARK}`,
    ],
  ];
}

function perMillion(cpuSeconds: number, records: number): string {
  return (cpuSeconds / (records / 1e6)).toFixed(3);
}
