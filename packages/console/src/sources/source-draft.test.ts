import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inputOf, listOf, parameterOf, parameterText, withParameter, withTransport } from './source-draft.ts';

const SOURCE = {
  name: 'core',
  type: 'NetFlow v9',
  transport: 'udp',
  forwarding: { enabled: false, port: 1025 },
};
const path = fc
  .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
  .map((names) => names.join('.'));

describe('a draft of a flow source', () => {
  test('a parameter that was set is read back, and the rest stays', () => {
    fc.assert(
      fc.property(path, fc.oneof(fc.integer(), fc.string(), fc.boolean()), (where, value) => {
        const before = structuredClone(SOURCE);
        const next = withParameter(SOURCE, where, value);
        expect(parameterOf(next, where)).toBe(value);
        expect(parameterOf(next, 'forwarding.port')).toBe(1025);
        expect(SOURCE).toEqual(before);
        expect(withParameter(next, where, undefined)).toEqual(SOURCE);
      }),
    );
  });

  test('another transport takes away what has no effect over it', () => {
    const tls = withTransport({ ...SOURCE, monitoringInterface: 'eth0' }, 'tls');
    expect(tls).toMatchObject({
      transport: 'tls',
      type: 'IPFIX',
      monitoringInterface: 'any',
      tls: { certificate: '', key: '' },
    });
    const udp = withTransport({ ...tls, connections: { max: 3 } }, 'udp');
    expect(udp).not.toHaveProperty('tls');
    expect(udp).not.toHaveProperty('connections');
  });

  test('reads well', () => {
    expect(inputOf({ monitoringPort: 4739, monitoringAddress: '::', transport: 'tcp' })).toBe(
      'tcp/[::]:4739',
    );
    expect(inputOf({ monitoringPort: 1, sourceFilePath: '/var/in' })).toBe('file /var/in');
    expect([undefined, true, [], ['a', 'b'], { x: 1 }, 7].map(parameterText)).toEqual([
      'nothing',
      'yes',
      'nothing',
      'a, b',
      '{"x":1}',
      '7',
    ]);
    expect(listOf(' a, b\n\nc ')).toEqual(['a', 'b', 'c']);
  });
});
