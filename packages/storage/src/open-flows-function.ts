/**
 * The table function `open_flows(snapshot)`: SQL over records that are still in memory. DuckDB calls back
 * into this thread for every vector of 2048 rows and copies the columns that the query needs, so this thread
 * must never wait for DuckDB synchronously while a query runs.
 *
 * Measured: a top-10 by source over 1 million open records costs 0.06 CPU s this way, 0.03 from a DuckDB
 * table; keeping such a table current costs 0.45 and more per million.
 */
import { type DuckDBConnection, DuckDBTableFunction, UINTEGER } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { type ExtraColumn, extraTypeId } from './extra-column.ts';
import { fillExtraColumn, LAYOUT_COLUMN, layoutIdsOf } from './extra-vector.ts';
import { type FlowBlock, readColumn } from './flow-block.ts';
import { type OpenSegment, OpenSnapshot } from './segment.ts';
import type { SegmentExtras } from './segment-extras.ts';
import { EXTRA_COLUMN, STORED_COLUMNS } from './stored-column.ts';
import { bitsAllClear, bitsAllSet } from './time-bounds.ts';

const FUNCTION_NAME = 'open_flows';
const VECTOR_ROWS = 2048;
/**
 * As many as the engine has: its calls come one after the other, but a thread of the engine without a task of its
 * own does not sleep, it asks again and again for one, which cost a third of sealing.
 */
const THREADS = 2;

/** What a call of the function reads. */
interface Binding {
  readonly snapshot: OpenSnapshot;
  /** Octets of a key in the ENUM that the call was bound with. */
  readonly labelOctets: 1 | 2 | 4;
}

/** Where a scan stands. */
interface Scan extends Binding {
  /** Positions in STORED_COLUMNS and behind it in the extra columns; others are DuckDB's own (row identifiers). */
  readonly columns: readonly number[];
  part: number;
  row: number;
}

/** A call of the function, to put after FROM. */
export interface OpenRelation {
  readonly sql: string;
  readonly columnNames: readonly string[];
  readonly extraColumns: readonly ExtraColumn[];
}

/** Snapshots of open segments, by the number with which SQL asks for them. */
export class OpenFlows {
  readonly #snapshots = new Map<number, OpenSnapshot>();
  #nextId = 1;

  /** Registers the function for every connection of the instance. */
  constructor(connection: DuckDBConnection) {
    const types = STORED_COLUMNS.map(({ typeId }) =>
      typeId === undefined ? undefined : duckdb.create_logical_type(typeId),
    );
    const tableFunction = new DuckDBTableFunction();
    tableFunction.setName(FUNCTION_NAME);
    tableFunction.addParameter(UINTEGER);
    tableFunction.setSupportsProjectionPushdown(true);
    const raw = tableFunction.table_function;
    duckdb.table_function_set_bind(raw, (info) => this.#bind(info, types));
    duckdb.table_function_set_init(raw, (info) => beginScan(info));
    duckdb.table_function_set_function(raw, produce);
    connection.registerTableFunction(tableFunction);
  }

  /** Pins the rows that a segment has now. */
  take(segment: OpenSegment): OpenRelation & { release(): void } {
    const snapshot = new OpenSnapshot(segment);
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    this.#snapshots.set(id, snapshot);
    return {
      sql: `${FUNCTION_NAME}(${id}::UINTEGER)`,
      columnNames: snapshot.columnNames,
      extraColumns: snapshot.extraColumns,
      release: () => {
        if (this.#snapshots.delete(id)) snapshot.release();
      },
    };
  }

  #bind(info: duckdb.TableFunctionBindInfo, types: readonly (duckdb.LogicalType | undefined)[]): void {
    const id = duckdb.get_uint32(duckdb.bind_get_parameter(info, 0));
    const snapshot = this.#snapshots.get(id);
    if (snapshot === undefined) {
      duckdb.bind_set_error(info, `${FUNCTION_NAME}(${id}): there is no such snapshot`);
      return;
    }
    STORED_COLUMNS.forEach(({ name }, index) => {
      duckdb.bind_add_result_column(info, name, types[index] ?? snapshot.labels.logicalType());
    });
    for (const { name, kind } of snapshot.extraColumns) {
      duckdb.bind_add_result_column(info, name, duckdb.create_logical_type(extraTypeId(kind)));
    }
    duckdb.bind_set_cardinality(info, snapshot.rowCount, true);
    const labelOctets = enumOctets(snapshot.labels.size);
    duckdb.bind_set_bind_data(info, { snapshot, labelOctets } satisfies Binding);
  }
}

/** As the engine chooses the width of an ENUM's keys. */
function enumOctets(memberCount: number): 1 | 2 | 4 {
  return memberCount <= 0xff ? 1 : memberCount <= 0xffff ? 2 : 4;
}

function beginScan(info: duckdb.TableFunctionInitInfo): void {
  const count = duckdb.init_get_column_count(info);
  const columns = Array.from({ length: count }, (_, index) => duckdb.init_get_column_index(info, index));
  const binding = duckdb.init_get_bind_data(info) as Binding;
  duckdb.init_set_init_data(info, { ...binding, columns, part: 0, row: 0 } satisfies Scan);
  duckdb.init_set_max_threads(info, THREADS);
}

function produce(info: duckdb.TableFunctionInfo, chunk: duckdb.DataChunk): void {
  const scan = duckdb.function_get_init_data(info) as Scan;
  const part = scan.snapshot.parts[scan.part];
  if (part === undefined) {
    duckdb.data_chunk_set_size(chunk, 0);
    return;
  }
  const count = Math.min(VECTOR_ROWS, part.rowCount - scan.row);
  duckdb.data_chunk_set_size(chunk, count);
  scan.columns.forEach((column, position) => {
    const vector = duckdb.data_chunk_get_vector(chunk, position);
    if (column <= EXTRA_COLUMN) fillVector(vector, part.block, column, scan, count);
    const extra = scan.snapshot.extraColumns[column - STORED_COLUMNS.length];
    if (extra !== undefined)
      fillExtraColumn(vector, part.block, scan.snapshot.extras, extra, scan.row, count);
  });
  scan.row += count;
  if (scan.row < part.rowCount) return;
  scan.part += 1;
  scan.row = 0;
}

const NULL_VALUE = duckdb.create_null_value();

/** `from` is a multiple of VECTOR_ROWS, so that validity bits are copied by whole octets. */
function fillVector(
  vector: duckdb.Vector,
  block: FlowBlock,
  index: number,
  { row: from, labelOctets, snapshot }: Scan,
  count: number,
): void {
  if (index === EXTRA_COLUMN || index === LAYOUT_COLUMN) {
    fillKept(vector, block, index, snapshot.extras, from, count);
    return;
  }
  const column = block.columns[index];
  if (column === undefined || bitsAllClear(column.validity, from, from + count)) {
    duckdb.vector_reference_value(vector, NULL_VALUE);
    return;
  }
  const { validity } = column;
  const { width, typeId } = STORED_COLUMNS[index]!;
  const values = readColumn(column, from, count, width, scratch);
  if (typeId === undefined) fillKeys(vector, values, labelOctets, count);
  else duckdb.copy_data_to_vector(vector, 0, values.buffer, values.byteOffset, count * width);
  if (bitsAllSet(validity, from, from + count)) return;
  duckdb.vector_ensure_validity_writable(vector);
  const octets = (count + 7) >> 3;
  duckdb.copy_data_to_vector_validity(vector, 0, validity.buffer, validity.byteOffset + (from >> 3), octets);
}

/** Values of one vector that the block holds in a shorter form. */
const scratch = new Uint8Array(VECTOR_ROWS * 8);
const keys8 = new Uint8Array(VECTOR_ROWS);
const keys16 = new Uint16Array(VECTOR_ROWS);

/** Keys of the dictionary are 32 bits wide in memory; the ENUM's are as narrow as its size allows. */
function fillKeys(
  vector: duckdb.Vector,
  values: Uint8Array<ArrayBuffer>,
  octets: 1 | 2 | 4,
  count: number,
): void {
  const keys = new Uint32Array(values.buffer, values.byteOffset, count);
  if (octets === 4) {
    duckdb.copy_data_to_vector(vector, 0, values.buffer, keys.byteOffset, count * 4);
    return;
  }
  const narrow = octets === 1 ? keys8 : keys16;
  narrow.set(keys);
  duckdb.copy_data_to_vector(vector, 0, narrow.buffer, 0, count * octets);
}

/** Layouts and octets of the rows whose fields are not read as columns. */
function fillKept(
  vector: duckdb.Vector,
  block: FlowBlock,
  index: number,
  { keptLayoutIds }: SegmentExtras,
  from: number,
  count: number,
): void {
  const layouts = block.columns[LAYOUT_COLUMN];
  const { extra } = block;
  if (layouts === undefined || extra === undefined || keptLayoutIds.size === 0) {
    duckdb.vector_reference_value(vector, NULL_VALUE);
    return;
  }
  const ids = layoutIdsOf(layouts, from, count);
  const validity = new Uint8Array((count + 7) >> 3);
  for (let row = 0; row < count; row++) {
    const at = from + row;
    if ((layouts.validity[at >> 3]! & (1 << (at & 7))) === 0 || !keptLayoutIds.has(ids[row]!)) continue;
    validity[row >> 3]! |= 1 << (row & 7);
    if (index === LAYOUT_COLUMN) continue;
    const start = at === 0 ? 0 : extra.end[at - 1]!;
    duckdb.vector_assign_string_element_len(vector, row, extra.octets.subarray(start, extra.end[at]!));
  }
  if (index === LAYOUT_COLUMN) {
    duckdb.copy_data_to_vector(vector, 0, ids.buffer, ids.byteOffset, count * 4);
  }
  duckdb.vector_ensure_validity_writable(vector);
  duckdb.copy_data_to_vector_validity(vector, 0, validity.buffer, 0, validity.length);
}
