/**
 * The TCP header, RFC 9293 section 3.1: what a meter needs of it.
 *
 *  0               2               4       8      12      14      16
 * +---------------+---------------+-------+-------+-------+-------+---- - -
 * |  source port  |   dest. port  |  seq  |  ack  |off|bit|window |
 * +---------------+---------------+-------+-------+-------+-------+---- - -
 */
export const PROTOCOL_TCP = 6;

export const TCP_FIN = 0x001;
export const TCP_SYN = 0x002;
export const TCP_RST = 0x004;
export const TCP_ACK = 0x010;

/** Whether the ports are there: they may be when the packet is cut off before the control bits. */
export function checkTcpPorts(offset: number, end: number): boolean {
  return end - offset >= 4;
}

/** Whether the octets reach to the end of the control bits. */
export function checkTcpControlBits(offset: number, end: number): boolean {
  return end - offset >= 14;
}

/** Whether the octets reach to the end of the window. */
export function checkTcpWindow(offset: number, end: number): boolean {
  return end - offset >= 16;
}

/** Both ports in one signed word, source in the high half. */
export function tcpPorts(view: DataView, offset: number): number {
  return view.getInt32(offset);
}

/** tcpControlBits as RFC 7125 defines them: the low twelve bits of octets 12 and 13, data offset left out. */
export function tcpControlBits(view: DataView, offset: number): number {
  return view.getUint16(offset + 12) & 0x0fff;
}

/** As a signed 32-bit word. */
export function tcpSequenceNumber(view: DataView, offset: number): number {
  return view.getInt32(offset + 4);
}

/** As a signed 32-bit word. */
export function tcpAcknowledgmentNumber(view: DataView, offset: number): number {
  return view.getInt32(offset + 8);
}

export function tcpHeaderOctets(view: DataView, offset: number): number {
  return (view.getUint8(offset + 12) >> 4) * 4;
}

/** As it stands there, not scaled. */
export function tcpWindow(view: DataView, offset: number): number {
  return view.getUint16(offset + 14);
}
