/**
 * Token Ring, IEEE 802.5 section 3.2: a source address with bit 0 set says that a route stands behind it.
 *
 *  0       1       2                   8                   14
 * +-------+-------+-------------------+-------------------+------- - - -+---- - -
 * |access | frame |  destination MAC  |    source MAC     | route       | LLC
 * +-------+-------+-------------------+-------------------+------- - - -+---- - -
 */
const HEADER_OCTETS = 14;
const SOURCE_HAS_ROUTE = 0x80;
const ROUTE_LENGTH_MASK = 0x1f;
const FRAME_TYPE_MASK = 0xc0;
const FRAME_TYPE_LLC = 0x40;

/** Whether a whole header lies between `offset` and `end`. */
export function checkTokenRing(offset: number, end: number): boolean {
  return end - offset > HEADER_OCTETS;
}

/** Where the LLC header is; -1 for frames that the ring sends to itself. */
export function tokenRingPayloadOffset(view: DataView, offset: number): number {
  if ((view.getUint8(offset + 1) & FRAME_TYPE_MASK) !== FRAME_TYPE_LLC) return -1;
  const hasRoute = (view.getUint8(offset + 8) & SOURCE_HAS_ROUTE) !== 0;
  const at = offset + HEADER_OCTETS;
  return hasRoute ? at + (view.getUint8(at) & ROUTE_LENGTH_MASK) : at;
}
