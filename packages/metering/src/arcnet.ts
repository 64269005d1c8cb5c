/**
 * ARCNET with RFC 1201 (a header for fragments) and RFC 1051 (none).
 *
 *  0       1       2               4       5       6
 * +-------+-------+---------------+-------+-------+---------------+---- - -
 * |source |  dest |offset (Linux) | type  | split |   sequence    |  packet
 * +-------+-------+---------------+-------+-------+---------------+---- - -
 */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';
import type { PppPayload } from './ppp.ts';

const TYPE_IPV4_RFC1051 = 0xf0;
const TYPE_IPV4 = 0xd4;
const TYPE_IPV6 = 0xc4;
const SPLIT_HEADER_OCTETS = 3;

/** Reads the header at `offset`, with the two octets that Linux adds or without. False when it is cut off. */
export function readArcnet(
  view: DataView,
  offset: number,
  end: number,
  isLinux: boolean,
  payload: PppPayload,
): boolean {
  const at = offset + (isLinux ? 4 : 2);
  if (end - at < 1 + SPLIT_HEADER_OCTETS) return false;
  const type = view.getUint8(at);
  const isPlain = type === TYPE_IPV4_RFC1051;
  const split = view.getUint8(at + 1);
  // 0: whole; odd: the first of several; even: a later one.
  const hasStart = isPlain || split === 0 || (split & 1) === 1;
  payload.offset = at + 1 + (isPlain ? 0 : SPLIT_HEADER_OCTETS);
  payload.etherType = hasStart ? etherTypeOf(type) : 0;
  return true;
}

function etherTypeOf(type: number): number {
  if (type === TYPE_IPV4 || type === TYPE_IPV4_RFC1051) return ETHERTYPE_IPV4;
  return type === TYPE_IPV6 ? ETHERTYPE_IPV6 : 0;
}
