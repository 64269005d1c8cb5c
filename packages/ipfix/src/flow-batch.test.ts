import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clearFlowBatch,
  createFlowBatch,
  flowBatchOctets,
  isPresent,
  noteOfFlowBatch,
  setPresent,
  setU64FromNumber,
  u64AsBigInt,
  u64AsNumber,
  viewFlowBatch,
} from './flow-batch.ts';
import { FLOW_COLUMN_INDEX, FLOW_COLUMNS } from './flow-column.ts';

describe('a FlowBatch', () => {
  test('keeps its columns, bitmaps and arena apart and covers the whole buffer', () => {
    const batch = createFlowBatch(64);
    let octets = batch.extra.byteLength + batch.extraEnd.byteLength;
    for (const { name } of FLOW_COLUMNS) octets += batch.columns[name].byteLength;
    for (const bitmap of batch.validity) octets += bitmap.byteLength;
    expect(octets).toBe(flowBatchOctets(64));
    FLOW_COLUMNS.forEach(({ name }, index) => {
      batch.columns[name].fill(index + 1);
    });
    FLOW_COLUMNS.forEach(({ name }, index) => {
      expect([...new Set(batch.columns[name])]).toEqual([index + 1]);
    });
  });

  test('survives the way to another thread', () => {
    const batch = createFlowBatch(128);
    batch.columns.srcPort[100] = 443;
    setPresent(batch, FLOW_COLUMN_INDEX.srcPort, 100, 101);
    batch.rowCount = 101;
    batch.exporters.push({ address: '192.0.2.1', observationDomainId: 7, source: 'default', version: 10 });
    const arrived = structuredClone(
      { buffer: batch.buffer, note: noteOfFlowBatch(batch) },
      { transfer: [batch.buffer] },
    );
    const view = viewFlowBatch(arrived.buffer, arrived.note);
    expect(view.columns.srcPort[100]).toBe(443);
    expect(isPresent(view, 'srcPort', 100)).toBe(true);
    expect(isPresent(view, 'srcPort', 99)).toBe(false);
    expect(view.exporters[0]?.observationDomainId).toBe(7);
  });

  test('marks exactly the rows of a range, next to earlier ranges', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(128), fc.nat(128)), { maxLength: 4 }), (ranges) => {
        const batch = createFlowBatch(128);
        const model = new Set<number>();
        for (const [a, b] of ranges) {
          const [from, to] = a < b ? [a, b] : [b, a];
          setPresent(batch, 3, from, to);
          for (let row = from; row < to; row++) model.add(row);
        }
        const marked = Array.from({ length: 128 }, (_, row) => row).filter(
          (row) => ((batch.validity[3]?.[row >> 3] ?? 0) >> (row & 7)) & 1,
        );
        expect(marked).toEqual([...model].sort((x, y) => x - y));
        expect(batch.validity[2]?.every((octet) => octet === 0)).toBe(true);
        expect(batch.validity[4]?.every((octet) => octet === 0)).toBe(true);
      }),
    );
  });

  test('is empty after clearing', () => {
    const batch = createFlowBatch(64);
    setPresent(batch, 0, 0, 64);
    batch.rowCount = 64;
    clearFlowBatch(batch);
    expect(batch.rowCount).toBe(0);
    expect(batch.validity.every((bitmap) => bitmap.every((octet) => octet === 0))).toBe(true);
  });

  test('64-bit columns keep every number up to 2^53 - 1', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const column = new Uint32Array(4);
        setU64FromNumber(column, 1, value);
        expect(u64AsNumber(column, 1)).toBe(value);
        expect(u64AsBigInt(column, 1)).toBe(BigInt(value));
        expect(new BigUint64Array(column.buffer)[1]).toBe(BigInt(value));
      }),
    );
  });
});
