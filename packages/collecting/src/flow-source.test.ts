import { UserError } from '@weir/base';
import { describe, expect, test } from 'vitest';
import {
  createFlowSource,
  defaultFlowSources,
  FLOW_SOURCES_MAX,
  flowSourceOfListen,
  nextMonitoringPort,
  writtenFlowSourceSchema,
} from './flow-source.ts';
import { checkFlowSources, flowSourceBreaches } from './flow-source-check.ts';
import { acceptedVersions } from './flow-source-type.ts';
import { addressesCollide, formatSocketAddress, parseListen, parseSocketAddress } from './socket-address.ts';

describe('parseListen', () => {
  test.each([
    ['udp/0.0.0.0:4739', '0.0.0.0', 4739],
    ['Udp/127.0.0.1:0', '127.0.0.1', 0],
    ['udp/[::]:2055', '::', 2055],
    ['UDP/[2001:DB8:0:0:0:0:0:1]:65535', '2001:db8::1', 65535],
    ['udp/[fe80::1%eth0]:2055', 'fe80::1%eth0', 2055],
  ])('%s', (text, address, port) => {
    expect(parseListen(text)).toEqual({ transport: 'udp', address, port });
  });

  test('every transport', () => {
    expect(parseListen('Tcp/127.0.0.1:4739').transport).toBe('tcp');
    expect(parseListen('tls/[::1]:4740')).toEqual({ transport: 'tls', address: '::1', port: 4740 });
  });

  test.each([
    '',
    'udp',
    'udp/',
    'udp/4739',
    'udp/127.0.0.1',
    'udp/127.0.0.1:',
    'udp/127.0.0.1:65536',
    'udp/127.0.0.1:-1',
    'udp/127.0.0.256:1',
    'udp/[127.0.0.1]:1',
    'udp/::1:1',
    'udp/localhost:1',
    'sctp/127.0.0.1:1',
    ' udp/127.0.0.1:1',
    'udp/127.0.0.1:4739 ',
  ])('refuses "%s" in one line', (text) => {
    expect(() => parseListen(text)).toThrow(UserError);
    expect(() => parseListen(text)).toThrow(`--listen: found "${text}"; allowed: udp/IP:PORT`);
  });

  test('formatSocketAddress is its inverse', () => {
    for (const text of ['10.0.0.1:1', '[::1]:65535']) {
      const address = parseSocketAddress(`udp/${text}`);
      expect(address && formatSocketAddress(address)).toBe(text);
    }
  });
});

describe('flow sources', () => {
  test('the default ones listen on 2055 and 4739 and accept every version', () => {
    expect(
      defaultFlowSources().map(({ name, monitoringPort, type }) => [name, monitoringPort, type]),
    ).toEqual([
      ['default_Netflow', 2055, 'Any'],
      ['default_IPFIX', 4739, 'Any'],
    ]);
    expect(acceptedVersions('Any')).toEqual([1, 5, 7, 9, 10]);
    expect(acceptedVersions('NetFlow')).toEqual([1, 5, 7, 9]);
    expect(acceptedVersions('IPFIX')).toEqual([10]);
  });

  test('the next source of a type proposes the next free port', () => {
    const sources = defaultFlowSources();
    expect(nextMonitoringPort(sources, 'NetFlow v9')).toBe(2056);
    expect(nextMonitoringPort(sources, 'IPFIX')).toBe(4740);
    sources.push(createFlowSource({ name: 'b', monitoringPort: 2056 }));
    expect(nextMonitoringPort(sources, 'NetFlow v5')).toBe(2057);
    expect(nextMonitoringPort([], 'NetFlow v5')).toBe(2055);
  });

  test('--listen makes a source of every version, also on port 0', () => {
    const source = flowSourceOfListen(parseListen('udp/[::1]:0'));
    expect(source).toMatchObject({
      name: 'udp/[::1]:0',
      monitoringAddress: '::1',
      monitoringPort: 0,
      type: 'Any',
    });
  });

  test('createFlowSource names the parameter that is wrong', () => {
    expect(() => createFlowSource({ name: '', monitoringPort: 1 })).toThrow(
      /^flow source: name: allowed: 1 to 64/,
    );
  });

  test('the number of sources is bounded', () => {
    const many = Array.from({ length: FLOW_SOURCES_MAX + 1 }, (_, index) =>
      createFlowSource({ name: `s${index}`, monitoringPort: index + 1 }),
    );
    expect(checkFlowSources(many)?.message).toContain('at most 64');
    expect(checkFlowSources(many.slice(1))).toBeUndefined();
  });

  test.each([
    ['0.0.0.0', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['127.0.0.1', '127.0.0.1', true],
    ['::', '127.0.0.1', true],
    ['::1', '0.0.0.0', false],
    ['0:0:0:0:0:0:0:1', '::1', true],
  ])('%s and %s on one port: collide %s', (one, other, expected) => {
    expect(addressesCollide({ address: one, port: 5 }, { address: other, port: 5 })).toBe(expected);
    expect(addressesCollide({ address: one, port: 5 }, { address: other, port: 6 })).toBe(false);
  });
});

describe('a source that reads files', () => {
  test('needs no port, and takes none from others', () => {
    const source = writtenFlowSourceSchema.parse({ name: 'files', sourceFilePath: '/srv/flows' });
    expect(checkFlowSources([source, ...defaultFlowSources()])).toBeUndefined();
    expect(nextMonitoringPort([source], 'NetFlow')).toBe(2055);
    expect(writtenFlowSourceSchema.safeParse({ name: 'socket' }).success).toBe(false);
  });

  test('refuses what only sockets have, all of it', () => {
    const source = createFlowSource({
      name: 'files',
      monitoringPort: 1,
      sourceFilePath: '/srv/flows',
      transport: 'tcp',
      monitoringInterface: 'eth0',
      connections: {},
      forwarding: { enabled: true, destinations: ['192.0.2.1'] },
    });
    expect(flowSourceBreaches([source]).map(({ path }) => path.join('.'))).toEqual([
      '0.transport',
      '0.connections',
      '0.monitoringInterface',
      '0.forwarding.enabled',
    ]);
    expect(flowSourceBreaches([{ ...source, enabled: false }])).toEqual([]);
  });
});
