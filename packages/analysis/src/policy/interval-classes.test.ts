import fc from 'fast-check';
import { expect, test } from 'vitest';
import { classifyIntervals, pieceOf, type SetInterval } from './interval-classes.ts';

const interval = fc
  .record({ set: fc.nat(5), from: fc.nat(60), length: fc.nat(20) })
  .map(({ set, from, length }): SetInterval => ({ set, from: BigInt(from), to: BigInt(from + length) }));

/** The sets of a number, the one whose interval is narrowest first. */
function naive(intervals: readonly SetInterval[], value: bigint): number[] {
  const widths = new Map<number, bigint>();
  for (const { set, from, to } of intervals) {
    if (value < from || value > to) continue;
    const known = widths.get(set);
    if (known === undefined || to - from < known) widths.set(set, to - from);
  }
  return [...widths]
    .sort(([left, one], [right, other]) => (one < other ? -1 : one > other ? 1 : left - right))
    .map(([set]) => set);
}

test('every number is in the class of exactly its sets, the narrowest first', () => {
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 12 }), (intervals) => {
      const found = classifyIntervals(intervals);
      for (let value = 0n; value < 90n; value += 1n) {
        const piece = pieceOf(found, value);
        expect(found.classes[found.pieces[piece] ?? -1]?.sets).toEqual(naive(intervals, value));
      }
      expect(new Set(found.classes.map(({ sets }) => sets.join())).size).toBe(found.classes.length);
      expect([...found.starts].sort((a, b) => Number(a - b))).toEqual(found.starts);
    }),
  );
});
