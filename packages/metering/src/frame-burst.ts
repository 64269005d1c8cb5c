/**
 * Frames of a capture as places in a run of octets: what a parser hands over at once, so that each step of
 * metering is one loop over many packets, and not one call for each.
 *
 * Hot file: typed-array reads are asserted (`!`); every index is below `size`.
 */
import type { CapturePacketHandler } from './capture-parser.ts';
import { BURST_PACKETS, DIRECTION_UNKNOWN } from './packet-burst.ts';

export class FrameBurst {
  /** The octets; they are there until the handler returns. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Over the same octets. */
  view: DataView = new DataView(this.bytes.buffer);
  linkType = 0;
  size = 0;
  /** Of `bytes`, where each frame begins. */
  readonly offsets = new Int32Array(BURST_PACKETS);
  readonly capturedLengths = new Int32Array(BURST_PACKETS);
  readonly wireLengths = new Uint32Array(BURST_PACKETS);
  /** Milliseconds since the Unix epoch, with a fraction. */
  readonly timesMs = new Float64Array(BURST_PACKETS);
}

/** Takes frames in the order of the file, whose direction and interface are not known; see FrameBurst. */
export type FrameBurstHandler = (frames: FrameBurst) => void;

/** Gives the frames of each burst to a handler of packets. */
export function oneByOne(onPacket: CapturePacketHandler): FrameBurstHandler {
  return ({ bytes, linkType, size, offsets, capturedLengths, wireLengths, timesMs }) => {
    for (let index = 0; index < size; index += 1) {
      const offset = offsets[index]!;
      const captured = capturedLengths[index]!;
      const wire = wireLengths[index]!;
      onPacket(bytes, offset, captured, wire, timesMs[index]!, DIRECTION_UNKNOWN, 0, linkType);
    }
  };
}
