/** Rows of a FlowBatch as objects for people: the fields of a record by their IANA names (`weir meter --json`). */
import { type FlowBatch, type FlowColumnName, isPresent, u64AsBigInt, u64AsNumber } from '@weir/ipfix';
import { PROTOCOL_ICMPV4 } from './icmpv4.ts';
import { PROTOCOL_ICMPV6 } from './icmpv6.ts';

/** A 64-bit value above 2^53 − 1 is text, so that no digit of it is lost in JSON. */
export type FlowFields = Record<string, string | number>;

/** Columns that hold their element's value as it is. */
const PLAIN_FIELDS: readonly (readonly [column: FlowColumnName, element: string])[] = [
  ['tcpFlags', 'tcpControlBits'],
  ['tos', 'ipClassOfService'],
  ['minTtl', 'minimumTTL'],
  ['maxTtl', 'maximumTTL'],
  ['vlanId', 'vlanId'],
  ['inIf', 'ingressInterface'],
  ['outIf', 'egressInterface'],
  ['direction', 'flowDirection'],
  ['endReason', 'flowEndReason'],
];

/** The fields of a row that a PacketMeter wrote; those that it has no value for are left out. */
export function flowFields(batch: FlowBatch, row: number): FlowFields {
  const { columns } = batch;
  const protocol = columns.protocol[row] ?? 0;
  const fields: FlowFields = {
    flowStartMilliseconds: isoTime(columns.flowStart, row),
    flowEndMilliseconds: isoTime(columns.flowEnd, row),
    ...addressFields(batch, row),
    sourceTransportPort: columns.srcPort[row] ?? 0,
    destinationTransportPort: columns.dstPort[row] ?? 0,
    protocolIdentifier: protocol,
    octetDeltaCount: integer(columns.octets, row),
    packetDeltaCount: integer(columns.packets, row),
  };
  if (isPresent(batch, 'icmpTypeCode', row)) {
    fields[ICMP_ELEMENTS[protocol] ?? 'icmpTypeCodeIPv4'] = columns.icmpTypeCode[row] ?? 0;
  }
  for (const [column, element] of PLAIN_FIELDS) {
    if (isPresent(batch, column, row)) fields[element] = columns[column][row] ?? 0;
  }
  if (isPresent(batch, 'srcMac', row)) fields['sourceMacAddress'] = macText(columns.srcMac, row);
  if (isPresent(batch, 'dstMac', row)) fields['destinationMacAddress'] = macText(columns.dstMac, row);
  fields['flowId'] = integer(columns.flowId, row);
  return fields;
}

const ICMP_ELEMENTS: Readonly<Record<number, string>> = {
  [PROTOCOL_ICMPV4]: 'icmpTypeCodeIPv4',
  [PROTOCOL_ICMPV6]: 'icmpTypeCodeIPv6',
};

function addressFields({ columns }: FlowBatch, row: number): FlowFields {
  const source = addressGroups(columns.srcAddrHi, columns.srcAddrLo, row);
  const destination = addressGroups(columns.dstAddrHi, columns.dstAddrLo, row);
  if (isIPv4Mapped(source) && isIPv4Mapped(destination)) {
    return { sourceIPv4Address: ipv4Text(source), destinationIPv4Address: ipv4Text(destination) };
  }
  return { sourceIPv6Address: ipv6Text(source), destinationIPv6Address: ipv6Text(destination) };
}

/** The eight 16-bit groups of an address, first group first. */
function addressGroups(high: Uint32Array, low: Uint32Array, row: number): number[] {
  const words = [high[row * 2 + 1], high[row * 2], low[row * 2 + 1], low[row * 2]];
  return words.flatMap((word = 0) => [word >>> 16, word & 0xffff]);
}

function isIPv4Mapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

function ipv4Text([, , , , , , high = 0, low = 0]: readonly number[]): string {
  return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
}

/** RFC 5952: the first of the longest runs of two or more zero groups becomes `::`. */
function ipv6Text(groups: readonly number[]): string {
  const run = longestZeroRun(groups);
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (run.length < 2) return text(groups);
  return `${text(groups.slice(0, run.start))}::${text(groups.slice(run.start + run.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (let at = 0; at <= groups.length; at += 1) {
    if (groups[at] === 0) continue;
    if (at - start > longest.length) longest = { start, length: at - start };
    start = at + 1;
  }
  return longest;
}

function macText(column: Uint32Array, row: number): string {
  const digits = u64AsBigInt(column, row).toString(16).padStart(12, '0');
  return digits.replaceAll(/..(?!$)/g, '$&:');
}

function isoTime(column: Uint32Array, row: number): string {
  return new Date(u64AsNumber(column, row)).toISOString();
}

function integer(column: Uint32Array, row: number): number | string {
  const value = u64AsNumber(column, row);
  return value <= Number.MAX_SAFE_INTEGER ? value : u64AsBigInt(column, row).toString();
}
