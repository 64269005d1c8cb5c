/**
 * Both ways to read agree: every row of columns, with its extra fields, says what the record for people says,
 * on every public capture. The record reader was written apart from the column kernels, so each checks the
 * other.
 */
import { describe, expect, test } from 'vitest';
import { formatIPv4, formatIPv6, formatMacAddress } from './address-text.ts';
import { BoundedReader } from './bounded-reader.ts';
import { ADDRESS_SOURCES, MAC_SOURCES, NUMBER_SOURCES } from './column-sources.ts';
import { sessionOf } from './datagram-builder.test-support.ts';
import type { FieldMap, FieldValue } from './field-value.ts';
import { clearFlowBatch, createFlowBatch, type FlowBatch, isPresent, u64AsBigInt } from './flow-batch.ts';
import { FLOW_COLUMNS, type FlowColumnName } from './flow-column.ts';
import { createFlowDecoder } from './flow-decoder.ts';
import { elementById, elementNumberText } from './information-model.ts';
import { exportPackets, fixturesBelow, hasFixtures } from './oracle.test-support.ts';
import { createRecordDecoder, type DecodedRecord } from './record-decoder.ts';
import { createRecordReader } from './record-reader.ts';

const CAPTURES = hasFixtures
  ? [
      'exporters/_pcap',
      'exporters/netgauze',
      'exporters/traffic-reproducer',
      'generated/softflowd',
      'generated/pmacctd',
    ].flatMap((folder) => fixturesBelow(folder, '.pcap'))
  : [];

interface ColumnRow {
  readonly columns: Partial<Record<FlowColumnName, bigint>>;
  readonly extra: FieldMap;
}

const recordReader = createRecordReader({ elementById, revision: 0 });

function rowsOf(packets: readonly Uint8Array[]): ColumnRow[] {
  const decoder = createFlowDecoder();
  const batch = createFlowBatch(64);
  const rows: ColumnRow[] = [];
  const take = () => {
    for (let row = 0; row < batch.rowCount; row++) rows.push(rowOf(batch, row));
    clearFlowBatch(batch);
    return batch;
  };
  const session = sessionOf();
  for (const packet of packets) decoder.decodeDatagram(packet, session, 0, { batch, full: take });
  take();
  return rows;
}

function rowOf(batch: FlowBatch, row: number): ColumnRow {
  const columns: Partial<Record<FlowColumnName, bigint>> = {};
  for (const { name, type } of FLOW_COLUMNS) {
    if (!isPresent(batch, name, row)) continue;
    const column = batch.columns[name];
    columns[name] = type === 'u64' ? u64AsBigInt(column as Uint32Array, row) : BigInt(column[row]!);
  }
  const layout = columns.extraLayout === undefined ? [] : batch.layouts[Number(columns.extraLayout)]!;
  const from = row === 0 ? 0 : batch.extraEnd[row - 1]!;
  const reader = new BoundedReader(batch.extra, 'record_truncated', from, batch.extraEnd[row]);
  const template = { templateId: 256, scopeFieldCount: 0, fields: layout };
  const extra = recordReader.readMerged(reader, template, { templateById: () => undefined }, 0);
  expect(reader.remaining).toBe(0);
  return { columns, extra };
}

function recordsOf(packets: readonly Uint8Array[]): DecodedRecord[] {
  const decoder = createRecordDecoder();
  const records: DecodedRecord[] = [];
  const session = sessionOf();
  for (const packet of packets) {
    decoder.decodeDatagram(packet, session, 0, { record: (record) => records.push(record) });
  }
  return records.filter((record) => record.scope === undefined);
}

/** The first value of an element, of those that a record has several times. */
function fieldOf(fields: FieldMap, element: number): FieldValue | undefined {
  const enterpriseNumber = Math.floor(element / 65536);
  const elementId = element % 65536;
  const name =
    elementById(enterpriseNumber, elementId)?.name ?? elementNumberText(enterpriseNumber, elementId);
  const value = fields[name];
  return Array.isArray(value) ? value[0] : value;
}

function octetsOfNumber(high: bigint, low: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, high);
  view.setBigUint64(8, low);
  return bytes;
}

function checkNumbers(row: ColumnRow, fields: FieldMap): void {
  for (const [column, ...elements] of NUMBER_SOURCES) {
    const expected = elements.map((element) => fieldOf(fields, element)).find((value) => value !== undefined);
    if (typeof expected !== 'number' && typeof expected !== 'string') continue;
    if (!/^\d+$/.test(String(expected))) continue;
    expect([column, row.columns[column]]).toEqual([column, BigInt(expected)]);
  }
}

function checkAddresses(row: ColumnRow, fields: FieldMap): void {
  for (const { high, low, ipv4, ipv6 } of ADDRESS_SOURCES) {
    const names = Object.keys(fields);
    const placeOf = (element: number) => names.indexOf(elementById(0, element)?.name ?? '');
    const inOrder = [ipv4, ipv6].toSorted((a, b) => placeOf(a) - placeOf(b));
    const values = inOrder.map((element) => fieldOf(fields, element));
    const expected = values.find((value) => value !== undefined && value !== '0.0.0.0' && value !== '::');
    if (typeof expected !== 'string' || row.columns[high] === undefined) continue;
    const bytes = octetsOfNumber(row.columns[high], row.columns[low] ?? 0n);
    const text = expected.includes(':') ? formatIPv6(bytes, 0) : formatIPv4(bytes, 12);
    expect([high, text]).toEqual([high, expected]);
  }
  for (const [column, element] of MAC_SOURCES) {
    const expected = fieldOf(fields, element);
    if (row.columns[column] === undefined || typeof expected !== 'string') continue;
    expect(formatMacAddress(octetsOfNumber(0n, row.columns[column]), 10)).toBe(expected);
  }
}

function checkTimes(row: ColumnRow, fields: FieldMap): void {
  for (const [column, prefix] of [
    ['flowStart', 'flowStart'],
    ['flowEnd', 'flowEnd'],
  ] as const) {
    const text = ['Milliseconds', 'Seconds', 'Microseconds', 'Nanoseconds']
      .map((unit) => fields[`${prefix}${unit}`])
      .find((value) => typeof value === 'string');
    if (typeof text !== 'string') continue;
    const expected = Date.parse(text);
    if (expected < 0 || Number.isNaN(expected)) continue;
    // Microseconds of the record are rounded, milliseconds of the column are floored.
    expect(Math.abs(Number(row.columns[column] ?? -1n) - expected)).toBeLessThanOrEqual(1);
  }
}

/** Every field of the record has a column, is padding, or is among the extra fields with the same value. */
function checkNothingDropped(row: ColumnRow, fields: FieldMap): void {
  for (const [name, value] of Object.entries(row.extra)) {
    const whole = fields[name];
    const parts = Array.isArray(whole) && !Array.isArray(value) ? whole : [whole];
    const isList = typeof value === 'object' && value !== null;
    if (!isList) expect(parts).toContainEqual(value);
  }
  const kept = Object.keys(fields).filter((name) => !(name in row.extra));
  const lost = kept.filter((name) => !MAPPED.has(name) && !FROM_HEADER.includes(name));
  expect(lost).toEqual([]);
}

/** What the record reader adds from the header: of v5 the engine is the domain, sampling is a column. */
const FROM_HEADER = [
  'flowStartMilliseconds',
  'flowEndMilliseconds',
  'engineType',
  'engineId',
  'samplingAlgorithm',
];
/** Elements that live in a column, besides those of the tables. */
const OTHER_MAPPED = [
  32, 139, 176, 177, 178, 179, 34, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 21, 22, 160, 161, 162,
  210, 322, 323, 324, 325,
];
const MAPPED = new Set(
  [
    ...NUMBER_SOURCES.flatMap(([, ...elements]) => elements),
    ...ADDRESS_SOURCES.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]),
    ...MAC_SOURCES.map(([, element]) => element),
    ...OTHER_MAPPED,
  ].map((element) => {
    const enterpriseNumber = Math.floor(element / 65536);
    const name = elementById(enterpriseNumber, element % 65536)?.name;
    return name ?? elementNumberText(enterpriseNumber, element % 65536);
  }),
);

describe.skipIf(!hasFixtures)('columns and records agree (no shared fixtures: skipped)', () => {
  test.each(CAPTURES)('%s', (name) => {
    const packets = exportPackets(name);
    const rows = rowsOf(packets);
    const records = recordsOf(packets);
    expect(rows.length).toBe(records.length);
    for (const [index, row] of rows.entries()) {
      const { fields } = records[index]!;
      checkNumbers(row, fields);
      checkAddresses(row, fields);
      checkTimes(row, fields);
      checkNothingDropped(row, fields);
    }
  });

  test('enough was compared', () => {
    const rows = CAPTURES.reduce((sum, name) => sum + rowsOf(exportPackets(name)).length, 0);
    expect(rows).toBeGreaterThan(5000);
  });
});
