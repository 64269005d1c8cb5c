import type { Libc } from './libc.ts';
import { POLLIN } from './socket-option.ts';

/** Blocks the calling thread until a descriptor is readable. */
export interface DescriptorWait {
  /** The `revents` of poll(2): 0 when `timeoutMs` passed (or a signal came) and nothing happened. */
  wait(timeoutMs: number): number;
}

/** A `struct pollfd` for `fd`, kept so that waiting allocates nothing. */
export function createDescriptorWait(c: Libc, fd: number): DescriptorWait {
  const memory = new ArrayBuffer(8);
  const octets = new Uint8Array(memory);
  const words = new Uint16Array(memory);
  new Int32Array(memory)[0] = fd;
  words[2] = POLLIN;
  return {
    wait(timeoutMs) {
      words[3] = 0;
      return c.poll(octets, 1, timeoutMs) > 0 ? (words[3] ?? 0) : 0;
    },
  };
}
