/** What the operating system lets this process do, and how to be allowed more. */
import { readFileSync, realpathSync } from 'node:fs';
import { UserError } from '@weir/base';
import { libc, libcUnavailable } from './libc.ts';
import { pcapUnavailable } from './pcap-library.ts';
import { AF_PACKET, SOCK_CLOEXEC, SOCK_RAW } from './socket-option.ts';

/** Bit numbers of linux/capability.h. */
const CAP_NET_ADMIN = 12;

export type CaptureCapability =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly missing: string; readonly howToGrant: string };

/**
 * Whether this process may capture packets from `source`; where not, in a line each, what is missing and how
 * to grant it. Away from Linux only opening an interface tells whether its packets may be had.
 */
export function captureCapability(source: 'auto' | 'ring' | 'pcap' = 'auto'): CaptureCapability {
  const reason = libcUnavailable();
  if (source === 'pcap' || (source === 'auto' && reason !== undefined)) {
    const withoutPcap = pcapUnavailable();
    if (withoutPcap !== undefined) return { allowed: false, ...withoutPcap };
  }
  if (reason !== undefined) {
    if (source !== 'ring') return { allowed: true };
    return { allowed: false, missing: reason, howToGrant: 'capture with libpcap or Npcap instead' };
  }
  const c = libc();
  const fd = c.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) return explain(c.errorName());
  c.close(fd);
  return { allowed: true };
}

/** The UserError for a packet socket that was refused with `errorName`. */
export function captureDenied(errorName: string): UserError {
  const { missing, howToGrant } = explain(errorName);
  return new UserError('capture_denied', `cannot capture packets: ${missing}; ${howToGrant}`);
}

const HOW_TO_GRANT: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  win32: 'run as administrator, or install Npcap without its restriction to administrators',
  darwin: 'run as root, or let this user read /dev/bpf* (ChmodBPF of Wireshark does)',
};

function explain(errorName: string) {
  const elsewhere = HOW_TO_GRANT[process.platform];
  if (elsewhere !== undefined) {
    return { allowed: false as const, missing: 'the system does not permit it', howToGrant: elsewhere };
  }
  if (errorName === 'EPERM' || errorName === 'EACCES') {
    const grant = `sudo setcap cap_net_raw+ep ${realpathSync(process.execPath)}`;
    return {
      allowed: false as const,
      missing: 'the process lacks the capability CAP_NET_RAW',
      howToGrant: `grant it with "${grant}", or run as root`,
    };
  }
  return {
    allowed: false as const,
    missing: `the kernel refuses packet sockets (${errorName})`,
    howToGrant: 'the kernel needs CONFIG_PACKET (module af_packet), and the sandbox must allow AF_PACKET',
  };
}

export interface SocketBufferLimits {
  /** net.core.rmem_default and rmem_max in octets; undefined where the system does not say. */
  readonly receiveDefaultOctets: number | undefined;
  readonly receiveMaxOctets: number | undefined;
  readonly sendMaxOctets: number | undefined;
  /** With CAP_NET_ADMIN a listener may exceed `receiveMaxOctets`. */
  readonly mayExceed: boolean;
}

export function socketBufferLimits(): SocketBufferLimits {
  return {
    receiveDefaultOctets: readSetting('rmem_default'),
    receiveMaxOctets: readSetting('rmem_max'),
    sendMaxOctets: readSetting('wmem_max'),
    mayExceed: mayAdministerNetwork(),
  };
}

function readSetting(name: string): number | undefined {
  const value = Number.parseInt(readText(`/proc/sys/net/core/${name}`), 10);
  return Number.isNaN(value) ? undefined : value;
}

/** Whether this process has CAP_NET_ADMIN: larger socket buffers, NFLOG. */
export function mayAdministerNetwork(): boolean {
  return hasCapability(CAP_NET_ADMIN);
}

function hasCapability(bit: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText('/proc/self/status'))?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> BigInt(bit)) & 1n) === 1n;
}

/** The text of a file of procfs; empty where there is none. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
