import { HOUR_MS, WEEK_MS } from '@weir/analysis';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BaselineTable, VALUES_MAX, WEEKS_KEPT } from './baseline-table.ts';
import { accessKey, ENTRIES_MAX, FirstSeenTable } from './first-seen-table.ts';

const START = Date.parse('2026-09-07T00:00:00Z');
const at = (hours: number) => START + hours * HOUR_MS;

test('what is known of a value is what a naive list of the last weeks says', () => {
  const hour = fc.record({
    skip: fc.integer({ min: 1, max: 60 }),
    values: fc.uniqueArray(
      fc.record({ key: fc.constantFrom('a', 'b', 'c'), value: fc.integer({ min: 1, max: 2 ** 20 }) }),
      {
        selector: ({ key }) => key,
      },
    ),
  });
  fc.assert(
    fc.property(fc.array(hour, { maxLength: 80 }), (hours) => {
      const table = new BaselineTable();
      const learned: { hourMs: number; values: Map<string, number> }[] = [];
      let now = 0;
      for (const { skip, values } of hours) {
        now += skip;
        table.learn(
          at(now),
          values.map((each) => ({ kind: 'host', ...each })),
        );
        learned.push({ hourMs: at(now), values: new Map(values.map(({ key, value }) => [key, value])) });
      }
      const reread = new BaselineTable(JSON.parse(JSON.stringify(table.state())));
      const untilMs = at(now + 1);
      for (const key of ['a', 'b', 'c']) {
        const since = learned.find(({ values }) => values.has(key))?.hourMs;
        const expected = learned
          .filter(
            ({ hourMs }) =>
              since !== undefined && hourMs >= since && hourMs >= untilMs - WEEKS_KEPT * WEEK_MS,
          )
          .filter(({ hourMs }) => !learned.some((later) => later.hourMs === hourMs + WEEKS_KEPT * WEEK_MS))
          .map(({ hourMs, values }) => ({ hourMs, value: values.get(key) ?? 0 }));
        expect(table.history('host', key, untilMs)).toEqual(since === undefined ? undefined : expected);
        expect(reread.history('host', key, untilMs)).toEqual(since === undefined ? undefined : expected);
      }
    }),
    { numRuns: 50 },
  );
});

test('an hour that nobody learned is unknown, not zero; a measured kind has no zero', () => {
  const table = new BaselineTable();
  table.learn(at(0), [
    { kind: 'host', key: 'a', value: 5 },
    { kind: 'roundTrip', key: 'tcp/443', value: 9 },
  ]);
  table.learn(at(2), []);
  expect(table.history('host', 'a', at(3))).toEqual([
    { hourMs: at(0), value: 5 },
    { hourMs: at(2), value: 0 },
  ]);
  expect(table.history('roundTrip', 'tcp/443', at(3))).toEqual([{ hourMs: at(0), value: 9 }]);
  expect([table.hasLearned(at(0)), table.hasLearned(at(1))]).toEqual([true, false]);
});

test('a full kind makes room for what is larger than its least, and for nothing else', () => {
  const table = new BaselineTable();
  const max = VALUES_MAX['service'] ?? 0;
  const values = Array.from({ length: max }, (_, index) => ({
    kind: 'service',
    key: `s${index}`,
    value: 100 + index,
  }));
  table.learn(at(0), values);
  table.learn(at(1), [{ kind: 'service', key: 'small', value: 1 }]);
  expect(table.keys('service')).not.toContain('small');
  table.learn(at(2), [{ kind: 'service', key: 'large', value: 1e6 }]);
  expect(table.keys('service')[0]).toBe('large');
  expect(table.keys('service')).toHaveLength(max);
  expect(table.keys('service')).not.toContain('s0');
  expect(table.evicted).toBe(1);
  table.learn(at(3), [{ kind: 'unheard', key: 'x', value: 1 }]);
  expect(table.size).toBe(max);
});

test('a damaged state is refused', () => {
  const state = new BaselineTable().state();
  expect(() => new BaselineTable({ ...state, hours: 'AAAA' })).toThrow('octets');
});

test('first and last are kept to the minute over a restart, in whatever order they are told', () => {
  const table = new FirstSeenTable();
  expect(table.note('host', '10.0.0.1', at(5), at(6))).toBe(true);
  expect(table.note('host', '10.0.0.1', at(2), at(3))).toBe(false);
  table.note('access', accessKey('user', 'ada', 'tcp/22'), at(1), at(1) + 61_000);
  const reread = new FirstSeenTable(JSON.parse(JSON.stringify(table.state())));
  expect(reread.of('host', '10.0.0.1')).toEqual({ firstMs: at(2), lastMs: at(6) });
  expect(reread.entries('access', accessKey('user', 'ada', ''))).toEqual([
    { key: 'user\tada\ttcp/22', sighting: { firstMs: at(1), lastMs: at(1) + 60_000 } },
  ]);
});

test('a full table forgets what was not seen for longest; retention forgets by age', () => {
  const table = new FirstSeenTable();
  const max = ENTRIES_MAX['service'] ?? 0;
  for (let index = 0; index <= max; index++) table.note('service', `s${index}`, at(index), at(index));
  expect(table.of('service', 's0')).toBeUndefined();
  expect(table.of('service', `s${max}`)).toBeDefined();
  expect(table.evicted).toBe(Math.ceil(max / 10));
  const before = table.size;
  expect(table.forgetBefore(at(max - 9))).toBe(before - 10);
});
