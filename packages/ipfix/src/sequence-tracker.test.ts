import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type SequenceCounters, SequenceTracker } from './sequence-tracker.ts';

function track(learns = false) {
  const counters: SequenceCounters = { unitsLost: 0, duplicates: 0, reordered: 0, restarts: 0 };
  return { counters, tracker: new SequenceTracker(counters, learns) };
}

/** Observes messages of 10 units each, in the order of these numbers. */
function observeAll(numbers: readonly number[]): SequenceCounters {
  const { counters, tracker } = track();
  for (const number of numbers) tracker.observe(number, 10);
  return counters;
}

const NOTHING = { unitsLost: 0, duplicates: 0, reordered: 0, restarts: 0 };

describe('SequenceTracker', () => {
  test('messages in order lose nothing, also across the wrap', () => {
    expect(observeAll([4294967276, 4294967286, 0, 10, 20])).toEqual(NOTHING);
  });

  test('a gap is the units that it skips', () => {
    expect(observeAll([0, 10, 40, 50])).toEqual({ ...NOTHING, unitsLost: 20 });
  });

  test('a late message is taken off the loss', () => {
    expect(observeAll([0, 20, 10, 30])).toEqual({ ...NOTHING, reordered: 1 });
  });

  test('a message that comes twice is a duplicate and no loss', () => {
    expect(observeAll([0, 10, 10, 20, 20, 30])).toEqual({ ...NOTHING, duplicates: 2 });
  });

  test('a number far back is a restart', () => {
    expect(observeAll([500_000, 500_010, 0, 10, 20])).toEqual({ ...NOTHING, restarts: 1 });
  });

  test('a number that is not far back is a restart once messages follow it', () => {
    expect(observeAll([200, 210, 0, 10, 20, 30, 40, 50])).toMatchObject({ restarts: 1, unitsLost: 0 });
  });

  test('a number far ahead is a restart, not a loss of millions', () => {
    expect(observeAll([0, 10, 3_000_000_000, 3_000_000_010])).toEqual({ ...NOTHING, restarts: 1 });
  });

  test('messages of templates only have the number of the next one and are no duplicates', () => {
    const { counters, tracker } = track();
    for (const units of [0, 10, 0, 0, 10]) tracker.observe(0, units);
    expect(counters.unitsLost).toBe(0);
  });

  test('after Sets that cannot be counted nothing is expected', () => {
    const { counters, tracker } = track();
    tracker.observe(0, -1);
    tracker.observe(5000, 10);
    tracker.observe(5010, 10);
    expect(counters).toEqual(NOTHING);
  });

  const ways: readonly [
    string,
    (sent: number, units: number, templates: number, message: number) => number,
  ][] = [
    ['as RFC 7011 says', (sent) => sent],
    ['with the records of the message itself (softflowd)', (sent, units) => sent + units],
    ['with templates (nProbe cento)', (sent, _units, templates) => sent + templates],
    ['messages', (_sent, _units, _templates, message) => message],
  ];
  test.each(ways)('an exporter that counts %s loses nothing', (_way, numberOf) => {
    const { counters, tracker } = track(true);
    const random = [3, 7, 1, 9, 4, 4, 8, 2, 6, 5, 3, 9];
    let sent = 0;
    let templates = 0;
    for (const [message, units] of random.entries()) {
      const templateRecords = message % 3 === 0 ? 2 : 0;
      tracker.observe(numberOf(sent, units, templates, message), units, templateRecords);
      sent += units;
      templates += templateRecords;
    }
    expect(counters).toEqual(NOTHING);
  });

  test('what is lost on the way is what is counted, for any pattern of loss', () => {
    const messages = fc.array(fc.record({ units: fc.integer({ min: 1, max: 30 }), arrives: fc.boolean() }), {
      minLength: 2,
      maxLength: 200,
    });
    fc.assert(
      fc.property(messages, fc.nat(4294967295), (sequence, start) => {
        const { counters, tracker } = track();
        const arrived = sequence.map(({ arrives }, index) => ({ index, arrives })).filter((m) => m.arrives);
        const first = arrived[0]?.index ?? 0;
        const last = arrived.at(-1)?.index ?? 0;
        let number = start;
        let lost = 0;
        for (const [index, { units, arrives }] of sequence.entries()) {
          if (arrives) tracker.observe(number, units);
          else if (index > first && index < last) lost += units;
          number = (number + units) % 4294967296;
        }
        expect(counters).toEqual({ ...NOTHING, unitsLost: lost });
      }),
    );
  });
});
