/** Batches for tests of stages, from records as people say them. */
import {
  createFlowBatch,
  type ExtraLayout,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowColumnName,
  isPresent,
  setPresent,
  setU64FromNumber,
} from '@weir/ipfix';
import { addressWords } from '../peer-prefixes.ts';

export interface ToldRecord {
  readonly src?: string;
  readonly dst?: string;
  readonly columns?: Partial<Record<FlowColumnName, number>>;
  /** Octets of the fields without a column, with the layout that they have. */
  readonly extra?: { readonly layout: ExtraLayout; readonly octets: readonly number[] };
  readonly receivedAtMs?: number;
}

const EXPORTER = { address: '192.0.2.1', observationDomainId: 0, source: 'test', version: 10 };

export function batchOf(records: readonly ToldRecord[]): FlowBatch {
  const batch = createFlowBatch(64);
  batch.exporters.push(EXPORTER);
  for (const [row, record] of records.entries()) writeRow(batch, row, record);
  batch.rowCount = records.length;
  return batch;
}

function writeRow(batch: FlowBatch, row: number, record: ToldRecord): void {
  const { columns } = batch;
  setU64FromNumber(columns.receivedAt, row, record.receivedAtMs ?? 1_800_000_000_000);
  for (const side of ['src', 'dst'] as const) {
    const words = record[side] === undefined ? undefined : addressWords(record[side]);
    if (words === undefined) continue;
    columns[`${side}AddrHi`].set([words[1], words[0]], row * 2);
    columns[`${side}AddrLo`].set([words[3], words[2]], row * 2);
    setPresent(batch, FLOW_COLUMN_INDEX[`${side}AddrHi`], row, row + 1);
    setPresent(batch, FLOW_COLUMN_INDEX[`${side}AddrLo`], row, row + 1);
  }
  for (const [name, value] of Object.entries(record.columns ?? {}) as [FlowColumnName, number][]) {
    columns[name][row] = value;
    setPresent(batch, FLOW_COLUMN_INDEX[name], row, row + 1);
  }
  writeExtra(batch, row, record.extra);
}

function writeExtra(batch: FlowBatch, row: number, extra: ToldRecord['extra']): void {
  const at = row === 0 ? 0 : (batch.extraEnd[row - 1] ?? 0);
  batch.extra.set(extra?.octets ?? [], at);
  batch.extraEnd[row] = at + (extra?.octets.length ?? 0);
  if (extra === undefined) return;
  if (!batch.layouts.includes(extra.layout)) batch.layouts.push(extra.layout);
  batch.columns.extraLayout[row] = batch.layouts.indexOf(extra.layout);
  setPresent(batch, FLOW_COLUMN_INDEX.extraLayout, row, row + 1);
}

/** The text that a label column has in a row; undefined where it has none. */
export function labelOf(batch: FlowBatch, column: FlowColumnName, row: number): string | undefined {
  return isPresent(batch, column, row) ? batch.labels[batch.columns[column][row] ?? -1] : undefined;
}

export function numberOf(batch: FlowBatch, column: FlowColumnName, row: number): number | undefined {
  return isPresent(batch, column, row) ? batch.columns[column][row] : undefined;
}

/** A text as a variable-length field has it. */
export function field(text: string): number[] {
  const octets = [...new TextEncoder().encode(text)];
  return octets.length < 255
    ? [octets.length, ...octets]
    : [255, octets.length >> 8, octets.length & 255, ...octets];
}
