/**
 * Meter → valve → exporter, as one profile says, and the smallest change to what another profile says:
 * the exporter is replaced where what it does has changed, and the meter goes on; the meter is told of what
 * has changed for it, and meters every packet meanwhile.
 */
import type { Clock, Logger } from '@weir/base';
import {
  createExporter,
  type Exporter,
  type Profile,
  printableProfile,
  reasonDisabled,
} from '@weir/exporting';
import {
  type CaptureSource,
  createPeerDirectory,
  type PeerDirectory,
  type PeerSourceState,
} from '@weir/host';
import { createLiveMeter, type LiveMeter, type LiveMeterChange } from '@weir/metering';
import { createFlowValve, type FlowValve } from './flow-valve.ts';
import { createMeterLedger } from './meter-ledger.ts';
import { METER_PROPERTIES, type MeteringPlan, planMetering } from './metering-plan.ts';
import { createOwnTraffic } from './own-traffic.ts';

export interface ExportPipelineOptions {
  /** Interfaces of the command line; empty: those of the profile. */
  readonly interfaces: readonly string[];
  readonly capture: CaptureSource;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Called when a part dies of a programmer's mistake. */
  readonly onFailure: (error: Error) => void;
  /** For tests, where nothing can be captured. */
  readonly planMetering?: typeof planMetering;
  readonly createLiveMeter?: typeof createLiveMeter;
}

/** What changed with a profile. */
export type ProfileChange = 'nothing' | 'exporter' | 'meter' | 'exporter and meter';

export interface ExportPipeline {
  /**
   * Makes `profile` the one in force. Throws a UserError when it asks for what this machine has not; the one
   * before is in force then.
   */
  apply(profile: Profile): Promise<ProfileChange>;
  /** Keeps what parts tell each other up to date; to be called once a second. */
  tick(): void;
  /** Ends all flows, exports them, and ends the exporter. */
  stop(): Promise<void>;
  readonly profile: Profile | undefined;
  readonly exporter: Exporter | undefined;
  readonly meter: LiveMeter | undefined;
  readonly valve: FlowValve;
  /** What the sources of peers say, where the profile names some. */
  readonly peerSources: readonly PeerSourceState[];
}

/** What runs for a profile; nothing where it is disabled. */
interface Plan {
  readonly profile: Profile;
  readonly metering: MeteringPlan | undefined;
}

interface Parts {
  readonly exporter: boolean;
  readonly meter: boolean;
}

export function createExportPipeline(options: ExportPipelineOptions): ExportPipeline {
  const { logger, clock } = options;
  const plan = options.planMetering ?? planMetering;
  const createMeter = options.createLiveMeter ?? createLiveMeter;
  const valve = createFlowValve(logger);
  const ownTraffic = createOwnTraffic();
  const ledger = createMeterLedger(clock);
  let inForce: Plan | undefined;
  let exporter: Exporter | undefined;
  let meter: LiveMeter | undefined;
  let peers: PeerDirectory | undefined;

  function planOf(profile: Profile): Plan {
    if (reasonDisabled(profile) !== undefined) return { profile, metering: undefined };
    const held = inForce === undefined ? undefined : (inForce.metering?.interfaces ?? []);
    return { profile, metering: plan(profile, options.interfaces, options.capture, held) };
  }

  async function stopMeter(): Promise<void> {
    const stopping = meter;
    meter = undefined;
    await stopping?.stop();
    const last = stopping?.status();
    if (last !== undefined) ledger.end(last);
  }

  async function startMeter(metering: MeteringPlan | undefined): Promise<void> {
    if (metering === undefined) return;
    const { onFailure } = options;
    const starting = createMeter(
      { ...metering, awaitsInterfaces: true, excludedSockets: ownTraffic.sockets },
      { port: valve.connectWriter(), logger, onFailure },
    );
    await starting.start();
    meter = starting;
  }

  /** What the old exporter has taken leaves through it; what comes after waits for the new one. */
  async function replaceExporter(next: Exporter | undefined): Promise<void> {
    valve.close();
    await peers?.stop();
    peers = undefined;
    const old = exporter;
    exporter = undefined;
    await old?.stop();
    // Its last attempts to connect are known now.
    excludeOwnTraffic(old);
    if (next === undefined) return;
    try {
      await next.start();
    } catch (error) {
      await next.stop();
      throw error;
    }
    exporter = next;
    excludeOwnTraffic(next);
    valve.open(next);
  }

  /** Asks who the peers are as long as this exporter is in force; nobody waits for the answer. */
  function followPeers({ profile }: Plan, announcing: Exporter): void {
    if (profile.peers.length === 0) return;
    peers = createPeerDirectory(profile.peers, { logger, clock });
    peers.onChange((found) => announcing.announcePeers(found));
    void peers.start();
  }

  /** Inert until started. */
  function prepareExporter({ profile, metering }: Plan): Exporter | undefined {
    if (metering === undefined) return undefined;
    const { loss: meteringLoss, state: meteringState } = ledger;
    return createExporter(profile, { logger, clock, meteringLoss, meteringState });
  }

  async function change(to: Plan, next: Exporter | undefined, parts: Parts): Promise<void> {
    const adapted = parts.meter && to.metering !== undefined ? meter : undefined;
    if (parts.meter && adapted === undefined) await stopMeter();
    if (parts.exporter) await replaceExporter(next);
    if (parts.exporter && next !== undefined) followPeers(to, next);
    if (adapted !== undefined && to.metering !== undefined) await adapted.adapt(changeOf(to.metering));
    else if (parts.meter) await startMeter(to.metering);
    inForce = to;
  }

  function excludeOwnTraffic(sending: Exporter | undefined): void {
    const sockets = ownTraffic.update(sending?.localSockets() ?? []);
    if (sockets !== undefined) meter?.exclude(sockets);
  }

  return {
    valve,
    get profile() {
      return inForce?.profile;
    },
    get exporter() {
      return exporter;
    },
    get meter() {
      return meter;
    },
    get peerSources() {
      return peers?.sources() ?? [];
    },
    async apply(profile) {
      const to = planOf(profile);
      const from = inForce;
      const parts = {
        exporter: from === undefined || exporterText(from) !== exporterText(to),
        meter: from === undefined || JSON.stringify(from.metering) !== JSON.stringify(to.metering),
      };
      // Prepared before the old one goes: a profile that cannot be carried out leaves it as it is.
      const next = parts.exporter ? prepareExporter(to) : undefined;
      try {
        await change(to, next, parts);
      } catch (error) {
        if (from !== undefined) await change(from, parts.exporter ? prepareExporter(from) : undefined, parts);
        throw error;
      }
      if (parts.exporter && parts.meter) return 'exporter and meter';
      if (parts.exporter) return 'exporter';
      return parts.meter ? 'meter' : 'nothing';
    },
    tick() {
      excludeOwnTraffic(exporter);
      const status = meter?.status();
      if (status !== undefined) ledger.note(status);
    },
    async stop() {
      try {
        await stopMeter();
      } finally {
        await peers?.stop();
        await exporter?.stop();
      }
    },
  };
}

/** All of a plan but where packets come from, which is the same for as long as this process lives. */
function changeOf({ capture: _, ...change }: MeteringPlan): LiveMeterChange {
  return change;
}

/** All that concerns the exporter of a plan, as text to compare. */
function exporterText({ profile, metering }: Plan): string {
  if (metering === undefined) return '';
  const properties = Object.entries(printableProfile(profile).FlowMetadata);
  return JSON.stringify(properties.filter(([name]) => !METER_PROPERTIES.includes(name)));
}
