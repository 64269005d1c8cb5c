/** `npm run bench [-- NAME…]`: the benchmarks by name; without a name, those that take minutes, not hours. */
import process from 'node:process';
import { benchmarkCollect } from './collect.ts';
import { benchmarkConsole } from './console.ts';
import { benchmarkDecode } from './decode.ts';
import { benchmarkDetect } from './detect.ts';
import { benchmarkHeldOut } from './held-out.ts';
import { benchmarkLive } from './live.ts';
import { benchmarkMeter } from './meter.ts';
import { benchmarkPolicy } from './policy.ts';
import { benchmarkStore } from './store.ts';
import { benchmarkUsage } from './usage.ts';

const BENCHMARKS: Readonly<Record<string, (size?: string) => void | Promise<void>>> = {
  decode: benchmarkDecode,
  meter: benchmarkMeter,
  live: benchmarkLive,
  collect: benchmarkCollect,
  store: benchmarkStore,
  detect: benchmarkDetect,
  'held-out': benchmarkHeldOut,
  console: benchmarkConsole,
  policy: benchmarkPolicy,
  usage: benchmarkUsage,
};

const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : Object.keys(BENCHMARKS)) {
  const [title = '', size] = name.split(':');
  const benchmark = BENCHMARKS[title];
  if (benchmark === undefined) {
    console.error(`no benchmark '${name}' (there are: ${Object.keys(BENCHMARKS).join(', ')})`);
    process.exitCode = 2;
    continue;
  }
  await benchmark(size);
}
