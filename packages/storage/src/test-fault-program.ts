/** A program for the crash tests: opens the store in the folder of its argument, and dies at a step of some work. */
import { silentLogger, systemClock } from '@weir/base';
import { openStore } from './flow-store.ts';

const [, , dataDirectory = '', work = '', faultPoint = ''] = process.argv;
// A clock keeps the owner in this thread: a worker has an environment of its own.
const options = { threads: 1 };
if (work === 'open') process.env['WEIR_STORE_FAULT'] = faultPoint;
const store = await openStore({ dataDirectory, logger: silentLogger, clock: systemClock, options });
process.env['WEIR_STORE_FAULT'] = faultPoint;
if (work === 'seal') await store.seal();
if (work === 'compact') await store.compact();
await store.close();
