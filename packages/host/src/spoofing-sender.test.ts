import { createSocket, type RemoteInfo } from 'node:dgram';
import { expect, test } from 'vitest';
import { captureCapability } from './capability.ts';
import { openSpoofingSender } from './spoofing-sender.ts';

const { allowed } = captureCapability('ring');

test.skipIf(!allowed)('datagrams arrive from the address that was said (needs CAP_NET_RAW)', async () => {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const received: [string, RemoteInfo][] = [];
  socket.on('message', (message, from) => void received.push([message.toString(), from]));
  const sender = openSpoofingSender({ address: '127.0.0.1', port: socket.address().port });
  // The kernel checks the checksum of what arrives: octets in odd and even number, and none.
  const texts = ['', 'a', 'ab', 'x'.repeat(1401)];
  for (const text of texts) sender.send(Buffer.from(text), '127.0.0.9', 2055);
  sender.send(new Uint8Array(65_530), '127.0.0.9', 2055);
  while (received.length < texts.length) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(received.map(([text]) => text)).toEqual(texts);
  expect(received.map(([, { address, port }]) => `${address}:${port}`)).toEqual(
    Array(4).fill('127.0.0.9:2055'),
  );
  expect(sender.statistics()).toEqual({
    sent: 4,
    sentOctets: 1404,
    refused: 0,
    failed: 1,
    latestError: 'EMSGSIZE',
  });
  sender.close();
  await new Promise<void>((resolve) => void socket.close(() => resolve()));
});
