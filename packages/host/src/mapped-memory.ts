import { UserError } from '@weir/base';
import type { Libc } from './libc.ts';
import {
  MAP_ANONYMOUS,
  MAP_FAILED,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_READ,
  PROT_WRITE,
} from './socket-option.ts';

/**
 * Memory outside the JavaScript heap that the kernel may write to, seen as one ArrayBuffer without a copy.
 */
export interface MappedMemory {
  readonly address: bigint;
  readonly buffer: ArrayBuffer;
  /** False once the memory was given back. */
  isMapped(): boolean;
  /**
   * Gives the memory back; calling it twice is harmless. The buffer is detached first, so that a view of it
   * that someone kept reads as empty instead of faulting.
   */
  unmap(): void;
}

/** Maps `length` octets of the socket or device `fd`, or of fresh memory when `fd` is undefined. */
export function mapMemory(c: Libc, length: number, fd?: number): MappedMemory {
  const flags = fd === undefined ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  const address = c.mmap(null, length, PROT_READ | PROT_WRITE, flags, fd ?? -1, 0);
  if (address === null || address === MAP_FAILED) {
    throw new UserError('memory_mapping_failed', `cannot map ${length} octets of memory: ${c.errorName()}`);
  }
  const buffer = c.view(address, length);
  return {
    address,
    buffer,
    isMapped: () => buffer.byteLength > 0,
    unmap() {
      if (buffer.byteLength === 0) return;
      buffer.transfer();
      c.munmap(address, length);
    },
  };
}
