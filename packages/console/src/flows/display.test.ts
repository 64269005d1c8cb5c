import { describe, expect, test } from 'vitest';
import { displayKey, displayValue } from './dimension.ts';
import { isDropped } from './flow-columns.tsx';
import { serviceName } from './service-name.ts';
import { tcpFlagNames } from './tcp-flags.ts';

test('values read as people say them', () => {
  expect(displayValue('protocol', 6)).toEqual({ text: 'TCP' });
  expect(displayValue('protocol', 253)).toEqual({ text: 'protocol 253' });
  expect(displayValue('dstPort', 443)).toEqual({ text: '443', hint: 'https' });
  expect(displayValue('dstPort', 49_999)).toEqual({ text: '49999' });
  expect(displayValue('direction', 1)).toEqual({ text: 'egress' });
  expect(displayValue('srcAddr', null)).toEqual({ text: 'not exported' });
  expect(displayKey(['srcAddr', 'dstPort'], ['10.0.0.1', 53])).toBe('10.0.0.1 → 53 dns');
});

test('flags as letters and in words', () => {
  expect(displayValue('tcpFlags', 0x12)).toEqual({ text: '...A..S.' });
  expect(tcpFlagNames(0x12)).toBe('SYN, ACK');
  expect(tcpFlagNames(0)).toBe('no TCP flag');
});

describe('dropped', () => {
  test.each([
    [{ forwardingStatus: 0x80 }, true],
    [{ forwardingStatus: 0x8b }, true],
    [{ firewallEvent: 3 }, true],
    [{ forwardingStatus: 0x40 }, false],
    [{ forwardingStatus: null, firewallEvent: 1 }, false],
    [{}, false],
  ])('%o is %s', (record, dropped) => {
    expect(isDropped(record)).toBe(dropped);
  });
});

test('a port says what usually listens there', () => {
  expect(serviceName(4739)).toBe('ipfix');
  expect(serviceName(1)).toBeUndefined();
});
