import { describe, expect, test } from 'vitest';
import { createOwnTraffic } from './own-traffic.ts';

const collector = { remoteAddress: '192.0.2.1', remotePort: 4739, localAddress: '192.0.2.9' };
const tcp = (localPort: number) => ({ ...collector, protocol: 6, localPort });
const ports = (sockets: readonly { localPort?: number }[] | undefined) =>
  sockets?.map(({ localPort }) => localPort);

describe('own traffic', () => {
  test('tells of sockets that are new, and not of those that it told', () => {
    const own = createOwnTraffic();
    expect(own.update([])).toBeUndefined();
    expect(own.update([tcp(1), tcp(2)])).toEqual([
      { protocol: 6, localPort: 1, remotePort: 4739 },
      { protocol: 6, localPort: 2, remotePort: 4739 },
    ]);
    expect(own.update([tcp(2), tcp(1)])).toBeUndefined();
    expect(own.update([])).toBeUndefined();
  });

  test('remembers 64 sockets that are no longer open, beside all that are', () => {
    const own = createOwnTraffic();
    for (let port = 1; port <= 100; port += 1) own.update([tcp(port)]);
    expect(ports(own.sockets)).toEqual(Array.from({ length: 65 }, (_, index) => 36 + index));
    const open = Array.from({ length: 200 }, (_, index) => tcp(1000 + index));
    expect(ports(own.update(open))).toHaveLength(264);
  });
});
