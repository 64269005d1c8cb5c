/**
 * The classic pcap file (draft-ietf-opsawg-pcap): either byte order, microseconds or nanoseconds, and
 * Kuznetzov's modification with 8 more octets a record.
 *
 *  0           4     6     8        12       16        20         24
 * +-----------+-----+-----+--------+--------+---------+----------+
 * |   magic   | maj | min | 0      | 0      | snaplen | linktype |    file header
 * +-----------+-----+-----+--------+--------+---------+----------+
 * +-----------+-----------+--------+--------+-------- - -
 * |  seconds  | fraction  |captured| on wire|  octets              record
 * +-----------+-----------+--------+--------+-------- - -
 */
import { CAPTURED_OCTETS_MAX, type CaptureParser, type Damage } from './capture-parser.ts';
import { FrameBurst, type FrameBurstHandler } from './frame-burst.ts';
import { BURST_PACKETS } from './packet-burst.ts';

const FILE_HEADER_OCTETS = 24;

interface Dialect {
  readonly littleEndian: boolean;
  readonly fractionsPerMs: number;
  readonly recordHeaderOctets: number;
}

/** Whether `bytes`, at least 4 of them, begin like a pcap file. */
export function isPcap(view: DataView): boolean {
  return dialectOf(view.getUint32(0)) !== undefined;
}

function dialectOf(magic: number): Dialect | undefined {
  switch (magic) {
    case 0xa1b2c3d4:
      return { littleEndian: false, fractionsPerMs: 1e3, recordHeaderOctets: 16 };
    case 0xd4c3b2a1:
      return { littleEndian: true, fractionsPerMs: 1e3, recordHeaderOctets: 16 };
    case 0xa1b23c4d:
      return { littleEndian: false, fractionsPerMs: 1e6, recordHeaderOctets: 16 };
    case 0x4d3cb2a1:
      return { littleEndian: true, fractionsPerMs: 1e6, recordHeaderOctets: 16 };
    case 0xa1b2cd34:
      return { littleEndian: false, fractionsPerMs: 1e3, recordHeaderOctets: 24 };
    case 0x34cdb2a1:
      return { littleEndian: true, fractionsPerMs: 1e3, recordHeaderOctets: 24 };
    default:
      return undefined;
  }
}

export class PcapParser implements CaptureParser {
  readonly format = 'pcap';
  packets = 0;
  damage: Damage | undefined;
  readonly #onFrames: FrameBurstHandler;
  readonly #frames = new FrameBurst();
  #dialect: Dialect | undefined;

  constructor(onFrames: FrameBurstHandler) {
    this.#onFrames = onFrames;
  }

  parse(bytes: Uint8Array, view: DataView, position: number, end: number): number {
    if (this.#dialect === undefined) {
      if (end - position < FILE_HEADER_OCTETS) return position;
      this.#dialect = dialectOf(view.getUint32(position));
      if (this.#dialect === undefined) {
        this.damage = { position, message: 'no pcap magic number' };
        return position;
      }
      // The upper bits may hold the length of the frame check sequence.
      this.#frames.linkType = view.getUint32(position + 20, this.#dialect.littleEndian) & 0x03ff_ffff;
      position += FILE_HEADER_OCTETS;
    }
    const frames = this.#frames;
    frames.bytes = bytes;
    frames.view = view;
    for (;;) {
      const next = this.#gather(view, position, end, this.#dialect);
      if (next === position) return position;
      this.packets += frames.size;
      this.#onFrames(frames);
      position = next;
    }
  }

  /** Fills the burst with whole records; returns where the first that is not in it begins. */
  #gather(view: DataView, start: number, end: number, dialect: Dialect): number {
    const { littleEndian, fractionsPerMs, recordHeaderOctets } = dialect;
    const { offsets, capturedLengths, wireLengths, timesMs } = this.#frames;
    let position = start;
    let size = 0;
    while (size < BURST_PACKETS && end - position >= recordHeaderOctets) {
      const captured = view.getUint32(position + 8, littleEndian);
      if (captured > CAPTURED_OCTETS_MAX) {
        this.damage = { position, message: `a packet of ${captured} captured octets` };
        break;
      }
      const at = position + recordHeaderOctets;
      if (end - at < captured) break;
      const seconds = view.getUint32(position, littleEndian);
      timesMs[size] = seconds * 1000 + view.getUint32(position + 4, littleEndian) / fractionsPerMs;
      wireLengths[size] = view.getUint32(position + 12, littleEndian);
      offsets[size] = at;
      capturedLengths[size] = captured;
      size += 1;
      position = at + captured;
    }
    this.#frames.size = size;
    return position;
  }
}
