/**
 * CPU per million flow records packed into IPFIX messages, and per million sent over loopback UDP.
 *
 *   node packages/exporting/bench/pack.ts [--records N]
 *
 * The records are IPv4 and IPv6 × TCP, UDP and ICMP in random order, as a meter of both directions hands
 * them over; the classifier's sort, which that order makes necessary, is part of the cost.
 */
import { createSocket } from 'node:dgram';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { silentLogger } from '@weir/base';
import { FLOW_BATCH_ROWS_DEFAULT, type FlowBatch } from '@weir/ipfix';
import { createTemplateRegistry } from '../src/export-template.ts';
import { batchOf, type FlowFixture } from '../src/flow-fixture.ts';
import { createExporter, parseProfile } from '../src/index.ts';
import { createMessagePacker } from '../src/message-packer.ts';
import { createRowClassifier } from '../src/row-classifier.ts';

const { values } = parseArgs({ options: { records: { type: 'string', default: '5000000' } } });
const recordCount = Number(values.records);

/** Deterministic: every run packs the same octets (Numerical Recipes' linear congruential generator). */
let state = 1;
function random(limit: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

function randomFlow(): FlowFixture {
  const isIpv4 = random(4) > 0;
  const protocol = [6, 6, 6, 17, 17, isIpv4 ? 1 : 58][random(6)] ?? 6;
  const host = () =>
    isIpv4 ? `10.${random(256)}.${random(256)}.${random(256)}` : `2001:db8::${random(65536).toString(16)}`;
  const endMs = 1_700_000_000_000 + random(60_000);
  return {
    source: host(),
    destination: host(),
    protocol,
    sourcePort: random(65536),
    destinationPort: random(1024),
    octets: random(1_000_000),
    packets: 1 + random(1000),
    startMs: endMs - random(30_000),
    endMs,
    direction: random(2),
    columns: {
      inIf: 2,
      outIf: 3,
      endReason: 1,
      tos: 0,
      minTtl: 64,
      maxTtl: 64,
      tcpFlags: 0x1b,
      icmpTypeCode: 0x0800,
    },
  };
}

function row(name: string, records: number, seconds: number, cpuSeconds: number): void {
  const million = records / 1e6;
  console.log(
    `${name.padEnd(34)} ${(records / seconds / 1e6).toFixed(2).padStart(8)} M records/s ` +
      `${(cpuSeconds / million).toFixed(3).padStart(8)} CPU s per million`,
  );
}

/** Runs `work` and prints what it took; user and system time of all threads of this process. */
async function measure(name: string, work: () => number | Promise<number>): Promise<void> {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const records = await work();
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  row(name, records, seconds, (user + system) / 1e6);
}

function pack(batch: FlowBatch): number {
  let octets = 0;
  const classifier = createRowClassifier(createTemplateRegistry(), 'Both');
  const packer = createMessagePacker({
    classifier,
    observationDomainId: 1,
    messageOctetsMax: 1472,
    systemInitTimeMs: 0,
    emit(message) {
      octets += message.length;
    },
  });
  while (packer.counters.recordsPacked < recordCount) packer.pack(batch, 0);
  packer.flush();
  return octets > 0 ? packer.counters.recordsPacked : 0;
}

/** Packs and sends to a loopback socket that nobody reads: the sender's cost, unpaced. */
async function send(batch: FlowBatch): Promise<number> {
  const sink = createSocket('udp4');
  await new Promise<void>((bound) => sink.bind(0, '127.0.0.1', () => bound()));
  const metadata = {
    IpFixCollectors: [`Udp/127.0.0.1:${sink.address().port}`],
    MaxMessagesPerSecond: 1_000_000,
  };
  const exporter = createExporter(parseProfile(JSON.stringify({ FlowMetadata: metadata }), 'bench'), {
    logger: silentLogger,
  });
  sink.on('message', () => {});
  await exporter.start();
  const records = recordCount / 5;
  for (let taken = 0; taken < records; taken += batch.rowCount) {
    await exporter.whenRoom();
    exporter.export(batch);
  }
  await exporter.stop();
  sink.close();
  return exporter.collectors()[0]?.counters.flowsSent ?? 0;
}

const batch = batchOf(Array.from({ length: FLOW_BATCH_ROWS_DEFAULT }, randomFlow));
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}`);
pack(batch);
await measure('pack', () => pack(batch));
await measure('pack, send and receive on loopback', () => send(batch));
