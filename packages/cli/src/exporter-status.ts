/** What the exporter's device tells of itself: to `weir status`, and as metrics. */
import type { CollectorState, ExporterCounters } from '@weir/exporting';
import type { PeerSourceState } from '@weir/host';
import type { DropStatus, InterfaceStatus, LiveMeterStatus } from '@weir/metering';
import type { ExportPipeline } from './export-pipeline.ts';
import { createRateWindow, type RateWindow } from './rate-window.ts';
import { VERSION } from './status-reader.ts';

/**
 * `metering`: it runs; `waiting`: for an interface to come up; `disabled`: for a change of the profile;
 * `stopping`: it flushes.
 */
export type ExporterState = 'starting' | 'metering' | 'waiting' | 'disabled' | 'stopping';

export interface ExporterDeviceStatus {
  readonly version: string;
  readonly pid: number;
  readonly profile: string;
  readonly state: ExporterState;
  /** Why it is disabled, or what it waits for. */
  readonly reason?: string;
  /** Why the file's present contents are not in force: the profile before is. */
  readonly profileProblem?: string;
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly profileInForceSince: number;
  readonly uptimeMs: number;
  readonly rates: Readonly<Record<RateName, number>>;
  /** Undefined while nothing is metered. */
  readonly meter?: LiveMeterStatus['meter'];
  readonly outlet?: LiveMeterStatus['outlet'];
  /** Where there are sources that tell of dropped frames. */
  readonly drops?: DropStatus;
  readonly interfaces: readonly InterfaceStatus[];
  /** Records that the meters gave to exporters since the start. */
  readonly recordsTaken: number;
  readonly exporter?: ExporterCounters;
  /** Counts since the collectors or another property of the exporter last changed. */
  readonly collectors: readonly CollectorState[];
  readonly peerSources: readonly PeerSourceState[];
}

type RateName = 'packets' | 'octets' | 'records';

export interface ExporterStatusReader {
  /** Notes the counters, once a second. */
  sample(): void;
  read(situation: Situation): ExporterDeviceStatus;
}

/** What only the device itself knows. */
export interface Situation {
  readonly profile: string;
  readonly state: ExporterState;
  readonly reason: string | undefined;
  readonly profileProblem: string | undefined;
  readonly profileInForceSince: number;
}

export function createExporterStatusReader(pipeline: ExportPipeline): ExporterStatusReader {
  const startedAt = Date.now();
  const startedAtMonotonicMs = performance.now();
  const window: RateWindow<RateName> = createRateWindow();

  function sample(): void {
    const counters = pipeline.meter?.status()?.meter;
    const { records } = pipeline.valve.counters;
    window.sample(performance.now(), {
      packets: counters?.packets ?? 0,
      octets: counters?.octets ?? 0,
      records,
    });
  }

  return {
    sample,
    read({ reason, profileProblem, ...situation }) {
      const { meter, outlet, drops, interfaces = [] } = pipeline.meter?.status() ?? {};
      const exporter = pipeline.exporter?.counters();
      return {
        version: VERSION,
        pid: process.pid,
        ...situation,
        ...(reason === undefined ? {} : { reason }),
        ...(profileProblem === undefined ? {} : { profileProblem }),
        startedAt,
        uptimeMs: Math.round(performance.now() - startedAtMonotonicMs),
        rates: {
          packets: window.perSecond('packets'),
          octets: window.perSecond('octets'),
          records: window.perSecond('records'),
        },
        ...(meter === undefined ? {} : { meter }),
        ...(outlet === undefined ? {} : { outlet }),
        ...(drops === undefined ? {} : { drops }),
        interfaces,
        recordsTaken: pipeline.valve.counters.records,
        ...(exporter === undefined ? {} : { exporter }),
        collectors: pipeline.exporter?.collectors() ?? [],
        peerSources: pipeline.peerSources,
      };
    },
  };
}
