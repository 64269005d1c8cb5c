/**
 * Live capture through libpcap or Npcap, with the face of a packet ring: for platforms other than Linux, and
 * for Linux where the ring is not wanted. What libpcap does for us there is what packet-ring.ts does itself
 * (on Linux it reads such a ring), for a copy of each packet more.
 */
import { assert, UserError } from '@weir/base';
import { captureDenied } from './capability.ts';
import { createDescriptorWait } from './descriptor-wait.ts';
import { identifyInterface } from './interface-request.ts';
import { listInterfaces } from './interfaces.ts';
import { libc, libcUnavailable } from './libc.ts';
import { isLoopbackHardware, linkTypeOfDataLink } from './link-type.ts';
import { addressesOf, directionFinder, type InterfaceOwner } from './packet-direction.ts';
import {
  type InterfaceState,
  type OnPacket,
  type PacketRing,
  type PacketRingOptions,
  RETIRE_TIMEOUT_MS_DEFAULT,
  RING_OCTETS_DEFAULT,
  snapLengthWithin,
  withProbe,
} from './packet-ring.ts';
import { deviceWithAddress } from './pcap-device.ts';
import { libraryMessage, MESSAGE_OCTETS, type PcapLibrary, pcapLibrary } from './pcap-library.ts';
import { openPcapReader, type PcapReader } from './pcap-reader.ts';

/** As of a packet ring; a filter in the kernel's own language is not for every platform. */
export type PcapSourceOptions = Omit<PacketRingOptions, 'filter'>;

/** Reads of one poll: with 64 of them some 50,000 packets, the turn of a ring. */
const READS_PER_POLL_MAX = 64;
/** Where nothing can be waited for, how long to pause between looks. */
const PAUSE_MS = 5;
/** How often the interface's addresses are looked up again, for the direction. */
const OWNER_REFRESH_MS = 5_000;
const PCAP_TSTAMP_PRECISION_NANO = 1;
const ERROR_NO_SUCH_DEVICE = -5;
const ERROR_PERMISSION = -8;
const ERROR_PROMISCUOUS_PERMISSION = -11;

/**
 * Opens one interface with libpcap or Npcap. Needs the library and the right to capture (Linux:
 * CAP_NET_RAW).
 *
 * Frames come with the link header that libpcap gives the interface. The direction is found as
 * `directionFinder` says. The state is `up` until a read fails, and `gone` from then on: an interface that
 * went down is to be opened again, like one that was removed.
 *
 * Throws a UserError: `pcap_unavailable`, `capture_denied`, `interface_unknown`, `pcap_failed`.
 */
export function openPcapSource(options: PcapSourceOptions): PacketRing {
  const library = pcapLibrary();
  const { interfaceName } = options;
  const identity = identify(interfaceName);
  const handle = activate(library, deviceOf(library, interfaceName), options);
  try {
    const reader = openPcapReader(library, handle.address, snapLengthWithin(options.snapLength));
    return createPcapSource(library, handle, reader, identity, options);
  } catch (error) {
    library.close(handle.address);
    throw error;
  }
}

interface PcapHandle {
  readonly address: bigint;
  /** Units of a second that timestamps count. */
  readonly fractionsPerMs: number;
}

interface Identity {
  readonly interfaceIndex: number;
  readonly loopback: boolean;
  readonly hardwareAddress: Uint8Array | undefined;
}

function createPcapSource(
  library: PcapLibrary,
  { address: handle, fractionsPerMs }: PcapHandle,
  reader: PcapReader,
  identity: Identity,
  options: PcapSourceOptions,
): PacketRing {
  const { interfaceName, onStateChange, ringOctets = RING_OCTETS_DEFAULT, retireTimeoutMs } = options;
  const linkType = linkTypeOfDataLink(library.dataLink(handle));
  const wait = createWait(library, handle);
  const counters = createDropCounter(library, handle);
  const findOwner = (): InterfaceOwner => ({ ...identity, addresses: addressesOf(interfaceName) });
  let directionOf = directionFinder(linkType, findOwner());
  let refreshAtMs = performance.now() + OWNER_REFRESH_MS;
  let state: InterfaceState = 'up';
  let isOpen = true;
  let packets = 0;
  let reads = 0;

  /** Gives out what is there, up to the first packet that is younger than `untilMs`; returns how many. */
  function readReady(onPacket: OnPacket, untilMs: number): number {
    const before = packets;
    for (let turn = 0; turn < READS_PER_POLL_MAX && state === 'up'; turn += 1) {
      const read = reader.read((bytes, offset, captured, wire, seconds, fraction) => {
        const timestampMs = seconds * 1000 + fraction / fractionsPerMs;
        if (timestampMs > untilMs) return;
        packets += 1;
        onPacket(bytes, offset, captured, wire, timestampMs, directionOf(bytes, offset, captured));
      });
      if (read < 0) fail();
      if (read <= 0) break;
      reads += 1;
    }
    return packets - before;
  }

  function fail(): void {
    state = 'gone';
    onStateChange?.(state);
  }

  function refreshOwner(): void {
    const nowMs = performance.now();
    if (nowMs < refreshAtMs) return;
    refreshAtMs = nowMs + OWNER_REFRESH_MS;
    directionOf = directionFinder(linkType, findOwner());
  }

  return {
    interfaceName,
    interfaceIndex: identity.interfaceIndex,
    linkType,
    ringOctets,
    poll(timeoutMs, onPacket) {
      assert(isOpen, 'the source is open');
      refreshOwner();
      const ready = readReady(onPacket, Number.POSITIVE_INFINITY);
      if (ready > 0 || timeoutMs === 0 || state === 'gone') return ready;
      wait(timeoutMs);
      return readReady(onPacket, Number.POSITIVE_INFINITY);
    },
    /** libpcap fixes it when it opens the device: more than was asked for does no harm. */
    setSnapLength: (octets) => snapLengthWithin(octets) <= snapLengthWithin(options.snapLength),
    drain(onPacket) {
      assert(isOpen, 'the source is open');
      // The end of this millisecond: packets are stamped in fractions of it.
      const untilMs = Date.now() + 1;
      let given = readReady(onPacket, untilMs);
      for (let waits = 0; waits < 2; waits += 1) {
        wait(retireTimeoutMs ?? RETIRE_TIMEOUT_MS_DEFAULT);
        given += readReady(onPacket, untilMs);
      }
      return given;
    },
    state: () => state,
    statistics: () => ({
      packets,
      kernelDrops: isOpen ? counters.refresh() : counters.latest(),
      kernelFreezes: 0,
      notIp: 0,
      blocks: reads,
    }),
    close() {
      if (!isOpen) return;
      counters.refresh();
      isOpen = false;
      reader.close();
      library.close(handle);
    },
  };
}

/** Creates and activates a handle that never blocks. */
function activate(library: PcapLibrary, device: string, options: PcapSourceOptions): PcapHandle {
  const { interfaceName, ringOctets = RING_OCTETS_DEFAULT } = options;
  const message = new Uint8Array(MESSAGE_OCTETS);
  const address = library.create(device, message);
  if (address === null) throw pcapFailed(interfaceName, libraryMessage(message));
  try {
    library.setSnapLength(address, snapLengthWithin(options.snapLength));
    library.setPromiscuous(address, options.promiscuous === true ? 1 : 0);
    library.setTimeout(address, options.retireTimeoutMs ?? RETIRE_TIMEOUT_MS_DEFAULT);
    library.setBufferOctets(address, ringOctets);
    const isNano = library.setTimestampPrecision?.(address, PCAP_TSTAMP_PRECISION_NANO) === 0;
    const result = library.activate(address);
    // Positive results are warnings: the handle works.
    if (result < 0) throw activationError(library, address, result, interfaceName);
    if (library.setNonBlocking(address, 1, message) !== 0) {
      throw pcapFailed(interfaceName, libraryMessage(message));
    }
    return { address, fractionsPerMs: isNano ? 1e6 : 1e3 };
  } catch (error) {
    library.close(address);
    throw error;
  }
}

function activationError(library: PcapLibrary, handle: bigint, result: number, name: string): UserError {
  if (result === ERROR_PERMISSION || result === ERROR_PROMISCUOUS_PERMISSION) return captureDenied('EPERM');
  if (result === ERROR_NO_SUCH_DEVICE) return interfaceUnknown(name);
  const particulars = library.errorText(handle);
  return pcapFailed(name, library.statusText(result) + (particulars === '' ? '' : ` (${particulars})`));
}

function pcapFailed(interfaceName: string, reason: string): UserError {
  return new UserError('pcap_failed', `cannot capture on ${interfaceName} with libpcap: ${reason}`);
}

function interfaceUnknown(interfaceName: string): UserError {
  const name = JSON.stringify(interfaceName);
  return new UserError('interface_unknown', `interface ${name}: there is none of this name`);
}

function deviceOf(library: PcapLibrary, interfaceName: string): string {
  if (process.platform !== 'win32') return interfaceName;
  return deviceWithAddress(library, interfaceName, addressesOf(interfaceName));
}

/** On Linux the kernel knows an interface best; elsewhere it is what Node lists. */
function identify(interfaceName: string): Identity {
  if (libcUnavailable() === undefined) {
    const c = libc();
    const { interfaceIndex, hardwareType, hardwareAddress } = withProbe(c, (probe) =>
      identifyInterface(c, probe, interfaceName),
    );
    return { interfaceIndex, loopback: isLoopbackHardware(hardwareType), hardwareAddress };
  }
  const found = listInterfaces().find(({ name }) => name === interfaceName);
  if (found === undefined) throw interfaceUnknown(interfaceName);
  const { interfaceIndex, loopback, hardwareAddress } = found;
  return { interfaceIndex, loopback, hardwareAddress };
}

/** Waits until packets may be there: for the descriptor on Linux; elsewhere it pauses, some ms at a time. */
function createWait(library: PcapLibrary, handle: bigint): (timeoutMs: number) => void {
  const descriptor = library.selectableDescriptor?.(handle) ?? -1;
  if (descriptor >= 0 && libcUnavailable() === undefined) {
    const wait = createDescriptorWait(libc(), descriptor);
    return (timeoutMs) => void wait.wait(timeoutMs);
  }
  const nothing = new Int32Array(new SharedArrayBuffer(4));
  return (timeoutMs) => void Atomics.wait(nothing, 0, 0, Math.min(timeoutMs, PAUSE_MS));
}

/** struct pcap_stat: received, dropped, dropped by the interface; 32 bits each, which may wrap. */
function createDropCounter(library: PcapLibrary, handle: bigint) {
  const counts = new Uint32Array(8);
  let before = 0;
  let drops = 0;
  return {
    latest: () => drops,
    refresh() {
      if (library.statistics(handle, counts) === 0) {
        drops += ((counts[1] ?? 0) - before) >>> 0;
        before = counts[1] ?? 0;
      }
      return drops;
    },
  };
}
