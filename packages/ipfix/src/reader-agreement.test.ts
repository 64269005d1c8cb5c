/** The two ways to read, into columns and into records, agree on every public capture: value by value. */
import { expect, test } from 'vitest';
import { formatIPv6 } from './address-text.ts';
import { BoundedReader } from './bounded-reader.ts';
import { ADDRESS_SOURCES, FLOW_END_SOURCES, FLOW_START_SOURCES, NUMBER_SOURCES } from './column-sources.ts';
import type { FieldMap, FieldValue } from './field-value.ts';
import { createFlowBatch, type FlowBatch, isPresent, u64AsBigInt, u64AsNumber } from './flow-batch.ts';
import type { FlowColumnName } from './flow-column.ts';
import { createFlowDecoder } from './flow-decoder.ts';
import { elementById, elementNumberText } from './information-model.ts';
import { exportPackets, fixturesBelow, hasFixtures } from './oracle.test-support.ts';
import { createRecordDecoder, type DecodedRecord } from './record-decoder.ts';
import { VARIABLE_LENGTH } from './template.ts';
import type { TransportSession } from './transport-session.ts';
import { decodeValue, isStructured } from './value-codec.ts';

const captures = [
  ...fixturesBelow('exporters/_pcap', '.pcap'),
  ...fixturesBelow('exporters/netgauze', '.pcap'),
  ...fixturesBelow('generated/softflowd', '.pcap'),
  ...fixturesBelow('generated/pmacctd', '.pcap'),
];

test.skipIf(!hasFixtures)('columns and records say the same, or: no shared fixtures', () => {
  const totals = { rows: 0, values: 0, extras: 0 };
  for (const capture of captures) {
    const { rows, records } = readBothWays(capture);
    expect(rows.length, capture).toBe(records.length);
    rows.forEach(({ batch, row }, index) => {
      const record = records[index] as DecodedRecord;
      const wrong = [...disagreements(batch, row, record, totals)];
      expect(wrong, `${capture}, record ${index}: ${JSON.stringify(record)}`).toEqual([]);
      totals.rows++;
    });
  }
  expect(totals.rows).toBeGreaterThan(9000);
  expect(totals.values).toBeGreaterThan(100_000);
  expect(totals.extras).toBeGreaterThan(10_000);
});

function readBothWays(capture: string) {
  const session: TransportSession = {
    exporterAddress: '::1',
    localSocket: '',
    transport: 'udp',
    source: 'test',
  };
  const rows: { batch: FlowBatch; row: number }[] = [];
  const records: DecodedRecord[] = [];
  const flows = createFlowDecoder();
  const decoder = createRecordDecoder();
  const take = () => {
    for (let row = 0; row < sink.batch.rowCount; row++) rows.push({ batch: sink.batch, row });
    sink.batch = createFlowBatch(1024);
    return sink.batch;
  };
  const sink = { batch: createFlowBatch(1024), full: take };
  for (const datagram of exportPackets(capture)) {
    flows.decodeDatagram(datagram, session, 0, sink);
    decoder.decodeDatagram(datagram, session, 0, {
      record: (record) => {
        if (record.scope === undefined) records.push(record);
      },
    });
  }
  take();
  return { rows, records };
}

function* disagreements(
  batch: FlowBatch,
  row: number,
  { fields }: DecodedRecord,
  totals: { values: number; extras: number },
): Generator<string> {
  for (const [column, ...sources] of NUMBER_SOURCES) {
    const value = firstOf(fields, sources);
    if (typeof value !== 'number') continue;
    totals.values++;
    const own = isPresent(batch, column, row) ? numberIn(batch, column, row) : undefined;
    if (own !== value) yield `${column} ${own}, record ${value}`;
  }
  for (const { high, low, ipv4, ipv6 } of ADDRESS_SOURCES) {
    const names = Object.keys(fields);
    const placeOf = (element: number) => names.indexOf(elementById(0, element)?.name ?? '');
    const inOrder = [ipv4, ipv6].toSorted((a, b) => placeOf(a) - placeOf(b));
    const value = firstOf(fields, inOrder);
    const zero = value === '0.0.0.0' || value === '::';
    if (typeof value !== 'string' || zero) continue;
    totals.values++;
    const own = addressIn(batch, high, low, row);
    if (own !== value && own !== `::ffff:${value}`) yield `${low} ${own}, record ${value}`;
  }
  yield* timeDisagreements(batch, row, fields, totals);
  yield* extraDisagreements(batch, row, fields, totals);
}

function* timeDisagreements(
  batch: FlowBatch,
  row: number,
  fields: FieldMap,
  totals: { values: number },
): Generator<string> {
  const sources = [
    ['flowStart', FLOW_START_SOURCES],
    ['flowEnd', FLOW_END_SOURCES],
  ] as const;
  for (const [column, elements] of sources) {
    const value = firstOf(
      fields,
      elements.map(([id]) => id),
    );
    if (typeof value !== 'string' || !value.endsWith('Z')) continue;
    totals.values++;
    const own = u64AsNumber(batch.columns[column], row);
    if (Math.abs(own - Date.parse(value)) > 1)
      yield `${column} ${new Date(own).toISOString()}, record ${value}`;
  }
}

function* extraDisagreements(
  batch: FlowBatch,
  row: number,
  fields: FieldMap,
  totals: { extras: number },
): Generator<string> {
  if (!isPresent(batch, 'extraLayout', row)) return;
  const layout = batch.layouts[batch.columns.extraLayout[row] as number] ?? [];
  const start = row === 0 ? 0 : (batch.extraEnd[row - 1] as number);
  const reader = new BoundedReader(batch.extra, 'record_truncated', start, batch.extraEnd[row]);
  for (const { enterpriseNumber, elementId, length } of layout) {
    const octets = length === VARIABLE_LENGTH ? reader.variableLength() : length;
    const element = elementById(enterpriseNumber, elementId);
    const name = element?.name ?? elementNumberText(enterpriseNumber, elementId);
    const dataType = element?.dataType ?? 'octetArray';
    reader.require(octets);
    totals.extras++;
    const own = isStructured(dataType)
      ? undefined
      : decodeValue(reader.bytes, reader.position, octets, dataType);
    reader.position += octets;
    const values = Array.isArray(fields[name]) ? (fields[name] as FieldValue[]) : [fields[name]];
    const isShown = own === undefined ? fields[name] !== undefined : values.includes(own);
    if (!isShown) yield `extra ${name} ${own}, record ${JSON.stringify(fields[name])}`;
  }
  if (reader.remaining > 0) yield `extra has ${reader.remaining} octets more than its layout`;
}

/** The record's value of the first element that it has; of a repeated one the first. */
function firstOf(fields: FieldMap, sources: readonly number[]): FieldValue | undefined {
  for (const key of sources) {
    const value = fields[elementById(Math.floor(key / 65536), key % 65536)?.name ?? ''];
    if (value !== undefined) return Array.isArray(value) ? (value as FieldValue[])[0] : value;
  }
  return undefined;
}

function numberIn(batch: FlowBatch, column: FlowColumnName, row: number): number {
  const values = batch.columns[column];
  const isPair = values.length === batch.capacity * 2;
  return isPair ? u64AsNumber(values as Uint32Array, row) : (values[row] as number);
}

function addressIn(batch: FlowBatch, high: FlowColumnName, low: FlowColumnName, row: number): string {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, u64AsBigInt(batch.columns[high] as Uint32Array, row));
  view.setBigUint64(8, u64AsBigInt(batch.columns[low] as Uint32Array, row));
  return formatIPv6(bytes, 0);
}
