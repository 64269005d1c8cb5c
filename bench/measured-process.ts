/** Child processes whose CPU time counts: user and system seconds, threads and waited-for children included. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const CLOCK_TICKS_PER_SECOND = 100;

export interface Cost {
  cpuSeconds: number;
  wallSeconds: number;
}

/** Runs a command to its end and measures it. Throws with its stderr when it fails. */
export function measureCommand(command: string, args: readonly string[]): Cost & { stdout: string } {
  const quoted = [command, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const script = `TIMEFORMAT='weir-time %U %S %R'; time ${quoted}`;
  const { stdout, stderr, status } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const match = /weir-time ([\d.]+) ([\d.]+) ([\d.]+)/.exec(stderr);
  if (match === null || status !== 0) throw new Error(`${command} failed (${status}): ${stderr}`);
  return { cpuSeconds: Number(match[1]) + Number(match[2]), wallSeconds: Number(match[3]), stdout };
}

/** CPU seconds that a running process and its children have used so far. */
export function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / CLOCK_TICKS_PER_SECOND;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + cpuSecondsOf(Number(child)), own);
}

/** Resident memory of a running process, in MiB. */
export function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

export interface Service {
  pid: number;
  /** Tells it to end and waits until it has. */
  stop(): Promise<void>;
}

/** Starts a program that runs until it is stopped; resolves when `ready` is true. */
export async function startService(
  command: string,
  args: readonly string[],
  ready: () => Promise<boolean>,
  stopSignal: NodeJS.Signals = 'SIGTERM',
  stderr: 'inherit' | 'ignore' = 'inherit',
): Promise<Service> {
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'ignore', stderr] });
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  for (let attempt = 0; !(await ready()); attempt++) {
    if (attempt > 200 || child.exitCode !== null) throw new Error(`${command} did not become ready`);
    await sleep(100);
  }
  return {
    pid: child.pid ?? -1,
    async stop() {
      child.kill(stopSignal);
      await ended;
    },
  };
}

export function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/** Whether a UDP socket of this machine is bound to the port. */
export function udpPortIsOpen(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return ['/proc/net/udp', '/proc/net/udp6'].some((file) => readFileSync(file, 'utf8').includes(`:${hex} `));
}
