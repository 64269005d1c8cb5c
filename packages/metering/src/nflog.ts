/**
 * LINKTYPE_NFLOG: what a firewall's NFLOG rule delivered. A header, then TLVs in the byte order of the
 * machine that captured, each padded to 4 octets.
 *
 *  0       1       2               4
 * +-------+-------+---------------+---- - -      +---------------+---------------+---- - -
 * |family |version|  resource id  |  TLVs        | length (LE)   |  type (LE)    |  value
 * +-------+-------+---------------+---- - -      +---------------+---------------+---- - -
 */
const HEADER_OCTETS = 4;
const TLV_HEADER_OCTETS = 4;
/** NFULA_PAYLOAD: the packet from its IP header on. */
const TLV_PAYLOAD = 9;
/** NFULNL has 20 attribute types; twice that is no packet of a kernel. */
const TLVS_MAX = 40;

/** Where the IP packet begins, or -1 when there is none. */
export function nflogPayloadOffset(view: DataView, offset: number, end: number): number {
  let at = offset + HEADER_OCTETS;
  for (let count = 0; count < TLVS_MAX && end - at >= TLV_HEADER_OCTETS; count += 1) {
    const length = view.getUint16(at, true);
    if (length < TLV_HEADER_OCTETS) return -1;
    if ((view.getUint16(at + 2, true) & 0x7fff) === TLV_PAYLOAD) return at + TLV_HEADER_OCTETS;
    at += (length + 3) & ~3;
  }
  return -1;
}
