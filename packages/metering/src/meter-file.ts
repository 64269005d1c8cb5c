/** Metering a capture file offline, with the packets' own timestamps as the clock. */
import { readCapture } from './capture-file.ts';
import type { CaptureProblem } from './capture-parser.ts';
import { END_REASON_FORCED } from './flow-record.ts';
import type { FlowRowSink } from './flow-row.ts';
import { createPacketMeter, type PacketMeterCounters, type PacketMeterOptions } from './packet-meter.ts';

/** Capture time between two ticks: how late a record's end can be found, in the file's time. */
const TICK_INTERVAL_MS = 100;

export interface MeterFileOptions extends PacketMeterOptions {
  /** Awaited after each chunk of the file: lets whoever takes the batches keep up. */
  afterChunk?: () => Promise<void> | undefined;
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
  const { afterChunk, ...meterOptions } = options;
  const meter = createPacketMeter(meterOptions, sink);
  let nextTickMs = Number.NEGATIVE_INFINITY;
  let nowMs = 0;
  const summary = await readCapture(
    path,
    (bytes, offset, capturedLength, wireLength, timestampMs, direction, interfaceIndex, linkType) => {
      nowMs = timestampMs;
      if (timestampMs >= nextTickMs || timestampMs < nextTickMs - 2 * TICK_INTERVAL_MS) {
        meter.tick(timestampMs);
        nextTickMs = timestampMs + TICK_INTERVAL_MS;
      }
      meter.packet(
        bytes,
        offset,
        capturedLength,
        wireLength,
        timestampMs,
        direction,
        interfaceIndex,
        linkType,
      );
    },
    afterChunk === undefined ? {} : { afterChunk },
  );
  meter.tick(nowMs);
  meter.flushAll(END_REASON_FORCED);
  return { format: summary.format, counters: meter.counters(), problem: summary.problem };
}
