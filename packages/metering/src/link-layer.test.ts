import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from './ethernet.ts';
import { buildIpv4, buildIpv6 } from './frame-builder.ts';
import {
  findNetworkLayer,
  LINK_NOT_IP,
  LINK_TRUNCATED,
  LINK_UNSUPPORTED,
  NetworkStart,
} from './link-layer.ts';
import * as link from './link-type.ts';

const IPV4 = buildIpv4({ payload: 4 });
const IPV6 = buildIpv6(17, [4, 0, 0, 53, 0, 8, 0, 0]);
const BEFORE = 10;

/** Header octets in hexadecimal digits; blanks are for people. */
function octetsOf(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits.replaceAll(' ', ''), 'hex'));
}

/** Finds the network layer of a frame that lies within other octets. */
function find(linkType: number, frame: Uint8Array): NetworkStart {
  const bytes = new Uint8Array(frame.length + BEFORE + 10).fill(0x45);
  bytes.set(frame, BEFORE);
  const start = new NetworkStart();
  findNetworkLayer(new DataView(bytes.buffer), BEFORE, BEFORE + frame.length, linkType, start);
  return start;
}

const MAC = '020000000001 020000000002';
const SNAP = 'aaaa03 000000';
const WIRELESS = '08010000 020000000001 020000000002 020000000001 1000';
const WIRELESS_QOS = '88010000 020000000001 020000000002 020000000001 1000';
const zeros = (octets: number) => '00'.repeat(octets);

/** Header octets before an IPv4 packet, and before an IPv6 packet where another protocol is said. */
const HEADERS: readonly (readonly [name: string, linkType: number, ipv4: string, ipv6?: string])[] = [
  ['Ethernet', link.LINKTYPE_ETHERNET, `${MAC} 0800`, `${MAC} 86dd`],
  ['LLC with an NLPID', link.LINKTYPE_ETHERNET, `${MAC} 0030 fefe03 cc`],
  ['jumbo LLC', link.LINKTYPE_ETHERNET, `${MAC} 8870 ${SNAP} 0800`],
  ['HSR', link.LINKTYPE_ETHERNET, `${MAC} 892f 00400001 0800`],
  ['FabricPath', link.LINKTYPE_ETHERNET, `${MAC} 8903 0041 ${MAC} 0800`],
  ['TRILL with options', link.LINKTYPE_ETHERNET, `${MAC} 22f3 007f00010002 00000000 ${MAC} 0800`],
  ['ISL', link.LINKTYPE_ETHERNET, `01000c000000 020000000001 0050 aaaa0300000c 000200000000 ${MAC} 0800`],
  ['Arista, 64 bits of time', link.LINKTYPE_ETHERNET, `${MAC} d28b 00010010 0000000000000000 0800`],
  ['Arista, 48 bits of time', link.LINKTYPE_ETHERNET, `${MAC} d28b 00010120 000000000000 0800`],
  ['B.A.T.M.A.N.', link.LINKTYPE_ETHERNET, `${MAC} 4305 400f3201 020000000001 ${MAC} 0800`],
  ['PPPoE, PPP Multilink', link.LINKTYPE_ETHERNET, `${MAC} 8864 11000001 0020 003d c0000001 0021`],
  ['PPP bridging', link.LINKTYPE_PPP, `ff03 0031 0001 ${MAC} 0800`],
  ['PPP Multilink, short protocol', link.LINKTYPE_PPP, 'ff03 003d c0000001 21', 'ff03 003d c0000001 57'],
  ['PPP with a direction', link.LINKTYPE_PPP_WITH_DIR, '00 ff03 0021', '01 ff03 0057'],
  ['PPP of pppd', link.LINKTYPE_PPP_PPPD, '0003 0021', '0103 0057'],
  ['Cisco HDLC with a direction', link.LINKTYPE_C_HDLC_WITH_DIR, '00 0f00 0800'],
  ['Cisco HDLC with an NLPID', link.LINKTYPE_C_HDLC, '0f00 fefe 03 cc'],
  ['Frame Relay, NLPID', link.LINKTYPE_FRELAY, '1841 03 cc', '1841 03 8e'],
  ['Frame Relay, padded NLPID, long address', link.LINKTYPE_FRELAY, '18400043 03 00 cc'],
  ['Frame Relay, SNAP', link.LINKTYPE_FRELAY, '1841 03 00 80 000000 0800'],
  ['Frame Relay, bridged', link.LINKTYPE_FRELAY, `1841 03 00 80 0080c2 0007 ${MAC} 0800`],
  ['Frame Relay, Cisco', link.LINKTYPE_FRELAY, '1841 0800', '1841 86dd'],
  ['Frame Relay with a direction', link.LINKTYPE_FRELAY_WITH_DIR, '00 1841 03 cc'],
  ['ATM, LLC', link.LINKTYPE_ATM_RFC1483, `${SNAP} 0800`, `${SNAP} 86dd`],
  ['ATM, NLPID', link.LINKTYPE_ATM_RFC1483_BSD, 'fefe03 cc', 'fefe03 8e'],
  ['ATM, bridged', link.LINKTYPE_ATM_RFC1483, `aaaa03 0080c2 0007 0000 ${MAC} 0800`],
  ['SunATM, LLC', link.LINKTYPE_SUNATM, `02000064 ${SNAP} 0800`],
  ['SunATM, LAN emulation', link.LINKTYPE_SUNATM, `01000064 0001 ${MAC} 0800`],
  ['Token Ring', link.LINKTYPE_TOKEN_RING, `1040 ${MAC} ${SNAP} 0800`],
  [
    'Token Ring, routed',
    link.LINKTYPE_TOKEN_RING,
    `1040 020000000001 820000000002 06300011002a ${SNAP} 0800`,
  ],
  ['ARCNET, RFC 1201', link.LINKTYPE_ARCNET_LINUX, '01020000 d4 000001', '01020000 c4 000001'],
  ['ARCNET, RFC 1051', link.LINKTYPE_ARCNET_BSD, '0102 f0'],
  ['IP over Fibre Channel', link.LINKTYPE_IP_OVER_FC, `${zeros(16)} ${SNAP} 0800`],
  ['IP over IEEE 1394', link.LINKTYPE_APPLE_IP_OVER_IEEE1394, `${zeros(16)} 0800`, `${zeros(16)} 86dd`],
  ['IP over InfiniBand', link.LINKTYPE_IPOIB, `${zeros(40)} 0800 0000`, `${zeros(40)} 86dd 0000`],
  ['Symantec', link.LINKTYPE_SYMANTEC_FIREWALL, `${zeros(6)} 0800 ${zeros(36)}`],
  ['Linux cooked, Ethernet', link.LINKTYPE_LINUX_SLL, `${zeros(14)} 0003 ${MAC} 0800`],
  ['Linux cooked, PPP', link.LINKTYPE_LINUX_SLL2, `0007 ${zeros(18)} ff03 0021`],
  ['radiotap', link.LINKTYPE_RADIOTAP, `0000 0800 00000000 ${WIRELESS} ${SNAP} 0800`],
  ['radiotap, padded', link.LINKTYPE_RADIOTAP, `0000 0900 02000000 20 ${WIRELESS_QOS} 00000000 ${SNAP} 0800`],
  [
    'radiotap, padded, with a time stamp and more fields',
    link.LINKTYPE_RADIOTAP,
    `0000 1900 03000080 00000000 00000000 ${zeros(8)} 20 ${WIRELESS_QOS} 00000000 ${SNAP} 0800`,
  ],
  ['802.11, A-MSDU', link.LINKTYPE_IEEE802_11, `${WIRELESS_QOS} 8000 ${MAC} 0030 ${SNAP} 0800`],
  ['Prism', link.LINKTYPE_PRISM, `41000000 90000000 ${zeros(136)} ${WIRELESS} ${SNAP} 0800`],
  ['AVS', link.LINKTYPE_AVS, `80211001 00000040 ${zeros(56)} ${WIRELESS} ${SNAP} 0800`],
  ['PPI', link.LINKTYPE_PPI, `0000 1000 01000000 3075 0400 00000000 ${MAC} 0800`],
  ['PKTAP', link.LINKTYPE_PKTAP, `6c000000 01000000 01000000 ${zeros(96)} ${MAC} 0800`],
  ['PKTAP, raw IP', link.LINKTYPE_USER2, `6c000000 01000000 0c000000 ${zeros(96)}`],
  ['PFLOG', link.LINKTYPE_PFLOG, `3d020000 ${zeros(60)}`, `3d180000 ${zeros(60)}`],
  ['ENC', link.LINKTYPE_ENC, `02000000 ${zeros(8)}`, `18000000 ${zeros(8)}`],
  ['ERF, Ethernet', link.LINKTYPE_ERF, `${zeros(8)} 02 04 ${zeros(6)} 0000 ${MAC} 0800`],
  [
    'ERF, extended',
    link.LINKTYPE_ERF,
    `${zeros(8)} 82 04 ${zeros(6)} 8300000000000000 03${zeros(7)} 0000 ${MAC} 0800`,
  ],
  ['ERF, HDLC', link.LINKTYPE_ERF, `${zeros(8)} 01 04 ${zeros(6)} 0f00 0800`],
  ['ERF, IP', link.LINKTYPE_ERF, `${zeros(8)} 16 04 ${zeros(6)}`, `${zeros(8)} 17 04 ${zeros(6)}`],
  ['Juniper, Ethernet', link.LINKTYPE_JUNIPER_ETHER, `4d474380 0006 010101020105 ${MAC} 0800`],
  ['Juniper, ATM', link.LINKTYPE_JUNIPER_ATM2, `4d474300 ${zeros(8)} ${SNAP} 0800`],
  ['Juniper, no link layer', link.LINKTYPE_JUNIPER_GGSN, '4d474302 02000000', '4d474302 06000000'],
  ['Broadcom tag', link.LINKTYPE_DSA_TAG_BRCM, `${MAC} 20000001 0800`],
  ['Broadcom tag in front', link.LINKTYPE_DSA_TAG_BRCM_PREPEND, `20000001 ${MAC} 0800`],
  ['DSA tag', link.LINKTYPE_DSA_TAG_DSA, `${MAC} c0082001 0800`],
  ['EDSA tag', link.LINKTYPE_DSA_TAG_EDSA, `${MAC} dada0000c0082001 0800`],
  ['netANALYZER', link.LINKTYPE_NETANALYZER, `00045000 ${MAC} 0800`],
  [
    'netANALYZER, transparent',
    link.LINKTYPE_NETANALYZER_TRANSPARENT,
    `00045000 55555555555555d5 ${MAC} 0800`,
  ],
  ['mPacket', link.LINKTYPE_ETHERNET_MPACKET, `55555555555555d5 ${MAC} 0800`],
];

const CASES = HEADERS.map(([name, linkType, ipv4, ipv6]) => ({ name, linkType, ipv4, ipv6 }));

const joined = (header: Uint8Array, packet: Uint8Array) => Uint8Array.from([...header, ...packet]);

describe('the way to the IP header', () => {
  test.each(CASES)('$name', ({ linkType, ipv4, ipv6 }) => {
    const header = octetsOf(ipv4);
    expect(find(linkType, joined(header, IPV4))).toMatchObject({
      etherType: ETHERTYPE_IPV4,
      offset: BEFORE + header.length,
    });
    if (ipv6 === undefined) return;
    const header6 = octetsOf(ipv6);
    expect(find(linkType, joined(header6, IPV6))).toMatchObject({
      etherType: ETHERTYPE_IPV6,
      offset: BEFORE + header6.length,
    });
  });

  test.each(CASES)('$name: nothing is read past the end of what was captured', ({ linkType, ipv4 }) => {
    const header = octetsOf(ipv4);
    for (let octets = 0; octets < header.length; octets += 1) {
      const { etherType, offset } = find(linkType, header.subarray(0, octets));
      const isIp = etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6;
      if (isIp) expect(offset).toBeLessThanOrEqual(BEFORE + octets);
      else expect([LINK_NOT_IP, LINK_TRUNCATED, LINK_UNSUPPORTED]).toContain(etherType);
    }
  });

  test('any octets of any link type have an answer', () => {
    const linkTypes = fc.constantFrom(...Object.values(link), 189, 195, 220);
    fc.assert(
      fc.property(linkTypes, fc.uint8Array({ maxLength: 160 }), (linkType, frame) => {
        const { etherType } = find(linkType, frame);
        expect([ETHERTYPE_IPV4, ETHERTYPE_IPV6, LINK_NOT_IP, LINK_TRUNCATED, LINK_UNSUPPORTED]).toContain(
          etherType,
        );
      }),
      { numRuns: 5000 },
    );
  });
});

describe('what leads to no IP header', () => {
  test.each([
    ['an ARCNET fragment other than the first', link.LINKTYPE_ARCNET_LINUX, '01020000 d4 020001'],
    ['a Multilink fragment', link.LINKTYPE_PPP, 'ff03 003d 80000001 0021'],
    ['a Token Ring MAC frame', link.LINKTYPE_TOKEN_RING, `1000 ${MAC} ${SNAP} 0800`],
    ['a record of PKTAP that is no packet', link.LINKTYPE_PKTAP, `6c000000 02000000 01000000 ${zeros(96)}`],
    ['an ERF type without IP', link.LINKTYPE_ERF, `${zeros(8)} 03 04 ${zeros(6)}`],
    ['a prefix that is longer than the frame', link.LINKTYPE_PPI, '0000 ff00 01000000'],
    ['USB', 220, zeros(64)],
    ['IEEE 802.15.4', 195, '4188 00 cdab 0200 0100 41'],
  ])('%s', (_name, linkType, header) => {
    expect(find(linkType, joined(octetsOf(header), IPV4)).etherType).toBeLessThanOrEqual(LINK_NOT_IP);
  });

  test.each([
    ['of one kind', '0000 0800 c0000000'],
    ['of two kinds in turn', '0000 0800 02010000 0c000000 01000000 c0000000'],
    ['without a length', '0000 0000 c0000000'],
  ])('prefixes within prefixes, %s, end', (_name, prefix) => {
    expect(find(link.LINKTYPE_PPI, octetsOf(prefix.repeat(20_000))).etherType).toBe(LINK_UNSUPPORTED);
  });
});
