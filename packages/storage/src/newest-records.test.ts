import { formatCursor, type RecordsPlan } from '@weir/analysis';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newestRecords } from './newest-records.ts';

test('the range found has just the records that are asked for, and those that ended with the last one', async () => {
  const endsArbitrary = fc.array(fc.integer({ min: 0, max: 50_000_000 }), { maxLength: 60 });
  const bound = fc.integer({ min: 0, max: 50_000_000 });
  const cursorArbitrary = fc.option(fc.record({ beforeMs: bound, skip: fc.integer({ min: 0, max: 5 }) }));
  await fc.assert(
    fc.asyncProperty(
      endsArbitrary,
      bound,
      bound,
      fc.integer({ min: 1, max: 20 }),
      cursorArbitrary,
      async (all, one, two, limit, cursor) => {
        const timeRange = { fromMs: Math.min(one, two), toMs: Math.max(one, two) + 1 };
        const plan: RecordsPlan = {
          kind: 'records',
          timeRange,
          limit,
          ...(cursor === null ? {} : { cursor: formatCursor(cursor) }),
        };
        const within = ({ fromMs, toMs }: { fromMs: number; toMs: number }) =>
          all.filter((end) => end >= fromMs && end < toMs).sort((a, b) => b - a);
        const answer = (range: { fromMs: number; toMs: number }) =>
          within(range)
            .filter((end) => cursor === null || end <= cursor.beforeMs)
            .slice(cursor?.skip ?? 0)
            .slice(0, limit);
        let looks = 0;
        const found = await newestRecords(plan, Math.max(0, ...all), async (range, most) => {
          looks += 1;
          expect(range.fromMs).toBeLessThan(range.toMs);
          return within(range).slice(0, most);
        });
        expect(found.timeRange.fromMs).toBeGreaterThanOrEqual(timeRange.fromMs);
        expect(found.timeRange.toMs).toBeLessThanOrEqual(timeRange.toMs);
        expect(answer(found.timeRange)).toEqual(answer(timeRange));
        expect(looks).toBeLessThan(8);
      },
    ),
  );
});
