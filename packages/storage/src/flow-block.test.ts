import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { appendToBlock, BLOCK_ROWS, BlockPool, copyBits, readColumn } from './flow-block.ts';
import { LabelDictionary } from './label-dictionary.ts';
import { BatchPacker } from './packed-batch.ts';
import { STORED_COLUMNS } from './stored-column.ts';
import { batchOf } from './test-batch.ts';
import { bitsAllClear, bitsAllSet } from './time-bounds.ts';

const packed = (...given: Parameters<typeof batchOf>) => new BatchPacker().pack(batchOf(...given));
const bit = (bitmap: Uint8Array, index: number) => (bitmap[index >> 3]! >> (index & 7)) & 1;

describe('bitmaps', () => {
  const place = fc.integer({ min: 0, max: 60 });

  test('copyBits copies these bits and no others', () => {
    const octets = fc.oneof(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.constantFrom(new Uint8Array(20), new Uint8Array(20).fill(255)),
    );
    fc.assert(
      fc.property(octets, place, place, fc.integer({ min: 0, max: 90 }), (source, from, at, count) => {
        const target = new Uint8Array(20);
        copyBits(target, at, source, from, count);
        for (let index = 0; index < 160; index++) {
          const inside = index >= at && index < at + count;
          expect(bit(target, index)).toBe(inside ? bit(source, index - at + from) : 0);
        }
      }),
    );
  });

  test('bitsAllSet and bitsAllClear look at the range only', () => {
    const octet = fc.constantFrom(0, 255, 1, 128);
    const octets = fc.array(octet, { minLength: 20, maxLength: 20 }).map((list) => Uint8Array.from(list));
    fc.assert(
      fc.property(
        octets,
        fc.integer({ min: 0, max: 7 }),
        fc.integer({ min: 0, max: 90 }),
        (bitmap, octetFrom, count) => {
          const from = octetFrom * 8;
          let sum = 0;
          for (let index = from; index < from + count; index++) sum += bit(bitmap, index);
          expect(bitsAllSet(bitmap, from, from + count)).toBe(sum === count);
          expect(bitsAllClear(bitmap, from, from + count)).toBe(sum === 0);
        },
      ),
    );
  });
});

describe('a block', () => {
  test('takes as many rows as fit and says how many', () => {
    const pool = new BlockPool(1);
    const block = pool.create();
    const batch = packed(Array.from({ length: 5000 }, (_, row) => ({ receivedAt: row, octets: row })));
    const keys = { exporterIds: [1], layoutIds: [], labelIds: [] };
    expect(appendToBlock(block, batch, 0, keys, new LabelDictionary(), pool)).toBe(5000);
    expect(appendToBlock(block, batch, 0, keys, new LabelDictionary(), pool)).toBe(BLOCK_ROWS - 5000);
    expect(appendToBlock(block, batch, BLOCK_ROWS - 5000, keys, new LabelDictionary(), pool)).toBe(0);
    expect(block.columns.filter((column) => column !== undefined).length).toBe(2);
  });

  test('gives its arrays back, and a new one gets them with empty validity', () => {
    const pool = new BlockPool(1);
    const octets = STORED_COLUMNS.findIndex(({ name }) => name === 'octets');
    const first = pool.create();
    appendToBlock(
      first,
      packed([{ octets: 1 }, { octets: 2 ** 40 }]),
      0,
      { exporterIds: [], layoutIds: [], labelIds: [] },
      new LabelDictionary(),
      pool,
    );
    const { values } = first.columns[octets]!;
    pool.release(first);
    const second = pool.create();
    appendToBlock(
      second,
      packed([{ octets: 2 }, {}, { octets: 2 ** 33 }]),
      0,
      { exporterIds: [], layoutIds: [], labelIds: [] },
      new LabelDictionary(),
      pool,
    );
    expect(second.columns[octets]!.values).toBe(values);
    expect(second.columns[octets]!.validity[0]).toBe(0b101);
  });

  test('an index without a key becomes null', () => {
    const pool = new BlockPool(1);
    const block = pool.create();
    const batch = packed([{ exporter: 0 }, { exporter: 1 }]);
    appendToBlock(
      block,
      batch,
      0,
      { exporterIds: [undefined, 9], layoutIds: [], labelIds: [] },
      new LabelDictionary(),
      pool,
    );
    const column = block.columns[STORED_COLUMNS.findIndex(({ name }) => name === 'exporterId')]!;
    expect(column.validity[0]).toBe(0b10);
    expect(readColumn(column, 1, 1, 4, new Uint8Array(4))[0]).toBe(9);
  });
});
