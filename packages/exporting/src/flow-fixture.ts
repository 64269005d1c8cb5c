/** Batches with known contents, for this package's tests and benchmark. */
import {
  createFlowBatch,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowColumnName,
  setPresent,
  setU64FromNumber,
} from '@weir/ipfix';

/** A flow as a person would write it down; what is absent is null in the batch. */
export interface FlowFixture {
  source: string;
  destination: string;
  protocol: number;
  sourcePort?: number;
  destinationPort?: number;
  octets?: number;
  packets?: number;
  startMs?: number;
  endMs?: number;
  direction?: number;
  columns?: Partial<Record<FlowColumnName, number>>;
}

/** Appends a flow to the batch. */
export function addFlow(batch: FlowBatch, flow: FlowFixture): void {
  const row = batch.rowCount;
  batch.rowCount += 1;
  batch.extraEnd[row] = row === 0 ? 0 : (batch.extraEnd[row - 1] ?? 0);
  setAddress(batch, row, 'src', flow.source);
  setAddress(batch, row, 'dst', flow.destination);
  const values: Partial<Record<FlowColumnName, number | undefined>> = {
    protocol: flow.protocol,
    srcPort: flow.sourcePort,
    dstPort: flow.destinationPort,
    octets: flow.octets,
    packets: flow.packets,
    flowStart: flow.startMs,
    flowEnd: flow.endMs,
    direction: flow.direction,
    ...flow.columns,
  };
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) setColumn(batch, row, name as FlowColumnName, value);
  }
}

/** Sets one value and marks it present. */
export function setColumn(batch: FlowBatch, row: number, name: FlowColumnName, value: number): void {
  const column = batch.columns[name];
  if (column.length === batch.capacity * 2) setU64FromNumber(column as Uint32Array, row, value);
  else column[row] = value;
  setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
}

export function batchOf(flows: readonly FlowFixture[]): FlowBatch {
  const batch = createFlowBatch(Math.max(64, Math.ceil(flows.length / 64) * 64));
  for (const flow of flows) addFlow(batch, flow);
  return batch;
}

function setAddress(batch: FlowBatch, row: number, side: 'src' | 'dst', text: string): void {
  const words = text.includes(':') ? ipv6Words(text) : ipv4Words(text);
  const high = batch.columns[`${side}AddrHi`];
  const low = batch.columns[`${side}AddrLo`];
  high[row * 2 + 1] = words[0] ?? 0;
  high[row * 2] = words[1] ?? 0;
  low[row * 2 + 1] = words[2] ?? 0;
  low[row * 2] = words[3] ?? 0;
  setPresent(batch, FLOW_COLUMN_INDEX[`${side}AddrHi`], row, row + 1);
  setPresent(batch, FLOW_COLUMN_INDEX[`${side}AddrLo`], row, row + 1);
}

function ipv4Words(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [0, 0, 0xffff, ((a << 24) | (b << 16) | (c << 8) | d) >>> 0];
}

function ipv6Words(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...first, ...new Array<string>(8 - first.length - last.length).fill('0'), ...last];
  const numbers = groups.map((group) => Number.parseInt(group, 16));
  return [0, 2, 4, 6].map((index) => (((numbers[index] ?? 0) << 16) | (numbers[index + 1] ?? 0)) >>> 0);
}
