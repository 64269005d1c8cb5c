/**
 * FlowBatch: up to `capacity` flow records as columns in one ArrayBuffer, which changes threads by transfer.
 *
 * Layout of the buffer, in this order: the columns of FLOW_COLUMNS by falling width (so that each is
 * aligned), `extraEnd`, the validity bitmaps (one bit a row and column, 1 = present, least significant bit
 * first, in the order of FLOW_COLUMNS), the `extra` arena. Whoever holds the batch owns it; what is not in the buffer (row
 * count, exporters, layouts, labels) travels beside it as a FlowBatchNote.
 */
import { assert } from '@weir/base';
import {
  COLUMN_TYPE_OCTETS,
  type ColumnType,
  FLOW_COLUMN_INDEX,
  FLOW_COLUMNS,
  type FlowColumnName,
} from './flow-column.ts';

/** 4 × DuckDB's vector of 2048 rows; about 1.5 MiB a batch, which a second-level cache half holds. */
export const FLOW_BATCH_ROWS_DEFAULT = 8192;
/** Octets of the extra arena for each row of capacity; a batch is full when either runs out. */
const EXTRA_OCTETS_PER_ROW = 64;

/** Where a record came from: a row of `FlowBatch.exporters`. */
export interface ExporterIdentity {
  /** The exporter's address as text, IPv6 in RFC 5952 form; `local` for flows metered by this process. */
  readonly address: string;
  readonly observationDomainId: number;
  /** Name of the flow source that received it. */
  readonly source: string;
  /** 1, 5, 7, 9 or 10; 0 for flows metered by this process. */
  readonly version: number;
}

/** One field of an extra layout: how to read the octets of a field that has no column. */
export interface ExtraField {
  /** 0 for IANA. */
  readonly enterpriseNumber: number;
  readonly elementId: number;
  /** Octets, or 65535 for a variable-length field with its RFC 7011 section 7 length prefix in the octets. */
  readonly length: number;
}

export type ExtraLayout = readonly ExtraField[];

/** What travels beside the buffer. Structured-cloneable. */
export interface FlowBatchNote {
  readonly capacity: number;
  readonly rowCount: number;
  readonly exporters: readonly ExporterIdentity[];
  readonly layouts: readonly ExtraLayout[];
  readonly labels: readonly string[];
}

type ColumnArray<T extends ColumnType> = T extends 'u8'
  ? Uint8Array
  : T extends 'u16'
    ? Uint16Array
    : Uint32Array;
type ColumnOf<N extends FlowColumnName> = Extract<(typeof FLOW_COLUMNS)[number], { name: N }>;
export type FlowColumnArrays = { readonly [N in FlowColumnName]: ColumnArray<ColumnOf<N>['type']> };

export interface FlowBatch {
  readonly capacity: number;
  readonly buffer: ArrayBuffer;
  /** Rows filled so far: 0 … capacity. */
  rowCount: number;
  /** One typed array a column; `u64` columns have two elements a row, low word first. */
  readonly columns: FlowColumnArrays;
  /** One bitmap a column, by index in FLOW_COLUMNS. */
  readonly validity: readonly Uint8Array[];
  /**
   * The fields without a column, as on the wire, record after record. Row r has the octets from
   * `extraEnd[r - 1]` (0 for the first row) to `extraEnd[r]`, fields in the order of its layout. Every
   * row must set `extraEnd`, also those without extra fields.
   */
  readonly extra: Uint8Array;
  readonly extraEnd: Uint32Array;
  readonly exporters: ExporterIdentity[];
  readonly layouts: ExtraLayout[];
  /** The texts that columns of meaning `labelIndex` point to; at most 65,536, each once. */
  readonly labels: string[];
}

/**
 * What `columns` begins as. V8 makes an object that gets its properties key by key a hash table, and each read
 * of a column a look-up in it; this one has fields, and so have its copies, which share its hidden class.
 */
const NO_COLUMNS: Record<string, Uint8Array | Uint16Array | Uint32Array> = JSON.parse(
  JSON.stringify(Object.fromEntries(FLOW_COLUMNS.map(({ name }) => [name, null]))),
);

const WIDTHS_FALLING: readonly ColumnType[] = ['u64', 'u32', 'u16', 'u8'];

/** Octets of the buffer of a batch of `capacity` rows. */
export function flowBatchOctets(capacity: number): number {
  assert(capacity > 0 && capacity % 64 === 0, 'a batch holds a multiple of 64 rows');
  let octetsPerRow = 4 + EXTRA_OCTETS_PER_ROW;
  for (const column of FLOW_COLUMNS) octetsPerRow += COLUMN_TYPE_OCTETS[column.type];
  return octetsPerRow * capacity + (FLOW_COLUMNS.length * capacity) / 8;
}

/** A batch over a new buffer, or over `buffer` when given (its row count is set to 0 and all validity cleared). */
export function createFlowBatch(capacity = FLOW_BATCH_ROWS_DEFAULT, buffer?: ArrayBuffer): FlowBatch {
  const batch = viewFlowBatch(buffer ?? new ArrayBuffer(flowBatchOctets(capacity)), {
    capacity,
    rowCount: 0,
    exporters: [],
    layouts: [],
    labels: [],
  });
  if (buffer !== undefined) clearFlowBatch(batch);
  return batch;
}

/** The batch that a FlowBatchNote describes, over the buffer that came with it. */
export function viewFlowBatch(buffer: ArrayBuffer, note: FlowBatchNote): FlowBatch {
  const { capacity } = note;
  assert(
    buffer.byteLength === flowBatchOctets(capacity),
    'the buffer is not one of a batch of this capacity',
  );
  const columns = { ...NO_COLUMNS };
  let offset = 0;
  for (const width of WIDTHS_FALLING) {
    for (const column of FLOW_COLUMNS) {
      if (column.type !== width) continue;
      columns[column.name] = columnArray(column.type, buffer, offset, capacity);
      offset += COLUMN_TYPE_OCTETS[column.type] * capacity;
    }
  }
  const extraEnd = new Uint32Array(buffer, offset, capacity);
  offset += 4 * capacity;
  const validity = FLOW_COLUMNS.map(
    (_, index) => new Uint8Array(buffer, offset + (index * capacity) / 8, capacity / 8),
  );
  offset += (FLOW_COLUMNS.length * capacity) / 8;
  return {
    capacity,
    buffer,
    rowCount: note.rowCount,
    columns: columns as unknown as FlowColumnArrays,
    validity,
    extra: new Uint8Array(buffer, offset),
    extraEnd,
    exporters: [...note.exporters],
    layouts: [...note.layouts],
    labels: [...note.labels],
  };
}

/** What must travel beside `batch.buffer`. */
export function noteOfFlowBatch(batch: FlowBatch): FlowBatchNote {
  const { capacity, rowCount, exporters, layouts, labels } = batch;
  return { capacity, rowCount, exporters, layouts, labels };
}

/** Empties the batch for reuse. Column values stay as they are: validity says what counts. */
export function clearFlowBatch(batch: FlowBatch): void {
  batch.rowCount = 0;
  batch.exporters.length = 0;
  batch.layouts.length = 0;
  batch.labels.length = 0;
  for (const bitmap of batch.validity) bitmap.fill(0);
}

/** Marks rows `from` (inclusive) to `to` (exclusive) of a column as present. */
export function setPresent(batch: FlowBatch, columnIndex: number, from: number, to: number): void {
  const bitmap = batch.validity[columnIndex]!;
  let row = from;
  while (row < to && (row & 7) !== 0) setBit(bitmap, row++);
  const wholeEnd = to & ~7;
  if (row < wholeEnd) {
    bitmap.fill(0xff, row >> 3, wholeEnd >> 3);
    row = wholeEnd;
  }
  while (row < to) setBit(bitmap, row++);
}

export function isPresent(batch: FlowBatch, name: FlowColumnName, row: number): boolean {
  return (batch.validity[FLOW_COLUMN_INDEX[name]]![row >> 3]! & (1 << (row & 7))) !== 0;
}

/** A `u64` column's value as a number; exact up to 2^53 - 1. */
export function u64AsNumber(column: Uint32Array, row: number): number {
  return column[row * 2]! + column[row * 2 + 1]! * 4294967296;
}

/** Writes a non-negative integer up to 2^53 - 1 into a `u64` column. */
export function setU64FromNumber(column: Uint32Array, row: number, value: number): void {
  column[row * 2] = value >>> 0;
  column[row * 2 + 1] = (value / 4294967296) >>> 0;
}

/** A `u64` column's value as a BigInt; for people and tests, not for hot loops. */
export function u64AsBigInt(column: Uint32Array, row: number): bigint {
  return (BigInt(column[row * 2 + 1]!) << 32n) | BigInt(column[row * 2]!);
}

function setBit(bitmap: Uint8Array, row: number): void {
  bitmap[row >> 3]! |= 1 << (row & 7);
}

function columnArray(type: ColumnType, buffer: ArrayBuffer, offset: number, capacity: number) {
  switch (type) {
    case 'u8':
      return new Uint8Array(buffer, offset, capacity);
    case 'u16':
      return new Uint16Array(buffer, offset, capacity);
    case 'u32':
      return new Uint32Array(buffer, offset, capacity);
    case 'u64':
      return new Uint32Array(buffer, offset, capacity * 2);
  }
}
