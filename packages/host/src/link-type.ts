/** Link types: what stands at the front of a captured packet. */

/** LINKTYPE_ETHERNET of pcap: an Ethernet header first, 802.1Q tags included. */
export const LINKTYPE_ETHERNET = 1;
/** LINKTYPE_RAW of pcap: an IPv4 or IPv6 header first; the version nibble says which. */
export const LINKTYPE_RAW = 101;
/** Loopback and tunnels of the BSDs: four octets of address family, in the host's order or the network's. */
export const LINKTYPE_NULL = 0;
export const LINKTYPE_LOOP = 108;
/** Linux "cooked" headers, versions 1 and 2. */
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_LINUX_SLL2 = 276;

/** DLT_RAW of Linux, macOS, Windows and most BSDs; the other DLT numbers are link types as well. */
const DLT_RAW = 12;

/** The link type that goes with a data link type of libpcap in memory. */
export function linkTypeOfDataLink(dataLink: number): number {
  return dataLink === DLT_RAW ? LINKTYPE_RAW : dataLink;
}

const ARPHRD_ETHER = 1;
const ARPHRD_EETHER = 2;
const ARPHRD_LOOPBACK = 772;

/** ARPHRD_LOOPBACK says that this is a loopback interface (linux/if_arp.h). */
export function isLoopbackHardware(hardwareType: number): boolean {
  return hardwareType === ARPHRD_LOOPBACK;
}

/**
 * The link type under which packets of an interface with this ARPHRD number are given out. Loopback has
 * Ethernet framing. All others (tun and WireGuard 65534, PPP 512, IP tunnels 768…778, raw IP 519) are
 * captured from the network header on, because what the kernel puts before it is absent or differs by
 * driver.
 */
export function linkTypeOfHardware(hardwareType: number): number {
  return hardwareType === ARPHRD_ETHER || hardwareType === ARPHRD_EETHER || isLoopbackHardware(hardwareType)
    ? LINKTYPE_ETHERNET
    : LINKTYPE_RAW;
}
