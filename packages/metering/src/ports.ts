/**
 * The first four octets that TCP (RFC 9293), UDP (RFC 768) and SCTP (RFC 9260) have in common.
 *
 *  0               2               4
 * +---------------+---------------+---- - -
 * |  source port  |   dest. port  |
 * +---------------+---------------+---- - -
 */
export const PROTOCOL_UDP = 17;
export const PROTOCOL_SCTP = 132;

export function checkPorts(offset: number, end: number): boolean {
  return end - offset >= 4;
}

/** Both ports in one signed word, source in the high half. */
export function portPair(view: DataView, offset: number): number {
  return view.getInt32(offset);
}
