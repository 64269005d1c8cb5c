import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createNamespacePair, type NamespacePair, namespacesUnavailable, within } from './namespace-pair.ts';
import { type LoggedPacket, NETFILTER_HOOKS, type NflogReader, openNflog } from './nflog.ts';

const unavailable = namespacesUnavailable();

const RULES = `
table inet t {
  chain in {
    type filter hook input priority 0;
    udp dport 7000 log prefix "trust:no-tag " group 5 drop
    udp dport 7001 log group 6 drop
    udp dport 7009 log prefix "flood" group 7 drop
  }
  chain out {
    type filter hook output priority 0;
    ip daddr 10.9.0.77 log prefix "acl:deny" group 5 drop
  }
}`;

const SEND_DATAGRAMS = `
import socket, sys
address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, socket.SOCK_DGRAM)
for i in range(count): s.sendto(bytes(400), (address, port))`;

describe.skipIf(unavailable !== undefined)(`an NFLOG reader ${unavailable ?? ''}`, () => {
  let pair: NamespacePair;
  const readers: NflogReader[] = [];

  function open(groups: number[], receiveBufferOctets?: number): NflogReader {
    const size = receiveBufferOctets === undefined ? {} : { receiveBufferOctets };
    const reader = within(pair.a, () => openNflog({ groups, ...size }));
    readers.push(reader);
    return reader;
  }

  /** Copies of the packets that come within some polls. */
  function take(reader: NflogReader, count: number) {
    const list: (LoggedPacket & { octets: Buffer })[] = [];
    for (let polls = 0; list.length < count && polls < 20; polls += 1) {
      reader.poll(100, (packet) => {
        const octets = Buffer.from(
          packet.bytes.subarray(packet.offset, packet.offset + packet.capturedLength),
        );
        list.push({ ...packet, octets });
      });
    }
    return list;
  }

  function sendFromB(port: number, count: number, address = '10.9.0.1'): void {
    pair.run(pair.b, 'python3', '-c', SEND_DATAGRAMS, address, String(port), String(count));
  }

  beforeAll(() => {
    pair = createNamespacePair('nflog');
    pair.run(pair.a, 'nft', RULES);
  });

  afterAll(() => {
    for (const reader of readers) reader.close();
    pair.remove();
  });

  test('gives prefix, hook, interfaces, time and octets of what rules dropped', () => {
    const reader = open([5, 6]);
    const before = Date.now();
    sendFromB(7000, 1);
    sendFromB(7000, 1, 'fd09::1');
    sendFromB(7001, 1);
    const packets = take(reader, 3).sort((x, y) => x.group - y.group || x.octets[0]! - y.octets[0]!);
    const interfaceIndex = Number(pair.run(pair.a, 'cat', '/sys/class/net/veth/ifindex'));
    expect(packets.map(({ group, prefix }) => [group, prefix])).toEqual([
      [5, 'trust:no-tag '],
      [5, 'trust:no-tag '],
      [6, ''],
    ]);
    expect(packets.map(({ wireLength }) => wireLength)).toEqual([428, 448, 428]);
    for (const packet of packets) {
      expect(NETFILTER_HOOKS[packet.hook]).toBe('input');
      expect(packet.inInterface).toBe(interfaceIndex);
      expect(packet.outInterface).toBe(0);
      expect(packet.capturedLength).toBe(256);
      if (packet.timestampMs !== 0) expect(Math.abs(packet.timestampMs - before)).toBeLessThan(5000);
    }
    expect(packets[0]!.octets.subarray(12, 20).toString('hex')).toBe('0a0900020a090001');
    expect(reader.statistics()).toEqual({ packets: 3, kernelDrops: 0, overruns: 0, malformed: 0 });
    reader.close();
    readers.pop();
  });

  test('names the output hook and the interface where the packet would have gone', () => {
    const reader = open([5]);
    pair.run(pair.a, 'sh', '-c', 'ping -c2 -i0.01 -W0.1 10.9.0.77; true');
    const packets = take(reader, 2);
    expect(packets.map(({ prefix, hook }) => [prefix, NETFILTER_HOOKS[hook]])).toEqual([
      ['acl:deny', 'output'],
      ['acl:deny', 'output'],
    ]);
    expect(packets.every(({ outInterface, inInterface }) => outInterface > 0 && inInterface === 0)).toBe(
      true,
    );
    expect(packets[0]!.wireLength).toBe(84);
    reader.close();
    readers.pop();
  });

  test('counts what the kernel could not hand over', () => {
    const reader = open([7], 16_384);
    sendFromB(7009, 3000);
    const received = take(reader, 3000).length;
    sendFromB(7009, 40);
    const later = take(reader, 40).length;
    const { kernelDrops, overruns, packets } = reader.statistics();
    expect(overruns).toBeGreaterThan(0);
    expect(packets).toBe(received + later);
    expect(packets + kernelDrops).toBe(3040);
  });

  test('says in one line why a group cannot be read', () => {
    open([9]);
    expect(() => open([9])).toThrow('NFLOG group 9: another process reads this group');
    expect(() => open([70_000])).toThrow('a whole number from 0 to 65535');
  });
});
