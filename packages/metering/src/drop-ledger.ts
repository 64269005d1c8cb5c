/**
 * What policy dropped, apart from the flow cache, so that neither a flood of refused frames evicts flows nor
 * busy flows hide a refusal. A frame is counted in exactly one record:
 *
 * 1. that of its flow, direction, interface, reason and rule, in a bounded slab; when the slab is full
 * 2. that of its peer (the remote address), direction, interface, reason and rule, in a second bounded table;
 *    when that is half full, new peers share the record of their /24 (IPv4) or /48 (IPv6); when it is full
 * 3. that of its direction and reason, for which there is always room.
 *
 * So the sum of the records is the number of frames, whatever comes. Frames of which nothing is known but
 * that they were dropped (the kernel had no room to tell us more) are counted in 3. A record is emitted
 * REPORT_INTERVAL_MS after it was begun; the clock drives that, and a record that cannot be written yet
 * stays.
 *
 * Hot file: typed-array reads are asserted (`!`); every index comes from a slot number or a row of the burst.
 */
import type { ExporterIdentity } from '@weir/ipfix';
import { DROP_REASON_ACCESS_CONTROL, DROP_REASON_OTHER } from './drop-reason.ts';
import * as drop from './drop-record.ts';
import { DropRowWriter } from './drop-row.ts';
import { DropRuleNames } from './drop-rule-names.ts';
import { DropTable } from './drop-table.ts';
import { FlowHash } from './flow-hash.ts';
import { type FlowIdKey, randomFlowIdKey } from './flow-id.ts';
import * as record from './flow-record.ts';
import type { FlowRowSink } from './flow-row.ts';
import * as packet from './packet-burst.ts';
import { OUTCOME_IP, PacketDissector } from './packet-dissector.ts';
import { EMPTY_SLOT } from './slot-table.ts';

/** 65,536 × 104 octets and 1 MiB of index = 7.8 MiB. */
const FLOWS_MAX_DEFAULT = 65_536;
/** 16,384 × 104 octets and 256 KiB of index = 1.9 MiB. */
const PEERS_MAX_DEFAULT = 16_384;
/** 3 reasons × 4 directions, and one place that is never used. */
const TOTALS_MAX = 13;
/** A refusal is seen by a query within 2 s: 1 s here, the rest on the way. */
const REPORT_INTERVAL_MS_DEFAULT = 1_000;

const IPV4_NETWORK_BITS = 24;
const IPV6_NETWORK_BITS = 48;
/** Rows of the burst: that of the frame, and that of the aggregate which it falls into. */
const FRAME_ROW = 0;
const AGGREGATE_ROW = packet.PACKET_WORDS;
const DIRECTION_MASK = 3 << packet.KIND_DIRECTION_SHIFT;

export interface DropLedgerOptions {
  /** Records of flows held at once. */
  readonly flowsMax?: number;
  /** Records of peers held at once. */
  readonly peersMax?: number;
  readonly reportIntervalMs?: number;
  /** Seeds the hash of keys; by default random. */
  readonly seed?: number;
  /** The key of flowId, as for other flows; by default random. */
  readonly flowIdKey?: FlowIdKey;
  /** Whom the records of an interface are said to come from. */
  readonly exporterOf: (interfaceIndex: number) => ExporterIdentity;
}

/** A frame that was dropped. The octets are only looked at during the call, so one object serves all frames. */
export interface DroppedFrame {
  /** `capturedLength` octets of `bytes` from `offset`, of `wireLength` that there were. */
  bytes: Uint8Array;
  offset: number;
  capturedLength: number;
  wireLength: number;
  linkType: number;
  /** Milliseconds since the Unix epoch. */
  timestampMs: number;
  /** 0 ingress, 1 egress, 255 unknown. */
  direction: number;
  /** ifIndex of where an incoming frame came in or an outgoing one would have gone out; 0 unknown. */
  interfaceIndex: number;
  /** ifIndex at the other end of the way through this machine, of forwarded frames; else 0. */
  otherInterface: number;
  /** DROP_REASON_…. */
  reason: number;
  /** Empty where no rule is named. */
  ruleName: string;
}

/** Plain numbers; those that end in `Held` and `Octets` are of now, all others of ever. */
export interface DropCounters {
  /** Every frame that was dropped; the records that were written and those that are held add up to it. */
  frames: number;
  octets: number;
  framesAccessControl: number;
  framesTrust: number;
  framesOther: number;
  /** Without an IP header to read: counted by interface, reason and rule. */
  framesNotIp: number;
  /** Known by number only, since the kernel could not hand them over. */
  framesLost: number;
  /** Counted in a record of a peer, of its network or of all, because the slab was full. */
  framesOverflow: number;
  framesOfOtherRules: number;
  records: number;
  /** Records of peers, of networks and of all. */
  recordsAggregate: number;
  flowsHeld: number;
  flowsHeldPeak: number;
  aggregatesHeld: number;
  aggregatesHeldPeak: number;
  /** The memory of all tables, which never grows beyond what their limits say. */
  ledgerOctets: number;
}

export class DropLedger {
  readonly #names = new DropRuleNames();
  readonly #burst = new packet.PacketBurst();
  readonly #words = this.#burst.words;
  readonly #dissector = new PacketDissector(this.#burst);
  readonly #hash: FlowHash;
  readonly #flows: DropTable;
  readonly #peers: DropTable;
  readonly #totals = new DropTable(TOTALS_MAX);
  readonly #rows: DropRowWriter;
  readonly #reportIntervalMs: number;
  readonly #framesByReason = new Float64Array(DROP_REASON_OTHER + 1);
  #nowMs = 0;
  #octets = 0;
  #framesNotIp = 0;
  #framesLost = 0;
  #framesOverflow = 0;
  #records = 0;
  #recordsAggregate = 0;

  constructor(options: DropLedgerOptions, sink: FlowRowSink) {
    const { flowsMax = FLOWS_MAX_DEFAULT, peersMax = PEERS_MAX_DEFAULT } = options;
    const { seed, flowIdKey = randomFlowIdKey() } = options;
    this.#hash = new FlowHash(seed);
    this.#flows = new DropTable(flowsMax);
    this.#peers = new DropTable(peersMax);
    this.#rows = new DropRowWriter(sink, this.#names, options.exporterOf, flowIdKey);
    this.#reportIntervalMs = options.reportIntervalMs ?? REPORT_INTERVAL_MS_DEFAULT;
  }

  /** The key of the flowIds of records that are written from now on. */
  setFlowIdKey(key: FlowIdKey): void {
    this.#rows.setFlowIdKey(key);
  }

  /** Counts a frame. Allocates nothing while `bytes` and the rule stay the same. */
  count(frame: DroppedFrame): void {
    const { direction, interfaceIndex, otherInterface } = frame;
    const cause = this.#causeOf(frame.reason, frame.ruleName);
    const outcome = this.#dissector.dissect(
      FRAME_ROW,
      frame.bytes,
      frame.offset,
      frame.capturedLength,
      frame.wireLength,
      direction,
      interfaceIndex,
      frame.linkType,
    );
    this.#framesByReason[cause >> drop.CAUSE_REASON_SHIFT]! += 1;
    if (outcome !== OUTCOME_IP) this.#countNotIp(frame, cause);
    else this.#countIp(cause, otherInterface, frame.timestampMs);
  }

  /**
   * Counts `frames` of which nothing is known but that they were dropped, and for what reason. Their octets
   * are unknown too.
   */
  countLost(frames: number, reason: number, timestampMs: number): void {
    const cause = this.#causeOf(reason, '');
    this.#framesByReason[cause >> drop.CAUSE_REASON_SHIFT]! += frames;
    this.#framesLost += frames;
    this.#words[FRAME_ROW + packet.KEY_KIND] = DIRECTION_MASK;
    this.#words[FRAME_ROW + packet.PACKET_OCTETS] = 0;
    this.#countTotal(cause, frames, timestampMs);
  }

  /**
   * Writes what is due at `nowMs`, at most `recordsMax` records. Returns whether something due is left.
   * The sink has room for them.
   */
  tick(nowMs: number, recordsMax = Number.POSITIVE_INFINITY): boolean {
    this.#nowMs = nowMs;
    const isLeft = this.#emit(recordsMax, this.#reportIntervalMs);
    if (this.#held() === 0) this.#names.forgetWhenFull();
    return isLeft;
  }

  /** Writes everything, at most `recordsMax` records. Returns whether something is left. */
  flushAll(recordsMax = Number.POSITIVE_INFINITY): boolean {
    return this.#emit(recordsMax, 0);
  }

  counters(): DropCounters {
    const [, framesAccessControl = 0, framesTrust = 0, framesOther = 0] = this.#framesByReason;
    return {
      frames: framesAccessControl + framesTrust + framesOther,
      octets: this.#octets,
      framesAccessControl,
      framesTrust,
      framesOther,
      framesNotIp: this.#framesNotIp,
      framesLost: this.#framesLost,
      framesOverflow: this.#framesOverflow,
      framesOfOtherRules: this.#names.framesOfOtherRules,
      records: this.#records,
      recordsAggregate: this.#recordsAggregate,
      flowsHeld: this.#flows.size,
      flowsHeldPeak: this.#flows.peak,
      aggregatesHeld: this.#peers.size + this.#totals.size,
      aggregatesHeldPeak: this.#peers.peak + this.#totals.peak,
      ledgerOctets: this.#flows.octets + this.#peers.octets + this.#totals.octets,
    };
  }

  #held(): number {
    return this.#flows.size + this.#peers.size + this.#totals.size;
  }

  #causeOf(reason: number, ruleName: string): number {
    const isKnown = reason >= DROP_REASON_ACCESS_CONTROL && reason <= DROP_REASON_OTHER;
    const knownReason = isKnown ? reason : DROP_REASON_OTHER;
    return (knownReason << drop.CAUSE_REASON_SHIFT) | this.#names.numberOf(ruleName);
  }

  #countIp(cause: number, otherInterface: number, timestampMs: number): void {
    const words = this.#words;
    if ((words[FRAME_ROW + packet.KEY_KIND]! & packet.KIND_IPV6) === 0) mapIPv4(words, FRAME_ROW);
    const slot = this.#slotIn(this.#flows, this.#flows.capacity, FRAME_ROW, otherInterface, cause);
    if (slot === EMPTY_SLOT) this.#countOverflow(cause, otherInterface, timestampMs);
    else this.#add(this.#flows, slot, 1, timestampMs);
  }

  #countNotIp(frame: DroppedFrame, cause: number): void {
    const words = this.#words;
    this.#framesNotIp += 1;
    words[FRAME_ROW + packet.KEY_KIND] = (frame.direction & 3) << packet.KIND_DIRECTION_SHIFT;
    words[FRAME_ROW + packet.KEY_INTERFACE] = frame.interfaceIndex;
    words[FRAME_ROW + packet.PACKET_OCTETS] = frame.wireLength;
    this.#fillAggregate(frame.interfaceIndex, 0);
    const { otherInterface, timestampMs } = frame;
    const slot = this.#slotIn(this.#peers, this.#peers.capacity, AGGREGATE_ROW, otherInterface, cause);
    if (slot === EMPTY_SLOT) this.#countTotal(cause, 1, timestampMs);
    else this.#add(this.#peers, slot, 1, timestampMs);
  }

  /** The slab is full: the frame goes to its peer, or its peer's network, or to all. */
  #countOverflow(cause: number, otherInterface: number, timestampMs: number): void {
    const peers = this.#peers;
    this.#framesOverflow += 1;
    const isIPv6 = (this.#words[FRAME_ROW + packet.KEY_KIND]! & packet.KIND_IPV6) !== 0;
    this.#fillPeer(isIPv6 ? 128 : 32);
    let slot = this.#slotIn(peers, peers.capacity / 2, AGGREGATE_ROW, otherInterface, cause);
    if (slot === EMPTY_SLOT) {
      this.#fillPeer(isIPv6 ? IPV6_NETWORK_BITS : IPV4_NETWORK_BITS);
      slot = this.#slotIn(peers, peers.capacity, AGGREGATE_ROW, otherInterface, cause);
    }
    if (slot === EMPTY_SLOT) this.#countTotal(cause, 1, timestampMs);
    else this.#add(peers, slot, 1, timestampMs);
  }

  #countTotal(cause: number, frames: number, timestampMs: number): void {
    this.#fillAggregate(0, drop.DROP_OVERFLOW);
    const reasonOnly = cause & ~drop.CAUSE_RULE_MASK;
    const slot = this.#slotIn(this.#totals, TOTALS_MAX, AGGREGATE_ROW, 0, reasonOnly);
    this.#add(this.#totals, slot, frames, timestampMs);
  }

  /** The record of the key in a row, begun if the table has fewer than `sizeMax`; else EMPTY_SLOT. */
  #slotIn(table: DropTable, sizeMax: number, row: number, otherInterface: number, cause: number): number {
    const words = this.#words;
    const hash =
      this.#hash.of(words, row) ^ Math.imul(cause, 0x9e3779b1) ^ Math.imul(otherInterface, 0x85ebca6b);
    const known = table.find(hash, words, row, otherInterface, cause);
    if (known !== EMPTY_SLOT || table.size >= sizeMax) return known;
    const slot = table.add(hash, words, row, otherInterface, cause);
    table.doubles[slot * drop.DROP_DOUBLES + drop.DROP_DOUBLE_BEGUN] = this.#nowMs;
    return slot;
  }

  /** Adds the frame of FRAME_ROW, `frames` times, to a record. */
  #add({ words, doubles }: DropTable, slot: number, frames: number, timestampMs: number): void {
    const row = this.#words;
    const octets = row[FRAME_ROW + packet.PACKET_OCTETS]!;
    const at = slot * drop.DROP_WORDS;
    const doubleAt = slot * drop.DROP_DOUBLES;
    this.#octets += octets;
    const packets = doubles[doubleAt + record.DOUBLE_PACKETS]!;
    doubles[doubleAt + record.DOUBLE_PACKETS] = packets + frames;
    doubles[doubleAt + record.DOUBLE_OCTETS]! += octets;
    if (timestampMs < doubles[doubleAt + record.DOUBLE_FIRST]!) {
      doubles[doubleAt + record.DOUBLE_FIRST] = timestampMs;
    }
    if (timestampMs > doubles[doubleAt + record.DOUBLE_LAST]!) {
      doubles[doubleAt + record.DOUBLE_LAST] = timestampMs;
    }
    words[at + record.WORD_BITS]! |= row[FRAME_ROW + packet.PACKET_BITS]!;
    const frameTtl = row[FRAME_ROW + packet.PACKET_TTL]!;
    words[at + record.WORD_TTL] =
      packets === 0
        ? frameTtl | ((frameTtl & 0xff) << 8)
        : widened(words[at + record.WORD_TTL]!, frameTtl & 0xff);
  }

  /** The key of what falls into no peer's record; the direction is that of FRAME_ROW. */
  #fillAggregate(interfaceIndex: number, ports: number): void {
    const words = this.#words;
    words.fill(0, AGGREGATE_ROW, AGGREGATE_ROW + packet.KEY_WORDS);
    words[AGGREGATE_ROW + packet.KEY_PORTS] = ports;
    words[AGGREGATE_ROW + packet.KEY_KIND] =
      (words[FRAME_ROW + packet.KEY_KIND]! & DIRECTION_MASK) | packet.KIND_IPV6;
    words[AGGREGATE_ROW + packet.KEY_INTERFACE] = interfaceIndex;
  }

  /** The key of the network of `bits` that the remote end of the frame in FRAME_ROW is in. */
  #fillPeer(bits: number): void {
    const words = this.#words;
    const kind = words[FRAME_ROW + packet.KEY_KIND]!;
    const isIPv6 = (kind & packet.KIND_IPV6) !== 0;
    const isEgress = (kind & DIRECTION_MASK) >> packet.KIND_DIRECTION_SHIFT === packet.DIRECTION_EGRESS;
    const prefix = isEgress ? packet.KEY_DESTINATION_PREFIX : packet.KEY_SOURCE_PREFIX;
    const last = isEgress ? packet.KEY_DESTINATION : packet.KEY_SOURCE;
    this.#fillAggregate(words[FRAME_ROW + packet.KEY_INTERFACE]!, bits | drop.DROP_OVERFLOW);
    words[AGGREGATE_ROW + packet.KEY_KIND] = kind & (DIRECTION_MASK | packet.KIND_IPV6);
    if (!isIPv6) {
      mapIPv4(words, AGGREGATE_ROW);
      words[AGGREGATE_ROW + last] = masked(words[FRAME_ROW + last]!, bits);
      return;
    }
    for (let index = 0; index < 3; index += 1) {
      words[AGGREGATE_ROW + prefix + index] = masked(words[FRAME_ROW + prefix + index]!, bits - 32 * index);
    }
    words[AGGREGATE_ROW + last] = masked(words[FRAME_ROW + last]!, bits - 96);
  }

  #emit(recordsMax: number, ageMs: number): boolean {
    let left = recordsMax;
    for (const table of [this.#totals, this.#flows, this.#peers]) {
      for (let slot = table.oldest(); slot !== EMPTY_SLOT && this.#isDue(table, slot, ageMs); ) {
        if (left <= 0) return true;
        left -= 1;
        this.#emitOldest(table, slot, ageMs);
        slot = table.oldest();
      }
    }
    return false;
  }

  /** The clock may go back; a record that seems to be from the future is due as well. */
  #isDue({ doubles }: DropTable, slot: number, ageMs: number): boolean {
    return Math.abs(this.#nowMs - doubles[slot * drop.DROP_DOUBLES + drop.DROP_DOUBLE_BEGUN]!) >= ageMs;
  }

  #emitOldest(table: DropTable, slot: number, ageMs: number): void {
    const isAggregate = table !== this.#flows;
    this.#records += 1;
    if (isAggregate) this.#recordsAggregate += 1;
    this.#rows.write(table, slot, isAggregate, this.#endReason(table, slot, isAggregate, ageMs), this.#nowMs);
    table.removeOldest();
  }

  #endReason({ words, doubles }: DropTable, slot: number, isAggregate: boolean, ageMs: number): number {
    const isOverflow = (words[slot * drop.DROP_WORDS + packet.KEY_PORTS]! & drop.DROP_OVERFLOW) !== 0;
    if (isAggregate && isOverflow) return record.END_REASON_LACK_OF_RESOURCES;
    if (ageMs === 0) return record.END_REASON_FORCED;
    const quietMs = this.#nowMs - doubles[slot * drop.DROP_DOUBLES + record.DOUBLE_LAST]!;
    return quietMs >= ageMs ? record.END_REASON_IDLE : record.END_REASON_ACTIVE;
  }
}

/** ::ffff:0:0/96 before both addresses of a row (RFC 4291 section 2.5.5.2). */
function mapIPv4(words: Int32Array, row: number): void {
  const at = row + packet.KEY_SOURCE_PREFIX;
  words[at] = 0;
  words[at + 1] = 0;
  words[at + 2] = 0xffff;
  words[at + 3] = 0;
  words[at + 4] = 0;
  words[at + 5] = 0xffff;
}

/** The first `bits` of a word, from none to all. */
function masked(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word : word & ~(0xffffffff >>> bits);
}

/** WORD_TTL with its smallest and largest time to live moved apart as far as needed. */
function widened(ttl: number, timeToLive: number): number {
  const smallest = Math.min(ttl & 0xff, timeToLive);
  const largest = Math.max((ttl >> 8) & 0xff, timeToLive);
  return (ttl & ~0xffff) | (largest << 8) | smallest;
}
