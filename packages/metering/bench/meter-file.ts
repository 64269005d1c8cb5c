/**
 * `meterFile` over a capture, as `weir meter` does it: reading, parsing, the flow cache, rows into batches.
 * CPU is that of the whole process (compiler and garbage collector threads included) from call to return.
 *
 *   node packages/metering/bench/meter-file.ts FILE.pcap [RUNS=5] [tcp] [names]
 */
import { cpus } from 'node:os';
import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { meterFile } from '../src/index.ts';

const [path, runs = '5', ...details] = process.argv.slice(2);
const tcpPerformance = details.includes('tcp');
const names = { dns: details.includes('names'), tls: details.includes('names') };
if (path === undefined) {
  console.error('usage: meter-file.ts FILE.pcap [RUNS] [tcp] [names]');
  process.exit(2);
}
console.log(`machine: ${cpus()[0]?.model}, ${cpus().length} CPUs, Node ${process.version}`);
console.log('wall s   M packets/s   CPU s per M packets   RSS MB   records   packets   IP octets');
for (let run = 0; run < Number(runs); run += 1) {
  const batch = createFlowBatch();
  const sink = {
    batch,
    full() {
      clearFlowBatch(batch);
      return batch;
    },
  };
  const options = { idleTimeoutMs: 60_000, activeTimeoutMs: 300_000, tcpPerformance, names };
  const before = process.cpuUsage();
  const startMs = performance.now();
  const { counters } = await meterFile(path, options, sink);
  const wallMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(before);
  const cells = [
    (wallMs / 1000).toFixed(3),
    (counters.packets / wallMs / 1000).toFixed(2),
    ((user + system) / counters.packets).toFixed(4),
    (process.memoryUsage().rss / 1e6).toFixed(0),
    counters.records,
    counters.packets,
    counters.octets,
  ];
  console.log(cells.join('   '));
}
