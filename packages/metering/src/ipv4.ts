/**
 * The IPv4 header, RFC 791 section 3.1.
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------+-------+---------------+-------------------------------+
 * |Version|  IHL  |Type of Service|          Total Length         |
 * +-------+-------+---------------+-----+-------------------------+
 * |         Identification        |Flags|     Fragment Offset     |
 * +---------------+---------------+-----+-------------------------+
 * |  Time to Live |    Protocol   |        Header Checksum        |
 * +---------------+---------------+-------------------------------+
 * |                       Source Address                          |
 * +---------------------------------------------------------------+
 * |                    Destination Address                        |
 * +---------------------------------------------------------------+
 *
 * The accessors need the yes of `hasWholeIpv4Header`; they mean something after that of `checkIpv4`.
 */
export const IPV4_HEADER_OCTETS_MIN = 20;

/**
 * Whether the octets from `offset` to `end` hold the fixed part and the options, as far as the length says.
 */
export function hasWholeIpv4Header(view: DataView, offset: number, end: number): boolean {
  return end - offset >= IPV4_HEADER_OCTETS_MIN && end - offset >= ipv4HeaderOctets(view, offset);
}

/**
 * Whether a whole header makes sense: version 4, a length of at least 20 octets and a total length that is 0
 * (left to the network card) or covers the header. The checksum is not looked at: outgoing packets are
 * captured before the card has computed it.
 */
export function checkIpv4(view: DataView, offset: number): boolean {
  const first = view.getUint8(offset);
  if (first < 0x45 || first > 0x4f) return false;
  const totalLength = view.getUint16(offset + 2);
  return totalLength === 0 || totalLength >= (first & 0x0f) * 4;
}

export function ipv4HeaderOctets(view: DataView, offset: number): number {
  return (view.getUint8(offset) & 0x0f) * 4;
}

export function ipv4TypeOfService(view: DataView, offset: number): number {
  return view.getUint8(offset + 1);
}

/** Octets of header and payload; 0 in packets that segmentation offload will cut up. */
export function ipv4TotalLength(view: DataView, offset: number): number {
  return view.getUint16(offset + 2);
}

/** The fragment's place in units of 8 octets; 0 for a first or only fragment. */
export function ipv4FragmentOffset(view: DataView, offset: number): number {
  return view.getUint16(offset + 6) & 0x1fff;
}

export function ipv4TimeToLive(view: DataView, offset: number): number {
  return view.getUint8(offset + 8);
}

export function ipv4Protocol(view: DataView, offset: number): number {
  return view.getUint8(offset + 9);
}

/** As a signed 32-bit word, most significant octet first. */
export function ipv4SourceAddress(view: DataView, offset: number): number {
  return view.getInt32(offset + 12);
}

/** As a signed 32-bit word, most significant octet first. */
export function ipv4DestinationAddress(view: DataView, offset: number): number {
  return view.getInt32(offset + 16);
}
