/**
 * Elements of our own, for what IANA has none: what policy dropped and why, who is behind an overlay address,
 * how a TCP connection performed, by which name a peer was reached. An exporter announces them by RFC 5610.
 */
import type { InformationElement } from './information-element.ts';

/** RFC 5612: the enterprise number for documentation, until there is one of our own (docs/decisions/0004). */
export const WEIR_ENTERPRISE_NUMBER = 32473;

type ElementRow = readonly [
  elementId: number,
  name: string,
  dataType: InformationElement['dataType'],
  semantics?: InformationElement['semantics'],
  units?: InformationElement['units'],
];

const ROWS: readonly ElementRow[] = [
  [1, 'dropReason', 'unsigned8', 'identifier'],
  [2, 'ruleName', 'string'],
  [3, 'peerName', 'string'],
  [4, 'peerUser', 'string'],
  [5, 'peerTags', 'string'],
  [6, 'peerPublicKey', 'string'],
  [7, 'peerEndpoint', 'string'],
  [8, 'peerOverlayAddresses', 'string'],
  [9, 'peerLastSeenMilliseconds', 'dateTimeMilliseconds', undefined, 'milliseconds'],
  [10, 'tcpClientRoundTripMicroseconds', 'unsigned32', 'quantity', 'microseconds'],
  [11, 'tcpServerRoundTripMicroseconds', 'unsigned32', 'quantity', 'microseconds'],
  [12, 'tcpRetransmittedPackets', 'unsigned32', 'deltaCounter', 'packets'],
  [13, 'tcpOutOfOrderPackets', 'unsigned32', 'deltaCounter', 'packets'],
  [14, 'tcpZeroWindowPackets', 'unsigned32', 'deltaCounter', 'packets'],
  [15, 'remoteDnsName', 'string'],
  [16, 'remoteServerName', 'string'],
  [17, 'droppedFrameCount', 'unsigned64', 'deltaCounter', 'frames'],
  [18, 'dropOverflow', 'boolean'],
  [19, 'flowCacheEntries', 'unsigned64', 'quantity', 'flows'],
  [20, 'flowCachePeakEntries', 'unsigned64', 'quantity', 'flows'],
];

/** In the order of their ids. */
export const WEIR_ELEMENTS: readonly InformationElement[] = ROWS.map(
  ([elementId, name, dataType, semantics, units]) => ({
    enterpriseNumber: WEIR_ENTERPRISE_NUMBER,
    elementId,
    name,
    dataType,
    ...(semantics === undefined ? {} : { semantics }),
    ...(units === undefined ? {} : { units }),
  }),
);
