/** Records as a Parquet file, made in the browser; loaded when somebody asks for one. */
import { type BasicType, parquetWriteBuffer } from 'hyparquet-writer';
import type { FlowRecord } from '../api/contract.ts';
import { recordColumn, recordValue } from './record-column.ts';

/** The columns of these records, typed by what is in them: times, whole numbers, numbers, text; null where there is none. */
export function parquetFile(records: readonly FlowRecord[], columns: readonly string[]): ArrayBuffer {
  const columnData = columns.map((name) => {
    const values = records.map((record) => recordValue(record, name));
    return { name, nullable: true, ...typed(name, values) };
  });
  return parquetWriteBuffer({ columnData });
}

function typed(
  name: string,
  values: readonly (string | number | null)[],
): { type: BasicType; data: unknown[] } {
  if (recordColumn(name).kind === 'time') {
    return { type: 'TIMESTAMP', data: values.map((value) => (value === null ? null : new Date(value))) };
  }
  const present = values.filter((value) => value !== null);
  if (present.length > 0 && present.every((value) => typeof value === 'number')) {
    return present.every((value) => Number.isSafeInteger(value))
      ? { type: 'INT64', data: values.map((value) => (value === null ? null : BigInt(value))) }
      : { type: 'DOUBLE', data: [...values] };
  }
  return { type: 'STRING', data: values.map((value) => (value === null ? null : String(value))) };
}
