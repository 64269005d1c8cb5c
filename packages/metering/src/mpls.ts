/**
 * An MPLS label stack, RFC 3032 section 2.1. Nothing in it names the payload: its first four bits do
 * (4 and 6 are IP; 0 the control word of an Ethernet pseudowire, RFC 4385 section 3).
 *
 *  0                      20    23 24      31
 * +----------------------+-----+-+--------+
 * |        label         | TC  |S|  TTL   |
 * +----------------------+-----+-+--------+
 */
export const MPLS_ENTRY_OCTETS = 4;
/** Deeper stacks are not built; the limit keeps a packet of zeros from being walked to its end. */
const LABELS_MAX = 16;

export function isMplsType(etherType: number): boolean {
  return etherType === 0x8847 || etherType === 0x8848;
}

/** Where the payload after the bottom of the stack begins, or -1 when there is no whole stack. */
export function mplsPayloadOffset(view: DataView, offset: number, end: number): number {
  for (let count = 0; count < LABELS_MAX; count += 1) {
    if (end - offset < MPLS_ENTRY_OCTETS) return -1;
    const isBottom = (view.getUint8(offset + 2) & 1) === 1;
    offset += MPLS_ENTRY_OCTETS;
    if (isBottom) return offset;
  }
  return -1;
}
