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
import { addressesOf } from './packet-direction.ts';
import type { InterfaceState, PacketRing } from './packet-ring.ts';
import { openPacketSource } from './packet-source.ts';
import { deviceWithAddress } from './pcap-device.ts';
import { pcapLibrary, pcapUnavailable } from './pcap-library.ts';
import { openSinglePacketReader } from './pcap-reader.ts';
import { openPcapSource, type PcapSourceOptions } from './pcap-source.ts';

interface Packet {
  readonly octets: string;
  readonly wireLength: number;
  readonly timestampMs: number;
  readonly direction: number;
}

const withoutPcap = pcapUnavailable()?.missing;
const unavailable = withoutPcap ?? namespacesUnavailable();

function drainPackets(source: PacketRing): Packet[] {
  const packets: Packet[] = [];
  source.drain((bytes, offset, capturedLength, wireLength, timestampMs, direction) => {
    const octets = Buffer.from(bytes.subarray(offset, offset + capturedLength)).toString('hex');
    packets.push({ octets, wireLength, timestampMs, direction });
  });
  return packets;
}

describe.skipIf(unavailable !== undefined)(`libpcap in a namespace ${unavailable ?? ''}`, () => {
  let pair: NamespacePair;
  const sources: PacketRing[] = [];

  function open(options: Partial<PcapSourceOptions> = {}, kind: 'ring' | 'pcap' = 'pcap'): PacketRing {
    const source = within(pair.a, () => openPacketSource(kind, { interfaceName: 'veth', ...options }));
    sources.push(source);
    return source;
  }

  beforeAll(() => {
    pair = createNamespacePair('pcap');
    pair.run(pair.a, 'ping', '-c1', '10.9.0.2');
    pair.run(pair.a, 'ping', '-c1', 'fd09::2');
  });

  afterAll(() => {
    for (const source of sources) source.close();
    pair.remove();
  });

  test('gives the packets that the ring gives, octet for octet, in both directions', () => {
    const [ring, pcap] = [open({}, 'ring'), open()];
    pair.run(pair.a, 'ping', '-q', '-c40', '-i0.01', '-s', '1000', '10.9.0.2');
    pair.run(pair.b, 'ping', '-q', '-c25', '-i0.01', '-s', '300', 'fd09::1');
    // Ends of the capture differ by what else passes on a live interface; the pings do not.
    const echoes = (source: PacketRing) =>
      drainPackets(source).filter(({ wireLength }) => wireLength === 1042 || wireLength === 362);
    const [expected, found] = [echoes(ring), echoes(pcap)];
    expect(found.length).toBe(130);
    const withoutTime = ({ octets, wireLength, direction }: Packet) => ({ octets, wireLength, direction });
    expect(found.map(withoutTime)).toEqual(expected.map(withoutTime));
    expect(found.filter(({ direction }) => direction === 1).length).toBe(65);
    // Two sockets stamp a packet on their own: less than 5 ms apart.
    for (const [index, { timestampMs }] of found.entries()) {
      expect(Math.abs(timestampMs - expected[index]!.timestampMs)).toBeLessThan(5);
    }
    expect(pcap.linkType).toBe(LINKTYPE_ETHERNET);
    expect(pcap.interfaceIndex).toBe(ring.interfaceIndex);
    expect(pcap.statistics()).toMatchObject({ kernelDrops: 0 });
    expect(pcap.statistics().packets).toBeGreaterThanOrEqual(130);
  });

  test('sees each packet on loopback once', () => {
    const source = open({ interfaceName: 'lo' });
    pair.run(pair.a, 'ping', '-c3', '-i0.01', '127.0.0.1');
    const packets = drainPackets(source);
    expect(packets.map(({ octets }) => octets.slice(68, 70))).toEqual(['08', '00', '08', '00', '08', '00']);
    expect(packets.map(({ direction }) => direction)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('finds the direction of packets without a link header by their addresses', () => {
    const tun = within(pair.a, () => openTun('tun8'));
    execFileSync('ip', ['-n', pair.a, 'addr', 'add', '10.9.8.1/24', 'dev', 'tun8']);
    execFileSync('ip', ['-n', pair.a, 'addr', 'add', 'fd98::1/64', 'dev', 'tun8', 'nodad']);
    execFileSync('ip', ['-n', pair.a, 'link', 'set', 'tun8', 'up']);
    const source = open({ interfaceName: 'tun8' });
    pair.run(pair.a, 'sh', '-c', 'ping -c1 -W0.1 10.9.8.2; ping -c1 -W0.1 fd98::2; true');
    for (const from of ['0a090802', '0a090801']) {
      writeSync(tun, Buffer.from(`4500001c0000000040010000${from}0a0908010800f7ff00000000`, 'hex'));
    }
    const packets = drainPackets(source).filter(({ wireLength }) => [84, 104, 28].includes(wireLength));
    closeSync(tun);
    expect(source.linkType).toBe(LINKTYPE_RAW);
    expect(packets.map(({ octets }) => octets[0])).toEqual(['4', '6', '4', '4']);
    expect(packets.map(({ direction }) => direction)).toEqual([1, 1, 0, 1]);
  });

  test('counts what was dropped when nobody reads', () => {
    const source = open({ ringOctets: 256 * 1024, snapLength: 1100 });
    pair.run(pair.a, 'ping', '-q', '-f', '-c', '6000', '-s', '1000', '10.9.0.2');
    let echoes = 0;
    let given = 0;
    source.drain((_bytes, _offset, _captured, wireLength) => {
      given += 1;
      if (wireLength === 1042) echoes += 1;
    });
    const { kernelDrops, packets } = source.statistics();
    expect(packets).toBe(given);
    expect(kernelDrops).toBeGreaterThan(0);
    expect(echoes + kernelDrops).toBeGreaterThanOrEqual(12_000);
    expect(echoes + kernelDrops).toBeLessThan(12_100);
  });

  test('says that a removed interface is gone', () => {
    const states: InterfaceState[] = [];
    execFileSync('ip', ['-n', pair.a, 'link', 'add', 'gone0', 'type', 'veth', 'peer', 'name', 'gone1']);
    for (const name of ['gone0', 'gone1']) execFileSync('ip', ['-n', pair.a, 'link', 'set', name, 'up']);
    const source = open({ interfaceName: 'gone0', onStateChange: (state) => states.push(state) });
    source.poll(5, () => {});
    expect(source.state()).toBe('up');
    execFileSync('ip', ['-n', pair.a, 'link', 'del', 'gone0']);
    for (let turn = 0; turn < 20 && source.state() === 'up'; turn += 1) source.poll(20, () => {});
    expect(states).toEqual(['gone']);
    expect(source.poll(5, () => {})).toBe(0);
  });

  test('says why an interface that is down cannot be opened', () => {
    execFileSync('ip', ['-n', pair.a, 'link', 'add', 'down0', 'type', 'veth', 'peer', 'name', 'down1']);
    expect(() => open({ interfaceName: 'down0' })).toThrow(
      'cannot capture on down0 with libpcap: That device is not up',
    );
  });

  test('reads packet by packet what it reads by the dump', () => {
    const library = pcapLibrary();
    const singles: string[] = [];
    const { address, reader, source } = within(pair.a, () => {
      const handle = library.create('veth', new Uint8Array(256)) as bigint;
      library.setSnapLength(handle, 128);
      library.setTimeout(handle, 10);
      library.setBufferOctets(handle, 32 * 1024 * 1024);
      expect(library.activate(handle)).toBeGreaterThanOrEqual(0);
      expect(library.setNonBlocking(handle, 1, new Uint8Array(256))).toBe(0);
      const single = openSinglePacketReader(library, handle, 128);
      return { address: handle, reader: single, source: open({ snapLength: 128 }) };
    });
    pair.run(pair.a, 'ping', '-q', '-c20', '-i0.01', '-s', '500', '10.9.0.2');
    const byDump = drainPackets(source).filter(({ wireLength }) => wireLength === 542);
    const read = reader.read((bytes, offset, captured, wireLength, seconds, fraction) => {
      if (wireLength !== 542) return;
      singles.push(Buffer.from(bytes.subarray(offset, offset + captured)).toString('hex'));
      expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(60);
      expect(fraction).toBeLessThan(1e6);
    });
    reader.close();
    library.close(address);
    expect(read).toBeGreaterThanOrEqual(40);
    expect(singles).toEqual(byDump.map(({ octets }) => octets));
    expect(singles).toHaveLength(40);
  });

  test('finds a device by its address', () => {
    const find = (...addresses: Uint8Array[]) =>
      within(pair.a, () => deviceWithAddress(pcapLibrary(), 'Ethernet 2', addresses));
    expect(find(Uint8Array.of(10, 9, 0, 1))).toBe('veth');
    const own = within(pair.a, () => addressesOf('veth'));
    expect(own.map(({ length }) => length).sort()).toEqual([16, 16, 4]);
    for (const address of own) expect(find(address)).toBe('veth');
    expect(() => find(Uint8Array.of(192, 0, 2, 1))).toThrow(
      '"Ethernet 2": no capture device has its address',
    );
  });
});

describe.skipIf(withoutPcap !== undefined || !captureCapability('pcap').allowed)('libpcap', () => {
  test('refuses an interface that does not exist, by name', () => {
    expect(() => openPcapSource({ interfaceName: 'nope0' })).toThrow(UserError);
    expect(() => openPcapSource({ interfaceName: 'nope0' })).toThrow('interface "nope0": there is none');
  });

  test('cannot be read once it is closed, and keeps its counts', () => {
    const source = openPcapSource({ interfaceName: 'lo' });
    execFileSync('ping', ['-c1', '127.0.0.1']);
    source.drain(() => {});
    source.close();
    source.close();
    expect(source.statistics().packets).toBeGreaterThanOrEqual(2);
    expect(() => source.poll(0, () => {})).toThrow('the source is open');
  });
});
