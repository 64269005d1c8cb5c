/** Datagrams written by hand for tests: the octets that an encoder of ours would never send. */
import { clearFlowBatch, createFlowBatch, isPresent, u64AsNumber } from './flow-batch.ts';
import { FLOW_COLUMNS, type FlowColumnName } from './flow-column.ts';
import {
  createFlowDecoder,
  type FlowDecoder,
  type FlowDecoderOptions,
  type OptionsRecord,
} from './flow-decoder.ts';
import type { TransportKind, TransportSession } from './transport-session.ts';

/** Big-endian octets from hexadecimal digits, white space aside. */
export function hex(text: string): number[] {
  return (text.replaceAll(/\s/g, '').match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
}

export function u16(value: number): number[] {
  return [(value >> 8) & 255, value & 255];
}

export function u32(value: number): number[] {
  return [...u16(value >>> 16), ...u16(value & 0xffff)];
}

/** An element as its ID, or as enterprise number and ID, with its length. */
export type Field = readonly [elementId: number, length: number, enterpriseNumber?: number];

function specifiers(fields: readonly Field[]): number[] {
  return fields.flatMap(([elementId, length, enterpriseNumber]) =>
    enterpriseNumber === undefined
      ? [...u16(elementId), ...u16(length)]
      : [...u16(elementId | 0x8000), ...u16(length), ...u32(enterpriseNumber)],
  );
}

/** A Set, or FlowSet: `length` when it shall lie about itself. */
export function set(setId: number, body: readonly number[], length = 4 + body.length): number[] {
  return [...u16(setId), ...u16(length), ...body];
}

export function templateSet(templateId: number, ...fields: Field[]): number[] {
  return set(2, [...u16(templateId), ...u16(fields.length), ...specifiers(fields)]);
}

export function optionsTemplateSet(templateId: number, scopes: number, ...fields: Field[]): number[] {
  return set(3, [...u16(templateId), ...u16(fields.length), ...u16(scopes), ...specifiers(fields)]);
}

export function v9TemplateSet(templateId: number, ...fields: Field[]): number[] {
  return set(0, [...u16(templateId), ...u16(fields.length), ...specifiers(fields)]);
}

export function v9OptionsTemplateSet(
  templateId: number,
  scopes: readonly Field[],
  options: readonly Field[],
): number[] {
  const lengths = [...u16(scopes.length * 4), ...u16(options.length * 4)];
  return set(1, [...u16(templateId), ...lengths, ...specifiers(scopes), ...specifiers(options)]);
}

export interface HeaderFields {
  readonly exportTime?: number;
  readonly sequenceNumber?: number;
  readonly domainId?: number;
  readonly uptimeMs?: number;
  readonly count?: number;
  /** Of the IPFIX header, when it shall lie. */
  readonly length?: number;
  /** Of v5: sampling mode and interval. */
  readonly sampling?: number;
}

/** 2023-11-14T22:13:20Z. */
export const EXPORT_TIME = 1_700_000_000;

export function ipfix(sets: readonly number[], header: HeaderFields = {}): Uint8Array {
  const { exportTime = EXPORT_TIME, sequenceNumber = 0, domainId = 0, length = 16 + sets.length } = header;
  return Uint8Array.from([
    ...u16(10),
    ...u16(length),
    ...u32(exportTime),
    ...u32(sequenceNumber),
    ...u32(domainId),
    ...sets,
  ]);
}

export function v9(sets: readonly number[], header: HeaderFields = {}): Uint8Array {
  const {
    exportTime = EXPORT_TIME,
    sequenceNumber = 0,
    domainId = 0,
    uptimeMs = 100_000,
    count = 1,
  } = header;
  const times = [...u32(uptimeMs), ...u32(exportTime)];
  return Uint8Array.from([
    ...u16(9),
    ...u16(count),
    ...times,
    ...u32(sequenceNumber),
    ...u32(domainId),
    ...sets,
  ]);
}

/** Octets of one v5 record: 10.0.0.1 → 10.0.0.2, 3 packets, 300 octets, TCP 1024 → 80. */
export const V5_RECORD = hex(
  `0a000001 0a000002 00000000 0001 0002 00000003 0000012c 00015f90 00016378
   0400 0050 00 1b 06 00 0000 0000 00 00 0000`,
);

export function v5(records: readonly number[], header: HeaderFields = {}): Uint8Array {
  const { exportTime = EXPORT_TIME, sequenceNumber = 0, uptimeMs = 100_000, sampling = 0 } = header;
  const { count = records.length / 48, domainId = 0 } = header;
  const times = [...u32(uptimeMs), ...u32(exportTime), ...u32(0)];
  return Uint8Array.from([
    ...u16(5),
    ...u16(count),
    ...times,
    ...u32(sequenceNumber),
    ...u16(domainId),
    ...u16(sampling),
    ...records,
  ]);
}

export function sessionOf(transport: TransportKind = 'udp', exporterAddress = '192.0.2.1'): TransportSession {
  return { exporterAddress, localSocket: '0.0.0.0:4739', transport, source: 'test' };
}

/** One row: the columns that have a value, as numbers; `extra` as octets. */
export type Row = Partial<Record<FlowColumnName, number>> & { readonly extra: readonly number[] };

export interface Harness {
  readonly decoder: FlowDecoder;
  readonly rows: Row[];
  readonly problems: string[];
  readonly optionsRecords: OptionsRecord[];
  /** Decodes a datagram; a session of its own when none is given. */
  send(datagram: Uint8Array, receivedAtMs?: number): void;
}

/** A decoder whose rows, problems (`code@offset`) and options records are collected. */
export function harness(
  options: FlowDecoderOptions & { session?: TransportSession; capacity?: number } = {},
): Harness {
  const decoder = createFlowDecoder(options);
  const session = options.session ?? sessionOf();
  const batch = createFlowBatch(options.capacity ?? 512);
  const rows: Row[] = [];
  const problems: string[] = [];
  const optionsRecords: OptionsRecord[] = [];
  const takeRows = () => {
    for (let row = 0; row < batch.rowCount; row++) rows.push(rowOf(batch, row));
    clearFlowBatch(batch);
    return batch;
  };
  const sink = {
    batch,
    full: takeRows,
    optionsRecord: (record: OptionsRecord) => void optionsRecords.push(record),
    problem: (problem: { code: string; offset: number }) =>
      void problems.push(`${problem.code}@${problem.offset}`),
  };
  return {
    decoder,
    rows,
    problems,
    optionsRecords,
    send(datagram, receivedAtMs = EXPORT_TIME * 1000) {
      decoder.decodeDatagram(datagram, session, receivedAtMs, sink);
      takeRows();
    },
  };
}

export function rowOf(batch: ReturnType<typeof createFlowBatch>, row: number): Row {
  const values: Partial<Record<FlowColumnName, number>> = {};
  for (const { name, type } of FLOW_COLUMNS) {
    if (!isPresent(batch, name, row)) continue;
    const column = batch.columns[name];
    values[name] = type === 'u64' ? u64AsNumber(column as Uint32Array, row) : column[row]!;
  }
  const from = row === 0 ? 0 : batch.extraEnd[row - 1];
  return { ...values, extra: [...batch.extra.subarray(from, batch.extraEnd[row])] };
}
