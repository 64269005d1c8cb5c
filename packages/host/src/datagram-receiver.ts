/**
 * Batched UDP: recvmmsg(2) into one arena outside the heap, read in place.
 *
 * One call takes up to BATCH_DATAGRAMS datagrams; `onDatagram` sees each where the kernel put it, valid until
 * the callback returns. Nothing is allocated for a datagram. `receive` blocks its thread, so a receiver
 * lives in a worker.
 *
 * A hot file: typed-array reads carry `!` because every index is below the count that the kernel returned.
 *
 * The arena:
 *
 *   struct mmsghdr × n   64 octets: 0 name*  8 namelen  16 iov*  24 iovlen  32 control*  40 controllen
 *                        48 flags  56 msg_len
 *   struct iovec × n     16 octets: 0 base*  8 length
 *   struct sockaddr_in6 × n, 32 octets apart:  0 family  2 port (big-endian)
 *                        IPv4: 4 address   IPv6: 8 address  24 zone
 *   octets × n           SLOT_OCTETS apart
 */
import { randomInt } from 'node:crypto';
import { assert } from '@weir/base';
import { createDescriptorWait } from './descriptor-wait.ts';
import { type Libc, libc } from './libc.ts';
import { listenError } from './listen-error.ts';
import { type MappedMemory, mapMemory } from './mapped-memory.ts';
import type { SenderFilter } from './sender-filter.ts';
import { createSenderTable } from './sender-table.ts';
import { addressFamily, packSocketAddress, portOf, SOCKET_ADDRESS_OCTETS } from './socket-address.ts';
import {
  AF_INET,
  AF_INET6,
  createFillReader,
  growReceiveBuffer,
  MSG_DONTWAIT,
  MSG_TRUNC,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
  setIntOption,
  socketDropCount,
} from './socket-option.ts';

/**
 * The kernel charges 2,304 octets for a datagram of 1,400 and doubles what we ask for: 64 MiB hold 58,000 of
 * them, 290 ms at 200,000 a second. It is a limit, not memory taken.
 */
export const RECEIVE_BUFFER_OCTETS_DEFAULT = 64 * 1024 * 1024;
/**
 * What one system call takes: its cost is spread over 64 datagrams, and their octets (90 KiB at 1,400 each)
 * stay in the second-level cache.
 */
const BATCH_DATAGRAMS = 64;
/**
 * When datagrams stream in but do not fill a batch, the next call waits this long for more to gather.
 * Measured on loopback: 1.6 a call and 1.95 µs CPU each without (416,000 a second), 39 a call and 0.97 µs with
 * (306,000 a second).
 */
const GATHER_US = 200;
/** Calls in a row before `receive` returns, so that its caller gets to its timers under full load. */
const BATCHES_PER_RECEIVE_MAX = 16;
/** The largest UDP payload over IPv4 is 65,507 octets, over IPv6 65,527. */
export const DATAGRAM_OCTETS_MAX = 65_527;
/** Not a multiple of 4 KiB, or the first lines of all slots would compete for the same sets of the cache. */
const SLOT_OCTETS = 65_536 + 1_600;
const MMSGHDR_OCTETS = 64;
const IOVEC_OCTETS = 16;
const NAME_OCTETS = 32;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/**
 * Takes one datagram: `length` octets of `bytes` from `offset` on. `senderKey` stands for the sender's
 * address (`senderAddress(senderKey)` is its text; the key of one address stays the same while the receiver
 * remembers it), `senderPort` is its port. `truncated` says that the datagram was longer than
 * `datagramOctetsMax`. `bytes` is the same array in every call of a receiver and valid only during it.
 */
export type OnDatagram = (
  bytes: Uint8Array,
  offset: number,
  length: number,
  senderKey: number,
  senderPort: number,
  truncated: boolean,
) => void;

export interface DatagramReceiverOptions {
  /** A literal address. `::` takes IPv4 too, unless `ipv6Only`. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly receiveBufferOctets?: number;
  readonly ipv6Only?: boolean;
  /** Only datagrams that arrive on this interface (SO_BINDTODEVICE). */
  readonly interfaceName?: string;
  /** Longer datagrams are cut and flagged. */
  readonly datagramOctetsMax?: number;
  /** Whether to let datagrams gather for a moment between two calls: true where nothing is said. */
  readonly gathers?: boolean;
  /** Whose datagrams are given out; left out, everybody's. */
  readonly senders?: SenderFilter | undefined;
}

export interface DatagramReceiverStatistics {
  readonly datagrams: number;
  readonly octets: number;
  readonly truncated: number;
  /** Datagrams of senders that the filter does not allow; they are in no other count. */
  readonly strangers: number;
  /**
   * Datagrams that the kernel dropped because nobody took them in time; undefined where it cannot be known.
   */
  readonly kernelDrops: number | undefined;
  /** Calls of recvmmsg that brought something; `datagrams / batches` says how full they were. */
  readonly batches: number;
  /** How often there were more senders than are remembered. */
  readonly sendersForgotten: number;
}

export interface DatagramReceiver {
  readonly localAddress: string;
  readonly localPort: number;
  /** Octets of the kernel's buffer as obtained. */
  readonly receiveBufferOctets: number;
  /**
   * Gives out what has arrived, at most BATCH_DATAGRAMS × BATCHES_PER_RECEIVE_MAX datagrams; where nothing
   * has, waits up to `timeoutMs` first. Returns the number of datagrams given out.
   */
  receive(timeoutMs: number, onDatagram: OnDatagram): number;
  /** IPv4 dotted, IPv6 in RFC 5952 form; undefined for a key that the receiver no longer remembers. */
  senderAddress(senderKey: number): string | undefined;
  /** Which part of the kernel's buffer is full, 0 … 1. */
  bufferFill(): number;
  /** After `close`, the final ones. */
  statistics(): DatagramReceiverStatistics;
  close(): void;
}

/**
 * Opens and binds a UDP socket. Needs Linux; elsewhere use `openDgramReceiver`.
 *
 * Throws a UserError: `native_calls_unavailable`, `port_busy`, `address_unavailable`, `listen_denied`,
 * `listen_failed`.
 */
export function openDatagramReceiver(options: DatagramReceiverOptions): DatagramReceiver {
  const c = libc();
  const family = addressFamily(options.address);
  if (family === undefined) throw listenError(options, 'an IPv4 or IPv6 address is needed');
  const fd = c.socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw listenError(options, c.errorName());
  try {
    const receiveBufferOctets = growReceiveBuffer(
      c,
      fd,
      options.receiveBufferOctets ?? RECEIVE_BUFFER_OCTETS_DEFAULT,
    );
    bindSocket(c, fd, family, options);
    return createReceiver(c, fd, receiveBufferOctets, options);
  } catch (error) {
    c.close(fd);
    throw error;
  }
}

function bindSocket(c: Libc, fd: number, family: number, options: DatagramReceiverOptions): void {
  const { address, port, interfaceName, ipv6Only = false } = options;
  if (family === AF_INET6) setIntOption(c, fd, IPPROTO_IPV6, IPV6_V6ONLY, ipv6Only ? 1 : 0);
  if (interfaceName !== undefined) {
    const name = new TextEncoder().encode(`${interfaceName}\0`);
    if (c.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length) !== 0) {
      throw listenError(options, `interface ${interfaceName} is refused (${c.errorName()})`);
    }
  }
  const packed = packSocketAddress(c, address, port);
  if (c.bind(fd, packed, packed.length) !== 0) throw listenError(options, c.errorName());
}

function createReceiver(
  c: Libc,
  fd: number,
  receiveBufferOctets: number,
  options: DatagramReceiverOptions,
): DatagramReceiver {
  const arena = createArena(c, options.datagramOctetsMax ?? DATAGRAM_OCTETS_MAX);
  const { bytes, words } = arena;
  const { senders: filter, gathers = true } = options;
  const senders = createSenderTable(randomInt(2 ** 32));
  const descriptor = createDescriptorWait(c, fd);
  const bufferFill = createFillReader(c, fd);
  const localPort = boundPort(c, fd);
  let datagrams = 0;
  let octets = 0;
  let truncated = 0;
  let strangers = 0;
  let batches = 0;
  let kernelDrops = 0;
  let latestCount = 0;

  function takeBatch(onDatagram: OnDatagram): number {
    const count = c.recvmmsg(fd, arena.messagesAddress, BATCH_DATAGRAMS, MSG_DONTWAIT, null);
    if (count <= 0) return 0;
    batches += 1;
    for (let i = 0; i < count; i += 1) {
      const message = (i * MMSGHDR_OCTETS) >> 2;
      const name = (arena.namesOffset + i * NAME_OCTETS) >> 2;
      const length = words[message + 14]!;
      const isTruncated = (words[message + 12]! & MSG_TRUNC) !== 0;
      const port = words[name]! >>> 16;
      // The kernel writes the length of what it wrote; the next call must find the room there again.
      words[message + 2] = SOCKET_ADDRESS_OCTETS;
      if (filter !== undefined && !isAllowed(filter, name)) {
        strangers += 1;
        continue;
      }
      datagrams += 1;
      octets += length;
      if (isTruncated) truncated += 1;
      onDatagram(
        bytes,
        arena.slotsOffset + i * SLOT_OCTETS,
        length,
        senderKeyAt(name),
        ((port & 0xff) << 8) | (port >>> 8),
        isTruncated,
      );
    }
    return count;
  }

  function isAllowed(allowed: SenderFilter, name: number): boolean {
    return (words[name]! & 0xffff) === AF_INET
      ? allowed.allowsIPv4(words[name + 1]!)
      : allowed.allowsIPv6(words, name + 2);
  }

  function senderKeyAt(name: number): number {
    if ((words[name]! & 0xffff) === AF_INET) return senders.findIPv4(words[name + 1]!);
    return senders.findIPv6(words, name + 2, words[name + 6]!);
  }

  function readKernelDrops(): void {
    if (!arena.memory.isMapped()) return;
    // The kernel counts modulo 2^32.
    const latest = socketDropCount(c, fd);
    if (latest !== undefined) kernelDrops += (latest - kernelDrops) >>> 0;
  }

  function takeReady(onDatagram: OnDatagram): number {
    let taken = 0;
    for (let batch = 0; batch < BATCHES_PER_RECEIVE_MAX; batch += 1) {
      const count = takeBatch(onDatagram);
      taken += count;
      if (count < BATCH_DATAGRAMS) break;
    }
    return taken;
  }

  return {
    localAddress: options.address,
    localPort,
    receiveBufferOctets,
    receive(timeoutMs, onDatagram) {
      assert(arena.memory.isMapped(), 'the receiver is open');
      // A single datagram is no stream: it is answered for at once.
      if (gathers && latestCount > 1 && latestCount < BATCH_DATAGRAMS) c.usleep(GATHER_US);
      latestCount = takeReady(onDatagram);
      if (latestCount === 0 && descriptor.wait(timeoutMs) !== 0) latestCount = takeReady(onDatagram);
      return latestCount;
    },
    senderAddress: (senderKey) => senders.addressOf(senderKey),
    bufferFill: () => (arena.memory.isMapped() ? bufferFill() : 0),
    statistics() {
      readKernelDrops();
      const sendersForgotten = senders.emptiedCount();
      return { datagrams, octets, truncated, strangers, kernelDrops, batches, sendersForgotten };
    },
    close() {
      if (!arena.memory.isMapped()) return;
      readKernelDrops();
      arena.memory.unmap();
      c.close(fd);
    },
  };
}

interface Arena {
  readonly memory: MappedMemory;
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly messagesAddress: bigint;
  readonly namesOffset: number;
  readonly slotsOffset: number;
}

/** Maps the arena and writes into it the pointers that recvmmsg follows. */
function createArena(c: Libc, datagramOctetsMax: number): Arena {
  const iovecsOffset = BATCH_DATAGRAMS * MMSGHDR_OCTETS;
  const namesOffset = iovecsOffset + BATCH_DATAGRAMS * IOVEC_OCTETS;
  const slotsOffset = namesOffset + BATCH_DATAGRAMS * NAME_OCTETS;
  const memory = mapMemory(c, slotsOffset + BATCH_DATAGRAMS * SLOT_OCTETS);
  const view = new DataView(memory.buffer);
  const pointTo = (offset: number) => memory.address + BigInt(offset);
  for (let i = 0; i < BATCH_DATAGRAMS; i += 1) {
    const message = i * MMSGHDR_OCTETS;
    const iovec = iovecsOffset + i * IOVEC_OCTETS;
    view.setBigUint64(message, pointTo(namesOffset + i * NAME_OCTETS), true);
    view.setUint32(message + 8, SOCKET_ADDRESS_OCTETS, true);
    view.setBigUint64(message + 16, pointTo(iovec), true);
    view.setBigUint64(message + 24, 1n, true);
    view.setBigUint64(iovec, pointTo(slotsOffset + i * SLOT_OCTETS), true);
    view.setBigUint64(iovec + 8, BigInt(Math.min(datagramOctetsMax, DATAGRAM_OCTETS_MAX)), true);
  }
  return {
    memory,
    bytes: new Uint8Array(memory.buffer),
    words: new Uint32Array(memory.buffer),
    messagesAddress: memory.address,
    namesOffset,
    slotsOffset,
  };
}

function boundPort(c: Libc, fd: number): number {
  const packed = new Uint8Array(SOCKET_ADDRESS_OCTETS);
  c.getsockname(fd, packed, Uint32Array.of(packed.length));
  return portOf(packed);
}
