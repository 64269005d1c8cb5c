/**
 * PPP in HDLC-like framing, RFC 1662 section 3.1, and Cisco HDLC, which shares its place on serial lines.
 *
 *  0       1       2               4
 * +-------+-------+---------------+---- - -   PPP: FF 03 (may be left out), protocol (one octet when odd)
 * |address|control|   protocol    |           Cisco HDLC: 0F or 8F, 00, EtherType
 * +-------+-------+---------------+---- - -
 */
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';

/** What a PPP or Cisco HDLC header leads to; one object, reused. */
export interface PppPayload {
  /** An EtherType, or 0 for a protocol that carries no IP. */
  etherType: number;
  offset: number;
}

/** Reads the header at `offset`. False when it does not lie before `end`. */
export function readPpp(view: DataView, offset: number, end: number, payload: PppPayload): boolean {
  if (end - offset < 4) return false;
  const first = view.getUint8(offset);
  if ((first === 0x0f || first === 0x8f) && view.getUint8(offset + 1) === 0) {
    payload.etherType = view.getUint16(offset + 2);
    payload.offset = offset + 4;
    return true;
  }
  const at = first === 0xff && view.getUint8(offset + 1) === 0x03 ? offset + 2 : offset;
  const isCompressed = (view.getUint8(at) & 1) === 1;
  payload.etherType = etherTypeOfPpp(isCompressed ? view.getUint8(at) : view.getUint16(at));
  payload.offset = at + (isCompressed ? 1 : 2);
  return true;
}

function etherTypeOfPpp(protocol: number): number {
  switch (protocol) {
    case 0x0021:
      return ETHERTYPE_IPV4;
    case 0x0057:
      return ETHERTYPE_IPV6;
    case 0x0281:
      return 0x8847;
    case 0x0283:
      return 0x8848;
    default:
      return 0;
  }
}
