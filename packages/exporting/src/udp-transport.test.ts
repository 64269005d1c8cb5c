import { expect, test } from 'vitest';
import { createUdpTransport } from './udp-transport.ts';

test('a collector to which no datagram can be sent is no open socket', async () => {
  // The broadcast address is refused when the socket is connected, as is every address before there is a route.
  const host = '255.255.255.255';
  const transport = createUdpTransport({ transport: 'Udp', host, family: 4, port: 9, text: `Udp/${host}:9` });
  await expect(transport.open()).rejects.toThrow(/EACCES/);
  await transport.close();
});
