/**
 * NetFlow v1. Header, 16 octets:
 *
 *      0       2       4               8               12              16
 *     +-------+-------+---------------+---------------+---------------+
 *     |   1   | Count |   SysUptime   |   unix_secs   |  unix_nsecs   |
 *     +-------+-------+---------------+---------------+---------------+
 *
 * then Count records of 48 octets, or of 52: descriptions of v1 differ in how many reserved octets end a record,
 * and the datagram's length tells which it is. A record is described as a template, so
 * that the readers of IPFIX read it.
 */
import { type FixedFields, fixedFormat } from './netflow-fixed.ts';

const FIELDS: FixedFields = [
  [8, 4], // srcaddr
  [12, 4], // dstaddr
  [15, 4], // nexthop
  [10, 2], // input
  [14, 2], // output
  [2, 4], // dPkts
  [1, 4], // dOctets
  [22, 4], // First
  [21, 4], // Last
  [7, 2], // srcport
  [11, 2], // dstport
  [210, 2], // pad1
  [4, 1], // prot
  [5, 1], // tos
  [6, 1], // flags
  [210, 3], // pad2: TCP retransmission counts in some releases, undocumented
];

export const NETFLOW_V1 = fixedFormat({
  version: 1,
  headerOctets: 16,
  fields: [...FIELDS, [210, 4]],
});

export const NETFLOW_V1_LONG = fixedFormat({
  version: 1,
  headerOctets: 16,
  fields: [...FIELDS, [210, 8]],
});

/** The format of a v1 datagram of so many octets and records. */
export function v1Format(octets: number, count: number): typeof NETFLOW_V1 {
  const { headerOctets, recordOctets } = NETFLOW_V1_LONG;
  return octets === headerOctets + count * recordOctets ? NETFLOW_V1_LONG : NETFLOW_V1;
}
