/**
 * IEEE 802.11 data frames (clause 9.3.2.1).
 *
 *  0       2       4        10       16       22      24        (30)     (2)    (4)
 * +-------+-------+--------+--------+--------+-------+---- - - +------+ +------+---- - -
 * |control| dur.  | addr 1 | addr 2 | addr 3 |  seq  | addr 4    QoS      HT    | LLC
 * +-------+-------+--------+--------+--------+-------+---- - - +------+ +------+---- - -
 */
const TYPE_DATA = 2;
const SUBTYPE_QOS = 0x8;
const SUBTYPE_NO_DATA = 0x4;
const FLAG_TO_AND_FROM = 0x03;
const FLAG_PROTECTED = 0x40;
const FLAG_ORDER = 0x80;
/** The frame holds several (an A-MSDU); the first of them counts. */
const QOS_AGGREGATE = 0x80;
/** Destination, source, length. */
const SUBFRAME_HEADER_OCTETS = 14;

/** Where the LLC header of an unencrypted data frame begins; -1 for every other frame. */
export function ieee80211PayloadOffset(
  view: DataView,
  offset: number,
  end: number,
  isPadded: boolean,
): number {
  if (end - offset < 24) return -1;
  const control = view.getUint8(offset);
  const flags = view.getUint8(offset + 1);
  const subtype = control >> 4;
  if (((control >> 2) & 3) !== TYPE_DATA || (subtype & SUBTYPE_NO_DATA) !== 0) return -1;
  if ((flags & FLAG_PROTECTED) !== 0) return -1;
  let octets = (flags & FLAG_TO_AND_FROM) === FLAG_TO_AND_FROM ? 30 : 24;
  if ((subtype & SUBTYPE_QOS) === 0) return offset + align(octets, isPadded);
  const isAggregate = octets + 2 <= end - offset && (view.getUint8(offset + octets) & QOS_AGGREGATE) !== 0;
  octets = align(octets + ((flags & FLAG_ORDER) === 0 ? 2 : 6), isPadded);
  return offset + octets + (isAggregate ? SUBFRAME_HEADER_OCTETS : 0);
}

function align(octets: number, isPadded: boolean): number {
  return isPadded ? (octets + 3) & ~3 : octets;
}
