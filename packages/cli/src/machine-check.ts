/** The doctor's look at the machine: what it allows an exporter and a collector to do. */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { UserError } from '@weir/base';
import {
  captureCapability,
  chooseInterfaces,
  clockDiscipline,
  listInterfaces,
  nativeCallsUnavailable,
  openNflog,
  RECEIVE_BUFFER_OCTETS_DEFAULT,
  socketBufferLimits,
} from '@weir/host';
import type { Finding } from './doctor-report.ts';

/** A group that hardly anybody uses: only whether one may be bound is of interest. */
const NFLOG_PROBE_GROUP = 64_732;
/** A full-sized datagram takes so much of a receive buffer (skb truesize of 1400 octets). */
const BUFFER_OCTETS_PER_DATAGRAM = 2_304;
/** Flow records of a datagram, and the burst that a busy router sends at once. */
const RECORDS_PER_DATAGRAM = 25;
/** Of clocksources, those that are read without a system call. */
const FAST_CLOCK_SOURCES: readonly string[] = [
  'tsc',
  'kvm-clock',
  'arch_sys_counter',
  'hyperv_clocksource_tsc_page',
];
const EPOCH_OF_SANE_CLOCKS_MS = Date.UTC(2024, 0, 1);

export async function checkMachine(): Promise<Finding[]> {
  const ports = [
    { port: 2055, transport: 'udp', use: 'NetFlow' },
    { port: 4739, transport: 'udp', use: 'IPFIX' },
    { port: 8080, transport: 'tcp', use: 'the console' },
  ] as const;
  return [
    checkCapture(),
    checkInterfaces(),
    checkReceiveBuffer(),
    checkNflog(),
    ...checkClock(),
    ...(await Promise.all(ports.map(checkPort))),
  ];
}

function checkCapture(): Finding {
  const subject = 'capture';
  const capability = captureCapability();
  if (capability.allowed) return { verdict: 'good', subject, message: 'packets may be captured' };
  return { verdict: 'bad', subject, message: capability.missing, remedy: capability.howToGrant };
}

function checkInterfaces(): Finding {
  const subject = 'interfaces';
  const { chosen, skipped } = chooseInterfaces(listInterfaces());
  const left = skipped.length === 0 ? '' : ` (left out: ${skipped.map(({ name }) => name).join(', ')})`;
  const names = chosen.map(({ name }) => name).join(', ');
  if (chosen.length > 0) return { verdict: 'good', subject, message: `${names} would be metered${left}` };
  return { verdict: 'bad', subject, message: `none is up${left}`, remedy: 'ip link set NAME up' };
}

/** What rmem_max costs a listener that may not exceed it. */
function checkReceiveBuffer(): Finding {
  const subject = 'socket buffers';
  const { receiveMaxOctets, mayExceed } = socketBufferLimits();
  const wanted = RECEIVE_BUFFER_OCTETS_DEFAULT;
  if (receiveMaxOctets === undefined) {
    return { verdict: 'note', subject, message: 'this system does not say how large they may be' };
  }
  if (mayExceed || receiveMaxOctets >= wanted) {
    return { verdict: 'good', subject, message: `a listener gets the ${wanted} octets that it asks for` };
  }
  const datagrams = Math.floor((receiveMaxOctets * 2) / BUFFER_OCTETS_PER_DATAGRAM);
  const records = datagrams * RECORDS_PER_DATAGRAM;
  return {
    verdict: 'note',
    subject,
    message:
      `net.core.rmem_max is ${receiveMaxOctets}: a burst of more than some ${datagrams} datagrams ` +
      `(${records} records) before the collector reads is dropped by the kernel`,
    remedy: `sysctl -w net.core.rmem_max=${wanted}, or grant CAP_NET_ADMIN`,
  };
}

function checkNflog(): Finding {
  const subject = 'nflog';
  const reason = nativeCallsUnavailable();
  if (reason !== undefined) return { verdict: 'note', subject, message: `policy drops: ${reason}` };
  try {
    openNflog({ groups: [NFLOG_PROBE_GROUP] }).close();
    return { verdict: 'good', subject, message: 'policy drops that a firewall rule logs can be read' };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { verdict: 'note', subject, message: `policy drops cannot be read: ${error.message}` };
  }
}

/** Records are joined by their times with those of other machines. */
function checkClock(): Finding[] {
  const findings: Finding[] = [];
  if (Date.now() < EPOCH_OF_SANE_CLOCKS_MS) {
    const message = `the clock says ${new Date().toISOString()}`;
    findings.push({ verdict: 'bad', subject: 'clock', message, remedy: 'set it' });
  }
  findings.push(checkSynchronisation());
  const source = readText('/sys/devices/system/clocksource/clocksource0/current_clocksource');
  if (source !== undefined && !FAST_CLOCK_SOURCES.includes(source)) {
    const message = `the clock source is ${source}: each time stamp costs a system call`;
    findings.push({ verdict: 'note', subject: 'clock', message });
  }
  return findings;
}

function checkSynchronisation(): Finding {
  const subject = 'clock';
  // The kernel knows it of every program that steers the clock; it does not know of a host that keeps its guests right.
  const kernelSays = clockDiscipline()?.isSynchronised;
  const synchronised = clockIsSynchronised() ?? (kernelSays || undefined);
  if (synchronised === true) return { verdict: 'good', subject, message: 'synchronised' };
  const remedy = 'run chrony or systemd-timesyncd';
  if (synchronised === false) {
    const message = 'not synchronised: records of two machines cannot be joined by time';
    return { verdict: 'bad', subject, message, remedy };
  }
  const who = kernelSays === false ? 'no program keeps it right here' : 'nothing here says who does';
  return { verdict: 'note', subject, message: `it may be off: ${who}`, remedy };
}

function clockIsSynchronised(): boolean | undefined {
  if (existsSync('/run/systemd/timesync/synchronized')) return true;
  const said = output('timedatectl', 'show', '--property', 'NTPSynchronized', '--value');
  if (said === 'yes') return true;
  const leap = output('chronyc', '-c', 'tracking')?.split(',').at(-1);
  if (leap !== undefined && leap !== '') return leap !== 'Not synchronised';
  return said === 'no' ? false : undefined;
}

interface PortUse {
  readonly port: number;
  readonly transport: 'udp' | 'tcp';
  readonly use: string;
}

async function checkPort({ port, transport, use }: PortUse): Promise<Finding> {
  const subject = `port ${transport}/${port}`;
  const problem = await (transport === 'udp' ? bindUdp(port) : bindTcp(port));
  if (problem === undefined) return { verdict: 'good', subject, message: `free for ${use}` };
  const option = transport === 'udp' ? '--listen' : '--http';
  const remedy = `it may be Weir itself; otherwise choose another with ${option}`;
  return { verdict: 'note', subject, message: `not free for ${use} (${problem})`, remedy };
}

function bindUdp(port: number): Promise<string | undefined> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.bind(port, () => socket.close(() => resolve(undefined)));
  });
}

function bindTcp(port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(undefined)));
  });
}

/** What a tool says; undefined where it is not installed or fails. */
function output(command: string, ...args: string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', timeout: 5_000 });
  return status === 0 ? stdout.trim() : undefined;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
