import { createFlowBatch, isPresent } from '@weir/ipfix';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LabelStore } from './label-store.ts';

describe('LabelStore', () => {
  test('gives each text of a batch one index, and another batch its own', () => {
    const labels = new LabelStore();
    const [ada, bob] = [labels.hold('ada'), labels.hold('bob')];
    for (const order of [
      [ada, bob],
      [bob, ada],
    ]) {
      const batch = createFlowBatch(64);
      labels.begin(batch);
      for (const [row, number] of order.entries()) labels.put(batch, 'srcUser', row, number);
      labels.put(batch, 'dstUser', 5, bob);
      expect(batch.labels).toEqual(order.map((number) => labels.textOf(number)));
      expect([...batch.columns.srcUser.subarray(0, 2)]).toEqual([0, 1]);
      expect(batch.labels[batch.columns.dstUser[5] ?? -1]).toBe('bob');
      expect([isPresent(batch, 'dstUser', 5), isPresent(batch, 'dstUser', 4)]).toEqual([true, false]);
    }
  });

  test('goes on with the labels that a batch has', () => {
    const labels = new LabelStore();
    const batch = createFlowBatch(64);
    batch.labels.push('x', 'ada');
    labels.begin(batch);
    labels.put(batch, 'rule', 0, labels.hold('ada'));
    labels.put(batch, 'rule', 1, labels.hold('eve'));
    expect(batch.labels).toEqual(['x', 'ada', 'eve']);
    expect([...batch.columns.rule.subarray(0, 2)]).toEqual([1, 2]);
  });

  test('has limits and counts what it left out', () => {
    const labels = new LabelStore(70_000);
    const numbers = Array.from({ length: 70_001 }, (_, index) => labels.hold(`name ${index}`));
    expect(numbers.at(-1)).toBe(0);
    expect(labels.counters.refused).toBe(1);
    const batch = createFlowBatch(64);
    labels.begin(batch);
    for (const number of numbers.slice(0, -1)) labels.put(batch, 'srcName', 0, number);
    expect(batch.labels.length).toBe(65_535);
    expect(labels.counters.batchFull).toBe(70_000 - 65_535);
    expect(labels.hold('')).toBe(0);
    expect(labels.textOf(labels.hold('n'.repeat(400)) || (numbers[0] ?? 0)).length).toBeLessThanOrEqual(255);
  });

  test('forgets what nobody holds, and never mixes texts up', () => {
    const action = fc.record({
      kind: fc.constantFrom('hold', 'release', 'batch'),
      text: fc.integer({ min: 1, max: 8 }).map((n) => `text ${n}`),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const labels = new LabelStore(6);
        const held: { text: string; number: number }[] = [];
        let batch = createFlowBatch(64);
        labels.begin(batch);
        for (const { kind, text } of actions) {
          if (kind === 'hold') {
            const number = labels.hold(text);
            if (number !== 0) held.push({ text, number });
          } else if (kind === 'release') {
            const last = held.pop();
            if (last !== undefined) labels.release(last.number);
          } else {
            batch = createFlowBatch(64);
            labels.begin(batch);
            expect(labels.size).toBe(new Set(held.map((each) => each.text)).size);
          }
          for (const [row, each] of held.entries()) {
            if (row < 64) labels.put(batch, 'rule', row, each.number);
            if (row < 64) expect(batch.labels[batch.columns.rule[row] ?? -1]).toBe(each.text);
          }
          expect(new Set(batch.labels).size).toBe(batch.labels.length);
        }
      }),
    );
  });
});
