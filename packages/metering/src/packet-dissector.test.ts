import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildFrame, buildIpv4, buildIpv6 } from './frame-builder.ts';
import * as link from './link-type.ts';
import * as burstRow from './packet-burst.ts';
import { PacketBurst } from './packet-burst.ts';
import { PACKET_OUTCOMES, PacketDissector } from './packet-dissector.ts';

const burst = new PacketBurst();
const dissector = new PacketDissector(burst);

/** Dissects a frame that lies within other octets and tells what the row says. */
function dissect(
  frame: Uint8Array,
  linkType: number = link.LINKTYPE_ETHERNET,
  wireLength = frame.length,
  direction = 255,
) {
  const bytes = new Uint8Array(frame.length + 20).fill(0xee);
  bytes.set(frame, 10);
  const outcome = dissector.dissect(0, bytes, 10, frame.length, wireLength, direction, 3, linkType);
  const { words } = burst;
  const kind = words[burstRow.KEY_KIND] as number;
  const ports = words[burstRow.KEY_PORTS] as number;
  return {
    outcome: PACKET_OUTCOMES[outcome],
    octets: words[burstRow.PACKET_OCTETS],
    source: (words[burstRow.KEY_SOURCE] as number) >>> 0,
    destination: (words[burstRow.KEY_DESTINATION] as number) >>> 0,
    ports: `${ports >>> 16}>${ports & 0xffff}`,
    protocol: kind & 0xff,
    isIpv6: (kind & burstRow.KIND_IPV6) !== 0,
    vlan: (kind >> burstRow.KIND_VLAN_SHIFT) & 0xfff,
    direction: (kind >> burstRow.KIND_DIRECTION_SHIFT) & 3,
    bits: (words[burstRow.PACKET_BITS] as number) & 0xffff,
    ttl: (words[burstRow.PACKET_TTL] as number) & 0xff,
    tos: (words[burstRow.PACKET_TTL] as number) >> 16,
  };
}

/** What `dissect` says of the plain frame that `buildFrame()` makes. */
const plain = {
  outcome: 'ip',
  octets: 28,
  source: 0xc0000201,
  destination: 0xc6336402,
  ports: '1024>53',
  protocol: 17,
};

const etherType = (type: number, payload: Uint8Array) =>
  Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, type >> 8, type & 255, ...payload);

describe('IPv4', () => {
  test('takes the key, the lengths and the class of service', () => {
    const frame = buildFrame({
      protocol: 6,
      tcpControlBits: 0x112,
      timeToLive: 57,
      typeOfService: 0xb8,
      payload: 9,
    });
    expect(dissect(frame)).toMatchObject({
      ...plain,
      protocol: 6,
      octets: 49,
      bits: 0x112,
      ttl: 57,
      tos: 0xb8,
    });
  });

  test('counts the octets that the header states: not the padding, not what the snapshot length left', () => {
    expect(dissect(new Uint8Array([...buildFrame(), ...new Uint8Array(18)]))).toMatchObject(plain);
    expect(dissect(buildFrame({ payload: 500 }).subarray(0, 60), 1, 542)).toMatchObject({
      ...plain,
      octets: 528,
    });
  });

  test('a total length of 0 is that of a packet that the network card will cut up', () => {
    const frame = buildFrame({ protocol: 6 });
    frame[17] = 0;
    expect(dissect(frame, 1, 9014)).toMatchObject({ outcome: 'ip', octets: 9000, ports: '1024>53' });
  });

  test('only the first fragment has ports', () => {
    expect(dissect(buildFrame({ fragmentOffset: 0x2000 })).ports).toBe('1024>53');
    expect(dissect(buildFrame({ fragmentOffset: 185 }))).toMatchObject({ ports: '0>0', octets: 28 });
  });

  test('ports are not read beyond the packet, nor from a protocol without ports', () => {
    const short = buildFrame();
    short[17] = 22;
    expect(dissect(short)).toMatchObject({ ports: '0>0', octets: 22 });
    expect(dissect(buildFrame({ protocol: 47 })).ports).toBe('0>0');
  });

  test('ICMP: type and code in place of the destination port', () => {
    const frame = buildFrame({ protocol: 1 });
    frame.set([3, 1], 34);
    expect(dissect(frame)).toMatchObject({ ports: '0>769', protocol: 1 });
  });

  test.each([
    ['version 5', 14, 0x55, 'malformed'],
    ['a header of 16 octets', 14, 0x44, 'malformed'],
    ['a total length within the header', 17, 19, 'malformed'],
    ['options that were not captured', 14, 0x4f, 'truncated'],
  ])('%s is counted as such', (_, offset, value, outcome) => {
    const frame = buildFrame();
    frame[offset] = value;
    expect(dissect(frame).outcome).toBe(outcome);
  });
});

describe('IPv6', () => {
  const udp = [4, 0, 0, 53, 0, 8, 0, 0];
  const ip6 = (nextHeader: number, rest: number[]) => dissect(etherType(0x86dd, buildIpv6(nextHeader, rest)));

  test('takes the key', () => {
    expect(ip6(17, udp)).toMatchObject({
      outcome: 'ip',
      isIpv6: true,
      octets: 48,
      ports: '1024>53',
      tos: 0xab,
      source: 1,
      destination: 2,
    });
  });

  test('walks over hop-by-hop, destination and routing headers', () => {
    const chain = [60, 0, 1, 4, 0, 0, 0, 0, 43, 1, ...new Array(14).fill(0), 17, 0, ...new Array(6).fill(0)];
    expect(ip6(0, [...chain, ...udp])).toMatchObject({ protocol: 17, ports: '1024>53', octets: 80 });
  });

  test('a first fragment has ports, a later one none', () => {
    expect(ip6(44, [17, 0, 0, 1, 0, 0, 0, 9, ...udp])).toMatchObject({ protocol: 17, ports: '1024>53' });
    expect(ip6(44, [17, 0, 1, 0, 0, 0, 0, 9, ...udp])).toMatchObject({ protocol: 17, ports: '0>0' });
  });

  test('a chain that the capture cuts off is of the last protocol that it names', () => {
    expect(ip6(60, [43, 1, 1, 12])).toMatchObject({ protocol: 43, ports: '0>0' });
    expect(ip6(0, [60, 0, 1, 4, 0, 0, 0, 0, 6])).toMatchObject({ protocol: 6, ports: '0>0' });
    expect(ip6(44, [17, 0, 0, 0, 0, 0, 0])).toMatchObject({ protocol: 44, ports: '0>0' });
    expect(ip6(43, [])).toMatchObject({ protocol: 43, ports: '0>0' });
  });

  test('a chain without end ends', () => {
    expect(ip6(0, new Array(400).fill(0))).toMatchObject({ outcome: 'ip', protocol: 0, ports: '0>0' });
  });

  test('a payload length of 0: all of a jumbogram, none of the padding of a short frame', () => {
    const packet = buildIpv6(17, udp);
    packet[5] = 0;
    expect(dissect(etherType(0x86dd, packet), 1, 80_054)).toMatchObject({ octets: 80_040, ports: '1024>53' });
    expect(dissect(etherType(0x86dd, packet.subarray(0, 46)), 1, 60)).toMatchObject({ octets: 40 });
  });

  test('ICMPv6', () => expect(ip6(58, [128, 0, 0, 0])).toMatchObject({ ports: '0>32768', protocol: 58 }));
});

describe('what lies below IP', () => {
  test.each([
    ['a VLAN tag', { vlans: [100] }, 100],
    ['two tags: the outer one counts', { vlans: [7, 100] }, 7],
    ['a priority tag is no VLAN', { vlans: [0, 100] }, 100],
  ])('%s', (_, description, vlan) => {
    expect(dissect(buildFrame(description))).toMatchObject({ ...plain, vlan });
  });

  const ip = buildIpv4();
  const ethernet = buildFrame();
  const snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
  test.each<[string, number, number[]]>([
    ['802.1ad', 1, [...etherType(0x88a8, Uint8Array.of(0, 9, 0x81, 0, 0, 10, 8, 0)), ...ip]],
    ['PPPoE', 1, [...etherType(0x8864, Uint8Array.of(0x11, 0, 0, 1, 0, 30, 0, 0x21)), ...ip]],
    ['MPLS', 1, [...etherType(0x8847, Uint8Array.of(0, 1, 0, 64, 0, 2, 1, 64)), ...ip]],
    ['MPLS with a pseudowire', 1, [...etherType(0x8847, Uint8Array.of(0, 1, 1, 64)), ...ethernet]],
    [
      'MPLS with a control word',
      1,
      [...etherType(0x8847, Uint8Array.of(0, 1, 1, 64, 0, 0, 0, 5)), ...ethernet],
    ],
    ['provider backbone bridging', 1, [...etherType(0x88e7, Uint8Array.of(0, 0, 0, 1)), ...ethernet]],
    ['VN-Tag', 1, [...etherType(0x8926, Uint8Array.of(0, 0, 0, 0, 8, 0)), ...ip]],
    ['MACsec in the clear', 1, [...etherType(0x88e5, Uint8Array.of(0, 0, 0, 0, 0, 1, 8, 0)), ...ip]],
    ['LLC and SNAP', 1, [...etherType(36, Uint8Array.from(snap)), ...ip]],
    ['NSH', 1, [...etherType(0x894f, Uint8Array.of(0, 2, 2, 1, 0, 0, 0, 0)), ...ip]],
    ['raw IP', 101, [...ip]],
    ['LINKTYPE_IPV4', 228, [...ip]],
    ['null, little-endian', 0, [2, 0, 0, 0, ...ip]],
    ['loop', 108, [0, 0, 0, 2, ...ip]],
    ['PPP', 9, [0xff, 3, 0, 0x21, ...ip]],
    ['PPP with compressed fields', 9, [0x21, ...ip]],
    ['Cisco HDLC', 104, [0x0f, 0, 8, 0, ...ip]],
    ['FDDI', 10, [0x50, ...ethernet.subarray(0, 12), ...snap, ...ip]],
    ['NFLOG', 239, [2, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, ip.length + 4, 0, 9, 0, ...ip]],
    ['802.11', 105, [8, 0, ...new Array(22).fill(0), ...snap, ...ip]],
    ['radiotap', 127, [0, 0, 8, 0, 0, 0, 0, 0, 0x88, 0, ...new Array(24).fill(0), ...snap, ...ip]],
  ])('%s', (_, linkType, frame) => {
    expect(dissect(Uint8Array.from(frame), linkType)).toMatchObject(plain);
  });

  test('Linux cooked captures tell the direction, the second version the interface', () => {
    const sll = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0, ...ip];
    expect(dissect(Uint8Array.from(sll), 113)).toMatchObject({ ...plain, direction: 1 });
    const sll2 = [8, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, ...ip];
    expect(dissect(Uint8Array.from(sll2), 276)).toMatchObject({ ...plain, direction: 0 });
  });

  test('what carries no IP is counted, not guessed at', () => {
    expect(dissect(etherType(0x0806, new Uint8Array(28))).outcome).toBe('notIp');
    expect(dissect(buildFrame().subarray(0, 13)).outcome).toBe('truncated');
    expect(dissect(buildFrame().subarray(0, 33)).outcome).toBe('truncated');
    expect(dissect(buildFrame(), 147).outcome).toBe('unsupportedLink');
    expect(dissect(buildFrame({ vlans: new Array(40).fill(1) })).outcome).toBe('notIp');
  });
});

describe('any octets', () => {
  const linkTypes = [...Object.values(link), 999];

  /** Reads past `end` would show in the result: the octets behind the frame are different the second time. */
  function expectContained(frame: Uint8Array, linkType: number): void {
    const results = [0x00, 0xff].map((filler) => {
      const bytes = new Uint8Array(frame.length + 64).fill(filler);
      bytes.set(frame, 32);
      burst.words.fill(0, 0, burstRow.PACKET_WORDS);
      const outcome = dissector.dissect(0, bytes, 32, frame.length, frame.length, 255, 0, linkType);
      return outcome === 0 ? [0, ...burst.words.subarray(0, burstRow.PACKET_HASH)] : [outcome];
    });
    expect(results[0]).toEqual(results[1]);
  }

  test('never throw and are never read beyond their end', () => {
    const frames = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      fc
        .tuple(
          fc.constantFrom(0x8100, 0x88a8, 0x8864, 0x8847, 0x0800, 0x86dd, 0x88e7, 0x8926, 0x88e5, 0x894f, 20),
          fc.uint8Array({ maxLength: 80 }),
        )
        .map(([type, rest]) => etherType(type, rest)),
      fc
        .tuple(
          fc.constantFrom(0, 43, 44, 60, 6, 17, 58),
          fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 80 }),
        )
        .map(([next, rest]) => etherType(0x86dd, buildIpv6(next, rest))),
    );
    fc.assert(
      fc.property(frames, fc.constantFrom(...linkTypes), (frame, linkType) =>
        expectContained(frame, linkType),
      ),
      { numRuns: 5000 },
    );
  });

  const crashers = fileURLToPath(new URL('../../../../shared/fixtures/malformed/', import.meta.url));
  const missing = existsSync(crashers) ? '' : ' (no shared fixtures)';
  test.skipIf(missing !== '')(`crashers of another decoder do not crash this one${missing}`, () => {
    const names = readdirSync(crashers, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(names.length).toBeGreaterThan(0);
    for (const entry of names) {
      const frame = readFileSync(`${entry.parentPath}/${entry.name}`);
      for (const linkType of linkTypes) expectContained(frame, linkType);
    }
  });
});
