/**
 * Between the meters and the exporter: takes the meters' batches and gives each to the exporter in force, so
 * that one exporter can take over from another without a batch lost or exported twice. While it is closed
 * the meters keep their batches: they have eight of them, and after that their flow cache.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { ensure, type Logger, receiveBuffers } from '@weir/base';
import type { Exporter } from '@weir/exporting';
import { type FlowBatch, type FlowBatchNote, viewFlowBatch } from '@weir/ipfix';

/** flowEndReason 4, forced end. */
const END_REASON_FORCED = 4;

/** Plain counts since the start. */
interface FlowValveCounters {
  batches: number;
  records: number;
  /** Records of flows that were ended because the meter stopped. */
  recordsForced: number;
}

export interface FlowValve {
  readonly counters: Readonly<FlowValveCounters>;
  /** A port for the BufferSender of a meter. */
  connectWriter(): MessagePort;
  /** From now on batches go to `exporter`, those that have waited first. */
  open(exporter: Exporter): void;
  /** From now on batches wait. */
  close(): void;
}

/** Creates a closed valve. */
export function createFlowValve(logger: Logger): FlowValve {
  const counters: FlowValveCounters = { batches: 0, records: 0, recordsForced: 0 };
  let target: Exporter | undefined;
  let opened = newGate();

  async function take(batch: FlowBatch): Promise<void> {
    while (target === undefined) await opened.promise;
    const exporter = target;
    counters.batches += 1;
    counters.records += batch.rowCount;
    counters.recordsForced += countForced(batch);
    exporter.export(batch);
    await exporter.whenRoom();
  }

  return {
    counters,
    connectWriter() {
      const { port1, port2 } = new MessageChannel();
      receiveBuffers<FlowBatchNote>(
        port1,
        (buffer, note) => take(viewFlowBatch(buffer, note)),
        (error) => logger.error({ error: String(error) }, 'a batch of flows could not be exported'),
      );
      return port2;
    },
    open(exporter) {
      target = exporter;
      opened.release();
    },
    close() {
      if (target === undefined) return;
      target = undefined;
      opened = newGate();
    },
  };
}

function newGate(): { promise: Promise<void>; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, release: resolve };
}

function countForced({ columns: { endReason }, rowCount }: FlowBatch): number {
  let count = 0;
  for (let row = 0; row < rowCount; row += 1) {
    if (ensure(endReason[row], 'a row has an end reason') === END_REASON_FORCED) count += 1;
  }
  return count;
}
