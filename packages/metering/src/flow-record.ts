/**
 * The layout of a flow in the cache's slab: 32 words of 32 bits, 128 octets, two cache lines. Words 0–15 are what
 * every packet reads (the key) and writes (the time of the last packet, the octets).
 *
 *  0               4               8     9    10    11    12        14
 * +---------------+---------------+-----+----+-----+-----+---------+---------+
 * | source        | destination   |ports|kind| if  |hash | last    | octets  |
 * +---------------+---------------+-----+----+-----+-----+---------+---------+
 *  16        18        20        22        24    25    26        28        30
 * +---------+---------+---------+---------+-----+-----+---------+---------+---------+
 * | packets | first   | active  | start   |bits |ttl  | src MAC | dst MAC | unused  |
 * +---------+---------+---------+---------+-----+-----+---------+---------+---------+
 *
 * Words 0–10 are the key as in packet-header.ts. `last`, `octets`, `packets`, `first`, `active` and `start` are
 * doubles (times in ms, exact counts up to 2^53). `first`, `last` and the counters belong to the record that is
 * being filled; `start` is the flow's first packet, `active` when its current record was begun.
 */
export const RECORD_WORDS = 32;
export const RECORD_DOUBLES = RECORD_WORDS / 2;
export const RECORD_OCTETS = RECORD_WORDS * 4;

export const WORD_HASH = 11;
/** tcpControlBits in bits 0–15; RECORD_ENDED. */
export const WORD_BITS = 24;
/** Bits 0–7 the smallest TTL, 8–15 the largest, 16–23 the type of service of the first packet. */
export const WORD_TTL = 25;
/** The high 16 bits, then the low 32 bits of a MAC address. */
export const WORD_SOURCE_MAC = 26;
export const WORD_DESTINATION_MAC = 28;

export const DOUBLE_LAST = 6;
export const DOUBLE_OCTETS = 7;
export const DOUBLE_PACKETS = 8;
export const DOUBLE_FIRST = 9;
export const DOUBLE_ACTIVE = 10;
export const DOUBLE_START = 11;

export const BITS_TCP = 0xffff;
/** A FIN or RST was seen: the flow lingers and then ends. */
export const RECORD_ENDED = 1 << 16;
/** The link had a source MAC address. */
export const RECORD_HAS_SOURCE_MAC = 1 << 17;
export const RECORD_HAS_DESTINATION_MAC = 1 << 18;

/** flowEndReason, element 136. */
export const END_REASON_IDLE = 1;
export const END_REASON_ACTIVE = 2;
export const END_REASON_END_OF_FLOW = 3;
export const END_REASON_FORCED = 4;
export const END_REASON_LACK_OF_RESOURCES = 5;
