/**
 * The metering process: packets in, rows of flow records out. Frames → PacketDissector → PacketBurst →
 * FlowCache → FlowRowWriter.
 */
import type { ExporterIdentity } from '@weir/ipfix';
import { ExcludedTraffic } from './excluded-traffic.ts';
import { createFlowCache, FLOWS_MAX_DEFAULT, type FlowCache, type FlowCacheOptions } from './flow-cache.ts';
import { type FlowDetailOptions, FlowDetails } from './flow-details.ts';
import { type FlowIdKey, randomFlowIdKey } from './flow-id.ts';
import {
  DOUBLE_OCTETS,
  DOUBLE_PACKETS,
  END_REASON_FORCED,
  RECORD_DOUBLES,
  RECORD_WORDS,
} from './flow-record.ts';
import { type FlowRowSink, FlowRowWriter } from './flow-row.ts';
import type { FrameBurst } from './frame-burst.ts';
import type { NameWatchCounters } from './name-watch.ts';
import {
  BURST_PACKETS,
  DIRECTION_UNKNOWN,
  PACKET_OCTETS,
  PACKET_TIME,
  PACKET_WORDS,
  PacketBurst,
} from './packet-burst.ts';
import { OUTCOME_EXCLUDED, OUTCOME_IP, PACKET_OUTCOMES, PacketDissector } from './packet-dissector.ts';

export interface PacketMeterOptions extends Partial<FlowCacheOptions>, FlowDetailOptions {
  /** Whom the records of an interface are said to come from; by default `local`, domain 0. */
  exporterOf?: (interfaceIndex: number) => ExporterIdentity;
  /** The key of the hash that makes flowId (flow-id.ts); by default random. Equal keys give equal ids. */
  flowIdKey?: FlowIdKey;
}

/** Plain numbers; `frames` is the sum of the outcomes, `packets` and `octets` those of the IP layer. */
export interface PacketMeterCounters {
  frames: number;
  notIp: number;
  truncated: number;
  malformed: number;
  unsupportedLink: number;
  packets: number;
  octets: number;
  flowsStarted: number;
  flowsEnded: number;
  flowsHeld: number;
  /** Memory that the flow cache has touched so far. */
  cacheOctets: number;
  records: number;
  /** Interim records, reason 2. */
  recordsActive: number;
  /** Records of flows that had to go because the cache was full, reason 5. */
  recordsLackOfResources: number;
  /** Records not written because they are this process's own traffic; what they held, and ICMP errors about it. */
  recordsExcluded: number;
  packetsExcluded: number;
  octetsExcluded: number;
  /** What was looked at for names, where that is asked for. */
  names?: NameWatchCounters;
}

const LOCAL_EXPORTER: ExporterIdentity = {
  address: 'local',
  observationDomainId: 0,
  source: 'local',
  version: 0,
};

export class PacketMeter {
  readonly excludedTraffic = new ExcludedTraffic();
  readonly #burst = new PacketBurst();
  readonly #dissector: PacketDissector;
  readonly #details: FlowDetails | undefined;
  readonly #cache: FlowCache;
  readonly #rows: FlowRowWriter;
  readonly #outcomes = new Float64Array(PACKET_OUTCOMES.length);
  #nowMs = 0;
  #recordsExcluded = 0;
  #packetsExcluded = 0;
  #octetsExcluded = 0;
  #octetsOfErrors = 0;

  constructor(options: PacketMeterOptions, sink: FlowRowSink) {
    const { exporterOf = () => LOCAL_EXPORTER, flowIdKey = randomFlowIdKey() } = options;
    const { tcpPerformance = false, names = {}, ...cacheOptions } = options;
    if (tcpPerformance || names.dns === true || names.tls === true) {
      this.#details = new FlowDetails({ tcpPerformance, names }, options.flowsMax ?? FLOWS_MAX_DEFAULT);
    }
    this.#dissector = new PacketDissector(this.#burst, this.#details?.place, this.excludedTraffic);
    this.#rows = new FlowRowWriter(sink, exporterOf, flowIdKey, this.#details);
    const writeRecord = (slot: number, endReason: number) => this.#writeRecord(slot, endReason);
    this.#cache = createFlowCache(cacheOptions, writeRecord, this.#details);
    this.#details?.attach(this.#cache);
  }

  /**
   * Meters one frame: `capturedLength` octets of `bytes` from `offset` on, of `wireLength` that were sent.
   * It is counted with its burst, at the latest by `tick`.
   * `direction` is 0 ingress, 1 egress, 255 unknown; `interfaceIndex` 0 when unknown. Allocates nothing
   * while `bytes` stays the same array.
   */
  packet(
    bytes: Uint8Array,
    offset: number,
    capturedLength: number,
    wireLength: number,
    timestampMs: number,
    direction: number,
    interfaceIndex: number,
    linkType: number,
  ): void {
    const burst = this.#burst;
    const row = burst.size * PACKET_WORDS;
    const outcome = this.#dissector.dissect(
      row,
      bytes,
      offset,
      capturedLength,
      wireLength,
      direction,
      interfaceIndex,
      linkType,
    );
    this.#outcomes[outcome]! += 1;
    if (outcome !== OUTCOME_IP) {
      if (outcome === OUTCOME_EXCLUDED) this.#octetsOfErrors += burst.words[row + PACKET_OCTETS]!;
      return;
    }
    burst.doubles[(row >> 1) + PACKET_TIME] = timestampMs;
    if (this.#details !== undefined) this.#details.look(burst);
    burst.size += 1;
    if (burst.size === BURST_PACKETS) this.#cache.observe(burst);
  }

  /** Meters the frames `from` to `to` − 1 of a burst, as `packet` would one by one. */
  frames(frames: FrameBurst, from: number, to: number): void {
    if (this.#details === undefined) {
      this.#cache.observe(this.#burst);
      this.#dissector.dissectFrames(frames, from, to, this.#outcomes);
      this.#cache.observe(this.#burst);
      return;
    }
    const { bytes, linkType, offsets, capturedLengths, wireLengths, timesMs } = frames;
    for (let index = from; index < to; index += 1) {
      const offset = offsets[index]!;
      const captured = capturedLengths[index]!;
      const wire = wireLengths[index]!;
      this.packet(bytes, offset, captured, wire, timesMs[index]!, DIRECTION_UNKNOWN, 0, linkType);
    }
  }

  /** Changes the timeouts of all flows, those that are in the cache included. */
  setTimeouts(idleTimeoutMs: number, activeTimeoutMs: number): void {
    this.#cache.observe(this.#burst);
    this.#cache.setTimeouts(idleTimeoutMs, activeTimeoutMs);
  }

  /** Writes what is due at `nowMs`, at most `recordsMax` records; true when something due is left. */
  tick(nowMs: number, recordsMax?: number): boolean {
    this.#cache.observe(this.#burst);
    this.#nowMs = nowMs;
    return this.#cache.tick(nowMs, recordsMax);
  }

  /** Ends and writes all flows, at most `recordsMax`; true when some are left. */
  flushAll(endReason: number = END_REASON_FORCED, recordsMax?: number): boolean {
    this.#cache.observe(this.#burst);
    return this.#cache.flushAll(endReason, recordsMax);
  }

  counters(): PacketMeterCounters {
    this.#cache.observe(this.#burst);
    const cache = this.#cache.counters;
    const names = this.#details?.nameCounters();
    const [ip = 0, notIp = 0, truncated = 0, malformed = 0, unsupportedLink = 0, errors = 0] = this.#outcomes;
    return {
      frames: ip + notIp + truncated + malformed + unsupportedLink + errors,
      notIp,
      truncated,
      malformed,
      unsupportedLink,
      packets: cache.packets + errors,
      octets: cache.octets + this.#octetsOfErrors,
      flowsStarted: cache.flowsStarted,
      flowsEnded: cache.flowsEnded,
      flowsHeld: this.#cache.size,
      cacheOctets: this.#cache.committedOctets,
      records: cache.recordsByReason.reduce((sum, count) => sum + count, 0) - this.#recordsExcluded,
      recordsActive: cache.recordsByReason[2] ?? 0,
      recordsLackOfResources: cache.recordsByReason[5] ?? 0,
      recordsExcluded: this.#recordsExcluded,
      packetsExcluded: this.#packetsExcluded + errors,
      octetsExcluded: this.#octetsExcluded + this.#octetsOfErrors,
      ...(names === undefined ? {} : { names: { ...names } }),
    };
  }

  #writeRecord(slot: number, endReason: number): void {
    const cache = this.#cache;
    if (this.excludedTraffic.includes(cache.words, slot * RECORD_WORDS)) {
      this.#recordsExcluded += 1;
      this.#packetsExcluded += cache.doubles[slot * RECORD_DOUBLES + DOUBLE_PACKETS]!;
      this.#octetsExcluded += cache.doubles[slot * RECORD_DOUBLES + DOUBLE_OCTETS]!;
      return;
    }
    this.#rows.write(cache, slot, endReason, this.#nowMs);
  }
}

export function createPacketMeter(options: PacketMeterOptions, sink: FlowRowSink): PacketMeter {
  return new PacketMeter(options, sink);
}
