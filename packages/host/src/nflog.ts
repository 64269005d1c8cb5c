/**
 * Packets that a firewall rule logged: NFLOG over netlink (linux/netfilter/nfnetlink_log.h), fed by
 * `nft … log group N prefix "…"` or `iptables -j NFLOG --nflog-group N --nflog-prefix "…"`. A rule that logs
 * and then drops is how a policy drop becomes visible.
 *
 * One recv brings a buffer of messages, each 4-octet aligned:
 *
 *   struct nlmsghdr    0 length  4 type (u16: subsystem << 8 | message)  6 flags (u16)  8 seq  12 pid
 *   struct nfgenmsg   16 family  17 version  18 res_id (the group, big-endian u16)
 *   attributes from 20, each 0 length (u16)  2 type (u16)  4 value, padded to 4 octets
 *
 * Numbers inside attribute values are big-endian. `poll` blocks its thread, so a reader lives in a worker.
 */
import { assert, UserError } from '@weir/base';
import { mayAdministerNetwork } from './capability.ts';
import { createDescriptorWait } from './descriptor-wait.ts';
import { type Libc, libc } from './libc.ts';
import { mapMemory } from './mapped-memory.ts';
import { AF_NETLINK, growReceiveBuffer, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_RAW } from './socket-option.ts';

const NETLINK_NETFILTER = 12;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLMSG_ERROR = 2;
const NFNL_SUBSYS_ULOG = 4;
const NFULNL_MSG_PACKET = (NFNL_SUBSYS_ULOG << 8) | 0;
const NFULNL_MSG_CONFIG = (NFNL_SUBSYS_ULOG << 8) | 1;
const HEADERS_OCTETS = 20;
const AF_UNSPEC = 0;

const NFULA_CFG_CMD = 1;
const NFULA_CFG_MODE = 2;
const NFULA_CFG_TIMEOUT = 4;
const NFULA_CFG_QTHRESH = 5;
const NFULA_CFG_FLAGS = 6;
const NFULNL_CFG_CMD_BIND = 1;
const NFULNL_COPY_PACKET = 2;
const NFULNL_CFG_F_SEQ = 1;

const NFULA_PACKET_HDR = 1;
const NFULA_TIMESTAMP = 3;
const NFULA_IFINDEX_INDEV = 4;
const NFULA_IFINDEX_OUTDEV = 5;
const NFULA_PAYLOAD = 9;
const NFULA_PREFIX = 10;
const NFULA_SEQ = 12;
/** The kernel sets flags in the top two bits of an attribute's type. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

/** Octets of each packet: link-independent headers with extension headers and TCP options fit. */
export const NFLOG_SNAP_LENGTH_DEFAULT = 256;
/** A flood of dropped packets arrives in bursts; 8 MiB hold some 10,000 of them. */
const RECEIVE_BUFFER_OCTETS_DEFAULT = 8 * 1024 * 1024;
/**
 * One recv brings at most what the kernel gathered for one group: its buffer is 16 KiB at most by default.
 */
const MESSAGE_BUFFER_OCTETS = 256 * 1024;
/** The kernel gathers packets until there are so many, or until the oldest is so old (unit 10 ms). */
const GATHER_PACKETS = 32;
const GATHER_TIMEOUT_10MS = 10;
/** How long the kernel may keep a packet back before a reader can have it. */
export const NFLOG_DELAY_MS_MAX = GATHER_TIMEOUT_10MS * 10;
const RECEIVES_PER_POLL_MAX = 64;
/** NFLOG prefixes are at most 127 octets; a rule set has few distinct ones. */
const PREFIXES_REMEMBERED_MAX = 4096;

/** Netfilter hooks, linux/netfilter.h. */
export const NETFILTER_HOOKS = ['prerouting', 'input', 'forward', 'output', 'postrouting'] as const;

/**
 * One logged packet. The object is the same in every call and its `bytes` are valid only during it: take out
 * what is needed.
 */
export interface LoggedPacket {
  group: number;
  /** The rule's prefix; empty where it has none. */
  prefix: string;
  /** Position in NETFILTER_HOOKS. */
  hook: number;
  /** ifIndex of the interface where the packet came in and of the one where it would go out; 0 for none. */
  inInterface: number;
  outInterface: number;
  /**
   * Milliseconds since the Unix epoch, with microseconds as fraction; 0 where the kernel gives none
   * (output).
   */
  timestampMs: number;
  /** The packet from its IP header on: `capturedLength` octets of `bytes` from `offset`. */
  bytes: Uint8Array;
  offset: number;
  capturedLength: number;
  /** Octets of the whole packet by its own IP header. */
  wireLength: number;
}

export interface NflogOptions {
  /** Group numbers, 0…65535. */
  readonly groups: readonly number[];
  readonly snapLength?: number;
  readonly receiveBufferOctets?: number;
}

export interface NflogStatistics {
  readonly packets: number;
  /** Packets that the kernel could not hand over, by the gaps in each group's sequence numbers. */
  readonly kernelDrops: number;
  /** Times that the socket's buffer was full (ENOBUFS). */
  readonly overruns: number;
  /** Messages that were not laid out as they should be. */
  readonly malformed: number;
}

export interface NflogReader {
  /**
   * Gives out what is there, waiting up to `timeoutMs` when there is nothing. Returns the number of
   * packets.
   */
  poll(timeoutMs: number, onPacket: (packet: LoggedPacket) => void): number;
  statistics(): NflogStatistics;
  close(): void;
}

/**
 * Binds to NFLOG groups. Needs Linux and CAP_NET_ADMIN; a group has one reader in a network namespace.
 *
 * Throws a UserError: `native_calls_unavailable`, `nflog_denied`, `nflog_group_busy`, `nflog_failed`.
 */
export function openNflog(options: NflogOptions): NflogReader {
  const c = libc();
  const fd = c.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
  if (fd < 0) throw nflogError('cannot open a netlink socket', c.errorName());
  try {
    growReceiveBuffer(c, fd, options.receiveBufferOctets ?? RECEIVE_BUFFER_OCTETS_DEFAULT);
    for (const group of options.groups) {
      bindGroup(c, fd, group, options.snapLength ?? NFLOG_SNAP_LENGTH_DEFAULT);
    }
    return createReader(c, fd, mapMemory(c, MESSAGE_BUFFER_OCTETS));
  } catch (error) {
    c.close(fd);
    throw error;
  }
}

function createReader(c: Libc, fd: number, memory: ReturnType<typeof mapMemory>): NflogReader {
  const view = new DataView(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  const descriptor = createDescriptorWait(c, fd);
  const readPrefix = createPrefixReader();
  /** By group, the sequence number that comes next. */
  const expected = new Map<number, number>();
  const packet: LoggedPacket = {
    group: 0,
    prefix: '',
    hook: 0,
    inInterface: 0,
    outInterface: 0,
    timestampMs: 0,
    bytes,
    offset: 0,
    capturedLength: 0,
    wireLength: 0,
  };
  let packets = 0;
  let kernelDrops = 0;
  let overruns = 0;
  let malformed = 0;

  function takeReady(onPacket: (packet: LoggedPacket) => void): number {
    const before = packets;
    for (let turn = 0; turn < RECEIVES_PER_POLL_MAX; turn += 1) {
      const length = Number(c.recv(fd, memory.address, MESSAGE_BUFFER_OCTETS, MSG_DONTWAIT));
      if (length >= 0) takeMessages(length, onPacket);
      else if (c.errorName() === 'ENOBUFS') overruns += 1;
      else break;
    }
    return packets - before;
  }

  function takeMessages(length: number, onPacket: (packet: LoggedPacket) => void): void {
    for (let at = 0; at + HEADERS_OCTETS <= length; ) {
      const messageLength = view.getUint32(at, true);
      if (messageLength < HEADERS_OCTETS || at + messageLength > length) break;
      if (view.getUint16(at + 4, true) === NFULNL_MSG_PACKET) takePacket(at, at + messageLength, onPacket);
      at += (messageLength + 3) & ~3;
    }
  }

  function takePacket(at: number, end: number, onPacket: (packet: LoggedPacket) => void): void {
    packet.group = view.getUint16(at + 18, false);
    packet.prefix = '';
    packet.hook = 0;
    packet.inInterface = 0;
    packet.outInterface = 0;
    packet.timestampMs = 0;
    packet.offset = 0;
    packet.capturedLength = 0;
    let attribute = at + HEADERS_OCTETS;
    while (attribute + 4 <= end) {
      const attributeLength = view.getUint16(attribute, true);
      if (attributeLength < 4 || attribute + attributeLength > end) break;
      takeAttribute(view.getUint16(attribute + 2, true), attribute + 4, attributeLength - 4);
      attribute += (attributeLength + 3) & ~3;
    }
    const version = packet.capturedLength > 0 ? bytes[packet.offset]! >> 4 : 0;
    if (version === 4 && packet.capturedLength >= 20) {
      packet.wireLength = view.getUint16(packet.offset + 2, false);
    } else if (version === 6 && packet.capturedLength >= 40) {
      packet.wireLength = 40 + view.getUint16(packet.offset + 4, false);
    } else {
      malformed += 1;
      return;
    }
    packets += 1;
    onPacket(packet);
  }

  function takeAttribute(type: number, at: number, length: number): void {
    switch (type & ATTRIBUTE_TYPE_MASK) {
      case NFULA_PACKET_HDR:
        packet.hook = bytes[at + 2]!;
        break;
      case NFULA_TIMESTAMP:
        packet.timestampMs = u64(at) * 1000 + u64(at + 8) / 1000;
        break;
      case NFULA_IFINDEX_INDEV:
        packet.inInterface = view.getUint32(at, false);
        break;
      case NFULA_IFINDEX_OUTDEV:
        packet.outInterface = view.getUint32(at, false);
        break;
      case NFULA_PREFIX:
        packet.prefix = readPrefix(bytes, at, length);
        break;
      case NFULA_SEQ:
        countGap(view.getUint32(at, false));
        break;
      case NFULA_PAYLOAD:
        packet.offset = at;
        packet.capturedLength = length;
        break;
    }
  }

  function u64(at: number): number {
    return view.getUint32(at, false) * 4_294_967_296 + view.getUint32(at + 4, false);
  }

  function countGap(sequence: number): void {
    // A group's numbers start at 0 when it is bound, so what was passed over while binding counts too.
    kernelDrops += (sequence - (expected.get(packet.group) ?? 0)) >>> 0;
    expected.set(packet.group, (sequence + 1) >>> 0);
  }

  return {
    poll(timeoutMs, onPacket) {
      assert(memory.isMapped(), 'the reader is open');
      const ready = takeReady(onPacket);
      if (ready > 0) return ready;
      return descriptor.wait(timeoutMs) === 0 ? 0 : takeReady(onPacket);
    },
    statistics: () => ({ packets, kernelDrops, overruns, malformed }),
    close() {
      if (!memory.isMapped()) return;
      memory.unmap();
      c.close(fd);
    },
  };
}

/** Reads zero-terminated prefixes, remembering them by hash and content so that a flood builds no strings. */
function createPrefixReader(): (bytes: Uint8Array, at: number, length: number) => string {
  const known = new Map<number, { readonly octets: Uint8Array; readonly text: string }>();
  const equals = (octets: Uint8Array, bytes: Uint8Array, at: number, length: number) => {
    if (octets.length !== length) return false;
    for (let i = 0; i < length; i += 1) if (octets[i] !== bytes[at + i]) return false;
    return true;
  };
  return (bytes, at, length) => {
    let hash = length;
    for (let i = 0; i < length; i += 1) hash = Math.imul(hash ^ bytes[at + i]!, 0x0100_0193);
    const remembered = known.get(hash);
    if (remembered !== undefined && equals(remembered.octets, bytes, at, length)) return remembered.text;
    const octets = bytes.slice(at, at + length);
    const end = octets.indexOf(0);
    const text = new TextDecoder().decode(octets.subarray(0, end < 0 ? length : end));
    if (known.size >= PREFIXES_REMEMBERED_MAX) known.clear();
    known.set(hash, { octets, text });
    return text;
  };
}

function bindGroup(c: Libc, fd: number, group: number, snapLength: number): void {
  if (!Number.isInteger(group) || group < 0 || group > 0xffff) {
    throw new UserError('nflog_failed', `NFLOG group ${group}: a whole number from 0 to 65535 is needed`);
  }
  configure(c, fd, group, [attribute(NFULA_CFG_CMD, [NFULNL_CFG_CMD_BIND])]);
  configure(c, fd, group, [
    attribute(NFULA_CFG_MODE, [...bigEndian(snapLength, 4), NFULNL_COPY_PACKET, 0]),
    attribute(NFULA_CFG_TIMEOUT, bigEndian(GATHER_TIMEOUT_10MS, 4)),
    attribute(NFULA_CFG_QTHRESH, bigEndian(GATHER_PACKETS, 4)),
    attribute(NFULA_CFG_FLAGS, bigEndian(NFULNL_CFG_F_SEQ, 2)),
  ]);
}

/** Sends one NFULNL_MSG_CONFIG and waits for the kernel's answer to it. */
function configure(c: Libc, fd: number, group: number, attributes: readonly Uint8Array[]): void {
  const length = HEADERS_OCTETS + attributes.reduce((sum, { length }) => sum + length, 0);
  const message = new Uint8Array(length);
  const view = new DataView(message.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, NFULNL_MSG_CONFIG, true);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_ACK, true);
  message[16] = AF_UNSPEC;
  view.setUint16(18, group, false);
  let at = HEADERS_OCTETS;
  for (const octets of attributes) {
    message.set(octets, at);
    at += octets.length;
  }
  if (c.send(fd, message, length, 0) < 0) throw nflogError(`NFLOG group ${group}`, c.errorName());
  const code = readAcknowledgement(c, fd);
  if (code !== 0) throw nflogError(`NFLOG group ${group}`, c.nameOfError(code));
}

/** The errno in the next NLMSG_ERROR, 0 for success; packets of groups bound before are passed over. */
function readAcknowledgement(c: Libc, fd: number): number {
  const answer = mapMemory(c, MESSAGE_BUFFER_OCTETS);
  const view = new DataView(answer.buffer);
  try {
    for (;;) {
      const length = Number(c.recv(fd, answer.address, MESSAGE_BUFFER_OCTETS, 0));
      if (length < 0) throw nflogError('NFLOG', c.errorName());
      // struct nlmsgerr follows the header: a negative errno first.
      if (length >= HEADERS_OCTETS && view.getUint16(4, true) === NLMSG_ERROR)
        return -view.getInt32(16, true);
    }
  } finally {
    answer.unmap();
  }
}

/** A netlink attribute, padded. */
function attribute(type: number, value: readonly number[]): Uint8Array {
  const octets = new Uint8Array((4 + value.length + 3) & ~3);
  const view = new DataView(octets.buffer);
  view.setUint16(0, 4 + value.length, true);
  view.setUint16(2, type, true);
  octets.set(value, 4);
  return octets;
}

function bigEndian(value: number, octets: number): number[] {
  return Array.from({ length: octets }, (_, i) => (value >>> (8 * (octets - 1 - i))) & 0xff);
}

function nflogError(what: string, errorName: string): UserError {
  switch (errorName) {
    // The kernel answers EPERM in both cases.
    case 'EPERM':
    case 'EBUSY':
      if (!mayAdministerNetwork()) {
        return new UserError('nflog_denied', `${what}: the process lacks the capability CAP_NET_ADMIN`);
      }
      return new UserError('nflog_group_busy', `${what}: another process reads this group`);
    default:
      return new UserError('nflog_failed', `${what}: ${errorName}`);
  }
}
