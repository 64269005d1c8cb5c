/**
 * libpcap (Linux, macOS and the BSDs) or Npcap (Windows), through koffi: thin names for its functions.
 * Pointers are BigInt. What it does not have (an old version, Npcap without stdio) is undefined.
 */
import { UserError } from '@weir/base';
import { firstLine, type Koffi, loadKoffi } from './koffi-module.ts';

type NativeLibrary = ReturnType<Koffi['load']>;

/** Where the library is, the most particular name first; Debian numbers libpcap 0.8, everyone else 1. */
const LIBRARY_NAMES: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  win32: ['C:\\Windows\\System32\\Npcap\\wpcap.dll', 'wpcap.dll'],
  darwin: ['libpcap.A.dylib', 'libpcap.dylib'],
};
const LIBRARY_NAMES_ELSEWHERE = ['libpcap.so.1', 'libpcap.so.0.8', 'libpcap.so'];

const HOW_TO_INSTALL: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  win32: 'install Npcap from https://npcap.com',
  darwin: 'it is a part of macOS, so the library path may be restricted',
};
const HOW_TO_INSTALL_ELSEWHERE =
  'install the package libpcap0.8 (Debian, Ubuntu) or libpcap (Fedora, Alpine, Arch)';

/** Pointer-sized results are written into arrays of the caller's. */
export interface PcapLibrary {
  create(device: string, message: Uint8Array): bigint | null;
  setSnapLength(handle: bigint, octets: number): number;
  setPromiscuous(handle: bigint, on: number): number;
  setTimeout(handle: bigint, milliseconds: number): number;
  setBufferOctets(handle: bigint, octets: number): number;
  /** Undefined before libpcap 1.5: microseconds only. */
  readonly setTimestampPrecision: ((handle: bigint, precision: number) => number) | undefined;
  activate(handle: bigint): number;
  setNonBlocking(handle: bigint, on: number, message: Uint8Array): number;
  dataLink(handle: bigint): number;
  /** -1 where there is none; undefined on Windows. */
  readonly selectableDescriptor: ((handle: bigint) => number) | undefined;
  nextPacket(handle: bigint, header: BigUint64Array, octets: BigUint64Array): number;
  dispatch(handle: bigint, packetsMax: number, callback: bigint, user: bigint): number;
  statistics(handle: bigint, counts: Uint32Array): number;
  errorText(handle: bigint): string;
  /** What a negative result of `activate` means in general; `errorText` may say more, or nothing. */
  statusText(status: number): string;
  close(handle: bigint): void;
  findAllDevices(list: BigUint64Array, message: Uint8Array): number;
  freeAllDevices(list: bigint): void;
  copyMemory(to: Uint8Array, from: bigint, octets: number): void;
  textOctets(text: bigint): number;
  /** libpcap's own writer into a stdio stream over memory; undefined where stdio has no such streams. */
  readonly memoryDump: MemoryDump | undefined;
}

export interface MemoryDump {
  /** The address of `pcap_dump`, which serves `dispatch` as callback with the dump as user. */
  readonly callback: bigint;
  openStream(memory: Uint8Array, octets: number): bigint | null;
  /** Writes a file header; closing the dump closes the stream. */
  openDump(handle: bigint, stream: bigint): bigint | null;
  /** Brings to memory what the stream holds and goes to its beginning. */
  rewind(stream: bigint): void;
  closeDump(dump: bigint): void;
}

let loaded: PcapLibrary | undefined;

/** Why libpcap or Npcap cannot be used, and what to do; undefined where it can. */
export function pcapUnavailable(): { missing: string; howToGrant: string } | undefined {
  try {
    loaded ??= load(process.platform);
    return undefined;
  } catch (error) {
    const name = process.platform === 'win32' ? 'Npcap' : 'libpcap';
    return {
      missing: `${name} does not load: ${firstLine(error)}`,
      howToGrant: HOW_TO_INSTALL[process.platform] ?? HOW_TO_INSTALL_ELSEWHERE,
    };
  }
}

/** The library. Throws UserError `pcap_unavailable` where `pcapUnavailable` has a reason. */
export function pcapLibrary(): PcapLibrary {
  const reason = pcapUnavailable();
  if (loaded === undefined || reason !== undefined) {
    throw new UserError('pcap_unavailable', `${reason?.missing}; ${reason?.howToGrant}`);
  }
  return loaded;
}

function load(platform: NodeJS.Platform): PcapLibrary {
  const koffi = loadKoffi();
  const library = loadFirst(koffi, LIBRARY_NAMES[platform] ?? LIBRARY_NAMES_ELSEWHERE);
  const system = koffi.load(platform === 'win32' ? 'ntdll.dll' : null);
  return {
    create: library.func('void *pcap_create(str device, void *message)'),
    setSnapLength: library.func('int pcap_set_snaplen(void *handle, int octets)'),
    setPromiscuous: library.func('int pcap_set_promisc(void *handle, int on)'),
    setTimeout: library.func('int pcap_set_timeout(void *handle, int milliseconds)'),
    setBufferOctets: library.func('int pcap_set_buffer_size(void *handle, int octets)'),
    setTimestampPrecision: optional(() =>
      library.func('int pcap_set_tstamp_precision(void *handle, int precision)'),
    ),
    activate: library.func('int pcap_activate(void *handle)'),
    setNonBlocking: library.func('int pcap_setnonblock(void *handle, int on, void *message)'),
    dataLink: library.func('int pcap_datalink(void *handle)'),
    selectableDescriptor: optional(() => library.func('int pcap_get_selectable_fd(void *handle)')),
    nextPacket: library.func('int pcap_next_ex(void *handle, void *header, void *octets)'),
    dispatch: library.func('int pcap_dispatch(void *handle, int packetsMax, void *callback, void *user)'),
    statistics: library.func('int pcap_stats(void *handle, void *counts)'),
    errorText: library.func('str pcap_geterr(void *handle)'),
    statusText: library.func('str pcap_statustostr(int status)'),
    close: library.func('void pcap_close(void *handle)'),
    findAllDevices: library.func('int pcap_findalldevs(void *list, void *message)'),
    freeAllDevices: library.func('void pcap_freealldevs(void *list)'),
    textOctets: system.func('size_t strlen(void *text)'),
    copyMemory: system.func('void *memcpy(void *to, void *from, size_t octets)'),
    memoryDump: platform === 'win32' ? undefined : optional(() => loadMemoryDump(library, system)),
  };
}

function loadMemoryDump(library: NativeLibrary, system: NativeLibrary): MemoryDump {
  const openStream = system.func('void *fmemopen(void *memory, size_t octets, str mode)');
  return {
    callback: library.symbol('pcap_dump') as bigint,
    openStream: (memory, octets) => openStream(memory, octets, 'w'),
    openDump: library.func('void *pcap_dump_fopen(void *handle, void *stream)'),
    rewind: system.func('void rewind(void *stream)'),
    closeDump: library.func('void pcap_dump_close(void *dump)'),
  };
}

function loadFirst(koffi: Koffi, names: readonly string[]): NativeLibrary {
  const failures = names.map((name) => {
    try {
      return koffi.load(name);
    } catch (error) {
      return `${name}: ${firstLine(error)}`;
    }
  });
  const library = failures.find((result) => typeof result !== 'string');
  if (library === undefined) throw new Error(failures.join(', '));
  return library;
}

function optional<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

/** PCAP_ERRBUF_SIZE. */
export const MESSAGE_OCTETS = 256;

/** What the library wrote into a message array. */
export function libraryMessage(message: Uint8Array): string {
  return new TextDecoder().decode(message.subarray(0, message.indexOf(0)));
}
