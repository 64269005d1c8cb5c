import { execFileSync } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { UserError } from '@weir/base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { captureCapability } from './capability.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from './link-type.ts';
import {
  createNamespacePair,
  type NamespacePair,
  namespacesUnavailable,
  openTun,
  within,
} from './namespace-pair.ts';
import {
  type InterfaceState,
  openPacketRing,
  type PacketRing,
  type PacketRingOptions,
  RING_OCTETS_DEFAULT,
} from './packet-ring.ts';

interface Packet {
  readonly octets: Buffer;
  readonly wireLength: number;
  readonly timestampMs: number;
  readonly direction: number;
}

const unavailable = namespacesUnavailable();

/** Sends one frame, given in hex, out of the interface `veth`. */
const SEND_FRAME = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('veth', 0))
s.send(bytes.fromhex(sys.argv[1]))`;

/** Takes what the ring holds now and what `drain` still brings. */
function drainPackets(ring: PacketRing): Packet[] {
  const packets: Packet[] = [];
  ring.drain((bytes, offset, capturedLength, wireLength, timestampMs, direction) => {
    const octets = Buffer.from(bytes.subarray(offset, offset + capturedLength));
    packets.push({ octets, wireLength, timestampMs, direction });
  });
  return packets;
}

describe.skipIf(unavailable !== undefined)(`a packet ring in a namespace ${unavailable ?? ''}`, () => {
  let pair: NamespacePair;
  const rings: PacketRing[] = [];

  function openRing(options: Partial<PacketRingOptions> = {}, namespace = pair.a): PacketRing {
    const ring = within(namespace, () =>
      openPacketRing({ interfaceName: 'veth', ringOctets: 4 * 1024 * 1024, ...options }),
    );
    rings.push(ring);
    return ring;
  }

  beforeAll(() => {
    pair = createNamespacePair('ring');
    // Neighbours are resolved before anything is counted.
    pair.run(pair.a, 'ping', '-c1', '10.9.0.2');
    pair.run(pair.a, 'ping', '-c1', 'fd09::2');
  });

  afterAll(() => {
    for (const ring of rings) ring.close();
    pair.remove();
  });

  test('counts what tcpdump counts, in both directions', async () => {
    const isEcho = (packet: Packet) =>
      packet.octets.readUInt16BE(12) === 0x0800 ? packet.octets[23] === 1 : packet.octets[54]! >= 128;
    const ring = openRing({ ringOctets: RING_OCTETS_DEFAULT });
    const filter = 'icmp or (icmp6 and (ip6[40] == 128 or ip6[40] == 129))';
    const args = ['-n', '--immediate-mode', '-i', 'veth', '-w', '/dev/null', filter];
    const tcpdump = pair.start(pair.a, 'tcpdump', ...args);
    await tcpdump.printed('listening on');
    pair.run(pair.a, 'ping', '-q', '-c40', '-i0.01', '-s', '1000', '10.9.0.2');
    pair.run(pair.b, 'ping', '-q', '-c25', '-i0.01', 'fd09::1');
    const packets = drainPackets(ring).filter(isEcho);
    // Neighbour discovery has ICMPv6 types above 128 too, and fewer octets.
    const echoes = packets.filter(({ wireLength }) => wireLength > 100);
    tcpdump.interrupt();
    expect(await tcpdump.ended).toMatch(new RegExp(`^${echoes.length} packets captured`, 'm'));
    expect(echoes.length).toBe(130);
    expect(echoes.filter(({ direction }) => direction === 1).length).toBe(65);
    expect(echoes.filter(({ wireLength }) => wireLength === 1042).length).toBe(80);
    expect(ring.statistics()).toMatchObject({ kernelDrops: 0, notIp: 0 });
  });

  test('gives the octets, length and time of a packet', () => {
    const ring = openRing();
    const before = Date.now();
    pair.run(pair.b, 'ping', '-c1', '-s', '600', '-p', 'abcd', '10.9.0.1');
    // Neighbour discovery may come in between.
    const [request, reply] = drainPackets(ring).filter(({ wireLength }) => wireLength === 642);
    expect(request?.direction).toBe(0);
    expect(reply?.direction).toBe(1);
    expect(request?.octets.length).toBe(256);
    expect(request?.octets.subarray(26, 34).toString('hex')).toBe('0a0900020a090001');
    expect(request?.octets.subarray(60, 64).toString('hex')).toBe('abcdabcd');
    expect(request!.timestampMs).toBeGreaterThanOrEqual(before - 1);
    expect(request!.timestampMs).toBeLessThanOrEqual(Date.now());
    expect(reply!.timestampMs).toBeGreaterThan(request!.timestampMs);
    expect(ring.linkType).toBe(LINKTYPE_ETHERNET);
  });

  test('captures more or less of each packet when it is told to, and goes on', () => {
    const ring = openRing();
    const ping = () => pair.run(pair.b, 'ping', '-c1', '-s', '900', '10.9.0.1');
    ping();
    expect(ring.setSnapLength(600)).toBe(true);
    ping();
    expect(ring.setSnapLength(96)).toBe(true);
    ping();
    const packets = drainPackets(ring).filter(({ wireLength }) => wireLength === 942);
    expect(packets.map(({ octets }) => octets.length)).toEqual([256, 256, 600, 600, 96, 96]);
  });

  test('puts VLAN tags that the kernel took off back into the frame', () => {
    const addresses = '020000000001020000000002';
    const payload = `45${'00'.repeat(99)}`;
    const single = `${addresses}8100a0070800${payload}`;
    const double = `${addresses}88a800648100a0070800${payload}`;
    const receiving = openRing({ snapLength: 96 });
    const sending = openRing({ snapLength: 96 }, pair.b);
    for (const frame of [single, double]) pair.run(pair.b, 'python3', '-c', SEND_FRAME, frame);
    for (const [ring, direction] of [
      [receiving, 0],
      [sending, 1],
    ] as const) {
      const frames = drainPackets(ring).filter(({ octets }) => octets.toString('hex').startsWith(addresses));
      expect(frames.map(({ wireLength }) => wireLength)).toEqual([118, 122]);
      expect(frames.map((frame) => frame.direction)).toEqual([direction, direction]);
      for (const [index, expected] of [single, double].entries()) {
        const captured = frames[index]!.octets.toString('hex');
        expect(captured.length).toBeGreaterThanOrEqual(96 * 2);
        expect(captured).toBe(expected.slice(0, captured.length));
      }
    }
  });

  test('sees each packet on loopback once', () => {
    const ring = openRing({ interfaceName: 'lo' });
    pair.run(pair.a, 'ping', '-c3', '-i0.01', '127.0.0.1');
    const packets = drainPackets(ring);
    expect(packets.map(({ octets }) => octets[34])).toEqual([8, 0, 8, 0, 8, 0]);
    expect(packets.every(({ direction }) => direction === 0)).toBe(true);
    expect(ring.linkType).toBe(LINKTYPE_ETHERNET);
  });

  test('gives IP packets on an interface without a link header', () => {
    const tun = within(pair.a, () => openTun('tun9'));
    execFileSync('ip', ['-n', pair.a, 'addr', 'add', '10.9.9.1/24', 'dev', 'tun9']);
    execFileSync('ip', ['-n', pair.a, 'addr', 'add', 'fd99::1/64', 'dev', 'tun9', 'nodad']);
    execFileSync('ip', ['-n', pair.a, 'link', 'set', 'tun9', 'up']);
    const ring = openRing({ interfaceName: 'tun9' });
    pair.run(pair.a, 'sh', '-c', 'ping -c1 -W0.1 10.9.9.2; ping -c1 -W0.1 fd99::2; true');
    const packets = drainPackets(ring).filter(({ octets }) => octets[0] === 0x45 || octets[6] === 58);
    const echoes = packets.filter(({ wireLength }) => wireLength === 84 || wireLength === 104);
    expect(ring.linkType).toBe(LINKTYPE_RAW);
    expect(echoes.map(({ octets }) => octets[0]! >> 4)).toEqual([4, 6]);
    expect(echoes.map(({ direction }) => direction)).toEqual([1, 1]);
    expect(echoes[0]!.octets.subarray(12, 20).toString('hex')).toBe('0a0909010a090902');
    // Draining closed the first ring's filter.
    const second = openRing({ interfaceName: 'tun9' });
    writeSync(tun, echoes[0]!.octets.subarray(0, 84));
    const [incoming] = drainPackets(second);
    expect(incoming?.direction).toBe(0);
    expect(incoming?.wireLength).toBe(84);
    closeSync(tun);
  });

  test('lets a filter decide what is captured', () => {
    // tcpdump -ddd 'ip proto 1', with a snap length of 100.
    const filter = [
      { code: 0x28, jumpTrue: 0, jumpFalse: 0, operand: 12 },
      { code: 0x15, jumpTrue: 0, jumpFalse: 3, operand: 0x0800 },
      { code: 0x30, jumpTrue: 0, jumpFalse: 0, operand: 23 },
      { code: 0x15, jumpTrue: 0, jumpFalse: 1, operand: 1 },
      { code: 0x06, jumpTrue: 0, jumpFalse: 0, operand: 100 },
      { code: 0x06, jumpTrue: 0, jumpFalse: 0, operand: 0 },
    ];
    const ring = openRing({ filter });
    pair.run(pair.a, 'ping', '-c1', '-s', '300', 'fd09::2');
    pair.run(pair.a, 'ping', '-c1', '-s', '300', '10.9.0.2');
    expect(drainPackets(ring).map(({ octets }) => octets.length)).toEqual([100, 100]);
  });

  test('counts what the kernel drops when nobody reads, and loses nothing else', () => {
    const ring = openRing({ ringOctets: 1 });
    expect(ring.ringOctets).toBe(4 * 512 * 1024);
    pair.run(pair.a, 'ping', '-q', '-f', '-c', '6000', '-s', '1000', '10.9.0.2');
    const before = ring.statistics();
    expect(before.kernelDrops).toBeGreaterThan(0);
    expect(before.kernelFreezes).toBeGreaterThan(0);
    const packets = drainPackets(ring);
    const { kernelDrops } = ring.statistics();
    expect(kernelDrops).toBeGreaterThanOrEqual(before.kernelDrops);
    const echoes = packets.filter(({ wireLength }) => wireLength === 1042).length;
    expect(echoes).toBeGreaterThan(1000);
    // Requests and replies; others (neighbour discovery) may be among the dropped.
    expect(packets.length + kernelDrops).toBeGreaterThanOrEqual(12_000);
    expect(packets.length + kernelDrops).toBeLessThan(12_100);
  });

  test('reports that the interface went down, came back and was removed', () => {
    const states: InterfaceState[] = [];
    execFileSync('ip', ['-n', pair.a, 'link', 'add', 'gone0', 'type', 'veth', 'peer', 'name', 'gone1']);
    for (const name of ['gone0', 'gone1']) execFileSync('ip', ['-n', pair.a, 'link', 'set', name, 'up']);
    const ring = openRing({ interfaceName: 'gone0', onStateChange: (state) => states.push(state) });
    const ignore = () => {};
    const pollSeveralTimes = () => {
      for (let i = 0; i < 4; i += 1) ring.poll(5, ignore);
    };
    pollSeveralTimes();
    expect(states).toEqual([]);
    execFileSync('ip', ['-n', pair.a, 'link', 'set', 'gone0', 'down']);
    pollSeveralTimes();
    expect(states).toEqual(['down']);
    execFileSync('ip', ['-n', pair.a, 'link', 'set', 'gone0', 'up']);
    pollSeveralTimes();
    expect(states).toEqual(['down', 'up']);
    // Under another name it is the same interface, which carries what it did.
    for (const change of ['gone0 down', 'gone0 name other0', 'other0 up']) {
      execFileSync('ip', ['-n', pair.a, 'link', 'set', ...change.split(' ')]);
      pollSeveralTimes();
    }
    expect(states.splice(2)).toEqual(['down', 'up']);
    execFileSync('ip', ['-n', pair.a, 'link', 'del', 'other0']);
    pollSeveralTimes();
    expect(states).toEqual(['down', 'up', 'gone']);
    expect(ring.poll(5, ignore)).toBe(0);
    expect(ring.state()).toBe('gone');
  });

  test('hands a block back when the callback throws', () => {
    const ring = openRing();
    pair.run(pair.a, 'ping', '-c1', '10.9.0.2');
    const failing = () => {
      throw new Error('from the callback');
    };
    expect(() => ring.poll(200, failing)).toThrow('from the callback');
    expect(ring.statistics().blocks).toBe(1);
  });
});

describe.skipIf(!captureCapability().allowed)('a packet ring', () => {
  test('refuses an interface that does not exist, by name', () => {
    for (const interfaceName of ['nope0', '', 'a-name-that-is-too-long-for-linux', 'a\0b']) {
      expect(() => openPacketRing({ interfaceName })).toThrow(UserError);
    }
    expect(() => openPacketRing({ interfaceName: 'nope0' })).toThrow('interface "nope0": there is none');
  });

  test('detaches its memory when closed', () => {
    const ring = openPacketRing({ interfaceName: 'lo', ringOctets: 2 * 1024 * 1024 });
    execFileSync('ping', ['-c1', '127.0.0.1']);
    let kept: Uint8Array | undefined;
    ring.drain((bytes) => {
      kept = bytes;
    });
    ring.close();
    ring.close();
    expect(kept?.length).toBe(0);
    expect(ring.statistics()).toMatchObject({ kernelDrops: 0 });
    expect(ring.statistics().packets).toBeGreaterThanOrEqual(2);
    expect(() => ring.poll(0, () => {})).toThrow('the ring is open');
  });
});
