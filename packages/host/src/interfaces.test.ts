import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { captureCapability, socketBufferLimits } from './capability.ts';
import { chooseInterfaces, listInterfaces, type NetworkInterface } from './interfaces.ts';
import { LINKTYPE_ETHERNET } from './link-type.ts';
import { openPacketRing } from './packet-ring.ts';

function anInterface(name: string, properties: Partial<NetworkInterface> = {}): NetworkInterface {
  return {
    name,
    interfaceIndex: 1,
    hardwareAddress: undefined,
    addresses: [],
    mtu: 1500,
    linkType: LINKTYPE_ETHERNET,
    up: true,
    loopback: false,
    master: undefined,
    kind: undefined,
    ...properties,
  };
}

describe('the interfaces of this machine', () => {
  test('include every one that has an address, with its addresses', () => {
    const listed = new Map(listInterfaces().map((entry) => [entry.name, entry]));
    for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
      expect(listed.get(name)?.addresses).toEqual(addresses.map(({ address }) => address));
      expect(listed.get(name)?.up).toBe(true);
      expect(listed.get(name)?.loopback).toBe(addresses.some(({ internal }) => internal));
    }
  });

  test.skipIf(process.platform !== 'linux')('have an index and an MTU (Linux)', () => {
    for (const { interfaceIndex, mtu } of listInterfaces()) {
      expect(interfaceIndex).toBeGreaterThan(0);
      expect(mtu).toBeGreaterThan(0);
    }
  });
});

describe('the default choice', () => {
  test('meters no packet twice, and says why it leaves an interface out', () => {
    const { chosen, skipped } = chooseInterfaces([
      anInterface('lo', { loopback: true }),
      anInterface('eth0'),
      anInterface('eth0.5', { kind: 'vlan' }),
      anInterface('br0', { kind: 'bridge' }),
      anInterface('veth1', { master: 'br0' }),
      anInterface('eth1', { up: false }),
      anInterface('wg0', { kind: 'wireguard' }),
    ]);
    expect(chosen.map(({ name }) => name)).toEqual(['lo', 'eth0', 'br0', 'wg0']);
    expect(skipped).toEqual([
      { name: 'eth0.5', reason: 'its traffic is seen on its parent (vlan)' },
      { name: 'veth1', reason: 'its traffic is seen on br0' },
      { name: 'eth1', reason: 'it is down' },
    ]);
  });

  test('is bounded', () => {
    const { chosen, skipped } = chooseInterfaces(
      ['a', 'b', 'c'].map((name) => anInterface(name)),
      2,
    );
    expect(chosen.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(skipped).toEqual([{ name: 'c', reason: 'at most 2 are metered unless named' }]);
  });
});

describe('capabilities', () => {
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  test.skipIf(!isRoot)(
    'name what an unprivileged process lacks, and how to grant it (root, to drop it)',
    () => {
      const nobody = 65_534;
      process.seteuid?.(nobody);
      try {
        const denied = captureCapability();
        expect(denied).toMatchObject({ allowed: false });
        if (denied.allowed) return;
        expect(denied.missing).toContain('CAP_NET_RAW');
        expect(denied.howToGrant).toMatch(/sudo setcap cap_net_raw\+ep \/.*node/);
        expect(() => openPacketRing({ interfaceName: 'lo' })).toThrow(
          `cannot capture packets: ${denied.missing}; ${denied.howToGrant}`,
        );
        expect(socketBufferLimits().mayExceed).toBe(false);
      } finally {
        process.seteuid?.(0);
      }
    },
  );

  test.skipIf(process.platform !== 'linux')('include the limits of socket buffers (Linux)', () => {
    const { receiveMaxOctets } = socketBufferLimits();
    if (receiveMaxOctets !== undefined) expect(receiveMaxOctets).toBeGreaterThan(0);
  });
});
