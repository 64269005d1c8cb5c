/**
 * The layout of a drop record: 26 words, 104 octets. Words 0 to 21 are those of a flow record
 * (flow-record.ts), so that its flowId is computed in the same way; then
 *
 *  22              23              24
 * +---------------+---------------+---------+
 * |other interface| cause         | begun   |
 * +---------------+---------------+---------+
 *
 * The other interface is where a forwarded frame would have gone out. `begun` is when the record was begun
 * by the ledger's clock, a double, as are the times and counters of the words before.
 *
 * An aggregate has protocol 0 and, in the place of ports, what it is an aggregate of: the length of the
 * peer's prefix in bits 0–7 and DROP_OVERFLOW.
 */
export const DROP_WORDS = 26;
export const DROP_DOUBLES = DROP_WORDS / 2;
export const DROP_OCTETS = DROP_WORDS * 4;

export const DROP_WORD_OTHER_INTERFACE = 22;
/** The reason in bits 16–23, the rule's number (drop-rule-names.ts) in bits 0–15. */
export const DROP_WORD_CAUSE = 23;
export const CAUSE_REASON_SHIFT = 16;
export const CAUSE_RULE_MASK = 0xffff;
export const DROP_DOUBLE_BEGUN = 12;

/** A record of its own was not to be had for these frames. */
export const DROP_OVERFLOW = 1 << 8;
