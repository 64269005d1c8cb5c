/** Flows written into a real store, for tests of what analyses make of them. */
import { createBufferSender } from '@weir/base';
import {
  createFlowBatch,
  type ExporterIdentity,
  FLOW_BATCH_ROWS_DEFAULT,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowBatchNote,
  type FlowColumnName,
  flowBatchOctets,
  noteOfFlowBatch,
  setPresent,
} from '@weir/ipfix';
import type { FlowStore } from '@weir/storage';

/** Addresses as text of IPv4, all else by the names of columns; `exporter` is an index of EXPORTERS. */
export type WrittenFlow = Partial<Record<FlowColumnName, number>> & {
  readonly src?: string;
  readonly dst?: string;
  readonly receivedAt: number;
  readonly octets: number;
};

export const EXPORTERS: readonly ExporterIdentity[] = ['192.0.2.1', '192.0.2.2'].map((address) => ({
  address,
  observationDomainId: 0,
  source: 'test',
  version: 10,
}));
const WIDE: readonly string[] = [
  'receivedAt',
  'flowStart',
  'flowEnd',
  'octets',
  'packets',
  'srcAddrHi',
  'srcAddrLo',
  'dstAddrHi',
  'dstAddrLo',
];

/** Resolves when queries see the flows. */
export async function writeFlows(store: FlowStore, flows: readonly WrittenFlow[]): Promise<void> {
  const sender = createBufferSender<FlowBatchNote>(
    store.connectWriter(),
    2,
    flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT),
  );
  for (let first = 0; first < flows.length; first += FLOW_BATCH_ROWS_DEFAULT) {
    await sender.drained();
    const buffer = sender.acquire();
    if (buffer === undefined) throw new Error('a drained sender has a buffer');
    const batch = createFlowBatch(FLOW_BATCH_ROWS_DEFAULT, buffer);
    batch.exporters.push(...EXPORTERS);
    const part = flows.slice(first, first + FLOW_BATCH_ROWS_DEFAULT);
    for (const [row, flow] of part.entries()) fill(batch, row, flow);
    batch.rowCount = part.length;
    sender.send(buffer, noteOfFlowBatch(batch));
  }
  await sender.drained();
  sender.close();
}

function fill(batch: FlowBatch, row: number, { src, dst, ...flow }: WrittenFlow): void {
  const columns = {
    exporter: 0,
    packets: 1,
    protocol: 6,
    ...flow,
    ...halves('src', src),
    ...halves('dst', dst),
  };
  for (const [name, value] of Object.entries(columns)) {
    const column = batch.columns[name as FlowColumnName];
    if (WIDE.includes(name)) {
      column[row * 2] = value % 2 ** 32;
      column[row * 2 + 1] = Math.floor(value / 2 ** 32);
    } else column[row] = value;
    setPresent(batch, FLOW_COLUMN_INDEX[name as FlowColumnName], row, row + 1);
  }
  batch.extraEnd[row] = 0;
}

function halves(side: 'src' | 'dst', address: string | undefined): Record<string, number> {
  if (address === undefined) return {};
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return { [`${side}AddrHi`]: 0, [`${side}AddrLo`]: 0xffff * 2 ** 32 + number };
}
