/**
 * Ethernet II and IEEE 802.3 frames.
 *
 *  0                   6                   12      14
 * +-------------------+-------------------+-------+---------------- - -
 * |  destination MAC  |    source MAC     | type  |  payload
 * +-------------------+-------------------+-------+---------------- - -
 *
 * A type below 1536 is the length of an 802.3 payload, which begins with an LLC header (IEEE 802.3 clause
 * 3.2.6).
 */
export const ETHERNET_HEADER_OCTETS = 14;
/** Shorter payloads are padded (IEEE 802.3 clause 4.2.3.3). */
export const ETHERNET_PAYLOAD_OCTETS_MIN = 46;
/** The smallest value that is an EtherType; smaller ones are lengths. */
export const ETHERTYPE_MIN = 0x0600;

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;
/** Transparent Ethernet bridging: a whole frame. */
export const ETHERTYPE_ETHERNET = 0x6558;

/** Whether a whole header lies between `offset` and `end`. */
export function checkEthernet(offset: number, end: number): boolean {
  return end - offset >= ETHERNET_HEADER_OCTETS;
}

export function ethernetType(view: DataView, offset: number): number {
  return view.getUint16(offset + 12);
}
