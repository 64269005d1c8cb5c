/**
 * What the exporter tells collectors of the meters, over all of them: a meter that takes over from another
 * counts from 0, and an interface that is no longer metered takes its counts with it.
 */
import type { Clock } from '@weir/base';
import type { MeteringLoss, MeteringState } from '@weir/exporting';
import type { LiveMeterStatus } from '@weir/metering';

export interface MeterLedger {
  /** Notes what the meter that runs says of itself. */
  note(status: LiveMeterStatus): void;
  /** Notes the last that a meter said: what it counted stays. */
  end(status: LiveMeterStatus): void;
  loss(): MeteringLoss;
  state(): MeteringState;
}

interface Totals {
  readonly ignoredPackets: number;
  readonly ignoredOctets: number;
  readonly droppedPackets: number;
  readonly droppedOctets: number;
}

const NOTHING: Totals = { ignoredPackets: 0, ignoredOctets: 0, droppedPackets: 0, droppedOctets: 0 };

export function createMeterLedger(clock: Clock): MeterLedger {
  /** Of the meters that have ended, and with them of the one that runs. */
  let ended = NOTHING;
  let totals = NOTHING;
  let firstMs = 0;
  let lastMs = 0;
  let cacheFlows = 0;
  let cacheFlowsPeak = 0;

  function note(status: LiveMeterStatus): void {
    const before = totals.ignoredPackets;
    totals = greater(totals, added(ended, totalsOf(status)));
    cacheFlows = status.meter.flowsHeld;
    cacheFlowsPeak = Math.max(cacheFlowsPeak, cacheFlows);
    if (totals.ignoredPackets === before) return;
    lastMs = clock.nowMs();
    if (firstMs === 0) firstMs = lastMs;
  }

  return {
    note,
    end(status) {
      note(status);
      ended = totals;
      cacheFlows = 0;
    },
    loss() {
      const { ignoredPackets, ignoredOctets } = totals;
      return { ignoredPackets, ignoredOctets, firstMs, lastMs };
    },
    state() {
      const { droppedPackets, droppedOctets } = totals;
      return { cacheFlows, cacheFlowsPeak, droppedPackets, droppedOctets };
    },
  };
}

/** Of packets that the kernel dropped the octets are not known. */
function totalsOf({ interfaces, outlet, drops }: LiveMeterStatus): Totals {
  const kernelDrops = interfaces.reduce((sum, status) => sum + status.kernelDrops, 0);
  return {
    ignoredPackets: kernelDrops + outlet.packetsLost,
    ignoredOctets: outlet.octetsLost,
    droppedPackets: drops?.ledger.frames ?? 0,
    droppedOctets: drops?.ledger.octets ?? 0,
  };
}

function added(one: Totals, other: Totals): Totals {
  return combined(one, other, (a, b) => a + b);
}

function greater(one: Totals, other: Totals): Totals {
  return combined(one, other, Math.max);
}

function combined(one: Totals, other: Totals, combine: (a: number, b: number) => number): Totals {
  return {
    ignoredPackets: combine(one.ignoredPackets, other.ignoredPackets),
    ignoredOctets: combine(one.ignoredOctets, other.ignoredOctets),
    droppedPackets: combine(one.droppedPackets, other.droppedPackets),
    droppedOctets: combine(one.droppedOctets, other.droppedOctets),
  };
}
