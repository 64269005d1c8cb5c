/** Fills a store with a synthetic month, as fast as the store takes it. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createBufferSender, createStderrLogger } from '@weir/base';
import { createSyntheticMonth, type SyntheticMonth, truthOf } from '@weir/collecting';
import {
  createFlowBatch,
  FLOW_BATCH_ROWS_DEFAULT,
  type FlowBatchNote,
  flowBatchOctets,
  noteOfFlowBatch,
} from '@weir/ipfix';
import { openStore } from '@weir/storage';

const HOUR_MS = 3_600_000;
const BUFFERS = 6;
/** What was planted, for who wants to know whether a detection found it. */
const TRUTH_FILE = 'generated.json';

export interface MonthRequest {
  readonly dataDirectory: string;
  /** Up to the last full hour. */
  readonly hours: number;
  readonly flows: number;
  readonly exporters: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Called after each batch. */
  readonly wrote?: (records: number) => void;
}

export interface MonthReport {
  readonly records: number;
  readonly octets: number;
  readonly packets: number;
  readonly dropped: number;
  readonly duplicates: number;
  readonly from: string;
  readonly to: string;
  readonly durationMs: number;
}

/** The store has everything in Parquet files, merged and summed up, when this resolves. Throws a UserError when it cannot be opened. */
export async function writeMonth(request: MonthRequest): Promise<MonthReport> {
  const { dataDirectory, hours, flows, exporters, seed } = request;
  const startMs = performance.now();
  const toMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  const fromMs = toMs - hours * HOUR_MS;
  const store = await openStore({ dataDirectory, logger: createStderrLogger('generate', 'warn') });
  try {
    const month = createSyntheticMonth({ fromMs, toMs, flows, seed, exporters });
    const sender = createBufferSender<FlowBatchNote>(
      store.connectWriter(),
      BUFFERS,
      flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT),
    );
    await send(month, sender, request);
    await store.flush();
    await store.seal();
    await store.compact();
    const times = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
    const report = { ...month.totals, ...times, durationMs: performance.now() - startMs };
    const truth = { seed, exporters, ...report, attacks: month.attacks.map(truthOf) };
    writeFileSync(path.join(dataDirectory, TRUTH_FILE), `${JSON.stringify(truth, null, 2)}\n`);
    return report;
  } finally {
    await store.close();
  }
}

async function send(
  month: SyntheticMonth,
  sender: ReturnType<typeof createBufferSender<FlowBatchNote>>,
  { signal, wrote }: MonthRequest,
): Promise<void> {
  while (!signal.aborted) {
    const buffer = sender.acquire();
    if (buffer === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    const batch = createFlowBatch(FLOW_BATCH_ROWS_DEFAULT, buffer);
    const goesOn = month.fill(batch);
    if (batch.rowCount === 0) {
      sender.release(buffer);
      if (goesOn) continue;
      break;
    }
    sender.send(batch.buffer, noteOfFlowBatch(batch));
    wrote?.(month.totals.records);
  }
  await sender.drained();
}
