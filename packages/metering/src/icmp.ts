/**
 * ICMPv4 (RFC 792) and ICMPv6 (RFC 4443): both begin with type and code.
 *
 *  0       1       2
 * +-------+-------+---- - -
 * | type  | code  | checksum
 * +-------+-------+---- - -
 */
export const PROTOCOL_ICMPV4 = 1;
export const PROTOCOL_ICMPV6 = 58;

export function checkIcmp(offset: number, end: number): boolean {
  return end - offset >= 2;
}

/** icmpTypeCodeIPv4 and icmpTypeCodeIPv6: type × 256 + code. */
export function icmpTypeCode(view: DataView, offset: number): number {
  return view.getUint16(offset);
}
