/**
 * Entry of the thread between a meter and the store: takes the meter's batches, applies the stages, passes them
 * on, and hands the store's empty buffers back. It holds no buffer of its own, so that the meter's credits are
 * those of the store.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { ensure } from '@weir/base';
import { type FlowBatchNote, noteOfFlowBatch, viewFlowBatch } from '@weir/ipfix';
import type { BatchStagesCounters, StageTables } from './batch-stages.ts';
import { createLocalNames, type LocalNameList } from './local-names.ts';
import { openStages, type StageSetup } from './stage-setup.ts';

export interface StagedWriterData {
  readonly meterPort: MessagePort;
  readonly storePort: MessagePort;
  readonly setup: StageSetup;
}

export type StagedWriterRequest =
  | { readonly kind: 'tables'; readonly tables: StageTables }
  | { readonly kind: 'setup'; readonly setup: StageSetup }
  | { readonly kind: 'names'; readonly names: LocalNameList }
  | { readonly kind: 'counters' };

export type StagedWriterAnswer = BatchStagesCounters;

function main({ meterPort, storePort, setup }: StagedWriterData): void {
  const port = ensure(parentPort, 'this file is the entry of a worker thread');
  const names = createLocalNames();
  let stages = openStages(setup, names);

  meterPort.on('message', ({ buffer, note }: { buffer: ArrayBuffer; note: FlowBatchNote }) => {
    const batch = viewFlowBatch(buffer, note);
    stages.apply(batch, 0, batch.rowCount);
    storePort.postMessage({ buffer, note: noteOfFlowBatch(batch) }, [buffer]);
  });
  storePort.on('message', (buffer: ArrayBuffer) => meterPort.postMessage(buffer, [buffer]));
  port.on('message', (request: StagedWriterRequest) => {
    if (request.kind === 'tables') stages.adopt(request.tables);
    else if (request.kind === 'setup') {
      stages.stop();
      stages = openStages(request.setup, names);
    } else if (request.kind === 'names') names.set(request.names);
    else port.postMessage(stages.counters() satisfies StagedWriterAnswer);
  });
  // The meter closes its end when the store has everything: nothing is on its way then.
  meterPort.once('close', () => {
    stages.stop();
    storePort.close();
    port.close();
  });
}

main(workerData as StagedWriterData);
