/**
 * Linux socket constants and the 4-octet socket options (asm-generic/socket.h; equal on x86-64 and arm64).
 */
import type { Libc } from './libc.ts';

export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;

export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0x80000;

export const SOL_SOCKET = 1;
export const SO_ERROR = 4;
export const SO_RCVBUF = 8;
export const SO_BINDTODEVICE = 25;
export const SO_ATTACH_FILTER = 26;
export const SO_RCVBUFFORCE = 33;
export const SO_MEMINFO = 55;

export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;
export const MAP_ANONYMOUS = 0x20;
/** What mmap returns when it fails: (void *) -1. */
export const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

export const POLLIN = 1;
export const POLLERR = 8;

/** Position of the count of dropped datagrams among the u32 words of SO_MEMINFO (linux/sock_diag.h). */
const SK_MEMINFO_DROPS = 8;
const SK_MEMINFO_WORDS = 9;
/** Octets that wait in the receive buffer, with the kernel's overhead, and how many may. */
const SK_MEMINFO_RMEM_ALLOC = 0;
const SK_MEMINFO_RCVBUF = 1;

/** Sets an option that is a C int. False when the kernel refuses. */
export function setIntOption(c: Libc, fd: number, level: number, name: number, value: number): boolean {
  return c.setsockopt(fd, level, name, Uint32Array.of(value), 4) === 0;
}

/** Reads an option that is a C int, or undefined when the kernel has none. */
export function getIntOption(c: Libc, fd: number, level: number, name: number): number | undefined {
  const value = new Uint32Array(1);
  return c.getsockopt(fd, level, name, value, Uint32Array.of(4)) === 0 ? value[0] : undefined;
}

/**
 * Datagrams that the kernel dropped because this socket's buffer was full (modulo 2^32). SO_MEMINFO says so
 * at any moment; the control message of SO_RXQ_OVFL holds the same count, but costs every datagram and
 * arrives only with the next one that is not dropped.
 */
export function socketDropCount(c: Libc, fd: number): number | undefined {
  const words = new Uint32Array(SK_MEMINFO_WORDS);
  const length = Uint32Array.of(words.byteLength);
  return c.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, words, length) === 0 ? words[SK_MEMINFO_DROPS] : undefined;
}

/** A function that tells which part of the receive buffer is full, 0 … 1; 0 where the kernel does not say. */
export function createFillReader(c: Libc, fd: number): () => number {
  const words = new Uint32Array(SK_MEMINFO_WORDS);
  const length = new Uint32Array(1);
  return () => {
    length[0] = words.byteLength;
    if (c.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, words, length) !== 0) return 0;
    return (words[SK_MEMINFO_RMEM_ALLOC] ?? 0) / (words[SK_MEMINFO_RCVBUF] || 1);
  };
}

/**
 * Asks for a receive buffer of `octets`: past the system's limit where the process may (CAP_NET_ADMIN), else
 * up to net.core.rmem_max. Returns the octets obtained (the kernel counts its own overhead double, which is
 * taken out here).
 */
export function growReceiveBuffer(c: Libc, fd: number, octets: number): number {
  if (!setIntOption(c, fd, SOL_SOCKET, SO_RCVBUFFORCE, octets)) {
    setIntOption(c, fd, SOL_SOCKET, SO_RCVBUF, octets);
  }
  return (getIntOption(c, fd, SOL_SOCKET, SO_RCVBUF) ?? 0) / 2;
}
