import { createManualClock } from '@weir/base';
import type { LiveMeterStatus } from '@weir/metering';
import { expect, test } from 'vitest';
import { createMeterLedger } from './meter-ledger.ts';

function statusOf(flowsHeld: number, kernelDrops: readonly number[], packetsLost = 0): LiveMeterStatus {
  const interfaces = kernelDrops.map((drops, index) => ({
    name: `eth${index}`,
    interfaceIndex: index + 1,
    state: 'up' as const,
    packets: 0,
    kernelDrops: drops,
  }));
  const outlet = {
    batchesSent: 0,
    recordsSent: 0,
    recordsLost: 0,
    packetsLost,
    octetsLost: packetsLost * 100,
  };
  const meter = { flowsHeld } as LiveMeterStatus['meter'];
  return { interfaces, meter, outlet };
}

test('losses add up over meters that take over from each other, with the times of the first and the last', () => {
  const clock = createManualClock(1000);
  const ledger = createMeterLedger(clock);
  ledger.note(statusOf(5, [0]));
  expect(ledger.loss()).toEqual({ ignoredPackets: 0, ignoredOctets: 0, firstMs: 0, lastMs: 0 });
  clock.advance(1000);
  ledger.note(statusOf(9, [3, 1], 2));
  ledger.end(statusOf(0, [3, 1], 2));
  clock.advance(1000);
  ledger.note(statusOf(4, [1]));
  expect(ledger.loss()).toEqual({ ignoredPackets: 7, ignoredOctets: 200, firstMs: 2000, lastMs: 3000 });
  expect(ledger.state()).toMatchObject({ cacheFlows: 4, cacheFlowsPeak: 9 });
});

test('an interface that is no longer metered does not take its losses back', () => {
  const ledger = createMeterLedger(createManualClock(1000));
  ledger.note(statusOf(0, [3, 4]));
  ledger.note(statusOf(0, [3]));
  expect(ledger.loss().ignoredPackets).toBe(7);
});
