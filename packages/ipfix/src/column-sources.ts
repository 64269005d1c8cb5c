/**
 * Which Information Elements fill which column of FLOW_COLUMNS, in order of preference. Whatever is not
 * listed here, or lost against a better source in the same record, is kept in `extra`.
 */
import type { FlowColumnName } from './flow-column.ts';
import { REVERSE_ENTERPRISE_NUMBER } from './information-element.ts';

/** One number for an element: `enterpriseNumber` × 65536 + `elementId`. */
export function elementKey(enterpriseNumber: number, elementId: number): number {
  return enterpriseNumber * 65536 + elementId;
}

function reverse(elementId: number): number {
  return elementKey(REVERSE_ENTERPRISE_NUMBER, elementId);
}

/** Columns that are an unsigned number on the wire. */
export const NUMBER_SOURCES: readonly (readonly [FlowColumnName, ...number[]])[] = [
  ['srcPort', 7, 180, 182], // sourceTransportPort, udpSourcePort, tcpSourcePort
  ['dstPort', 11, 181, 183],
  ['protocol', 4],
  ['announcedIpVersion', 60],
  ['tos', 5],
  ['tcpFlags', 6],
  // octetDeltaCount, octetTotalCount, postOctetDeltaCount, layer2OctetDeltaCount, initiatorOctets (ASA)
  ['octets', 1, 85, 23, 352, 231],
  ['packets', 2, 86, 24, 298],
  ['reverseOctets', reverse(1), reverse(85), 232],
  ['reversePackets', reverse(2), reverse(86), 299],
  ['inIf', 10, 252],
  ['outIf', 14, 253],
  ['direction', 61],
  ['endReason', 136],
  ['forwardingStatus', 89],
  ['firewallEvent', 233, 40005], // 40005: NF_F_FW_EVENT of early Cisco ASA
  ['srcAs', 16],
  ['dstAs', 17],
  ['srcMask', 9, 29],
  ['dstMask', 13, 30],
  ['vlanId', 58, 243],
  ['minTtl', 52, 192],
  ['maxTtl', 53, 192],
  ['flowId', 148],
];

export interface AddressSource {
  readonly high: FlowColumnName;
  readonly low: FlowColumnName;
  readonly ipv4: number;
  readonly ipv6: number;
}

export const ADDRESS_SOURCES: readonly AddressSource[] = [
  { high: 'srcAddrHi', low: 'srcAddrLo', ipv4: 8, ipv6: 27 },
  { high: 'dstAddrHi', low: 'dstAddrLo', ipv4: 12, ipv6: 28 },
  { high: 'nextHopHi', low: 'nextHopLo', ipv4: 15, ipv6: 62 },
];

export const MAC_SOURCES: readonly (readonly [FlowColumnName, number])[] = [
  ['srcMac', 56],
  ['dstMac', 80],
];

/** How a time element counts; `timeval` is what pmacct puts into dateTimeMicroseconds. */
export type TimeUnit = 'milliseconds' | 'seconds' | 'ntp' | 'timeval' | 'deltaMicroseconds' | 'sysUptime';

export type TimeSource = readonly [element: number, unit: TimeUnit];

/** observationTime…: when one instant is all that an exporter gives (Cisco ASA: 323). */
const OBSERVATION_TIMES: readonly TimeSource[] = [
  [323, 'milliseconds'],
  [322, 'seconds'],
  [324, 'ntp'],
  [325, 'ntp'],
];

export const FLOW_START_SOURCES: readonly TimeSource[] = [
  [152, 'milliseconds'],
  [150, 'seconds'],
  [154, 'ntp'],
  [154, 'timeval'],
  [156, 'ntp'],
  [158, 'deltaMicroseconds'],
  [22, 'sysUptime'],
];

export const FLOW_END_SOURCES: readonly TimeSource[] = [
  [153, 'milliseconds'],
  [151, 'seconds'],
  [155, 'ntp'],
  [155, 'timeval'],
  [157, 'ntp'],
  [159, 'deltaMicroseconds'],
  [21, 'sysUptime'],
];

export const FALLBACK_TIME_SOURCES = OBSERVATION_TIMES;

/** flowDurationMilliseconds, flowDurationMicroseconds: added to flowStart when there is no flowEnd. */
export const DURATION_SOURCES: readonly (readonly [element: number, divisor: number])[] = [
  [161, 1],
  [162, 1000],
];

export const ELEMENT_SYSTEM_INIT_TIME_MILLISECONDS = 160;
export const ELEMENT_PADDING_OCTETS = 210;
export const ICMP_TYPE_CODE_SOURCES: readonly number[] = [32, 139];
/** icmpTypeIPv4 with icmpCodeIPv4, icmpTypeIPv6 with icmpCodeIPv6. */
export const ICMP_PAIR_SOURCES: readonly (readonly [type: number, code: number])[] = [
  [176, 177],
  [178, 179],
];
/**
 * samplingPacketInterval and samplingPacketSpace, samplingTimeInterval and samplingTimeSpace, samplingSize and
 * samplingPopulation.
 */
export const SAMPLING_PAIR_SOURCES: readonly (readonly [
  kind: 'intervalAndSpace' | 'sizeAndPopulation',
  first: number,
  second: number,
])[] = [
  ['sizeAndPopulation', 309, 310],
  ['intervalAndSpace', 305, 306],
  ['intervalAndSpace', 307, 308],
];
/** samplingInterval, samplerRandomInterval, and samplingPacketInterval where no space is with it. */
export const SAMPLING_INTERVAL_SOURCES: readonly number[] = [34, 50, 305];
/** samplerId (v9), selectorId (IPFIX): which sampler of the options records a flow went through. */
export const SAMPLER_ID_SOURCES: readonly number[] = [48, 302];
