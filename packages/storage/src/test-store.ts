/** For tests: a store in a temporary folder, owned by the test's own thread and clock. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, createBufferSender, createManualClock, silentLogger } from '@weir/base';
import {
  FLOW_BATCH_ROWS_DEFAULT,
  type FlowBatch,
  type FlowBatchNote,
  flowBatchOctets,
  noteOfFlowBatch,
} from '@weir/ipfix';
import { openStore } from './flow-store.ts';
import type { FlowStore } from './flow-store-contract.ts';
import type { StoreOptions } from './store-options.ts';

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'weir-store-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function openTestStore(
  dataDirectory: string,
  options: Partial<StoreOptions> = {},
  clock: Clock = createManualClock(),
): Promise<FlowStore> {
  return openStore({ dataDirectory, logger: silentLogger, clock, options: { threads: 1, ...options } });
}

/** Sends batches as a producer does, and waits until the store has taken them. */
export async function send(store: FlowStore, batches: readonly FlowBatch[]): Promise<void> {
  const port = store.connectWriter();
  const sender = createBufferSender<FlowBatchNote>(port, 2, flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT));
  for (const batch of batches) {
    await sender.drained();
    const buffer = sender.acquire();
    if (buffer === undefined) throw new Error('a drained sender has a buffer');
    new Uint8Array(buffer).set(new Uint8Array(batch.buffer));
    sender.send(buffer, noteOfFlowBatch(batch));
  }
  await sender.drained();
  port.close();
}
