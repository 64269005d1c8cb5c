/** Flows of a test's choice, written to a store as a batch. */
import { parseAddress } from '@weir/analysis';
import { createBufferSender } from '@weir/base';
import {
  createFlowBatch,
  FLOW_BATCH_ROWS_DEFAULT,
  FLOW_COLUMN_INDEX,
  FLOW_COLUMNS,
  type FlowBatch,
  type FlowBatchNote,
  type FlowColumnName,
  flowBatchOctets,
  noteOfFlowBatch,
  setPresent,
  setU64FromNumber,
} from '@weir/ipfix';
import type { FlowStore } from '@weir/storage';

/** Columns by their names; TCP, ended `agoMs` before now. */
export interface PolicyFlow
  extends Readonly<Partial<Record<Exclude<FlowColumnName, 'exporter' | LabelName>, number>>> {
  readonly srcAddr: string;
  readonly dstAddr: string;
  readonly agoMs?: number;
  readonly endMs?: number;
  readonly exporter?: string;
  readonly dropped?: boolean;
  readonly rule?: string;
  readonly srcUser?: string;
  readonly dstUser?: string;
  readonly srcPeer?: string;
  readonly dstPeer?: string;
}
type LabelName = 'rule' | 'srcUser' | 'dstUser' | 'srcPeer' | 'dstPeer';
const LABELS: readonly LabelName[] = ['rule', 'srcUser', 'dstUser', 'srcPeer', 'dstPeer'];

export async function writePolicyFlows(store: FlowStore, flows: readonly PolicyFlow[]): Promise<void> {
  const sender = createBufferSender<FlowBatchNote>(
    store.connectWriter(),
    2,
    flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT),
  );
  const buffer = sender.acquire();
  if (buffer === undefined) throw new Error('a new channel has a buffer');
  const batch = createFlowBatch(FLOW_BATCH_ROWS_DEFAULT, buffer);
  for (const [row, flow] of flows.entries()) fill(batch, row, flow);
  batch.rowCount = flows.length;
  sender.send(buffer, noteOfFlowBatch(batch));
  await sender.drained();
  sender.close();
}

function fill(batch: FlowBatch, row: number, flow: PolicyFlow): void {
  const endMs = flow.endMs ?? Date.now() - (flow.agoMs ?? 1000);
  set(batch, 'receivedAt', row, endMs);
  set(batch, 'flowStart', row, endMs - 100);
  set(batch, 'flowEnd', row, endMs);
  set(batch, 'exporter', row, exporterIndex(batch, flow.exporter ?? '192.0.2.1'));
  set(batch, 'protocol', row, flow.protocol ?? 6);
  if (flow.dropped === true) set(batch, 'forwardingStatus', row, 0x80);
  setAddress(batch, 'src', row, flow.srcAddr);
  setAddress(batch, 'dst', row, flow.dstAddr);
  batch.extraEnd[row] = 0;
  for (const name of LABELS) {
    const value = flow[name];
    if (value === undefined) continue;
    if (!batch.labels.includes(value)) batch.labels.push(value);
    set(batch, name, row, batch.labels.indexOf(value));
  }
  for (const { name } of FLOW_COLUMNS) {
    const value = (flow as unknown as Readonly<Record<string, unknown>>)[name];
    if (typeof value === 'number' && name !== 'exporter') set(batch, name, row, value);
  }
}

function exporterIndex(batch: FlowBatch, address: string): number {
  const known = batch.exporters.findIndex((each) => each.address === address);
  if (known >= 0) return known;
  return batch.exporters.push({ address, observationDomainId: 0, source: 'test', version: 10 }) - 1;
}

function set(batch: FlowBatch, name: FlowColumnName, row: number, value: number): void {
  const column = batch.columns[name];
  const isWide = FLOW_COLUMNS[FLOW_COLUMN_INDEX[name]]?.type === 'u64';
  if (isWide) setU64FromNumber(column as Uint32Array, row, value);
  else column[row] = value;
  setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
}

function setAddress(batch: FlowBatch, side: 'src' | 'dst', row: number, text: string): void {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  for (const [half, value] of [
    ['Hi', address.hi],
    ['Lo', address.lo],
  ] as const) {
    const name = `${side}Addr${half}` as const;
    const column = batch.columns[name];
    column[row * 2] = Number(value & 0xffff_ffffn);
    column[row * 2 + 1] = Number(value >> 32n);
    setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
  }
}
