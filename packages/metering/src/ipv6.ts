/**
 * The IPv6 header, RFC 8200 section 3, and the walk over its extension headers, section 4.
 *
 *  0                   1                   2                   3
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 * +-------+---------------+---------------------------------------+
 * |Version| Traffic Class |           Flow Label                  |
 * +-------+---------------+-------+---------------+---------------+
 * |         Payload Length        |  Next Header  |   Hop Limit   |
 * +-------------------------------+---------------+---------------+
 * |                 Source Address (16 octets)                    |
 * +---------------------------------------------------------------+
 * |               Destination Address (16 octets)                 |
 * +---------------------------------------------------------------+
 */
export const IPV6_HEADER_OCTETS = 40;

export const PROTOCOL_HOP_BY_HOP = 0;
export const PROTOCOL_ROUTING = 43;
export const PROTOCOL_FRAGMENT = 44;
export const PROTOCOL_DESTINATION_OPTIONS = 60;

/** RFC 8200 section 4.1 foresees seven; a longer chain is an attack on whoever walks it. */
export const EXTENSION_HEADERS_MAX = 16;

/** Whether a whole header of version 6 lies between `offset` and `end`. The other functions need its yes. */
export function checkIpv6(view: DataView, offset: number, end: number): boolean {
  return end - offset >= IPV6_HEADER_OCTETS && view.getUint8(offset) >> 4 === 6;
}

export function ipv6TrafficClass(view: DataView, offset: number): number {
  return (view.getUint16(offset) >> 4) & 0xff;
}

/** Octets after the header; 0 in jumbograms and in packets that segmentation offload will cut up. */
export function ipv6PayloadLength(view: DataView, offset: number): number {
  return view.getUint16(offset + 4);
}

export function ipv6NextHeader(view: DataView, offset: number): number {
  return view.getUint8(offset + 6);
}

export function ipv6HopLimit(view: DataView, offset: number): number {
  return view.getUint8(offset + 7);
}

/** One of the four words of the source address, most significant first, signed. */
export function ipv6SourceWord(view: DataView, offset: number, index: number): number {
  return view.getInt32(offset + 8 + index * 4);
}

/** One of the four words of the destination address, most significant first, signed. */
export function ipv6DestinationWord(view: DataView, offset: number, index: number): number {
  return view.getInt32(offset + 24 + index * 4);
}

/**
 * Whether `protocol` is an extension header that the walk steps over (AH and ESP are payloads to a meter).
 */
export function isIpv6ExtensionHeader(protocol: number): boolean {
  return (
    protocol === PROTOCOL_HOP_BY_HOP ||
    protocol === PROTOCOL_ROUTING ||
    protocol === PROTOCOL_FRAGMENT ||
    protocol === PROTOCOL_DESTINATION_OPTIONS
  );
}

/** What the walk found; one object, reused for every packet. */
export interface Ipv6Payload {
  /** The upper-layer protocol, or the last one that the captured octets name. */
  protocol: number;
  /** Where that protocol's header begins. */
  offset: number;
  /** The packet is a fragment other than the first: there is no transport header in it. */
  isLaterFragment: boolean;
  /** The chain was cut off by the snapshot length, or longer than EXTENSION_HEADERS_MAX. */
  isCutShort: boolean;
}

/**
 * Walks from the header at `offset` to the upper-layer protocol. Never reads at or past `end`.
 *
 *  0               1               2
 * +---------------+---------------+-------- - -     fragment:  +----+----+---------+---+----------------+
 * |  Next Header  | 8-octet units |  options                   |next| 0  | offset  |M  | identification |
 * +---------------+---------------+-------- - -                +----+----+---------+---+----------------+
 */
export function walkIpv6(view: DataView, offset: number, end: number, payload: Ipv6Payload): void {
  payload.protocol = ipv6NextHeader(view, offset);
  payload.offset = offset + IPV6_HEADER_OCTETS;
  payload.isLaterFragment = false;
  payload.isCutShort = false;
  for (let count = 0; isIpv6ExtensionHeader(payload.protocol); count += 1) {
    if (payload.isLaterFragment) return;
    const at = payload.offset;
    if (end - at < 8 || count === EXTENSION_HEADERS_MAX) {
      payload.isCutShort = true;
      // Options and routes name what follows them in their first octet, however much of them is there.
      const isNamed = end > at && count < EXTENSION_HEADERS_MAX && payload.protocol !== PROTOCOL_FRAGMENT;
      if (isNamed) payload.protocol = view.getUint8(at);
      return;
    }
    const isFragment = payload.protocol === PROTOCOL_FRAGMENT;
    if (isFragment) payload.isLaterFragment = view.getUint16(at + 2) >> 3 !== 0;
    payload.protocol = view.getUint8(at);
    payload.offset = at + (isFragment ? 8 : (view.getUint8(at + 1) + 1) * 8);
  }
}
