/**
 * `npm run bench -- collect`: from loopback UDP into the store, counted in the store, beside nfcapd (plain and
 * LZ4) and nfacctd in the same run. For each: CPU seconds per million records at a fixed rate, and the highest
 * rate of a fixed ladder at which nothing was lost. Of ours also what it costs before anything is sealed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { DETECTIONS } from '@weir/analysis';
import { generator, WORK_FOLDER } from './generators.ts';
import {
  cpuSecondsOf,
  residentMiB,
  type Service,
  sleep,
  startService,
  udpPortIsOpen,
} from './measured-process.ts';
import { printTable } from './table.ts';

const WEIR = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');
/** Four segments of the store and a little: what sealing them to Parquet costs is in the figures. */
const RECORDS_MIN = 4_400_000;
const SECONDS_MIN = 4;
/** Less than a segment of the store: none of them is sealed while CPU is counted. */
const RECORDS_UNSEALED = 900_000;
const RECORDS_PER_DATAGRAM = 20;
/** Records a second; the first is the rate at which CPU is compared. */
const LADDER = [200_000, 600_000, 800_000, 1_200_000, 1_600_000, 2_000_000, 2_600_000, 3_400_000];

interface Collector {
  name: string;
  start(port: number, folder: string): Promise<Service>;
  /** How long after its start what it does once may begin; 0 when left out. */
  startMs?: number;
  /** Records that it has, asked while it still runs; undefined where `stored` tells it of the folder afterwards. */
  held?(folder: string): number;
  /** Records at most that it may hold back in a buffer that only the next ones would empty; none when left out. */
  heldBackMax?: number;
  /** Records in what the stopped collector left in its folder. */
  stored(folder: string): number;
}

interface Measurement {
  lost: number;
  cpuPerMillion: number;
  octetsPerRecord: number;
  residentMiB: number;
}

/** What nfcapd does too: records as they come, without sessions, duplicates, countries and systems. */
const PLAIN = {
  sessions: { pairing: false, deduplication: false },
  enrichment: { country: false, asn: false },
};
/** After its start a new collector compiles its lists and looks whether there is anything to analyse. */
const FIRST_START_MS = 7000;

function weir(name: string, { sessions, enrichment }: Partial<typeof PLAIN>): Collector {
  return {
    name,
    startMs: FIRST_START_MS,
    start(port, folder) {
      if (sessions !== undefined) leaveOutDetections(folder);
      const source = { name: 'bench', monitoringAddress: '127.0.0.1', monitoringPort: port, sessions };
      const config = path.join(folder, 'weir.json');
      writeFileSync(config, JSON.stringify({ enrichment, sources: [source] }));
      const args = [
        WEIR,
        'collect',
        '--data',
        folder,
        '--config',
        config,
        '--no-http',
        '--log-level',
        'error',
      ];
      return startService(process.execPath, args, async () => udpPortIsOpen(port));
    },
    stored: storedByWeir,
  };
}

/** No detection asks the store while records are counted. */
function leaveOutDetections(folder: string): void {
  const off = { enabled: false, parameters: {} };
  const detections = Object.fromEntries(DETECTIONS.map(({ id }) => [id, off]));
  mkdirSync(path.join(folder, 'detections'));
  const file = path.join(folder, 'detections', 'settings.json');
  writeFileSync(file, JSON.stringify({ version: 1, home: ['10.0.0.0/8'], except: '', detections }));
}

function storedByWeir(folder: string): number {
  const args = [
    WEIR,
    'query',
    '--data',
    folder,
    '--from',
    '2000-01-01T00:00:00Z',
    '--to',
    '2100-01-01T00:00:00Z',
    '--json',
    '--by',
    'observationDomainId',
  ];
  const line = execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split('\n')[0] ?? '{}';
  return JSON.parse(line || '{}').flows ?? 0;
}

function nfcapd(name: string, ...options: string[]): Collector {
  return {
    name,
    start: (port, folder) =>
      startService(
        'nfcapd',
        ['-b', '127.0.0.1', '-p', `${port}`, '-l', folder, '-B', '4000000', ...options],
        async () => udpPortIsOpen(port),
      ),
    stored(folder) {
      const text = execFileSync('nfdump', ['-R', folder, '-I'], { encoding: 'utf8' });
      return Number(/^Flows: (\d+)/m.exec(text)?.[1] ?? 0);
    },
  };
}

/**
 * nfacctd keeps sums by source and destination in memory: the least that it can be asked for. Its core loses
 * records on the way to its plugin without a word, and the plugin those for which it has no memory, so the sum of
 * their flows is what counts. The core hands records on when a buffer of 64 KiB is full of them.
 */
const nfacctd: Collector = {
  name: 'nfacctd, sums in memory',
  start(port, folder) {
    const file = path.join(folder, 'nfacctd.conf');
    const settings = [
      'daemonize: false',
      'nfacctd_ip: 127.0.0.1',
      `nfacctd_port: ${port}`,
      'nfacctd_pipe_size: 4194304',
      'plugins: memory',
      'aggregate: src_host, dst_host, flows',
      `imt_path: ${path.join(folder, 'imt')}`,
      'imt_buckets: 262139',
      'imt_mem_pools_number: 4096',
      'imt_mem_pools_size: 1048576',
      'plugin_pipe_size: 536870912',
      'plugin_buffer_size: 65536',
    ];
    writeFileSync(file, `${settings.join('\n')}\n`);
    return startService('nfacctd', ['-f', file], async () => udpPortIsOpen(port), 'SIGINT', 'ignore');
  },
  held(folder) {
    const options = { encoding: 'utf8', maxBuffer: 1 << 29 } as const;
    const text = execFileSync('pmacct', ['-s', '-p', path.join(folder, 'imt'), '-O', 'json'], options);
    return [...text.matchAll(/"flows": (\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
  },
  heldBackMax: 65_536 / 100,
  stored: () => 0,
};

async function measure(
  collector: Collector,
  ipfixgen: string,
  rate: number,
  recordsMin = RECORDS_MIN,
): Promise<Measurement> {
  const folder = path.join(WORK_FOLDER, 'collect');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const service = await collector.start(port, folder);
  // What a first start does once, such as compiling the lists of countries, is not what a record costs.
  await sleep(collector.startMs ?? 0);
  const cpuBefore = await cpuWhenQuiet(service.pid);
  const records =
    recordsMin === RECORDS_MIN ? rate * Math.max(SECONDS_MIN, Math.ceil(recordsMin / rate)) : recordsMin;
  const seconds = Math.ceil(records / rate);
  const args = [
    'udp',
    '127.0.0.1',
    `${port}`,
    `${records}`,
    `${Math.round(rate / RECORDS_PER_DATAGRAM)}`,
    '16',
    `${seconds * 4}`,
  ];
  const sent = JSON.parse(execFileSync(ipfixgen, args, { encoding: 'utf8' }));
  const cpuAfter = await cpuWhenQuiet(service.pid);
  const resident = residentMiB(service.pid);
  const held = collector.held?.(folder);
  await service.stop();
  const stored = held ?? collector.stored(folder);
  return {
    lost: lostOf(sent.sent_records - stored, collector.heldBackMax ?? 0),
    cpuPerMillion: (cpuAfter - cpuBefore) / (stored / 1e6),
    octetsPerRecord: folderOctets(folder) / stored,
    residentMiB: resident,
  };
}

function lostOf(missing: number, heldBackMax: number): number {
  return missing <= heldBackMax ? 0 : missing;
}

/** Waits until the process has nothing to do, so that work put off is counted too. */
async function cpuWhenQuiet(pid: number): Promise<number> {
  let before = cpuSecondsOf(pid);
  for (let attempt = 0; attempt < 120; attempt++) {
    await sleep(500);
    const now = cpuSecondsOf(pid);
    if (now - before < 0.02) return now;
    before = now;
  }
  return before;
}

function folderOctets(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(path.join(folder, name)))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}

async function climb(collector: Collector, ipfixgen: string): Promise<string[]> {
  let cpuAtBase = Number.NaN;
  let best: (Measurement & { rate: number }) | undefined;
  for (const rate of LADDER) {
    const measurement = await measure(collector, ipfixgen, rate);
    console.error(`${collector.name} at ${rate}/s: ${JSON.stringify(measurement)}`);
    if (rate === LADDER[0]) cpuAtBase = measurement.cpuPerMillion;
    if (measurement.lost !== 0) break;
    best = { ...measurement, rate };
  }
  const unsealed = collector.stored === storedByWeir && best !== undefined;
  const before = unsealed ? await measure(collector, ipfixgen, best?.rate ?? 0, RECORDS_UNSEALED) : undefined;
  return [
    collector.name,
    best === undefined ? 'none' : best.rate.toLocaleString('en'),
    cpuAtBase.toFixed(3),
    best?.cpuPerMillion.toFixed(3) ?? '',
    before?.cpuPerMillion.toFixed(3) ?? '',
    best?.octetsPerRecord.toFixed(1) ?? '',
    best?.residentMiB.toFixed(0) ?? '',
  ];
}

export async function benchmarkCollect(): Promise<void> {
  const ipfixgen = generator('ipfixgen');
  if (ipfixgen === undefined) {
    console.log('skipped: no shared workload generators');
    return;
  }
  const collectors = [weir('weir collect', {}), weir('weir collect, records as they come', PLAIN)];
  if (existsSync('/usr/bin/nfcapd')) collectors.push(nfcapd('nfcapd'), nfcapd('nfcapd, LZ4', '-y'));
  if (existsSync('/usr/sbin/nfacctd')) collectors.push(nfacctd);
  const rows: string[][] = [];
  for (const collector of collectors) rows.push(await climb(collector, ipfixgen));
  printTable(
    `Collecting IPFIX over loopback UDP, 20 elements, at least ${RECORDS_MIN.toLocaleString('en')} records a rate, counted in the store`,
    [
      'collector',
      'highest rate of the ladder without loss, records/s',
      'CPU s per M at 200,000/s',
      'CPU s per M there',
      'before sealing',
      'octets/record',
      'MiB resident',
    ],
    rows,
  );
}
