/**
 * The C library of Linux, through koffi. Everything is a thin name for a system call; a failed call returns
 * what C returns (-1), and `errorName()` right after it says why.
 *
 * Structures are laid out by hand in byte arrays, at the offsets of the 64-bit little-endian Linux ABI
 * (x86-64 and arm64 agree on every structure and constant used in this package), which is why
 * `libcUnavailable` refuses any other platform. Pointers are BigInt, as koffi 3 has them.
 */
import { endianness } from 'node:os';
import { UserError } from '@weir/base';
import { firstLine, loadKoffi } from './koffi-module.ts';

/** An address in this process, or an array that the call reads or fills before it returns. */
export type Memory = bigint | Uint8Array | Uint32Array | null;

export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  getsockname(fd: number, address: Uint8Array, length: Uint32Array): number;
  setsockopt(fd: number, level: number, name: number, value: Memory, length: number): number;
  getsockopt(fd: number, level: number, name: number, value: Memory, length: Uint32Array): number;
  recvmmsg(fd: number, messages: bigint, count: number, flags: number, timeout: null): number;
  recv(fd: number, buffer: bigint, length: number, flags: number): number;
  send(fd: number, buffer: Uint8Array, length: number, flags: number): number;
  poll(descriptors: Uint8Array, count: number, timeoutMs: number): number;
  usleep(microseconds: number): number;
  adjtimex(timex: Uint8Array): number;
  setns(fd: number, kind: number): number;
  ioctl(fd: number, request: number, argument: Uint8Array): number;
  close(fd: number): number;
  mmap(
    hint: null,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): bigint | null;
  munmap(address: bigint, length: number): number;
  inet_pton(family: number, text: string, address: Uint8Array): number;
  /** Wraps memory of this process as an ArrayBuffer, without a copy. */
  view(address: bigint, length: number): ArrayBuffer;
  /**
   * The address of a typed array's first octet. The array must own an ArrayBuffer that somebody touched (a
   * small one may move until then), and must not be collected while C holds the address.
   */
  addressOf(array: Uint8Array): bigint;
  /** The symbolic name of errno: `EPERM`. */
  errorName(): string;
  /** The same for a number that came in a message. */
  nameOfError(number: number): string;
}

const SUPPORTED_ARCHITECTURES: readonly string[] = ['x64', 'arm64'];

let loaded: Libc | undefined;

/** Why the C library cannot be used here, as one clause; undefined where it can. */
export function libcUnavailable(): string | undefined {
  if (process.platform !== 'linux') return `the platform is ${process.platform}, not Linux`;
  if (!SUPPORTED_ARCHITECTURES.includes(process.arch) || endianness() !== 'LE') {
    return `the processor is ${process.arch}; ${SUPPORTED_ARCHITECTURES.join(' and ')} are supported`;
  }
  try {
    loaded ??= load();
    return undefined;
  } catch (error) {
    return `the native module koffi does not load: ${firstLine(error)}`;
  }
}

/** The C library of this thread. Throws a UserError where `libcUnavailable` has a reason. */
export function libc(): Libc {
  const reason = libcUnavailable();
  if (loaded === undefined || reason !== undefined) {
    throw new UserError('native_calls_unavailable', `native calls are not available: ${reason}`);
  }
  return loaded;
}

/** The bare names are those of the functions in libc; koffi resolves them in the running process. */
function load(): Libc {
  const koffi = loadKoffi();
  const library = koffi.load(null);
  const errorNames = new Map(Object.entries(koffi.os.errno).map(([name, number]) => [number, name]));
  const nameOfError = (number: number) => errorNames.get(number) ?? `errno ${number}`;
  return {
    socket: library.func('int socket(int domain, int type, int protocol)'),
    bind: library.func('int bind(int fd, void *address, uint32_t length)'),
    connect: library.func('int connect(int fd, void *address, uint32_t length)'),
    getsockname: library.func('int getsockname(int fd, void *address, void *length)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)'),
    getsockopt: library.func('int getsockopt(int fd, int level, int name, void *value, void *length)'),
    recvmmsg: library.func('int recvmmsg(int fd, void *messages, uint32_t count, int flags, void *timeout)'),
    recv: library.func('long recv(int fd, void *buffer, size_t length, int flags)'),
    send: library.func('long send(int fd, void *buffer, size_t length, int flags)'),
    poll: library.func('int poll(void *descriptors, unsigned long count, int timeout)'),
    setns: library.func('int setns(int fd, int kind)'),
    usleep: library.func('int usleep(uint32_t microseconds)'),
    adjtimex: library.func('int adjtimex(void *timex)'),
    ioctl: library.func('int ioctl(int fd, unsigned long request, void *argument)'),
    close: library.func('int close(int fd)'),
    mmap: library.func(
      'void *mmap(void *hint, size_t length, int protection, int flags, int fd, int64_t offset)',
    ),
    munmap: library.func('int munmap(void *address, size_t length)'),
    inet_pton: library.func('int inet_pton(int family, str text, void *address)'),
    view: (address, length) => koffi.view(address, length),
    addressOf: (array) => koffi.address(array),
    errorName: () => nameOfError(koffi.errno()),
    nameOfError,
  };
}
