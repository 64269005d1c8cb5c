/**
 * The MACsec SecTAG, IEEE 802.1AE clause 9. Only a frame that is protected but not encrypted shows what it
 * carries.
 *
 *  0       1       2                               6               (14)    +2
 * +-------+-------+-------------------------------+--------- - - -+-------+---- - -     -+-------+
 * |TCI, AN| short |         packet number         | SCI, if it is | type  |  payload     |  ICV  |
 * +-------+-------+-------------------------------+--------- - - -+-------+---- - -     -+-------+
 */
export const ETHERTYPE_MACSEC = 0x88e5;

const TAG_OCTETS = 6;
const SCI_OCTETS = 8;
const TCI_HAS_SCI = 0x20;
/** E: encrypted; C: changed text. */
const TCI_ENCRYPTED = 0x08;
const TCI_CHANGED = 0x04;

/** Where the type of the payload stands; -1 for an encrypted frame and for one cut off before it. */
export function macsecTypeOffset(view: DataView, offset: number, end: number): number {
  if (end - offset < TAG_OCTETS) return -1;
  const tci = view.getUint8(offset);
  if ((tci & (TCI_ENCRYPTED | TCI_CHANGED)) !== 0) return -1;
  const at = offset + TAG_OCTETS + ((tci & TCI_HAS_SCI) === 0 ? 0 : SCI_OCTETS);
  return end - at >= 2 ? at : -1;
}
