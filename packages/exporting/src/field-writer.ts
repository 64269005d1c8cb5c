/**
 * Writers of fields: each copies one column of many records to its place in many records on the wire.
 *
 * Hot file: every loop reads typed arrays at indexes that the packer made, so `!` stands for a check that
 * `RecordRun` already promises. One loop a field over a run of records, because a call a record and field
 * costs more than what it copies (bench/pack.ts).
 */
import type { FlowColumnArrays, FlowColumnName } from '@weir/ipfix';

/** Records of one template that have their place in the arena and wait for their octets. */
export interface RecordRun {
  /** Over the arena. */
  readonly view: DataView;
  columns: FlowColumnArrays;
  /** Row of the batch, by position in the run. */
  readonly rows: Uint32Array;
  /** Offset of the record in the arena, by position in the run. */
  readonly offsets: Uint32Array;
  count: number;
  /** When this device's uptime was 0, in milliseconds since the Unix epoch. */
  readonly systemInitTimeMs: number;
}

/** Writes one field (or neighbours that are computed together) of every record of the run. */
export type FieldWriter = (run: RecordRun, fieldOffset: number) => void;

type NamesOf<Array> = {
  [Name in FlowColumnName]: FlowColumnArrays[Name] extends Array ? Name : never;
}[FlowColumnName];

export function writeUnsigned8(column: NamesOf<Uint8Array>): FieldWriter {
  return ({ view, columns, rows, offsets, count }, fieldOffset) => {
    const values = columns[column];
    for (let i = 0; i < count; i += 1) view.setUint8(offsets[i]! + fieldOffset, values[rows[i]!]!);
  };
}

/** The low octet of a `u16` column whose high octet is 0 in every row of the run. */
export function writeLowOctet(column: NamesOf<Uint16Array>): FieldWriter {
  return ({ view, columns, rows, offsets, count }, fieldOffset) => {
    const values = columns[column];
    for (let i = 0; i < count; i += 1) view.setUint8(offsets[i]! + fieldOffset, values[rows[i]!]! & 0xff);
  };
}

export function writeUnsigned16(column: NamesOf<Uint16Array>): FieldWriter {
  return ({ view, columns, rows, offsets, count }, fieldOffset) => {
    const values = columns[column];
    for (let i = 0; i < count; i += 1) view.setUint16(offsets[i]! + fieldOffset, values[rows[i]!]!);
  };
}

/** For `u32` columns; `u64` columns have the same array type and need `writeUnsigned64`. */
export function writeUnsigned32(column: NamesOf<Uint32Array>): FieldWriter {
  return ({ view, columns, rows, offsets, count }, fieldOffset) => {
    const values = columns[column];
    for (let i = 0; i < count; i += 1) view.setUint32(offsets[i]! + fieldOffset, values[rows[i]!]!);
  };
}

export function writeUnsigned64(column: NamesOf<Uint32Array>): FieldWriter {
  return ({ view, columns, rows, offsets, count }, fieldOffset) => {
    const words = columns[column];
    for (let i = 0; i < count; i += 1) {
      const at = offsets[i]! + fieldOffset;
      const word = rows[i]! * 2;
      view.setUint32(at, words[word + 1]!);
      view.setUint32(at + 4, words[word]!);
    }
  };
}

/** The IPv4 address is the low word of the IPv4-mapped address. */
export function writeIpv4Address(low: NamesOf<Uint32Array>): FieldWriter {
  return ({ view, columns, rows, offsets, count }, fieldOffset) => {
    const words = columns[low];
    for (let i = 0; i < count; i += 1) view.setUint32(offsets[i]! + fieldOffset, words[rows[i]! * 2]!);
  };
}

export function writeIpv6Address(high: NamesOf<Uint32Array>, low: NamesOf<Uint32Array>): FieldWriter {
  const writeHigh = writeUnsigned64(high);
  const writeLow = writeUnsigned64(low);
  return (run, fieldOffset) => {
    writeHigh(run, fieldOffset);
    writeLow(run, fieldOffset + 8);
  };
}

export function writeMacAddress(column: NamesOf<Uint32Array>): FieldWriter {
  return ({ view, columns, rows, offsets, count }, fieldOffset) => {
    const words = columns[column];
    for (let i = 0; i < count; i += 1) {
      const at = offsets[i]! + fieldOffset;
      const word = rows[i]! * 2;
      view.setUint16(at, words[word + 1]! & 0xffff);
      view.setUint32(at + 2, words[word]!);
    }
  };
}

const WORD = 2 ** 32;

/**
 * flowStartSysUpTime or flowEndSysUpTime: milliseconds since the device's start, modulo 2^32 as sysUpTime
 * itself is. The absolute times are in every record too; collectors that demand these take differences.
 */
export function writeUptime(column: 'flowStart' | 'flowEnd'): FieldWriter {
  return ({ view, columns, rows, offsets, count, systemInitTimeMs }, fieldOffset) => {
    const words = columns[column];
    for (let i = 0; i < count; i += 1) {
      const word = rows[i]! * 2;
      const timeMs = words[word]! + words[word + 1]! * WORD;
      view.setUint32(offsets[i]! + fieldOffset, (timeMs - systemInitTimeMs) >>> 0);
    }
  };
}
