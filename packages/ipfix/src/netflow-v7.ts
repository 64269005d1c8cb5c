/**
 * NetFlow v7 (Catalyst 5000). Header, 24 octets:
 *
 *      0       2       4               8               12              16
 *     +-------+-------+---------------+---------------+---------------+
 *     |   7   | Count |   SysUptime   |   unix_secs   |  unix_nsecs   |
 *     +-------+-------+---------------+---------------+---------------+
 *     | flow_sequence |   reserved    |
 *     +---------------+---------------+
 *
 * then Count records of 52 octets.
 */
import { fixedFormat } from './netflow-fixed.ts';

export const NETFLOW_V7 = fixedFormat({
  version: 7,
  headerOctets: 24,
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
    [210, 1], // flags: which fields are invalid
    [6, 1], // tcp_flags
    [4, 1], // prot
    [5, 1], // tos
    [16, 2], // src_as
    [17, 2], // dst_as
    [9, 1], // src_mask
    [13, 1], // dst_mask
    [210, 2], // flags: which fields are invalid
    [130, 4], // router_sc: the router that the switch took a shortcut past
  ],
});
