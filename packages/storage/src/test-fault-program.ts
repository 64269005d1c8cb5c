/** A program for the crash tests: opens the store in the folder of its argument, and dies at a step of some work. */
import { createManualClock, silentLogger, systemClock } from '@weir/base';
import { openStore } from './flow-store.ts';

const [, , dataDirectory = '', work = '', faultPoint = '', expireBeforeMs = ''] = process.argv;
// A clock keeps the owner in this thread: a worker has an environment of its own.
const manual = createManualClock(Number(expireBeforeMs) + 1);
const clock = work === 'expire' ? manual : systemClock;
const options = { threads: 1, ...(work === 'expire' ? { retentionMs: 1 } : {}) };
if (work === 'open') process.env['WEIR_STORE_FAULT'] = faultPoint;
const store = await openStore({ dataDirectory, logger: silentLogger, clock, options });
process.env['WEIR_STORE_FAULT'] = faultPoint;
if (work === 'seal') await store.seal();
if (work === 'compact') await store.compact();
if (work === 'expire') {
  // The store's timer begins a turn of its tidying, at the end of which it dies.
  for (;;) {
    manual.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
await store.close();
