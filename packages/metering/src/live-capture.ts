/**
 * The loop of a metering thread: takes turns over the packet rings of its interfaces, lets the clock expire
 * flows, sends batches. One turn never blocks longer than WAIT_MS_MAX.
 */
import { type Clock, UserError } from '@weir/base';
import { type InterfaceState, type OnPacket, type PacketRing, SNAP_LENGTH_DEFAULT } from '@weir/host';
import type { ExporterIdentity } from '@weir/ipfix';
import type { BatchOutlet, BatchOutletCounters } from './batch-outlet.ts';
import type { DropIntake, DropStatus } from './drop-intake.ts';
import type { ExcludedSocket } from './excluded-traffic.ts';
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
/** Drop records a turn gives out at most: some 3 ms of work. */
const DROPS_PER_TURN_MAX = 2048;
/** How often an interface that went away is looked for again. */
const REOPEN_INTERVAL_MS = 1_000;

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
  /** What policy dropped, where there are sources that tell. */
  readonly drops?: DropStatus;
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

/** What is kept of each flow, and how many octets of each packet that takes; by default the host package's. */
export interface LiveCaptureOptions extends PacketMeterOptions {
  readonly snapLength?: number;
}

export interface LiveCaptureDependencies {
  readonly openRing: (interfaceName: string, snapLength: number) => PacketRing;
  readonly outlet: BatchOutlet;
  readonly clock: Clock;
  readonly onStateChange?: (interfaceName: string, state: InterfaceState) => void;
  /** Whether interfaces that do not exist at the start are waited for; else they are refused. */
  readonly awaitsInterfaces?: boolean;
  /** Names interfaces that have no ring here, but of which a drop source tells. */
  readonly interfaceName?: (interfaceIndex: number) => string | undefined;
}

export class LiveCapture {
  #meter: PacketMeter;
  /** Of meters that this one took over from. */
  #countersBefore: PacketMeterCounters | undefined;
  #snapLength: number;
  #excludedSockets: readonly ExcludedSocket[] = [];
  /** Set before the first turn, where there are drop sources. */
  drops: DropIntake | undefined;
  #taps: readonly Tap[];
  readonly #identities = new Map<number, ExporterIdentity>();
  readonly #dependencies: LiveCaptureDependencies;
  #turn = 0;

  /** Opens a ring on each interface; throws what `openRing` throws, with none left open. */
  constructor(
    interfaces: readonly string[],
    { snapLength = SNAP_LENGTH_DEFAULT, ...options }: LiveCaptureOptions,
    dependencies: LiveCaptureDependencies,
  ) {
    this.#dependencies = dependencies;
    this.#taps = interfaces.map(newTap);
    this.#snapLength = snapLength;
    this.#meter = this.#createMeter(options);
    try {
      for (const tap of this.#taps) this.#openFirst(tap);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get meter(): PacketMeter {
    return this.#meter;
  }

  /** Whom the records of an interface are said to come from. */
  readonly exporterOf = (interfaceIndex: number): ExporterIdentity => {
    const known = this.#identities.get(interfaceIndex);
    if (known !== undefined) return known;
    const name = this.#dependencies.interfaceName?.(interfaceIndex);
    return name === undefined ? UNKNOWN_INTERFACE : this.#identify(interfaceIndex, name);
  };

  /**
   * Takes the packets that are there, or waits a moment for some; then expires and sends what is due. False
   * when there is nothing to do and nothing to wait for: the caller should let the event loop sleep.
   */
  turn(): boolean {
    const { clock, outlet } = this.#dependencies;
    let packets = this.drops?.poll() ?? 0;
    for (const tap of this.#taps) packets += this.#poll(tap, 0);
    let hasMore = this.#meter.tick(clock.nowMs(), Math.min(RECORDS_PER_TURN_MAX, outlet.room()));
    hasMore = this.#tickDrops() || hasMore;
    outlet.sendOld(clock.nowMs());
    return packets > 0 || (hasMore && outlet.room() > 0) || this.#wait();
  }

  /**
   * Meters `interfaces` from now on: opens the rings that are new, then closes those that are not named, whose
   * flows end with their timeout. Throws what `openRing` throws, with nothing changed.
   */
  setInterfaces(interfaces: readonly string[]): void {
    const isKnown = (name: string) => this.#taps.some((tap) => tap.name === name);
    const added = interfaces.filter((name) => !isKnown(name)).map(newTap);
    try {
      for (const tap of added) this.#open(tap);
    } catch (error) {
      for (const tap of added) this.#close(tap);
      throw error;
    }
    for (const tap of this.#taps.filter(({ name }) => !interfaces.includes(name))) {
      tap.ring?.drain(tap.onPacket);
      this.#close(tap);
    }
    this.#taps = [...this.#taps.filter(({ name }) => interfaces.includes(name)), ...added];
  }

  /** Replaces the sockets whose traffic is not reported. */
  exclude(sockets: readonly ExcludedSocket[]): void {
    this.#excludedSockets = sockets;
    this.#meter.excludedTraffic.replace(sockets);
  }

  /**
   * Ends all flows by force and begins anew with other `options`. The rings stay open and wait, so that every
   * packet is metered, before or after. To be called between turns, and waited for before the next.
   */
  async renew({ snapLength = SNAP_LENGTH_DEFAULT, ...options }: LiveCaptureOptions): Promise<void> {
    const { clock, outlet } = this.#dependencies;
    this.#snapLength = snapLength;
    for (const tap of this.#taps) {
      if (tap.ring?.setSnapLength(snapLength) === false) this.#openAnew(tap, tap.ring);
    }
    while (this.drops?.flushAll(outlet.room())) await outlet.waitForRoom();
    this.#meter.tick(clock.nowMs(), outlet.room());
    while (this.#meter.flushAll(END_REASON_FORCED, outlet.room())) await outlet.waitForRoom();
    this.#countersBefore = this.#counters();
    this.#meter = this.#createMeter(options);
    this.exclude(this.#excludedSockets);
    for (const tap of this.#taps) if (tap.ring !== undefined) this.#lead(tap, tap.ring);
  }

  /** Takes what the rings still hold, ends all flows and waits until the consumer has every record. */
  async finish(): Promise<void> {
    const { clock, outlet } = this.#dependencies;
    for (const tap of this.#taps) tap.ring?.drain(tap.onPacket);
    await this.drops?.drain();
    this.#meter.tick(clock.nowMs(), outlet.room());
    while (this.#meter.flushAll(END_REASON_FORCED, outlet.room())) await outlet.waitForRoom();
    while (this.drops?.flushAll(outlet.room())) await outlet.waitForRoom();
    await outlet.finish();
  }

  close(): void {
    for (const tap of this.#taps) this.#close(tap);
    this.drops?.close();
  }

  status(): LiveMeterStatus {
    return {
      interfaces: this.#taps.map((tap) => statusOf(tap)),
      meter: this.#counters(),
      outlet: { ...this.#dependencies.outlet.counters },
      ...(this.drops === undefined ? {} : { drops: this.drops.status() }),
    };
  }

  #createMeter(options: PacketMeterOptions): PacketMeter {
    return createPacketMeter({ ...options, exporterOf: this.exporterOf }, this.#dependencies.outlet);
  }

  #counters(): PacketMeterCounters {
    return sumOf(this.#countersBefore, this.#meter.counters());
  }

  #tickDrops(): boolean {
    const { clock, outlet } = this.#dependencies;
    return this.drops?.tick(clock.nowMs(), Math.min(DROPS_PER_TURN_MAX, outlet.room())) ?? false;
  }

  #wait(): boolean {
    const open = this.#taps.filter(({ ring }) => ring !== undefined);
    const tap = open[this.#turn % open.length];
    this.#turn += 1;
    if (tap === undefined) return this.drops?.wait(WAIT_MS_MAX) ?? false;
    this.#poll(tap, Math.ceil(WAIT_MS_MAX / open.length));
    return true;
  }

  #poll(tap: Tap, timeoutMs: number): number {
    if (tap.ring === undefined) return this.#reopen(tap);
    const packets = tap.ring.poll(timeoutMs, tap.onPacket);
    if (tap.ring.state() === 'gone') this.#close(tap);
    return packets;
  }

  #openFirst(tap: Tap): void {
    const { awaitsInterfaces, clock } = this.#dependencies;
    try {
      this.#open(tap);
    } catch (error) {
      const isAbsent = error instanceof UserError && error.code === 'interface_unknown';
      if (!isAbsent || awaitsInterfaces !== true) throw error;
      tap.reopenAtMs = clock.monotonicMs() + REOPEN_INTERVAL_MS;
    }
  }

  #open(tap: Tap): void {
    const ring = this.#dependencies.openRing(tap.name, this.#snapLength);
    tap.ring = ring;
    this.#lead(tap, ring);
    this.#identify(ring.interfaceIndex, tap.name);
  }

  /** Leads the packets of the ring into the meter. */
  #lead(tap: Tap, { interfaceIndex, linkType }: PacketRing): void {
    const meter = this.#meter;
    tap.onPacket = (bytes, offset, captured, wire, timestampMs, direction) =>
      meter.packet(bytes, offset, captured, wire, timestampMs, direction, interfaceIndex, linkType);
  }

  #openAnew(tap: Tap, ring: PacketRing): void {
    ring.drain(tap.onPacket);
    this.#close(tap);
    tap.reopenAtMs = 0;
    this.#reopen(tap);
  }

  #identify(interfaceIndex: number, source: string): ExporterIdentity {
    const identity = { address: 'local', observationDomainId: interfaceIndex, source, version: 0 };
    this.#identities.set(interfaceIndex, identity);
    return identity;
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
}

function newTap(name: string): Tap {
  return {
    name,
    ring: undefined,
    onPacket: () => {},
    reopenAtMs: 0,
    packetsBefore: 0,
    kernelDropsBefore: 0,
  };
}

/** What a meter holds now, where all else is of ever. */
const HELD: readonly (keyof PacketMeterCounters)[] = ['flowsHeld', 'cacheOctets'];

function sumOf(before: PacketMeterCounters | undefined, now: PacketMeterCounters): PacketMeterCounters {
  if (before === undefined) return now;
  const sum = { ...now };
  for (const name of Object.keys(now) as (keyof PacketMeterCounters)[]) {
    const [one, other] = [before[name], now[name]];
    if (typeof one !== 'number' || typeof other !== 'number' || HELD.includes(name)) continue;
    Object.assign(sum, { [name]: one + other });
  }
  return sum;
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
