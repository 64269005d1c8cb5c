import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { UserError } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { openDatagramSender } from './datagram-sender.ts';
import { libcUnavailable } from './libc.ts';
import { createNamespacePair, namespacesUnavailable, within } from './namespace-pair.ts';
import { pathMtu } from './path-mtu.ts';

describe('a datagram sender', () => {
  for (const [type, address] of [
    ['udp4', '127.0.0.1'],
    ['udp6', '::1'],
  ] as const) {
    test(`sends from the local end that it names (${type})`, async () => {
      const sink = createSocket(type);
      sink.bind(0, address);
      await once(sink, 'listening');
      const sender = await openDatagramSender({ address, port: sink.address().port });
      const arrived = once(sink, 'message');
      expect(sender.send(Buffer.from('hello'))).toBe(true);
      const [message, remote] = await arrived;
      expect(String(message)).toBe('hello');
      expect(remote).toMatchObject({ address: sender.localAddress, port: sender.localPort });
      await sender.drained();
      expect(sender.statistics()).toEqual({
        sent: 1,
        sentOctets: 5,
        refused: 0,
        failed: 0,
        latestError: undefined,
        queuedOctets: 0,
      });
      await sender.close();
      sink.close();
    });
  }

  test('refuses what does not fit into its queue, and counts it', async () => {
    const sender = await openDatagramSender({ address: '127.0.0.1', port: 9, queueOctetsMax: 1000 });
    const accepted = Array.from({ length: 5 }, () => sender.send(new Uint8Array(400)));
    expect(accepted).toEqual([true, true, false, false, false]);
    expect(sender.statistics()).toMatchObject({ refused: 3, queuedOctets: 800 });
    await sender.drained();
    expect(sender.send(new Uint8Array(1000))).toBe(true);
    await sender.close();
    const { sent, failed, refused, queuedOctets } = sender.statistics();
    expect({ refused, queuedOctets }).toEqual({ refused: 3, queuedOctets: 0 });
    expect(sent + failed).toBeGreaterThanOrEqual(3);
  });

  test('tells of each datagram that it queued whether the kernel took it', async () => {
    const sink = createSocket('udp4');
    sink.bind(0, '127.0.0.1');
    await once(sink, 'listening');
    const { address, port } = sink.address();
    const sender = await openDatagramSender({ address, port, queueOctetsMax: 70_000 });
    const outcomes: [string, boolean][] = [];
    const tell = (name: string) => (taken: boolean) => outcomes.push([name, taken]);
    expect(sender.send(new Uint8Array(10), tell('small'))).toBe(true);
    expect(sender.send(new Uint8Array(65_530), tell('larger than a datagram'))).toBe(true);
    expect(sender.send(new Uint8Array(10_000), tell('refused'))).toBe(false);
    await sender.close();
    sink.close();
    expect(Object.fromEntries(outcomes)).toEqual({ small: true, 'larger than a datagram': false });
    expect(sender.statistics()).toMatchObject({ sent: 1, refused: 1, latestError: 'EMSGSIZE' });
  });

  test('counts a port that nobody listens on as a failure', async () => {
    const unused = createSocket('udp4');
    unused.bind(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address();
    unused.close();
    const sender = await openDatagramSender({ address: '127.0.0.1', port });
    for (let i = 0; i < 50 && sender.statistics().failed === 0; i += 1) {
      sender.send(new Uint8Array(10));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(sender.statistics()).toMatchObject({ latestError: 'ECONNREFUSED' });
    await sender.close();
  });

  test('says in one line why it cannot send', async () => {
    const options = { address: '127.0.0.1', port: 9, localAddress: '192.0.2.99' };
    await expect(openDatagramSender(options)).rejects.toThrow(UserError);
    await expect(openDatagramSender(options)).rejects.toThrow(
      'cannot send to udp/127.0.0.1:9 from 192.0.2.99: EADDRNOTAVAIL',
    );
  });
});

describe('the path MTU', () => {
  test.skipIf(libcUnavailable() !== undefined)('is what the kernel knows', () => {
    expect(pathMtu('::1')).toEqual({ mtu: 65_536, payloadOctetsMax: 65_488, known: true });
  });

  test('is assumed where the destination is no literal address', () => {
    expect(pathMtu('collector.example')).toMatchObject({ known: false });
  });

  const unavailable = namespacesUnavailable();
  test.skipIf(unavailable !== undefined)(`follows the interface (${unavailable ?? 'namespaces'})`, () => {
    const pair = createNamespacePair('mtu');
    try {
      pair.run(pair.a, 'ip', 'link', 'set', 'veth', 'mtu', '1390');
      within(pair.a, () => {
        expect(pathMtu('10.9.0.2')).toEqual({ mtu: 1390, payloadOctetsMax: 1362, known: true });
        expect(pathMtu('fd09::2')).toEqual({ mtu: 1390, payloadOctetsMax: 1342, known: true });
        expect(pathMtu('192.0.2.1')).toEqual({ mtu: 1500, payloadOctetsMax: 1472, known: false });
        expect(pathMtu('2001:db8::1')).toEqual({ mtu: 1280, payloadOctetsMax: 1232, known: false });
      });
    } finally {
      pair.remove();
    }
  });
});
