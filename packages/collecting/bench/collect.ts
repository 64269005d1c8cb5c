/**
 * From loopback UDP to batches that nobody keeps: what receiving and decoding cost without a store.
 * `node packages/collecting/bench/collect.ts [seconds] [rate…]`, rates in records a second.
 *
 * The sender is the generator beside the repository (`../shared/bench/ipfixgen.c`): 20 elements, 69 octets a
 * record, 20 records a datagram. It runs on the same machine. CPU is that of this process, all threads; a
 * rate is held when nothing was lost and what had queued up was taken within a twentieth of the time.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { silentLogger, systemClock } from '@weir/base';
import {
  createCollector,
  createCountingStore,
  createFlowSource,
  type ListenerStatus,
  type ReceiverKind,
} from '../src/index.ts';

const RECORDS_PER_DATAGRAM = 20;
const RATES = [200_000, 500_000, 1_000_000, 1_500_000, 2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000];
const [seconds = 4, ...askedRates] = process.argv.slice(2).map(Number);
const rates = askedRates.length === 0 ? RATES : askedRates;

interface Sent {
  sent_records: number;
  sent_datagrams: number;
  secs: number;
  cpu_user: number;
  cpu_sys: number;
}

interface Measurement {
  sent: Sent;
  received: number;
  kernelDrops: number | undefined;
  drainMs: number;
  cpuPerMillion: number;
  senderCpuPerMillion: number;
  waits: number;
}

async function measure(generator: string, rate: number, receiver: ReceiverKind): Promise<Measurement> {
  const store = createCountingStore({ addUp: false });
  const source = { ...createFlowSource({ name: 'bench', monitoringPort: 1 }), monitoringPort: 0 };
  const collector = createCollector(
    { sources: [source], receiver },
    { logger: silentLogger, clock: systemClock, connectWriter: store.connectWriter },
  );
  await collector.start();
  const port = String(collector.address('bench')?.port);
  const cpuBefore = process.cpuUsage();
  const datagramRate = String(Math.round(rate / RECORDS_PER_DATAGRAM));
  const args = ['udp', '127.0.0.1', port, String(rate * seconds), datagramRate, '16', String(seconds * 3)];
  const { stdout } = await promisify(execFile)(generator, args);
  const sent = JSON.parse(stdout) as Sent;
  const sentAtMs = performance.now();
  const status = await settled(async () => (await collector.status()).sources[0]?.listener);
  const drainMs = performance.now() - sentAtMs;
  const cpu = process.cpuUsage(cpuBefore);
  await collector.stop();
  store.close();
  const received = store.sums.records;
  return {
    sent,
    received,
    kernelDrops: status?.counters.kernelDrops,
    drainMs,
    cpuPerMillion: (cpu.user + cpu.system) / 1e6 / (received / 1e6),
    senderCpuPerMillion: (sent.cpu_user + sent.cpu_sys) / (sent.sent_records / 1e6),
    waits: status?.writer.waits ?? 0,
  };
}

/** The status once no further datagrams come. */
async function settled(read: () => Promise<ListenerStatus | undefined>): Promise<ListenerStatus | undefined> {
  for (let before = -1; ; ) {
    const status = await read();
    const now = status?.counters.datagrams ?? 0;
    if (now === before) return status;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function compileGenerator(folder: string): string | undefined {
  const source = resolve(import.meta.dirname, '../../../../shared/bench/ipfixgen.c');
  if (!existsSync(source)) return undefined;
  const program = join(folder, 'ipfixgen');
  execFileSync('gcc', ['-O2', '-o', program, source, '-lm']);
  return program;
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  try {
    const generator = compileGenerator(folder);
    if (generator === undefined) throw new Error('the generator is not beside this repository');
    const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}`;
    console.log(`${machine}; ${seconds} s a rate; loopback UDP, 69 octets a record, 20 a datagram\n`);
    const head = ['receiver', 'records/s sent', 'sent', 'lost', 'kernel drops', 'CPU s per M records'];
    console.log(row([...head, "sender's", 'settled after ms', 'waits']));
    console.log(row(Array(9).fill('---')));
    for (const receiver of ['recvmmsg', 'dgram'] as const) {
      for (const rate of rates) {
        const measured = await measure(generator, rate, receiver);
        const { sent, received, kernelDrops, drainMs, cpuPerMillion, senderCpuPerMillion, waits } = measured;
        console.log(
          row([
            receiver,
            Math.round(sent.sent_records / sent.secs),
            sent.sent_records,
            sent.sent_records - received,
            kernelDrops ?? '?',
            cpuPerMillion.toFixed(3),
            senderCpuPerMillion.toFixed(3),
            Math.round(drainMs),
            waits,
          ]),
        );
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
