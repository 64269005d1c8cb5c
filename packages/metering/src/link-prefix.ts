/**
 * What capturing programs and cards put before a frame's own header: when, where, how loud, in which
 * direction. Each prefix ends where a frame of another link type begins.
 *
 *  PKTAP (258)     length (LE, 4), record type (LE, 4; 1 is a packet), link type (LE, 4), …
 *  PPI (192)       version, flags, length (LE, 2), link type (LE, 4), …
 *  AVS (163)       magic 80211001 (4), length (4), …
 *  Prism (119)     message 41 or 44 (4), length (4), …, in the byte order of the machine that captured
 *  radiotap (127)  version, pad, length (LE, 2), which fields are there (LE, 4 or more), fields
 *  ERF (197)       time stamp (8), type and flag of extensions, flags, lengths (6), extensions (8 each)
 *  PFLOG (117)     length without padding to 4, …
 *  Juniper         4D4743, flags, lengths of extensions (2) where the flags say so, extensions, …
 */
import * as link from './link-type.ts';

/** Where the next header begins and of which link type it is; one object, reused. */
export interface LinkPlace {
  linkType: number;
  offset: number;
}

/** Prefixes before prefixes: PKTAP before radiotap is the longest that is seen. */
const PREFIXES_MAX = 4;

/** Prefixes of a fixed length: the octets, and the link type of what follows. */
const FIXED_PREFIXES: ReadonlyMap<number, readonly [octets: number, linkType: number]> = new Map([
  [link.LINKTYPE_PPP_WITH_DIR, [1, link.LINKTYPE_PPP]],
  [link.LINKTYPE_C_HDLC_WITH_DIR, [1, link.LINKTYPE_C_HDLC]],
  [link.LINKTYPE_FRELAY_WITH_DIR, [1, link.LINKTYPE_FRELAY]],
  // The direction stands where the address of the HDLC header was, and the control octet behind it.
  [link.LINKTYPE_PPP_PPPD, [2, link.LINKTYPE_PPP]],
  [link.LINKTYPE_ENC, [12, link.LINKTYPE_RAW]],
  [link.LINKTYPE_IP_OVER_FC, [16, link.LINKTYPE_LLC]],
  [link.LINKTYPE_NETANALYZER, [4, link.LINKTYPE_ETHERNET]],
  // The preamble, too.
  [link.LINKTYPE_NETANALYZER_TRANSPARENT, [12, link.LINKTYPE_ETHERNET]],
  [link.LINKTYPE_ETHERNET_MPACKET, [8, link.LINKTYPE_ETHERNET]],
  [link.LINKTYPE_DSA_TAG_BRCM_PREPEND, [4, link.LINKTYPE_ETHERNET]],
]);

const PKTAP_RECORD_PACKET = 1;
const PRISM_MESSAGES: readonly number[] = [0x41, 0x44];
const AVS_MAGIC = 0x80211001;

const RADIOTAP_HAS_TSFT = 1;
const RADIOTAP_HAS_FLAGS = 2;
const RADIOTAP_HAS_MORE = 0x8000_0000;
const RADIOTAP_FLAG_PADDED = 0x20;

const SUNATM_LANE = 1;

const ERF_HEADER_OCTETS = 16;
const ERF_EXTENSION_OCTETS = 8;
/** Before the Ethernet frame: its offset and a reserved octet. */
const ERF_ETHERNET_PAD_OCTETS = 2;
const ERF_ETHERNET: readonly number[] = [2, 11, 16, 20];
const ERF_HDLC: readonly number[] = [1, 10, 15, 19];
const ERF_IP: readonly number[] = [22, 23];

const JUNIPER_MAGIC = 0x4d4743;
const JUNIPER_HAS_EXTENSIONS = 0x80;
/** What follows is the packet, behind a number for its protocol. */
const JUNIPER_NO_LINK_LAYER = 0x02;
/** Octets between the header and what follows it, and the link type of that. */
const JUNIPER_LINKS: ReadonlyMap<number, readonly [octets: number, linkType: number]> = new Map([
  [link.LINKTYPE_JUNIPER_ETHER, [0, link.LINKTYPE_ETHERNET]],
  [link.LINKTYPE_JUNIPER_PPPOE, [0, link.LINKTYPE_ETHERNET]],
  [link.LINKTYPE_JUNIPER_PPP, [0, link.LINKTYPE_PPP]],
  [link.LINKTYPE_JUNIPER_CHDLC, [0, link.LINKTYPE_C_HDLC]],
  [link.LINKTYPE_JUNIPER_FRELAY, [0, link.LINKTYPE_FRELAY]],
  [link.LINKTYPE_JUNIPER_ATM1, [4, link.LINKTYPE_ATM_RFC1483]],
  [link.LINKTYPE_JUNIPER_ATM2, [8, link.LINKTYPE_ATM_RFC1483]],
  [link.LINKTYPE_JUNIPER_MLPPP, [2, link.LINKTYPE_PPP]],
  // Of these only packets without a link layer are read.
  [link.LINKTYPE_JUNIPER_MLFR, [0, link.LINKTYPE_UNKNOWN]],
  [link.LINKTYPE_JUNIPER_GGSN, [0, link.LINKTYPE_UNKNOWN]],
  [link.LINKTYPE_JUNIPER_SERVICES, [0, link.LINKTYPE_UNKNOWN]],
  [link.LINKTYPE_JUNIPER_VP, [0, link.LINKTYPE_UNKNOWN]],
]);

/**
 * Steps over the prefixes of the frame of `place`, which ends at `end`. False when one is cut off. What has no
 * frame behind it, or one of which nothing is known, or more prefixes than anybody writes, has LINKTYPE_UNKNOWN.
 */
export function skipLinkPrefixes(view: DataView, end: number, place: LinkPlace): boolean {
  for (let count = 0; count < PREFIXES_MAX; count += 1) {
    const { linkType, offset } = place;
    if (!skipLinkPrefix(view, offset, end, place)) return false;
    if (place.linkType === linkType && place.offset === offset) return true;
  }
  return leadNowhere(place);
}

function skipLinkPrefix(view: DataView, offset: number, end: number, place: LinkPlace): boolean {
  const fixed = FIXED_PREFIXES.get(place.linkType);
  if (fixed !== undefined) return step(place, offset + fixed[0], end, fixed[1]);
  const juniper = JUNIPER_LINKS.get(place.linkType);
  if (juniper !== undefined) return skipJuniper(view, offset, end, place, juniper);
  switch (place.linkType) {
    case link.LINKTYPE_PKTAP:
    case link.LINKTYPE_USER2:
      return skipPktap(view, offset, end, place);
    case link.LINKTYPE_PPI:
      if (end - offset < 8) return false;
      return step(place, offset + view.getUint16(offset + 2, true), end, view.getUint32(offset + 4, true));
    case link.LINKTYPE_RADIOTAP:
      return skipRadiotap(view, offset, end, place);
    case link.LINKTYPE_PRISM:
    case link.LINKTYPE_AVS:
      return skipPrism(view, offset, end, place);
    case link.LINKTYPE_SUNATM:
      return skipSunatm(view, offset, end, place);
    case link.LINKTYPE_ERF:
      return skipErf(view, offset, end, place);
    case link.LINKTYPE_PFLOG:
      if (end - offset < 4) return false;
      return step(place, offset + ((view.getUint8(offset) + 3) & ~3), end, link.LINKTYPE_RAW);
    default:
      return true;
  }
}

function step(place: LinkPlace, offset: number, end: number, linkType: number): boolean {
  place.offset = offset;
  place.linkType = linkType;
  return offset <= end;
}

function leadNowhere(place: LinkPlace): true {
  place.linkType = link.LINKTYPE_UNKNOWN;
  return true;
}

function skipPktap(view: DataView, offset: number, end: number, place: LinkPlace): boolean {
  if (end - offset < 12) return false;
  if (view.getUint32(offset + 4, true) !== PKTAP_RECORD_PACKET) return leadNowhere(place);
  return step(place, offset + view.getUint32(offset, true), end, view.getUint32(offset + 8, true));
}

function skipRadiotap(view: DataView, offset: number, end: number, place: LinkPlace): boolean {
  if (end - offset < 8) return false;
  const octets = view.getUint16(offset + 2, true);
  if (octets < 8) return false;
  const isPadded = (radiotapFlags(view, offset, Math.min(end, offset + octets)) & RADIOTAP_FLAG_PADDED) !== 0;
  const linkType = isPadded ? link.LINKTYPE_IEEE802_11_PADDED : link.LINKTYPE_IEEE802_11;
  return step(place, offset + octets, end, linkType);
}

/** The flags of a radiotap header that ends at `end`; 0 where it has none. */
function radiotapFlags(view: DataView, offset: number, end: number): number {
  const present = view.getUint32(offset + 4, true);
  if ((present & RADIOTAP_HAS_FLAGS) === 0) return 0;
  let at = offset + 4;
  let word = present;
  while ((word & RADIOTAP_HAS_MORE) !== 0 && end - at >= 8) {
    at += 4;
    word = view.getUint32(at, true);
  }
  at += 4;
  // The time stamp is aligned to 8 octets from the header's start.
  if ((present & RADIOTAP_HAS_TSFT) !== 0) at = offset + (((at - offset + 7) & ~7) + 8);
  return at < end ? view.getUint8(at) : 0;
}

/** Both are found under both link types. */
function skipPrism(view: DataView, offset: number, end: number, place: LinkPlace): boolean {
  if (end - offset < 8) return false;
  const isAvs = view.getUint32(offset) === AVS_MAGIC;
  const isLittle = !isAvs && PRISM_MESSAGES.includes(view.getUint32(offset, true));
  return step(place, offset + view.getUint32(offset + 4, isLittle), end, link.LINKTYPE_IEEE802_11);
}

function skipErf(view: DataView, offset: number, end: number, place: LinkPlace): boolean {
  if (end - offset < ERF_HEADER_OCTETS) return false;
  const type = view.getUint8(offset + 8) & 0x7f;
  let hasExtension = (view.getUint8(offset + 8) & 0x80) !== 0;
  let at = offset + ERF_HEADER_OCTETS;
  while (hasExtension && at < end) {
    hasExtension = (view.getUint8(at) & 0x80) !== 0;
    at += ERF_EXTENSION_OCTETS;
  }
  if (ERF_ETHERNET.includes(type))
    return step(place, at + ERF_ETHERNET_PAD_OCTETS, end, link.LINKTYPE_ETHERNET);
  if (ERF_HDLC.includes(type)) return step(place, at, end, link.LINKTYPE_PPP);
  return ERF_IP.includes(type) ? step(place, at, end, link.LINKTYPE_RAW) : leadNowhere(place);
}

/** Flags and the kind of frame, circuit (3); a frame of LAN emulation is behind the number of its client. */
function skipSunatm(view: DataView, offset: number, end: number, place: LinkPlace): boolean {
  if (end - offset < 4) return false;
  const isLane = (view.getUint8(offset) & 0x0f) === SUNATM_LANE;
  return isLane
    ? step(place, offset + 6, end, link.LINKTYPE_ETHERNET)
    : step(place, offset + 4, end, link.LINKTYPE_ATM_RFC1483);
}

function skipJuniper(
  view: DataView,
  offset: number,
  end: number,
  place: LinkPlace,
  [cookieOctets, linkType]: readonly [number, number],
): boolean {
  if (end - offset < 6) return false;
  if (view.getUint32(offset) >>> 8 !== JUNIPER_MAGIC) return leadNowhere(place);
  const flags = view.getUint8(offset + 3);
  const extensions = (flags & JUNIPER_HAS_EXTENSIONS) === 0 ? 0 : 2 + view.getUint16(offset + 4);
  const at = offset + 4 + extensions;
  if ((flags & JUNIPER_NO_LINK_LAYER) !== 0) return step(place, at + 4, end, link.LINKTYPE_RAW);
  return step(place, at + cookieOctets, end, linkType);
}
