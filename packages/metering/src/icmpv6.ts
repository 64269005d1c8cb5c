/**
 * The ICMPv6 header, RFC 4443 section 2.1.
 *
 *  0       1       2               4
 * +-------+-------+---------------+---- - -
 * | type  | code  |   checksum    |
 * +-------+-------+---------------+---- - -
 */
export const PROTOCOL_ICMPV6 = 58;

/** Whether type and code are there. */
export function checkIcmpv6(offset: number, end: number): boolean {
  return end - offset >= 2;
}

/** icmpTypeCodeIPv6 (139): type × 256 + code. */
export function icmpv6TypeCode(view: DataView, offset: number): number {
  return view.getUint16(offset);
}
