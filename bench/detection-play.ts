/** Time played through a detection as the server does: each step once, in its order, some at a time. */
import {
  AddressFeeds,
  type AlertFinding,
  type Detection,
  DetectionMemory,
  HOME_NETWORKS_DEFAULT,
  parseAddressFeed,
  parseNetwork,
  type TimeRange,
} from '@weir/analysis';
import { createBufferSender } from '@weir/base';
import {
  createFlowBatch,
  FLOW_BATCH_ROWS_DEFAULT,
  type FlowBatch,
  type FlowBatchNote,
  flowBatchOctets,
  noteOfFlowBatch,
} from '@weir/ipfix';
import type { FlowStore } from '@weir/storage';

/** Writes batches until `fill` leaves one empty and says that no more come; everything is in files then. */
export async function fillStore(store: FlowStore, fill: (batch: FlowBatch) => boolean): Promise<void> {
  const octets = flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT);
  const sender = createBufferSender<FlowBatchNote>(store.connectWriter(), 4, octets);
  for (;;) {
    const buffer = sender.acquire();
    if (buffer === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    const batch = createFlowBatch(FLOW_BATCH_ROWS_DEFAULT, buffer);
    const goesOn = fill(batch);
    if (batch.rowCount > 0) sender.send(batch.buffer, noteOfFlowBatch(batch));
    else sender.release(buffer);
    if (batch.rowCount === 0 && !goesOn) break;
  }
  await sender.drained();
  sender.close();
  await store.flush();
  await store.seal();
}

export interface PlayOptions {
  readonly range: TimeRange;
  readonly atOnceMs: number;
  readonly parameters: Readonly<Record<string, number>>;
  /** A feed of bad addresses, one a line, and when it changed. */
  readonly feed: { readonly text: string; readonly changedMs: number };
}

export interface Played {
  readonly findings: AlertFinding[];
  readonly queries: number;
}

export async function playDetection(
  store: FlowStore,
  detection: Detection,
  { range: whole, atOnceMs, parameters, feed }: PlayOptions,
): Promise<Played> {
  const home = HOME_NETWORKS_DEFAULT.flatMap((text) => parseNetwork(text) ?? []);
  const feeds = new AddressFeeds([
    { name: 'bench', changedMs: feed.changedMs, ...parseAddressFeed(feed.text) },
  ]);
  const memory = new DetectionMemory(detection.memoryRowsMax);
  const findings: AlertFinding[] = [];
  let queries = 0;
  const ask = async (sql: string, range: TimeRange) => {
    queries += 1;
    return (await store.sql(sql, { range })).rows;
  };
  for (let fromMs = whole.fromMs; fromMs < whole.toMs; fromMs += atOnceMs) {
    const range = { fromMs, toMs: Math.min(whole.toMs, fromMs + atOnceMs) };
    const counted = `("duplicate" = 1) IS NOT TRUE`;
    findings.push(...(await detection.run(ask, { range, parameters, home, counted, memory, feeds })));
  }
  return { findings, queries };
}
