/**
 * What a datagram or stream is made of.
 *
 * IPFIX Message Header, RFC 7011 section 3.1, 16 octets:
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |      Version Number (10)      |            Length             |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                           Export Time                         |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                       Sequence Number                         |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                    Observation Domain ID                      |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * NetFlow v9 Packet Header, RFC 3954 section 5.1, 20 octets: Version (9), Count, sysUptime, UNIX Secs,
 * Sequence Number, Source ID. Count is what exporters disagree about (records or FlowSets), and is not used.
 *
 * Set Header, RFC 7011 section 3.3.2 (v9: FlowSet), 4 octets: Set ID, Length with these 4.
 */
import type { WireView } from './column-kernels.ts';
import type { SetContext } from './column-reader.ts';
import type { DomainState } from './domain-state.ts';

export const IPFIX_HEADER_OCTETS = 16;
export const NETFLOW_V9_HEADER_OCTETS = 20;
export const SET_HEADER_OCTETS = 4;

/** What the header of the message being read says; one mutable object a reader. Times in milliseconds. */
export interface MessageContext extends SetContext {
  domain: DomainState;
  sequenceNumber: number;
  observationDomainId: number;
  /** Where the datagram begins in `view`'s buffer; offsets of problems are counted from here. */
  datagramStart: number;
  /** Where the message begins, from the start of the datagram. */
  messageOffset: number;
  view: WireView;
}
