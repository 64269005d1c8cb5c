/**
 * Frame Relay: an address of two to four octets (Q.922, the last has bit 0 set), then what RFC 2427 or Cisco
 * puts there.
 *
 *  0       2       3       4
 * +-------+-------+-------+---- - -     +-------+---------------+---- - -
 * |address| UI 03 | NLPID |             |address|   EtherType   |      Cisco
 * +-------+-------+-------+---- - -     +-------+---------------+---- - -
 */
const ADDRESS_OCTETS_MAX = 4;
const CONTROL_UNNUMBERED = 0x03;

/** Where the octets behind the address begin; -1 when it does not end before `end`. */
export function frameRelayPayloadOffset(view: DataView, offset: number, end: number): number {
  for (let at = offset; at < end && at < offset + ADDRESS_OCTETS_MAX; at += 1) {
    if ((view.getUint8(at) & 1) === 1) return at + 1;
  }
  return -1;
}

/** Whether an NLPID comes, behind the control octet at `at`. */
export function hasFrameRelayControl(view: DataView, at: number): boolean {
  return view.getUint8(at) === CONTROL_UNNUMBERED;
}

/** Where the NLPID is: one octet of padding may stand before it (RFC 2427 section 3). */
export function frameRelayNlpidOffset(view: DataView, at: number, end: number): number {
  return end - at >= 2 && view.getUint8(at + 1) === 0 ? at + 2 : at + 1;
}
