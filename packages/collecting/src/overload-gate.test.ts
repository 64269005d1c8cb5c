import { createManualClock } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { createOverloadGate, SHARES_MAX } from './overload-gate.ts';

function stranger() {
  return { established: false, heardUntilMs: 0 };
}

/** A gate of which the queue has just been so full that it heeds one sender in SHARES_MAX. */
function overloaded() {
  const clock = createManualClock(1_000_000);
  const gate = createOverloadGate(clock);
  gate.look(0.6);
  return { clock, gate };
}

describe('createOverloadGate', () => {
  test('hears everybody while the queue is short', () => {
    const gate = createOverloadGate(createManualClock(0));
    gate.look(0.1);
    for (let senderKey = 0; senderKey < 1000; senderKey++)
      expect(gate.admit(stranger(), senderKey)).toBe(true);
    expect([gate.shares, gate.unheard]).toEqual([1, 0]);
  });

  test('hears fewer step by step while the queue is long, and all again when it is short', () => {
    const clock = createManualClock(1_000_000);
    const gate = createOverloadGate(clock);
    const shares = [];
    for (const fill of [0.2, 0.2, 0.2, 0.1, 0, 0, 0, 0, 0, 0]) {
      clock.advance(50);
      gate.look(fill);
      shares.push(gate.shares);
    }
    expect(shares).toEqual([2, 4, 8, 8, 8, 4, 4, 2, 2, 1]);
  });

  test('a queue that is half full waits for no step', () => {
    expect(overloaded().gate.shares).toBe(SHARES_MAX);
  });

  test('established exporters are always heard, of the others one part at a time, and each in its turn', () => {
    const { clock, gate } = overloaded();
    const senders = 6400;
    const heard = new Map<number, number>();
    const seconds = 10 * SHARES_MAX;
    for (let second = 0; second < seconds; second++) {
      gate.look(0.2);
      for (let senderKey = 0; senderKey < senders; senderKey += 64) {
        if (gate.admit(stranger(), senderKey)) heard.set(senderKey, (heard.get(senderKey) ?? 0) + 1);
      }
      expect(gate.admit({ established: true, heardUntilMs: 0 }, 5)).toBe(true);
      clock.advance(1000);
    }
    expect(heard.size).toBe(senders / 64);
    const total = [...heard.values()].reduce((sum, count) => sum + count, 0);
    const fair = ((senders / 64) * seconds) / SHARES_MAX;
    expect(total).toBeGreaterThan(fair * 0.8);
    expect(total).toBeLessThan(fair * 1.2);
    expect(gate.unheard).toBe((senders / 64) * seconds - total);
  });

  test('whose records follow each other is heard on, whose do not is not', () => {
    const { gate, clock } = overloaded();
    const [good, forged] = [stranger(), stranger()];
    for (const sender of [good, forged]) gate.heard(sender, 20, false);
    gate.heard(good, 20, true);
    gate.heard(forged, 20, false);
    clock.advance(30_000);
    gate.look(0.2);
    const heard = (sender: typeof good) =>
      Array.from({ length: 640 }, (_, senderKey) => gate.admit(sender, senderKey)).filter(Boolean).length;
    expect(heard(good)).toBe(640);
    expect(heard(forged)).toBeLessThan(64);
  });
});
