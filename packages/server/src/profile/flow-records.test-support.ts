/** Records of a test's choice in a real store: any column, labels by name, elements of ours as `extra`. */
import { parseAddress } from '@weir/analysis';
import { createBufferSender } from '@weir/base';
import {
  createFlowBatch,
  type ExtraLayout,
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
  WEIR_ENTERPRISE_NUMBER,
} from '@weir/ipfix';
import type { FlowStore } from '@weir/storage';

type LabelName =
  | 'srcUser'
  | 'dstUser'
  | 'srcPeer'
  | 'dstPeer'
  | 'srcNetwork'
  | 'dstNetwork'
  | 'srcName'
  | 'dstName'
  | 'application'
  | 'rule';

export interface TestRecord
  extends Readonly<
    Partial<Record<Exclude<FlowColumnName, 'exporter' | LabelName | 'srcCountry' | 'dstCountry'>, number>>
  > {
  readonly src: string;
  readonly dst: string;
  /** When it ended; it lasted a second unless `flowStart` says otherwise. */
  readonly endMs: number;
  readonly exporter?: string;
  readonly labels?: Readonly<Partial<Record<LabelName, string>>>;
  readonly countries?: readonly [source: string, destination: string];
  /** Values of elements of ours, by their ids: 10 to 14 are those of TCP performance. */
  readonly elements?: Readonly<Record<number, number>>;
}

/** Resolves when queries see the records. */
export async function writeRecords(store: FlowStore, records: readonly TestRecord[]): Promise<void> {
  const sender = createBufferSender<FlowBatchNote>(
    store.connectWriter(),
    2,
    flowBatchOctets(FLOW_BATCH_ROWS_DEFAULT),
  );
  for (let first = 0; first < records.length; first += FLOW_BATCH_ROWS_DEFAULT) {
    await sender.drained();
    const buffer = sender.acquire();
    if (buffer === undefined) throw new Error('a drained sender has a buffer');
    const batch = createFlowBatch(FLOW_BATCH_ROWS_DEFAULT, buffer);
    const part = records.slice(first, first + FLOW_BATCH_ROWS_DEFAULT);
    for (const [row, record] of part.entries()) fill(batch, row, record);
    batch.rowCount = part.length;
    sender.send(batch.buffer, noteOfFlowBatch(batch));
  }
  await sender.drained();
  sender.close();
}

function fill(batch: FlowBatch, row: number, record: TestRecord): void {
  const {
    src,
    dst,
    endMs,
    exporter = '192.0.2.1',
    labels = {},
    elements = {},
    countries,
    ...columns
  } = record;
  const standard = {
    receivedAt: endMs,
    flowStart: endMs - 1000,
    flowEnd: endMs,
    protocol: 6,
    packets: 1,
    octets: 100,
  };
  for (const [name, value] of Object.entries({ ...standard, ...columns }))
    if (value !== undefined) set(batch, name as FlowColumnName, row, value);
  set(batch, 'exporter', row, exporterIndex(batch, exporter));
  setAddress(batch, 'src', row, src);
  setAddress(batch, 'dst', row, dst);
  for (const [name, label] of Object.entries(labels))
    set(batch, name as FlowColumnName, row, labelIndex(batch, label));
  if (countries !== undefined) {
    set(batch, 'srcCountry', row, countryNumber(countries[0]));
    set(batch, 'dstCountry', row, countryNumber(countries[1]));
  }
  setElements(batch, row, elements);
}

function setElements(batch: FlowBatch, row: number, elements: Readonly<Record<number, number>>): void {
  const start = row === 0 ? 0 : (batch.extraEnd[row - 1] ?? 0);
  const ids = Object.keys(elements).map(Number);
  const view = new DataView(batch.extra.buffer, batch.extra.byteOffset);
  ids.forEach((id, index) => {
    view.setUint32(start + index * 4, elements[id] ?? 0);
  });
  batch.extraEnd[row] = start + ids.length * 4;
  if (ids.length > 0) set(batch, 'extraLayout', row, layoutIndex(batch, ids));
}

function layoutIndex(batch: FlowBatch, ids: readonly number[]): number {
  const layout: ExtraLayout = ids.map((elementId) => ({
    enterpriseNumber: WEIR_ENTERPRISE_NUMBER,
    elementId,
    length: 4,
  }));
  const key = JSON.stringify(layout);
  const known = batch.layouts.findIndex((each) => JSON.stringify(each) === key);
  return known >= 0 ? known : batch.layouts.push(layout) - 1;
}

function labelIndex(batch: FlowBatch, label: string): number {
  const known = batch.labels.indexOf(label);
  return known >= 0 ? known : batch.labels.push(label) - 1;
}

function exporterIndex(batch: FlowBatch, address: string): number {
  const known = batch.exporters.findIndex((each) => each.address === address);
  if (known >= 0) return known;
  return batch.exporters.push({ address, observationDomainId: 0, source: 'test', version: 10 }) - 1;
}

const countryNumber = (letters: string): number => letters.charCodeAt(0) * 256 + letters.charCodeAt(1);

function set(batch: FlowBatch, name: FlowColumnName, row: number, value: number): void {
  const column = batch.columns[name];
  if (FLOW_COLUMNS[FLOW_COLUMN_INDEX[name]]?.type === 'u64')
    setU64FromNumber(column as Uint32Array, row, value);
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
    batch.columns[name][row * 2] = Number(value & 0xffff_ffffn);
    batch.columns[name][row * 2 + 1] = Number(value >> 32n);
    setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
  }
}
