/**
 * `npm run bench -- live`: live capture of small packets over a veth pair, `weir export` (ring and libpcap)
 * beside softflowd and pmacctd's nfprobe, one after the other in the same run. For each: the highest rate of
 * a fixed ladder at which neither kernel nor meter lost a packet, and CPU seconds per million packets. Then
 * `weir export` alone for a minute at its rate, and its memory with a million flows. Needs root.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { WORK_FOLDER } from './generators.ts';
import { cpuSecondsOf, residentMiB, sleep } from './measured-process.ts';
import { printTable } from './table.ts';

const WEIR = path.resolve(import.meta.dirname, '../packages/cli/bin/weir.js');
const SENDER = `weir-live-${process.pid}-a`;
const METER = `weir-live-${process.pid}-b`;
const INTERFACE = 'veth';
/** Packets a second; the first is the rate at which CPU is compared. */
const LADDER = [200_000, 400_000, 600_000, 800_000, 1_000_000, 1_200_000];
const SECONDS = 8;
/** Before that, so that what is measured is the meter and not its compiler. */
const WARM_UP_SECONDS = 3;
const WARM_UP_RATE = 100_000;
/** A drop or a slow sender may be the doing of what else runs on the machine: the same chance for everyone. */
const ATTEMPTS = 3;
/** A sender slower than this share of the rate has reached its limit. */
const RATE_REACHED = 0.97;
const FLOWS = 100_000;
/** Packets of a flow in a row. */
const TRAIN = 8;
const ENDURANCE_SECONDS = 60;
const MANY_FLOWS = 1_000_000;
const MANY_FLOWS_RATE = 200_000;
const MANY_FLOWS_SECONDS = 45;
const NOBODY_LISTENS = '127.0.0.1:9';
const METRICS_PORT = 9464;

interface Count {
  /** Packets that the meter says it took, and those lost before. */
  packets: number;
  drops: number;
}

interface RunningMeter {
  pid: number;
  count(): Promise<Count>;
  stop(): Promise<void>;
}

interface Contender {
  name: string;
  start(folder: string): Promise<RunningMeter>;
}

interface Measurement {
  sent: number;
  rate: number;
  packets: number;
  drops: number;
  cpuPerMillion: number;
}

function run(namespace: string, command: string, ...args: string[]): string {
  return execFileSync('ip', ['netns', 'exec', namespace, command, ...args], { encoding: 'utf8' });
}

/** Starts a meter in its namespace; it is ready when it has a packet socket. `output` collects what it says. */
async function startMeter(command: string, args: readonly string[]) {
  const child = spawn('ip', ['netns', 'exec', METER, command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const said = { output: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said.output += text));
  for (let attempt = 0; packetSockets() === 0; attempt += 1) {
    if (attempt > 100 || child.exitCode !== null) throw new Error(`${command}: ${said.output}`);
    await sleep(100);
  }
  await sleep(1_000);
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { pid: child.pid ?? -1, said, stop };
}

/** All sockets but the heading of the list. */
function packetSockets(): number {
  return run(METER, 'cat', '/proc/net/packet').trim().split('\n').length - 1;
}

function weir(capture: 'ring' | 'pcap'): Contender {
  return {
    name: `weir export, ${capture === 'ring' ? 'TPACKET_V3 ring' : 'libpcap'}`,
    async start(folder) {
      const profile = path.join(folder, 'live.profile');
      writeFileSync(
        profile,
        JSON.stringify({ FlowMetadata: { IpFixCollectors: [`Udp/${NOBODY_LISTENS}`] } }),
      );
      const options = ['--profile', profile, '--interface', INTERFACE, '--metrics', `${METRICS_PORT}`];
      const args = [WEIR, 'export', ...options, '--capture', capture, '--log-level', 'warn'];
      const { pid, stop } = await startMeter(process.execPath, args);
      return {
        pid,
        stop,
        async count() {
          await sleep(1_500);
          const text = run(METER, 'curl', '-s', `http://127.0.0.1:${METRICS_PORT}/metrics`);
          const metric = (name: string) => Number(new RegExp(`^${name}\\b.* (\\d+)$`, 'm').exec(text)?.[1]);
          return {
            packets: metric('weir_interface_packets_total'),
            drops: metric('weir_interface_kernel_drops_total'),
          };
        },
      };
    },
  };
}

const softflowd: Contender = {
  name: 'softflowd',
  async start(folder) {
    const control = path.join(folder, 'softflowd.ctl');
    const options = ['-i', INTERFACE, '-n', NOBODY_LISTENS, '-v', '10', '-m', '1200000'];
    const { pid, stop } = await startMeter('softflowd', [
      '-d',
      '-c',
      control,
      '-p',
      `${control}.pid`,
      ...options,
    ]);
    return {
      pid,
      stop,
      async count() {
        await sleep(1_500);
        const text = execFileSync('softflowctl', ['-c', control, 'statistics'], { encoding: 'utf8' });
        const field = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(text)?.[1]);
        return { packets: field('Packets processed'), drops: field('Packets dropped by libpcap') };
      },
    };
  },
};

const pmacctd: Contender = {
  name: 'pmacctd, nfprobe',
  async start(folder) {
    const settings = path.join(folder, 'pmacctd.conf');
    const lines = {
      daemonize: 'false',
      pcap_interface: INTERFACE,
      plugins: 'nfprobe',
      nfprobe_receiver: NOBODY_LISTENS,
      nfprobe_version: '10',
      aggregate: 'src_host, dst_host, src_port, dst_port, proto',
      snaplen: '96',
      plugin_pipe_size: '104857600',
      plugin_buffer_size: '102400',
    };
    writeFileSync(
      settings,
      Object.entries(lines)
        .map((line) => `${line.join(': ')}\n`)
        .join(''),
    );
    const { pid, said, stop } = await startMeter('pmacctd', ['-f', settings]);
    return {
      pid,
      stop,
      async count() {
        await sleep(1_000);
        process.kill(pid, 'SIGUSR1');
        await sleep(500);
        const counts = [...said.output.matchAll(/received_packets=(\d+) dropped_packets=(\d+)/g)].at(-1);
        return { packets: Number(counts?.[1]) - Number(counts?.[2]), drops: Number(counts?.[2]) };
      },
    };
  },
};

/** CPU seconds of a process and of those that it started and that still run. */
function cpuSecondsOfTree(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + cpuSecondsOfTree(Number(child)), cpuSecondsOf(pid));
}

function floodArguments(packets: number, rate: number, flows: number, train: number): string[] {
  const program = path.join(WORK_FOLDER, 'packet-flood');
  const numbers = [packets, rate, flows, train].map(String);
  return ['netns', 'exec', SENDER, program, INTERFACE, ...numbers];
}

/** Sends at a rate and says what that came to. */
function flood(rate: number, seconds: number): { sent: number; seconds: number } {
  const text = execFileSync('ip', floodArguments(rate * seconds, rate, FLOWS, TRAIN), { encoding: 'utf8' });
  return JSON.parse(text);
}

async function measure(contender: Contender, rate: number, seconds: number): Promise<Measurement> {
  const folder = path.join(WORK_FOLDER, 'live');
  mkdirSync(folder, { recursive: true });
  const meter = await contender.start(folder);
  try {
    flood(WARM_UP_RATE, WARM_UP_SECONDS);
    const before = await meter.count();
    const cpuBefore = cpuSecondsOfTree(meter.pid);
    const { sent, seconds: taken } = flood(rate, seconds);
    const after = await meter.count();
    const cpu = cpuSecondsOfTree(meter.pid) - cpuBefore;
    const packets = after.packets - before.packets;
    const drops = after.drops - before.drops;
    return { sent, rate: sent / taken, packets, drops, cpuPerMillion: cpu / (packets / 1e6) };
  } finally {
    await meter.stop();
  }
}

async function climb(contender: Contender): Promise<{ row: string[]; best: number }> {
  let atBase: Measurement | undefined;
  let best: Measurement | undefined;
  let limit = 'the ladder';
  for (const rate of LADDER) {
    const measurement = await bestOf(contender, rate);
    atBase ??= measurement;
    if (measurement.drops === 0 && measurement.rate > (best?.rate ?? 0)) best = measurement;
    if (measurement.drops > 0) limit = 'drops';
    else if (isSlow(measurement, rate)) limit = 'the sender';
    else continue;
    break;
  }
  const row = [
    contender.name,
    best === undefined ? 'none' : Math.round(best.rate).toLocaleString('en'),
    limit,
    atBase?.cpuPerMillion.toFixed(3) ?? '',
    best?.cpuPerMillion.toFixed(3) ?? '',
  ];
  return { row, best: best?.rate ?? 0 };
}

async function bestOf(contender: Contender, rate: number): Promise<Measurement> {
  for (let attempt = 1; ; attempt += 1) {
    const measurement = await measure(contender, rate, SECONDS);
    console.error(`${contender.name} at ${rate}/s: ${JSON.stringify(measurement)}`);
    const isGood = measurement.drops === 0 && !isSlow(measurement, rate);
    if (isGood || attempt === ATTEMPTS) return measurement;
  }
}

function isSlow(measurement: Measurement, rate: number): boolean {
  return measurement.rate < rate * RATE_REACHED;
}

/** The resident memory of `weir export` while a million flows come by again and again. */
async function measureManyFlows(): Promise<string[]> {
  const folder = path.join(WORK_FOLDER, 'live');
  const meter = await weir('ring').start(folder);
  const before = residentMiB(meter.pid);
  const packets = MANY_FLOWS_RATE * MANY_FLOWS_SECONDS;
  const sender = spawn('ip', floodArguments(packets, MANY_FLOWS_RATE, MANY_FLOWS, 1), { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => sender.on('exit', () => resolve()));
  const samples: number[] = [];
  for (let sample = 0; sample < 3; sample += 1) {
    await sleep((MANY_FLOWS_SECONDS / 3 - 1) * 1_000);
    samples.push(residentMiB(meter.pid));
  }
  await ended;
  const { packets: metered, drops } = await meter.count();
  await meter.stop();
  const octetsPerFlow = (((samples.at(-1) ?? 0) - before) * 2 ** 20) / MANY_FLOWS;
  return [
    before.toFixed(0),
    samples.map((sample) => sample.toFixed(0)).join(', '),
    octetsPerFlow.toFixed(0),
    metered.toLocaleString('en'),
    drops.toLocaleString('en'),
  ];
}

function createNamespaces(): void {
  const ip = (...args: string[]) => execFileSync('ip', args);
  for (const namespace of [SENDER, METER]) ip('netns', 'add', namespace);
  ip('-n', SENDER, 'link', 'add', INTERFACE, 'type', 'veth', 'peer', 'name', INTERFACE, 'netns', METER);
  for (const namespace of [SENDER, METER]) {
    // No neighbour discovery: the flood is all that passes.
    run(namespace, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6');
    ip('-n', namespace, 'link', 'set', INTERFACE, 'up');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }
}

function removeNamespaces(): void {
  for (const namespace of [SENDER, METER]) {
    if (existsSync(`/run/netns/${namespace}`)) execFileSync('ip', ['netns', 'del', namespace]);
  }
}

async function compare(): Promise<void> {
  const contenders = [weir('ring'), weir('pcap')];
  if (existsSync('/usr/sbin/softflowd')) contenders.push(softflowd);
  if (existsSync('/usr/sbin/pmacctd')) contenders.push(pmacctd);
  const climbs: Awaited<ReturnType<typeof climb>>[] = [];
  for (const contender of contenders) climbs.push(await climb(contender));
  printTable(
    `Live metering of 60-octet frames over veth, ${FLOWS.toLocaleString('en')} flows in trains of ${TRAIN}, ${SECONDS} s a rate, sender and meter on one machine`,
    [
      'meter',
      'highest rate without a drop, packets/s',
      'ended by',
      `CPU s per M at ${LADDER[0]?.toLocaleString('en')}/s`,
      'CPU s per M there',
    ],
    climbs.map(({ row }) => row),
  );
  await endure(climbs[0]?.best ?? 0);
}

async function endure(rate: number): Promise<void> {
  const measurement = await measure(weir('ring'), Math.round(rate), ENDURANCE_SECONDS);
  const { sent, packets, drops, cpuPerMillion } = measurement;
  printTable(
    `weir export for ${ENDURANCE_SECONDS} s`,
    ['packets/s sent', 'packets sent', 'packets metered', 'kernel drops', 'CPU s per M packets'],
    [
      [
        ...[measurement.rate, sent, packets, drops].map((value) => Math.round(value).toLocaleString('en')),
        cpuPerMillion.toFixed(3),
      ],
    ],
  );
  printTable(
    `Memory of weir export with ${MANY_FLOWS.toLocaleString('en')} flows at once`,
    [
      'MiB resident before',
      `MiB after ${[1, 2, 3].map((third) => (MANY_FLOWS_SECONDS / 3) * third).join(', ')} s`,
      'octets per flow',
      'packets metered',
      'kernel drops',
    ],
    [await measureManyFlows()],
  );
}

export async function benchmarkLive(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    console.log('skipped: needs Linux and root');
    return;
  }
  mkdirSync(WORK_FOLDER, { recursive: true });
  const source = path.join(import.meta.dirname, 'packet-flood.c');
  execFileSync('gcc', ['-O2', '-o', path.join(WORK_FOLDER, 'packet-flood'), source]);
  createNamespaces();
  try {
    await compare();
  } finally {
    removeNamespaces();
  }
}
