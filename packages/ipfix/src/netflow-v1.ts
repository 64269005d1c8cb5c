/**
 * NetFlow v1. Header, 16 octets:
 *
 *      0       2       4               8               12              16
 *     +-------+-------+---------------+---------------+---------------+
 *     |   1   | Count |   SysUptime   |   unix_secs   |  unix_nsecs   |
 *     +-------+-------+---------------+---------------+---------------+
 *
 * then Count records of 48 octets. A record is described as a template, so that the readers of IPFIX read it.
 */
import { fixedFormat } from './netflow-fixed.ts';

export const NETFLOW_V1 = fixedFormat({
  version: 1,
  headerOctets: 16,
  fields: [
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
    [210, 4], // reserved
  ],
});
