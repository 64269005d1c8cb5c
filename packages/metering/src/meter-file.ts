/** Metering a capture file offline, with the packets' own timestamps as the clock. */
import { readCapture } from './capture-file.ts';
import type { CaptureProblem } from './capture-parser.ts';
import { END_REASON_FORCED } from './flow-record.ts';
import type { FlowRowSink } from './flow-row.ts';
import type { FrameBurst } from './frame-burst.ts';
import {
  createPacketMeter,
  type PacketMeter,
  type PacketMeterCounters,
  type PacketMeterOptions,
} from './packet-meter.ts';

/** Capture time between two ticks: how late a record's end can be found, in the file's time. */
const TICK_INTERVAL_MS = 100;

export interface MeterFileOptions extends PacketMeterOptions {
  /** Awaited after each chunk of the file: lets whoever takes the batches keep up. */
  afterChunk?: () => Promise<void> | undefined;
  /** The capture itself, in the place of the file; see ReadCaptureOptions. */
  octets?: AsyncIterable<Uint8Array> | undefined;
}

export interface MeterFileSummary {
  readonly format: 'pcap' | 'pcapng';
  readonly counters: PacketMeterCounters;
  /** The damage at which reading stopped, if any; all that was before it has been metered. */
  readonly problem: CaptureProblem | undefined;
}

/**
 * Meters the capture at `path` into `sink`; what is still in the cache at its end has flowEndReason 4. The
 * last rows stay in `sink.batch`, which may be partly filled. Throws UserError as readCapture does.
 */
export async function meterFile(
  path: string,
  options: MeterFileOptions,
  sink: FlowRowSink,
): Promise<MeterFileSummary> {
  const { afterChunk, octets, ...meterOptions } = options;
  const meter = createPacketMeter(meterOptions, sink);
  const clock = new CaptureClock();
  const summary = await readCapture(
    path,
    (bytes, offset, captured, wire, timestampMs, direction, interfaceIndex, linkType) => {
      if (clock.isTick(timestampMs)) meter.tick(timestampMs);
      meter.packet(bytes, offset, captured, wire, timestampMs, direction, interfaceIndex, linkType);
    },
    { afterChunk, octets, onFrames: (frames) => meterFrames(meter, clock, frames) },
  );
  meter.tick(clock.nowMs);
  meter.flushAll(END_REASON_FORCED);
  return { format: summary.format, counters: meter.counters(), problem: summary.problem };
}

/** The packets' own time, which says when a tick is due; it may go back. */
class CaptureClock {
  nowMs = 0;
  #nextTickMs = Number.NEGATIVE_INFINITY;

  /** Sets the clock; true when a tick is due. */
  isTick(timestampMs: number): boolean {
    this.nowMs = timestampMs;
    if (timestampMs < this.#nextTickMs && timestampMs >= this.#nextTickMs - 2 * TICK_INTERVAL_MS)
      return false;
    this.#nextTickMs = timestampMs + TICK_INTERVAL_MS;
    return true;
  }
}

/** Meters a burst in as few parts as its ticks allow. */
function meterFrames(meter: PacketMeter, clock: CaptureClock, frames: FrameBurst): void {
  const { timesMs, size } = frames;
  let from = 0;
  for (let index = 0; index < size; index += 1) {
    const timestampMs = timesMs[index]!;
    if (!clock.isTick(timestampMs)) continue;
    meter.frames(frames, from, index);
    from = index;
    meter.tick(timestampMs);
  }
  meter.frames(frames, from, size);
}
