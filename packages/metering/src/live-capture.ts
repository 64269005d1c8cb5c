/**
 * The loop of a metering thread: takes turns over the packet rings of its interfaces, lets the clock expire
 * flows, sends batches. One turn never blocks longer than WAIT_MS_MAX.
 */
import type { Clock } from '@weir/base';
import type { InterfaceState, OnPacket, PacketRing } from '@weir/host';
import type { ExporterIdentity } from '@weir/ipfix';
import type { BatchOutlet, BatchOutletCounters } from './batch-outlet.ts';
import { END_REASON_FORCED } from './flow-record.ts';
import {
  createPacketMeter,
  type PacketMeter,
  type PacketMeterCounters,
  type PacketMeterOptions,
} from './packet-meter.ts';

/** How long an idle thread sleeps before it looks at its clock again. */
const WAIT_MS_MAX = 40;
/** Records a turn gives out at most: some 5 ms of work, which the ring bridges. */
const RECORDS_PER_TURN_MAX = 8192;
/** How often an interface that went away is looked for again. */
const REOPEN_INTERVAL_MS = 5_000;

export interface InterfaceStatus {
  readonly name: string;
  /** 0 while the interface is not there. */
  readonly interfaceIndex: number;
  readonly state: InterfaceState;
  /**
   * Packets taken from the rings of this interface, and those that the kernel dropped because they were full.
   */
  readonly packets: number;
  readonly kernelDrops: number;
}

export interface LiveMeterStatus {
  readonly interfaces: readonly InterfaceStatus[];
  readonly meter: PacketMeterCounters;
  readonly outlet: BatchOutletCounters;
}

/** An interface and its ring, which may come and go with it. */
interface Tap {
  readonly name: string;
  ring: PacketRing | undefined;
  onPacket: OnPacket;
  reopenAtMs: number;
  packetsBefore: number;
  kernelDropsBefore: number;
}

export interface LiveCaptureDependencies {
  readonly openRing: (interfaceName: string) => PacketRing;
  readonly outlet: BatchOutlet;
  readonly clock: Clock;
  readonly onStateChange?: (interfaceName: string, state: InterfaceState) => void;
}

export class LiveCapture {
  readonly meter: PacketMeter;
  readonly #taps: Tap[];
  readonly #identities = new Map<number, ExporterIdentity>();
  readonly #dependencies: LiveCaptureDependencies;
  #turn = 0;

  /** Opens a ring on each interface; throws what `openRing` throws, with none left open. */
  constructor(
    interfaces: readonly string[],
    options: PacketMeterOptions,
    dependencies: LiveCaptureDependencies,
  ) {
    this.#dependencies = dependencies;
    this.#taps = interfaces.map((name) => ({
      name,
      ring: undefined,
      onPacket: () => {},
      reopenAtMs: 0,
      packetsBefore: 0,
      kernelDropsBefore: 0,
    }));
    const exporterOf = (interfaceIndex: number) => this.#identityOf(interfaceIndex);
    this.meter = createPacketMeter({ ...options, exporterOf }, dependencies.outlet);
    try {
      for (const tap of this.#taps) this.#open(tap);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Takes the packets that are there, or waits a moment for some; then expires and sends what is due. */
  turn(): void {
    const { clock, outlet } = this.#dependencies;
    let packets = 0;
    for (const tap of this.#taps) packets += this.#poll(tap, 0);
    const hasMore = this.meter.tick(clock.nowMs(), Math.min(RECORDS_PER_TURN_MAX, outlet.room()));
    outlet.sendOld(clock.nowMs());
    if (packets > 0 || (hasMore && outlet.room() > 0)) return;
    const tap = this.#taps[this.#turn % this.#taps.length];
    this.#turn += 1;
    if (tap !== undefined) this.#poll(tap, Math.ceil(WAIT_MS_MAX / this.#taps.length));
  }

  /** Takes what the rings still hold, ends all flows and waits until the consumer has every record. */
  async finish(): Promise<void> {
    const { clock, outlet } = this.#dependencies;
    for (const tap of this.#taps) tap.ring?.drain(tap.onPacket);
    this.meter.tick(clock.nowMs(), outlet.room());
    while (this.meter.flushAll(END_REASON_FORCED, outlet.room())) await outlet.waitForRoom();
    await outlet.finish();
  }

  close(): void {
    for (const tap of this.#taps) this.#close(tap);
  }

  status(): LiveMeterStatus {
    return {
      interfaces: this.#taps.map((tap) => statusOf(tap)),
      meter: this.meter.counters(),
      outlet: { ...this.#dependencies.outlet.counters },
    };
  }

  #poll(tap: Tap, timeoutMs: number): number {
    if (tap.ring === undefined) return this.#reopen(tap);
    const packets = tap.ring.poll(timeoutMs, tap.onPacket);
    if (tap.ring.state() === 'gone') this.#close(tap);
    return packets;
  }

  #open(tap: Tap): void {
    const ring = this.#dependencies.openRing(tap.name);
    const { interfaceIndex, linkType } = ring;
    const { meter } = this;
    tap.ring = ring;
    tap.onPacket = (bytes, offset, captured, wire, timestampMs, direction) =>
      meter.packet(bytes, offset, captured, wire, timestampMs, direction, interfaceIndex, linkType);
    this.#identities.set(interfaceIndex, {
      address: 'local',
      observationDomainId: interfaceIndex,
      source: tap.name,
      version: 0,
    });
  }

  #reopen(tap: Tap): number {
    const nowMs = this.#dependencies.clock.monotonicMs();
    if (nowMs < tap.reopenAtMs) return 0;
    tap.reopenAtMs = nowMs + REOPEN_INTERVAL_MS;
    try {
      this.#open(tap);
      this.#dependencies.onStateChange?.(tap.name, 'up');
    } catch {
      // Still away; the next try is scheduled.
    }
    return 0;
  }

  #close(tap: Tap): void {
    if (tap.ring === undefined) return;
    const { packets, kernelDrops } = tap.ring.statistics();
    tap.packetsBefore += packets;
    tap.kernelDropsBefore += kernelDrops;
    tap.ring.close();
    tap.ring = undefined;
    tap.reopenAtMs = this.#dependencies.clock.monotonicMs() + REOPEN_INTERVAL_MS;
  }

  #identityOf(interfaceIndex: number): ExporterIdentity {
    return this.#identities.get(interfaceIndex) ?? UNKNOWN_INTERFACE;
  }
}

const UNKNOWN_INTERFACE: ExporterIdentity = {
  address: 'local',
  observationDomainId: 0,
  source: 'local',
  version: 0,
};

function statusOf(tap: Tap): InterfaceStatus {
  const statistics = tap.ring?.statistics();
  return {
    name: tap.name,
    interfaceIndex: tap.ring?.interfaceIndex ?? 0,
    state: tap.ring?.state() ?? 'gone',
    packets: tap.packetsBefore + (statistics?.packets ?? 0),
    kernelDrops: tap.kernelDropsBefore + (statistics?.kernelDrops ?? 0),
  };
}
