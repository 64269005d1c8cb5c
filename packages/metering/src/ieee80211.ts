/**
 * IEEE 802.11 data frames (clause 9.3.2.1) and the radiotap header that captures put before them.
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

/** Where the LLC header of an unencrypted data frame begins; -1 for every other frame. */
export function ieee80211PayloadOffset(view: DataView, offset: number, end: number): number {
  if (end - offset < 24) return -1;
  const control = view.getUint8(offset);
  const flags = view.getUint8(offset + 1);
  const subtype = control >> 4;
  if (((control >> 2) & 3) !== TYPE_DATA || (subtype & SUBTYPE_NO_DATA) !== 0) return -1;
  if ((flags & FLAG_PROTECTED) !== 0) return -1;
  let at = offset + 24;
  if ((flags & FLAG_TO_AND_FROM) === FLAG_TO_AND_FROM) at += 6;
  if ((subtype & SUBTYPE_QOS) === 0) return at;
  return at + ((flags & FLAG_ORDER) === 0 ? 2 : 6);
}

/** The octets of the radiotap header (version, pad, little-endian length), or -1 when it is not whole. */
export function radiotapOctets(view: DataView, offset: number, end: number): number {
  if (end - offset < 8) return -1;
  const length = view.getUint16(offset + 2, true);
  return length >= 8 && length <= end - offset ? length : -1;
}
