import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type DatagramReceiverOptions,
  type DatagramReceiverStatistics,
  type OnDatagram,
  openDatagramReceiver,
} from './datagram-receiver.ts';
import { openDgramReceiver } from './dgram-receiver.ts';
import { libcUnavailable } from './libc.ts';

interface Received {
  readonly text: string;
  readonly length: number;
  readonly senderKey: number;
  readonly senderPort: number;
  readonly truncated: boolean;
}

/** What both receivers have in common, driven the same way by the tests. */
interface ReceiverUnderTest {
  readonly localPort: number;
  senderAddress(senderKey: number): string | undefined;
  statistics(): DatagramReceiverStatistics;
  /** Waits for `count` datagrams in all and returns those since the last call. */
  receive(count: number): Promise<Received[]>;
  close(): unknown;
}

function intoList(list: Received[]): OnDatagram {
  return (bytes, offset, length, senderKey, senderPort, truncated) => {
    const text = Buffer.from(bytes.subarray(offset, offset + length)).toString('latin1');
    list.push({ text, length, senderKey, senderPort, truncated });
  };
}

async function openBatched(options: DatagramReceiverOptions): Promise<ReceiverUnderTest> {
  const receiver = openDatagramReceiver(options);
  const list: Received[] = [];
  const take = intoList(list);
  return {
    ...receiver,
    async receive(count) {
      for (let turns = 0; list.length < count && turns < 200; turns += 1) receiver.receive(10, take);
      return list.splice(0);
    },
  };
}

async function openEventDriven(options: DatagramReceiverOptions): Promise<ReceiverUnderTest> {
  const list: Received[] = [];
  const receiver = await openDgramReceiver(options, intoList(list));
  return {
    ...receiver,
    async receive(count) {
      for (let turns = 0; list.length < count && turns < 400; turns += 1) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return list.splice(0);
    },
  };
}

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const socket of opened.splice(0)) await socket.close();
});

async function openSender(type: 'udp4' | 'udp6'): Promise<Socket> {
  const socket = createSocket(type);
  opened.push(socket);
  socket.bind(0, type === 'udp4' ? '127.0.0.1' : '::1');
  await once(socket, 'listening');
  return socket;
}

const send = (socket: Socket, octets: Uint8Array, port: number) =>
  new Promise<void>((resolve, reject) => {
    const address = socket.address().family === 'IPv4' ? '127.0.0.1' : '::1';
    socket.send(octets, port, address, (error) => (error ? reject(error) : resolve()));
  });

for (const [name, open, reason] of [
  ['recvmmsg', openBatched, libcUnavailable()],
  ['node:dgram', openEventDriven, undefined],
] as const) {
  describe.skipIf(reason !== undefined)(`a datagram receiver over ${name} ${reason ?? ''}`, () => {
    async function openReceiver(options: Partial<DatagramReceiverOptions> = {}) {
      const receiver = await open({ address: '127.0.0.1', port: 0, ...options });
      opened.push(receiver);
      return receiver;
    }

    test('gives out every datagram with its octets, sender and port', async () => {
      const receiver = await openReceiver();
      const [first, second] = [await openSender('udp4'), await openSender('udp4')];
      for (let i = 0; i < 150; i += 1) {
        await send(i % 3 === 0 ? second : first, Buffer.from(`number ${i}`), receiver.localPort);
      }
      const received = await receiver.receive(150);
      expect(received.map(({ text }) => text)).toEqual(Array.from({ length: 150 }, (_, i) => `number ${i}`));
      received.forEach(({ senderPort, senderKey, truncated }, i) => {
        expect(senderPort).toBe((i % 3 === 0 ? second : first).address().port);
        expect(receiver.senderAddress(senderKey)).toBe('127.0.0.1');
        expect(truncated).toBe(false);
      });
      expect(new Set(received.map(({ senderKey }) => senderKey)).size).toBe(1);
      const octets = received.reduce((sum, { length }) => sum + length, 0);
      expect(receiver.statistics()).toMatchObject({
        datagrams: 150,
        octets,
        truncated: 0,
        sendersForgotten: 0,
      });
      expect(receiver.statistics().kernelDrops ?? 0).toBe(0);
    });

    test('takes IPv4 and IPv6 on the address ::', async () => {
      const receiver = await openReceiver({ address: '::' });
      await send(await openSender('udp4'), Buffer.from('four'), receiver.localPort);
      await send(await openSender('udp6'), Buffer.from('six'), receiver.localPort);
      const received = await receiver.receive(2);
      const senders = received.map(({ text, senderKey }) => [text, receiver.senderAddress(senderKey)]);
      expect(senders).toEqual([
        ['four', '127.0.0.1'],
        ['six', '::1'],
      ]);
      expect(receiver.senderAddress(99)).toBeUndefined();
    });

    test('takes datagrams of any length', async () => {
      const receiver = await openReceiver();
      const sender = await openSender('udp4');
      const property = fc.asyncProperty(fc.integer({ min: 0, max: 65_507 }), async (length) => {
        await send(sender, Buffer.alloc(length, length & 0xff), receiver.localPort);
        const [datagram] = await receiver.receive(1);
        expect(datagram?.length).toBe(length);
        expect(Buffer.from(datagram?.text ?? '', 'latin1')).toEqual(Buffer.alloc(length, length & 0xff));
      });
      await fc.assert(property, { numRuns: 50, examples: [[0], [65_507]] });
    });

    test('flags a datagram that was cut', async () => {
      const receiver = await openReceiver({ datagramOctetsMax: 10 });
      const sender = await openSender('udp4');
      for (const text of ['0123456789', '0123456789a', 'b']) {
        await send(sender, Buffer.from(text), receiver.localPort);
      }
      const received = await receiver.receive(3);
      expect(received.map(({ text, truncated }) => [text, truncated])).toEqual([
        ['0123456789', false],
        ['0123456789', true],
        ['b', false],
      ]);
      expect(receiver.statistics()).toMatchObject({ datagrams: 3, octets: 21, truncated: 1 });
    });

    test('says in one line why it cannot listen', async () => {
      const { localPort: port } = await openReceiver();
      const attempt = (options: Partial<DatagramReceiverOptions>) => openReceiver({ port, ...options });
      await expect(attempt({})).rejects.toMatchObject({
        code: 'port_busy',
        message: `cannot listen on udp/127.0.0.1:${port}: another process uses this port`,
      });
      await expect(attempt({ address: '192.0.2.99' })).rejects.toMatchObject({ code: 'address_unavailable' });
      await expect(attempt({ port: 0, interfaceName: 'nope0' })).rejects.toMatchObject({
        code: 'listen_failed',
      });
    });
  });
}

describe.skipIf(libcUnavailable() !== undefined)('a socket buffer', () => {
  test('that is full counts what it drops, to the datagram', async () => {
    const receiver = await openBatched({ address: '127.0.0.1', port: 0, receiveBufferOctets: 8192 });
    opened.push(receiver);
    const sender = await openSender('udp4');
    for (let i = 0; i < 100; i += 1) await send(sender, Buffer.alloc(1000), receiver.localPort);
    const dropped = receiver.statistics().kernelDrops ?? 0;
    expect(dropped).toBeGreaterThan(50);
    const received = await receiver.receive(100 - dropped);
    expect(received.length + dropped).toBe(100);
    expect(receiver.statistics()).toMatchObject({ datagrams: received.length, kernelDrops: dropped });
  });

  test('that stays empty gives 0 after the timeout', () => {
    const receiver = openDatagramReceiver({ address: '127.0.0.1', port: 0 });
    opened.push(receiver);
    expect(receiver.receive(1, () => {})).toBe(0);
    expect(receiver.statistics()).toMatchObject({ datagrams: 0, batches: 0 });
    receiver.close();
    expect(() => receiver.receive(0, () => {})).toThrow('the receiver is open');
    expect(receiver.statistics()).toMatchObject({ datagrams: 0, kernelDrops: 0 });
  });
});
