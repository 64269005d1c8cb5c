/**
 * PPP in HDLC-like framing, RFC 1662 section 3.1, and Cisco HDLC, which shares its place on serial lines.
 *
 *  0       1       2               4
 * +-------+-------+---------------+---- - -   PPP: FF 03 (may be left out), protocol (one octet when odd)
 * |address|control|   protocol    |           Cisco HDLC: 0F or 8F, 00, EtherType
 * +-------+-------+---------------+---- - -
 */
import { ETHERTYPE_ETHERNET, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';

const PROTOCOL_BRIDGING = 0x0031;
const PROTOCOL_MULTILINK = 0x003d;
const BRIDGED_ETHERNET = 1;
const BRIDGED_HAS_LAN = 0x40;
/** The fragment begins a packet, and ends it. */
const MULTILINK_WHOLE = 0xc0;

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
  const protocol = readProtocol(view, at, payload);
  if (protocol === PROTOCOL_BRIDGING) return readBridged(view, end, payload);
  if (protocol === PROTOCOL_MULTILINK) return readMultilink(view, end, payload);
  payload.etherType = etherTypeOfPpp(protocol);
  return true;
}

/** The protocol at `at`, one octet when odd; sets where its packet begins. */
function readProtocol(view: DataView, at: number, payload: PppPayload): number {
  const isCompressed = (view.getUint8(at) & 1) === 1;
  payload.offset = at + (isCompressed ? 1 : 2);
  return isCompressed ? view.getUint8(at) : view.getUint16(at);
}

/** RFC 3518 section 4.1: flags, MAC type (1 is Ethernet), the number of a LAN where the flags say so, a frame. */
function readBridged(view: DataView, end: number, payload: PppPayload): boolean {
  const at = payload.offset;
  if (end - at < 2) return false;
  payload.etherType = view.getUint8(at + 1) === BRIDGED_ETHERNET ? ETHERTYPE_ETHERNET : 0;
  payload.offset = at + 2 + ((view.getUint8(at) & BRIDGED_HAS_LAN) === 0 ? 0 : 4);
  return true;
}

/** RFC 1990 section 3 with long sequence numbers; only a packet in one fragment begins and ends here. */
function readMultilink(view: DataView, end: number, payload: PppPayload): boolean {
  const at = payload.offset;
  if (end - at < 6) return false;
  const isWhole = (view.getUint8(at) & MULTILINK_WHOLE) === MULTILINK_WHOLE;
  const protocol = readProtocol(view, at + 4, payload);
  payload.etherType = isWhole ? etherTypeOfPpp(protocol) : 0;
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
