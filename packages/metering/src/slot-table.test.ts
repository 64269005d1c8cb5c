import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_SLOT, SlotTable } from './slot-table.ts';

function find(table: SlotTable, hash: number, slot: number): boolean {
  const { pairs, mask } = table;
  for (let at = (hash << 1) & mask; pairs[at + 1] !== EMPTY_SLOT; at = (at + 2) & mask) {
    if (pairs[at + 1] === slot) return true;
  }
  return false;
}

test('finds what was added and not removed, however the hashes crowd', () => {
  // Few different hashes near the end of the table: long runs that wrap around.
  const hashes = fc.constantFrom(1023, 1022, -1, 0, 1, 1021, 5);
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), hashes), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (sequence) => {
      const table = new SlotTable();
      const model = new Map<number, number>();
      for (const [slot, hash] of sequence) {
        const known = model.get(slot);
        if (known === undefined) {
          table.add(hash, slot);
          model.set(slot, hash);
        } else {
          table.remove(known, slot);
          model.delete(slot);
        }
        for (const [present, itsHash] of model) expect(find(table, itsHash, present)).toBe(true);
        const used = table.pairs.filter((value, index) => index % 2 === 1 && value !== EMPTY_SLOT);
        expect(used).toHaveLength(model.size);
      }
    }),
  );
});

test('grows and keeps everything', () => {
  const table = new SlotTable();
  for (let slot = 1; slot <= 5000; slot += 1) table.add(Math.imul(slot, 0x9e3779b1), slot);
  expect(table.mask + 2).toBe(2 * 16_384);
  for (let slot = 1; slot <= 5000; slot += 1)
    expect(find(table, Math.imul(slot, 0x9e3779b1), slot)).toBe(true);
});
