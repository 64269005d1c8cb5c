/**
 * What stands between the MAC addresses and the payload: IEEE 802.1Q and 802.1ad tags (any depth), and the
 * two- and four-octet extras that bridges put in the same place.
 *
 *  0       2       4
 * +-------+-------+---- - -
 * |PCP/VID| type  |  the EtherType before it was the tag's
 * +-------+-------+---- - -
 */
export const VLAN_TAG_OCTETS = 4;

/** 802.1Q, 802.1ad, and the pre-standard QinQ types 0x9100 and 0x9200. */
export function isVlanTagType(etherType: number): boolean {
  return etherType === 0x8100 || etherType === 0x88a8 || etherType === 0x9100 || etherType === 0x9200;
}

export function checkVlanTag(offset: number, end: number): boolean {
  return end - offset >= VLAN_TAG_OCTETS;
}

/** The VLAN identifier, 0 … 4095; 0 marks a frame that has a priority and no VLAN. */
export function vlanIdentifier(view: DataView, offset: number): number {
  return view.getUint16(offset) & 0x0fff;
}

export function vlanInnerType(view: DataView, offset: number): number {
  return view.getUint16(offset + 2);
}
