import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { receiveBuffers } from '@weir/base';
import {
  type ExporterIdentity,
  type FlowBatch,
  type FlowBatchNote,
  u64AsNumber,
  viewFlowBatch,
} from '@weir/ipfix';

export interface StoreSums {
  records: number;
  octets: number;
  packets: number;
}

/** The consumer's end of the way into a store, without the store: it counts and adds up what arrives. */
export interface CountingStore {
  connectWriter(): MessagePort;
  readonly batches: number;
  readonly sums: Readonly<StoreSums>;
  /** Sums by exporter and observation domain: `192.0.2.1/42`. */
  readonly sumsByExporter: ReadonlyMap<string, StoreSums>;
  /** Every identity that came with a batch and had rows in it, once. */
  readonly exporters: ReadonlyMap<string, ExporterIdentity>;
  /** What went wrong in `onBatch` or with a batch; a test expects none. */
  readonly failures: readonly unknown[];
  close(): void;
}

export interface CountingStoreOptions {
  /** Sees each batch before its buffer goes back; a promise holds it back for as long as it is pending. */
  onBatch?: (batch: FlowBatch) => Promise<void> | void;
  /** Adds up octets and packets of every row; off, only rows are counted, which costs nothing. */
  addUp?: boolean;
}

/** For benchmarks and tests: what a collector delivered, without the cost of keeping it. */
export function createCountingStore({ onBatch, addUp = true }: CountingStoreOptions = {}): CountingStore {
  const ports: MessagePort[] = [];
  const sums: StoreSums = { records: 0, octets: 0, packets: 0 };
  const sumsByExporter = new Map<string, StoreSums>();
  const exporters = new Map<string, ExporterIdentity>();
  const failures: unknown[] = [];
  let batches = 0;

  function addRows(batch: FlowBatch): void {
    const { columns } = batch;
    for (let row = 0; row < batch.rowCount; row += 1) {
      const octets = u64AsNumber(columns.octets, row);
      const packets = u64AsNumber(columns.packets, row);
      addTo(sums, octets, packets);
      const identity = batch.exporters[columns.exporter[row] ?? -1];
      if (identity === undefined) throw new Error(`row ${row} has no exporter`);
      addTo(sumsOf(identity), octets, packets);
    }
  }

  function sumsOf(identity: ExporterIdentity): StoreSums {
    const key = `${identity.address}/${identity.observationDomainId}`;
    let own = sumsByExporter.get(key);
    if (own === undefined) {
      own = { records: 0, octets: 0, packets: 0 };
      sumsByExporter.set(key, own);
      exporters.set(key, identity);
    }
    return own;
  }

  return {
    connectWriter() {
      const { port1, port2 } = new MessageChannel();
      async function take(buffer: ArrayBuffer, note: FlowBatchNote): Promise<void> {
        const batch = viewFlowBatch(buffer, note);
        batches += 1;
        if (addUp) addRows(batch);
        else sums.records += note.rowCount;
        await onBatch?.(batch);
      }
      receiveBuffers<FlowBatchNote>(port2, take, (error) => void failures.push(error));
      ports.push(port2);
      return port1;
    },
    get batches() {
      return batches;
    },
    sums,
    sumsByExporter,
    exporters,
    failures,
    close: () => {
      for (const port of ports) port.close();
    },
  };
}

function addTo(sums: StoreSums, octets: number, packets: number): void {
  sums.records += 1;
  sums.octets += octets;
  sums.packets += packets;
}
