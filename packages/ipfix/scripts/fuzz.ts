/**
 * A long fuzz run of both readers: `node packages/ipfix/scripts/fuzz.ts [minutes] [seed]`. Prints the seed of
 * each round; a failure is printed with the datagrams, shrunk, and ends the run with exit code 1.
 */
import { strictEqual } from 'node:assert';
import fc from 'fast-check';
import { decodeBothWays, hostileDatagrams } from '../src/fuzz-datagram.test-support.ts';

/** Octets that a decoder may keep for one round of datagrams; far more is a leak. */
const HEAP_GROWTH_OCTETS_MAX = 256 << 20;
const RUNS_PER_ROUND = 5000;

const minutes = Number(process.argv[2] ?? 10);
let seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
const until = performance.now() + minutes * 60_000;
const heapAtStart = process.memoryUsage().heapUsed;
let sequences = 0;
let rows = 0;
let problems = 0;

while (performance.now() < until) {
  const outcome = fc.check(
    fc.property(hostileDatagrams, (datagrams) => {
      const result = decodeBothWays(datagrams);
      strictEqual(result.rowCount, result.recordCount);
      strictEqual(result.rowProblems.join(), result.recordProblems.join());
      strictEqual(result.rowCount <= result.octets, true);
      rows += result.rowCount;
      problems += result.rowProblems.length;
    }),
    { seed, numRuns: RUNS_PER_ROUND },
  );
  sequences += outcome.numRuns;
  if (outcome.failed) {
    console.error(fc.defaultReportMessage(outcome));
    process.exit(1);
  }
  const growth = process.memoryUsage().heapUsed - heapAtStart;
  console.log(
    `seed ${seed}: ${sequences} sequences, ${rows} rows, ${problems} problems, ${growth >> 20} MiB`,
  );
  if (growth > HEAP_GROWTH_OCTETS_MAX) {
    console.error('The heap grew beyond its limit.');
    process.exit(1);
  }
  seed = (seed * 48271 + 1) % 2 ** 31;
}
