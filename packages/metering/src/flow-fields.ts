/**
 * Rows of a FlowBatch as objects for people: the fields of a record by their IANA names (`weir meter
 * --json`).
 */
import {
  type AbstractDataType,
  decodeValue,
  elementById,
  type FlowBatch,
  type FlowColumnName,
  formatIPv4,
  formatIPv6,
  formatMacAddress,
  isPresent,
  u64AsBigInt,
  u64AsNumber,
  VARIABLE_LENGTH,
} from '@weir/ipfix';
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
  addExtraFields(batch, row, fields);
  return fields;
}

/** The fields without a column, by the names of their elements: integers and text, as the meter writes them. */
function addExtraFields(batch: FlowBatch, row: number, fields: FlowFields): void {
  if (!isPresent(batch, 'extraLayout', row)) return;
  const { extra, extraEnd } = batch;
  let position = row === 0 ? 0 : (extraEnd[row - 1] ?? 0);
  for (const field of batch.layouts[batch.columns.extraLayout[row] ?? 0] ?? []) {
    const [start, end] = fieldPlace(extra, position, field.length);
    const element = elementById(field.enterpriseNumber, field.elementId);
    const value = element === undefined ? null : extraValue(extra, start, end - start, element.dataType);
    if (element !== undefined && value !== null) fields[element.name] = value;
    position = end;
  }
}

/** RFC 7011 section 7: a variable length stands before the value, in 1 octet or, after 255, in 2. */
function fieldPlace(extra: Uint8Array, position: number, length: number): [start: number, end: number] {
  if (length !== VARIABLE_LENGTH) return [position, position + length];
  const short = extra[position] ?? 0;
  if (short < 255) return [position + 1, position + 1 + short];
  const long = (extra[position + 1] ?? 0) * 256 + (extra[position + 2] ?? 0);
  return [position + 3, position + 3 + long];
}

function extraValue(extra: Uint8Array, start: number, octets: number, dataType: AbstractDataType) {
  if (dataType !== 'string' && dataType !== 'unsigned8' && dataType !== 'unsigned32') return null;
  const value = decodeValue(extra, start, octets, dataType);
  return typeof value === 'boolean' ? null : value;
}

const ICMP_ELEMENTS: Readonly<Record<number, string>> = {
  [PROTOCOL_ICMPV4]: 'icmpTypeCodeIPv4',
  [PROTOCOL_ICMPV6]: 'icmpTypeCodeIPv6',
};

function addressFields({ columns }: FlowBatch, row: number): FlowFields {
  const source = addressOctets(columns.srcAddrHi, columns.srcAddrLo, row);
  const destination = addressOctets(columns.dstAddrHi, columns.dstAddrLo, row);
  if (isIPv4Mapped(source) && isIPv4Mapped(destination)) {
    return { sourceIPv4Address: formatIPv4(source, 12), destinationIPv4Address: formatIPv4(destination, 12) };
  }
  return { sourceIPv6Address: formatIPv6(source, 0), destinationIPv6Address: formatIPv6(destination, 0) };
}

function addressOctets(high: Uint32Array, low: Uint32Array, row: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  [high[row * 2 + 1], high[row * 2], low[row * 2 + 1], low[row * 2]].forEach((word = 0, index) => {
    view.setUint32(index * 4, word);
  });
  return new Uint8Array(view.buffer);
}

function isIPv4Mapped(octets: Uint8Array): boolean {
  return octets[10] === 0xff && octets[11] === 0xff && octets.subarray(0, 10).every((octet) => octet === 0);
}

function macText(column: Uint32Array, row: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, u64AsBigInt(column, row));
  return formatMacAddress(new Uint8Array(view.buffer), 2);
}

function isoTime(column: Uint32Array, row: number): string {
  return new Date(u64AsNumber(column, row)).toISOString();
}

function integer(column: Uint32Array, row: number): number | string {
  const value = u64AsNumber(column, row);
  return value <= Number.MAX_SAFE_INTEGER ? value : u64AsBigInt(column, row).toString();
}
