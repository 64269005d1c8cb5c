/**
 * From a record of the flow cache to a row of a FlowBatch.
 *
 * Hot file: typed-array reads are asserted (`!`); a slot is one of the cache's, a row below the batch's
 * capacity. Constants are taken out of their modules at the top, see flow-cache.ts.
 */
import {
  type ExporterIdentity,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowColumnName,
  setPresent,
} from '@weir/ipfix';
import type { FlowCache } from './flow-cache.ts';
import { EXTRA_OCTETS_MAX, type FlowDetails } from './flow-details.ts';
import { FlowIdHash, type FlowIdKey } from './flow-id.ts';
import * as record from './flow-record.ts';
import * as icmpv4 from './icmpv4.ts';
import * as icmpv6 from './icmpv6.ts';
import * as packet from './packet-burst.ts';
import * as tcp from './tcp.ts';

const {
  BITS_TCP,
  DOUBLE_FIRST,
  DOUBLE_LAST,
  DOUBLE_OCTETS,
  DOUBLE_PACKETS,
  RECORD_DOUBLES,
  RECORD_WORDS,
  WORD_BITS,
  WORD_DESTINATION_PREFIX,
  WORD_MACS,
  WORD_SOURCE_PREFIX,
  WORD_TTL,
} = record;
const {
  DIRECTION_EGRESS,
  KEY_DESTINATION,
  KEY_INTERFACE,
  KEY_KIND,
  KEY_PORTS,
  KEY_SOURCE,
  KIND_DIRECTION_SHIFT,
  KIND_VLAN_SHIFT,
  LINK_HAS_DESTINATION_MAC,
  LINK_HAS_SOURCE_MAC,
} = packet;
const { PROTOCOL_TCP } = tcp;
const { PROTOCOL_ICMPV4 } = icmpv4;
const { PROTOCOL_ICMPV6 } = icmpv6;

/**
 * Where rows go: `batch` always has room for one; `full` takes it over when it is full and gives an empty
 * one.
 */
export interface FlowRowSink {
  readonly batch: FlowBatch;
  full(): FlowBatch;
}

/** Columns that every row has. */
const ALWAYS_PRESENT: readonly FlowColumnName[] = [
  'receivedAt',
  'flowStart',
  'flowEnd',
  'exporter',
  'srcAddrHi',
  'srcAddrLo',
  'dstAddrHi',
  'dstAddrLo',
  'srcPort',
  'dstPort',
  'protocol',
  'tos',
  'octets',
  'packets',
  'endReason',
  'minTtl',
  'maxTtl',
  'flowId',
];
const ALWAYS_PRESENT_INDEXES = ALWAYS_PRESENT.map((name) => FLOW_COLUMN_INDEX[name]);

/** By index, since a name would be looked up for each row. */
const {
  flowStart: FLOW_START,
  icmpTypeCode: ICMP_TYPE_CODE,
  vlanId: VLAN_ID,
  tcpFlags: TCP_FLAGS,
  inIf: IN_IF,
  outIf: OUT_IF,
  direction: DIRECTION,
  srcMac: SRC_MAC,
  dstMac: DST_MAC,
  extraLayout: EXTRA_LAYOUT,
} = FLOW_COLUMN_INDEX;

const DIRECTION_UNKNOWN_BITS = 3;

export class FlowRowWriter {
  readonly #sink: FlowRowSink;
  readonly #exporterOf: (interfaceIndex: number) => ExporterIdentity;
  readonly #flowId: FlowIdHash;
  readonly #details: FlowDetails | undefined;

  /** `details`: what goes into the rows' extra fields. */
  constructor(
    sink: FlowRowSink,
    exporterOf: (interfaceIndex: number) => ExporterIdentity,
    flowIdKey: FlowIdKey,
    details?: FlowDetails,
  ) {
    this.#sink = sink;
    this.#exporterOf = exporterOf;
    this.#flowId = new FlowIdHash(flowIdKey);
    this.#details = details;
  }

  /** Writes the record in `slot` as the next row; hands the batch over when that filled it. */
  write(cache: FlowCache, slot: number, endReason: number, receivedAtMs: number): void {
    const batch = this.#details === undefined ? this.#sink.batch : this.#batchWithExtraRoom();
    const row = batch.rowCount;
    const { words } = cache;
    const base = slot * RECORD_WORDS;
    const { columns } = batch;
    if ((batch.validity[FLOW_START]![row >> 3]! & (1 << (row & 7))) === 0) prepare(batch, row);
    columns.exporter[row] = exporterIndex(batch, this.#exporterOf(words[base + KEY_INTERFACE]!));
    columns.endReason[row] = endReason;
    writeTime(columns.receivedAt, row, receivedAtMs);
    this.#writeKey(batch, row, words, base);
    this.#writeCounters(batch, row, cache, slot);
    this.#writeFlowId(batch, row, words, base);
    writeMacs(batch, row, words, base);
    batch.extraEnd[row] = row === 0 ? 0 : batch.extraEnd[row - 1]!;
    if (this.#details !== undefined) writeDetails(batch, row, this.#details, slot);
    batch.rowCount = row + 1;
    if (batch.rowCount === batch.capacity) this.#sink.full();
  }

  #batchWithExtraRoom(): FlowBatch {
    const { batch } = this.#sink;
    const used = batch.rowCount === 0 ? 0 : batch.extraEnd[batch.rowCount - 1]!;
    return batch.extra.length - used < EXTRA_OCTETS_MAX ? this.#sink.full() : batch;
  }

  #writeKey(batch: FlowBatch, row: number, words: Int32Array, base: number): void {
    const { columns } = batch;
    const source = base + WORD_SOURCE_PREFIX;
    columns.srcAddrHi[row * 2] = words[source + 1]!;
    columns.srcAddrHi[row * 2 + 1] = words[source]!;
    columns.srcAddrLo[row * 2] = words[base + KEY_SOURCE]!;
    columns.srcAddrLo[row * 2 + 1] = words[source + 2]!;
    const destination = base + WORD_DESTINATION_PREFIX;
    columns.dstAddrHi[row * 2] = words[destination + 1]!;
    columns.dstAddrHi[row * 2 + 1] = words[destination]!;
    columns.dstAddrLo[row * 2] = words[base + KEY_DESTINATION]!;
    columns.dstAddrLo[row * 2 + 1] = words[destination + 2]!;
    const ports = words[base + KEY_PORTS]!;
    columns.srcPort[row] = ports >>> 16;
    columns.dstPort[row] = ports & 0xffff;
    const kind = words[base + KEY_KIND]!;
    const protocol = kind & 0xff;
    columns.protocol[row] = protocol;
    const isIcmp = protocol === PROTOCOL_ICMPV4 || protocol === PROTOCOL_ICMPV6;
    columns.icmpTypeCode[row] = ports & 0xffff;
    markPresentIf(isIcmp, batch, ICMP_TYPE_CODE, row);
    const vlanId = (kind >> KIND_VLAN_SHIFT) & 0xfff;
    columns.vlanId[row] = vlanId;
    markPresentIf(vlanId !== 0, batch, VLAN_ID, row);
    writeObservationPoint(batch, row, (kind >> KIND_DIRECTION_SHIFT) & 3, words[base + KEY_INTERFACE]!);
  }

  #writeCounters(batch: FlowBatch, row: number, cache: FlowCache, slot: number): void {
    const { columns } = batch;
    const { doubles, words } = cache;
    const base = slot * RECORD_WORDS;
    const doubleBase = slot * RECORD_DOUBLES;
    writeTime(columns.flowStart, row, doubles[doubleBase + DOUBLE_FIRST]!);
    writeTime(columns.flowEnd, row, doubles[doubleBase + DOUBLE_LAST]!);
    writeTime(columns.octets, row, doubles[doubleBase + DOUBLE_OCTETS]!);
    writeTime(columns.packets, row, doubles[doubleBase + DOUBLE_PACKETS]!);
    const ttl = words[base + WORD_TTL]!;
    columns.minTtl[row] = ttl;
    columns.maxTtl[row] = ttl >> 8;
    columns.tos[row] = ttl >> 16;
    if ((words[base + KEY_KIND]! & 0xff) === PROTOCOL_TCP) {
      columns.tcpFlags[row] = words[base + WORD_BITS]! & BITS_TCP;
      markPresent(batch, TCP_FLAGS, row);
    }
  }

  #writeFlowId(batch: FlowBatch, row: number, words: Int32Array, base: number): void {
    const flowId = this.#flowId;
    flowId.compute(words, base);
    batch.columns.flowId[row * 2] = flowId.low;
    batch.columns.flowId[row * 2 + 1] = flowId.high;
  }
}

/**
 * Marks the columns that every row has, for all rows still to come: 18 bits a row one by one were a tenth of
 * the cost of a row. Rows that never come are below nobody's `rowCount`; who else writes rows of the batch
 * (drop-row.ts) clears what a row of his has not.
 */
function prepare(batch: FlowBatch, row: number): void {
  for (const index of ALWAYS_PRESENT_INDEXES) setPresent(batch, index, row, batch.capacity);
}

function markPresent({ validity }: FlowBatch, columnIndex: number, row: number): void {
  validity[columnIndex]![row >> 3]! |= 1 << (row & 7);
}

/** Without a branch around it, because V8 throws compiled code away when it takes a branch it has never seen. */
function markPresentIf(is: boolean, { validity }: FlowBatch, columnIndex: number, row: number): void {
  validity[columnIndex]![row >> 3]! |= (is ? 1 : 0) << (row & 7);
}

/** A non-negative double below 2^53 into two words, its fraction cut off. */
function writeTime(column: Uint32Array, row: number, value: number): void {
  const high = Math.floor(value / 4294967296);
  column[row * 2] = value - high * 4294967296;
  column[row * 2 + 1] = high;
}

/** The interface is where an incoming packet entered and an outgoing one left. */
function writeObservationPoint(
  batch: FlowBatch,
  row: number,
  direction: number,
  interfaceIndex: number,
): void {
  const { columns } = batch;
  if (direction !== DIRECTION_UNKNOWN_BITS) {
    columns.direction[row] = direction;
    markPresent(batch, DIRECTION, row);
  }
  if (interfaceIndex === 0) return;
  if (direction === DIRECTION_EGRESS) {
    columns.outIf[row] = interfaceIndex;
    markPresent(batch, OUT_IF, row);
  } else {
    columns.inIf[row] = interfaceIndex;
    markPresent(batch, IN_IF, row);
  }
}

function writeMacs(batch: FlowBatch, row: number, words: Int32Array, base: number): void {
  const bits = words[base + WORD_BITS]!;
  const macs = base + WORD_MACS;
  if ((bits & LINK_HAS_SOURCE_MAC) !== 0) {
    batch.columns.srcMac[row * 2] = words[macs + 2]!;
    batch.columns.srcMac[row * 2 + 1] = words[macs + 1]! & 0xffff;
    markPresent(batch, SRC_MAC, row);
  }
  if ((bits & LINK_HAS_DESTINATION_MAC) !== 0) {
    batch.columns.dstMac[row * 2] = (words[macs]! << 16) | (words[macs + 1]! >>> 16);
    batch.columns.dstMac[row * 2 + 1] = words[macs]! >>> 16;
    markPresent(batch, DST_MAC, row);
  }
}

function writeDetails(batch: FlowBatch, row: number, details: FlowDetails, slot: number): void {
  const { layout, end } = details.write(batch, slot, batch.extraEnd[row]!);
  batch.extraEnd[row] = end;
  if (layout === undefined) return;
  const index = batch.layouts.indexOf(layout);
  batch.columns.extraLayout[row] = index < 0 ? batch.layouts.push(layout) - 1 : index;
  markPresent(batch, EXTRA_LAYOUT, row);
}

function exporterIndex(batch: FlowBatch, identity: ExporterIdentity): number {
  const index = batch.exporters.indexOf(identity);
  if (index >= 0) return index;
  batch.exporters.push(identity);
  return batch.exporters.length - 1;
}
