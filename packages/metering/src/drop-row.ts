/** From a drop record (drop-record.ts) to a row of a FlowBatch. */
import {
  type ExporterIdentity,
  type ExtraLayout,
  FLOW_COLUMN_INDEX,
  type FlowBatch,
  type FlowColumnName,
  setU64FromNumber,
  WEIR_ELEMENTS,
  WEIR_ENTERPRISE_NUMBER,
} from '@weir/ipfix';
import { forwardingStatusOf } from './drop-reason.ts';
import * as drop from './drop-record.ts';
import { type DropRuleNames, RULE_NAME_OCTETS_MAX } from './drop-rule-names.ts';
import type { DropTable } from './drop-table.ts';
import { FlowIdHash, type FlowIdKey } from './flow-id.ts';
import * as record from './flow-record.ts';
import type { FlowRowSink } from './flow-row.ts';
import { PROTOCOL_ICMPV4 } from './icmpv4.ts';
import { PROTOCOL_ICMPV6 } from './icmpv6.ts';
import {
  DIRECTION_EGRESS,
  KEY_DESTINATION,
  KEY_INTERFACE,
  KEY_KIND,
  KEY_PORTS,
  KEY_SOURCE,
  KIND_DIRECTION_SHIFT,
  KIND_VLAN_SHIFT,
} from './packet-burst.ts';
import { PROTOCOL_TCP } from './tcp.ts';

/** firewallEvent (233): Flow Denied. */
const FIREWALL_EVENT_DENIED = 3;
const DIRECTION_UNKNOWN_BITS = 3;

function field(name: string, length: number) {
  const elementId = WEIR_ELEMENTS.find((element) => element.name === name)!.elementId;
  return { enterpriseNumber: WEIR_ENTERPRISE_NUMBER, elementId, length };
}

const FLOW_LAYOUT: ExtraLayout = [field('dropReason', 1), field('ruleName', 65_535)];
const AGGREGATE_LAYOUT: ExtraLayout = [
  ...FLOW_LAYOUT,
  field('droppedFrameCount', 8),
  field('dropOverflow', 1),
];
/** Octets of a row's extra fields at most: reason, rule with its length, count and flag. */
export const DROP_EXTRA_OCTETS_MAX = 1 + 1 + RULE_NAME_OCTETS_MAX + 8 + 1;
/** Values of the abstract data type boolean, RFC 7011 section 6.1.5. */
const TRUE = 1;
const FALSE = 2;

/** What a row of a flow has and an aggregate has not. */
const FLOW_COLUMNS_ONLY: readonly FlowColumnName[] = ['tos', 'minTtl', 'maxTtl', 'flowId'];

export class DropRowWriter {
  readonly #sink: FlowRowSink;
  readonly #names: DropRuleNames;
  readonly #exporterOf: (interfaceIndex: number) => ExporterIdentity;
  #flowId: FlowIdHash;

  constructor(
    sink: FlowRowSink,
    names: DropRuleNames,
    exporterOf: (interfaceIndex: number) => ExporterIdentity,
    flowIdKey: FlowIdKey,
  ) {
    this.#sink = sink;
    this.#names = names;
    this.#exporterOf = exporterOf;
    this.#flowId = new FlowIdHash(flowIdKey);
  }

  setFlowIdKey(key: FlowIdKey): void {
    this.#flowId = new FlowIdHash(key);
  }

  /** Writes the record in `slot` of `table` as the next row; hands the batch over when that filled it. */
  write(table: DropTable, slot: number, isAggregate: boolean, endReason: number, receivedAtMs: number): void {
    const { words } = table;
    const at = slot * drop.DROP_WORDS;
    const cause = words[at + drop.DROP_WORD_CAUSE]!;
    const rule = this.#names.octetsOf(cause & drop.CAUSE_RULE_MASK);
    const batch = this.#batchWithRoomFor(1 + rule.length + (isAggregate ? 9 : 0));
    const row = batch.rowCount;
    const reason = cause >> drop.CAUSE_REASON_SHIFT;
    put(batch, 'exporter', row, indexIn(batch.exporters, this.#exporterOf(words[at + KEY_INTERFACE]!)));
    putNumber(batch, 'receivedAt', row, receivedAtMs);
    put(batch, 'endReason', row, endReason);
    put(batch, 'forwardingStatus', row, forwardingStatusOf(reason));
    put(batch, 'firewallEvent', row, FIREWALL_EVENT_DENIED);
    writeAddresses(batch, row, words, at);
    writeCounters(batch, row, table, slot);
    writeObservationPoint(batch, row, words, at);
    if (isAggregate) writeAggregate(batch, row, words, at);
    else this.#writeFlow(batch, row, words, at);
    writeExtra(batch, row, table, slot, reason, rule, isAggregate);
    batch.rowCount = row + 1;
    if (batch.rowCount === batch.capacity) this.#sink.full();
  }

  #batchWithRoomFor(extraOctets: number): FlowBatch {
    const { batch } = this.#sink;
    return extraUsed(batch) + extraOctets > batch.extra.length ? this.#sink.full() : batch;
  }

  #writeFlow(batch: FlowBatch, row: number, words: Int32Array, at: number): void {
    const ports = words[at + KEY_PORTS]!;
    const protocol = words[at + KEY_KIND]! & 0xff;
    put(batch, 'protocol', row, protocol);
    put(batch, 'srcPort', row, ports >>> 16);
    put(batch, 'dstPort', row, ports & 0xffff);
    if (protocol === PROTOCOL_ICMPV4 || protocol === PROTOCOL_ICMPV6) {
      put(batch, 'icmpTypeCode', row, ports & 0xffff);
    }
    if (protocol === PROTOCOL_TCP)
      put(batch, 'tcpFlags', row, words[at + record.WORD_BITS]! & record.BITS_TCP);
    const ttl = words[at + record.WORD_TTL]!;
    put(batch, 'minTtl', row, ttl & 0xff);
    put(batch, 'maxTtl', row, (ttl >> 8) & 0xff);
    put(batch, 'tos', row, (ttl >> 16) & 0xff);
    this.#flowId.compute(words, at);
    putWords(batch, 'flowId', row, this.#flowId.low, this.#flowId.high);
  }
}

/** Which side is the aggregate's peer is what the prefix lengths say: that of the other side is 0. */
function writeAggregate(batch: FlowBatch, row: number, words: Int32Array, at: number): void {
  const prefixLength = words[at + KEY_PORTS]! & 0xff;
  const isEgress = directionOf(words[at + KEY_KIND]!) === DIRECTION_EGRESS;
  put(batch, 'protocol', row, 0);
  put(batch, 'srcPort', row, 0);
  put(batch, 'dstPort', row, 0);
  put(batch, 'srcMask', row, isEgress ? 0 : prefixLength);
  put(batch, 'dstMask', row, isEgress ? prefixLength : 0);
  for (const name of FLOW_COLUMNS_ONLY) clearPresent(batch, name, row);
}

function writeAddresses(batch: FlowBatch, row: number, words: Int32Array, at: number): void {
  const source = at + record.WORD_SOURCE_PREFIX;
  putWords(batch, 'srcAddrHi', row, words[source + 1]!, words[source]!);
  putWords(batch, 'srcAddrLo', row, words[at + KEY_SOURCE]!, words[source + 2]!);
  const destination = at + record.WORD_DESTINATION_PREFIX;
  putWords(batch, 'dstAddrHi', row, words[destination + 1]!, words[destination]!);
  putWords(batch, 'dstAddrLo', row, words[at + KEY_DESTINATION]!, words[destination + 2]!);
}

function writeCounters(batch: FlowBatch, row: number, { doubles }: DropTable, slot: number): void {
  const at = slot * drop.DROP_DOUBLES;
  putNumber(batch, 'flowStart', row, Math.floor(doubles[at + record.DOUBLE_FIRST]!));
  putNumber(batch, 'flowEnd', row, Math.floor(doubles[at + record.DOUBLE_LAST]!));
  putNumber(batch, 'octets', row, doubles[at + record.DOUBLE_OCTETS]!);
  putNumber(batch, 'packets', row, doubles[at + record.DOUBLE_PACKETS]!);
}

/** The interface is where an incoming frame entered and an outgoing one would have left. */
function writeObservationPoint(batch: FlowBatch, row: number, words: Int32Array, at: number): void {
  const kind = words[at + KEY_KIND]!;
  const direction = directionOf(kind);
  if (direction !== DIRECTION_UNKNOWN_BITS) put(batch, 'direction', row, direction);
  const isEgress = direction === DIRECTION_EGRESS;
  const own = words[at + KEY_INTERFACE]!;
  const other = words[at + drop.DROP_WORD_OTHER_INTERFACE]!;
  if (own !== 0) put(batch, isEgress ? 'outIf' : 'inIf', row, own);
  if (other !== 0) put(batch, isEgress ? 'inIf' : 'outIf', row, other);
  const vlanId = (kind >> KIND_VLAN_SHIFT) & 0xfff;
  if (vlanId !== 0) put(batch, 'vlanId', row, vlanId);
}

function writeExtra(
  batch: FlowBatch,
  row: number,
  { words, doubles }: DropTable,
  slot: number,
  reason: number,
  rule: Uint8Array,
  isAggregate: boolean,
): void {
  const { extra } = batch;
  let at = extraUsed(batch);
  extra[at] = reason;
  extra.set(rule, at + 1);
  at += 1 + rule.length;
  if (isAggregate) {
    const frames = doubles[slot * drop.DROP_DOUBLES + record.DOUBLE_PACKETS]!;
    const view = new DataView(extra.buffer, extra.byteOffset + at, 8);
    view.setUint32(0, Math.floor(frames / 4294967296));
    view.setUint32(4, frames >>> 0);
    const isOverflow = (words[slot * drop.DROP_WORDS + KEY_PORTS]! & drop.DROP_OVERFLOW) !== 0;
    extra[at + 8] = isOverflow ? TRUE : FALSE;
    at += 9;
  }
  put(batch, 'extraLayout', row, indexIn(batch.layouts, isAggregate ? AGGREGATE_LAYOUT : FLOW_LAYOUT));
  batch.extraEnd[row] = at;
}

function extraUsed({ extraEnd, rowCount }: FlowBatch): number {
  return rowCount === 0 ? 0 : extraEnd[rowCount - 1]!;
}

function directionOf(kind: number): number {
  return (kind >> KIND_DIRECTION_SHIFT) & 3;
}

function put(batch: FlowBatch, name: FlowColumnName, row: number, value: number): void {
  batch.columns[name][row] = value;
  markPresent(batch, name, row);
}

function putNumber(batch: FlowBatch, name: FlowColumnName, row: number, value: number): void {
  setU64FromNumber(batch.columns[name] as Uint32Array, row, value);
  markPresent(batch, name, row);
}

function putWords(batch: FlowBatch, name: FlowColumnName, row: number, low: number, high: number): void {
  batch.columns[name][row * 2] = low;
  batch.columns[name][row * 2 + 1] = high;
  markPresent(batch, name, row);
}

function markPresent(batch: FlowBatch, name: FlowColumnName, row: number): void {
  batch.validity[FLOW_COLUMN_INDEX[name]]![row >> 3]! |= 1 << (row & 7);
}

/** Another writer of the same batch may have marked columns for all rows to come. */
function clearPresent(batch: FlowBatch, name: FlowColumnName, row: number): void {
  batch.validity[FLOW_COLUMN_INDEX[name]]![row >> 3]! &= ~(1 << (row & 7));
}

function indexIn<T>(list: T[], entry: T): number {
  const index = list.indexOf(entry);
  return index >= 0 ? index : list.push(entry) - 1;
}
