import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
} from './link-type.ts';
import { directionFinder, type InterfaceOwner } from './packet-direction.ts';

const INGRESS = 0;
const EGRESS = 1;
const UNKNOWN = 255;

const owner: InterfaceOwner = {
  loopback: false,
  hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 7),
  addresses: [
    Uint8Array.of(10, 0, 0, 7),
    Uint8Array.of(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7),
    Uint8Array.of(10, 0, 1, 7),
  ],
};

const LINK_TYPES = [
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  LINKTYPE_NULL,
  LINKTYPE_LOOP,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
];

/** The direction of a packet in hex, which stands in the middle of other octets. */
function directionOf(linkType: number, hex: string, of: InterfaceOwner = owner): number {
  const packet = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  const bytes = Buffer.concat([Buffer.alloc(9, 0xee), packet, Buffer.alloc(9, 0xee)]);
  return directionFinder(linkType, of)(bytes, 9, packet.length);
}

describe('the direction of a packet', () => {
  test('is told by the source MAC of Ethernet', () => {
    const to = 'ffffffffffff';
    expect(directionOf(LINKTYPE_ETHERNET, `${to} 020000000007 0800`)).toBe(EGRESS);
    expect(directionOf(LINKTYPE_ETHERNET, `${to} 020000000107 0800`)).toBe(INGRESS);
    expect(directionOf(LINKTYPE_ETHERNET, `020000000007 020000000001 0800`)).toBe(INGRESS);
    const without = { ...owner, hardwareAddress: undefined };
    expect(directionOf(LINKTYPE_ETHERNET, `${to} 020000000007 0800`, without)).toBe(UNKNOWN);
  });

  test.each([
    [LINKTYPE_RAW, ''],
    [LINKTYPE_NULL, '02000000'],
    [LINKTYPE_LOOP, '00000002'],
  ])('is told by the source address of IP (link type %i)', (linkType, link) => {
    const ipv4 = `${link} 45000014 00000000 40000000`;
    expect(directionOf(linkType, `${ipv4} 0a000007 0a000001`)).toBe(EGRESS);
    expect(directionOf(linkType, `${ipv4} 0a000107 0a000001`)).toBe(EGRESS);
    expect(directionOf(linkType, `${ipv4} 0a000001 0a000007`)).toBe(INGRESS);
    const ipv6 = `${link} 60000000 00003b40`;
    const own = 'fd000000000000000000000000000007';
    const other = 'fd000000000000000000000000000008';
    expect(directionOf(linkType, `${ipv6} ${own} ${other}`)).toBe(EGRESS);
    expect(directionOf(linkType, `${ipv6} ${other} ${own}`)).toBe(INGRESS);
  });

  test('is told by cooked headers', () => {
    expect(directionOf(LINKTYPE_LINUX_SLL, '0004 0001 0006')).toBe(EGRESS);
    expect(directionOf(LINKTYPE_LINUX_SLL, '0000 0001 0006')).toBe(INGRESS);
    expect(directionOf(LINKTYPE_LINUX_SLL2, '0800 0000 00000002 0001 04 06')).toBe(EGRESS);
    expect(directionOf(LINKTYPE_LINUX_SLL2, '0800 0000 00000002 0001 00 06')).toBe(INGRESS);
  });

  test('is ingress on loopback and unknown on a link nobody knows', () => {
    expect(directionOf(LINKTYPE_NULL, '02000000', { ...owner, loopback: true })).toBe(INGRESS);
    expect(directionOf(195, '0000')).toBe(UNKNOWN);
  });

  test('never depends on octets that were not captured', () => {
    const packet = fc.uint8Array({ maxLength: 64 });
    fc.assert(
      fc.property(fc.constantFrom(...LINK_TYPES), packet, packet, packet, (linkType, own, rest, other) => {
        const find = directionFinder(linkType, owner);
        const direction = find(Uint8Array.of(...own, ...rest), 0, own.length);
        expect([INGRESS, EGRESS, UNKNOWN]).toContain(direction);
        expect(find(Uint8Array.of(...own, ...other), 0, own.length)).toBe(direction);
      }),
    );
  });
});
