/**
 * The PPPoE session header, RFC 2516 section 4; a PPP frame follows.
 *
 *  0       1       2               4               6
 * +-------+-------+---------------+---------------+---- - -
 * |ver/typ| code 0|  session id   |    length     |  PPP
 * +-------+-------+---------------+---------------+---- - -
 */
export const ETHERTYPE_PPPOE_SESSION = 0x8864;
export const PPPOE_HEADER_OCTETS = 6;

export function checkPppoe(offset: number, end: number): boolean {
  return end - offset >= PPPOE_HEADER_OCTETS;
}
