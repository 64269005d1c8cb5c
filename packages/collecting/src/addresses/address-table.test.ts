import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePrefix, rangesOfPrefixes, type ValuedPrefix } from './address-ranges.ts';
import { type AddressTable, createAddressTable, findV4, findV6 } from './address-table.ts';

function tableOf(...texts: string[]): AddressTable {
  const prefixes = texts.map((text, index) => parsePrefix(text, index + 1)).filter((p) => p !== undefined);
  return createAddressTable(rangesOfPrefixes(prefixes));
}

function look(table: AddressTable, text: string): number {
  const { isV4, first } = parsePrefix(text, 1) ?? { isV4: true, first: 0n };
  return table.values[find(table, isV4, first)] ?? -1;
}

function find(table: AddressTable, isV4: boolean, address: bigint): number {
  if (isV4) return findV4(table, Number(address));
  const word = (shift: bigint) => Number((address >> shift) & 0xffffffffn);
  return findV6(table, word(96n), word(64n), word(32n), word(0n));
}

describe('address table', () => {
  test('finds the longest prefix', () => {
    const table = tableOf('10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', '0.0.0.0/0', '255.255.255.255/32');
    expect(look(table, '10.0.0.0')).toBe(1);
    expect(look(table, '10.1.2.2')).toBe(2);
    expect(look(table, '10.1.2.3')).toBe(3);
    expect(look(table, '10.1.2.4')).toBe(2);
    expect(look(table, '10.2.0.0')).toBe(1);
    expect(look(table, '11.0.0.0')).toBe(4);
    expect(look(table, '255.255.255.255')).toBe(5);
    expect(look(table, '::1')).toBe(0);
  });

  test('finds IPv6 inside and outside of 2000::/3', () => {
    const table = tableOf(
      '2001:db8::/32',
      '2001:db8:1::/48',
      'fd00::/8',
      'fd00::7',
      '::/0',
      '3fff:ffff::/32',
    );
    expect(look(table, '2001:db8::1')).toBe(1);
    expect(look(table, '2001:db8:1:ffff::')).toBe(2);
    expect(look(table, '2001:db8:2::')).toBe(1);
    expect(look(table, '2001:db9::')).toBe(5);
    expect(look(table, 'fd00::6')).toBe(3);
    expect(look(table, 'fd00::7')).toBe(4);
    expect(look(table, 'fd00::8')).toBe(3);
    expect(look(table, '3fff:ffff::1')).toBe(6);
    expect(look(table, '4000::')).toBe(5);
  });

  test('refuses what is no prefix', () => {
    for (const text of [
      '',
      '10.0.0.0/33',
      '10.0.0',
      '2001:db8::/129',
      'host',
      '10.0.0.0/-1',
      '1.2.3.4/8/8',
    ]) {
      expect(parsePrefix(text, 1)).toBeUndefined();
    }
  });

  test('answers as a search through all prefixes does', () => {
    const prefix = fc.record({
      isV4: fc.boolean(),
      bits: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
      few: fc.boolean(),
      length: fc.nat(128),
      value: fc.integer({ min: 1, max: 1000 }),
    });
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 30 }), fc.array(prefix, { minLength: 5 }), (made, asked) => {
        const prefixes = made.map(normalise);
        const table = createAddressTable(rangesOfPrefixes(prefixes));
        for (const { isV4, first } of [...prefixes, ...asked.map(normalise)]) {
          for (const address of [first, first + 1n, first === 0n ? 0n : first - 1n]) {
            if (address >= 1n << (isV4 ? 32n : 128n)) continue;
            expect(table.values[find(table, isV4, address)]).toBe(naive(prefixes, isV4, address));
          }
        }
      }),
    );
  });
});

/** `few`: addresses close to each other, so that prefixes nest. */
function normalise(made: { isV4: boolean; bits: bigint; few: boolean; length: number; value: number }) {
  const width = made.isV4 ? 32 : 128;
  const length = made.length % (width + 1);
  const host = BigInt(width - length);
  const base = made.isV4 ? 0x0a000000n : 0x20010db8n << 96n;
  const bits = made.few ? base | (made.bits & 0xffn) : made.bits & ((1n << BigInt(width)) - 1n);
  return { isV4: made.isV4, first: (bits >> host) << host, length, value: made.value };
}

function naive(prefixes: readonly ValuedPrefix[], isV4: boolean, address: bigint): number {
  let best: ValuedPrefix | undefined;
  for (const prefix of prefixes) {
    const host = BigInt((isV4 ? 32 : 128) - prefix.length);
    if (prefix.isV4 !== isV4 || address >> host !== prefix.first >> host) continue;
    if (best === undefined || prefix.length >= best.length) best = prefix;
  }
  return best?.value ?? 0;
}
