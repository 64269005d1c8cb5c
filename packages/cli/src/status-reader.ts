/** What a device tells of itself, put together from its parts. */
import type { Collector } from '@weir/collecting';
import type { CaptureSource } from '@weir/host';
import type { LiveMeter } from '@weir/metering';
import {
  describeCollector,
  describeStore,
  type ExporterStatus,
  type MeteringStatus,
  type SystemStatus,
} from '@weir/server';
import type { FlowStore } from '@weir/storage';

/** What is to be metered, or why nothing is. */
export type MeteringPlan =
  | {
      readonly state: 'on';
      readonly interfaces: readonly string[];
      /** Whether nobody named them: those that come up are metered too. */
      readonly followsInterfaces: boolean;
      readonly capture: CaptureSource;
    }
  | {
      readonly state: 'off';
      readonly reason: string;
      readonly howToGrant?: string;
      readonly interfaces: readonly [];
    };

export const VERSION = '0.1.0';

interface StatusParts {
  readonly demo: boolean;
  readonly metering: MeteringPlan;
  readonly store: FlowStore;
  readonly collector: Collector;
  readonly meter: LiveMeter | undefined;
}

/** A function that reads the state of all parts at the time of the call. */
export function createStatusReader(parts: StatusParts): () => Promise<SystemStatus> {
  const startedAt = Date.now();
  return async () => {
    const [collected, store] = await Promise.all([parts.collector.status(), parts.store.status()]);
    const { listeners, exporters } = describeCollector(collected);
    return {
      version: VERSION,
      startedAt,
      demo: parts.demo,
      metering: meteringStatus(parts),
      listeners,
      exporters: [...localExporter(parts.meter), ...exporters],
      store: describeStore(store),
    };
  };
}

function meteringStatus({ metering, meter }: StatusParts): MeteringStatus {
  if (metering.state === 'off') {
    const { reason, howToGrant } = metering;
    return { state: 'off', reason, ...(howToGrant === undefined ? {} : { howToGrant }) };
  }
  const status = meter?.status();
  const interfaces = status?.interfaces ?? [];
  return {
    state: 'on',
    openFlows: status?.meter.flowsHeld ?? 0,
    interfaces: interfaces.map(({ name, state, packets, kernelDrops }) => ({
      name,
      state,
      packets,
      kernelDrops,
    })),
  };
}

/** The meter of this machine stands among the exporters, for it is one. */
function localExporter(meter: LiveMeter | undefined): ExporterStatus[] {
  const status = meter?.status();
  if (status === undefined) return [];
  const records = status.meter.records;
  return [
    {
      address: 'local',
      observationDomainId: 0,
      source: 'local',
      version: 0,
      records,
      lost: 0,
      lastSeenAt: Date.now(),
    },
  ];
}
