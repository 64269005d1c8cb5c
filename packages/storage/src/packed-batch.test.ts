import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FlowBatch, FlowColumnName } from '@weir/ipfix';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { appendToBlock, BlockPool, type FlowBlock, readColumn } from './flow-block.ts';
import { LabelDictionary } from './label-dictionary.ts';
import { BatchPacker, FORM } from './packed-batch.ts';
import { replayLog, SegmentLog } from './segment-log.ts';
import { STORED_COLUMNS } from './stored-column.ts';
import { batchOf, type PlainRecord } from './test-batch.ts';
import { clearImpossibleTimes, emptyBounds, widenBounds } from './time-bounds.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-packed-'));
afterAll(() => rmSync(folder, { recursive: true }));

const NAMES = ['octets', 'flowStart', 'flowEnd', 'srcPort', 'protocol', 'outIf', 'srcCountry'] as const;
type Name = (typeof NAMES)[number];

const u32 = fc.nat(0xffff_ffff);
const u64 = fc.tuple(fc.constantFrom(0, 0, 1, 412, 0x7fff_ffff), u32).map(([high, low]) => {
  return (BigInt(high) << 32n) | BigInt(low);
});
const VALUES: Readonly<Record<Name, fc.Arbitrary<number | bigint>>> = {
  octets: u64,
  flowStart: u64,
  flowEnd: u64,
  srcPort: fc.nat(65_535),
  protocol: fc.constantFrom(6, 17),
  outIf: u32,
  srcCountry: fc.constantFrom(0x4445, 0x4e5a, 0),
};

/** Values of one column: as they come, the same in all rows, or with one high word; some rows without. */
function columnOf(name: Name, rows: number): fc.Arbitrary<(number | bigint | undefined)[]> {
  const value = VALUES[name];
  const lists = fc.oneof(
    fc.array(value, { minLength: rows, maxLength: rows }),
    value.map((one) => Array.from({ length: rows }, () => one)),
    fc.array(u32, { minLength: rows, maxLength: rows }).map((lows) => {
      return lows.map((low) => (name === 'octets' ? (5n << 32n) | BigInt(low) : low % 200));
    }),
  );
  const gap = fc.oneof(
    { weight: 3, arbitrary: fc.constant<number[]>([]) },
    { weight: 1, arbitrary: fc.array(fc.nat(rows), { maxLength: rows }) },
    { weight: 1, arbitrary: fc.constant(Array.from({ length: rows }, (_, row) => row)) },
  );
  return fc.tuple(lists, gap).map(([list, without]) => {
    return list.map((one, row) => (without.includes(row) ? undefined : one));
  });
}

const records = fc.integer({ min: 1, max: 40 }).chain((rows) =>
  fc.tuple(...NAMES.map((name) => columnOf(name, rows))).map((columns) =>
    Array.from({ length: rows }, (_, row) => {
      const record: PlainRecord = { receivedAt: 1_700_000_000_000, exporter: 0 };
      columns.forEach((column, index) => {
        const value = column[row];
        if (value !== undefined) record[NAMES[index] as Name] = value;
      });
      return record;
    }),
  ),
);

/** Rows of a batch as BigInts by column, those without left out. */
function rowsOf(batch: FlowBatch, names: readonly FlowColumnName[]): Record<string, bigint>[] {
  return Array.from({ length: batch.rowCount }, (_, row) => {
    const record: Record<string, bigint> = {};
    for (const { flowColumn, width } of STORED_COLUMNS) {
      if (flowColumn === undefined || !names.includes(flowColumn)) continue;
      const index = STORED_COLUMNS.findIndex((column) => column.flowColumn === flowColumn);
      if (((batch.validity[index]?.[row >> 3] ?? 0) & (1 << (row & 7))) === 0) continue;
      const column = batch.columns[flowColumn];
      const pair = width === 8 && column.length === batch.capacity * 2;
      record[flowColumn] = pair
        ? (BigInt(column[row * 2 + 1] ?? 0) << 32n) | BigInt(column[row * 2] ?? 0)
        : BigInt(column[row] ?? 0);
    }
    return record;
  });
}

function rowsOfBlock(block: FlowBlock, names: readonly FlowColumnName[]): Record<string, bigint>[] {
  const scratch = new Uint8Array(block.rowCount * 8);
  const rows: Record<string, bigint>[] = Array.from({ length: block.rowCount }, () => ({}));
  STORED_COLUMNS.forEach(({ flowColumn, width }, index) => {
    const column = block.columns[index];
    if (column === undefined || flowColumn === undefined || !names.includes(flowColumn)) return;
    const octets = readColumn(column, 0, block.rowCount, width, scratch);
    rows.forEach((record, row) => {
      if (((column.validity[row >> 3] ?? 0) & (1 << (row & 7))) === 0) return;
      const value = octets.slice(row * width, (row + 1) * width).reverse();
      record[flowColumn] = BigInt(`0x${Buffer.from(value).toString('hex')}`);
    });
  });
  return rows;
}

test('log and block give back what was packed, batch after batch', () => {
  const packer = new BatchPacker();
  const plain = NAMES.filter((name) => name !== 'srcCountry');
  fc.assert(
    fc.property(fc.array(records, { minLength: 1, maxLength: 5 }), (lists) => {
      const path = join(folder, 'log');
      const log = new SegmentLog(path);
      const pool = new BlockPool(1);
      const block = pool.create();
      const labels = new LabelDictionary();
      const keys = { exporterIds: [3], layoutIds: [], labelIds: [] };
      const batches = lists.map((list) => batchOf(list, undefined, undefined, 64));
      for (const batch of batches) {
        const packed = packer.pack(batch);
        log.append(packed);
        appendToBlock(block, packed, 0, keys, labels, pool);
      }
      const replayed: FlowBatch[] = [];
      replayLog(path, (batch) => replayed.push(batch));
      expect(replayed.flatMap((batch) => rowsOf(batch, NAMES))).toEqual(
        batches.flatMap((batch) => rowsOf(batch, NAMES)),
      );
      expect(rowsOfBlock(block, plain)).toEqual(batches.flatMap((batch) => rowsOf(batch, plain)));
      const countries = rowsOfBlock(block, ['srcCountry']).map(({ srcCountry }) => {
        return srcCountry === undefined ? undefined : labels.textOf(Number(srcCountry));
      });
      expect(countries).toEqual(
        lists.flat().map(({ srcCountry }) => ({ 17477: 'DE', 20058: 'NZ' })[Number(srcCountry)]),
      );
    }),
    { numRuns: 150 },
  );
});

test('bounds are those of the rows, and no time is behind the year 9999', () => {
  const packer = new BatchPacker();
  fc.assert(
    fc.property(records, (list) => {
      const batch = batchOf(list, undefined, undefined, 64);
      const impossible = list.flatMap(({ flowStart = 0n, flowEnd = 0n }) =>
        [flowStart, flowEnd].filter((time) => BigInt(time) >> 32n > 1000n),
      );
      expect(clearImpossibleTimes(packer.pack(batch))).toBe(impossible.length);
      const bounds = emptyBounds();
      widenBounds(bounds, packer.pack(batch));
      const rows = rowsOf(batch, ['receivedAt', 'flowStart', 'flowEnd']);
      const ends = rows.map(({ flowEnd, receivedAt = 0n }) => Number(flowEnd ?? receivedAt));
      const starts = rows.map(({ flowStart }, row) => Number(flowStart ?? ends[row]));
      expect(bounds).toEqual({
        startMinMs: Math.min(...starts),
        endMinMs: Math.min(...ends),
        endMaxMs: Math.max(...ends),
      });
    }),
  );
});

test('what repeats is left out', () => {
  const list = Array.from({ length: 20 }, (_, row) => ({
    octets: row,
    packets: 7,
    srcPort: row,
    protocol: 6,
  }));
  const { columns } = new BatchPacker().pack(batchOf(list, undefined, undefined, 64));
  expect(columns.map(({ form }) => form)).toEqual([FORM.whole, FORM.same, FORM.low, FORM.same]);
});
