/**
 * The SCTP common header, RFC 9260 section 3.1.
 *
 *  0               2               4               8              12
 * +---------------+---------------+---------------+---------------+---- - -
 * |  source port  |   dest. port  | verification  |    CRC32c     |
 * +---------------+---------------+---------------+---------------+---- - -
 */
export const PROTOCOL_SCTP = 132;

/** Whether the common header is whole. */
export function checkSctp(offset: number, end: number): boolean {
  return end - offset >= 12;
}

/** Both ports in one signed word, source in the high half. */
export function sctpPorts(view: DataView, offset: number): number {
  return view.getInt32(offset);
}
