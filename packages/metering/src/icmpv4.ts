/**
 * The ICMP header, RFC 792.
 *
 *  0       1       2               4                               8
 * +-------+-------+---------------+-------------------------------+---- - -
 * | type  | code  |   checksum    |        rest of header         |
 * +-------+-------+---------------+-------------------------------+---- - -
 */
export const PROTOCOL_ICMPV4 = 1;

/**
 * Whether enough is there to take type and code at their word. No message is shorter than 8 octets; tshark
 * asks for 6, so we agree with it on packets that were cut off within the header.
 */
export function checkIcmpv4(offset: number, end: number): boolean {
  return end - offset >= 6;
}

/** icmpTypeCodeIPv4 (32): type × 256 + code. */
export function icmpv4TypeCode(view: DataView, offset: number): number {
  return view.getUint16(offset);
}
