/**
 * What a frame of a pcapng stream costs: parsing, verdict and comment, and the ledger or the flow cache behind.
 *
 *   node packages/metering/bench/pcapng-stream.ts [frames]
 */
import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { DropLedger } from '../src/drop-ledger.ts';
import { buildIpv4 } from '../src/frame-builder.ts';
import { LINKTYPE_RAW } from '../src/link-type.ts';
import { createPacketMeter } from '../src/packet-meter.ts';
import { concatenate, PcapngBuilder } from '../src/pcapng-stream-builder.ts';
import { PcapngStreamReader } from '../src/pcapng-stream-reader.ts';

const FRAMES_DEFAULT = 2_000_000;
const CHUNK_OCTETS = 65_536;

const builder = new PcapngBuilder();
const packet = buildIpv4({ protocol: 6, payload: 100 });
const drop = [builder.flags(2), builder.verdict(1, 2n), builder.comment('rule=ssh-deny reason=Trust')];
const kinds = {
  passed: builder.packet(packet, { options: [builder.flags(1)] }),
  dropped: builder.packet(packet, { options: drop }),
};

function run(name: string, block: Uint8Array, frames: number): void {
  const batch = createFlowBatch();
  const sink = {
    batch,
    full() {
      clearFlowBatch(batch);
      return batch;
    },
  };
  const identity = { address: 'local', observationDomainId: 0, source: 'overlay', version: 0 };
  const ledger = new DropLedger({ exporterOf: () => identity }, sink);
  const meter = createPacketMeter({}, sink);
  const reader = new PcapngStreamReader({
    passed: meter.packet.bind(meter),
    dropped: (frame) => ledger.count(frame),
    interfaceIndexOf: () => 0,
  });
  reader.push(concatenate([builder.section(), builder.interface('overlay0', LINKTYPE_RAW)]));
  const perChunk = Math.floor(CHUNK_OCTETS / block.length);
  const chunk = concatenate(Array.from({ length: perChunk }, () => block));
  const begun = process.cpuUsage();
  let count = 0;
  for (; count < frames; count += perChunk) reader.push(chunk);
  const { user, system } = process.cpuUsage(begun);
  console.log(`${name.padEnd(8)} ${count} frames  ${((user + system) / count).toFixed(3)} µs/frame`);
}

const frames = Number(process.argv[2] ?? FRAMES_DEFAULT);
for (const [name, block] of Object.entries(kinds)) run(name, block, frames);
