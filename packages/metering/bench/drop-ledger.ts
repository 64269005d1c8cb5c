/**
 * What a dropped frame costs: CPU microseconds and memory, for a flood in which every frame is a flow of its
 * own and for one of few flows.
 *
 *   node packages/metering/bench/drop-ledger.ts [frames]
 */
import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { DropLedger } from '../src/drop-ledger.ts';
import { buildIpv4 } from '../src/frame-builder.ts';
import { LINKTYPE_RAW } from '../src/link-type.ts';

const FRAMES_DEFAULT = 5_000_000;
/** A quarter of a million frames a second. */
const FRAMES_PER_SECOND = 250_000;
const FRAMES_PER_TURN = 1000;
const RECORDS_PER_TURN = 2048;

function run(frames: number, flows: number): void {
  const batch = createFlowBatch();
  let records = 0;
  const sink = {
    batch,
    full() {
      records += batch.rowCount;
      clearFlowBatch(batch);
      return batch;
    },
  };
  const identity = { address: 'local', observationDomainId: 1, source: 'wg0', version: 0 };
  const ledger = new DropLedger({ exporterOf: () => identity }, sink);
  const bytes = buildIpv4({ protocol: 6, tcpControlBits: 2 });
  const view = new DataView(bytes.buffer);
  const frame = {
    bytes,
    offset: 0,
    capturedLength: bytes.length,
    wireLength: bytes.length,
    linkType: LINKTYPE_RAW,
    timestampMs: 0,
    direction: 0,
    interfaceIndex: 1,
    otherInterface: 0,
    reason: 1,
    ruleName: 'flood',
  };
  const begun = process.cpuUsage();
  for (let index = 0; index < frames; index += 1) {
    view.setUint32(12, Math.imul(index % flows, 0x9e3779b1));
    frame.timestampMs = (index * 1000) / FRAMES_PER_SECOND;
    ledger.count(frame);
    if (index % FRAMES_PER_TURN === 0) ledger.tick(frame.timestampMs, RECORDS_PER_TURN);
  }
  ledger.flushAll();
  sink.full();
  const { user, system } = process.cpuUsage(begun);
  const { ledgerOctets, framesOverflow } = ledger.counters();
  const perFrame = ((user + system) / frames).toFixed(3);
  console.log(
    `${String(flows).padStart(9)} flows  ${String(frames).padStart(9)} frames  ${perFrame} µs/frame  ` +
      `${records} records  ${framesOverflow} overflowed  ledger ${(ledgerOctets / 2 ** 20).toFixed(1)} MiB  ` +
      `rss ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB`,
  );
}

const frames = Number(process.argv[2] ?? FRAMES_DEFAULT);
for (const flows of [100, 10_000, frames]) run(frames, flows);
