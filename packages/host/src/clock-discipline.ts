/** Whether somebody keeps this machine's clock right, as the kernel knows it (adjtimex(2)). */
import { libc, libcUnavailable } from './libc.ts';

/**
 * struct timex of 64-bit Linux, 208 octets: 0 modes  8 offset  16 freq  24 maxerror (µs)  32 esterror
 * 40 status  …
 */
const TIMEX_OCTETS = 208;
const STA_UNSYNC = 0x40;

export interface ClockDiscipline {
  readonly isSynchronised: boolean;
  /** How far it may be off, by the kernel's own estimate. */
  readonly errorMaxMs: number;
}

/** undefined where the kernel cannot be asked: elsewhere than on Linux, and in some sandboxes. */
export function clockDiscipline(): ClockDiscipline | undefined {
  if (libcUnavailable() !== undefined) return undefined;
  const timex = new Uint8Array(TIMEX_OCTETS); // modes 0: nothing is changed
  if (libc().adjtimex(timex) < 0) return undefined;
  const view = new DataView(timex.buffer);
  return {
    isSynchronised: (view.getInt32(40, true) & STA_UNSYNC) === 0,
    errorMaxMs: Number(view.getBigInt64(24, true)) / 1000,
  };
}
