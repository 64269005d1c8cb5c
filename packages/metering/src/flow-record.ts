/**
 * The layout of a flow in the cache's slab: 32 words of 32 bits, 128 octets. The first 64 are all that a
 * packet of IPv4 reads and writes, so it costs one cache line; IPv6 compares six words of the second line as
 * well.
 *
 *  0       1       2     3    4    5     6     7     8         10        12        14
 * +-------+-------+-----+----+----+-----+-----+-----+---------+---------+---------+---------+
 * |source |destin.|ports|kind| if |bits | ttl |hash | last    | octets  | packets | first   |
 * +-------+-------+-----+----+----+-----+-----+-----+---------+---------+---------+---------+
 *  16              19              22                25   26        28
 * +---------------+---------------+-----------------+----+---------+-------------------+
 * | source prefix | dest. prefix  | MAC addresses   | -  | active  | observer's        |
 * +---------------+---------------+-----------------+----+---------+-------------------+
 *
 * Words 0–4 and 16–21 are the key (packet-burst.ts). `last`, `octets`, `packets`, `first` and `active`
 * are doubles (times in ms, exact counts up to 2^53). `first`, `last` and the counters belong to the record
 * that is being filled; `active` is when that was begun. Words 28–31
 * belong to the cache's FlowObserver, who sets them when a flow begins.
 */
export const RECORD_WORDS = 32;
export const RECORD_DOUBLES = RECORD_WORDS / 2;
export const RECORD_OCTETS = RECORD_WORDS * 4;

/**
 * Slots are below 2^24: 16 Mi flows × 128 octets are the 2 GiB that a typed array may have. Hot code masks a slot
 * with it, which tells V8 that the place of a record and all that is added to it are small integers: each
 * addition would else be checked for an overflow.
 */
export const SLOT_MASK = 0xff_ffff;

/** tcpControlBits in bits 0–15; RECORD_ENDED; LINK_HAS_… of packet-burst.ts. */
export const WORD_BITS = 5;
/** Bits 0–7 the smallest TTL, 8–15 the largest, 16–23 the type of service of the first packet. */
export const WORD_TTL = 6;
export const WORD_HASH = 7;
/** Words 5–7 and 8–10 of the key of an IPv6 flow; for IPv4 the prefix of IPv4-mapped addresses. */
export const WORD_SOURCE_PREFIX = 16;
export const WORD_DESTINATION_PREFIX = 19;
/** As in a packet's row: destination first. */
export const WORD_MACS = 22;

export const WORD_OBSERVER = 28;

export const DOUBLE_LAST = 4;
export const DOUBLE_OCTETS = 5;
export const DOUBLE_PACKETS = 6;
export const DOUBLE_FIRST = 7;
export const DOUBLE_ACTIVE = 13;

export const BITS_TCP = 0xffff;
/** A FIN or RST was seen: the flow lingers and then ends. */
export const RECORD_ENDED = 1 << 16;

/** flowEndReason, element 136. */
export const END_REASON_IDLE = 1;
export const END_REASON_ACTIVE = 2;
export const END_REASON_END_OF_FLOW = 3;
export const END_REASON_FORCED = 4;
export const END_REASON_LACK_OF_RESOURCES = 5;
