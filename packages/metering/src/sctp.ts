/**
 * The SCTP common header, RFC 9260 section 3.1.
 *
 *  0               2               4               8              12
 * +---------------+---------------+---------------+---------------+---- - -
 * |  source port  |   dest. port  | verification  |    CRC32c     |
 * +---------------+---------------+---------------+---------------+---- - -
 */
export const PROTOCOL_SCTP = 132;

/** Whether the common header is whole. */
export function checkSctp(offset: number, end: number): boolean {
  return end - offset >= 12;
}

/** Both ports in one signed word, source in the high half. */
export function sctpPorts(view: DataView, offset: number): number {
  return view.getInt32(offset);
}

const COMMON_HEADER_OCTETS = 12;
const CHUNK_DATA = 0;
const DATA_HEADER_OCTETS = 16;
/** Flags of a DATA chunk: it begins a user message, it ends one. */
const DATA_BEGINS = 2;
const DATA_ENDS = 1;

/** One DATA chunk, RFC 9260 section 3.3.1. */
export interface SctpData {
  /** Transmission Sequence Number: one more for each chunk of a direction. */
  readonly tsn: number;
  readonly begins: boolean;
  readonly ends: boolean;
  readonly data: Uint8Array;
}

/**
 * The DATA chunks of the packet that `packet` is, as far as they are whole; padding belongs to no chunk.
 *
 *  0       1       2               4               8       10      12              16
 * +-------+-------+---------------+---------------+-------+-------+---------------+---- - -
 * |type 0 | flags |    length     |      TSN      |stream |  seq  |  protocol id  | data, padded to 4
 * +-------+-------+---------------+---------------+-------+-------+---------------+---- - -
 */
export function* sctpData(packet: Uint8Array): Generator<SctpData> {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let at = COMMON_HEADER_OCTETS;
  while (packet.length - at >= 4) {
    const length = view.getUint16(at + 2);
    if (length < 4 || length > packet.length - at) return;
    if (view.getUint8(at) === CHUNK_DATA && length > DATA_HEADER_OCTETS) {
      const flags = view.getUint8(at + 1);
      yield {
        tsn: view.getUint32(at + 4),
        begins: (flags & DATA_BEGINS) !== 0,
        ends: (flags & DATA_ENDS) !== 0,
        data: packet.subarray(at + DATA_HEADER_OCTETS, at + length),
      };
    }
    at += (length + 3) & ~3;
  }
}
