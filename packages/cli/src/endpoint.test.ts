import { UserError } from '@weir/base';
import { describe, expect, test } from 'vitest';
import { formatEndpoint, parseEndpoint, parseLocalEndpoint, parseUdpDestination } from './endpoint.ts';

describe('an endpoint', () => {
  test.each([
    ['192.0.2.1:2055', { address: '192.0.2.1', port: 2055 }],
    ['[2001:db8::1]:0', { address: '2001:db8::1', port: 0 }],
    ['localhost:65535', { address: '127.0.0.1', port: 65535 }],
  ])('%s is read, and written as it was', (text, endpoint) => {
    expect(parseEndpoint(text, '--http')).toEqual(endpoint);
    expect(parseEndpoint(formatEndpoint(endpoint), '--http')).toEqual(endpoint);
  });

  test.each([
    '',
    '192.0.2.1',
    '192.0.2.1:',
    '192.0.2.1:65536',
    '2001:db8::1:80',
    '[192.0.2.1]:80',
    'a.example:80',
  ])('%j is refused with the option and what is allowed', (text) => {
    expect(() => parseEndpoint(text, '--http')).toThrow(UserError);
    expect(() => parseEndpoint(text, '--http')).toThrow(`--http: '${text}' is not allowed (allowed: IP:PORT`);
  });

  test('of a port alone is on loopback', () => {
    expect(parseLocalEndpoint('9464', '--metrics')).toEqual({ address: '127.0.0.1', port: 9464 });
  });
});

describe('a destination', () => {
  test('has a protocol in any case', () => {
    expect(parseUdpDestination('Udp/[::1]:4739', '--to')).toEqual({ address: '::1', port: 4739 });
    expect(() => parseUdpDestination('Tcp/[::1]:4739', '--to')).toThrow('allowed: Udp/IP:PORT');
  });

  test('has a port, which is not 0', () => {
    expect(() => parseUdpDestination('udp/127.0.0.1:0', '--to')).toThrow('port from 1 to 65535');
  });
});
