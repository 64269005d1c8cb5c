/**
 * NetFlow v5. Header, 24 octets:
 *
 *      0       2       4               8               12              16
 *     +-------+-------+---------------+---------------+---------------+
 *     |   5   | Count |   SysUptime   |   unix_secs   |  unix_nsecs   |
 *     +-------+-------+---------------+---------------+---------------+
 *     | flow_sequence |Type|ID| M|Int.|
 *     +---------------+----+--+-------+
 *
 * Type, ID: engine; M: sampling mode, 2 bits; Int.: sampling interval, 14 bits. Then Count records of 48 octets.
 */
import { fixedFormat } from './netflow-fixed.ts';

export const NETFLOW_V5 = fixedFormat({
  version: 5,
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
    [210, 1], // pad1
    [6, 1], // tcp_flags
    [4, 1], // prot
    [5, 1], // tos
    [16, 2], // src_as
    [17, 2], // dst_as
    [9, 1], // src_mask
    [13, 1], // dst_mask
    [210, 2], // pad2
  ],
});

/** The low 14 bits: one in so many; Juniper and Cisco put the mode into the top two. 0 is not sampled. */
export function v5SamplingInterval(field: number): number {
  return field & 0x3fff;
}

/** 0 none, 1 deterministic, 2 random. */
export function v5SamplingMode(field: number): number {
  return field >> 14;
}
