/**
 * From the first octet of a captured frame to its outermost IP header, through whatever lies between:
 * Ethernet with any stack of tags, PPP, MPLS, provider backbone headers, cooked captures, Frame Relay, ATM.
 */
import { readArcnet } from './arcnet.ts';
import * as bridge from './bridge-header.ts';
import {
  checkEthernet,
  ETHERTYPE_ETHERNET,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MIN,
  ethernetType,
} from './ethernet.ts';
import { frameRelayNlpidOffset, frameRelayPayloadOffset, hasFrameRelayControl } from './frame-relay.ts';
import { ieee80211PayloadOffset } from './ieee80211.ts';
import { type LinkPlace, skipLinkPrefixes } from './link-prefix.ts';
import * as link from './link-type.ts';
import * as cooked from './linux-cooked.ts';
import * as llc from './llc-snap.ts';
import { checkLoopback, LOOPBACK_HEADER_OCTETS, loopbackType } from './loopback.ts';
import { ETHERTYPE_MACSEC, macsecTypeOffset } from './macsec.ts';
import { isMplsType, mplsPayloadOffset } from './mpls.ts';
import { nflogPayloadOffset } from './nflog.ts';
import { DIRECTION_UNKNOWN } from './packet-burst.ts';
import { readPpp } from './ppp.ts';
import { checkPppoe, ETHERTYPE_PPPOE_SESSION, PPPOE_HEADER_OCTETS } from './pppoe.ts';
import { checkTokenRing, tokenRingPayloadOffset } from './token-ring.ts';
import { checkVlanTag, isVlanTagType, VLAN_TAG_OCTETS, vlanIdentifier, vlanInnerType } from './vlan-tag.ts';

/** Headers between a frame's start and its IP header; real stacks have at most six or seven. */
const ENCAPSULATIONS_MAX = 16;

/** RFC 2684 section 5.2 aligns the frame. */
const ATM_BRIDGED_PAD_OCTETS = 2;

const ETHERTYPE_PROVIDER_BACKBONE = 0x88e7;
const ETHERTYPE_VN_TAG = 0x8926;
const ETHERTYPE_E_TAG = 0x893f;
const ETHERTYPE_NSH = 0x894f;
const ETHERTYPE_JUMBO_LLC = 0x8870;
/** OSI over Cisco HDLC: an NLPID behind one octet. */
const ETHERTYPE_OSI = 0xfefe;
const ETHERTYPE_CISCO_METADATA = 0x8909;

/** The end of the walk, and all it learned on the way. One object, reused for every frame. */
export class NetworkStart {
  /** ETHERTYPE_IPV4, ETHERTYPE_IPV6, or a value of LINK_… below. */
  etherType = 0;
  /** Where the header of that type begins. */
  offset = 0;
  /** Where the octets of that header's packet end: an 802.3 length may say so before the capture does. */
  end = 0;
  /** The outermost VLAN identifier; 0 without one. */
  vlanId = 0;
  sourceMacOffset = -1;
  destinationMacOffset = -1;
  /** What a cooked capture says; DIRECTION_UNKNOWN elsewhere. */
  direction = DIRECTION_UNKNOWN;
  /** What a cooked capture says; 0 elsewhere. */
  interfaceIndex = 0;
}

/** The frame is whole and carries something else than IP. */
export const LINK_NOT_IP = 0;
/** The captured octets end within a header below IP. */
export const LINK_TRUNCATED = -1;
/** A link type that is not in link-type.ts. */
export const LINK_UNSUPPORTED = -2;

/** Fills `start` for the frame of `linkType` between `offset` and `end`. */
export function findNetworkLayer(
  view: DataView,
  offset: number,
  end: number,
  linkType: number,
  start: NetworkStart,
): void {
  start.vlanId = 0;
  start.sourceMacOffset = -1;
  start.destinationMacOffset = -1;
  start.direction = DIRECTION_UNKNOWN;
  start.interfaceIndex = 0;
  start.end = end;
  start.offset = offset;
  start.etherType = readLinkHeader(view, offset, end, linkType, start);
  walkEncapsulations(view, start);
}

/** Reads the outermost header; returns the EtherType of what follows at `start.offset`. */
function readLinkHeader(
  view: DataView,
  offset: number,
  end: number,
  linkType: number,
  start: NetworkStart,
): number {
  switch (linkType) {
    case link.LINKTYPE_ETHERNET:
      return readEthernet(view, offset, end, start);
    case link.LINKTYPE_LINUX_SLL:
      return readSll(view, offset, end, start);
    case link.LINKTYPE_LINUX_SLL2:
      return readSll2(view, offset, end, start);
    case link.LINKTYPE_NULL:
    case link.LINKTYPE_LOOP:
      if (!checkLoopback(offset, end)) return LINK_TRUNCATED;
      start.offset = offset + LOOPBACK_HEADER_OCTETS;
      return loopbackType(view, offset);
    case link.LINKTYPE_RAW:
    case link.LINKTYPE_RAW_BSD:
    case link.LINKTYPE_RAW_OPENBSD:
      return typeOfRawIp(view, offset, end);
    case link.LINKTYPE_IPV4:
      return ETHERTYPE_IPV4;
    case link.LINKTYPE_IPV6:
      return ETHERTYPE_IPV6;
    case link.LINKTYPE_PPP:
    case link.LINKTYPE_PPP_HDLC:
    case link.LINKTYPE_C_HDLC:
      return readPpp(view, offset, end, start) ? start.etherType : LINK_TRUNCATED;
    case link.LINKTYPE_PPP_ETHER:
      return ETHERTYPE_PPPOE_SESSION;
    case link.LINKTYPE_FDDI:
      return readFddi(view, offset, end, start);
    case link.LINKTYPE_NFLOG:
      start.offset = nflogPayloadOffset(view, offset, end);
      return start.offset < 0 ? LINK_NOT_IP : typeOfRawIp(view, start.offset, end);
    case link.LINKTYPE_IEEE802_11:
    case link.LINKTYPE_IEEE802_11_PADDED:
      return readIeee80211(view, offset, end, linkType === link.LINKTYPE_IEEE802_11_PADDED, start);
    default:
      return readRareLinkHeader(view, offset, end, linkType, start);
  }
}

function readRareLinkHeader(
  view: DataView,
  offset: number,
  end: number,
  linkType: number,
  start: NetworkStart,
): number {
  switch (linkType) {
    case link.LINKTYPE_LLC:
      return readLlc(view, offset, end, start);
    case link.LINKTYPE_ATM_RFC1483:
    case link.LINKTYPE_ATM_RFC1483_BSD:
      return readLlc(view, offset, end, start, ATM_BRIDGED_PAD_OCTETS);
    case link.LINKTYPE_FRELAY:
      return readFrameRelay(view, offset, end, start);
    case link.LINKTYPE_TOKEN_RING:
      return readTokenRing(view, offset, end, start);
    case link.LINKTYPE_ARCNET_BSD:
    case link.LINKTYPE_ARCNET_LINUX: {
      const isLinux = linkType === link.LINKTYPE_ARCNET_LINUX;
      return readArcnet(view, offset, end, isLinux, start) ? start.etherType : LINK_TRUNCATED;
    }
    case link.LINKTYPE_DSA_TAG_BRCM:
    case link.LINKTYPE_DSA_TAG_DSA:
      return readSwitchTag(view, offset, end, 4, start);
    case link.LINKTYPE_DSA_TAG_EDSA:
      return readSwitchTag(view, offset, end, 8, start);
    case link.LINKTYPE_APPLE_IP_OVER_IEEE1394:
      return typeAfter(view, offset, 18, end, start);
    case link.LINKTYPE_SYMANTEC_FIREWALL:
      return typeWithin(view, offset, 6, 44, end, start);
    case link.LINKTYPE_IPOIB:
      return typeWithin(view, offset, 40, 44, end, start);
    default:
      return readPrefixed(view, offset, end, linkType, start);
  }
}

/** Where the prefixes of the frame at hand end. */
const place: LinkPlace = { linkType: 0, offset: 0 };

/** A frame behind what a capturing program put before it; asked last, so that other frames pay nothing for it. */
function readPrefixed(
  view: DataView,
  offset: number,
  end: number,
  linkType: number,
  start: NetworkStart,
): number {
  place.linkType = linkType;
  place.offset = offset;
  if (!skipLinkPrefixes(view, end, place)) return LINK_TRUNCATED;
  if (place.linkType === linkType) return LINK_UNSUPPORTED;
  start.offset = place.offset;
  return readLinkHeader(view, place.offset, end, place.linkType, start);
}

/** Steps over headers until `start` is at an IP header or at something that leads to none. */
function walkEncapsulations(view: DataView, start: NetworkStart): void {
  for (let count = 0; count < ENCAPSULATIONS_MAX; count += 1) {
    const type = start.etherType;
    if (type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6 || type <= LINK_NOT_IP) return;
    start.etherType = readEncapsulation(view, type, start.end, start);
  }
  start.etherType = LINK_NOT_IP;
}

/** Reads the header of `type` at `start.offset`; returns the type of the next one, whose place it sets. */
function readEncapsulation(view: DataView, type: number, end: number, start: NetworkStart): number {
  const offset = start.offset;
  if (isVlanTagType(type)) {
    if (!checkVlanTag(offset, end)) return LINK_TRUNCATED;
    if (start.vlanId === 0) start.vlanId = vlanIdentifier(view, offset);
    start.offset = offset + VLAN_TAG_OCTETS;
    return typeOrLength(view, vlanInnerType(view, offset), end, start);
  }
  if (isMplsType(type)) return readMpls(view, offset, end, start);
  switch (type) {
    case ETHERTYPE_PPPOE_SESSION:
      if (!checkPppoe(offset, end)) return LINK_TRUNCATED;
      return readPpp(view, offset + PPPOE_HEADER_OCTETS, end, start) ? start.etherType : LINK_TRUNCATED;
    case ETHERTYPE_PROVIDER_BACKBONE:
      return readInnerEthernet(view, offset + 4, end, start);
    case ETHERTYPE_ETHERNET:
      return readInnerEthernet(view, offset, end, start);
    case ETHERTYPE_VN_TAG:
      return typeAfter(view, offset, 6, end, start);
    case ETHERTYPE_E_TAG:
    case ETHERTYPE_CISCO_METADATA:
      return typeAfter(view, offset, 8, end, start);
    case ETHERTYPE_MACSEC: {
      const at = macsecTypeOffset(view, offset, end);
      return at < 0 ? LINK_NOT_IP : typeAfter(view, at, 2, end, start);
    }
    case ETHERTYPE_NSH:
      return readNsh(view, offset, end, start);
    default:
      return readRareEncapsulation(view, type, end, start);
  }
}

function readRareEncapsulation(view: DataView, type: number, end: number, start: NetworkStart): number {
  const offset = start.offset;
  switch (type) {
    case ETHERTYPE_JUMBO_LLC:
      return readLlc(view, offset, end, start);
    case ETHERTYPE_OSI:
      return readNlpid(view, offset + 1, end, 0, start);
    case bridge.ETHERTYPE_HSR:
      return typeAfter(view, offset, bridge.HSR_TAG_OCTETS, end, start);
    case bridge.ETHERTYPE_FABRICPATH:
      return readInnerEthernet(view, offset + bridge.FABRICPATH_TAG_OCTETS, end, start);
    case bridge.ETHERTYPE_TRILL:
      return readFrameBehind(view, offset, bridge.trillOctets(view, offset, end), end, start);
    case bridge.ETHERTYPE_BATMAN:
      return readFrameBehind(view, offset, bridge.batmanOctets(view, offset, end), end, start);
    case bridge.ETHERTYPE_ARISTA: {
      const octets = bridge.aristaOctets(view, offset, end);
      return octets < 0 ? LINK_NOT_IP : typeAfter(view, offset, octets, end, start);
    }
    default:
      return LINK_NOT_IP;
  }
}

/** An Ethernet frame behind a header of `octets`, which are -1 where there is none. */
function readFrameBehind(
  view: DataView,
  offset: number,
  octets: number,
  end: number,
  start: NetworkStart,
): number {
  return octets < 0 ? LINK_NOT_IP : readInnerEthernet(view, offset + octets, end, start);
}

function readEthernet(view: DataView, offset: number, end: number, start: NetworkStart): number {
  if (!checkEthernet(offset, end)) return LINK_TRUNCATED;
  start.destinationMacOffset = offset;
  start.sourceMacOffset = offset + 6;
  if (bridge.isIsl(view, offset, end)) {
    return readInnerEthernet(view, offset + bridge.ISL_HEADER_OCTETS, end, start);
  }
  start.offset = offset + 14;
  return typeOrLength(view, ethernetType(view, offset), end, start);
}

/** An Ethernet frame within another: the outer addresses stay the flow's. */
function readInnerEthernet(view: DataView, offset: number, end: number, start: NetworkStart): number {
  if (!checkEthernet(offset, end)) return LINK_TRUNCATED;
  start.offset = offset + 14;
  return typeOrLength(view, ethernetType(view, offset), end, start);
}

/** `value` when it is an EtherType; when it is an 802.3 length, what the LLC header says. */
function typeOrLength(view: DataView, value: number, end: number, start: NetworkStart): number {
  if (value >= ETHERTYPE_MIN) return value;
  start.end = Math.min(end, start.offset + value);
  return readLlc(view, start.offset, start.end, start);
}

/** `bridgedPadOctets` stand before a frame that is bridged over this kind of link. */
function readLlc(
  view: DataView,
  offset: number,
  end: number,
  start: NetworkStart,
  bridgedPadOctets = 0,
): number {
  if (!llc.checkLlc(offset, end)) return LINK_TRUNCATED;
  start.offset = offset + llc.LLC_HEADER_OCTETS;
  if (llc.isSnap(view, offset, end)) return readSnap(view, start.offset, bridgedPadOctets, start);
  if (llc.isNlpid(view, offset, end)) return readNlpid(view, start.offset, end, bridgedPadOctets, start);
  return llc.llcType(view, offset);
}

/** Organization and type at `at`, all of it before the frame's end. */
function readSnap(view: DataView, at: number, bridgedPadOctets: number, start: NetworkStart): number {
  const type = llc.snapType(view, at);
  start.offset = at + llc.SNAP_OCTETS + (type === ETHERTYPE_ETHERNET ? bridgedPadOctets : 0);
  return type;
}

function readNlpid(
  view: DataView,
  at: number,
  end: number,
  bridgedPadOctets: number,
  start: NetworkStart,
): number {
  if (at >= end) return LINK_TRUNCATED;
  const nlpid = view.getUint8(at);
  start.offset = at + 1;
  if (!llc.isNlpidOfSnap(nlpid)) return llc.nlpidType(nlpid);
  if (end - at - 1 < llc.SNAP_OCTETS) return LINK_TRUNCATED;
  return readSnap(view, at + 1, bridgedPadOctets, start);
}

function readFrameRelay(view: DataView, offset: number, end: number, start: NetworkStart): number {
  const at = frameRelayPayloadOffset(view, offset, end);
  if (at < 0 || end - at < 2) return LINK_TRUNCATED;
  if (!hasFrameRelayControl(view, at)) return typeAfter(view, at, 2, end, start);
  return readNlpid(view, frameRelayNlpidOffset(view, at, end), end, 0, start);
}

function readTokenRing(view: DataView, offset: number, end: number, start: NetworkStart): number {
  if (!checkTokenRing(offset, end)) return LINK_TRUNCATED;
  start.destinationMacOffset = offset + 2;
  start.sourceMacOffset = offset + 8;
  const at = tokenRingPayloadOffset(view, offset);
  return at < 0 ? LINK_NOT_IP : readLlc(view, at, end, start);
}

/** Ethernet as a switch chip hands it to its processor: a tag of `tagOctets` stands before the EtherType. */
function readSwitchTag(
  view: DataView,
  offset: number,
  end: number,
  tagOctets: number,
  start: NetworkStart,
): number {
  if (end - offset < 12) return LINK_TRUNCATED;
  start.destinationMacOffset = offset;
  start.sourceMacOffset = offset + 6;
  return typeAfter(view, offset + 12, tagOctets + 2, end, start);
}

function readSll(view: DataView, offset: number, end: number, start: NetworkStart): number {
  if (!cooked.checkSll(offset, end)) return LINK_TRUNCATED;
  if (cooked.sllAddressOctets(view, offset) === 6) start.sourceMacOffset = offset + 6;
  start.direction = cooked.directionOfPacketType(cooked.sllPacketType(view, offset));
  start.offset = offset + cooked.SLL_HEADER_OCTETS;
  return typeOfCooked(view, cooked.sllProtocol(view, offset), end, start);
}

function readSll2(view: DataView, offset: number, end: number, start: NetworkStart): number {
  if (!cooked.checkSll2(offset, end)) return LINK_TRUNCATED;
  if (cooked.sll2AddressOctets(view, offset) === 6) start.sourceMacOffset = offset + 12;
  start.direction = cooked.directionOfPacketType(cooked.sll2PacketType(view, offset));
  start.interfaceIndex = cooked.sll2InterfaceIndex(view, offset);
  start.offset = offset + cooked.SLL2_HEADER_OCTETS;
  return typeOfCooked(view, cooked.sll2Protocol(view, offset), end, start);
}

function typeOfCooked(view: DataView, protocol: number, end: number, start: NetworkStart): number {
  if (protocol === cooked.SLL_PROTOCOL_LLC) return readLlc(view, start.offset, end, start);
  if (protocol === cooked.SLL_PROTOCOL_ETHERNET) return ETHERTYPE_ETHERNET;
  if (protocol === cooked.SLL_PROTOCOL_PPP) {
    return readPpp(view, start.offset, end, start) ? start.etherType : LINK_TRUNCATED;
  }
  return protocol >= ETHERTYPE_MIN ? protocol : LINK_NOT_IP;
}

/** Frame control, destination, source, LLC. */
function readFddi(view: DataView, offset: number, end: number, start: NetworkStart): number {
  if (end - offset < 13) return LINK_TRUNCATED;
  start.destinationMacOffset = offset + 1;
  start.sourceMacOffset = offset + 7;
  return readLlc(view, offset + 13, end, start);
}

function readIeee80211(
  view: DataView,
  offset: number,
  end: number,
  isPadded: boolean,
  start: NetworkStart,
): number {
  const at = ieee80211PayloadOffset(view, offset, end, isPadded);
  return at < 0 ? LINK_NOT_IP : readLlc(view, at, end, start);
}

function typeOfRawIp(view: DataView, offset: number, end: number): number {
  if (offset >= end) return LINK_TRUNCATED;
  const version = view.getUint8(offset) >> 4;
  if (version === 4) return ETHERTYPE_IPV4;
  return version === 6 ? ETHERTYPE_IPV6 : LINK_NOT_IP;
}

/**
 * Behind a label stack: IP, or the Ethernet frame of a pseudowire with or without a control word (RFC 4448).
 */
function readMpls(view: DataView, offset: number, end: number, start: NetworkStart): number {
  const at = mplsPayloadOffset(view, offset, end);
  if (at < 0 || at >= end) return LINK_TRUNCATED;
  start.offset = at;
  const rawType = typeOfRawIp(view, at, end);
  if (rawType !== LINK_NOT_IP) return rawType;
  const hasControlWord = view.getUint8(at) >> 4 === 0 && leadsToIp(view, at + 4, end);
  return readInnerEthernet(view, hasControlWord ? at + 4 : at, end, start);
}

/** Whether an Ethernet frame at `offset` would have a type that this walk knows. */
function leadsToIp(view: DataView, offset: number, end: number): boolean {
  if (!checkEthernet(offset, end)) return false;
  const type = ethernetType(view, offset);
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6 || isVlanTagType(type) || isMplsType(type);
}

/** A header of `octets` that ends in the EtherType of what follows it. */
function typeAfter(view: DataView, offset: number, octets: number, end: number, start: NetworkStart): number {
  if (end - offset < octets) return LINK_TRUNCATED;
  start.offset = offset + octets;
  return typeOrLength(view, view.getUint16(offset + octets - 2), end, start);
}

/** A header of `octets` in which the EtherType of what follows it stands at `typeAt`. */
function typeWithin(
  view: DataView,
  offset: number,
  typeAt: number,
  octets: number,
  end: number,
  start: NetworkStart,
): number {
  if (end - offset < octets) return LINK_TRUNCATED;
  start.offset = offset + octets;
  const type = view.getUint16(offset + typeAt);
  return type >= ETHERTYPE_MIN ? type : LINK_NOT_IP;
}

/**
 * The Network Service Header, RFC 8300 section 2.2: length in words in bits 10–15, next protocol in octet 3.
 */
function readNsh(view: DataView, offset: number, end: number, start: NetworkStart): number {
  if (end - offset < 8) return LINK_TRUNCATED;
  start.offset = offset + (view.getUint16(offset) & 0x3f) * 4;
  switch (view.getUint8(offset + 3)) {
    case 1:
      return ETHERTYPE_IPV4;
    case 2:
      return ETHERTYPE_IPV6;
    case 3:
      return readInnerEthernet(view, start.offset, end, start);
    case 5:
      return 0x8847;
    default:
      return LINK_NOT_IP;
  }
}
