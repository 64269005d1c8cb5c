/**
 * Link types of capture files (the LINKTYPE registry of tcpdump.org) that the meter can find an IP packet in.
 */
export const LINKTYPE_NULL = 0;
export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_TOKEN_RING = 6;
export const LINKTYPE_ARCNET_BSD = 7;
export const LINKTYPE_PPP = 9;
export const LINKTYPE_FDDI = 10;
/** LLC over ATM, RFC 2684, as some BSDs numbered it in old files; elsewhere 100. */
export const LINKTYPE_ATM_RFC1483_BSD = 11;
/** Raw IP as some BSDs numbered it in old files. */
export const LINKTYPE_RAW_BSD = 12;
export const LINKTYPE_RAW_OPENBSD = 14;
export const LINKTYPE_PPP_HDLC = 50;
export const LINKTYPE_PPP_ETHER = 51;
export const LINKTYPE_SYMANTEC_FIREWALL = 99;
export const LINKTYPE_ATM_RFC1483 = 100;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_C_HDLC = 104;
export const LINKTYPE_IEEE802_11 = 105;
export const LINKTYPE_FRELAY = 107;
export const LINKTYPE_LOOP = 108;
export const LINKTYPE_ENC = 109;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_PFLOG = 117;
export const LINKTYPE_PRISM = 119;
export const LINKTYPE_IP_OVER_FC = 122;
export const LINKTYPE_SUNATM = 123;
export const LINKTYPE_RADIOTAP = 127;
export const LINKTYPE_ARCNET_LINUX = 129;
export const LINKTYPE_JUNIPER_MLPPP = 130;
export const LINKTYPE_JUNIPER_MLFR = 131;
export const LINKTYPE_JUNIPER_GGSN = 133;
export const LINKTYPE_JUNIPER_ATM2 = 135;
export const LINKTYPE_JUNIPER_SERVICES = 136;
export const LINKTYPE_JUNIPER_ATM1 = 137;
export const LINKTYPE_APPLE_IP_OVER_IEEE1394 = 138;
/** What Apple's PKTAP was written as before it had a number of its own. */
export const LINKTYPE_USER2 = 149;
export const LINKTYPE_AVS = 163;
export const LINKTYPE_PPP_PPPD = 166;
export const LINKTYPE_JUNIPER_PPPOE = 167;
export const LINKTYPE_JUNIPER_ETHER = 178;
export const LINKTYPE_JUNIPER_PPP = 179;
export const LINKTYPE_JUNIPER_FRELAY = 180;
export const LINKTYPE_JUNIPER_CHDLC = 181;
export const LINKTYPE_JUNIPER_VP = 183;
export const LINKTYPE_PPI = 192;
export const LINKTYPE_ERF = 197;
export const LINKTYPE_PPP_WITH_DIR = 204;
export const LINKTYPE_C_HDLC_WITH_DIR = 205;
export const LINKTYPE_FRELAY_WITH_DIR = 206;
export const LINKTYPE_IPV4 = 228;
export const LINKTYPE_IPV6 = 229;
export const LINKTYPE_NFLOG = 239;
export const LINKTYPE_NETANALYZER = 240;
export const LINKTYPE_NETANALYZER_TRANSPARENT = 241;
export const LINKTYPE_IPOIB = 242;
export const LINKTYPE_PKTAP = 258;
export const LINKTYPE_ETHERNET_MPACKET = 274;
export const LINKTYPE_LINUX_SLL2 = 276;
export const LINKTYPE_DSA_TAG_BRCM = 281;
export const LINKTYPE_DSA_TAG_BRCM_PREPEND = 282;
export const LINKTYPE_DSA_TAG_DSA = 284;
export const LINKTYPE_DSA_TAG_EDSA = 285;

/**
 * No number of a file: an 802.11 frame whose header is padded to 4 octets, as the radiotap header before it
 * said.
 */
export const LINKTYPE_IEEE802_11_PADDED = -105;
/** No number of a file: a frame that nothing is known of. */
export const LINKTYPE_UNKNOWN = -1;
/** No number of a file: an LLC header where a link type's own header ended. */
export const LINKTYPE_LLC = -100;
