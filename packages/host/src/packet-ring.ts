/**
 * Live capture: an AF_PACKET socket with a TPACKET_V3 receive ring (packet(7), linux/if_packet.h), read in
 * place.
 *
 * The kernel fills blocks of the ring and hands each over when it is full or `retireTimeoutMs` old; we walk
 * its packets, call `onPacket` for each, and hand it back. Nothing is copied and nothing allocated: the
 * octets that a callback sees are the kernel's own and are valid until it returns. `poll` blocks its
 * thread, so a ring lives in a worker.
 *
 * A hot file: typed-array reads carry `!` because every index lies inside a block whose layout the kernel
 * wrote.
 *
 * Frame layout, offsets from its start:
 *
 *   0 next_offset  4 sec  8 nsec  12 snaplen  16 len  20 status  24 mac (u16)  26 net (u16)
 *   28 rxhash  32 vlan_tci  36 vlan_tpid (u16)
 *   48 sockaddr_ll: 50 protocol (big-endian u16)  52 ifindex  56 hatype  58 pkttype
 */
import { assert, UserError } from '@weir/base';
import { captureDenied } from './capability.ts';
import { createDescriptorWait } from './descriptor-wait.ts';
import { identifyInterface, isInterfaceUp } from './interface-request.ts';
import { type Libc, libc } from './libc.ts';
import { isLoopbackHardware, LINKTYPE_ETHERNET, linkTypeOfHardware } from './link-type.ts';
import { type MappedMemory, mapMemory } from './mapped-memory.ts';
import { acceptOctets, attachFilter, ignoreOutgoing, type SocketFilter } from './socket-filter.ts';
import {
  AF_PACKET,
  getIntOption,
  POLLERR,
  POLLIN,
  SO_ERROR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_SOCKET,
  setIntOption,
} from './socket-option.ts';

/** Link, VLAN tags, IPv6 with several extension headers and TCP options fit; DNS answers mostly do. */
export const SNAP_LENGTH_DEFAULT = 256;
/** Less would cut Ethernet + IPv6 + TCP headers. */
const SNAP_LENGTH_MIN = 96;
const SNAP_LENGTH_MAX = 65_535;
/**
 * At 1 M packets/s of 352 octets (256 captured, and the ring's headers) 32 MiB hold 95 ms: a pause of the
 * garbage collector, or other processes' turns.
 */
export const RING_OCTETS_DEFAULT = 32 * 1024 * 1024;
/** Large enough that handing over costs nothing per packet, small enough that the ring has 64 of them. */
const BLOCK_OCTETS = 512 * 1024;
/** With fewer blocks the kernel has nowhere to write while we read. */
const BLOCKS_MIN = 4;
/** How old a packet may get in a block that does not fill: well under the 200 ms of a flow batch. */
export const RETIRE_TIMEOUT_MS_DEFAULT = 40;
/** The kernel wants one; TPACKET_V3 packs packets by their own length and ignores it. */
const FRAME_OCTETS = 2048;

const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const PACKET_RESERVE = 12;
const PACKET_MR_PROMISC = 1;
const TPACKET_V3 = 2;
const TP_STATUS_KERNEL = 0;
const TP_STATUS_USER = 1;
const TP_STATUS_VLAN_VALID = 0x10;
const TP_STATUS_VLAN_TPID_VALID = 0x40;
const PACKET_OUTGOING = 4;
const ETH_P_ALL = 3;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_8021Q = 0x8100;
const VLAN_TAG_OCTETS = 4;
const ETHERNET_ADDRESSES_OCTETS = 12;

const BLOCK_STATUS = 8;
const BLOCK_PACKET_COUNT = 12;
const BLOCK_FIRST_PACKET = 16;
const FRAME_PROTOCOL = 50;
const FRAME_PACKET_TYPE = 58;

/**
 * Takes one packet: `capturedLength` octets of `bytes` from `offset` on, of a packet that had `wireLength`
 * octets. `timestampMs` is in milliseconds since the Unix epoch with its fraction. `direction` is 0 for
 * ingress, 1 for egress, 255 where the source cannot tell. `bytes` is the same array in every call and valid
 * only during it.
 */
export type OnPacket = (
  bytes: Uint8Array,
  offset: number,
  capturedLength: number,
  wireLength: number,
  timestampMs: number,
  direction: number,
) => void;

/** `down`: the interface is there and carries nothing for now. `gone`: it was removed and does not return. */
export type InterfaceState = 'up' | 'down' | 'gone';

export interface PacketRingOptions {
  readonly interfaceName: string;
  /** Octets of each packet to capture. */
  readonly snapLength?: number;
  /** Octets of the ring; halved until the kernel has that much. */
  readonly ringOctets?: number;
  /** The longest time, in ms, that a packet waits in a block that does not fill. */
  readonly retireTimeoutMs?: number;
  /** Decides in the kernel which packets are captured and how many octets of each; replaces `snapLength`. */
  readonly filter?: SocketFilter;
  /** Asks the interface for frames to other hosts too (a monitoring port). */
  readonly promiscuous?: boolean;
  readonly onStateChange?: (state: InterfaceState) => void;
}

export interface PacketRingStatistics {
  /** Packets given to `onPacket`. */
  readonly packets: number;
  /** Packets that the kernel dropped because the ring was full. */
  readonly kernelDrops: number;
  /** Times that the ring filled up. */
  readonly kernelFreezes: number;
  /** Packets captured from the network header on that were neither IPv4 nor IPv6, hence not given out. */
  readonly notIp: number;
  /** Blocks handed back to the kernel. */
  readonly blocks: number;
}

/** Packets of one interface: a TPACKET_V3 ring, or what libpcap has in its place (pcap-source.ts). */
export interface PacketRing {
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  /** LINKTYPE_ETHERNET or LINKTYPE_RAW; from libpcap any other as well. */
  readonly linkType: number;
  /** Octets of the ring as obtained; of libpcap's, as asked for. */
  readonly ringOctets: number;
  /**
   * Gives out what the ring holds, at most once around; where it holds nothing, waits up to `timeoutMs`
   * first. Returns the number of packets given out.
   */
  poll(timeoutMs: number, onPacket: OnPacket): number;
  /**
   * Captures so many octets of each packet from now on, at least, and loses none for it. False when that takes
   * a source that is opened anew.
   */
  setSnapLength(octets: number): boolean;
  /** Stops capturing and gives out what was captured before; blocks for at most twice the retire timeout. */
  drain(onPacket: OnPacket): number;
  state(): InterfaceState;
  /** Counts since the ring was opened; after `close`, the final ones. */
  statistics(): PacketRingStatistics;
  close(): void;
}

/**
 * Opens a ring on one interface. Needs Linux and CAP_NET_RAW.
 *
 * Ethernet-like interfaces give Ethernet frames; a VLAN tag that the kernel took off is put back, so that
 * the octets are those of the wire. Other interfaces give IP packets. On loopback every packet passes
 * twice, outgoing and incoming: the outgoing one is left out (by the filter, in the kernel), so loopback
 * traffic is all ingress. Large packets that the kernel merged or has yet to split (GRO, TSO) are given out
 * as they are, as they are by every packet socket.
 *
 * Throws a UserError: `native_calls_unavailable`, `capture_denied`, `interface_unknown`,
 * `packet_ring_failed`.
 */
export function openPacketRing(options: PacketRingOptions): PacketRing {
  const { interfaceName } = options;
  const c = libc();
  const hardware = withProbe(c, (probe) => identifyInterface(c, probe, interfaceName));
  const linkType = linkTypeOfHardware(hardware.hardwareType);
  const framed = linkType === LINKTYPE_ETHERNET;
  // Protocol 0 receives nothing until bind: the ring and the filter are in place before the first packet.
  const fd = c.socket(AF_PACKET, (framed ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  if (fd < 0) throw captureDenied(c.errorName());
  let memory: MappedMemory | undefined;
  try {
    const isLoopback = isLoopbackHardware(hardware.hardwareType);
    const wanted = options.filter ?? acceptOctets(snapLengthWithin(options.snapLength));
    const attached = attachFilter(c, fd, isLoopback ? ignoreOutgoing(wanted) : wanted);
    requireStep(c, attached, interfaceName, 'the packet filter is refused');
    const ringOctets = requestRing(c, fd, options);
    memory = mapMemory(c, ringOctets, fd);
    bindToInterface(c, fd, hardware.interfaceIndex, options);
    return createPacketRing(c, fd, memory, { ...hardware, linkType, ringOctets, isLoopback }, options);
  } catch (error) {
    memory?.unmap();
    c.close(fd);
    throw error;
  }
}

interface RingIdentity {
  readonly interfaceIndex: number;
  readonly linkType: number;
  readonly ringOctets: number;
  readonly isLoopback: boolean;
}

function createPacketRing(
  c: Libc,
  fd: number,
  memory: MappedMemory,
  { interfaceIndex, linkType, ringOctets, isLoopback }: RingIdentity,
  { interfaceName, onStateChange, retireTimeoutMs = RETIRE_TIMEOUT_MS_DEFAULT, filter }: PacketRingOptions,
): PacketRing {
  const bytes = new Uint8Array(memory.buffer);
  const words = new Uint32Array(memory.buffer);
  const blockCount = ringOctets / BLOCK_OCTETS;
  const framed = linkType === LINKTYPE_ETHERNET;
  const descriptor = createDescriptorWait(c, fd);
  const kernel = createKernelCounters(c, fd);
  let nextBlock = 0;
  let blocks = 0;
  let packets = 0;
  let notIp = 0;
  let state: InterfaceState = isInterfaceUp(c, fd, interfaceIndex) ? 'up' : 'down';

  function enterState(next: InterfaceState): void {
    if (next === state) return;
    state = next;
    onStateChange?.(next);
  }

  /** Hands over every block that is ready, once around at most; returns the packets given out. */
  function walkReadyBlocks(onPacket: OnPacket): number {
    const before = packets;
    for (let turn = 0; turn < blockCount; turn += 1) {
      const block = nextBlock * BLOCK_OCTETS;
      // Atomics orders these accesses against the kernel's; plain ones would not on arm64.
      if ((Atomics.load(words, (block + BLOCK_STATUS) >> 2) & TP_STATUS_USER) === 0) break;
      try {
        walkBlock(block, onPacket);
      } finally {
        Atomics.store(words, (block + BLOCK_STATUS) >> 2, TP_STATUS_KERNEL);
        nextBlock = nextBlock + 1 === blockCount ? 0 : nextBlock + 1;
        blocks += 1;
      }
    }
    return packets - before;
  }

  function walkBlock(block: number, onPacket: OnPacket): void {
    let frame = block + words[(block + BLOCK_FIRST_PACKET) >> 2]!;
    for (let left = words[(block + BLOCK_PACKET_COUNT) >> 2]!; left > 0; left -= 1) {
      const word = frame >> 2;
      const direction = bytes[frame + FRAME_PACKET_TYPE] === PACKET_OUTGOING ? 1 : 0;
      const timestampMs = words[word + 1]! * 1000 + words[word + 2]! / 1e6;
      const status = words[word + 5]!;
      let start = frame + (words[word + 6]! & 0xffff);
      if (framed) {
        let tagOctets = 0;
        if ((status & TP_STATUS_VLAN_VALID) !== 0) {
          start = putBackTag(start, status, words[word + 8]!, words[word + 9]!);
          tagOctets = VLAN_TAG_OCTETS;
        }
        packets += 1;
        onPacket(
          bytes,
          start,
          words[word + 3]! + tagOctets,
          words[word + 4]! + tagOctets,
          timestampMs,
          direction,
        );
      } else if (isIpFrame(frame)) {
        packets += 1;
        onPacket(bytes, start, words[word + 3]!, words[word + 4]!, timestampMs, direction);
      } else {
        notIp += 1;
      }
      frame += words[word]!;
    }
  }

  function isIpFrame(frame: number): boolean {
    const protocol = (bytes[frame + FRAME_PROTOCOL]! << 8) | bytes[frame + FRAME_PROTOCOL + 1]!;
    return protocol === ETH_P_IP || protocol === ETH_P_IPV6;
  }

  /** Moves the two MAC addresses into the reserve before the packet and writes the 802.1Q tag behind them. */
  function putBackTag(start: number, status: number, tci: number, tpidWord: number): number {
    const tpid = (status & TP_STATUS_VLAN_TPID_VALID) === 0 ? ETH_P_8021Q : tpidWord & 0xffff;
    const moved = start - VLAN_TAG_OCTETS;
    for (let i = 0; i < ETHERNET_ADDRESSES_OCTETS; i += 1) bytes[moved + i] = bytes[start + i]!;
    const tag = moved + ETHERNET_ADDRESSES_OCTETS;
    bytes[tag] = tpid >> 8;
    bytes[tag + 1] = tpid;
    bytes[tag + 2] = tci >> 8;
    bytes[tag + 3] = tci;
    return moved;
  }

  /** The kernel reports an interface that went down or away as a socket error; reading it clears it. */
  function readInterfaceState(): void {
    getIntOption(c, fd, SOL_SOCKET, SO_ERROR);
    if (boundInterfaceIndex(c, fd) !== interfaceIndex) enterState('gone');
    else enterState(isInterfaceUp(c, fd, interfaceIndex) ? 'up' : 'down');
  }

  return {
    interfaceName,
    interfaceIndex,
    linkType,
    ringOctets,
    poll(timeoutMs, onPacket) {
      assert(memory.isMapped(), 'the ring is open');
      if (state === 'down') readInterfaceState();
      const ready = walkReadyBlocks(onPacket);
      if (ready > 0) return ready;
      const events = descriptor.wait(timeoutMs);
      if ((events & POLLERR) !== 0) readInterfaceState();
      return (events & POLLIN) === 0 ? 0 : walkReadyBlocks(onPacket);
    },
    setSnapLength(octets) {
      assert(filter === undefined, 'a filter of one’s own says how much is captured');
      const accepted = acceptOctets(snapLengthWithin(octets));
      return attachFilter(c, fd, isLoopback ? ignoreOutgoing(accepted) : accepted);
    },
    drain(onPacket) {
      assert(memory.isMapped(), 'the ring is open');
      attachFilter(c, fd, acceptOctets(0));
      let given = walkReadyBlocks(onPacket);
      // One wait for the block that was open; a second one because a wait may end early by an error event.
      for (let waits = 0; waits < 2; waits += 1) {
        descriptor.wait(retireTimeoutMs);
        given += walkReadyBlocks(onPacket);
      }
      return given;
    },
    state: () => state,
    statistics: () => ({
      packets,
      ...(memory.isMapped() ? kernel.refresh() : kernel.latest()),
      notIp,
      blocks,
    }),
    close() {
      if (!memory.isMapped()) return;
      kernel.refresh();
      memory.unmap();
      c.close(fd);
    },
  };
}

/** Reading PACKET_STATISTICS sets the kernel's counts to 0, so they are added up here. */
function createKernelCounters(c: Libc, fd: number) {
  /** struct tpacket_stats_v3: packets, drops, freezes. */
  const since = new Uint32Array(3);
  let kernelDrops = 0;
  let kernelFreezes = 0;
  const latest = () => ({ kernelDrops, kernelFreezes });
  return {
    latest,
    refresh() {
      if (c.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, since, Uint32Array.of(12)) === 0) {
        kernelDrops += since[1]!;
        kernelFreezes += since[2]!;
      }
      return latest();
    },
  };
}

/** Sets up the ring, halving it while the kernel has too little memory; returns its octets. */
function requestRing(c: Libc, fd: number, options: PacketRingOptions): number {
  const {
    interfaceName,
    ringOctets = RING_OCTETS_DEFAULT,
    retireTimeoutMs = RETIRE_TIMEOUT_MS_DEFAULT,
  } = options;
  const prepared =
    setIntOption(c, fd, SOL_PACKET, PACKET_VERSION, TPACKET_V3) &&
    setIntOption(c, fd, SOL_PACKET, PACKET_RESERVE, VLAN_TAG_OCTETS);
  requireStep(c, prepared, interfaceName, 'TPACKET_V3 is refused');
  let blockCount = Math.max(BLOCKS_MIN, Math.floor(ringOctets / BLOCK_OCTETS));
  for (;;) {
    const octets = blockCount * BLOCK_OCTETS;
    // struct tpacket_req3: block_size, block_nr, frame_size, frame_nr, retire_blk_tov, sizeof_priv, features.
    const request = Uint32Array.of(
      BLOCK_OCTETS,
      blockCount,
      FRAME_OCTETS,
      octets / FRAME_OCTETS,
      retireTimeoutMs,
      0,
      0,
    );
    if (c.setsockopt(fd, SOL_PACKET, PACKET_RX_RING, request, request.byteLength) === 0) return octets;
    const reason = c.errorName();
    if (reason !== 'ENOMEM' || blockCount <= BLOCKS_MIN) {
      throw ringFailed(interfaceName, `a ring of ${octets} octets is refused`, reason);
    }
    blockCount = Math.max(BLOCKS_MIN, blockCount >> 1);
  }
}

/** struct sockaddr_ll: family, protocol (big-endian), ifindex, hatype, pkttype, halen, addr[8]. */
function bindToInterface(c: Libc, fd: number, interfaceIndex: number, options: PacketRingOptions): void {
  const address = new DataView(new ArrayBuffer(20));
  address.setUint16(0, AF_PACKET, true);
  address.setUint16(2, ETH_P_ALL, false);
  address.setInt32(4, interfaceIndex, true);
  const bound = c.bind(fd, new Uint8Array(address.buffer), 20) === 0;
  requireStep(c, bound, options.interfaceName, 'the socket cannot be bound');
  if (options.promiscuous !== true) return;
  // struct packet_mreq: ifindex, type, alen, address[8].
  const membership = new Uint8Array(16);
  const view = new DataView(membership.buffer);
  view.setInt32(0, interfaceIndex, true);
  view.setUint16(4, PACKET_MR_PROMISC, true);
  const joined = c.setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership, 16) === 0;
  requireStep(c, joined, options.interfaceName, 'promiscuous mode is refused');
}

/** The interface that the socket is bound to, or -1 once that interface was removed. */
function boundInterfaceIndex(c: Libc, fd: number): number {
  const address = new Uint8Array(20);
  if (c.getsockname(fd, address, Uint32Array.of(address.length)) !== 0) return -1;
  return new DataView(address.buffer).getInt32(4, true);
}

/** Runs `ask` with a socket that needs no privilege: an unknown interface is named before a missing right. */
export function withProbe<T>(c: Libc, ask: (fd: number) => T): T {
  const AF_UNIX = 1;
  const probe = c.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) throw new UserError('packet_ring_failed', `cannot open a socket: ${c.errorName()}`);
  try {
    return ask(probe);
  } finally {
    c.close(probe);
  }
}

export function snapLengthWithin(snapLength = SNAP_LENGTH_DEFAULT): number {
  return Math.min(SNAP_LENGTH_MAX, Math.max(SNAP_LENGTH_MIN, snapLength));
}

function requireStep(c: Libc, done: boolean, interfaceName: string, what: string): void {
  if (!done) throw ringFailed(interfaceName, what, c.errorName());
}

function ringFailed(interfaceName: string, what: string, reason: string): UserError {
  return new UserError('packet_ring_failed', `cannot capture on ${interfaceName}: ${what} (${reason})`);
}
