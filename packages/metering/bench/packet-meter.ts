/**
 * Packets a second that one core parses, hashes and counts: Ethernet, IPv4 and IPv6, TCP and UDP, in random
 * order over a fixed number of flows, from memory.
 *
 *   node packages/metering/bench/packet-meter.ts [FLOWS=160000] [PACKETS=20000000]
 */
import { cpus } from 'node:os';
import { clearFlowBatch, createFlowBatch } from '@weir/ipfix';
import { createPacketMeter } from '../src/index.ts';

const FRAME_OCTETS = 96;
const LINKTYPE_ETHERNET = 1;
/** Frames laid out in memory; a prime, so that rounds over it do not repeat in step with anything. */
const FRAMES = 262_139;

const flows = Number(process.argv[2] ?? 160_000);
const packets = Number(process.argv[3] ?? 20_000_000);

/** Frames of flows drawn at random: 85 % IPv4, two thirds TCP. */
function layOutFrames(): Uint8Array {
  const bytes = new Uint8Array(FRAMES * FRAME_OCTETS);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < FRAMES; index += 1) {
    writeFrame(view, index * FRAME_OCTETS, index < flows ? index : Math.floor(Math.random() * flows));
  }
  shuffleFrames(bytes);
  return bytes;
}

function writeFrame(view: DataView, at: number, flow: number): void {
  const isIpv6 = flow % 20 < 3;
  const protocol = flow % 3 === 0 ? 17 : 6;
  view.setUint16(at + 12, isIpv6 ? 0x86dd : 0x0800);
  const ip = at + 14;
  const transport = ip + (isIpv6 ? 40 : 20);
  if (isIpv6) {
    view.setUint32(ip, 0x60000000);
    view.setUint16(ip + 4, 26);
    view.setUint16(ip + 6, (protocol << 8) | 64);
    view.setUint32(ip + 8, 0x20010db8);
    view.setUint32(ip + 20, flow);
    view.setUint32(ip + 24, 0x20010db8);
  } else {
    view.setUint32(ip, 0x45000000 | 46);
    view.setUint16(ip + 8, (64 << 8) | protocol);
    view.setUint32(ip + 12, 0x0a000000 | flow);
    view.setUint32(ip + 16, 0xc6336401);
  }
  view.setUint16(transport, 1024 + (flow % 60_000));
  view.setUint16(transport + 2, 443);
  if (protocol === 6) view.setUint16(transport + 12, 0x5010);
}

function shuffleFrames(bytes: Uint8Array): void {
  const frame = new Uint8Array(FRAME_OCTETS);
  for (let index = FRAMES - 1; index > 0; index -= 1) {
    const other = Math.floor(Math.random() * (index + 1)) * FRAME_OCTETS;
    frame.set(bytes.subarray(other, other + FRAME_OCTETS));
    bytes.copyWithin(other, index * FRAME_OCTETS, (index + 1) * FRAME_OCTETS);
    bytes.set(frame, index * FRAME_OCTETS);
  }
}

function measure(bytes: Uint8Array): void {
  const batch = createFlowBatch();
  const sink = {
    batch,
    full() {
      clearFlowBatch(batch);
      return batch;
    },
  };
  const meter = createPacketMeter({ idleTimeoutMs: 60_000, activeTimeoutMs: 0 }, sink);
  const run = (count: number) => {
    for (let index = 0; index < count; index += 1) {
      meter.packet(
        bytes,
        (index % FRAMES) * FRAME_OCTETS,
        FRAME_OCTETS,
        FRAME_OCTETS,
        1e12,
        0,
        1,
        LINKTYPE_ETHERNET,
      );
    }
  };
  run(FRAMES * 4);
  const before = process.cpuUsage();
  const startMs = performance.now();
  run(packets);
  const wallMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(before);
  const { flowsHeld, packets: counted } = meter.counters();
  console.log(`machine: ${cpus()[0]?.model}, ${cpus().length} CPUs, Node ${process.version}`);
  console.log(`${counted} packets, ${flowsHeld} flows held`);
  console.log(
    `${(packets / wallMs / 1000).toFixed(2)} M packets/s, ${((user + system) / packets).toFixed(4)} µs CPU each`,
  );
}

measure(layOutFrames());
