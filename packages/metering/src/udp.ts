/**
 * The UDP header, RFC 768: what a meter needs of it.
 *
 *  0               2               4               6               8
 * +---------------+---------------+---------------+---------------+---- - -
 * |  source port  |   dest. port  |    length     |   checksum    |
 * +---------------+---------------+---------------+---------------+---- - -
 */
export const PROTOCOL_UDP = 17;
export const UDP_HEADER_OCTETS = 8;

/** Whether the ports are there. */
export function checkUdp(offset: number, end: number): boolean {
  return end - offset >= 4;
}

/** Both ports in one signed word, source in the high half. */
export function udpPorts(view: DataView, offset: number): number {
  return view.getInt32(offset);
}
