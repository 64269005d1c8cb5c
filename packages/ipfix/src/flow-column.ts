/**
 * The columns of a flow record: what `metering` fills, `exporting` packs, `collecting` decodes into, and
 * `storage` keeps. One catalogue for all four, so that they meet here and nowhere else.
 *
 * A column has a fixed width. `u64` columns hold two 32-bit words a row, low word first: on the
 * little-endian machines that we run on the bytes are those of a 64-bit integer, so they are copied into the
 * store as they are and never become a BigInt on the way. Times are milliseconds since the Unix epoch. An
 * address is 128 bits in two `u64` columns, `…Hi` and `…Lo`; IPv4 is stored IPv4-mapped (::ffff:a.b.c.d,
 * RFC 4291 section 2.5.5.2), so that one order holds for both families.
 */
export type ColumnType = 'u8' | 'u16' | 'u32' | 'u64';

export interface FlowColumnDefinition {
  readonly name: string;
  readonly type: ColumnType;
  /** What the octets mean, beyond an unsigned number. */
  readonly meaning?:
    | 'timeMs'
    | 'addressHi'
    | 'addressLo'
    | 'mac'
    | 'exporterIndex'
    | 'layoutIndex'
    /** Index into `FlowBatch.labels`. */
    | 'labelIndex'
    /** ISO 3166-1 alpha-2: two ASCII letters, the first in the high octet. */
    | 'country';
}

/** Order is part of the contract: the index of a column is its position here. */
export const FLOW_COLUMNS = [
  /** When the collector received the record. */
  { name: 'receivedAt', type: 'u64', meaning: 'timeMs' },
  { name: 'flowStart', type: 'u64', meaning: 'timeMs' },
  { name: 'flowEnd', type: 'u64', meaning: 'timeMs' },
  /** Index into `FlowBatch.exporters`. */
  { name: 'exporter', type: 'u16', meaning: 'exporterIndex' },
  { name: 'srcAddrHi', type: 'u64', meaning: 'addressHi' },
  { name: 'srcAddrLo', type: 'u64', meaning: 'addressLo' },
  { name: 'dstAddrHi', type: 'u64', meaning: 'addressHi' },
  { name: 'dstAddrLo', type: 'u64', meaning: 'addressLo' },
  { name: 'srcPort', type: 'u16' },
  { name: 'dstPort', type: 'u16' },
  { name: 'protocol', type: 'u8' },
  /** As the exporter says it; what the addresses say is what counts. A column because many exporters send it. */
  { name: 'announcedIpVersion', type: 'u8' },
  /** tcpControlBits, RFC 7125. */
  { name: 'tcpFlags', type: 'u16' },
  /** ipClassOfService: the octet, DSCP and ECN. */
  { name: 'tos', type: 'u8' },
  /** Octets of the IP layer, header included; as exported, before any scaling by the sampling rate. */
  { name: 'octets', type: 'u64' },
  { name: 'packets', type: 'u64' },
  /** RFC 5103: the other direction of a biflow. */
  { name: 'reverseOctets', type: 'u64' },
  { name: 'reversePackets', type: 'u64' },
  /** One packet in so many was metered; null where the exporter did not say. */
  { name: 'samplingRate', type: 'u32' },
  /** ingressInterface, egressInterface: SNMP ifIndex. */
  { name: 'inIf', type: 'u32' },
  { name: 'outIf', type: 'u32' },
  /** flowDirection: 0 ingress, 1 egress. */
  { name: 'direction', type: 'u8' },
  { name: 'endReason', type: 'u8' },
  /** forwardingStatus, RFC 7270: the status in the top two bits (0 unknown, 1 forwarded, 2 dropped, 3 consumed). */
  { name: 'forwardingStatus', type: 'u8' },
  { name: 'firewallEvent', type: 'u8' },
  { name: 'srcAs', type: 'u32' },
  { name: 'dstAs', type: 'u32' },
  /** Prefix lengths. */
  { name: 'srcMask', type: 'u8' },
  { name: 'dstMask', type: 'u8' },
  { name: 'nextHopHi', type: 'u64', meaning: 'addressHi' },
  { name: 'nextHopLo', type: 'u64', meaning: 'addressLo' },
  { name: 'vlanId', type: 'u16' },
  /** ICMP type in the high octet, code in the low one; IPv4 and IPv6. */
  { name: 'icmpTypeCode', type: 'u16' },
  { name: 'minTtl', type: 'u8' },
  { name: 'maxTtl', type: 'u8' },
  { name: 'flowId', type: 'u64' },
  /** 48 bits in the low end. */
  { name: 'srcMac', type: 'u64', meaning: 'mac' },
  { name: 'dstMac', type: 'u64', meaning: 'mac' },
  /** Index into `FlowBatch.layouts`, or null when every field of the record has a column. */
  { name: 'extraLayout', type: 'u16', meaning: 'layoutIndex' },
  // What the Collecting Process adds. Nothing of it is on the wire.
  { name: 'srcCountry', type: 'u16', meaning: 'country' },
  { name: 'dstCountry', type: 'u16', meaning: 'country' },
  /** Name of the longest matching prefix in the file of networks, and the site it belongs to. */
  { name: 'srcNetwork', type: 'u16', meaning: 'labelIndex' },
  { name: 'dstNetwork', type: 'u16', meaning: 'labelIndex' },
  { name: 'srcSite', type: 'u16', meaning: 'labelIndex' },
  { name: 'dstSite', type: 'u16', meaning: 'labelIndex' },
  /** Host name, from DNS answers seen or from reverse look-ups. */
  { name: 'srcName', type: 'u16', meaning: 'labelIndex' },
  { name: 'dstName', type: 'u16', meaning: 'labelIndex' },
  /** Who is behind an overlay address. */
  { name: 'srcPeer', type: 'u16', meaning: 'labelIndex' },
  { name: 'dstPeer', type: 'u16', meaning: 'labelIndex' },
  { name: 'srcUser', type: 'u16', meaning: 'labelIndex' },
  { name: 'dstUser', type: 'u16', meaning: 'labelIndex' },
  /** Learned from option records: RFC 6759 application, names of interfaces and VRFs. */
  { name: 'application', type: 'u16', meaning: 'labelIndex' },
  { name: 'inIfName', type: 'u16', meaning: 'labelIndex' },
  { name: 'outIfName', type: 'u16', meaning: 'labelIndex' },
  { name: 'inVrf', type: 'u16', meaning: 'labelIndex' },
  { name: 'outVrf', type: 'u16', meaning: 'labelIndex' },
  /** The rule that decided, and why a frame was dropped (element dropReason). */
  { name: 'rule', type: 'u16', meaning: 'labelIndex' },
  { name: 'dropReason', type: 'u8' },
  /** Equal for all records of both directions of one session. */
  { name: 'sessionId', type: 'u64' },
  /** 0 from the initiator to the responder, 1 back. */
  { name: 'sessionSide', type: 'u8' },
  /** Which rule decided on `sessionSide`. */
  { name: 'directionRule', type: 'u8' },
  /** 1: another observation point told of the same packets before. */
  { name: 'duplicate', type: 'u8' },
] as const satisfies readonly FlowColumnDefinition[];

export type FlowColumnName = (typeof FLOW_COLUMNS)[number]['name'];

/** The position of each column in FLOW_COLUMNS. */
export const FLOW_COLUMN_INDEX = Object.fromEntries(
  FLOW_COLUMNS.map((column, index) => [column.name, index]),
) as Readonly<Record<FlowColumnName, number>>;

export const COLUMN_TYPE_OCTETS: Readonly<Record<ColumnType, number>> = { u8: 1, u16: 2, u32: 4, u64: 8 };
