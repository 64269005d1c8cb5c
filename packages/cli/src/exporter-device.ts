/**
 * The device behind `weir export`: a meter and an exporter as a profile says, for as long as it runs as the
 * profile says then. Configuration and wiring; what the parts do is in their packages.
 */
import {
  type CancelTimer,
  type Component,
  createLifecycle,
  type Logger,
  systemClock,
  UserError,
} from '@weir/base';
import { type CollectorState, loadProfile, type Profile, reasonDisabled } from '@weir/exporting';
import type { CaptureSource } from '@weir/host';
import { createAgent } from './agent/agent.ts';
import type { Enrolment } from './agent/enrolment.ts';
import { createControlServer } from './control-socket.ts';
import type { Endpoint } from './endpoint.ts';
import { createExportPipeline } from './export-pipeline.ts';
import { createExporterMetrics } from './exporter-metrics.ts';
import {
  createExporterStatusReader,
  type ExporterDeviceStatus,
  type ExporterState,
} from './exporter-status.ts';
import { createInterfaceFollower, interfacesByDefault, NO_INTERFACE_UP } from './interface-follower.ts';
import { createMetricsServer } from './metrics-server.ts';
import { createProfileWatcher } from './profile-watcher.ts';

const SAMPLE_INTERVAL_MS = 1_000;

export interface ExporterDeviceOptions {
  /** The profile to begin with, from the file that is then watched. */
  readonly profile: Profile;
  /** Interfaces of the command line; empty: those of the profile. */
  readonly interfaces: readonly string[];
  readonly capture: CaptureSource;
  /** Where metrics are served; undefined: nowhere. */
  readonly metrics: Endpoint | undefined;
  /** Where `weir status` and `weir stop` ask; undefined: nowhere. */
  readonly controlPath: string | undefined;
  /** The server at which its settings are shown and edited; undefined: none. */
  readonly enrolment: Enrolment | undefined;
  readonly logger: Logger;
}

/** How it ended, for who asked it to. */
export interface StopReport {
  /** Flows that were still open, and were exported with flowEndReason 4. */
  readonly recordsFlushed: number;
  /** Records that the meters gave to exporters since the start. */
  readonly records: number;
  /** Of the exporter that was in force at the end. */
  readonly collectors: readonly CollectorState[];
}

export interface ExporterDevice extends Component {
  /** Aborts when somebody asks it to stop over the control socket, or when a part died. */
  readonly ended: AbortSignal;
  /** What died, if something did. */
  readonly failure: () => Error | undefined;
  /** Reads the profile again and makes it the one in force, if it is good. */
  reload(): Promise<void>;
  status(): ExporterDeviceStatus;
  /** Known when `stop` has resolved. */
  report(): StopReport | undefined;
}

/**
 * Creates the device. `start` throws a UserError when the profile asks for what this machine has not, or
 * another exporter answers at the control socket. A profile with nothing to export is no failure: the device
 * says so and waits for another.
 */
export function createExporterDevice(options: ExporterDeviceOptions): ExporterDevice {
  const { logger, controlPath } = options;
  const file = options.profile.fileName;
  const ended = new AbortController();
  const stopped = Promise.withResolvers<StopReport>();
  stopped.promise.catch(() => {}); // Who asked to stop hears of it; mostly nobody has.
  const lifecycle = createLifecycle(logger);
  let failure: Error | undefined;
  let state: ExporterState = 'starting';
  let profileProblem: string | undefined;
  let profileInForceSince = Date.now();
  let reloading = Promise.resolve();
  let report: StopReport | undefined;
  const pipeline = createExportPipeline({
    interfaces: options.interfaces,
    capture: options.capture,
    logger,
    clock: systemClock,
    onFailure(error) {
      failure = error;
      ended.abort();
    },
  });
  const reader = createExporterStatusReader(pipeline);

  function status(): ExporterDeviceStatus {
    const { profile } = pipeline;
    const waitsFor = state === 'metering' ? reasonToWait() : undefined;
    const disabled = profile === undefined ? undefined : reasonDisabled(profile);
    return reader.read({
      profile: file,
      state: waitsFor === undefined ? state : 'waiting',
      reason: waitsFor ?? disabled,
      profileProblem,
      profileInForceSince,
    });
  }

  /** Where there is nothing to look at, and no source of dropped frames to listen to either. */
  function reasonToWait(): string | undefined {
    const { meter, profile } = pipeline;
    const interfaces = meter?.status()?.interfaces;
    if (interfaces === undefined || profile?.dropSources.length !== 0) return undefined;
    if (interfaces.length === 0) return NO_INTERFACE_UP;
    return interfaces.every(({ state: itsState }) => itsState === 'gone') ? sayAbsent() : undefined;
  }

  /** Names the interfaces that are not there; undefined where all are. */
  function sayAbsent(): string | undefined {
    const interfaces = pipeline.meter?.status()?.interfaces ?? [];
    const absent = interfaces.filter(({ state: itsState }) => itsState === 'gone').map(({ name }) => name);
    return absent.length === 0 ? undefined : `there is no ${absent.join(', ')}: metered when it comes up`;
  }

  async function apply(profile: Profile): Promise<void> {
    const change = await pipeline.apply(profile);
    profileProblem = undefined;
    profileInForceSince = Date.now();
    const reason = reasonDisabled(profile);
    const isStarting = state === 'starting';
    state = reason === undefined ? 'metering' : 'disabled';
    if (reason !== undefined) {
      logger.warn(`${file}: ${reason}; nothing is exported until the profile says otherwise`);
    } else if (meteredInterfaces().length === 0) {
      if (!isStarting) logger.warn(NO_INTERFACE_UP); // At the start the follower says it.
    } else if (change !== 'nothing') {
      logger.info({ changed: change }, `metering ${meteredInterfaces().join(', ')}`);
      const absent = sayAbsent();
      if (absent !== undefined) logger.warn(absent);
    }
  }

  function reload(): Promise<void> {
    return inTurn(async () => {
      try {
        await apply(await loadProfile(file));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        profileProblem = error.message.replaceAll('\n', '; ');
        logger.error(`${profileProblem}; the profile before stays in force`);
      }
    });
  }

  function meteredInterfaces(): readonly string[] {
    return pipeline.meter?.status()?.interfaces.map(({ name }) => name) ?? [];
  }

  /** Those that are up, where neither the command line nor the profile names any. */
  function interfacesToFollow(): readonly string[] | undefined {
    const { profile } = pipeline;
    if (profile === undefined || reasonDisabled(profile) !== undefined) return undefined;
    if (options.interfaces.length > 0 || profile.interfaces.length > 0) return undefined;
    return interfacesByDefault();
  }

  /** The profile stays as it is, and with it the exporter; the meter takes other interfaces. */
  function followInterfaces(): void {
    void inTurn(async () => {
      const { profile } = pipeline;
      if (profile === undefined) return;
      try {
        const change = await pipeline.apply(profile);
        if (change === 'nothing') return;
        logger.info(`the interfaces that are up have changed: metering ${meteredInterfaces().join(', ')}`);
      } catch (error) {
        // An interface went while it was opened: the next look says so.
        if (!(error instanceof UserError)) throw error;
        logger.warn(error.message);
      }
    });
  }

  /** One after the other: a change must not overtake the one before. */
  function inTurn(change: () => Promise<void>): Promise<void> {
    reloading = reloading.then(async () => {
      if (state !== 'stopping') await change();
    });
    reloading.catch((error: Error) => {
      failure ??= error;
      ended.abort();
    });
    return reloading;
  }

  async function stopPipeline(): Promise<void> {
    state = 'stopping';
    await reloading.catch(() => {});
    const { recordsForced } = pipeline.valve.counters;
    try {
      await pipeline.stop();
    } catch (error) {
      stopped.reject(error);
      throw error;
    }
    const { records, recordsForced: forced } = pipeline.valve.counters;
    const collectors = pipeline.exporter?.collectors() ?? [];
    report = { recordsFlushed: forced - recordsForced, records, collectors };
    stopped.resolve(report);
  }

  function assemble(): void {
    if (controlPath !== undefined) {
      const stop = () => {
        ended.abort();
        return stopped.promise;
      };
      lifecycle.add('control', createControlServer(controlPath, { status, stop }, logger));
    }
    lifecycle.add('pipeline', { start: () => apply(options.profile), stop: stopPipeline });
    lifecycle.add('sampler', createSampler());
    lifecycle.add(
      'interfaces',
      createInterfaceFollower({
        clock: systemClock,
        logger,
        metered: meteredInterfaces,
        choose: interfacesToFollow,
        onChange: followInterfaces,
      }),
    );
    lifecycle.add(
      'profile watcher',
      createProfileWatcher(file, systemClock, () => void reload()),
    );
    if (options.enrolment !== undefined) {
      const holder = { reload, problem: () => profileProblem };
      const { enrolment } = options;
      lifecycle.add(
        'agent',
        createAgent({ enrolment, profileFile: file, status, holder, clock: systemClock, logger }),
      );
    }
    if (options.metrics !== undefined) {
      const metrics = createExporterMetrics(status);
      lifecycle.add('metrics', createMetricsServer(options.metrics, metrics, logger));
    }
  }

  function createSampler(): Component {
    let cancel: CancelTimer = () => {};
    return {
      async start() {
        cancel = systemClock.every(SAMPLE_INTERVAL_MS, () => {
          pipeline.tick();
          reader.sample();
        });
      },
      stop: async () => cancel(),
    };
  }

  assemble();
  return {
    ended: ended.signal,
    failure: () => failure,
    reload,
    status,
    report: () => report,
    start: () => lifecycle.start(),
    stop: () => lifecycle.stop(),
  };
}
