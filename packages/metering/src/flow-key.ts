/**
 * The key of a flow, which a packet's row (packet-burst.ts) and a record of the cache (flow-record.ts) have: the
 * words KEY_SOURCE to KEY_INTERFACE in the same places, the prefixes of IPv6 addresses in places of their own.
 *
 * Hot file: typed-array reads are asserted (`!`); a slot is one of the table's, a row one of the burst's. There
 * are no loops over the words of a key, which V8 would unroll: that takes it longer than the rest of the
 * compilation. Constants are taken out of their modules at the top, see flow-cache.ts.
 */
import * as record from './flow-record.ts';
import * as packet from './packet-burst.ts';
import * as table from './slot-table.ts';

const { RECORD_WORDS, SLOT_MASK, WORD_SOURCE_PREFIX } = record;
const { KEY_DESTINATION, KEY_INTERFACE, KEY_KIND, KEY_PORTS, KEY_SOURCE, KEY_SOURCE_PREFIX } = packet;
const { KIND_IPV6, PACKET_HASH } = packet;
const { EMPTY_SLOT } = table;

/** ::ffff:0:0/96 twice: what stands before IPv4 addresses in a record (RFC 4291 section 2.5.5.2). */
const IPV4_MAPPED_PREFIXES = Int32Array.of(0, 0, 0xffff, 0, 0, 0xffff);

/**
 * The slot of the record in `words` that has the key of the packet in `row` of `packets`, whose hash is there;
 * EMPTY_SLOT: there is none. `pairs` and `mask` are those of a SlotTable.
 */
export function findSlot(
  pairs: Int32Array,
  mask: number,
  words: Int32Array,
  packets: Int32Array,
  row: number,
): number {
  const hash = packets[row + PACKET_HASH]!;
  for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
    const slot = pairs[at | 1]!;
    if (slot === EMPTY_SLOT) return EMPTY_SLOT;
    if (pairs[at] === hash && hasKey(words, (slot & SLOT_MASK) * RECORD_WORDS, packets, row)) return slot;
  }
}

function hasKey(words: Int32Array, base: number, packets: Int32Array, row: number): boolean {
  const kind = packets[row + KEY_KIND]!;
  if (
    words[base + KEY_SOURCE] !== packets[row + KEY_SOURCE] ||
    words[base + KEY_DESTINATION] !== packets[row + KEY_DESTINATION] ||
    words[base + KEY_PORTS] !== packets[row + KEY_PORTS] ||
    words[base + KEY_KIND] !== kind ||
    words[base + KEY_INTERFACE] !== packets[row + KEY_INTERFACE]
  ) {
    return false;
  }
  return (
    (kind & KIND_IPV6) === 0 ||
    hasPrefixes(words, base + WORD_SOURCE_PREFIX, packets, row + KEY_SOURCE_PREFIX)
  );
}

function hasPrefixes(words: Int32Array, at: number, packets: Int32Array, from: number): boolean {
  return (
    words[at] === packets[from] &&
    words[at + 1] === packets[from + 1] &&
    words[at + 2] === packets[from + 2] &&
    words[at + 3] === packets[from + 3] &&
    words[at + 4] === packets[from + 4] &&
    words[at + 5] === packets[from + 5]
  );
}

/** Writes the key of the packet in `row` into the record at `base`; an IPv4 key with its mapped prefixes. */
export function copyKey(words: Int32Array, base: number, packets: Int32Array, row: number): void {
  const kind = packets[row + KEY_KIND]!;
  words[base + KEY_SOURCE] = packets[row + KEY_SOURCE]!;
  words[base + KEY_DESTINATION] = packets[row + KEY_DESTINATION]!;
  words[base + KEY_PORTS] = packets[row + KEY_PORTS]!;
  words[base + KEY_KIND] = kind;
  words[base + KEY_INTERFACE] = packets[row + KEY_INTERFACE]!;
  if ((kind & KIND_IPV6) !== 0)
    copyPrefixes(words, base + WORD_SOURCE_PREFIX, packets, row + KEY_SOURCE_PREFIX);
  else copyPrefixes(words, base + WORD_SOURCE_PREFIX, IPV4_MAPPED_PREFIXES, 0);
}

function copyPrefixes(words: Int32Array, at: number, packets: Int32Array, from: number): void {
  words[at] = packets[from]!;
  words[at + 1] = packets[from + 1]!;
  words[at + 2] = packets[from + 2]!;
  words[at + 3] = packets[from + 3]!;
  words[at + 4] = packets[from + 4]!;
  words[at + 5] = packets[from + 5]!;
}
